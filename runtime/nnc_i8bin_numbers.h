/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epilogue of convolutions of int8 activations that makes numbers of the sums.
 *
 * A file that includes this has defined EPILOGUE (a struct with a `base`), OUTPUT (the type of an
 * output) and FINISH(epilogue, sum, channel).
 */
#ifndef NNC_I8BIN_NUMBERS_H
#define NNC_I8BIN_NUMBERS_H

#include "nnc_bin_conv.h"
#include "nnc_bin_outputs.h"

typedef struct {
    const EPILOGUE *epilogue;
    OUTPUT *output;
} context_numbers;

#define CONTEXT context_numbers
#define LANES 2

static void start_row(const CONTEXT *context, const nnc_bin_geometry *g,
                      const nnc_bin_block *block, uint32_t *accumulators) {
    (void)context;
    const uint32_t rows = nnc_bin_rows_outside(g, block, LANES);
    for (int32_t channel = 0; channel < g->out_channels; ++channel, accumulators += 8) {
        const uint32_t start = rows != 0 ? nnc_bin_outside_sum(g, channel, rows) : 0;
        accumulators[0] = accumulators[1] = accumulators[2] = accumulators[3] = start;
        accumulators[4] = accumulators[5] = accumulators[6] = accumulators[7] = start;
    }
}

static NNC_NOINLINE void store_pixel(const CONTEXT *context, const nnc_bin_geometry *g,
                                     int32_t pixel, const uint32_t *sums) {
    OUTPUT *const output = context->output + pixel * g->out_channels;
    /* A copy, which no output that is stored can change. */
    const EPILOGUE epilogue = *context->epilogue;
    const int32_t channels = g->out_channels;
    for (int32_t channel = 0; channel < channels; ++channel) {
        const int32_t sum = nnc_wrap_add32(epilogue.base[channel], (int32_t)sums[8 * channel]);
        output[channel] = FINISH(&epilogue, sum, channel);
    }
}

static void end_row(const CONTEXT *context, const nnc_bin_geometry *g, const nnc_bin_block *block,
                    const uint32_t *accumulators) {
    for (int32_t i = 0; i < 8; ++i) {
        const int32_t pixel = nnc_bin_pixel(g, block, i / 2, i % 2);
        if (pixel >= 0) {
            store_pixel(context, g, pixel, accumulators + i);
        }
    }
}

#include "nnc_i8bin_sizes.h"

#endif /* NNC_I8BIN_NUMBERS_H */
