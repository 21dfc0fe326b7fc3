/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops over rows and outputs of dense layers, in constant time or not.
 *
 * The includer defines CONTEXT (what its epilogue needs to know) and
 * finish(context, d, row, word, planes, ones, absent), which stores 32 outputs: `absent` is whether
 * the planes count inputs that are not set.
 */
#ifndef NNC_BIN_DENSE_LOOPS_H
#define NNC_BIN_DENSE_LOOPS_H

#include "nnc_arith.h"
#include "nnc_bin_dense.h"

#define PLANES 16

static inline void dense_listed(const CONTEXT *context, const nnc_bin_dense *d,
                                const uint32_t *input, const uint32_t *weights, uint16_t *list) {
    const int32_t words = (d->depth + 31) / 32;
    for (int32_t row = 0; row < d->rows; ++row, input += words) {
        int32_t length;
        const int32_t ones = nnc_bin_list(input, d->depth, list, &length);
        for (int32_t word = 0; 32 * word < d->outputs; ++word) {
            uint32_t planes[PLANES] = {0};
            nnc_bin_count_listed(weights + word * (32 * words + 1), list, length, planes,
                                 d->count_planes);
            finish(context, d, row, word, planes, ones, 2 * ones > d->depth);
        }
    }
}

static inline void dense_masked(const CONTEXT *context, const nnc_bin_dense *d,
                                const uint32_t *input, const uint32_t *weights) {
    const int32_t words = (d->depth + 31) / 32;
    for (int32_t row = 0; row < d->rows; ++row, input += words) {
        const int32_t ones = nnc_bin_ones(input, words);
        for (int32_t word = 0; 32 * word < d->outputs; ++word) {
            uint32_t planes[PLANES] = {0};
            nnc_bin_count_masked(weights + word * (32 * words + 1), input, words, planes,
                                 d->count_planes);
            finish(context, d, row, word, planes, ones, 0);
        }
    }
}

#endif /* NNC_BIN_DENSE_LOOPS_H */
