/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_conv.h"

typedef struct {
    const int16_t *start;
    uint32_t *output;
} context_bin;

#define CONTEXT context_bin
#include "nnc_bin_counts.h"

#include "nnc_bin_starts.h"

/* Bit 15 of up to 16 channels' counts of two pixels, the first channel's bit in the lowest bit of
 * each half. */
static inline uint32_t gather(const uint32_t *counts, int32_t channels) {
    uint32_t bits = 0;
    if (channels >= 16) {
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
        for (int32_t channel = 0; channel < 16; ++channel) {
            bits = (bits >> 1) | (counts[8 * channel] & 0x80008000U);
        }
        return bits;
    }
    for (int32_t channel = 0; channel < channels; ++channel) {
        bits = (bits >> 1) | (counts[8 * channel] & 0x80008000U);
    }
    /* Unused bits are 0: they were shifted in there, and both halves move by as much. */
    const int32_t unused = 16 - channels;
    const uint32_t low = (bits & 0xFFFFU) >> unused;
    return channels > 0 ? low | (bits >> 16 >> unused) << 16 : 0;
}

static NNC_NOINLINE void end_row(const CONTEXT *context, const nnc_bin_geometry *g,
                                 const nnc_bin_block *block, const uint32_t *accumulators) {
    const int32_t words = (g->out_channels + 31) / 32;
    for (int32_t i = 0; i < 8; ++i) {
        const int32_t first = nnc_bin_pixel(g, block, i / 2, i % 2);
        const int32_t second = nnc_bin_pixel(g, block, i / 2, i % 2 + 2);
        for (int32_t word = 0; word < words; ++word) {
            const uint32_t *const counts = accumulators + 256 * word + i;
            const int32_t channels = g->out_channels - 32 * word;
            const uint32_t low = gather(counts, channels);
            const uint32_t high = gather(counts + 128, channels - 16);
            if (first >= 0) {
                context->output[first * words + word] = (low & 0xFFFFU) | high << 16;
            }
            if (second >= 0) {
                context->output[second * words + word] = low >> 16 | (high & 0xFFFF0000U);
            }
        }
    }
}

#include "nnc_bin_sizes.h"

void nnc_bin_conv_bin_4(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const int16_t *start, int32_t *output, void *table, void *accumulators) {
    const context_bin context = {start, (uint32_t *)output};
    convolve4(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_bin_conv_bin_8(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                        const int16_t *start, int32_t *output, void *table, void *accumulators) {
    const context_bin context = {start, (uint32_t *)output};
    convolve8(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_bin_conv_bin_8x3(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const int16_t *start, int32_t *output, void *table, void *accumulators) {
    const context_bin context = {start, (uint32_t *)output};
    convolve8x3(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}

void nnc_bin_conv_bin_16(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                         const int16_t *start, int32_t *output, void *table, void *accumulators) {
    const context_bin context = {start, (uint32_t *)output};
    convolve16(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table, accumulators);
}
