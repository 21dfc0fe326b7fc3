/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense layers of int8 activations and binary weights. For each four inputs a table has their sums
 * with each pattern of signs; an output then takes one addition for four inputs. All that is read
 * depends on the weights alone: this is in constant time.
 */
#ifndef NNC_I8BIN_DENSE_H
#define NNC_I8BIN_DENSE_H

#include "nnc_bin.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t outputs;
    int32_t chunk; /* inputs of a table, a multiple of 32 */
} nnc_i8bin_dense;

/* Weights are, for each chunk of inputs, a row of words for each output. A sum starts at the base,
 * which has the zero point of the activations folded in. `table` has 8 bytes for each input of a
 * chunk, rounded up to a multiple of 32, `sums` 4 bytes for each output. Binary outputs are set where
 * the sum is negative. */
void nnc_i8bin_dense_bin(const nnc_i8bin_dense *d, const int8_t *input, const int32_t *weights,
                         const int32_t *base, int32_t *output, void *table, void *sums);
void nnc_i8bin_dense_s8(const nnc_i8bin_dense *d, const int8_t *input, const int32_t *weights,
                        const nnc_bin_requantization *requantization, int8_t *output, void *table,
                        void *sums);
void nnc_i8bin_dense_f32(const nnc_i8bin_dense *d, const int8_t *input, const int32_t *weights,
                         const nnc_bin_scaling *scaling, float *output, void *table, void *sums);

#ifdef __cplusplus
}
#endif

#endif /* NNC_I8BIN_DENSE_H */
