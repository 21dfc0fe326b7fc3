/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_arith.h"
#include "nnc_bin_dense.h"
#include "nnc_bin_lanes.h"

typedef struct {
    const uint32_t *limits;
    uint32_t *output;
} context_bin;

static void finish(const context_bin *context, const nnc_bin_dense *d, int32_t row, int32_t word,
                   const uint32_t *planes, int32_t ones, int absent) {
    const int32_t words = (d->outputs + 31) / 32;
    const int32_t entry = absent ? words + word : word;
    const uint32_t offset = absent ? 0U - (uint32_t)ones : (uint32_t)ones - 1U;
    const uint32_t negative = nnc_bin_signs(context->limits + entry * d->limit_planes, d->limit_planes,
                                   offset, planes, d->count_planes);
    const int32_t used = d->outputs - 32 * word;
    const uint32_t mask = used < 32 ? ((uint32_t)1 << used) - 1 : 0xFFFFFFFFU;
    context->output[row * words + word] = (absent ? negative : ~negative) & mask;
}

#define CONTEXT context_bin
#include "nnc_bin_dense_loops.h"

void nnc_bin_dense_bin(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                       const int32_t *limits, int32_t *output, void *list) {
    const context_bin context = {(const uint32_t *)limits, (uint32_t *)output};
    dense_listed(&context, d, (const uint32_t *)input, (const uint32_t *)weights, list);
}

void nnc_bin_dense_ct_bin(const nnc_bin_dense *d, const int32_t *input, const int32_t *weights,
                          const int32_t *limits, int32_t *output) {
    const context_bin context = {(const uint32_t *)limits, (uint32_t *)output};
    dense_masked(&context, d, (const uint32_t *)input, (const uint32_t *)weights);
}
