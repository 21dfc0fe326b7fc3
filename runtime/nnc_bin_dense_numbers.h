/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epilogue of binary dense layers that makes numbers of the counters.
 *
 * A file that includes this has defined EPILOGUE (a struct with a `base`), OUTPUT (the type of an
 * output) and FINISH(epilogue, sum, output).
 */
#ifndef NNC_BIN_DENSE_NUMBERS_H
#define NNC_BIN_DENSE_NUMBERS_H

#include "nnc_bin_dense.h"
#include "nnc_bin_outputs.h"

typedef struct {
    const EPILOGUE *epilogue;
    OUTPUT *output;
} context_numbers;

/* The bits `8 * byte` to `8 * byte + 7` of eight planes as the bytes of two words: byte i is that of
 * lane i, with a bit of each plane, the first in the lowest. Transposes blocks of bits of 1, 2 and 4
 * a side, as in H. Warren's Hacker's Delight. */
static inline void transpose(const uint32_t *planes, int32_t shift, uint32_t lanes[2]) {
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

static NNC_NOINLINE void finish(const context_numbers *context, const nnc_bin_dense *d, int32_t row,
                                int32_t word, const uint32_t *planes, int32_t ones, int absent) {
    /* A copy, which no output that is stored can change. */
    const EPILOGUE epilogue = *context->epilogue;
    const int32_t first = 32 * word;
    const int32_t *const base = epilogue.base + first + (absent ? d->outputs : 0);
    const int32_t factor = absent ? -4 : 4;
    OUTPUT *const output = context->output + row * d->outputs + first;
    const int32_t lanes = nnc_min32(d->outputs - first, 32);
    for (int32_t start = 0; start < lanes; start += 8) {
        uint32_t low[2];
        uint32_t high[2];
        transpose(planes, start, low);
        transpose(planes + 8, start, high);
        for (int32_t lane = 0; lane < 8 && start + lane < lanes; ++lane) {
            const int32_t shift = lane % 4 * 8;
            const uint32_t count = (low[lane / 4] >> shift & 255U) |
                                   (high[lane / 4] >> shift & 255U) << 8;
            const int32_t sum = base[start + lane] - 2 * ones + factor * (int32_t)count;
            output[start + lane] = FINISH(&epilogue, sum, first + start + lane);
        }
    }
}

#define CONTEXT context_numbers
#include "nnc_bin_dense_loops.h"

#endif /* NNC_BIN_DENSE_NUMBERS_H */
