/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the harness needs from the machine it runs on: two files, memory, a clock and a way to call
 * a function on a stack of its own. platform_host.c and the Cortex-M files implement it.
 */
#ifndef NNC_PLATFORM_H
#define NNC_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

/* Files in the working directory of the program, or of the emulator. */
#define PLATFORM_INPUT_FILE "nnc-in.bin"
#define PLATFORM_OUTPUT_FILE "nnc-out.bin"

/* A point in time: the low and the high part of a counter, or two counters of different speed. */
typedef struct {
    uint32_t fine;
    uint32_t coarse;
} platform_time;

/* Open both files, start the clock. Zero on success. */
int platform_open(void);

/* Transfer exactly `bytes`. Zero on success. */
int platform_read(void *to, size_t bytes);
int platform_write(const void *from, size_t bytes);

/* Memory that lives until exit, aligned to `align` and, to reveal code that relies on more, not to
 * twice that. Null when there is no more. */
void *platform_alloc(size_t bytes, size_t align);

platform_time platform_now(void);

/* Ticks between two points; constant zero on machines without a counter. */
uint64_t platform_ticks(platform_time begin, platform_time end);

/* Call run(context) on the measured stack; its first and last instant in *begin and *end. */
int platform_call(
    int (*run)(void *), void *context, platform_time *begin, platform_time *end
);

/* A function of exactly one instruction, to measure what platform_call costs itself. */
int platform_empty(void *context);

/* The most bytes any platform_call has used; zero on machines that do not measure. */
uint32_t platform_stack_used(void);

/* Whether a platform_call ran out of its stack without a fault telling so. */
int platform_stack_overflowed(void);

#endif /* NNC_PLATFORM_H */
