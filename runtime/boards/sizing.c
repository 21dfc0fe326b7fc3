/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest application of a network: what the linker puts into this program beyond this file
 * and the start-up code is what the network costs.
 */
#include NNC_NETWORK_HEADER

static NNC_CONTEXT nnc_sizing_context;
static uint8_t nnc_sizing_arena[NNC_ARENA_BYTES] __attribute__((aligned(NNC_ARENA_ALIGN)));

int main(void) {
    const int status = NNC_INIT(&nnc_sizing_context, nnc_sizing_arena, sizeof nnc_sizing_arena);
    return status == NNC_OK ? NNC_RUN(&nnc_sizing_context) : status;
}
