/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_i8bin_dense_sums.h"

void nnc_i8bin_dense_bin(const nnc_i8bin_dense *d, const int8_t *input, const int32_t *weights,
                         const int32_t *base, int32_t *output, void *table, void *sums) {
    const int32_t *const found = sums;
    for (int32_t row = 0; row < d->rows; ++row, input += d->depth) {
        nnc_i8bin_dense_sums(d, input, weights, base, table, sums);
        for (int32_t first = 0; first < d->outputs; first += 32) {
            const int32_t count = nnc_min32(d->outputs - first, 32);
            uint32_t bits = 0;
            for (int32_t i = 0; i < count; ++i) {
                bits |= (uint32_t)found[first + i] >> 31 << i;
            }
            *output++ = (int32_t)bits;
        }
    }
}
