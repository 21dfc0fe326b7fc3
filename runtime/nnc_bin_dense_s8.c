/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_dense.h"

#define EPILOGUE nnc_bin_requantization
#define OUTPUT int8_t
#define FINISH nnc_bin_requantize
#include "nnc_bin_dense_numbers.h"

void nnc_bin_dense_s8(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                      const nnc_bin_requantization *requantization, int8_t *output, void *list) {
    const context_numbers context = {requantization, output};
    dense_listed(&context, d, (const uint32_t *)input, (const uint32_t *)weights, list);
}

void nnc_bin_dense_ct_s8(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output) {
    const context_numbers context = {requantization, output};
    dense_masked(&context, d, (const uint32_t *)input, (const uint32_t *)weights);
}
