/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the debugger or emulator: Arm, "Semihosting for AArch32 and AArch64", 2.0.
 */
#ifndef NNC_CORTEX_M_SEMIHOSTING_H
#define NNC_CORTEX_M_SEMIHOSTING_H

#include <stdint.h>

typedef enum {
    SEMIHOSTING_OPEN = 0x01,
    SEMIHOSTING_WRITE0 = 0x04, /* a text to the console */
    SEMIHOSTING_WRITE = 0x05,
    SEMIHOSTING_READ = 0x06,
    SEMIHOSTING_EXIT_EXTENDED = 0x20
} semihosting_operation;

enum { SEMIHOSTING_OPEN_RB = 1, SEMIHOSTING_OPEN_WB = 5 };

/* The reason that makes SEMIHOSTING_EXIT_EXTENDED pass on an exit status. */
#define SEMIHOSTING_APPLICATION_EXIT UINT32_C(0x20026)

static inline uint32_t semihosting(semihosting_operation operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = (uint32_t)operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

__attribute__((noreturn)) static inline void semihosting_exit(uint32_t status) {
    const uint32_t block[2] = {SEMIHOSTING_APPLICATION_EXIT, status};
    for (;;) {
        (void)semihosting(SEMIHOSTING_EXIT_EXTENDED, block);
    }
}

#endif /* NNC_CORTEX_M_SEMIHOSTING_H */
