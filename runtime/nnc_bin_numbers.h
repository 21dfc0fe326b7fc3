/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epilogue of convolutions of binary activations that makes numbers of the counts.
 *
 * A file that includes this has defined EPILOGUE (a struct with a `base`), OUTPUT (the type of an
 * output) and FINISH(epilogue, sum, channel).
 */
#ifndef NNC_BIN_NUMBERS_H
#define NNC_BIN_NUMBERS_H

#include "nnc_bin_outputs.h"

typedef struct {
    const EPILOGUE *epilogue;
    OUTPUT *output;
} context_numbers;

#define CONTEXT context_numbers
#include "nnc_bin_counts.h"

static void start_row(const CONTEXT *context, const nnc_bin_geometry *g,
                      const nnc_bin_block *block, uint32_t *accumulators) {
    (void)context;
    const uint32_t padded = (uint32_t)nnc_bin_padded(g, block);
    for (int32_t i = 0; i < 8 * g->out_channels; ++i) {
        accumulators[i] = padded | padded << 16;
    }
}

static NNC_NOINLINE void store_pixel(const CONTEXT *context, const nnc_bin_geometry *g,
                                     int32_t pixel, const uint32_t *counts, int32_t shift) {
    const int32_t factor = 2 / g->unit;
    OUTPUT *const output = context->output + pixel * g->out_channels;
    /* A copy, which no output that is stored can change. */
    const EPILOGUE epilogue = *context->epilogue;
    const int32_t channels = g->out_channels;
    for (int32_t channel = 0; channel < channels; ++channel) {
        const int32_t count = (int32_t)(counts[8 * channel] >> shift & 0xFFFFU);
        output[channel] = FINISH(&epilogue, epilogue.base[channel] - factor * count, channel);
    }
}

static void end_row(const CONTEXT *context, const nnc_bin_geometry *g, const nnc_bin_block *block,
                    const uint32_t *accumulators) {
    for (int32_t i = 0; i < 16; ++i) {
        const int32_t pixel = nnc_bin_pixel(g, block, i / 4, i % 4);
        if (pixel >= 0) {
            store_pixel(context, g, pixel, accumulators + i / 4 * 2 + i % 2, i % 4 / 2 * 16);
        }
    }
}

#include "nnc_bin_sizes.h"

#endif /* NNC_BIN_NUMBERS_H */
