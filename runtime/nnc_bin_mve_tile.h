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

#include "nnc_arith.h"
#include "nnc_bin_mve.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(NNC_NO_MVE)
#include <arm_mve.h>
#define MVE 1
#else
#define MVE 0
#endif

#define STRIPS (4 * LANES)
#define VALUES (4 * STRIPS) /* of an output channel in a tile */
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

#if MVE

/* Sums of up to four output channels. */
static inline int32x4_t load_sums(const SUM *sums, mve_pred16_t present);

/* The outputs of one pixel, rounded twice. */
static void store_pixel(const SUM *sums, int32_t channels, const int32_t *bias,
                        const nnc_bin_mve_requantization *r, int8_t *to) {
    for (int32_t c = 0; c < channels; c += 4, sums += 4 * VALUES) {
        const mve_pred16_t present = vctp32q((uint32_t)(channels - c));
        const int32x4_t shift = vldrwq_z_s32(r->shift + c, present);
        const int32x4_t zero = vdupq_n_s32(0);
        const int32x4_t right = vminq_s32(shift, zero);
        int32x4_t v = vaddq_s32(load_sums(sums, present), vldrwq_z_s32(bias + c, present));
        v = vqrdmulhq_s32(vshlq_s32(v, vmaxq_s32(shift, zero)),
                          vldrwq_z_s32(r->multiplier + c, present));
        /* Ties go away from zero: one less where that is down. */
        v = vrshlq_s32(vaddq_s32(v, vshrq_n_s32(vandq_s32(v, right), 31)), right);
        v = vaddq_n_s32(v, r->zero_point);
        v = vminq_s32(vmaxq_s32(v, vdupq_n_s32(r->min)), vdupq_n_s32(r->max));
        vstrbq_p_s32(to + c, v, present);
    }
}

#else

static void store_pixel(const SUM *sums, int32_t channels, const int32_t *bias,
                        const nnc_bin_mve_requantization *r, int8_t *to) {
    for (int32_t c = 0; c < channels; ++c, sums += VALUES) {
        const int32_t acc = nnc_wrap_add32(*sums, bias[c]);
        const int32_t scaled = nnc_requantize_double(acc, r->multiplier[c], r->shift[c]);
        to[c] = nnc_clamp_i8(nnc_wrap_add32(scaled, r->zero_point), (int8_t)r->min,
                             (int8_t)r->max);
    }
}

#endif

/* The outputs of one pixel by an affine formula. */
static void store_pixel_affine(const SUM *sums, int32_t channels, const int32_t *bias,
                               const nnc_bin_mve_requantization *r, int8_t *to) {
    for (int32_t c = 0; c < channels; ++c, sums += VALUES) {
        const int32_t acc = nnc_wrap_add32(*sums, bias[c]);
        const int32_t scaled =
            nnc_requantize_affine(acc, r->multiplier[c], r->constant[c], r->shift[c]);
        to[c] = nnc_clamp_i8(scaled, (int8_t)r->min, (int8_t)r->max);
    }
}

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
                int8_t *const to = output + (tile[i].pixel + j) * channels;
                if (r->constant == NULL) {
                    store_pixel(sums, channels, bias, r, to);
                } else {
                    store_pixel_affine(sums, channels, bias, r, to);
                }
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
                const SUM *sums = (const SUM *)accumulators + place_of(i, j);
                float *const to = output + (tile[i].pixel + j) * channels;
                for (int32_t c = 0; c < channels; ++c, sums += VALUES) {
                    const float real = (float)nnc_wrap_add32(*sums, bias[c]) * scaling[2];
                    to[c] = real < scaling[0] ? scaling[0] : real > scaling[1] ? scaling[1] : real;
                }
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
