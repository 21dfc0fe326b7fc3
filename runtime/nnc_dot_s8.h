/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dot products of int8 inputs and weights.
 */
#ifndef NNC_DOT_S8_H
#define NNC_DOT_S8_H

#include "nnc_arith.h"

/* acc += sum of (x + offset) * w */
static inline int32_t nnc_dot_s8(int32_t acc, const int8_t *x, const int8_t *w, int32_t length,
                                 int32_t offset) {
    for (int32_t i = 0; i < length; ++i) {
        acc = nnc_wrap_add32(acc, (x[i] + offset) * w[i]);
    }
    return acc;
}

/* The same for four rows of weights that lie `row` apart: every input is read once for four
 * products, and the accumulators stay in registers. */
static NNC_NOINLINE void nnc_dot4_s8(int32_t acc[4], const int8_t *x, const int8_t *w, int32_t row,
                                     int32_t length, int32_t offset) {
    const int8_t *const w1 = w + row;
    const int8_t *const w2 = w1 + row;
    const int8_t *const w3 = w2 + row;
    int32_t acc0 = acc[0];
    int32_t acc1 = acc[1];
    int32_t acc2 = acc[2];
    int32_t acc3 = acc[3];
    for (int32_t i = 0; i < length; ++i) {
        const int32_t value = x[i] + offset;
        acc0 = nnc_wrap_add32(acc0, value * w[i]);
        acc1 = nnc_wrap_add32(acc1, value * w1[i]);
        acc2 = nnc_wrap_add32(acc2, value * w2[i]);
        acc3 = nnc_wrap_add32(acc3, value * w3[i]);
    }
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
}

#endif /* NNC_DOT_S8_H */
