/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the pixels of a block lie, for convolutions by tables.
 *
 * A block is the output pixels of a row of accumulators. Its lanes are beside each other in the
 * image as far as that is wide, and else in bands below each other: a band is the output rows that
 * one lane works on.
 */
#ifndef NNC_BIN_CONV_H
#define NNC_BIN_CONV_H

#include <stddef.h>

#include "nnc_arith.h"
#include "nnc_bin.h"

typedef struct {
    int32_t batch;
    int32_t x; /* of the first pixel */
    int32_t y; /* the same, in the first band */
    int32_t band;
} nnc_bin_block;

/* The output pixel of a lane of a word: its number in the output, or -1 if there is none. */
static inline int32_t nnc_bin_pixel(const nnc_bin_geometry *g, const nnc_bin_block *block,
                                    int32_t word, int32_t lane) {
    const int32_t x = block->x + word + 4 * (lane % g->lanes_x);
    const int32_t y = block->y + lane / g->lanes_x * block->band;
    if (x >= g->out_width || y >= g->out_height) {
        return -1;
    }
    return (block->batch * g->out_height + y) * g->out_width + x;
}

/* Whether any lane's row of the input lies in the image. */
static inline int nnc_bin_row_inside(const nnc_bin_geometry *g, const nnc_bin_block *block,
                                     int32_t row, int32_t lanes) {
    for (int32_t lane = 0; lane < lanes; lane += g->lanes_x) {
        const int32_t y = row + lane / g->lanes_x * block->band * g->stride_y;
        if (y >= 0 && y < g->in_height) {
            return 1;
        }
    }
    return 0;
}

/* The output row that an input row touches with a row of the kernel, or -1. */
static inline int32_t nnc_bin_touched(const nnc_bin_geometry *g, const nnc_bin_block *block,
                                      int32_t row, int32_t ky) {
    const int32_t distance = row + g->pad_top - ky * g->dilation_y;
    if (distance < 0 || distance % g->stride_y != 0) {
        return -1;
    }
    const int32_t y = distance / g->stride_y;
    return y < block->band ? y : -1;
}

/* The rows of the kernel that are outside the image for an output row, as bits. */
static inline uint32_t nnc_bin_rows_outside(const nnc_bin_geometry *g, const nnc_bin_block *block,
                                            int32_t lanes) {
    uint32_t rows = 0;
    for (int32_t ky = 0; ky < g->kernel_height; ++ky) {
        const int32_t row = block->y * g->stride_y - g->pad_top + ky * g->dilation_y;
        rows |= nnc_bin_row_inside(g, block, row, lanes) ? 0 : (uint32_t)1 << ky;
    }
    return rows;
}

/* What is added to a channel for rows of the kernel that are outside the image. */
static inline uint32_t nnc_bin_outside_sum(const nnc_bin_geometry *g, int32_t channel,
                                           uint32_t rows) {
    int32_t sum = 0;
    for (const int16_t *row = g->sums + channel; rows != 0; rows >>= 1) {
        sum += (rows & 1U) != 0 ? *row : 0;
        row += g->out_channels;
    }
    return (uint32_t)(sum * g->zero_point);
}

/* Where some channels of the pixels of a word of a table's entries are, for an input row:
 * `pixels[lane]`, if its bit of the result (bit 8 * lane) is set; else the pixel is outside the
 * image and a real 0. The channels start at byte `first` of a group, which starts at byte `group` of
 * a pixel. */
static inline uint32_t nnc_bin_pixels(const nnc_bin_geometry *g, const nnc_bin_block *block,
                                      const uint8_t *image, int32_t row, int32_t word,
                                      int32_t group, int32_t first, const uint8_t **pixels,
                                      int32_t lanes) {
    const int32_t left = block->x * g->stride_x - g->pad_left + g->columns[word];
    uint32_t inside = 0;
    for (int32_t lane = 0; lane < lanes; ++lane) {
        const int32_t x = left + 4 * g->stride_x * (lane % g->lanes_x);
        const int32_t y = row + lane / g->lanes_x * block->band * g->stride_y;
        const uint32_t bit = (uint32_t)1 << (8 * lane);
        if (x >= 0 && x < g->in_width && y >= 0 && y < g->in_height) {
            pixels[lane] = image + (y * g->in_width + x) * g->in_bytes + group + first;
            inside |= bit;
        } else if (g->padding != NULL) {
            pixels[lane] = g->padding + first;
            inside |= bit;
        } else {
            pixels[lane] = image;
        }
    }
    return inside;
}

#endif /* NNC_BIN_CONV_H */
