/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epilogue of convolutions of int8 activations that makes numbers of the sums.
 *
 * A file that includes this has defined EPILOGUE (a struct with a `base`), OUTPUT (the type of an
 * output) and FINISH(epilogue, sum, channel).
 */
#ifndef NNC_I8BIN_NUMBERS_H
#define NNC_I8BIN_NUMBERS_H

#include "nnc_bin_outputs.h"

typedef struct {
    const int32_t *bias;
    const EPILOGUE *epilogue;
    OUTPUT *output;
} context_numbers;

#define CONTEXT context_numbers
#include "nnc_i8bin_sums.h"

static NNC_NOINLINE void store_pixel(const CONTEXT *context, const nnc_bin_geometry *g,
                                     int32_t pixel, const uint32_t *sums) {
    OUTPUT *const output = context->output + pixel * g->out_channels;
    /* A copy, which no output that is stored can change. */
    const EPILOGUE epilogue = *context->epilogue;
    const int32_t channels = g->out_channels;
    for (int32_t channel = 0; channel < channels; ++channel) {
        output[channel] = FINISH(&epilogue, (int32_t)sums[8 * channel], channel);
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
