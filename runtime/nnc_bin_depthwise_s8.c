/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_depthwise.h"

#define EPILOGUE nnc_bin_requantization
#define OUTPUT int8_t
#define FINISH nnc_bin_requantize
#include "nnc_bin_depthwise_numbers.h"

void nnc_bin_depthwise_s8(const nnc_bin_depthwise *d, const int32_t *input,
                          const int32_t *weights, const nnc_bin_requantization *requantization,
                          int8_t *output) {
    const context_numbers context = {requantization, output};
    convolve(&context, d, (const uint32_t *)input, (const uint32_t *)weights);
}
