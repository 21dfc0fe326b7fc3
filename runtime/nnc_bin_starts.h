/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of mismatches that start so that bit 15 says whether the sum is negative; after
 * nnc_bin_counts.h, with a CONTEXT that has a `start`.
 */
#ifndef NNC_BIN_STARTS_H
#define NNC_BIN_STARTS_H

static void start_row(const CONTEXT *context, const nnc_bin_geometry *g,
                      const nnc_bin_block *block, uint32_t *accumulators) {
    const int32_t padded = nnc_bin_padded(g, block);
    for (int32_t channel = 0; channel < g->out_channels; ++channel) {
        const uint32_t count = (uint16_t)(context->start[channel] + padded);
        const uint32_t both = count | count << 16;
        accumulators[0] = accumulators[1] = accumulators[2] = accumulators[3] = both;
        accumulators[4] = accumulators[5] = accumulators[6] = accumulators[7] = both;
        accumulators += 8;
    }
}

#endif /* NNC_BIN_STARTS_H */
