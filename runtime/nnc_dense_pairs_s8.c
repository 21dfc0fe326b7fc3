/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word of weights has two weights of two outputs: as in nnc_conv_s8.c, one multiplication adds to
 * the first sum, another to it plus 256 times the second. Inputs are widened to halves as they are
 * read, by fours: for eight outputs at a time that costs little, and no memory.
 */
#include "nnc_dense_pairs_s8.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "nnc_arith.h"
#include "nnc_dsp.h"

enum { OUTPUTS = 8 };

/* The sums of two outputs. */
static void sum_pair(const int32_t *weights, const int8_t *input, const int8_t *end,
                     int32_t sums[2]) {
    int32_t first = 0, both = 0;
    for (; input < end; input += 4, weights += 2) {
        const uint32_t word = nnc_load_word(input);
        const uint32_t x[2] = {nnc_even_bytes(word), nnc_odd_bytes(word)};
        for (int32_t k = 0; k < 2; ++k) {
            first = nnc_add_products(x[k], nnc_even_bytes((uint32_t)weights[k]), first);
            both = nnc_add_products(x[k], (uint32_t)weights[k], both);
        }
    }
    sums[0] = first;
    sums[1] = nnc_wrap_sub32(both, first) >> 8;
}

#if NNC_USE_DSP
/* r0: weights, r1: inputs, r4 to r11: the sums, by turns of a first output and of both. */
#define PAIR(word, first, both) \
    "sxtb16 lr, " word "\n" \
    "smlad " first ", r2, lr, " first "\n" \
    "smlad " both ", r2, " word ", " both "\n"
#define HALF_STEP \
    "ldrd r3, r12, [r0], #8\n" PAIR("r3", "r4", "r5") PAIR("r12", "r6", "r7") \
    "ldrd r3, r12, [r0], #8\n" PAIR("r3", "r8", "r9") PAIR("r12", "r10", "r11")
#define STEP \
    "ldr r2, [r1]\n" \
    "sxtb16 r2, r2\n" HALF_STEP \
    "ldr r2, [r1], #4\n" \
    "sxtb16 r2, r2, ror #8\n" HALF_STEP
#define STEPS_4 STEP STEP STEP STEP
#define APART(first, both) \
    "sub " both ", " both ", " first "\n" \
    "asr " both ", " both ", #8\n"

/* The sums of eight outputs. The inputs are read to `middle` four steps at a time, to `end` one. */
__attribute__((naked, noinline)) static void sum_eight(
    const int32_t *weights __attribute__((unused)), const int8_t *input __attribute__((unused)),
    int32_t *sums __attribute__((unused)), const int8_t *middle __attribute__((unused)),
    const int8_t *end __attribute__((unused))) {
    __asm__ volatile(
        "push {r2-r11, lr}\n"
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r6, #0\n"
        "movs r7, #0\n"
        "mov r8, #0\n"
        "mov r9, #0\n"
        "mov r10, #0\n"
        "mov r11, #0\n"
        "b 2f\n"
        "1:\n" STEPS_4
        "2:\n"
        "ldr r2, [sp, #4]\n"
        "cmp r1, r2\n"
        "bne.w 1b\n"
        "b 4f\n"
        "3:\n" STEP
        "4:\n"
        "ldr r2, [sp, #44]\n"
        "cmp r1, r2\n"
        "bne 3b\n"
        APART("r4", "r5") APART("r6", "r7") APART("r8", "r9") APART("r10", "r11")
        "pop {r2, r3}\n"
        "stm r2, {r4-r11}\n"
        "pop {r4-r11, pc}\n");
}
#else
static void sum_eight(const int32_t *weights, const int8_t *input, int32_t *sums,
                      const int8_t *middle, const int8_t *end) {
    (void)middle;
    int32_t both[OUTPUTS / 2] = {0, 0, 0, 0};
    memset(sums, 0, OUTPUTS * sizeof *sums);
    for (; input < end; input += 4) {
        const uint32_t four = nnc_load_word(input);
        const uint32_t x[2] = {nnc_even_bytes(four), nnc_odd_bytes(four)};
        for (int32_t k = 0; k < OUTPUTS; ++k) {
            const uint32_t word = (uint32_t)*weights++;
            const int32_t pair = k % (OUTPUTS / 2);
            sums[2 * pair] =
                nnc_add_products(x[k / (OUTPUTS / 2)], nnc_even_bytes(word), sums[2 * pair]);
            both[pair] = nnc_add_products(x[k / (OUTPUTS / 2)], word, both[pair]);
        }
    }
    for (int32_t pair = 0; pair < OUTPUTS / 2; ++pair) {
        sums[2 * pair + 1] = nnc_wrap_sub32(both[pair], sums[2 * pair]) >> 8;
    }
}
#endif

/* Requantises `count` sums. */
static NNC_NOINLINE void store(const nnc_dense_pairs_s8_layer *layer, const int32_t *sums,
                               int32_t count, const int32_t *bias, const int32_t *formulas,
                               int32_t formula_step, int8_t *to) {
    const bool fix = layer->fix != 0;
    for (int32_t k = 0; k < count; ++k, formulas += formula_step) {
        const int32_t acc = nnc_wrap_add32(sums[k], bias[k]);
        const int32_t value = nnc_upper_word(nnc_wrap_add32(acc, acc), formulas, fix);
        to[k] = nnc_clamp_i8(value, layer->out_min, layer->out_max);
    }
}

/* The same with one formula, and no correction or clamp. */
static NNC_NOINLINE void store_plain(const int32_t *sums, int32_t count, const int32_t *bias,
                                     const int32_t *formula, int8_t *to) {
    const int32_t own[NNC_FORMULA_WORDS] = {formula[0], formula[1], formula[2], formula[3]};
    for (int32_t k = 0; k < count; ++k) {
        const int32_t acc = nnc_wrap_add32(sums[k], bias[k]);
        to[k] = nnc_saturate_byte(nnc_upper_word(nnc_wrap_add32(acc, acc), own, false));
    }
}

void nnc_dense_pairs_s8(const nnc_dense_pairs_s8_layer *layer, const int8_t *input,
                        const int32_t *weights, const int32_t *bias, const int32_t *formulas,
                        int32_t formula_step, int8_t *output, int8_t *patch) {
    const int32_t depth = layer->depth, words = depth / 2;
    const bool plain = formula_step == 0 && layer->fix == 0 && layer->out_min == INT8_MIN &&
                       layer->out_max == INT8_MAX;
    for (int32_t n = 0; n < layer->batches; ++n, input += layer->in_features) {
        const int32_t *from = weights, *formula = formulas;
        const int8_t *x = input;
        if (patch != NULL) {
            memset(patch, 0, (size_t)depth);
            memcpy(patch, input, (size_t)layer->in_features);
            x = patch;
        }
        for (int32_t o = 0; o < layer->out_features;) {
            const int32_t left = layer->out_features - o;
            const int32_t outputs = left >= OUTPUTS ? OUTPUTS : nnc_min32(left, 2);
            int32_t sums[OUTPUTS];
            if (outputs == OUTPUTS) {
                sum_eight(from, x, sums, x + (depth & ~15), x + depth);
                from += OUTPUTS / 2 * words;
            } else {
                sum_pair(from, x, x + depth, sums);
                from += words;
            }
            if (plain) {
                store_plain(sums, outputs, bias + o, formula, output);
            } else {
                store(layer, sums, outputs, bias + o, formula, formula_step, output);
            }
            formula += outputs * formula_step;
            o += outputs;
            output += outputs;
        }
    }
}
