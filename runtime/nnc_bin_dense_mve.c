/* SPDX-License-Identifier: Apache-2.0 */
#define SUM int16_t
#define VALUES 1
#include "nnc_bin_mve_outputs.h"

#define OUTPUTS 128

#if MVE

static inline int32x4_t load_sums(const int16_t *sums, mve_pred16_t present) {
    return vldrhq_z_s32(sums, present);
}

/* Adds bits of one weight to a sum of two bits: `low` stays, `high` is carried. */
#define ADD_BITS(high, low, a, b) \
    do { \
        const uint32x4_t add_ = veorq_u32(low, a); \
        high = vorrq_u32(vandq_u32(low, a), vandq_u32(add_, b)); \
        low = veorq_u32(add_, b); \
    } while (0)

/* Where an input and the weights of 128 outputs differ: `bit` of `word` is the input. */
#define DIFFER(bit) \
    veorq_u32(vldrwq_u32(weights + 4 * (bit)), \
              vdupq_n_u32((uint32_t)((int32_t)(word << (31 - (bit))) >> 31)))

/* Adds eights number `number` to counts of them. Plane `level` has counted whole pairs of carries of
 * its level; one that waits for another stands behind the planes. */
static inline void carry(uint32_t *planes, uint32_t *waiting, int32_t number, uint32x4_t eights) {
    for (; (number & 1) != 0; number >>= 1, planes += 4, waiting += 4) {
        uint32x4_t low = vldrwq_u32(planes);
        uint32x4_t high;
        ADD_BITS(high, low, vldrwq_u32(waiting), eights);
        vstrwq_u32(planes, low);
        eights = high;
    }
    vstrwq_u32(waiting, eights);
}

/* Adds what still waits. */
static void settle(uint32_t *planes, const uint32_t *waiting, int32_t number, int32_t levels) {
    uint32x4_t eights = vdupq_n_u32(0);
    for (int32_t level = 0; level < levels; ++level, planes += 4, waiting += 4, number >>= 1) {
        const uint32x4_t other = (number & 1) != 0 ? vldrwq_u32(waiting) : vdupq_n_u32(0);
        uint32x4_t low = vldrwq_u32(planes);
        uint32x4_t high;
        ADD_BITS(high, low, other, eights);
        vstrwq_u32(planes, low);
        eights = high;
    }
}

/* Dot products of 16 outputs from the bits of their counts. */
static inline void unpack(const uint16_t *planes, int32_t levels, int32_t depth, int16_t *sums) {
    static const uint16_t bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t mask = vldrhq_u16(bits);
    const uint16x8_t upper = vshlq_n_u16(mask, 8);
    int16x8_t low = vdupq_n_s16((int16_t)depth);
    int16x8_t high = low;
    for (int32_t level = 0; level < levels; ++level, planes += 8) {
        const uint16x8_t plane = vdupq_n_u16(*planes);
        const int16_t twice = (int16_t)(uint16_t)(2U << level);
        low = vsubq_m_n_s16(low, low, twice, vcmpneq_n_u16(vandq_u16(plane, mask), 0));
        high = vsubq_m_n_s16(high, high, twice, vcmpneq_n_u16(vandq_u16(plane, upper), 0));
    }
    vstrhq_s16(sums, low);
    vstrhq_s16(sums + 8, high);
}

/* The dot products of an input with the weights of 128 outputs. `planes` are first those of 1, 2 and
 * 4, then those of the eights, then as many that wait. */
static NNC_NOINLINE void multiply(const int32_t *input, const uint32_t *weights, int32_t depth,
                                  uint32_t *planes, int16_t *sums) {
    const int32_t blocks = (depth + 7) / 8;
    uint32_t *const eights = planes + 12;
    int32_t levels = 0;
    while (blocks >> levels != 0) {
        ++levels;
    }
    uint32_t *const waiting = eights + 4 * levels;
    for (int32_t level = 0; level < levels; ++level) {
        vstrwq_u32(eights + 4 * level, vdupq_n_u32(0));
    }
    uint32x4_t ones = vdupq_n_u32(0);
    uint32x4_t twos = ones;
    uint32x4_t fours = ones;
    for (int32_t block = 0; block < blocks; ++block, weights += 32) {
        const uint32_t word = (uint32_t)input[block / 4] >> (block % 4 * 8);
        uint32x4_t two_a;
        uint32x4_t two_b;
        uint32x4_t four_a;
        uint32x4_t four_b;
        uint32x4_t eight;
        ADD_BITS(two_a, ones, DIFFER(0), DIFFER(1));
        ADD_BITS(two_b, ones, DIFFER(2), DIFFER(3));
        ADD_BITS(four_a, twos, two_a, two_b);
        ADD_BITS(two_a, ones, DIFFER(4), DIFFER(5));
        ADD_BITS(two_b, ones, DIFFER(6), DIFFER(7));
        ADD_BITS(four_b, twos, two_a, two_b);
        ADD_BITS(eight, fours, four_a, four_b);
        carry(eights, waiting, block, eight);
    }
    vstrwq_u32(planes, ones);
    vstrwq_u32(planes + 4, twos);
    vstrwq_u32(planes + 8, fours);
    settle(eights, waiting, blocks, levels);
    for (int32_t part = 0; part < 8; ++part) {
        unpack((const uint16_t *)planes + part, levels + 3, depth, sums + 16 * part);
    }
}

#else

static void multiply(const int32_t *input, const uint32_t *weights, int32_t depth,
                     uint32_t *planes, int16_t *sums) {
    (void)planes;
    for (int32_t output = 0; output < OUTPUTS; ++output) {
        int32_t sum = depth;
        for (int32_t k = 0; k < depth; ++k) {
            const uint32_t x = (uint32_t)input[k / 32] >> (k % 32);
            const uint32_t w = weights[4 * k + output / 32] >> (output % 32);
            sum -= 2 * (int32_t)((x ^ w) & 1U);
        }
        sums[output] = (int16_t)sum;
    }
}

#endif

/* The dot products of one row with the weights of all outputs. */
static void dot_products(const nnc_bin_mve_dense *d, const int32_t *input, const int32_t *weights,
                         void *planes, int16_t *sums) {
    const uint32_t *block = (const uint32_t *)weights;
    for (int32_t first = 0; first < d->channels; first += OUTPUTS) {
        multiply(input, block, d->depth, planes, sums + first);
        block += (d->depth + 7) / 8 * 32;
    }
}

void nnc_bin_dense_mve_bin(const nnc_bin_mve_dense *d, const int32_t *input,
                           const int32_t *weights, const int16_t *start, int32_t *output,
                           void *planes, void *sums) {
    for (int32_t row = 0; row < d->rows; ++row, input += (d->depth + 31) / 32) {
        const int16_t *const found = sums;
        dot_products(d, input, weights, planes, sums);
        for (int32_t first = 0; first < d->channels; first += 32) {
            const int32_t count = nnc_min32(32, d->channels - first);
            uint32_t bits = 0;
            for (int32_t i = 0; i < count; ++i) {
                const int32_t sum = found[first + i] + start[first + i];
                bits |= (uint32_t)sum >> 31 << i;
            }
            *output++ = (int32_t)bits;
        }
    }
}

void nnc_bin_dense_mve_s8(const nnc_bin_mve_dense *d, const int32_t *input,
                          const int32_t *weights, const int32_t *bias,
                          const nnc_bin_mve_requantization *r, int8_t *output, void *planes,
                          void *sums) {
    for (int32_t row = 0; row < d->rows; ++row, input += (d->depth + 31) / 32) {
        dot_products(d, input, weights, planes, sums);
        store_pixel_s8(sums, d->channels, bias, r, output + row * d->channels);
    }
}

void nnc_bin_dense_mve_f32(const nnc_bin_mve_dense *d, const int32_t *input,
                           const int32_t *weights, const int32_t *bias, const float *scaling,
                           float *output, void *planes, void *sums) {
    for (int32_t row = 0; row < d->rows; ++row, input += (d->depth + 31) / 32) {
        dot_products(d, input, weights, planes, sums);
        store_pixel_f32(sums, d->channels, bias, scaling, output + row * d->channels);
    }
}
