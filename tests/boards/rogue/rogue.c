/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network that misbehaves in one way, chosen by -DROGUE=number: the harness must say which.
 */
#include "nnc.h"

enum {
    INIT_FAILS = 1,
    RUN_FAILS = 2,
    NEVER_RETURNS = 3,
    READS_NO_MEMORY = 4,
    UNDEFINED_INSTRUCTION = 5,
    EXHAUSTS_STACK = 6,
    WRITES_PAST_ARENA = 7,
    READS_MISALIGNED = 8,
    WRONG_ABI = 9,
    HAS_NO_INPUT = 10,
    EXITS = 11,
    READS_UNWRITTEN = 12
};

#ifndef ROGUE_ARENA_BYTES
#define ROGUE_ARENA_BYTES 16
#endif

typedef struct {
    uint8_t *arena;
} rogue_context;

void exit(int status);

static const int32_t shape[1] = {4};
static const nnc_tensor inputs[1] = {{"x", NNC_I8, 1, shape, 4, 0.0f, 0, 0, 0}};
static const nnc_tensor outputs[1] = {{"y", NNC_I32, 1, shape, 4, 0.0f, 0, 8, 0}};

static int init(void *context, void *arena, size_t arena_bytes) {
    (void)arena_bytes;
    ((rogue_context *)context)->arena = (uint8_t *)arena;
    return ROGUE == INIT_FAILS ? NNC_ERROR_ARENA_SIZE : NNC_OK;
}

static void reset(void *context) {
    (void)context;
}

__attribute__((noinline)) static uint32_t dig(volatile uint32_t depth) {
    volatile uint32_t here[16];
    here[depth % 16u] = depth;
    return depth == 0 ? 0 : dig(depth + 1) + here[depth % 16u];
}

static int run(void *context) {
    uint8_t *const arena = ((rogue_context *)context)->arena;
    volatile uint32_t *const out = (volatile uint32_t *)(void *)(arena + 8);
    switch (ROGUE) {
        case RUN_FAILS:
            return arena[0] == 2 ? NNC_ERROR_VALUE : NNC_OK;
        case NEVER_RETURNS:
            for (;;) {
                out[0] = 1;
            }
        case READS_NO_MEMORY:
            out[0] = *(volatile uint32_t *)(uintptr_t)0xF0000000u;
            break;
        case UNDEFINED_INSTRUCTION:
            __builtin_trap();
        case EXHAUSTS_STACK:
            out[0] = dig(1);
            break;
        case WRITES_PAST_ARENA:
            ((volatile uint8_t *)arena)[ROGUE_ARENA_BYTES] = 1;
            break;
        case READS_MISALIGNED:
            out[0] = *(volatile uint32_t *)(void *)(arena + 1);
            break;
        case EXITS:
#ifndef __arm__
            exit(3);
#endif
            break;
        case READS_UNWRITTEN:
            out[0] = *(volatile uint32_t *)(void *)(arena + 4);
            break;
        default:
            break;
    }
    return NNC_OK;
}

static void *input(void *context, unsigned i) {
    return i == 0 && ROGUE != HAS_NO_INPUT ? ((rogue_context *)context)->arena : NULL;
}

static const void *output(void *context, unsigned i) {
    return i == 0 ? ((rogue_context *)context)->arena + 8 : NULL;
}

const nnc_network rogue_network = {
    ROGUE == WRONG_ABI ? 99 : NNC_ABI_VERSION, "rogue", sizeof(rogue_context), ROGUE_ARENA_BYTES, 4,
    1, 1, inputs, outputs, 0, NULL,
    init, reset, run, input, output, NULL, NULL, NULL
};
