/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our int8 kernels share: pairs of halves in a word, which the DSP extension of Cortex-M
 * multiplies at once, and the requantisation by an upper word. Everything computes the same on
 * every core.
 */
#ifndef NNC_DSP_H
#define NNC_DSP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "nnc_arith.h"

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
#define NNC_USE_DSP 1
#else
#define NNC_USE_DSP 0
#endif

static inline uint32_t nnc_load_word(const int8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline int32_t nnc_low_half(uint32_t word) {
    return (int16_t)(uint16_t)(word & UINT32_C(0xFFFF));
}

static inline int32_t nnc_high_half(uint32_t word) {
    return (int16_t)(uint16_t)(word >> 16);
}

static inline uint32_t nnc_pair(int32_t low, int32_t high) {
    return ((uint32_t)low & UINT32_C(0xFFFF)) | (uint32_t)high << 16;
}

/* Bytes 0 and 2 of a word as signed halves. */
static inline uint32_t nnc_even_bytes(uint32_t word) {
#if NNC_USE_DSP
    uint32_t result;
    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
    return result;
#else
    const uint32_t bytes = word & UINT32_C(0x00FF00FF);
    return bytes | ((bytes & UINT32_C(0x00800080)) * UINT32_C(0x1FE));
#endif
}

/* Bytes 1 and 3. */
static inline uint32_t nnc_odd_bytes(uint32_t word) {
#if NNC_USE_DSP
    uint32_t result;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
    return result;
#else
    return nnc_even_bytes(word >> 8);
#endif
}

/* The lower halves of two words. */
static inline uint32_t nnc_low_halves(uint32_t first, uint32_t second) {
#if NNC_USE_DSP
    uint32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(first), "r"(second));
    return result;
#else
    return (first & UINT32_C(0xFFFF)) | second << 16;
#endif
}

/* Their upper halves. */
static inline uint32_t nnc_high_halves(uint32_t first, uint32_t second) {
#if NNC_USE_DSP
    uint32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(second), "r"(first));
    return result;
#else
    return first >> 16 | (second & UINT32_C(0xFFFF0000));
#endif
}

/* acc + the products of the lower and of the upper halves, modulo 2^32. */
static inline int32_t nnc_add_products(uint32_t a, uint32_t b, int32_t acc) {
#if NNC_USE_DSP
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    const int32_t first = nnc_low_half(a) * nnc_low_half(b);
    const int32_t second = nnc_high_half(a) * nnc_high_half(b);
    return nnc_wrap_add32(nnc_wrap_add32(acc, first), second);
#endif
}

/* The words of a formula: multiplier, shift, and the lower and the upper word of a constant. */
enum { NNC_FORMULA_WORDS = 4 };

/* An output before its clamp, of twice an accumulator: ((twice * multiplier + constant) >> 32), with
 * `fix` less 1 if the accumulator is negative and the shift not 0, >> shift. */
static inline int32_t nnc_upper_word(int32_t twice, const int32_t *formula, bool fix) {
    const int32_t shift = formula[1];
    const uint64_t high = (uint32_t)formula[3];
    const int64_t constant = (int64_t)(high << 32 | (uint32_t)formula[2]);
    const int64_t scaled = nnc_wrap_add64((int64_t)twice * formula[0], constant);
    const int32_t upper = (int32_t)(scaled >> 32);
    return (fix && shift > 0 ? upper + (twice >> 31) : upper) >> shift;
}

/* Into the range of int8. */
static inline int8_t nnc_saturate_byte(int32_t value) {
#if NNC_USE_DSP
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return (int8_t)result;
#else
    return nnc_saturate_i8(value);
#endif
}

#endif /* NNC_DSP_H */
