/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 dense layers, eight outputs at a time, with two weights in each half of a word.
 */
#ifndef NNC_DENSE_PAIRS_S8_H
#define NNC_DENSE_PAIRS_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t batches, in_features, out_features;
    int32_t depth; /* in_features, rounded up to a multiple of 4 */
    int32_t out_min, out_max;
    int32_t fix; /* as in nnc_conv_s8.h */
} nnc_dense_pairs_s8_layer;

/* Requantises as nnc_conv_s8 does, of acc = bias[o] plus the products of input and weight; the bias
 * has the input's zero point folded in. The words of weights of two outputs are those of
 * nnc_conv_s8, under the same conditions. Those of four pairs of outputs alternate; outputs behind
 * the last eight follow pair by pair.
 *
 * patch: depth bytes; null where in_features is a multiple of 4. */
void nnc_dense_pairs_s8(const nnc_dense_pairs_s8_layer *layer, const int8_t *input,
                        const int32_t *weights, const int32_t *bias, const int32_t *formulas,
                        int32_t formula_step, int8_t *output, int8_t *patch);

#ifdef __cplusplus
}
#endif

#endif /* NNC_DENSE_PAIRS_S8_H */
