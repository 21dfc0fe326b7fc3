/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers with binary weights for cores with Helium: convolutions and dense layers of binary and of
 * int8 activations.
 *
 * A binary value is a bit, 1 for -1 and 0 for +1, of a word of 32 channels. Convolutions work in tiles of
 * 64 output pixels: 16 strips of 4 pixels beside each other, anywhere in the output. For a row of the
 * kernel and a word of input channels a table has, for each group of four channels and each pattern
 * of four weight bits, the 64 partial dot products as signed bytes. A step of the inner loop takes
 * four bits of weights and adds four vectors. The bytes are flushed into 16 bits before they can
 * overflow.
 *
 * Word j of a strip's entry serves pixel j, and the words after the fourth those pixels that other
 * columns of the kernel see: each column's four words are next to each other.
 *
 * Without Helium the same functions compute the same in plain C, from the same packed weights.
 */
#ifndef NNC_BIN_MVE_H
#define NNC_BIN_MVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of scratch: the table, the places of a tile's strips, and for each output channel the sums. */
#define NNC_BIN_MVE_TABLE_BYTES 16384
#define NNC_BIN_MVE_STRIPS_BYTES 320
#define NNC_BIN_MVE_CHANNEL_BYTES 128

typedef struct {
    int32_t batches;
    int32_t in_height;
    int32_t in_width;
    int32_t in_channels;
    int32_t out_height;
    int32_t out_width;
    int32_t out_channels;
    int32_t kernel_height;
    int32_t stride_y;
    int32_t stride_x;
    int32_t dilation_y;
    int32_t pad_top;
    int32_t pad_left;
    int32_t outside; /* what a padded position counts as: -1, 0 or 1, or an int8 value */
    int32_t passes;  /* tables for each row of the kernel */
    int32_t beside;  /* strips of a tile beside each other, in 4 rows (or more, four by four below);
                        0 if its strips just follow each other */
} nnc_bin_mve_geometry;

/* What one table holds, and how the weights of an output channel pass by it. */
typedef struct {
    int16_t steps;      /* words of weights, at most 3: sums of 96 products fit a byte */
    int16_t places[3];  /* for each, the byte of an entry where its four words start */
    int16_t halves;     /* how many halves of four words an entry has: 1 or 2 */
    int16_t words[2];   /* the word of the input's channels that each half is made of */
    int16_t unused;
    int16_t columns[8]; /* for each word of an entry, the input column relative to the strip's */
} nnc_bin_mve_pass;

/* How a sum becomes an int8 output, with numbers for each channel: by nnc_requantize_affine, or where
 * there are no constants by nnc_requantize_double, to which the zero point is added. */
typedef struct {
    const int32_t *multiplier;
    const int32_t *shift;
    const int64_t *constant;
    int32_t zero_point;
    int32_t min;
    int32_t max;
} nnc_bin_mve_requantization;

/* ---- binary activations ----
 * Weights are packed in the order of passes, kernel rows, output channels, steps. */

/* Binary outputs: whether start[channel] + dot product is negative. */
void nnc_bin_conv_mve_bin(const nnc_bin_mve_geometry *g, const int16_t *passes,
                          const int32_t *input, const int32_t *weights, const int16_t *start,
                          int32_t *output, void *table, void *strips, void *accumulators);

/* int8 outputs, requantised from bias[channel] + dot product. */
void nnc_bin_conv_mve_s8(const nnc_bin_mve_geometry *g, const int16_t *passes,
                         const int32_t *input, const int32_t *weights, const int32_t *bias,
                         const nnc_bin_mve_requantization *r, int8_t *output,
                         void *table, void *strips, void *accumulators);

/* Float outputs: (bias[channel] + dot product) * scaling[2], clamped to [scaling[0], scaling[1]]. */
void nnc_bin_conv_mve_f32(const nnc_bin_mve_geometry *g, const int16_t *passes,
                          const int32_t *input, const int32_t *weights, const int32_t *bias,
                          const float *scaling, float *output,
                          void *table, void *strips, void *accumulators);

/* ---- int8 activations ----
 * The same, but tiles have 8 strips and lanes 16 bits: words have two lanes. A sum is the bias plus
 * the products of the weights with stored inputs: their zero point is in the bias. Strips that share
 * a word are in one row of the image, or the whole input has at most 65,535 bytes. */

void nnc_i8bin_conv_mve_bin(const nnc_bin_mve_geometry *g, const int16_t *passes,
                            const int8_t *input, const int32_t *weights, const int32_t *bias,
                            int32_t *output, void *table, void *strips, void *accumulators);

void nnc_i8bin_conv_mve_s8(const nnc_bin_mve_geometry *g, const int16_t *passes,
                           const int8_t *input, const int32_t *weights, const int32_t *bias,
                           const nnc_bin_mve_requantization *r, int8_t *output,
                           void *table, void *strips, void *accumulators);

void nnc_i8bin_conv_mve_f32(const nnc_bin_mve_geometry *g, const int16_t *passes,
                            const int8_t *input, const int32_t *weights, const int32_t *bias,
                            const float *scaling, float *output,
                            void *table, void *strips, void *accumulators);

/* ---- dense layers of binary activations ----
 * Weights are packed in blocks of 128 outputs: for each input (rounded up to a multiple of 8) a bit
 * for each output. All of them are read, whatever the activations are. `planes` are
 * NNC_BIN_MVE_PLANES_BYTES of scratch, `sums` 2 bytes for each output, rounded up to 128 of them. */
#define NNC_BIN_MVE_PLANES_BYTES 480

typedef struct {
    int32_t rows;
    int32_t depth; /* at most 32,767 of binary activations */
    int32_t channels;
} nnc_bin_mve_dense;

/* Binary outputs: whether start[channel] + dot product is negative. */
void nnc_bin_dense_mve_bin(const nnc_bin_mve_dense *d, const int32_t *input,
                           const int32_t *weights, const int16_t *start, int32_t *output,
                           void *planes, void *sums);

/* int8 outputs, requantised from bias[channel] + dot product. */
void nnc_bin_dense_mve_s8(const nnc_bin_mve_dense *d, const int32_t *input,
                          const int32_t *weights, const int32_t *bias,
                          const nnc_bin_mve_requantization *r, int8_t *output, void *planes,
                          void *sums);

/* Float outputs: (bias[channel] + dot product) * scaling[2], clamped to [scaling[0], scaling[1]]. */
void nnc_bin_dense_mve_f32(const nnc_bin_mve_dense *d, const int32_t *input,
                           const int32_t *weights, const int32_t *bias, const float *scaling,
                           float *output, void *planes, void *sums);

/* ---- dense layers of int8 activations ----
 * Weights are the bits of one output after the other, each from a new word on; the zero point of the
 * inputs is in the bias. `sums` are 4 bytes for each output. */

void nnc_i8bin_dense_mve_bin(const nnc_bin_mve_dense *d, const int8_t *input,
                             const int32_t *weights, const int32_t *bias, int32_t *output,
                             void *sums);

void nnc_i8bin_dense_mve_s8(const nnc_bin_mve_dense *d, const int8_t *input,
                            const int32_t *weights, const int32_t *bias,
                            const nnc_bin_mve_requantization *r, int8_t *output, void *sums);

void nnc_i8bin_dense_mve_f32(const nnc_bin_mve_dense *d, const int8_t *input,
                             const int32_t *weights, const int32_t *bias, const float *scaling,
                             float *output, void *sums);

#ifdef __cplusplus
}
#endif

#endif /* NNC_BIN_MVE_H */
