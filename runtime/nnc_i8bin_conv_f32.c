/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin.h"

#define EPILOGUE nnc_bin_scaling
#define OUTPUT float
#define FINISH nnc_bin_scale
#include "nnc_i8bin_numbers.h"

void nnc_i8bin_conv_f32_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const nnc_bin_scaling *scaling, float *output, void *table,
                          void *accumulators) {
    const context_numbers context = {scaling->base, scaling, output};
    convolve4(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_f32_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const nnc_bin_scaling *scaling, float *output, void *table,
                          void *accumulators) {
    const context_numbers context = {scaling->base, scaling, output};
    convolve8(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_f32_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const nnc_bin_scaling *scaling, float *output, void *table,
                            void *accumulators) {
    const context_numbers context = {scaling->base, scaling, output};
    convolve8x3(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_f32_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                           const nnc_bin_scaling *scaling, float *output, void *table,
                           void *accumulators) {
    const context_numbers context = {scaling->base, scaling, output};
    convolve16(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_f32_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                              const nnc_bin_scaling *scaling, float *output, void *table,
                              void *accumulators) {
    const context_numbers context = {scaling->base, scaling, output};
    convolve_patch(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}
