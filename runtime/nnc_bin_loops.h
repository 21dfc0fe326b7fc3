/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops around the tables: included once for each size of a table's entries.
 *
 * The includer defines LANES of a word, CONTEXT (what its functions need to know), CHANNEL_BITS of
 * an input channel, SKIPS_OUTSIDE(g) (whether rows outside the image are left to start_row) and
 * - start_row(context, g, block, accumulators), which sets a row's accumulators before anything is
 *   added to them, and end_row(context, g, block, accumulators), which stores it;
 * - for this size, CONVOLVE (the name of the function that is defined here), LUT (the inner loop)
 *   and MAKE_WORD(g, table, pixels, channels, inside).
 */

/* Adds some channels of an input row, from the channel `first` of a group on, to the output rows
 * that it touches. Returns what follows the weights of these channels. */
static const uint32_t *ADD_CHANNELS(const nnc_bin_geometry *g, const nnc_bin_block *block,
                                    const uint8_t *image, int32_t row, int32_t group,
                                    int32_t first, const uint32_t *weights, uint32_t *table,
                                    uint32_t *accumulators) {
    const int32_t last = g->depth - first <= g->chunk;
    const int32_t channels = last ? g->depth - first : g->chunk;
    const uint32_t *const schedule = last ? g->last_schedule : g->schedule;
    const int32_t outputs = g->out_channels / g->groups;
    const int32_t step = outputs * g->kernel_width * ((channels + 31) / 32);
    for (int32_t word = 0; word < g->words; ++word) {
        const uint8_t *pixels[LANES];
        const uint32_t inside =
            nnc_bin_pixels(g, block, image, row, word, group * g->depth * CHANNEL_BITS / 8,
                           first * CHANNEL_BITS / 8, pixels, LANES);
        MAKE_WORD(g, table + word, pixels, channels, inside);
    }
    accumulators += group * outputs * 8;
    for (int32_t ky = 0; ky < g->kernel_height; ++ky, weights += step) {
        const int32_t y = nnc_bin_touched(g, block, row, ky);
        if (y >= 0) {
            LUT(weights, table, accumulators + y % g->live_rows * g->out_channels * 8, schedule,
                outputs);
        }
    }
    return weights;
}

/* Adds an input row to the output rows that it touches. */
static void ADD_ROW(const nnc_bin_geometry *g, const nnc_bin_block *block, const uint8_t *image,
                    int32_t row, const uint32_t *weights, uint32_t *table,
                    uint32_t *accumulators) {
    int32_t touched = 0;
    for (int32_t ky = 0; ky < g->kernel_height; ++ky) {
        touched |= nnc_bin_touched(g, block, row, ky) >= 0;
    }
    if (!touched || (SKIPS_OUTSIDE(g) && !nnc_bin_row_inside(g, block, row, LANES))) {
        return;
    }
    for (int32_t group = 0; group < g->groups; ++group) {
        for (int32_t first = 0; first < g->depth; first += g->chunk) {
            weights = ADD_CHANNELS(g, block, image, row, group, first, weights, table,
                                   accumulators);
        }
    }
}

static void CONVOLVE(const CONTEXT *context, const nnc_bin_geometry *g, const uint8_t *input,
                     const uint32_t *weights, uint32_t *table, uint32_t *accumulators) {
    const int32_t bands = LANES / g->lanes_x;
    const int32_t width = 4 * g->lanes_x;
    nnc_bin_block block = {0, 0, 0, (g->out_height + bands - 1) / bands};
    const int32_t last_ky = g->kernel_height - 1;
    const int32_t end = (block.band - 1) * g->stride_y + last_ky * g->dilation_y - g->pad_top;
    for (; block.batch < g->batches; ++block.batch) {
        for (block.x = 0; block.x < g->out_width; block.x += width) {
            for (int32_t row = -g->pad_top; row <= end; ++row) {
                block.y = nnc_bin_touched(g, &block, row, 0);
                if (block.y >= 0) {
                    start_row(context, g, &block,
                              accumulators + block.y % g->live_rows * g->out_channels * 8);
                }
                ADD_ROW(g, &block, input, row, weights, table, accumulators);
                block.y = nnc_bin_touched(g, &block, row, last_ky);
                if (block.y >= 0) {
                    end_row(context, g, &block,
                            accumulators + block.y % g->live_rows * g->out_channels * 8);
                }
            }
        }
        input += g->in_height * g->in_width * g->in_bytes;
    }
}
