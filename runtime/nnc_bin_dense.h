/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense layers of binary activations and weights, 32 outputs at a time.
 *
 * A word holds the weight bits of 32 outputs for one input. With S the number of inputs whose bit
 * and whose weight's bit are both set, W that of the weight's bits and n that of the input's, the
 * mismatches of an output are W + n - 2 S. So only the words of set inputs need to be added up, lane
 * by lane, which is done with the counters' bits in words of their own and full adders made of five
 * operations. Where most inputs are set, those that are not are counted instead (Z of them have a
 * set weight): the mismatches are n - W + 2 Z. That takes at most half of all words, but time and
 * the places that are read depend on the data. The functions with `ct` in their names read all words
 * in order and mask them: their time depends on the shapes alone.
 */
#ifndef NNC_BIN_DENSE_H
#define NNC_BIN_DENSE_H

#include "nnc_bin.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t outputs;
    int32_t count_planes; /* bits of the counters: 5 to 16 */
    int32_t limit_planes; /* bits of the numbers that are compared, the sign included */
} nnc_bin_dense;

/* Weights are the words of all inputs, rounded up to a multiple of 32, and a word of zeros, for each
 * 32 outputs. `list` has 2 bytes for each half of the inputs and 64 more. */

/* Binary outputs. Limits are two's complement numbers as planes of bits, for each 32 outputs: a
 * limit L with the output set if L + n - 1 - 2 S >= 0; then, after those of all outputs, one with
 * the output set if L - n - 2 Z < 0. */
void nnc_bin_dense_bin(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                       const int32_t *limits, int32_t *output, void *list);
void nnc_bin_dense_ct_bin(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                          const int32_t *limits, int32_t *output);

/* Numbers. The sum is base[output] - 2 n + 4 S, or base[outputs + output] - 2 n - 4 Z. */
void nnc_bin_dense_s8(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                      const nnc_bin_requantization *requantization, int8_t *output, void *list);
void nnc_bin_dense_ct_s8(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output);
void nnc_bin_dense_f32(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                       const nnc_bin_scaling *scaling, float *output, void *list);
void nnc_bin_dense_ct_f32(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                          const nnc_bin_scaling *scaling, float *output);

/* ---- few outputs ----
 * Weights are a row of words for each output, and inputs and weights are compared word by word: in
 * constant time. The sum is base[output] - 2 * mismatches. The planes of the layer are not used. */
void nnc_bin_rows_bin(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                      const int32_t *base, int32_t *output);
void nnc_bin_rows_s8(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                     const nnc_bin_requantization *requantization, int8_t *output);
void nnc_bin_rows_f32(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                      const nnc_bin_scaling *scaling, float *output);

/* ---- what they are made of ---- */

/* The number of set bits. */
int32_t nnc_bin_ones(const uint32_t *words, int32_t count);

/* Lists the inputs that are set, or those that are not if these are fewer: their numbers, padded
 * to a multiple of 32 with that of the word of zeros. Returns how many set inputs there are. */
int32_t nnc_bin_list(const uint32_t *input, int32_t depth, uint16_t *list, int32_t *length);

/* The counters of 32 outputs as planes, the lowest bits first. */
void nnc_bin_count_listed(const uint32_t *weights, const uint16_t *list, int32_t length,
                          uint32_t *planes, int32_t count_planes);
void nnc_bin_count_masked(const uint32_t *weights, const uint32_t *input, int32_t words,
                          uint32_t *planes, int32_t count_planes);

#ifdef __cplusplus
}
#endif

#endif /* NNC_BIN_DENSE_H */
