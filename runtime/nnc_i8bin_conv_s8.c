/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin.h"

#define EPILOGUE nnc_bin_requantization
#define OUTPUT int8_t
#define FINISH nnc_bin_requantize
#include "nnc_i8bin_numbers.h"

void nnc_i8bin_conv_s8_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output, void *table,
                         void *accumulators) {
    const context_numbers context = {requantization->base, requantization, output};
    convolve4(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_s8_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                         const nnc_bin_requantization *requantization, int8_t *output, void *table,
                         void *accumulators) {
    const context_numbers context = {requantization->base, requantization, output};
    convolve8(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_s8_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                           const nnc_bin_requantization *requantization, int8_t *output, void *table,
                           void *accumulators) {
    const context_numbers context = {requantization->base, requantization, output};
    convolve8x3(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_s8_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const nnc_bin_requantization *requantization, int8_t *output, void *table,
                          void *accumulators) {
    const context_numbers context = {requantization->base, requantization, output};
    convolve16(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_s8_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                             const nnc_bin_requantization *requantization, int8_t *output, void *table,
                             void *accumulators) {
    const context_numbers context = {requantization->base, requantization, output};
    convolve_patch(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}
