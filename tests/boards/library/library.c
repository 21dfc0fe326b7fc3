/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <math.h>
#include <string.h>

static const nnc_tensor inputs[1] = {{"x", NNC_F32, 0, NULL, 4, 0.0f, 0, 0, 0}};
static const nnc_tensor outputs[1] = {{"y", NNC_F64, 0, NULL, 8, 0.0f, 0, 8, 0}};

static uint8_t counted[40];
static uint32_t seed = 12345;

int library_init(library_context *context, void *arena, size_t arena_bytes) {
    (void)arena_bytes;
    context->arena = (uint8_t *)arena;
    return NNC_OK;
}

int library_run(library_context *context) {
    float x;
    memcpy(&x, context->arena, sizeof x);
    double y = (double)expf(x) + pow((double)x, 2.5) * tanh((double)x);
    y += (double)((int64_t)(x * 1e6f) / (int64_t)(seed | 1u));
    seed = seed * 1664525u + 1013904223u;
    memcpy(context->arena + 8, &y, sizeof y);
    memmove(counted, context->arena, sizeof counted);
    context->arena[40] = counted[seed % sizeof counted];
    return NNC_OK;
}

static int init(void *context, void *arena, size_t arena_bytes) {
    return library_init((library_context *)context, arena, arena_bytes);
}

static void reset(void *context) {
    (void)context;
}

static int run(void *context) {
    return library_run((library_context *)context);
}

static void *input(void *context, unsigned i) {
    return i == 0 ? ((library_context *)context)->arena : NULL;
}

static const void *output(void *context, unsigned i) {
    return i == 0 ? ((library_context *)context)->arena + 8 : NULL;
}

const nnc_network library_network = {
    NNC_ABI_VERSION, "library", sizeof(library_context), LIBRARY_ARENA_BYTES, LIBRARY_ARENA_ALIGN,
    1, 1, inputs, outputs, 0, NULL,
    init, reset, run, input, output, NULL, NULL, NULL
};
