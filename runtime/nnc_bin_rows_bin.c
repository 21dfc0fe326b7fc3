/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_rows.h"

void nnc_bin_rows_bin(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                      const int32_t *base, int32_t *output) {
    const int32_t words = (d->depth + 31) / 32;
    for (int32_t row = 0; row < d->rows; ++row, input += words) {
        const uint32_t *w = (const uint32_t *)weights;
        for (int32_t first = 0; first < d->outputs; first += 32) {
            const int32_t count = nnc_min32(d->outputs - first, 32);
            uint32_t bits = 0;
            for (int32_t i = 0; i < count; ++i, w += words) {
                const int32_t differ = nnc_bin_mismatches((const uint32_t *)input, w, words);
                bits |= (uint32_t)(base[first + i] - 2 * differ) >> 31 << i;
            }
            *output++ = (int32_t)bits;
        }
    }
}
