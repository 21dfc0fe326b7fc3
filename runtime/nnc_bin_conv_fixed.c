/* SPDX-License-Identifier: Apache-2.0 */
#define NNC_BIN_FRACTION 12
#include "nnc_bin_fixed.h"

typedef struct {
    const int16_t *start;
    const nnc_bin_fixed *epilogue;
    int8_t *output;
} context_fixed;

#define CONTEXT context_fixed
#include "nnc_bin_counts.h"

#include "nnc_bin_starts.h"

/* A word has the counts of two pixels, of 16 bits: they are shifted to the left as far as that. */
static inline uint32_t lower(uint32_t counts) {
    return counts << 16;
}

static inline uint32_t upper(uint32_t counts) {
    return counts & 0xFFFF0000U;
}

/* Four pixels, whose counts lie next to each other: the lower ones of two words, then the upper.
 * `parts` is a constant where this is called. */
static inline void store_four(const nnc_bin_fixed *to, const uint32_t *counts,
                              int8_t *const output[4], int32_t channels, int parts) {
    int8_t *const a = output[0] + channels;
    int8_t *const b = output[1] + channels;
    int8_t *const c = output[2] + channels;
    int8_t *const d = output[3] + channels;
    const int32_t *next = to->constants;
    const int32_t step = to->step;
    for (int32_t channel = -channels; channel != 0; ++channel, next += step, counts += 8) {
        const int32_t constants[3] = {next[0], next[1], next[2]};
        const uint32_t even = counts[0] ^ 0x80008000U;
        const uint32_t odd = counts[1] ^ 0x80008000U;
        a[channel] = nnc_bin_output(lower(even), constants, parts);
        b[channel] = nnc_bin_output(lower(odd), constants, parts);
        c[channel] = nnc_bin_output(upper(even), constants, parts);
        d[channel] = nnc_bin_output(upper(odd), constants, parts);
    }
}

static NNC_NOINLINE void store_four_parted(const nnc_bin_fixed *to, const uint32_t *counts,
                                           int8_t *const output[4], int32_t channels) {
    store_four(to, counts, output, channels, 1);
}

static NNC_NOINLINE void store_four_plain(const nnc_bin_fixed *to, const uint32_t *counts,
                                          int8_t *const output[4], int32_t channels) {
    store_four(to, counts, output, channels, 0);
}

static NNC_NOINLINE void store_one(const nnc_bin_fixed *to, const uint32_t *counts, int32_t shift,
                                   int8_t *output, int32_t channels) {
    const int32_t *constants = to->constants;
    for (int32_t channel = 0; channel < channels; ++channel, constants += to->step, counts += 8) {
        const uint32_t shifted = upper((*counts ^ 0x80008000U) << shift);
        output[channel] = nnc_bin_output(shifted, constants, to->parts);
    }
}

static NNC_NOINLINE void end_row(const CONTEXT *context, const nnc_bin_geometry *g,
                                 const nnc_bin_block *block, const uint32_t *accumulators) {
    const nnc_bin_fixed *const to = context->epilogue;
    const int32_t channels = g->out_channels;
    for (int32_t word = 0; word < 4; ++word, accumulators += 2) {
        int8_t *output[4];
        int32_t count = 0;
        for (int32_t lane = 0; lane < 4; ++lane) {
            const int32_t pixel = nnc_bin_pixel(g, block, word, lane);
            output[lane] = pixel >= 0 ? context->output + pixel * channels : NULL;
            count += pixel >= 0;
        }
        if (count == 4 && to->parts) {
            store_four_parted(to, accumulators, output, channels);
        } else if (count == 4) {
            store_four_plain(to, accumulators, output, channels);
        }
        for (int32_t lane = 0; lane < 4; ++lane) {
            if (output[lane] == NULL) {
                continue;
            }
            if (count < 4) {
                store_one(to, accumulators + lane % 2, lane < 2 ? 16 : 0, output[lane], channels);
            }
            nnc_bin_clamp(output[lane], channels, to->low, to->high);
        }
    }
}

#include "nnc_bin_sizes.h"

void nnc_bin_conv_fixed_4(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const nnc_bin_fixed *requantization, int8_t *output, void *table,
                          void *accumulators) {
    const context_fixed context = {requantization->start, requantization, output};
    convolve4(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
              accumulators);
}

void nnc_bin_conv_fixed_8(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                          const nnc_bin_fixed *requantization, int8_t *output, void *table,
                          void *accumulators) {
    const context_fixed context = {requantization->start, requantization, output};
    convolve8(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
              accumulators);
}

void nnc_bin_conv_fixed_8x3(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                            const nnc_bin_fixed *requantization, int8_t *output, void *table,
                            void *accumulators) {
    const context_fixed context = {requantization->start, requantization, output};
    convolve8x3(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
                accumulators);
}

void nnc_bin_conv_fixed_16(const nnc_bin_geometry *g, const int32_t *input, const int32_t *weights,
                           const nnc_bin_fixed *requantization, int8_t *output, void *table,
                           void *accumulators) {
    const context_fixed context = {requantization->start, requantization, output};
    convolve16(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
               accumulators);
}
