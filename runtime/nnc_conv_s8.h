/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 convolutions in blocks of four pixels and two channels.
 */
#ifndef NNC_CONV_S8_H
#define NNC_CONV_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a block is computed and where it goes, in the order in which assembly reads it: the window is
 * read to `middle` eight steps at a time, to `end` two. */
typedef struct {
    const uint32_t *middle, *end;
    int8_t *to;
    int32_t pixel; /* bytes from an output pixel to the next */
    const int32_t *bias, *formulas;
    int32_t formula_bytes; /* from a channel's formula to the next */
    int32_t out_min, out_max;
} nnc_conv_s8_target;

/* A block of two channels of four pixels. With `fix`, the requantisation rounds twice and no shift
 * is 0; `each` is for layers some of whose shifts are. With `clamp`, outputs are clamped to less
 * than their type. */
typedef void nnc_conv_s8_block(const int32_t *weights, const uint32_t *window,
                               const nnc_conv_s8_target *target);

nnc_conv_s8_block nnc_conv_s8_block_plain, nnc_conv_s8_block_fix, nnc_conv_s8_block_clamp,
    nnc_conv_s8_block_fix_clamp, nnc_conv_s8_block_each;

typedef struct {
    int32_t batches, in_height, in_width, in_channels;
    int32_t out_height, out_width, out_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x, dilation_y, dilation_x;
    int32_t pad_top, pad_left;
    int32_t row_depth;  /* products of a kernel's row, rounded up to a multiple of 4 */
    int32_t depth;      /* of all rows */
    int32_t zero_point; /* of the input: what a padded position holds */
    int32_t out_min, out_max;
    int32_t fix; /* 1 if the requantisation rounds twice, else 0 */
    nnc_conv_s8_block *block;
} nnc_conv_s8_layer;

/* output = clamp((((2 * acc * multiplier + constant) >> 32) - below) >> shift) on 64 bits, where
 * acc, of less than 31 bits, is bias[o] plus the products of an output. The bias has the input's
 * zero point folded in, and padded positions count as that zero point. `below` is 1 if the
 * requantisation rounds twice, acc is negative and the shift is not 0, else 0. `formulas` has four
 * words for each output, or for all of them, which formula_step, 4 or 0, tells: the multiplier, the
 * shift, the constant's lower and its upper word.
 *
 * weights: for each pair of output channels a and b, for each four products k of a row, two words. The first
 * has a[k] + 256 * b[k] in its lower and a[k + 2] + 256 * b[k + 2] in its upper half, the second
 * the same of k + 1 and k + 3. Every b is at least -127, and 128 * sum(|b|) is below 2^23.
 *
 * window: 8 * depth bytes, aligned to 4. patch: depth bytes; unused where in_channels is a multiple
 * of 4. */
void nnc_conv_s8(const nnc_conv_s8_layer *layer, const int8_t *input, const int32_t *weights,
                 const int32_t *bias, const int32_t *formulas, int32_t formula_step,
                 int8_t *output, int8_t *window, int8_t *patch);

#ifdef __cplusplus
}
#endif

#endif /* NNC_CONV_S8_H */
