/* SPDX-License-Identifier: Apache-2.0 */
#define INPUT int32_t
#define SUM int16_t
#define LANES 4
#define ADD "i8"
#include "nnc_bin_mve_tile.h"

#if MVE

/* Four pixels of four strips: one byte of channels of each in a vector, the next in the next.
 * Returns which of the pixels lie in the image, as masks. */
static inline int8x16_t gather(const nnc_bin_mve_geometry *g, const int32_t *input,
                               const strip *strips, int32_t down, int32_t word,
                               const int16_t *columns, uint8x16_t planes[4]) {
    const int32_t words = (g->in_channels + 31) / 32;
    const int32x4_t steps = vldrhq_s32(columns);
    uint32x4_t inside = vdupq_n_u32(0);
    uint32x4_t pixels[4];
#pragma GCC unroll 4
    for (int32_t lane = 0; lane < 4; ++lane) {
        const strip *const s = strips + lane;
        const int32_t row = s->row + down;
        pixels[lane] = vdupq_n_u32(0);
        if (row >= 0 && row < g->in_height) {
            const int32_t *const base = input + (s->image + row * g->in_width) * words + word;
            const uint32x4_t column = vreinterpretq_u32_s32(vaddq_n_s32(steps, s->column));
            const mve_pred16_t here = vcmphiq_u32(vdupq_n_u32((uint32_t)g->in_width), column);
            const uint32x4_t place = vmulq_n_u32(column, (uint32_t)words);
            pixels[lane] =
                vldrwq_gather_shifted_offset_z_u32((const uint32_t *)base, place, here);
            inside = vorrq_u32(
                inside, vpselq_u32(vdupq_n_u32(0xFFU << (8 * lane)), vdupq_n_u32(0), here));
        }
    }
#define PLANE(k) \
    vreinterpretq_u8_u32(vsliq_n_u32( \
        vsliq_n_u32(vsliq_n_u32(vshrq_n_u32(pixels[0], k), vshrq_n_u32(pixels[1], k), 8), \
                    vshrq_n_u32(pixels[2], k), 16), \
        vshrq_n_u32(pixels[3], k), 24))
    planes[0] = vreinterpretq_u8_u32(
        vsliq_n_u32(vsliq_n_u32(vsliq_n_u32(pixels[0], pixels[1], 8), pixels[2], 16), pixels[3],
                    24));
    planes[1] = PLANE(8);
    planes[2] = PLANE(16);
    planes[3] = PLANE(24);
#undef PLANE
    return vreinterpretq_s8_u32(inside);
}

/* The 16 entries of four channels (of which the first `count` exist), the lowest bits of a byte. */
static inline void tabulate(uint8_t *t, uint8x16_t bits, int32_t count, int8x16_t inside,
                            int padded, int8x16_t outside) {
    const int8x16_t one = vdupq_n_s8(1);
    const int8x16_t x = vreinterpretq_s8_u8(bits);
    int8x16_t a[4];
    a[0] = vandq_s8(vorrq_s8(vshrq_n_s8(vshlq_n_s8(x, 7), 7), one), inside);
    a[1] = vandq_s8(vorrq_s8(vshrq_n_s8(vshlq_n_s8(x, 6), 7), one), inside);
    a[2] = vandq_s8(vorrq_s8(vshrq_n_s8(vshlq_n_s8(x, 5), 7), one), inside);
    a[3] = vandq_s8(vorrq_s8(vshrq_n_s8(vshlq_n_s8(x, 4), 7), one), inside);
    if (padded) {
        a[0] = vorrq_s8(a[0], outside);
        a[1] = vorrq_s8(a[1], outside);
        a[2] = vorrq_s8(a[2], outside);
        a[3] = vorrq_s8(a[3], outside);
    }
    if (count < 4) {
        const int8x16_t nothing = vdupq_n_s8(0);
        a[0] = count < 1 ? nothing : a[0];
        a[1] = count < 2 ? nothing : a[1];
        a[2] = count < 3 ? nothing : a[2];
        a[3] = nothing;
    }
    int8x16_t v = vaddq_s8(vaddq_s8(a[0], a[1]), vaddq_s8(a[2], a[3]));
    const int8x16_t d0 = vshlq_n_s8(a[0], 1);
    const int8x16_t d1 = vshlq_n_s8(a[1], 1);
    const int8x16_t d2 = vshlq_n_s8(a[2], 1);
    const int8x16_t d3 = vshlq_n_s8(a[3], 1);
#define ENTRY(pattern) vstrbq_s8((int8_t *)t + (pattern) * PATTERN, v)
#define NEXT(pattern, change) \
    v = change; \
    ENTRY(pattern)
    ENTRY(0);
    NEXT(1, vsubq_s8(v, d0));
    NEXT(3, vsubq_s8(v, d1));
    NEXT(2, vaddq_s8(v, d0));
    NEXT(6, vsubq_s8(v, d2));
    NEXT(7, vsubq_s8(v, d0));
    NEXT(5, vaddq_s8(v, d1));
    NEXT(4, vaddq_s8(v, d0));
    NEXT(12, vsubq_s8(v, d3));
    NEXT(13, vsubq_s8(v, d0));
    NEXT(15, vsubq_s8(v, d1));
    NEXT(14, vaddq_s8(v, d0));
    NEXT(10, vaddq_s8(v, d2));
    NEXT(11, vsubq_s8(v, d0));
    NEXT(9, vaddq_s8(v, d1));
    NEXT(8, vaddq_s8(v, d0));
#undef ENTRY
#undef NEXT
}

static NNC_NOINLINE void fill(const nnc_bin_mve_geometry *g, const int32_t *input,
                              const strip *strips, int32_t down, int32_t word,
                              const int16_t *columns, uint8_t *t) {
    uint8x16_t planes[4];
    const int8x16_t inside = gather(g, input, strips, down, word, columns, planes);
    const int8x16_t outside = vbicq_s8(vdupq_n_s8((int8_t)g->outside), inside);
    const int padded = g->outside != 0;
    int32_t left = g->in_channels - 32 * word;
    for (int32_t k = 0; k < 4; ++k, left -= 8, t += 2 * GROUP) {
        tabulate(t, planes[k], left, inside, padded, outside);
        tabulate(t + GROUP, vshrq_n_u8(planes[k], 4), left - 4, inside, padded, outside);
    }
}

/* Adds the even bytes of a vector to 8 sums, then the odd ones to the next 8; goes on to the next
 * channel's. */
#define FLUSH(sum, to) \
    "vldrh.u16 q4, [%[" #to "]]\n" \
    "vmovlb.s8 q5, %q[" #sum "]\n" \
    "vadd.i16 q4, q4, q5\n" \
    "vstrh.16 q4, [%[" #to "]], #16\n" \
    "vldrh.u16 q4, [%[" #to "]]\n" \
    "vmovlt.s8 q5, %q[" #sum "]\n" \
    "vadd.i16 q4, q4, q5\n" \
    "vstrh.16 q4, [%[" #to "]], #112\n"

static NNC_NOINLINE const int32_t *add(const int32_t *weights, int32_t channels,
                                       const nnc_bin_mve_pass *pass, const uint8_t *table,
                                       int16_t *const rows[4]) {
    const int32_t steps = pass->steps;
    int16_t *to0 = rows[0];
    int16_t *to1 = rows[1];
    int16_t *to2 = rows[2];
    int16_t *to3 = rows[3];
    for (int32_t channel = 0; channel < channels; ++channel) {
        int8x16_t a = vdupq_n_s8(0);
        int8x16_t b = a;
        int8x16_t c = a;
        int8x16_t d = a;
        for (int32_t step = 0; step < steps; ++step) {
            const int32_t w = *weights++;
            const uint8_t *const t = table + 508 + pass->places[step];
            __asm__ volatile(
                WORD_STEP
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

/* The number that channel `channel` of a pixel counts as. */
static int32_t value(const nnc_bin_mve_geometry *g, const int32_t *input, const strip *s,
                     int32_t down, int32_t column, int32_t channel) {
    const int32_t words = (g->in_channels + 31) / 32;
    const int32_t row = s->row + down;
    if (channel >= g->in_channels) {
        return 0;
    }
    if (row < 0 || row >= g->in_height || column < 0 || column >= g->in_width) {
        return g->outside;
    }
    const int32_t *const pixel = input + (s->image + row * g->in_width + column) * words;
    return 1 - 2 * (int32_t)((uint32_t)pixel[channel / 32] >> (channel % 32) & 1U);
}

static void fill(const nnc_bin_mve_geometry *g, const int32_t *input, const strip *strips,
                 int32_t down, int32_t word, const int16_t *columns, uint8_t *t) {
    for (int32_t group = 0; group < 8; ++group) {
        for (int32_t i = 0; i < 16; ++i) {
            const strip *const s = strips + i % 4;
            const int32_t column = s->column + columns[i / 4];
            int32_t a[4];
            for (int32_t k = 0; k < 4; ++k) {
                a[k] = value(g, input, s, down, column, 32 * word + 4 * group + k);
            }
            for (int32_t pattern = 0; pattern < 16; ++pattern) {
                int32_t sum = 0;
                for (int32_t k = 0; k < 4; ++k) {
                    sum += (pattern >> k & 1) != 0 ? -a[k] : a[k];
                }
                t[pattern * PATTERN + group * GROUP + i] = (uint8_t)sum;
            }
        }
    }
}

static const int32_t *add(const int32_t *weights, int32_t channels, const nnc_bin_mve_pass *pass,
                          const uint8_t *table, int16_t *const rows[4]) {
    for (int32_t channel = 0; channel < channels; ++channel) {
        for (int32_t step = 0; step < pass->steps; ++step) {
            const uint32_t w = (uint32_t)*weights++;
            for (int32_t group = 0; group < 8; ++group) {
                const uint8_t *const t = table + (w >> (4 * group) & 15U) * PATTERN +
                                         group * GROUP + pass->places[step];
                for (int32_t i = 0; i < VALUES; ++i) {
                    int16_t *const to = rows[i / 16] + channel * VALUES + i % 2 * 8 + i % 16 / 2;
                    *to = (int16_t)(*to + (int8_t)t[i / 16 * ROW + i % 16]);
                }
            }
        }
    }
    return weights;
}

#endif

/* For each row the 8 values of strips 0 and 2 (in turn, pixel by pixel), then of strips 1 and 3. */
static inline int32_t place_of(int32_t i, int32_t j) {
    return i / 4 * 16 + i % 2 * 8 + 2 * j + i % 4 / 2;
}

#if MVE
static inline int32x4_t load_sums(const int16_t *sums, mve_pred16_t present) {
    return vldrhq_gather_shifted_offset_z_s32(
        sums, vmulq_n_u32(vidupq_n_u32(0, 1), VALUES), present);
}
#endif

/* ---- binary outputs ---- */

/* The signs of up to 16 output channels, a bit each of 64 values. */
static void gather_signs(const int16_t *accumulators, int32_t channels, uint16_t *bits) {
    for (int32_t part = 0; part < VALUES; part += 8) {
#if MVE
        uint16x8_t signs = vdupq_n_u16(0);
        for (int32_t channel = 0; channel < channels; ++channel) {
            const int16_t *const from = accumulators + channel * VALUES + part;
            signs = vsriq_n_u16(vreinterpretq_u16_s16(vldrhq_s16(from)), signs, 1);
        }
        vstrhq_u16(bits + part, vshlq_u16(signs, vdupq_n_s16((int16_t)(channels - 16))));
#else
        for (int32_t i = part; i < part + 8; ++i) {
            uint32_t signs = 0;
            for (int32_t channel = 0; channel < channels; ++channel) {
                signs |= (uint32_t)(accumulators[channel * VALUES + i] < 0) << channel;
            }
            bits[i] = (uint16_t)signs;
        }
#endif
    }
}

static void start_signs(const nnc_bin_mve_geometry *g, const int16_t *start,
                        int16_t *accumulators) {
    for (int32_t channel = 0; channel < g->out_channels; ++channel) {
#if MVE
        for (int32_t i = 0; i < VALUES; i += 8, accumulators += 8) {
            vstrhq_s16(accumulators, vdupq_n_s16(start[channel]));
        }
#else
        for (int32_t i = 0; i < VALUES; ++i) {
            *accumulators++ = start[channel];
        }
#endif
    }
}

void nnc_bin_conv_mve_bin(const nnc_bin_mve_geometry *g, const int16_t *passes,
                          const int32_t *input, const int32_t *weights, const int16_t *start,
                          int32_t *output, void *table, void *strips, void *accumulators) {
    const int32_t words = (g->out_channels + 31) / 32;
    strip *const tile = strips;
    uint16_t *const bits = table; /* free again */
    cursor at = {0, 0, 0};
    while (locate(g, &at, tile)) {
        start_signs(g, start, accumulators);
        accumulate(g, passes, input, weights, tile, table, accumulators);
        for (int32_t word = 0; word < words; ++word) {
            const int16_t *const sums = (const int16_t *)accumulators + 32 * VALUES * word;
            const int32_t left = g->out_channels - 32 * word;
            gather_signs(sums, nnc_min32(left, 16), bits);
            gather_signs(sums + 16 * VALUES, nnc_max32(nnc_min32(left - 16, 16), 0),
                         bits + VALUES);
            for (int32_t i = 0; i < STRIPS; ++i) {
                int32_t *to = output + tile[i].pixel * words + word;
                for (int32_t j = 0; j < tile[i].count; ++j, to += words) {
                    const uint16_t *const from = bits + place_of(i, j);
                    *to = (int32_t)(from[0] | (uint32_t)from[VALUES] << 16);
                }
            }
        }
    }
}

/* ---- int8 and float outputs ---- */

void nnc_bin_conv_mve_s8(const nnc_bin_mve_geometry *g, const int16_t *passes,
                         const int32_t *input, const int32_t *weights, const int32_t *bias,
                         const nnc_bin_mve_requantization *r, int8_t *output,
                         void *table, void *strips, void *accumulators) {
    convolve_s8(g, passes, input, weights, bias, r, output, table, strips, accumulators);
}

void nnc_bin_conv_mve_f32(const nnc_bin_mve_geometry *g, const int16_t *passes,
                          const int32_t *input, const int32_t *weights, const int32_t *bias,
                          const float *scaling, float *output,
                          void *table, void *strips, void *accumulators) {
    convolve_f32(g, passes, input, weights, bias, scaling, output, table, strips, accumulators);
}
