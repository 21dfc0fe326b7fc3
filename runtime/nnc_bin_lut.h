/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loop of all table kernels, once as assembly for cores with Thumb-2 and once in C.
 *
 * The assembly keeps the four words of lanes, an entry and all pointers in registers, which no
 * compiler manages; both give the same bits.
 */
#ifndef NNC_BIN_LUT_H
#define NNC_BIN_LUT_H

#include "nnc_bin.h"

#if defined(__GNUC__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && \
    defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 2 && !defined(NNC_NO_ASM)
#define NNC_BIN_ASM 1
#else
#define NNC_BIN_ASM 0
#endif

#if NNC_BIN_ASM

/* r0 weights, r1 place in the table, r2 word, r3 schedule, r4-r7 lanes, r8-r11 an entry,
 * r12 words left, then accumulators, lr schedule entry. On the stack: accumulators,
 * schedule, channels. `shift` is the logarithm of the bytes of an entry, `advance` the bytes of a
 * table's 16 entries. */
#define NNC_BIN_ADD_ENTRY(bit, shift) \
    "ubfx r11, r2, #" #bit ", #4\n" \
    "add r11, r1, r11, lsl #" #shift "\n" \
    "ldm r11, {r8-r11}\n" \
    "add r4, r8\n" \
    "add r5, r9\n" \
    "add r6, r10\n" \
    "add r7, r11\n"

#define NNC_BIN_STEP(bit, shift, advance) \
    NNC_BIN_ADD_ENTRY(bit, shift) \
    "add.w r1, r1, #" #advance "\n"

#define NNC_BIN_HALF_WORD(low, shift, advance) \
    NNC_BIN_STEP(low, shift, advance) \
    NNC_BIN_STEP(low + 4, shift, advance) \
    NNC_BIN_STEP(low + 8, shift, advance) \
    NNC_BIN_STEP(low + 12, shift, advance)

/* The first step after lanes were flushed: it makes them. */
#define NNC_BIN_FIRST(shift, advance) \
    "ubfx r11, r2, #0, #4\n" \
    "add r11, r1, r11, lsl #" #shift "\n" \
    "ldm r11, {r4-r7}\n" \
    "add.w r1, r1, #" #advance "\n"

/* `flush` may use r2 and the lanes. */
#define NNC_BIN_FLUSH_ALL(accumulators, flush) \
    "ldm " #accumulators ", {r8-r11}\n" \
    flush(r8, r9, r4) \
    flush(r10, r11, r5) \
    "stm " #accumulators "!, {r8-r11}\n" \
    "ldm " #accumulators ", {r8-r11}\n" \
    flush(r8, r9, r6) \
    flush(r10, r11, r7) \
    "stm " #accumulators "!, {r8-r11}\n"

#define NNC_BIN_LUT(name, shift, advance, flush) \
    __attribute__((naked)) void name( \
        __attribute__((unused)) const uint32_t *weights, \
        __attribute__((unused)) const uint32_t *table, \
        __attribute__((unused)) uint32_t *accumulators, \
        __attribute__((unused)) const uint32_t *schedule, \
        __attribute__((unused)) int32_t channels) { \
        __asm__ volatile( \
            ".syntax unified\n" \
            "push {r4-r11, lr}\n" \
            "ldr r12, [sp, #36]\n" \
            "push {r2, r3, r12}\n" \
            "ldr lr, [r3]\n" \
            "sub r1, r1, lr, asr #16\n" \
            "1:\n" /* the next channel */ \
            "ldr r3, [sp, #4]\n" \
            "2:\n" /* a part of the schedule that starts with new lanes */ \
            "ldr lr, [r3], #4\n" \
            "add r1, r1, lr, asr #16\n" \
            "ands r12, lr, #255\n" \
            "beq 8f\n" \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_FIRST(shift, advance) \
            "b 5f\n" \
            "3:\n" /* a part that goes on with them */ \
            "ldr lr, [r3], #4\n" \
            "add r1, r1, lr, asr #16\n" \
            "ands r12, lr, #255\n" \
            "beq 6f\n" \
            "4:\n" /* a word */ \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_STEP(0, shift, advance) \
            "5:\n" \
            NNC_BIN_STEP(4, shift, advance) \
            NNC_BIN_STEP(8, shift, advance) \
            NNC_BIN_STEP(12, shift, advance) \
            NNC_BIN_HALF_WORD(16, shift, advance) \
            "subs r12, r12, #1\n" \
            "bne 4b\n" \
            "6:\n" /* half a word, a flush */ \
            "lsls r12, lr, #17\n" \
            "bpl 7f\n" \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_HALF_WORD(0, shift, advance) \
            "7:\n" \
            "bcc 3b\n" \
            "ldr r12, [sp]\n" \
            NNC_BIN_FLUSH_ALL(r12, flush) \
            "lsls r2, lr, #19\n" \
            "bcc.w 2b\n" \
            "ldr r2, [sp, #8]\n" \
            "str r12, [sp]\n" \
            "subs r2, r2, #1\n" \
            "str r2, [sp, #8]\n" \
            "bne.w 1b\n" \
            "add sp, sp, #12\n" \
            "pop {r4-r11, pc}\n" \
            "8:\n" \
            "movs r4, #0\n" \
            "movs r5, #0\n" \
            "movs r6, #0\n" \
            "movs r7, #0\n" \
            "b 6b\n"); \
    }

/* The same for a schedule of one entry, which is what kernels of one column have: with entries of 4
 * words. r3 accumulators, r12 half words left, lr channels left; on the stack: table, half words. */
#define NNC_BIN_LUT_ONE(name, shift, advance, flush) \
    __attribute__((naked)) void name( \
        __attribute__((unused)) const uint32_t *weights, \
        __attribute__((unused)) const uint32_t *table, \
        __attribute__((unused)) uint32_t *accumulators, \
        __attribute__((unused)) const uint32_t *schedule, \
        __attribute__((unused)) int32_t channels) { \
        __asm__ volatile( \
            ".syntax unified\n" \
            "push {r4-r11, lr}\n" \
            "ldr lr, [sp, #36]\n" \
            "ldr r3, [r3]\n" \
            "uxtb r12, r3\n" \
            "lsl r12, r12, #1\n" \
            "ubfx r3, r3, #14, #1\n" \
            "add r12, r12, r3\n" \
            "mov r3, r2\n" \
            "push {r1, r12}\n" \
            "1:\n" \
            "ldrd r1, r12, [sp]\n" \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_FIRST(shift, advance) \
            NNC_BIN_STEP(4, shift, advance) \
            NNC_BIN_STEP(8, shift, advance) \
            NNC_BIN_STEP(12, shift, advance) \
            "subs r12, r12, #2\n" \
            "bmi 3f\n" \
            NNC_BIN_HALF_WORD(16, shift, advance) \
            "beq 3f\n" \
            "2:\n" \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_HALF_WORD(0, shift, advance) \
            "subs r12, r12, #2\n" \
            "bmi 3f\n" \
            NNC_BIN_HALF_WORD(16, shift, advance) \
            "bne 2b\n" \
            "3:\n" \
            NNC_BIN_FLUSH_ALL(r3, flush) \
            "subs lr, lr, #1\n" \
            "bne.w 1b\n" \
            "add sp, sp, #8\n" \
            "pop {r4-r11, pc}\n"); \
    }

/* The same for kernels of three columns beside each other, with entries of 8 words, whole words of
 * weights and one flush: the weights of the three columns are next to each other. The registers are
 * those of the loop above. A column's last step goes on to where the next one starts. */
#define NNC_BIN_COLUMN(next) \
    NNC_BIN_STEP(4, 5, 512) \
    NNC_BIN_STEP(8, 5, 512) \
    NNC_BIN_STEP(12, 5, 512) \
    NNC_BIN_STEP(16, 5, 512) \
    NNC_BIN_STEP(20, 5, 512) \
    NNC_BIN_STEP(24, 5, 512) \
    NNC_BIN_ADD_ENTRY(28, 5) \
    next

#define NNC_BIN_LUT_THREE(name, flush) \
    __attribute__((naked)) void name( \
        __attribute__((unused)) const uint32_t *weights, \
        __attribute__((unused)) const uint32_t *table, \
        __attribute__((unused)) uint32_t *accumulators, \
        __attribute__((unused)) const uint32_t *schedule, \
        __attribute__((unused)) int32_t channels) { \
        __asm__ volatile( \
            ".syntax unified\n" \
            "push {r4-r11, lr}\n" \
            "ldr lr, [sp, #36]\n" \
            "ldr r12, [r3]\n" \
            "uxtb r12, r12\n" \
            "mov r3, r2\n" \
            "push {r1, r12}\n" \
            "1:\n" /* the next channel */ \
            "ldrd r1, r12, [sp]\n" \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_FIRST(5, 512) \
            "b 3f\n" \
            "2:\n" /* the next words */ \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_STEP(0, 5, 512) \
            "3:\n" \
            NNC_BIN_COLUMN("subw r1, r1, #3580\n") \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_STEP(0, 5, 512) \
            NNC_BIN_COLUMN("subw r1, r1, #3580\n") \
            "ldr r2, [r0], #4\n" \
            NNC_BIN_STEP(0, 5, 512) \
            NNC_BIN_COLUMN("add.w r1, r1, #504\n") \
            "subs r12, r12, #1\n" \
            "bne.w 2b\n" \
            NNC_BIN_FLUSH_ALL(r3, flush) \
            "subs lr, lr, #1\n" \
            "bne.w 1b\n" \
            "add sp, sp, #8\n" \
            "pop {r4-r11, pc}\n"); \
    }

#else

/* The same in C. `flush` adds four lanes to two words and starts them anew. */
static inline const uint32_t *nnc_bin_steps(uint32_t sums[4], const uint32_t *table, uint32_t word,
                                            int32_t steps, int32_t entry) {
    for (int32_t step = 0; step < steps; ++step) {
        const uint32_t *const found = table + (int32_t)(word & 15U) * entry;
        sums[0] += found[0];
        sums[1] += found[1];
        sums[2] += found[2];
        sums[3] += found[3];
        word >>= 4;
        table += 16 * entry;
    }
    return table;
}

#define NNC_BIN_LUT(name, entry, flush) \
    void name(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators, \
              const uint32_t *schedule, int32_t channels) { \
        const uint32_t *place = table - ((int32_t)*schedule >> 18); \
        for (int32_t channel = 0; channel < channels; ++channel, accumulators += 8) { \
            uint32_t sums[4] = {0, 0, 0, 0}; \
            const uint32_t *next = schedule; \
            uint32_t part; \
            do { \
                part = *next++; \
                place += (int32_t)part >> 18; \
                for (uint32_t left = part & 255U; left != 0; --left) { \
                    place = nnc_bin_steps(sums, place, *weights++, 8, entry); \
                } \
                if ((part & NNC_BIN_HALF) != 0) { \
                    place = nnc_bin_steps(sums, place, *weights++, 4, entry); \
                } \
                if ((part & NNC_BIN_FLUSH) != 0) { \
                    for (int32_t i = 0; i < 4; ++i) { \
                        flush(accumulators[2 * i], accumulators[2 * i + 1], sums[i]); \
                        sums[i] = 0; \
                    } \
                } \
            } while ((part & NNC_BIN_END) == 0); \
        } \
    }

#define NNC_BIN_LUT_THREE(name, flush) \
    void name(const uint32_t *weights, const uint32_t *table, uint32_t *accumulators, \
              const uint32_t *schedule, int32_t channels) { \
        const uint32_t words = *schedule & 255U; \
        for (int32_t channel = 0; channel < channels; ++channel, accumulators += 8) { \
            uint32_t sums[4] = {0, 0, 0, 0}; \
            const uint32_t *place = table; \
            for (uint32_t left = words; left != 0; --left, place += 8 * 16 * 8) { \
                for (int32_t column = 0; column < 3; ++column) { \
                    (void)nnc_bin_steps(sums, place + column, *weights++, 8, 8); \
                } \
            } \
            for (int32_t i = 0; i < 4; ++i) { \
                flush(accumulators[2 * i], accumulators[2 * i + 1], sums[i]); \
            } \
        } \
    }

#endif

#endif /* NNC_BIN_LUT_H */
