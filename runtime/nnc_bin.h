/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers with binary weights, by tables that hold still while the weights pass by.
 *
 * A binary value is a bit, 1 for -1 and 0 for +1, of a word of 32 channels. For a block of output
 * pixels and each group of four input channels a table has 16 entries, one for each pattern of four
 * weight bits: the pixels' partial sums with those weights, side by side in the lanes of words. A
 * step of the inner loop takes four bits of weights and adds one entry, for 16 pixels of binary
 * activations (lanes of 8 bits, which hold counts of mismatches) or 8 pixels of int8 ones (lanes of
 * 16 bits). The lanes are flushed into wider ones before they can overflow; the compiler says when.
 *
 * Word i of an entry serves the pixels i, i + 4, i + 8 and i + 12 of a block (or i and i + 4), and
 * the words after the fourth those that other columns of the kernel need: a column's four words are
 * next to each other, so one table serves them all. Each input row is tabulated once and added to
 * all output rows that it touches.
 */
#ifndef NNC_BIN_H
#define NNC_BIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A schedule says how the weights of one channel pass by one table: for each column of the kernel
 * or part of it an entry, which is the sum of
 * - how many words of weights (below 256),
 * - NNC_BIN_HALF if one more word follows of which only the low 16 bits count,
 * - NNC_BIN_FLUSH if the lanes must be flushed after it, and NNC_BIN_END (with that) if it is the
 *   last one,
 * - in the upper 16 bits, as a signed number, how many bytes to go on in the table before it; for
 *   the first entry, from where the last one ended to the table's start. */
#define NNC_BIN_END 0x2000U
#define NNC_BIN_HALF 0x4000U
#define NNC_BIN_FLUSH 0x8000U

/* The windows of an image with few channels, whose numbers are put next to each other: then they are
 * the channels of a pixel, and the convolution that follows has a kernel of one pixel. */
typedef struct {
    int32_t in_height;
    int32_t in_width;
    int32_t in_channels;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_y;
    int32_t stride_x;
    int32_t dilation_y;
    int32_t dilation_x;
    int32_t pad_top;
    int32_t pad_left;
} nnc_bin_patches;

/* The geometry of a convolution. */
typedef struct {
    int32_t batches;
    int32_t in_height;
    int32_t in_width;
    int32_t in_bytes; /* of a pixel */
    int32_t out_height;
    int32_t out_width;
    int32_t out_channels;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_y;
    int32_t stride_x;
    int32_t dilation_y;
    int32_t pad_top;
    int32_t pad_left;
    int32_t groups;
    int32_t depth;     /* input channels of a group: a multiple of 8 where there are several */
    int32_t chunk;     /* input channels of a table: a multiple of 32, but in the last chunk */
    int32_t live_rows; /* output rows that are accumulated at a time */
    int32_t lanes_x;   /* how many lanes of a word are beside each other in the image, not below */
    int32_t unit;      /* what a mismatch counts: 1, or 2 where half a padded one is odd */
    int32_t words;     /* of a table's entry that are used */
    int32_t zero_point;     /* of int8 activations */
    const uint8_t *padding; /* a group of a padded pixel, or NULL where it counts half */
    const int16_t *sums;    /* with them, the sum of the weights of each row of the kernel for each
                             * output channel, or NULL where no row is ever outside the image */
    const uint8_t *columns; /* for each, the first lane's column of the input, before strides */
    const uint32_t *schedule;
    const uint32_t *last_schedule; /* of the last chunk */
    const nnc_bin_patches *patches; /* what makes the pixels, or NULL where they are the input's */
} nnc_bin_geometry;

/* ---- the inner loops: entries of 4, 8 or 16 words ---- */

/* Adds the weights of `channels` output channels to their accumulators of 8 words: for each word of
 * an entry, first the even and then the odd ones of its four lanes, two in a word. */
void nnc_bin_lut4(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                  const uint32_t *schedule, int32_t channels);
void nnc_bin_lut8(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                  const uint32_t *schedule, int32_t channels);
void nnc_bin_lut16(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                   const uint32_t *schedule, int32_t channels);
/* With entries of 8 words, for kernels of three columns whose words are one after the other: the
 * weights of the three lie next to each other, and the schedule's first entry has their number. */
void nnc_bin_lut8x3(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                    const uint32_t *schedule, int32_t channels);

/* One word of every entry of a table, for four pixels of so many binary channels. `inside` has
 * `unit` in the lanes of pixels that lie in the image, `outside` 1 in those that do not. */
void nnc_bin_table4(uint32_t *table, const uint8_t *const pixels[4], int32_t channels,
                    uint32_t inside, uint32_t outside, int32_t unit);
void nnc_bin_table8(uint32_t *table, const uint8_t *const pixels[4], int32_t channels,
                    uint32_t inside, uint32_t outside, int32_t unit);
void nnc_bin_table16(uint32_t *table, const uint8_t *const pixels[4], int32_t channels,
                     uint32_t inside, uint32_t outside, int32_t unit);

/* ---- the same for int8 activations ---- */

/* As nnc_bin_lut*, with two lanes of 16 bits: for each word of an entry, the accumulators are the
 * sums of its low and of its high lane. */
void nnc_i8bin_lut4(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                    const uint32_t *schedule, int32_t channels);
void nnc_i8bin_lut8(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                    const uint32_t *schedule, int32_t channels);
void nnc_i8bin_lut16(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                     const uint32_t *schedule, int32_t channels);
void nnc_i8bin_lut8x3(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators,
                      const uint32_t *schedule, int32_t channels);

/* One word of every entry of a table, for two pixels of so many int8 channels. */
void nnc_i8bin_table4(uint32_t *table, const int8_t *low, const int8_t *high,
                      int32_t channels);
void nnc_i8bin_table8(uint32_t *table, const int8_t *low, const int8_t *high,
                      int32_t channels);
void nnc_i8bin_table16(uint32_t *table, const int8_t *low, const int8_t *high,
                       int32_t channels);

/* ---- convolutions of binary activations ----
 *
 * The name ends in the words of a table's entry. Weights are packed in the order of groups, chunks,
 * kernel rows, output channels of the group, kernel columns, words; those of `8x3`, for kernels of
 * three columns, with words before columns. `scratch` are the table, then live_rows * out_channels
 * accumulators of 32 bytes. */

/* Binary outputs: bit 15 of start[channel] + mismatches. */
void nnc_bin_conv_bin_4(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const int16_t *start, int32_t *output, void *table, void *accumulators);
void nnc_bin_conv_bin_8(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const int16_t *start, int32_t *output, void *table, void *accumulators);
void nnc_bin_conv_bin_8x3(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const int16_t *start, int32_t *output, void *table, void *accumulators);
void nnc_bin_conv_bin_16(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                         const int16_t *start, int32_t *output, void *table, void *accumulators);

/* ---- outputs that are made of a sum: base[channel] and what was accumulated ---- */

/* clamp((sum * multiplier + constant) >> shift) on 64 bits, with the constants of the channel
 * (`step` is 1) or of all channels (0). Where there is no such formula, the constant is NULL, the
 * multiplier and shift are those of a fixed-point number, and `single` says how the product is
 * rounded (else twice) before the zero point is added. */
typedef struct {
    const int32_t *base;
    const int32_t *multiplier;
    const int64_t *constant;
    const int32_t *shift;
    int32_t step;
    int32_t low;
    int32_t high;
    int32_t single;
    int32_t zero_point;
} nnc_bin_requantization;

/* clamp((round((it << left) * multiplier / 2^32) + offset + below) >> fraction), rounded half up,
 * where `below` counts only if `it` is negative, and not at all without `parts`. Constants are multiplier,
 * offset and below of each channel (`step` is 3) or of all channels (0). Nothing but the product
 * leaves 32 bits.
 *
 * For int8 activations, `it` is the sum, which starts at base[channel], and the fraction has 16
 * bits. For binary ones `it` is start[channel] + mismatches - 32768, `left` is 16, and the fraction
 * has 12 bits. */
typedef struct {
    const int32_t *base;
    const int16_t *start;
    const int32_t *constants;
    int32_t step;
    int32_t left;
    int32_t parts;
    int32_t low;
    int32_t high;
} nnc_bin_fixed;

/* The sum as a float, times a scale (NULL is 1) of the channel (`step` is 1) or of all channels
 * (0), and clamped to the two bounds. */
typedef struct {
    const int32_t *base;
    const float *bounds;
    const float *scale;
    int32_t step;
} nnc_bin_scaling;

void nnc_bin_conv_s8_4(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                       const nnc_bin_requantization *requantization, int8_t *output, void *table,
                       void *accumulators);
void nnc_bin_conv_s8_8(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                       const nnc_bin_requantization *requantization, int8_t *output, void *table,
                       void *accumulators);
void nnc_bin_conv_s8_8x3(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output, void *table,
                         void *accumulators);
void nnc_bin_conv_s8_16(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const nnc_bin_requantization *requantization, int8_t *output, void *table,
                        void *accumulators);

void nnc_bin_conv_fixed_4(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const nnc_bin_fixed *requantization, int8_t *output, void *table,
                          void *accumulators);
void nnc_bin_conv_fixed_8(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const nnc_bin_fixed *requantization, int8_t *output, void *table,
                          void *accumulators);
void nnc_bin_conv_fixed_8x3(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                            const nnc_bin_fixed *requantization, int8_t *output, void *table,
                            void *accumulators);
void nnc_bin_conv_fixed_16(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                           const nnc_bin_fixed *requantization, int8_t *output, void *table,
                           void *accumulators);

void nnc_bin_conv_f32_4(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const nnc_bin_scaling *scaling, float *output, void *table,
                        void *accumulators);
void nnc_bin_conv_f32_8(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const nnc_bin_scaling *scaling, float *output, void *table,
                        void *accumulators);
void nnc_bin_conv_f32_8x3(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const nnc_bin_scaling *scaling, float *output, void *table,
                          void *accumulators);
void nnc_bin_conv_f32_16(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                         const nnc_bin_scaling *scaling, float *output, void *table,
                         void *accumulators);

/* ---- convolutions of int8 activations ----
 *
 * Activations count as they are stored: the bias has the zero point folded in. Binary outputs are
 * set where the sum, which starts at the bias, is negative; the base of others is the bias.
 *
 * Those of `patch` are for few channels: their pixels are g->patches, of at most 255 numbers. The
 * table, of entries of 4 words, is followed by two of them. */

void nnc_i8bin_conv_bin_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const int32_t *bias, int32_t *output, void *table,
                          void *accumulators);
void nnc_i8bin_conv_bin_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const int32_t *bias, int32_t *output, void *table,
                          void *accumulators);
void nnc_i8bin_conv_bin_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const int32_t *bias, int32_t *output, void *table,
                            void *accumulators);
void nnc_i8bin_conv_bin_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                           const int32_t *bias, int32_t *output, void *table,
                           void *accumulators);
void nnc_i8bin_conv_bin_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                              const int32_t *bias, int32_t *output, void *table,
                              void *accumulators);

void nnc_i8bin_conv_s8_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output, void *table,
                         void *accumulators);
void nnc_i8bin_conv_s8_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output, void *table,
                         void *accumulators);
void nnc_i8bin_conv_s8_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                           const nnc_bin_requantization *requantization, int8_t *output, void *table,
                           void *accumulators);
void nnc_i8bin_conv_s8_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const nnc_bin_requantization *requantization, int8_t *output, void *table,
                          void *accumulators);
void nnc_i8bin_conv_s8_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                             const nnc_bin_requantization *requantization, int8_t *output, void *table,
                             void *accumulators);

void nnc_i8bin_conv_fixed_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const nnc_bin_fixed *requantization, int8_t *output, void *table,
                            void *accumulators);
void nnc_i8bin_conv_fixed_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const nnc_bin_fixed *requantization, int8_t *output, void *table,
                            void *accumulators);
void nnc_i8bin_conv_fixed_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                              const nnc_bin_fixed *requantization, int8_t *output, void *table,
                              void *accumulators);
void nnc_i8bin_conv_fixed_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                             const nnc_bin_fixed *requantization, int8_t *output, void *table,
                             void *accumulators);
void nnc_i8bin_conv_fixed_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                                const nnc_bin_fixed *requantization, int8_t *output, void *table,
                                void *accumulators);

void nnc_i8bin_conv_f32_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const nnc_bin_scaling *scaling, float *output, void *table,
                          void *accumulators);
void nnc_i8bin_conv_f32_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const nnc_bin_scaling *scaling, float *output, void *table,
                          void *accumulators);
void nnc_i8bin_conv_f32_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const nnc_bin_scaling *scaling, float *output, void *table,
                            void *accumulators);
void nnc_i8bin_conv_f32_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                           const nnc_bin_scaling *scaling, float *output, void *table,
                           void *accumulators);
void nnc_i8bin_conv_f32_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                              const nnc_bin_scaling *scaling, float *output, void *table,
                              void *accumulators);

#ifdef __cplusplus
}
#endif

#endif /* NNC_BIN_H */
