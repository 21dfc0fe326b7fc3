/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From reset to main, and from a fault to an exit status with the registers on the console.
 */
#include "cortex_m_semihosting.h"

#include <stdint.h>

#define FAULT_STATUS 70u

#define SCB_ICSR (*(volatile uint32_t *)0xE000ED04u)
#define SCB_CCR (*(volatile uint32_t *)0xE000ED14u)
#define SCB_CFSR (*(volatile uint32_t *)0xE000ED28u)
#define SCB_HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define SCB_BFAR (*(volatile uint32_t *)0xE000ED38u)
#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)

#define CCR_LOW_OVERHEAD_BRANCH (1u << 19)
#define CPACR_CP10_CP11_FULL (0xFu << 20)

extern uint32_t board_data_begin[], board_data_end[], board_bss_begin[], board_bss_end[];
extern uint32_t board_main_stack_top[], board_heap_end[], board_run_stack_bottom[];
extern const uint32_t board_data_image[];

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_report(const uint32_t *frame);

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    (vector)(uintptr_t)board_main_stack_top,
    reset_handler,
    fault_handler, /* NMI */
    fault_handler, /* hard fault: every fault below escalates to it */
    fault_handler, /* memory management */
    fault_handler, /* bus */
    fault_handler, /* usage */
    fault_handler, /* secure */
    fault_handler,
    fault_handler,
    fault_handler,
    fault_handler, /* SVCall */
    fault_handler, /* debug monitor */
    fault_handler,
    fault_handler, /* PendSV */
    fault_handler  /* SysTick */
};

static void enable_extensions(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= CPACR_CP10_CP11_FULL;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
#if defined(__ARM_FEATURE_MVE)
    SCB_CCR |= CCR_LOW_OVERHEAD_BRANCH;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
}

/* Compiled without the compiler's own memcpy and memset, so that a program which uses neither does
 * not contain them. */
__attribute__((noreturn, optimize("no-tree-loop-distribute-patterns"))) void reset_handler(void) {
    const uint32_t *image = board_data_image;
    for (uint32_t *word = board_data_begin; word < board_data_end; word++) {
        *word = *image++;
    }
    for (uint32_t *word = board_bss_begin; word < board_bss_end; word++) {
        *word = 0;
    }
    enable_extensions();
    semihosting_exit((uint32_t)main());
}

/* The stack may be what broke: report from a fresh one. */
__attribute__((naked)) void fault_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "ldr r1, =board_main_stack_top\n\t"
                     "mov sp, r1\n\t"
                     "ldr r1, =fault_report\n\t"
                     "bx r1\n\t"
                     ".ltorg");
}

static void print_word(const char *label, uint32_t word) {
    char text[12] = "0x00000000 ";
    for (uint32_t i = 0; i < 8; i++) {
        text[2 + i] = "0123456789abcdef"[(word >> (28 - 4 * i)) & 15u];
    }
    (void)semihosting(SEMIHOSTING_WRITE0, label);
    (void)semihosting(SEMIHOSTING_WRITE0, text);
}

__attribute__((used, noreturn)) void fault_report(const uint32_t *frame) {
    const int readable =
        frame >= board_run_stack_bottom && frame + 8 <= (const uint32_t *)board_heap_end;
    (void)semihosting(SEMIHOSTING_WRITE0, "nnc-fault: ");
    print_word("exception=", SCB_ICSR & 0x1FFu);
    print_word("sp=", (uint32_t)(uintptr_t)frame);
    if (readable) {
        print_word("pc=", frame[6]);
        print_word("lr=", frame[5]);
    }
#if __ARM_ARCH > 6 && __ARM_ARCH_ISA_THUMB > 1
    print_word("cfsr=", SCB_CFSR);
    print_word("hfsr=", SCB_HFSR);
    print_word("bfar=", SCB_BFAR);
#endif
    (void)semihosting(SEMIHOSTING_WRITE0, "\n");
    semihosting_exit(FAULT_STATUS);
}
