/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

typedef struct {
    const int32_t *bias;
    uint32_t *output;
} context_bin;

#define CONTEXT context_bin
#include "nnc_i8bin_sums.h"

/* The signs of up to 32 channels of a pixel. */
static inline uint32_t gather(const uint32_t *sums, int32_t channels) {
    uint32_t bits = 0;
    if (channels >= 32) {
#if defined(__GNUC__)
#pragma GCC unroll 32
#endif
        for (int32_t channel = 0; channel < 32; ++channel) {
            bits = (bits >> 1) | (sums[8 * channel] & 0x80000000U);
        }
        return bits;
    }
    for (int32_t channel = 0; channel < channels; ++channel) {
        bits = (bits >> 1) | (sums[8 * channel] & 0x80000000U);
    }
    return bits >> (32 - channels);
}

static NNC_NOINLINE void end_row(const CONTEXT *context, const nnc_bin_geometry *g,
                                 const nnc_bin_block *block, const uint32_t *accumulators) {
    const int32_t words = (g->out_channels + 31) / 32;
    for (int32_t i = 0; i < 8; ++i) {
        const int32_t pixel = nnc_bin_pixel(g, block, i / 2, i % 2);
        for (int32_t word = 0; pixel >= 0 && word < words; ++word) {
            context->output[pixel * words + word] =
                gather(accumulators + 256 * word + i, g->out_channels - 32 * word);
        }
    }
}

#include "nnc_i8bin_sizes.h"

void nnc_i8bin_conv_bin_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const int32_t *bias, int32_t *output, void *table,
                          void *accumulators) {
    const context_bin context = {bias, (uint32_t *)output};
    convolve4(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_bin_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                          const int32_t *bias, int32_t *output, void *table,
                          void *accumulators) {
    const context_bin context = {bias, (uint32_t *)output};
    convolve8(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_bin_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const int32_t *bias, int32_t *output, void *table,
                            void *accumulators) {
    const context_bin context = {bias, (uint32_t *)output};
    convolve8x3(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_bin_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                           const int32_t *bias, int32_t *output, void *table,
                           void *accumulators) {
    const context_bin context = {bias, (uint32_t *)output};
    convolve16(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_i8bin_conv_bin_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                              const int32_t *bias, int32_t *output, void *table,
                              void *accumulators) {
    const context_bin context = {bias, (uint32_t *)output};
    convolve_patch(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}
