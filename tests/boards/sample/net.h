/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network written by hand as the compiler would write it: two dense int8 layers and a sum that
 * remembers how often it ran. It tests the harness, not the kernels.
 */
#ifndef NET_H
#define NET_H

#include "nnc.h"

#define NET_ARENA_BYTES 28
#define NET_ARENA_ALIGN 4

typedef struct {
    uint8_t *arena;
    int32_t runs;
#ifdef NNC_ENABLE_HOOK
    nnc_hook hook;
    void *hook_user;
#endif
} net_context;

extern const nnc_network net_network;

int net_init(net_context *context, void *arena, size_t arena_bytes);
void net_reset(net_context *context);
int net_run(net_context *context);

int8_t *net_input_x(net_context *context);
const int8_t *net_output_y(const net_context *context);
const int32_t *net_output_runs(const net_context *context);

#endif /* NET_H */
