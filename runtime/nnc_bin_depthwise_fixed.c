/* SPDX-License-Identifier: Apache-2.0 */
#define NNC_BIN_FRACTION 12
#include "nnc_bin_depthwise.h"
#include "nnc_bin_fixed.h"

#define EPILOGUE nnc_bin_fixed
#define OUTPUT int8_t
#define FINISH nnc_bin_fixed_output
#include "nnc_bin_depthwise_numbers.h"

void nnc_bin_depthwise_fixed(const nnc_bin_depthwise *d, const int32_t *input,
                             const int32_t *weights, const nnc_bin_fixed *requantization,
                             int8_t *output) {
    const context_numbers context = {requantization, output};
    convolve(&context, d, (const uint32_t *)input, (const uint32_t *)weights);
}
