/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the convolutions for Helium share, whatever their activations are: where the strips of a tile
 * are, and when which table is made.
 *
 * The includer defines INPUT (the type of a stored input), SUM (of an accumulator) and LANES (the
 * strips that have a lane in every word of a table), ADD ("i8" or "i16", a lane's type), and the
 * functions declared here.
 */
#ifndef NNC_BIN_MVE_TILE_H
#define NNC_BIN_MVE_TILE_H

#define STRIPS (4 * LANES)
#define VALUES (4 * STRIPS) /* of an output channel in a tile */

#include "nnc_bin_mve_outputs.h"

#define PATTERN 1024        /* bytes of a table for one pattern of four weight bits */
#define GROUP 128           /* bytes of a pattern for four channels */
#define ROW 32              /* bytes of a group for a row of strips: 8 words */

/* Four output pixels beside each other. */
typedef struct {
    int32_t pixel;  /* the number of the first in the output */
    int32_t count;  /* how many of them exist */
    int32_t row;    /* of the input, for row 0 of the kernel */
    int32_t column; /* of the input, for the first pixel and column 0 of the kernel */
    int32_t image;  /* pixels of the input before its image */
} strip;

typedef struct {
    int32_t batch;
    int32_t y;
    int32_t x;
} cursor;

#define NOWHERE (-(1 << 29))

static strip strip_at(const nnc_bin_mve_geometry *g, int32_t batch, int32_t y, int32_t x) {
    strip s;
    s.pixel = (batch * g->out_height + y) * g->out_width + x;
    s.count = y < g->out_height ? nnc_max32(0, nnc_min32(4, g->out_width - x)) : 0;
    s.row = y * g->stride_y - g->pad_top;
    s.column = x * g->stride_x - g->pad_left;
    s.image = batch * g->in_height * g->in_width;
    return s;
}

static void advance(const nnc_bin_mve_geometry *g, cursor *at, int32_t width, int32_t height) {
    at->x += width;
    if (at->x >= g->out_width) {
        at->x = 0;
        at->y += height;
        if (at->y >= g->out_height) {
            at->y = 0;
            ++at->batch;
        }
    }
}

/* The strips of the next tile; 0 if there are none. */
static int locate(const nnc_bin_mve_geometry *g, cursor *at, strip *strips) {
    if (at->batch >= g->batches) {
        return 0;
    }
    for (int32_t i = 0; i < STRIPS; ++i) {
        if (g->beside > 0) {
            const int32_t lane = i % LANES;
            strips[i] = strip_at(g, at->batch, at->y + i / LANES + lane / g->beside * 4,
                                 at->x + lane % g->beside * 4);
        } else if (at->batch < g->batches) {
            strips[i] = strip_at(g, at->batch, at->y, at->x);
            advance(g, at, 4, 1);
        } else {
            strips[i] = (strip){0, 0, NOWHERE, 0, 0};
        }
    }
    if (g->beside > 0) {
        advance(g, at, 4 * g->beside, STRIPS / g->beside);
    }
    return 1;
}

/* Whether any strip sees the image in a row of the kernel. */
static int sees(const nnc_bin_mve_geometry *g, const strip *strips, int32_t down) {
    for (int32_t i = 0; i < STRIPS; ++i) {
        const int32_t row = strips[i].row + down;
        if (row >= 0 && row < g->in_height) {
            return 1;
        }
    }
    return 0;
}

/* Makes one half (four words) of the entries of a row of strips, for a word of 32 channels and rows
 * of the input that are `down` from the strips'. */
static void fill(const nnc_bin_mve_geometry *g, const INPUT *input, const strip *strips,
                 int32_t down, int32_t word, const int16_t *columns, uint8_t *t);

/* Adds what the weights of all output channels make of a table to the sums of its four rows, which
 * are VALUES apart from channel to channel. Returns what follows the weights. */
static const int32_t *add(const int32_t *weights, int32_t channels, const nnc_bin_mve_pass *pass,
                          const uint8_t *table, SUM *const rows[4]);

/* Makes a table for a row of the kernel, of which it holds four rows of strips already if they were
 * made for another row of the kernel. Returns in which order they are. */
static void tabulate_rows(const nnc_bin_mve_geometry *g, const nnc_bin_mve_pass *pass,
                          const INPUT *input, const strip *strips, int32_t ky, uint8_t *table,
                          int32_t held[4], int32_t order[4]) {
    for (int32_t place = 0; place < 4; ++place) {
        const int32_t row = held[place] - ky * g->dilation_y;
        const int known = row >= 0 && row % g->stride_y == 0 && row / g->stride_y < 4;
        order[place] = known ? row / g->stride_y : -1;
    }
    for (int32_t row = 0; row < 4; ++row) {
        int32_t place = 0;
        while (place < 4 && order[place] != row) {
            ++place;
        }
        if (place < 4) {
            continue;
        }
        place = 0;
        while (order[place] >= 0) {
            ++place;
        }
        order[place] = row;
        held[place] = g->beside > 0 ? ky * g->dilation_y + row * g->stride_y : -1;
        for (int32_t half = 0; half < pass->halves; ++half) {
            fill(g, input, strips + LANES * row, ky * g->dilation_y, pass->words[half],
                 pass->columns + 4 * half, table + place * ROW + 16 * half);
        }
    }
}

/* Adds all products of a tile to its accumulators: for each output channel, row by row. */
static void accumulate(const nnc_bin_mve_geometry *g, const int16_t *passes, const INPUT *input,
                       const int32_t *weights, const strip *strips, uint8_t *table,
                       SUM *accumulators) {
    for (int32_t number = 0; number < g->passes; ++number) {
        nnc_bin_mve_pass pass;
        int32_t held[4] = {-1, -1, -1, -1};
        memcpy(&pass, passes + 16 * number, sizeof pass);
        for (int32_t ky = 0; ky < g->kernel_height; ++ky) {
            int32_t order[4];
            SUM *rows[4];
            if (g->outside == 0 && !sees(g, strips, ky * g->dilation_y)) {
                weights += pass.steps * g->out_channels;
                continue;
            }
            tabulate_rows(g, &pass, input, strips, ky, table, held, order);
            for (int32_t place = 0; place < 4; ++place) {
                rows[place] = accumulators + 4 * LANES * order[place];
            }
            weights = add(weights, g->out_channels, &pass, table, rows);
        }
    }
}

/* Where the value of pixel `j` of strip `i` is among those of an output channel. */
static inline int32_t place_of(int32_t i, int32_t j);

static void convolve_s8(const nnc_bin_mve_geometry *g, const int16_t *passes, const INPUT *input,
                        const int32_t *weights, const int32_t *bias,
                        const nnc_bin_mve_requantization *r, int8_t *output, void *table,
                        void *strips, void *accumulators) {
    const int32_t channels = g->out_channels;
    const strip *const tile = strips;
    cursor at = {0, 0, 0};
    while (locate(g, &at, strips)) {
        memset(accumulators, 0, (size_t)(channels * NNC_BIN_MVE_CHANNEL_BYTES));
        accumulate(g, passes, input, weights, tile, table, accumulators);
        for (int32_t i = 0; i < STRIPS; ++i) {
            for (int32_t j = 0; j < tile[i].count; ++j) {
                const SUM *const sums = (const SUM *)accumulators + place_of(i, j);
                store_pixel_s8(sums, channels, bias, r, output + (tile[i].pixel + j) * channels);
            }
        }
    }
}

static void convolve_f32(const nnc_bin_mve_geometry *g, const int16_t *passes, const INPUT *input,
                         const int32_t *weights, const int32_t *bias, const float *scaling,
                         float *output, void *table, void *strips, void *accumulators) {
    const int32_t channels = g->out_channels;
    const strip *const tile = strips;
    cursor at = {0, 0, 0};
    while (locate(g, &at, strips)) {
        memset(accumulators, 0, (size_t)(channels * NNC_BIN_MVE_CHANNEL_BYTES));
        accumulate(g, passes, input, weights, tile, table, accumulators);
        for (int32_t i = 0; i < STRIPS; ++i) {
            for (int32_t j = 0; j < tile[i].count; ++j) {
                const SUM *const sums = (const SUM *)accumulators + place_of(i, j);
                float *const to = output + (tile[i].pixel + j) * channels;
                store_pixel_f32(sums, channels, bias, scaling, to);
            }
        }
    }
}

#if MVE

/* Adds a group of four channels to the vectors a, b, c and d: the entries of the four weight bits from
 * `bit` on. `t` is 508 bytes
 * into the table: vector loads reach as far in both directions. */
#define LOAD(place, sum) \
    "vldrw.32 q4, [r12, #" #place " - 508]\n" \
    "vadd." ADD " %q[" #sum "], %q[" #sum "], q4\n"
#define GROUP_STEP(bit, place) \
    "ubfx r12, %[w], #" #bit ", #4\n" \
    "add r12, %[t], r12, lsl #10\n" \
    LOAD(place, a) LOAD(place + 32, b) LOAD(place + 64, c) LOAD(place + 96, d)

/* All groups of a word of weights. ADD is the type of a lane. */
#define WORD_STEP \
    GROUP_STEP(0, 0) GROUP_STEP(4, 128) GROUP_STEP(8, 256) GROUP_STEP(12, 384) \
    GROUP_STEP(16, 512) GROUP_STEP(20, 640) GROUP_STEP(24, 768) GROUP_STEP(28, 896)

#endif

#endif /* NNC_BIN_MVE_TILE_H */
