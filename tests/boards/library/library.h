/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network that needs libm, libgcc and libc, and has variables of its own.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "nnc.h"

#define LIBRARY_ARENA_BYTES 64
#define LIBRARY_ARENA_ALIGN 8

typedef struct {
    uint8_t *arena;
} library_context;

int library_init(library_context *context, void *arena, size_t arena_bytes);
int library_run(library_context *context);

#endif /* LIBRARY_H */
