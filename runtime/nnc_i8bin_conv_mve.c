/* SPDX-License-Identifier: Apache-2.0 */
#define INPUT int8_t
#define SUM int32_t
#define LANES 2
#define ADD "i16"
#include "nnc_bin_mve_tile.h"

#if MVE

/* Where four pixels of two strips are, in turn, from the first row's start on; `inside` is set for
 * those that lie in the image, all others are at 0. */
static inline uint16x8_t locate_pixels(const nnc_bin_mve_geometry *g, const strip *strips,
                                       int32_t down, const int16_t *columns, int32_t base,
                                       int16x8_t *inside) {
    const int32x4_t steps = vldrhq_s32(columns);
    int32x4_t places[2];
    int32x4_t masks[2];
#pragma GCC unroll 2
    for (int32_t lane = 0; lane < 2; ++lane) {
        const strip *const s = strips + lane;
        const int32_t row = s->row + down;
        places[lane] = vdupq_n_s32(0);
        masks[lane] = vdupq_n_s32(0);
        if (row >= 0 && row < g->in_height) {
            const int32x4_t column = vaddq_n_s32(steps, s->column);
            const mve_pred16_t here =
                vcmphiq_u32(vdupq_n_u32((uint32_t)g->in_width), vreinterpretq_u32_s32(column));
            const int32_t first = (s->image + row * g->in_width) * g->in_channels - base;
            const int32x4_t place = vaddq_n_s32(vmulq_n_s32(column, g->in_channels), first);
            places[lane] = vpselq_s32(place, vdupq_n_s32(0), here);
            masks[lane] = vpselq_s32(vdupq_n_s32(0xFFFF), vdupq_n_s32(0), here);
        }
    }
    *inside = vreinterpretq_s16_s32(vsliq_n_s32(masks[0], masks[1], 16));
    return vreinterpretq_u16_s32(vsliq_n_s32(places[0], places[1], 16));
}

/* The 16 entries of four channels. */
static inline void tabulate(uint8_t *t, const int16x8_t a[4]) {
    int16x8_t v = vaddq_s16(vaddq_s16(a[0], a[1]), vaddq_s16(a[2], a[3]));
    const int16x8_t d0 = vshlq_n_s16(a[0], 1);
    const int16x8_t d1 = vshlq_n_s16(a[1], 1);
    const int16x8_t d2 = vshlq_n_s16(a[2], 1);
    const int16x8_t d3 = vshlq_n_s16(a[3], 1);
#define ENTRY(pattern) vstrbq_u8(t + (pattern) * PATTERN, vreinterpretq_u8_s16(v))
#define NEXT(pattern, change) \
    v = change; \
    ENTRY(pattern)
    ENTRY(0);
    NEXT(1, vsubq_s16(v, d0));
    NEXT(3, vsubq_s16(v, d1));
    NEXT(2, vaddq_s16(v, d0));
    NEXT(6, vsubq_s16(v, d2));
    NEXT(7, vsubq_s16(v, d0));
    NEXT(5, vaddq_s16(v, d1));
    NEXT(4, vaddq_s16(v, d0));
    NEXT(12, vsubq_s16(v, d3));
    NEXT(13, vsubq_s16(v, d0));
    NEXT(15, vsubq_s16(v, d1));
    NEXT(14, vaddq_s16(v, d0));
    NEXT(10, vaddq_s16(v, d2));
    NEXT(11, vsubq_s16(v, d0));
    NEXT(9, vaddq_s16(v, d1));
    NEXT(8, vaddq_s16(v, d0));
#undef ENTRY
#undef NEXT
}

static NNC_NOINLINE void fill(const nnc_bin_mve_geometry *g, const int8_t *input,
                              const strip *strips, int32_t down, int32_t word,
                              const int16_t *columns, uint8_t *t) {
    /* Offsets have 16 bits: both strips are in one row of the image, or the input is small. */
    const int32_t row = nnc_max32(0, nnc_min32(strips[0].row + down, g->in_height - 1));
    const int32_t start = g->beside == LANES ? strips[0].image + row * g->in_width : 0;
    const int32_t base = start * g->in_channels;
    int16x8_t inside;
    const uint16x8_t places = locate_pixels(g, strips, down, columns, base, &inside);
    const int16x8_t outside = vbicq_s16(vdupq_n_s16((int16_t)g->outside), inside);
    const int16x8_t nothing = vdupq_n_s16(0);
    int32_t left = g->in_channels - 32 * word;
    const int8_t *from = input + base + 32 * word;
    for (int32_t group = 0; group < 8; ++group, left -= 4, from += 4, t += GROUP) {
        int16x8_t a[4] = {nothing, nothing, nothing, nothing};
#pragma GCC unroll 4
        for (int32_t k = 0; k < 4; ++k) {
            if (k < left) {
                const int16x8_t x = vldrbq_gather_offset_s16(from + k, places);
                a[k] = vorrq_s16(vandq_s16(x, inside), outside);
            }
        }
        tabulate(t, a);
    }
}

/* Adds the even halves of a vector to 4 sums, then the odd ones to the next 4; goes on to the next
 * channel's. */
#define FLUSH(sum, to) \
    "vldrw.u32 q4, [%[" #to "]]\n" \
    "vmovlb.s16 q5, %q[" #sum "]\n" \
    "vadd.i32 q4, q4, q5\n" \
    "vstrw.32 q4, [%[" #to "]], #16\n" \
    "vldrw.u32 q4, [%[" #to "]]\n" \
    "vmovlt.s16 q5, %q[" #sum "]\n" \
    "vadd.i32 q4, q4, q5\n" \
    "vstrw.32 q4, [%[" #to "]], #112\n"

static NNC_NOINLINE const int32_t *add(const int32_t *weights, int32_t channels,
                                       const nnc_bin_mve_pass *pass, const uint8_t *table,
                                       int32_t *const rows[4]) {
    const int32_t steps = pass->steps;
    int32_t *to0 = rows[0];
    int32_t *to1 = rows[1];
    int32_t *to2 = rows[2];
    int32_t *to3 = rows[3];
    for (int32_t channel = 0; channel < channels; ++channel) {
        int16x8_t a = vdupq_n_s16(0);
        int16x8_t b = a;
        int16x8_t c = a;
        int16x8_t d = a;
        for (int32_t step = 0; step < steps; ++step) {
            const int32_t w = *weights++;
            const uint8_t *const t = table + 508 + pass->places[step];
            __asm__ volatile(WORD_STEP
                             : [a] "+w"(a), [b] "+w"(b), [c] "+w"(c), [d] "+w"(d)
                             : [w] "r"(w), [t] "r"(t)
                             : "r12", "q4", "memory");
        }
        __asm__ volatile(FLUSH(a, to0) FLUSH(b, to1) FLUSH(c, to2) FLUSH(d, to3)
                         : [to0] "+r"(to0), [to1] "+r"(to1), [to2] "+r"(to2), [to3] "+r"(to3)
                         : [a] "w"(a), [b] "w"(b), [c] "w"(c), [d] "w"(d)
                         : "q4", "q5", "memory");
    }
    return weights;
}

#else

/* A channel of a pixel. */
static int32_t value(const nnc_bin_mve_geometry *g, const int8_t *input, const strip *s,
                     int32_t down, int32_t column, int32_t channel) {
    const int32_t row = s->row + down;
    if (channel >= g->in_channels) {
        return 0;
    }
    if (row < 0 || row >= g->in_height || column < 0 || column >= g->in_width) {
        return g->outside;
    }
    return input[(s->image + row * g->in_width + column) * g->in_channels + channel];
}

static void fill(const nnc_bin_mve_geometry *g, const int8_t *input, const strip *strips,
                 int32_t down, int32_t word, const int16_t *columns, uint8_t *t) {
    for (int32_t group = 0; group < 8; ++group) {
        for (int32_t i = 0; i < 8; ++i) {
            const strip *const s = strips + i % 2;
            const int32_t column = s->column + columns[i / 2];
            int32_t a[4];
            for (int32_t k = 0; k < 4; ++k) {
                a[k] = value(g, input, s, down, column, 32 * word + 4 * group + k);
            }
            for (int32_t pattern = 0; pattern < 16; ++pattern) {
                int32_t sum = 0;
                for (int32_t k = 0; k < 4; ++k) {
                    sum += (pattern >> k & 1) != 0 ? -a[k] : a[k];
                }
                const int16_t entry = (int16_t)sum;
                memcpy(t + pattern * PATTERN + group * GROUP + 2 * i, &entry, sizeof entry);
            }
        }
    }
}

static const int32_t *add(const int32_t *weights, int32_t channels, const nnc_bin_mve_pass *pass,
                          const uint8_t *table, int32_t *const rows[4]) {
    for (int32_t channel = 0; channel < channels; ++channel) {
        for (int32_t step = 0; step < pass->steps; ++step) {
            const uint32_t w = (uint32_t)*weights++;
            for (int32_t group = 0; group < 8; ++group) {
                const uint8_t *const t = table + (w >> (4 * group) & 15U) * PATTERN +
                                         group * GROUP + pass->places[step];
                for (int32_t i = 0; i < VALUES; ++i) {
                    int32_t *const to = rows[i / 8] + channel * VALUES + i % 2 * 4 + i % 8 / 2;
                    int16_t part;
                    memcpy(&part, t + i / 8 * ROW + i % 8 * 2, sizeof part);
                    *to += part;
                }
            }
        }
    }
    return weights;
}

#endif

static inline int32_t place_of(int32_t i, int32_t j) {
    return 4 * i + j;
}

#if MVE
static inline int32x4_t load_sums(const int32_t *sums, mve_pred16_t present) {
    return vldrwq_gather_shifted_offset_z_s32(
        sums, vmulq_n_u32(vidupq_n_u32(0, 1), VALUES), present);
}
#endif

/* ---- binary outputs ---- */

static void begin(const nnc_bin_mve_geometry *g, const int32_t *bias, int32_t *accumulators) {
    for (int32_t channel = 0; channel < g->out_channels; ++channel) {
#if MVE
        for (int32_t i = 0; i < VALUES; i += 4, accumulators += 4) {
            vstrwq_s32(accumulators, vdupq_n_s32(bias[channel]));
        }
#else
        for (int32_t i = 0; i < VALUES; ++i) {
            *accumulators++ = bias[channel];
        }
#endif
    }
}

void nnc_i8bin_conv_mve_bin(const nnc_bin_mve_geometry *g, const int16_t *passes,
                            const int8_t *input, const int32_t *weights, const int32_t *bias,
                            int32_t *output, void *table, void *strips, void *accumulators) {
    const int32_t words = (g->out_channels + 31) / 32;
    const strip *const tile = strips;
    cursor at = {0, 0, 0};
    while (locate(g, &at, strips)) {
        begin(g, bias, accumulators);
        accumulate(g, passes, input, weights, tile, table, accumulators);
        for (int32_t i = 0; i < VALUES; ++i) {
            if (i % 4 >= tile[i / 4].count) {
                continue;
            }
            int32_t *const to = output + (tile[i / 4].pixel + i % 4) * words;
            for (int32_t word = 0; word < words; ++word) {
                const int32_t *sum = (const int32_t *)accumulators + 32 * word * VALUES + i;
                const int32_t channels = nnc_min32(32, g->out_channels - 32 * word);
                uint32_t bits = 0;
                for (int32_t channel = 0; channel < channels; ++channel, sum += VALUES) {
                    bits |= (uint32_t)*sum >> 31 << channel;
                }
                to[word] = (int32_t)bits;
            }
        }
    }
}

/* ---- int8 and float outputs ---- */

void nnc_i8bin_conv_mve_s8(const nnc_bin_mve_geometry *g, const int16_t *passes,
                           const int8_t *input, const int32_t *weights, const int32_t *bias,
                           const nnc_bin_mve_requantization *r, int8_t *output,
                           void *table, void *strips, void *accumulators) {
    convolve_s8(g, passes, input, weights, bias, r, output, table, strips, accumulators);
}

void nnc_i8bin_conv_mve_f32(const nnc_bin_mve_geometry *g, const int16_t *passes,
                            const int8_t *input, const int32_t *weights, const int32_t *bias,
                            const float *scaling, float *output,
                            void *table, void *strips, void *accumulators) {
    convolve_f32(g, passes, input, weights, bias, scaling, output, table, strips, accumulators);
}
