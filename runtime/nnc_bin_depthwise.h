/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolutions of binary activations with binary weights, one output channel for each
 * input channel: mismatches of 32 channels are counted at once, in planes of bits. All that is read
 * and done depends on shapes alone.
 */
#ifndef NNC_BIN_DEPTHWISE_H
#define NNC_BIN_DEPTHWISE_H

#include "nnc_bin.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batches;
    int32_t in_height;
    int32_t in_width;
    int32_t channels;
    int32_t out_height;
    int32_t out_width;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_y;
    int32_t stride_x;
    int32_t dilation_y;
    int32_t dilation_x;
    int32_t pad_top;
    int32_t pad_left;
    int32_t pad_value;    /* what a padded position counts as: 0, -1 or +1 */
    int32_t count_planes; /* bits of a count: 1 to 15 */
    int32_t limit_planes; /* bits of the numbers that are compared, the sign included */
} nnc_bin_depthwise;

/* Weights are, for each position of the kernel, the words of all channels. With t positions that
 * count and m mismatches a sum is bias + t - 2 m. Binary outputs are set where it is negative: limits
 * are the biases, for each 32 channels limit_planes words of their bits in two's complement. The base
 * of numbers is the bias. Those of `fixed` have a fraction of 12 bits. */
void nnc_bin_depthwise_bin(const nnc_bin_depthwise *d, const int32_t *input,
                           const int32_t *weights, const int32_t *limits, int32_t *output);
void nnc_bin_depthwise_fixed(const nnc_bin_depthwise *d, const int32_t *input,
                             const int32_t *weights, const nnc_bin_fixed *requantization,
                             int8_t *output);
void nnc_bin_depthwise_s8(const nnc_bin_depthwise *d, const int32_t *input,
                          const int32_t *weights, const nnc_bin_requantization *requantization,
                          int8_t *output);
void nnc_bin_depthwise_f32(const nnc_bin_depthwise *d, const int32_t *input,
                           const int32_t *weights, const nnc_bin_scaling *scaling, float *output);

#ifdef __cplusplus
}
#endif

#endif /* NNC_BIN_DEPTHWISE_H */
