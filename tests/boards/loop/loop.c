/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network whose run executes a known number of instructions: 4 + 2 * x, from its first to its
 * return. Its input lies outside the arena, to test that as well.
 */
#include "nnc.h"

typedef struct {
    const uint32_t *x;
    uint8_t *arena;
} loop_context;

static const nnc_tensor inputs[1] = {{"x", NNC_U32, 0, NULL, 4, 0.0f, 0, NNC_OUTSIDE, 0}};
static const nnc_tensor outputs[1] = {{"y", NNC_U32, 0, NULL, 4, 0.0f, 0, 0, 0}};

static int init(void *context, void *arena, size_t arena_bytes) {
    loop_context *const it = (loop_context *)context;
    (void)arena_bytes;
    it->x = NULL;
    it->arena = (uint8_t *)arena;
    return NNC_OK;
}

static void reset(void *context) {
    (void)context;
}

__attribute__((naked)) static int run(void *context) {
    (void)context;
    __asm__ volatile(".syntax unified\n\t"
                     "ldr r0, [r0]\n\t"
                     "ldr r1, [r0]\n"
                     "1:\n\t"
                     "subs r1, #1\n\t"
                     "bne 1b\n\t"
                     "movs r0, #0\n\t"
                     "bx lr\n\t"
                     ".syntax divided");
}

static void *input(void *context, unsigned i) {
    return i == 0 ? (void *)(uintptr_t)((loop_context *)context)->x : NULL;
}

static const void *output(void *context, unsigned i) {
    return i == 0 ? ((loop_context *)context)->arena : NULL;
}

static void bind_input(void *context, unsigned i, void *memory) {
    if (i == 0) {
        ((loop_context *)context)->x = (const uint32_t *)memory;
    }
}

const nnc_network loop_network = {
    NNC_ABI_VERSION, "loop", sizeof(loop_context), 4, 4,
    1, 1, inputs, outputs, 0, NULL,
    init, reset, run, input, output, NULL, bind_input, NULL
};
