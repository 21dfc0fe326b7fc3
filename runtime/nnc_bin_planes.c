/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_arith.h"
#include "nnc_bin_dense.h"

int32_t nnc_bin_ones(const uint32_t *words, int32_t count) {
    uint32_t total = 0;
    for (int32_t i = 0; i < count; ++i) {
        uint32_t x = words[i];
        x -= (x >> 1) & 0x55555555U;
        x = (x & 0x33333333U) + ((x >> 2) & 0x33333333U);
        x = (x + (x >> 4)) & 0x0F0F0F0FU;
        total += (x * 0x01010101U) >> 24;
    }
    return (int32_t)total;
}

/* The numbers of the bits of a word that are set, the highest first. */
static inline uint16_t *list_word(uint16_t *list, uint32_t word, uint32_t first) {
    while (word != 0) {
        const uint32_t zeros = (uint32_t)nnc_clz32(word);
        *list++ = (uint16_t)(first + 31 - zeros);
        word &= ~(0x80000000U >> zeros);
    }
    return list;
}

int32_t nnc_bin_list(const uint32_t *input, int32_t depth, uint16_t *list, int32_t *length) {
    const int32_t words = (depth + 31) / 32;
    const int32_t ones = nnc_bin_ones(input, words);
    const uint32_t flip = 2 * ones > depth ? 0xFFFFFFFFU : 0;
    const uint32_t last = 0xFFFFFFFFU >> (32 * words - depth);
    uint16_t *end = list;
    for (int32_t i = 0; i < words; ++i) {
        const uint32_t word = (input[i] ^ flip) & (i == words - 1 ? last : 0xFFFFFFFFU);
        end = list_word(end, word, (uint32_t)(32 * i));
    }
    *length = (int32_t)(end - list);
    while ((end - list) % 32 != 0) {
        *end++ = (uint16_t)(32 * words);
    }
    *length = (int32_t)(end - list);
    return ones;
}

/* high and low bit of a + b + c, lane by lane */
#define ADD(high, low, a, b, c) \
    do { \
        const uint32_t a_ = (a); \
        const uint32_t b_ = (b); \
        const uint32_t c_ = (c); \
        const uint32_t odd_ = a_ ^ b_; \
        high = (a_ & b_) | (odd_ & c_); \
        low = odd_ ^ c_; \
    } while (0)

/* Adds the 16 words WORD(first), ... to the planes of 1, 2, 4 and 8; sixteen is what they carry. */
#define ADD_16(sixteen, first) \
    do { \
        uint32_t two_a, two_b, four_a, four_b, eight_a, eight_b; \
        ADD(two_a, one, one, WORD((first) + 0), WORD((first) + 1)); \
        ADD(two_b, one, one, WORD((first) + 2), WORD((first) + 3)); \
        ADD(four_a, two, two, two_a, two_b); \
        ADD(two_a, one, one, WORD((first) + 4), WORD((first) + 5)); \
        ADD(two_b, one, one, WORD((first) + 6), WORD((first) + 7)); \
        ADD(four_b, two, two, two_a, two_b); \
        ADD(eight_a, four, four, four_a, four_b); \
        ADD(two_a, one, one, WORD((first) + 8), WORD((first) + 9)); \
        ADD(two_b, one, one, WORD((first) + 10), WORD((first) + 11)); \
        ADD(four_a, two, two, two_a, two_b); \
        ADD(two_a, one, one, WORD((first) + 12), WORD((first) + 13)); \
        ADD(two_b, one, one, WORD((first) + 14), WORD((first) + 15)); \
        ADD(four_b, two, two, two_a, two_b); \
        ADD(eight_b, four, four, four_a, four_b); \
        ADD(sixteen, eight, eight, eight_a, eight_b); \
    } while (0)

/* Adds a bit of weight 32 to the planes above. */
static inline void carry(uint32_t *planes, int32_t count_planes, uint32_t bit) {
    for (int32_t i = 5; i < count_planes; ++i) {
        const uint32_t before = planes[i];
        planes[i] = before ^ bit;
        bit &= before;
    }
}

#define START \
    uint32_t one = 0, two = 0, four = 0, eight = 0, sixteen = 0; \
    memset(planes, 0, (size_t)count_planes * sizeof *planes)

#define BLOCK \
    do { \
        uint32_t carry_a, carry_b, thirty_two; \
        ADD_16(carry_a, 0); \
        ADD_16(carry_b, 16); \
        ADD(thirty_two, sixteen, sixteen, carry_a, carry_b); \
        carry(planes, count_planes, thirty_two); \
    } while (0)

#define END \
    planes[0] = one; \
    planes[1] = two; \
    planes[2] = four; \
    planes[3] = eight; \
    planes[4] = sixteen

void nnc_bin_count_listed(const uint32_t *weights, const uint16_t *list, int32_t length,
                          uint32_t *planes, int32_t count_planes) {
    START;
#define WORD(i) weights[list[i]]
    for (; length > 0; length -= 32, list += 32) {
        BLOCK;
    }
#undef WORD
    END;
}

void nnc_bin_count_masked(const uint32_t *weights, const uint32_t *input, int32_t words,
                          uint32_t *planes, int32_t count_planes) {
    START;
#define WORD(i) (weights[i] & (uint32_t)((int32_t)(bits << (31 - (i))) >> 31))
    for (; words > 0; --words, weights += 32) {
        const uint32_t bits = *input++;
        BLOCK;
    }
#undef WORD
    END;
}
