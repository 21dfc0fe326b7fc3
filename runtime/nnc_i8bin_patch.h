/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions of int8 images with few channels: the numbers of a window become the channels of a
 * pixel, so that they fill tables and words of weights, and no row of a kernel has tables of its own.
 * After nnc_i8bin_sizes.h.
 */
#ifndef NNC_I8BIN_PATCH_H
#define NNC_I8BIN_PATCH_H

#include <string.h>

/* The numbers of the window of a lane's output pixel: the zero point is around the image. */
static void make_patch(const nnc_bin_geometry *g, const nnc_bin_block *block, const uint8_t *image,
                       int32_t word, int32_t lane, uint8_t *patch) {
    const nnc_bin_patches *const p = g->patches;
    const int32_t left =
        (block->x + word + 4 * (lane % g->lanes_x)) * p->stride_x - p->pad_left;
    int32_t y = (block->y + lane / g->lanes_x * block->band) * p->stride_y - p->pad_top;
    const uint8_t around = (uint8_t)g->zero_point;
    const int32_t whole =
        p->dilation_x == 1 && left >= 0 && left + p->kernel_width <= p->in_width;
    for (int32_t ky = 0; ky < p->kernel_height; ++ky, y += p->dilation_y) {
        const int32_t row_inside = y >= 0 && y < p->in_height;
        const uint8_t *const row = image + (row_inside ? y : 0) * p->in_width * p->in_channels;
        if (row_inside && whole) {
            const uint8_t *from = row + left * p->in_channels;
            for (int32_t i = p->kernel_width * p->in_channels; i > 0; --i) {
                *patch++ = *from++;
            }
            continue;
        }
        int32_t x = left;
        for (int32_t kx = 0; kx < p->kernel_width; ++kx, x += p->dilation_x) {
            const int32_t inside = row_inside && x >= 0 && x < p->in_width;
            const uint8_t *from = row + (inside ? x : 0) * p->in_channels;
            for (int32_t channel = p->in_channels; channel > 0; --channel) {
                *patch++ = inside ? *from++ : around;
            }
        }
    }
}

static void convolve_patch(const CONTEXT *context, const nnc_bin_geometry *g, const uint8_t *input,
                           const uint32_t *weights, uint32_t *table, uint32_t *accumulators) {
    const nnc_bin_patches *const p = g->patches;
    const int32_t bands = LANES / g->lanes_x;
    /* After the table: 16 entries of 4 words for each 4 channels, of which there are 16 at a time. */
    uint8_t *const patches = (uint8_t *)(table + (g->depth + 15) / 16 * 256);
    nnc_bin_block block = {0, 0, 0, (g->out_height + bands - 1) / bands};
    for (; block.batch < g->batches; ++block.batch) {
        for (block.x = 0; block.x < g->out_width; block.x += 4 * g->lanes_x) {
            for (block.y = 0; block.y < block.band; ++block.y) {
                start_row(context, g, &block, accumulators);
                for (int32_t word = 0; word < 4; ++word) {
                    make_patch(g, &block, input, word, 0, patches);
                    make_patch(g, &block, input, word, 1, patches + g->depth);
                    nnc_i8bin_table4(table + word, (const int8_t *)patches,
                                     (const int8_t *)patches + g->depth, g->depth);
                }
                nnc_i8bin_lut4(weights, table, accumulators, g->schedule, g->out_channels);
                end_row(context, g, &block, accumulators);
            }
        }
        input += p->in_height * p->in_width * p->in_channels;
    }
}

#endif /* NNC_I8BIN_PATCH_H */
