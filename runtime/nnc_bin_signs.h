/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons of 32 numbers at once, whose bits lie in planes: words of one bit of each.
 */
#ifndef NNC_BIN_SIGNS_H
#define NNC_BIN_SIGNS_H

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

#endif /* NNC_BIN_SIGNS_H */
