/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 32 numbers whose bits lie in planes, words of one bit of each: comparisons of all at once, and the
 * numbers themselves.
 */
#ifndef NNC_BIN_LANES_H
#define NNC_BIN_LANES_H

#include <stdint.h>

/* The sign of limit + offset - 2 * count of 32 outputs. */
static inline uint32_t nnc_bin_signs(const uint32_t *limits, int32_t limit_planes, uint32_t offset,
                                     const uint32_t *planes, int32_t count_planes) {
    uint32_t carried = 0;
    uint32_t borrowed = 0;
    uint32_t difference = 0;
    uint32_t count = 0;
    for (int32_t i = 0; i < limit_planes; ++i) {
        const uint32_t limit = limits[i];
        const uint32_t bit = 0U - (offset & 1U);
        const uint32_t odd = limit ^ bit;
        const uint32_t sum = odd ^ carried;
        carried = (limit & bit) | (odd & carried);
        const uint32_t differs = sum ^ count;
        difference = differs ^ borrowed;
        borrowed = (count & ~sum) | (borrowed & ~differs);
        count = i < count_planes ? planes[i] : 0;
        offset >>= 1;
    }
    return difference;
}

/* The bits `8 * byte` to `8 * byte + 7` of eight planes as the bytes of two words: byte i is that of
 * lane i, with a bit of each plane, the first in the lowest. Transposes blocks of bits of 1, 2 and 4
 * a side, as in H. Warren's Hacker's Delight. */
static inline void nnc_bin_transpose(const uint32_t *planes, int32_t shift, uint32_t lanes[2]) {
    uint32_t low = 0;
    uint32_t high = 0;
    for (int32_t i = 0; i < 4; ++i) {
        low |= (planes[i] >> shift & 255U) << (8 * i);
        high |= (planes[i + 4] >> shift & 255U) << (8 * i);
    }
    uint32_t swapped = (low ^ (low >> 7)) & 0x00AA00AAU;
    low ^= swapped ^ (swapped << 7);
    swapped = (high ^ (high >> 7)) & 0x00AA00AAU;
    high ^= swapped ^ (swapped << 7);
    swapped = (low ^ (low >> 14)) & 0x0000CCCCU;
    low ^= swapped ^ (swapped << 14);
    swapped = (high ^ (high >> 14)) & 0x0000CCCCU;
    high ^= swapped ^ (swapped << 14);
    lanes[0] = (low & 0x0F0F0F0FU) | (high << 4 & 0xF0F0F0F0U);
    lanes[1] = (low >> 4 & 0x0F0F0F0FU) | (high & 0xF0F0F0F0U);
}

#endif /* NNC_BIN_LANES_H */
