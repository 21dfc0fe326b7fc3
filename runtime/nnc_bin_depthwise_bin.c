/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_bin_depthwise.h"
#include "nnc_bin_lanes.h"

typedef struct {
    const uint32_t *limits;
    uint32_t *output;
} context_bin;

#define CONTEXT context_bin

static inline void finish(const context_bin *context, const nnc_bin_depthwise *d, int32_t pixel,
                          int32_t word, const uint32_t *planes, int32_t taps) {
    const uint32_t bits = nnc_bin_signs(context->limits + word * d->limit_planes, d->limit_planes,
                                        (uint32_t)taps, planes, d->count_planes);
    const int32_t used = d->channels - 32 * word;
    const uint32_t mask = used < 32 ? ((uint32_t)1 << used) - 1 : 0xFFFFFFFFU;
    context->output[pixel * ((d->channels + 31) / 32) + word] = bits & mask;
}

#include "nnc_bin_depthwise_loops.h"

void nnc_bin_depthwise_bin(const nnc_bin_depthwise *d, const int32_t *input,
                           const int32_t *weights, const int32_t *limits, int32_t *output) {
    const context_bin context = {(const uint32_t *)limits, (uint32_t *)output};
    convolve(&context, d, (const uint32_t *)input, (const uint32_t *)weights);
}
