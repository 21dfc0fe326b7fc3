/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_outputs.h"
#include "nnc_i8bin_dense_sums.h"

void nnc_i8bin_dense_s8(const nnc_i8bin_dense *d, const int8_t *input, const int32_t *weights,
                        const nnc_bin_requantization *requantization, int8_t *output, void *table, void *sums) {
    const int32_t *const found = sums;
    for (int32_t row = 0; row < d->rows; ++row, input += d->depth) {
        nnc_i8bin_dense_sums(d, input, weights, requantization->base, table, sums);
        for (int32_t channel = 0; channel < d->outputs; ++channel) {
            *output++ = nnc_bin_requantize(requantization, found[channel], channel);
        }
    }
}
