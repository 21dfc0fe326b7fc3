/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of int8 activations with binary weights, by a table of sums of four.
 */
#ifndef NNC_I8BIN_DENSE_SUMS_H
#define NNC_I8BIN_DENSE_SUMS_H

#include <string.h>

#include "nnc_arith.h"
#include "nnc_i8bin_dense.h"

/* For each pattern of four bits the sum of four inputs, where a set bit makes one negative: from one
 * entry to the next in this order (a Gray code) a single sign changes. */
static inline void nnc_i8bin_entries(int16_t *t, const int8_t x[4]) {
    int32_t v = x[0] + x[1] + x[2] + x[3];
    const int32_t d0 = 2 * x[0], d1 = 2 * x[1], d2 = 2 * x[2], d3 = 2 * x[3];
    t[0] = (int16_t)v;
    t[1] = (int16_t)(v -= d0);
    t[3] = (int16_t)(v -= d1);
    t[2] = (int16_t)(v += d0);
    t[6] = (int16_t)(v -= d2);
    t[7] = (int16_t)(v -= d0);
    t[5] = (int16_t)(v += d1);
    t[4] = (int16_t)(v += d0);
    t[12] = (int16_t)(v -= d3);
    t[13] = (int16_t)(v -= d0);
    t[15] = (int16_t)(v -= d1);
    t[14] = (int16_t)(v += d0);
    t[10] = (int16_t)(v += d2);
    t[11] = (int16_t)(v -= d0);
    t[9] = (int16_t)(v += d1);
    t[8] = (int16_t)(v += d0);
}

/* Inputs that are missing in the last word count as 0. */
static NNC_NOINLINE void nnc_i8bin_table(int16_t *table, const int8_t *input, int32_t count) {
    const int32_t end = (count + 31) / 32 * 32;
    for (int32_t first = 0; first < end; first += 4, table += 16) {
        int8_t four[4] = {0, 0, 0, 0};
        for (int32_t i = 0; i < 4 && first + i < count; ++i) {
            four[i] = input[first + i];
        }
        nnc_i8bin_entries(table, four);
    }
}

/* The sum of one output. */
static NNC_NOINLINE int32_t nnc_i8bin_sum(const int16_t *table, const uint32_t *weights,
                                          int32_t words) {
    int32_t sum = 0;
    for (; words > 0; --words, table += 128) {
        const uint32_t w = *weights++;
        sum += table[w & 15U];
        sum += table[16 + (w >> 4 & 15U)];
        sum += table[32 + (w >> 8 & 15U)];
        sum += table[48 + (w >> 12 & 15U)];
        sum += table[64 + (w >> 16 & 15U)];
        sum += table[80 + (w >> 20 & 15U)];
        sum += table[96 + (w >> 24 & 15U)];
        sum += table[112 + (w >> 28)];
    }
    return sum;
}

/* The sums of all outputs for one row of the input. */
static NNC_NOINLINE void nnc_i8bin_dense_sums(const nnc_i8bin_dense *d, const int8_t *input,
                                              const int32_t *weights, const int32_t *base,
                                              int16_t *table, int32_t *sums) {
    const uint32_t *next = (const uint32_t *)weights;
    memcpy(sums, base, (size_t)d->outputs * sizeof *sums);
    for (int32_t first = 0; first < d->depth; first += d->chunk) {
        const int32_t count = nnc_min32(d->depth - first, d->chunk);
        const int32_t words = (count + 31) / 32;
        nnc_i8bin_table(table, input + first, count);
        for (int32_t output = 0; output < d->outputs; ++output, next += words) {
            sums[output] += nnc_i8bin_sum(table, next, words);
        }
    }
}

#endif /* NNC_I8BIN_DENSE_SUMS_H */
