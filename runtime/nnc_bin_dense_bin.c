/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_arith.h"
#include "nnc_bin_dense.h"

typedef struct {
    const uint32_t *limits;
    uint32_t *output;
} context_bin;

/* The sign of limit + offset - 2 * count of 32 outputs. */
static inline uint32_t sign(const uint32_t *limits, int32_t limit_planes, uint32_t offset,
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

static void finish(const context_bin *context, const nnc_bin_dense *d, int32_t row, int32_t word,
                   const uint32_t *planes, int32_t ones, int absent) {
    const int32_t words = (d->outputs + 31) / 32;
    const int32_t entry = absent ? words + word : word;
    const uint32_t offset = absent ? 0U - (uint32_t)ones : (uint32_t)ones - 1U;
    const uint32_t negative = sign(context->limits + entry * d->limit_planes, d->limit_planes,
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
