/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_arith.h"
#include "nnc_bin_lut.h"

/* ---- lanes of 8 bits, flushed to lanes of 16 ---- */

#if NNC_BIN_ASM

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define FLUSH(even, odd, sums) \
    "uxtab16 " #even ", " #even ", " #sums "\n" \
    "uxtab16 " #odd ", " #odd ", " #sums ", ror #8\n"
#else
#define FLUSH(even, odd, sums) \
    "and r2, " #sums ", #0x00ff00ff\n" \
    "add " #even ", r2\n" \
    "bic " #sums ", " #sums ", #0x00ff00ff\n" \
    "add " #odd ", " #odd ", " #sums ", lsr #8\n"
#endif

NNC_BIN_LUT_ONE(nnc_bin_lut4, 4, 256, FLUSH)
NNC_BIN_LUT(nnc_bin_lut8, 5, 512, FLUSH)
NNC_BIN_LUT(nnc_bin_lut16, 6, 1024, FLUSH)
NNC_BIN_LUT_THREE(nnc_bin_lut8x3, FLUSH)

#else

#define FLUSH(even, odd, sums) \
    (even) += (sums) & 0x00FF00FFU; \
    (odd) += ((sums) >> 8) & 0x00FF00FFU

NNC_BIN_LUT(nnc_bin_lut4, 4, FLUSH)
NNC_BIN_LUT(nnc_bin_lut8, 8, FLUSH)
NNC_BIN_LUT(nnc_bin_lut16, 16, FLUSH)
NNC_BIN_LUT_THREE(nnc_bin_lut8x3, FLUSH)

#endif

/* ---- tables of mismatches ---- */

static inline uint32_t rotate_right(uint32_t x, int32_t n) {
    return (x >> n) | (x << ((32 - n) & 31));
}

/* A value that the compiler computes once and keeps in a register. */
static inline uint32_t kept(uint32_t x) {
#if defined(__GNUC__)
    __asm__ volatile("" : "+r"(x));
#endif
    return x;
}

/* The 16 entries for bits `bit` to `bit + 3` of each lane: from one entry to the next in this order
 * (a Gray code) a single weight bit changes. */
static inline void tabulate(uint32_t *t, int32_t entry, uint32_t x, int32_t bit, uint32_t inside,
                            uint32_t start) {
    const uint32_t m0 = inside & rotate_right(x, bit);
    const uint32_t m1 = inside & rotate_right(x, bit + 1);
    const uint32_t m2 = inside & rotate_right(x, bit + 2);
    const uint32_t m3 = inside & rotate_right(x, bit + 3);
    const uint32_t d0 = kept(inside - 2 * m0);
    const uint32_t d1 = kept(inside - 2 * m1);
    const uint32_t d2 = kept(inside - 2 * m2);
    const uint32_t d3 = kept(inside - 2 * m3);
    uint32_t v = kept(start + m0 + m1 + m2 + m3);
    t[0] = v;
    t[1 * entry] = v += d0;
    t[3 * entry] = v += d1;
    t[2 * entry] = v -= d0;
    t[6 * entry] = v += d2;
    t[7 * entry] = v += d0;
    t[5 * entry] = v -= d1;
    t[4 * entry] = v -= d0;
    t[12 * entry] = v += d3;
    t[13 * entry] = v += d0;
    t[15 * entry] = v += d1;
    t[14 * entry] = v -= d0;
    t[10 * entry] = v -= d2;
    t[11 * entry] = v += d0;
    t[9 * entry] = v -= d1;
    t[8 * entry] = v -= d0;
}

/* What four channels (or the last ones) of a padded pixel count: half of each. */
static inline uint32_t padded(int32_t channels, uint32_t outside, int32_t unit) {
    const int32_t present = channels >= 4 ? 4 : channels > 0 ? channels : 0;
    return outside * (uint32_t)(present * unit / 2);
}

/* Steps go by 16 channels: those that are missing are 0 in a pixel. */
static inline int32_t bytes_of(int32_t channels) {
    return (channels + 15) / 16 * 2;
}

/* Puts the bits of eight channels of all pixels where their part of a table will be. A pass of its
 * own: with the tables' own variables, the four pointers would not fit into registers. */
static NNC_NOINLINE void gather(uint32_t *table, const uint8_t *const pixels[4], int32_t bytes,
                                int32_t step, int32_t unit) {
    const uint8_t *p0 = pixels[0];
    const uint8_t *p1 = pixels[1];
    const uint8_t *p2 = pixels[2];
    const uint8_t *p3 = pixels[3];
    const int32_t rotation = (33 - unit) & 31;
    for (const uint8_t *const end = p0 + bytes; p0 != end; table += step) {
        const uint32_t bits = *p0++ | (uint32_t)*p1++ << 8 | (uint32_t)*p2++ << 16 |
                              (uint32_t)*p3++ << 24;
        *table = rotate_right(bits, rotation);
    }
}

#define TABLE(name, entry) \
    void name(uint32_t *table, const uint8_t *const pixels[4], int32_t channels, uint32_t inside, \
              uint32_t outside, int32_t unit) { \
        const int32_t bytes = bytes_of(channels); \
        gather(table, pixels, bytes, 32 * (entry), unit); \
        uint32_t *const whole = table + channels / 8 * 32 * (entry); \
        const uint32_t half = 2 * outside * (uint32_t)unit; \
        for (; table != whole; table += 32 * (entry)) { \
            const uint32_t x = *table; \
            tabulate(table, entry, x, 0, inside, half); \
            tabulate(table + 16 * (entry), entry, x, 4, inside, half); \
        } \
        for (int32_t byte = channels / 8; byte < bytes; ++byte, table += 32 * (entry)) { \
            const uint32_t x = *table; \
            const int32_t left = channels - 8 * byte; \
            tabulate(table, entry, x, 0, inside, padded(left, outside, unit)); \
            tabulate(table + 16 * (entry), entry, x, 4, inside, padded(left - 4, outside, unit)); \
        } \
    }

TABLE(nnc_bin_table4, 4)
TABLE(nnc_bin_table8, 8)
TABLE(nnc_bin_table16, 16)
