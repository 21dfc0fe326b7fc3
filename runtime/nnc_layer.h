/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated layers are written with: the arithmetic of nnc_arith.h, small functions that C
 * lacks, and the marks around a layer.
 */
#ifndef NNC_LAYER_H
#define NNC_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nnc.h"
#include "nnc_arith.h"

/* A layer is a function of its own: its buffers may hold another type than those of the layer
 * before, which the compiler must not look through. */
#if defined(__GNUC__)
#define NNC_LAYER static __attribute__((noinline))
#else
#define NNC_LAYER static
#endif

#ifdef NNC_ENABLE_HOOK
#define NNC_LAYER_EVENT(network, number, event) \
    do { \
        if (context->hook != NULL) { \
            context->hook(context->hook_user, &(network), context->arena, (number), (event)); \
        } \
    } while (0)
#define NNC_BEGIN_LAYER(network, number) NNC_LAYER_EVENT(network, number, NNC_LAYER_BEGIN)
#define NNC_END_LAYER(network, number) NNC_LAYER_EVENT(network, number, NNC_LAYER_END)
#else
#define NNC_BEGIN_LAYER(network, number) ((void)0)
#define NNC_END_LAYER(network, number) ((void)0)
#endif

/* The smaller or larger value; NaN if either is. */
static inline float nnc_min_f32(float a, float b) {
    return a < b || a != a ? a : b;
}

static inline float nnc_max_f32(float a, float b) {
    return a > b || a != a ? a : b;
}

static inline double nnc_min_f64(double a, double b) {
    return a < b || a != a ? a : b;
}

static inline double nnc_max_f64(double a, double b) {
    return a > b || a != a ? a : b;
}

static inline float nnc_f32_of_bits(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline int32_t nnc_bits_of_f32(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#endif /* NNC_LAYER_H */
