/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epilogue of binary depthwise convolutions that makes numbers of the counts.
 *
 * A file that includes this has defined EPILOGUE (a struct with a `base`), OUTPUT (the type of an
 * output) and FINISH(epilogue, sum, channel).
 */
#ifndef NNC_BIN_DEPTHWISE_NUMBERS_H
#define NNC_BIN_DEPTHWISE_NUMBERS_H

#include "nnc_bin_depthwise.h"
#include "nnc_bin_lanes.h"
#include "nnc_bin_outputs.h"

typedef struct {
    const EPILOGUE *epilogue;
    OUTPUT *output;
} context_numbers;

#define CONTEXT context_numbers

static NNC_NOINLINE void finish(const context_numbers *context, const nnc_bin_depthwise *d,
                                int32_t pixel, int32_t word, const uint32_t *planes,
                                int32_t taps) {
    /* A copy, which no output that is stored can change. */
    const EPILOGUE epilogue = *context->epilogue;
    OUTPUT *const output = context->output + pixel * d->channels;
    const int32_t first = 32 * word;
    const int32_t lanes = nnc_min32(d->channels - first, 32);
    for (int32_t start = 0; start < lanes; start += 8) {
        uint32_t low[2];
        uint32_t high[2] = {0, 0};
        nnc_bin_transpose(planes, start, low);
        if (d->count_planes > 8) {
            nnc_bin_transpose(planes + 8, start, high);
        }
        for (int32_t lane = 0; lane < 8 && start + lane < lanes; ++lane) {
            const int32_t channel = first + start + lane;
            const int32_t shift = lane % 4 * 8;
            const uint32_t mismatches =
                (low[lane / 4] >> shift & 255U) | (high[lane / 4] >> shift & 255U) << 8;
            const int32_t sum = epilogue.base[channel] + taps - 2 * (int32_t)mismatches;
            output[channel] = FINISH(&epilogue, sum, channel);
        }
    }
}

#include "nnc_bin_depthwise_loops.h"

#endif /* NNC_BIN_DEPTHWISE_NUMBERS_H */
