/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_outputs.h"
#include "nnc_bin_rows.h"

void nnc_bin_rows_s8(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                     const nnc_bin_requantization *requantization, int8_t *output) {
    const int32_t words = (d->depth + 31) / 32;
    for (int32_t row = 0; row < d->rows; ++row, input += words) {
        const uint32_t *w = (const uint32_t *)weights;
        for (int32_t channel = 0; channel < d->outputs; ++channel, w += words) {
            const int32_t differ = nnc_bin_mismatches((const uint32_t *)input, w, words);
            *output++ = nnc_bin_requantize(requantization, requantization->base[channel] - 2 * differ, channel);
        }
    }
}
