/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mismatches of an input with the weights of one output, which lie in a row of words.
 */
#ifndef NNC_BIN_ROWS_H
#define NNC_BIN_ROWS_H

#include "nnc_arith.h"
#include "nnc_bin_dense.h"

static inline int32_t nnc_bin_bits(uint32_t x) {
    x -= (x >> 1) & 0x55555555U;
    x = (x & 0x33333333U) + ((x >> 2) & 0x33333333U);
    x = (x + (x >> 4)) & 0x0F0F0F0FU;
    return (int32_t)((x * 0x01010101U) >> 24);
}

/* Adds two words to `low`, lane by lane; what they carry goes to `high`. */
#define NNC_BIN_CARRY(high, low, a, b) \
    do { \
        const uint32_t a_ = (a); \
        const uint32_t b_ = (b); \
        const uint32_t odd_ = low ^ a_; \
        high = (low & a_) | (odd_ & b_); \
        low = odd_ ^ b_; \
    } while (0)

/* Eight words at a time are added up lane by lane, and only what they carry is counted. */
static NNC_NOINLINE int32_t nnc_bin_mismatches(const uint32_t *x, const uint32_t *w,
                                               int32_t words) {
    uint32_t one = 0, two = 0, four = 0;
    int32_t eights = 0;
    for (; words >= 8; words -= 8, x += 8, w += 8) {
        uint32_t two_a, two_b, four_a, four_b, eight;
        NNC_BIN_CARRY(two_a, one, x[0] ^ w[0], x[1] ^ w[1]);
        NNC_BIN_CARRY(two_b, one, x[2] ^ w[2], x[3] ^ w[3]);
        NNC_BIN_CARRY(four_a, two, two_a, two_b);
        NNC_BIN_CARRY(two_a, one, x[4] ^ w[4], x[5] ^ w[5]);
        NNC_BIN_CARRY(two_b, one, x[6] ^ w[6], x[7] ^ w[7]);
        NNC_BIN_CARRY(four_b, two, two_a, two_b);
        NNC_BIN_CARRY(eight, four, four_a, four_b);
        eights += nnc_bin_bits(eight);
    }
    int32_t count = 8 * eights + 4 * nnc_bin_bits(four) + 2 * nnc_bin_bits(two);
    count += nnc_bin_bits(one);
    for (; words > 0; --words) {
        count += nnc_bin_bits(*x++ ^ *w++);
    }
    return count;
}

#endif /* NNC_BIN_ROWS_H */
