/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 depthwise convolutions, line by line of one channel.
 */
#ifndef NNC_DEPTHWISE_S8_H
#define NNC_DEPTHWISE_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What one channel is requantised with, in the order in which assembly reads it. */
typedef struct {
    int32_t sum2; /* twice the bias */
    int32_t out_pixel;
    int32_t formula[4];
    int32_t out_min, out_max;
} nnc_depthwise_s8_channel;

/* Outputs of a line with a 3x3 kernel: in blocks of four until the words end, and the rest. */
typedef void nnc_depthwise_s8_blocks(const uint32_t *words, int8_t *to,
                                     const nnc_depthwise_s8_channel *channel,
                                     const uint32_t *weights, const uint32_t *end, int32_t rest);

/* For strides of 1 and 2 along lines; with `fix` where every channel is to be corrected, and with
 * `clamp` where outputs are clamped to less than their type. */
nnc_depthwise_s8_blocks nnc_depthwise_3x3_s1, nnc_depthwise_3x3_s1_fix, nnc_depthwise_3x3_s1_clamp,
    nnc_depthwise_3x3_s1_fix_clamp, nnc_depthwise_3x3_s2, nnc_depthwise_3x3_s2_fix,
    nnc_depthwise_3x3_s2_clamp, nnc_depthwise_3x3_s2_fix_clamp;

/* The lines of an image are its rows, or its columns where those need fewer blocks of four outputs.
 * All steps are in bytes. A dilated kernel is one with zeros in between. */
typedef struct {
    int32_t batches, channels;
    int32_t in_lines, in_length, in_line, in_pixel;
    int32_t out_lines, out_length, out_line, out_pixel;
    int32_t kernel_lines, kernel_length, weight_line, weight_tap;
    int32_t dilation_lines, dilation_length;
    int32_t stride_lines, stride_length;
    int32_t pad_lines, pad_length; /* in front of the first line and of a line's first pixel */
    int32_t line_words;            /* of one channel and line in the ring; even */
    int32_t zero_point;            /* of the input: what a padded position holds */
    int32_t out_min, out_max;
    int32_t fix;                     /* as in nnc_conv_s8.h */
    nnc_depthwise_s8_blocks *blocks; /* null for a kernel that is not 3x3 */
} nnc_depthwise_s8_layer;

/* One output channel for each input channel. Requantises as nnc_conv_s8 does, of acc = bias[c] plus
 * the products of a window; the bias has the input's zero point folded in, and padded positions
 * count as that zero point. weights: [rows][columns][channels].
 *
 * Four channels at a time are read, in lines, and written. A line of outputs is written when all
 * lines of its windows have been read, so the output may be where the input is if its pixels never
 * come before those that have been read.
 *
 * With E and F the extents of the kernel, dilated, across and along lines, and P = F / 2 + 1: the
 * ring has 16 * (E * line_words + 2 * E * P) + 128 bytes, aligned to 4. A line has the words for
 * out_length outputs, rounded up to a multiple of 4, and P more. */
void nnc_depthwise_s8(const nnc_depthwise_s8_layer *layer, const int8_t *input,
                      const int8_t *weights, const int32_t *bias, const int32_t *formulas,
                      int32_t formula_step, int8_t *output, int8_t *ring);

#ifdef __cplusplus
}
#endif

#endif /* NNC_DEPTHWISE_S8_H */
