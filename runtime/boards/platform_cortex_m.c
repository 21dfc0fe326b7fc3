/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated Cortex-M board: files through semihosting, memory from what the linker left over, a
 * timer of the board as the clock (virtual time is proportional to instructions executed), and a
 * painted stack for the measured call.
 */
#include "cortex_m_semihosting.h"
#include "platform.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define STACK_PAINT UINT32_C(0xC5C5C5C5)
#define STACK_MARGIN_WORDS 16u

extern uint32_t board_run_stack_bottom[], board_run_stack_top[];
extern uint8_t board_heap_begin[], board_heap_end[];

static uint32_t input_handle;
static uint32_t output_handle;
static uint8_t *heap_next;

#if defined(NNC_TIMER_CMSDK)
/* APB timer: counts down from its reload value, every clock. Dual timer: the same with a prescaler
 * of 256. Arm, "Cortex-M System Design Kit Technical Reference Manual", 4.4 and 4.5. */
#define TIMER_CTRL 0x0u
#define TIMER_VALUE 0x4u
#define TIMER_RELOAD 0x8u
#define DUAL_LOAD 0x0u
#define DUAL_VALUE 0x4u
#define DUAL_CONTROL 0x8u
#define DUAL_ENABLE_PERIODIC_256_32BIT 0xCAu
#define COARSE_SHIFT 8

static void start_clock(void) {
    REGISTER(NNC_TIMER_BASE + TIMER_VALUE) = UINT32_MAX;
    REGISTER(NNC_TIMER_BASE + TIMER_RELOAD) = UINT32_MAX;
    REGISTER(NNC_TIMER_BASE + TIMER_CTRL) = 1;
    REGISTER(NNC_SLOW_TIMER_BASE + DUAL_LOAD) = UINT32_MAX;
    REGISTER(NNC_SLOW_TIMER_BASE + DUAL_CONTROL) = DUAL_ENABLE_PERIODIC_256_32BIT;
}

platform_time platform_now(void) {
    platform_time now;
    now.fine = ~REGISTER(NNC_TIMER_BASE + TIMER_VALUE);
    now.coarse = ~REGISTER(NNC_SLOW_TIMER_BASE + DUAL_VALUE);
    return now;
}

#elif defined(NNC_TIMER_NRF51)
/* Two timers counting up, prescaled by 2**0 and 2**9, captured on demand. Nordic, "nRF51 Series
 * Reference Manual", 18. */
#define TIMER_START 0x000u
#define TIMER_CAPTURE 0x040u
#define TIMER_BITMODE 0x508u
#define TIMER_PRESCALER 0x510u
#define TIMER_CC 0x540u
#define BITMODE_32 3u
#define COARSE_SHIFT 9

static void start_timer(uint32_t base, uint32_t prescaler) {
    REGISTER(base + TIMER_BITMODE) = BITMODE_32;
    REGISTER(base + TIMER_PRESCALER) = prescaler;
    REGISTER(base + TIMER_START) = 1;
}

static void start_clock(void) {
    start_timer(NNC_TIMER_BASE, 0);
    start_timer(NNC_SLOW_TIMER_BASE, COARSE_SHIFT);
}

platform_time platform_now(void) {
    platform_time now;
    REGISTER(NNC_TIMER_BASE + TIMER_CAPTURE) = 1;
    REGISTER(NNC_SLOW_TIMER_BASE + TIMER_CAPTURE) = 1;
    now.fine = REGISTER(NNC_TIMER_BASE + TIMER_CC);
    now.coarse = REGISTER(NNC_SLOW_TIMER_BASE + TIMER_CC);
    return now;
}

#elif defined(NNC_TIMER_SSE300)
/* The system counter's control frame: 64 bits, counting up. Arm, "Corstone SSE-300 Technical
 * Reference Manual", 4.3. */
#define COUNTER_CONTROL 0x0u
#define COUNTER_LOW 0x8u
#define COUNTER_HIGH 0xCu
#define COARSE_SHIFT 32

static void start_clock(void) {
    REGISTER(NNC_TIMER_BASE + COUNTER_CONTROL) = 1;
}

platform_time platform_now(void) {
    platform_time now;
    uint32_t high_before;
    do {
        high_before = REGISTER(NNC_TIMER_BASE + COUNTER_HIGH);
        now.fine = REGISTER(NNC_TIMER_BASE + COUNTER_LOW);
        now.coarse = REGISTER(NNC_TIMER_BASE + COUNTER_HIGH);
    } while (now.coarse != high_before);
    return now;
}

#else
#error "nnc: no timer selected"
#endif

uint64_t platform_ticks(platform_time begin, platform_time end) {
#if COARSE_SHIFT == 32
    const uint64_t from = ((uint64_t)begin.coarse << 32) | begin.fine;
    const uint64_t to = ((uint64_t)end.coarse << 32) | end.fine;
    return to - from;
#else
    const uint32_t fine = end.fine - begin.fine;
    /* The coarse count is off by one unit at most, far less than half a wrap of the fine one. */
    const uint64_t about = (uint64_t)(uint32_t)(end.coarse - begin.coarse) << COARSE_SHIFT;
    const uint64_t wraps = (about - fine + (UINT64_C(1) << 31)) >> 32;
    return (wraps << 32) + fine;
#endif
}

static uint32_t open_file(const char *name, uint32_t name_bytes, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)(uintptr_t)name, mode, name_bytes};
    return semihosting(SEMIHOSTING_OPEN, block);
}

int platform_open(void) {
    static const char input[] = PLATFORM_INPUT_FILE;
    static const char output[] = PLATFORM_OUTPUT_FILE;
    input_handle = open_file(input, sizeof input - 1, SEMIHOSTING_OPEN_RB);
    output_handle = open_file(output, sizeof output - 1, SEMIHOSTING_OPEN_WB);
    if (input_handle == UINT32_MAX || output_handle == UINT32_MAX) {
        return -1;
    }
    heap_next = board_heap_begin;
    for (uint32_t *word = board_run_stack_bottom; word < board_run_stack_top; word++) {
        *word = STACK_PAINT;
    }
    start_clock();
    return 0;
}

static int transfer(
    semihosting_operation operation, uint32_t handle, const void *memory, size_t bytes
) {
    const uint32_t block[3] = {handle, (uint32_t)(uintptr_t)memory, (uint32_t)bytes};
    return bytes == 0 || semihosting(operation, block) == 0 ? 0 : -1;
}

int platform_read(void *to, size_t bytes) {
    return transfer(SEMIHOSTING_READ, input_handle, to, bytes);
}

int platform_write(const void *from, size_t bytes) {
    return transfer(SEMIHOSTING_WRITE, output_handle, from, bytes);
}

void *platform_alloc(size_t bytes, size_t align) {
    const uintptr_t end = (uintptr_t)board_heap_end;
    const uintptr_t below = ((uintptr_t)heap_next + align - 1) & ~(2 * (uintptr_t)align - 1);
    const uintptr_t start = below + align;
    if (start > end || bytes > end - start) {
        return NULL;
    }
    heap_next = (uint8_t *)start + bytes;
    return (void *)start;
}

/* status = run(context) with the stack pointer at `top` */
__attribute__((naked, noinline)) static int call_on_stack(
    int (*run)(void *), void *context, uint32_t *top
) {
    (void)run;
    (void)context;
    (void)top;
    __asm__ volatile("push {r4, lr}\n\t"
                     "mov r4, sp\n\t"
                     "mov r3, r0\n\t"
                     "mov r0, r1\n\t"
                     "mov sp, r2\n\t"
                     "blx r3\n\t"
                     "mov sp, r4\n\t"
                     "pop {r4, pc}");
}

__attribute__((noinline)) int platform_call(
    int (*run)(void *), void *context, platform_time *begin, platform_time *end
) {
    *begin = platform_now();
    __asm__ volatile("" ::: "memory");
    const int status = call_on_stack(run, context, board_run_stack_top);
    __asm__ volatile("" ::: "memory");
    *end = platform_now();
    return status;
}

__attribute__((naked)) int platform_empty(void *context) {
    (void)context;
    __asm__ volatile("bx lr");
}

uint32_t platform_stack_used(void) {
    const uint32_t *word = board_run_stack_bottom;
    while (word < board_run_stack_top && *word == STACK_PAINT) {
        word++;
    }
    return (uint32_t)(board_run_stack_top - word) * 4u;
}

/* Below the stack some machines have memory, or swallow what is written there. */
int platform_stack_overflowed(void) {
    for (uint32_t i = 0; i < STACK_MARGIN_WORDS; i++) {
        if (board_run_stack_bottom[i] != STACK_PAINT) {
            return 1;
        }
    }
    return 0;
}
