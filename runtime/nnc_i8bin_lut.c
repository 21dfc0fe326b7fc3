/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_arith.h"
#include "nnc_bin_lut.h"

/* ---- lanes of 16 bits, flushed to words ----
 * A word is the sum of its low lane and 65536 times its high lane, both signed. */

#if NNC_BIN_ASM

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define LOW(low, sums) "sxtah " #low ", " #low ", " #sums "\n"
#else
#define LOW(low, sums) "sxth r2, " #sums "\nadd " #low ", r2\n"
#endif
#define FLUSH(low, high, sums) \
    LOW(low, sums) \
    "add " #sums ", " #sums ", #0x8000\n" \
    "add " #high ", " #high ", " #sums ", asr #16\n"
NNC_BIN_LUT_ONE(nnc_i8bin_lut4, 4, 256, FLUSH)
NNC_BIN_LUT(nnc_i8bin_lut8, 5, 512, FLUSH)
NNC_BIN_LUT(nnc_i8bin_lut16, 6, 1024, FLUSH)
NNC_BIN_LUT_THREE(nnc_i8bin_lut8x3, FLUSH)

#else

#define FLUSH(low, high, sums) \
    (low) += (((sums) & 0xFFFFU) ^ 0x8000U) - 0x8000U; \
    (high) += (uint32_t)((int32_t)((sums) + 0x8000U) >> 16)

NNC_BIN_LUT(nnc_i8bin_lut4, 4, FLUSH)
NNC_BIN_LUT(nnc_i8bin_lut8, 8, FLUSH)
NNC_BIN_LUT(nnc_i8bin_lut16, 16, FLUSH)
NNC_BIN_LUT_THREE(nnc_i8bin_lut8x3, FLUSH)

#endif

/* ---- tables of signed sums ---- */

/* A channel of both pixels. */
static inline uint32_t both(const int8_t *low, const int8_t *high) {
    return (uint32_t)(int32_t)*low + ((uint32_t)(int32_t)*high << 16);
}

/* The 16 entries for four channels: from one entry to the next in this order (a Gray code) a single
 * sign changes. */
static inline void tabulate(uint32_t *t, int32_t entry, uint32_t x0, uint32_t x1, uint32_t x2,
                            uint32_t x3) {
    uint32_t v = x0 + x1 + x2 + x3;
    t[0] = v;
    t[1 * entry] = v -= 2 * x0;
    t[3 * entry] = v -= 2 * x1;
    t[2 * entry] = v += 2 * x0;
    t[6 * entry] = v -= 2 * x2;
    t[7 * entry] = v -= 2 * x0;
    t[5 * entry] = v += 2 * x1;
    t[4 * entry] = v += 2 * x0;
    t[12 * entry] = v -= 2 * x3;
    t[13 * entry] = v -= 2 * x0;
    t[15 * entry] = v -= 2 * x1;
    t[14 * entry] = v += 2 * x0;
    t[10 * entry] = v += 2 * x2;
    t[11 * entry] = v -= 2 * x0;
    t[9 * entry] = v += 2 * x1;
    t[8 * entry] = v += 2 * x0;
}

/* Steps go by 16 channels: those that are missing are 0. */
static inline uint32_t present(const int8_t *low, const int8_t *high, int32_t left) {
    return left > 0 ? both(low, high) : 0;
}

#define TABLE(name, entry) \
    void name(uint32_t *table, const int8_t *low, const int8_t *high, int32_t channels) { \
        const int8_t *const whole = low + channels / 4 * 4; \
        for (; low != whole; low += 4, high += 4, table += 16 * (entry)) { \
            tabulate(table, entry, both(low, high), both(low + 1, high + 1), \
                     both(low + 2, high + 2), both(low + 3, high + 3)); \
        } \
        const int32_t end = (channels + 15) / 16 * 16; \
        for (int32_t channel = channels / 4 * 4; channel < end; channel += 4) { \
            const int32_t left = channels - channel; \
            tabulate(table, entry, present(low, high, left), \
                     present(low + 1, high + 1, left - 1), \
                     present(low + 2, high + 2, left - 2), 0); \
            table += 16 * (entry); \
        } \
    }

TABLE(nnc_i8bin_table4, 4)
TABLE(nnc_i8bin_table8, 8)
TABLE(nnc_i8bin_table16, 16)
