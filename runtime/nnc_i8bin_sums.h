/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of int8 activations: sums of two lanes of 16 bits that start at the bias.
 *
 * A file that includes this has defined CONTEXT, a struct with a `bias`.
 */
#ifndef NNC_I8BIN_SUMS_H
#define NNC_I8BIN_SUMS_H

#include "nnc_bin_conv.h"

#define LANES 2

static void start_row(const CONTEXT *context, const nnc_bin_geometry *g,
                      const nnc_bin_block *block, uint32_t *accumulators) {
    const uint32_t rows = nnc_bin_rows_outside(g, block, LANES);
    for (int32_t channel = 0; channel < g->out_channels; ++channel, accumulators += 8) {
        uint32_t start = (uint32_t)context->bias[channel];
        if (rows != 0) {
            start += nnc_bin_outside_sum(g, channel, rows);
        }
        accumulators[0] = accumulators[1] = accumulators[2] = accumulators[3] = start;
        accumulators[4] = accumulators[5] = accumulators[6] = accumulators[7] = start;
    }
}

#endif /* NNC_I8BIN_SUMS_H */
