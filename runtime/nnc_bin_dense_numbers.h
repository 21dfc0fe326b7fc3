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

/* The lowest bit of every plane, as a number. */
static inline int32_t count_of(const uint32_t *planes, int32_t count_planes, int32_t lane) {
    uint32_t count = 0;
    for (const uint32_t *plane = planes + count_planes; plane != planes;) {
        count = count << 1 | (*--plane >> lane & 1U);
    }
    return (int32_t)count;
}

static NNC_NOINLINE void finish(const context_numbers *context, const nnc_bin_dense *d, int32_t row,
                                int32_t word, const uint32_t *planes, int32_t ones, int absent) {
    /* A copy, which no output that is stored can change. */
    const EPILOGUE epilogue = *context->epilogue;
    const int32_t first = 32 * word;
    const int32_t *const base = epilogue.base + (absent ? d->outputs : 0);
    const int32_t factor = absent ? -4 : 4;
    for (int32_t lane = 0; lane < 32 && first + lane < d->outputs; ++lane) {
        const int32_t count = count_of(planes, d->count_planes, lane);
        const int32_t sum = base[first + lane] - 2 * ones + factor * count;
        context->output[row * d->outputs + first + lane] = FINISH(&epilogue, sum, first + lane);
    }
}

#define CONTEXT context_numbers
#include "nnc_bin_dense_loops.h"

#endif /* NNC_BIN_DENSE_NUMBERS_H */
