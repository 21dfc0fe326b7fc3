/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 depthwise convolutions, four channels at a time.
 */
#ifndef NNC_DEPTHWISE_S8_H
#define NNC_DEPTHWISE_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batches, in_height, in_width, channels;
    int32_t out_height, out_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x, dilation_y, dilation_x;
    int32_t pad_top, pad_left;
    int32_t in_offset; /* added to each input: minus its zero point */
    int32_t out_min, out_max;
    int32_t fix; /* as in nnc_conv_s8.h */
} nnc_depthwise_s8_layer;

/* One output channel for each input channel, of which there is a multiple of 4. Requantises as
 * nnc_conv_s8 does, of acc = bias[c] plus the products of (input + in_offset) and weight; padded
 * positions have no product. weights: [kernel_height][kernel_width][channels]. Input and output may
 * overlap as far as reading and writing pixel by pixel, in order, allows. */
void nnc_depthwise_s8(const nnc_depthwise_s8_layer *layer, const int8_t *input,
                      const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                      const int64_t *constant, const int32_t *shift, int32_t requant_step,
                      int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* NNC_DEPTHWISE_S8_H */
