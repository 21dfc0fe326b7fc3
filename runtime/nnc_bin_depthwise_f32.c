/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_depthwise.h"

#define EPILOGUE nnc_bin_scaling
#define OUTPUT float
#define FINISH nnc_bin_scale
#include "nnc_bin_depthwise_numbers.h"

void nnc_bin_depthwise_f32(const nnc_bin_depthwise *d, const int32_t *input,
                           const int32_t *weights, const nnc_bin_scaling *scaling, float *output) {
    const context_numbers context = {scaling, output};
    convolve(&context, d, (const uint32_t *)input, (const uint32_t *)weights);
}
