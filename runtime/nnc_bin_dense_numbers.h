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
#include "nnc_bin_lanes.h"

typedef struct {
    const EPILOGUE *epilogue;
    OUTPUT *output;
} context_numbers;

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
        nnc_bin_transpose(planes, start, low);
        nnc_bin_transpose(planes + 8, start, high);
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
