/* SPDX-License-Identifier: Apache-2.0 */
#define NNC_BIN_FRACTION 16
#include "nnc_bin_fixed.h"

typedef struct {
    const int32_t *bias;
    const nnc_bin_fixed *epilogue;
    int8_t *output;
} context_fixed;

#define CONTEXT context_fixed
#include "nnc_i8bin_sums.h"

/* Four pixels, whose sums lie next to each other; `parts` is a constant where this is called. */
static inline void store_four(const nnc_bin_fixed *to, const uint32_t *sums,
                              int8_t *const output[4], int32_t channels, int parts) {
    int8_t *const a = output[0] + channels;
    int8_t *const b = output[1] + channels;
    int8_t *const c = output[2] + channels;
    int8_t *const d = output[3] + channels;
    const int32_t *next = to->constants;
    const int32_t step = to->step;
    const int32_t left = to->left;
    for (int32_t channel = -channels; channel != 0; ++channel, next += step, sums += 8) {
        const int32_t constants[3] = {next[0], next[1], next[2]};
        a[channel] = nnc_bin_output(sums[0] << left, constants, parts);
        b[channel] = nnc_bin_output(sums[1] << left, constants, parts);
        c[channel] = nnc_bin_output(sums[2] << left, constants, parts);
        d[channel] = nnc_bin_output(sums[3] << left, constants, parts);
    }
}

static NNC_NOINLINE void store_four_parted(const nnc_bin_fixed *to, const uint32_t *sums,
                                           int8_t *const output[4], int32_t channels) {
    store_four(to, sums, output, channels, 1);
}

static NNC_NOINLINE void store_four_plain(const nnc_bin_fixed *to, const uint32_t *sums,
                                          int8_t *const output[4], int32_t channels) {
    store_four(to, sums, output, channels, 0);
}

static NNC_NOINLINE void store_one(const nnc_bin_fixed *to, const uint32_t *sums, int8_t *output,
                                   int32_t channels) {
    const int32_t *constants = to->constants;
    for (int32_t channel = 0; channel < channels; ++channel, constants += to->step, sums += 8) {
        output[channel] = nnc_bin_output(*sums << to->left, constants, to->parts);
    }
}

static NNC_NOINLINE void end_row(const CONTEXT *context, const nnc_bin_geometry *g,
                                 const nnc_bin_block *block, const uint32_t *accumulators) {
    const nnc_bin_fixed *const to = context->epilogue;
    const int32_t channels = g->out_channels;
    for (int32_t first = 0; first < 8; first += 4, accumulators += 4) {
        int8_t *output[4];
        int32_t count = 0;
        for (int32_t i = 0; i < 4; ++i) {
            const int32_t pixel = nnc_bin_pixel(g, block, (first + i) / 2, i % 2);
            output[i] = pixel >= 0 ? context->output + pixel * channels : NULL;
            count += pixel >= 0;
        }
        if (count == 4 && to->parts) {
            store_four_parted(to, accumulators, output, channels);
        } else if (count == 4) {
            store_four_plain(to, accumulators, output, channels);
        }
        for (int32_t i = 0; i < 4; ++i) {
            if (output[i] == NULL) {
                continue;
            }
            if (count < 4) {
                store_one(to, accumulators + i, output[i], channels);
            }
            nnc_bin_clamp(output[i], channels, to->low, to->high);
        }
    }
}

#include "nnc_i8bin_sizes.h"

void nnc_i8bin_conv_fixed_4(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const nnc_bin_fixed *requantization, int8_t *output, void *table,
                            void *accumulators) {
    const context_fixed context = {requantization->base, requantization, output};
    convolve4(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
              accumulators);
}

void nnc_i8bin_conv_fixed_8(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                            const nnc_bin_fixed *requantization, int8_t *output, void *table,
                            void *accumulators) {
    const context_fixed context = {requantization->base, requantization, output};
    convolve8(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
              accumulators);
}

void nnc_i8bin_conv_fixed_8x3(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                              const nnc_bin_fixed *requantization, int8_t *output, void *table,
                              void *accumulators) {
    const context_fixed context = {requantization->base, requantization, output};
    convolve8x3(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
                accumulators);
}

void nnc_i8bin_conv_fixed_16(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                             const nnc_bin_fixed *requantization, int8_t *output, void *table,
                             void *accumulators) {
    const context_fixed context = {requantization->base, requantization, output};
    convolve16(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
               accumulators);
}

void nnc_i8bin_conv_fixed_patch(const nnc_bin_geometry *g, const int8_t *input, const int32_t *weights,
                                const nnc_bin_fixed *requantization, int8_t *output, void *table,
                                void *accumulators) {
    const context_fixed context = {requantization->base, requantization, output};
    convolve_patch(&context, g, (const uint8_t *)input, (const uint32_t *)weights, table,
               accumulators);
}
