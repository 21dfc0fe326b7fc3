/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact arithmetic for generated code and kernels.
 *
 * Every function is defined for every argument in its stated range, has no undefined behaviour and
 * gives the same bits on every target and at every optimisation level: wrapping arithmetic is done
 * unsigned, words come from bytes through memcpy, and roundings from floating point are done on the
 * bits of the value, so that neither contraction nor the rounding mode can change them.
 *
 * Right shifts of negative numbers are arithmetic and conversions to a narrower signed type wrap:
 * both are what GCC, clang and armclang define.
 */
#ifndef NNC_ARITH_H
#define NNC_ARITH_H

#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__)
#error "nnc needs IEEE arithmetic: compile without -ffast-math and -Ofast"
#endif
#if defined(__ARM_BIG_ENDIAN) || (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#error "nnc needs a little-endian target"
#endif

/* For a static function whose inner loop wants all registers: inlined into its caller, it would
 * share them with the caller's variables. In a header, not every includer uses it. */
#if defined(__GNUC__)
#define NNC_NOINLINE __attribute__((noinline, unused))
#else
#define NNC_NOINLINE
#endif

/* ---- wrapping integer arithmetic: the result modulo 2^32 or 2^64 ---- */

static inline int32_t nnc_wrap_add32(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t nnc_wrap_sub32(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline int32_t nnc_wrap_mul32(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

/* 0 <= n <= 31 */
static inline int32_t nnc_wrap_shl32(int32_t a, int32_t n) {
    return (int32_t)((uint32_t)a << n);
}

static inline int64_t nnc_wrap_add64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t nnc_wrap_sub64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t nnc_wrap_mul64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* 0 <= n <= 63 */
static inline int64_t nnc_wrap_shl64(int64_t a, int64_t n) {
    return (int64_t)((uint64_t)a << n);
}

/* ---- minimum, maximum, clamp, saturate ---- */

static inline int32_t nnc_min32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static inline int32_t nnc_max32(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static inline int64_t nnc_min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t nnc_max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* lo <= hi for all clamps */
static inline int32_t nnc_clamp32(int32_t x, int32_t lo, int32_t hi) {
    return x < lo ? lo : (x > hi ? hi : x);
}

/* The bounds must lie in the result type's range. */
static inline int8_t nnc_clamp_i8(int32_t x, int32_t lo, int32_t hi) {
    return (int8_t)nnc_clamp32(x, lo, hi);
}

static inline int16_t nnc_clamp_i16(int32_t x, int32_t lo, int32_t hi) {
    return (int16_t)nnc_clamp32(x, lo, hi);
}

static inline int8_t nnc_saturate_i8(int32_t x) {
    return (int8_t)nnc_clamp32(x, INT8_MIN, INT8_MAX);
}

static inline uint8_t nnc_saturate_u8(int32_t x) {
    return (uint8_t)nnc_clamp32(x, 0, UINT8_MAX);
}

static inline int16_t nnc_saturate_i16(int32_t x) {
    return (int16_t)nnc_clamp32(x, INT16_MIN, INT16_MAX);
}

static inline int32_t nnc_saturate_i32(int64_t x) {
    return (int32_t)nnc_min64(nnc_max64(x, INT32_MIN), INT32_MAX);
}

/* The number of leading zero bits; 32 for zero. */
static inline int32_t nnc_clz32(uint32_t x) {
#if defined(__GNUC__)
    return x == 0 ? 32 : __builtin_clz(x);
#else
    int32_t zeros = 32;
    while (x != 0) {
        x >>= 1;
        --zeros;
    }
    return zeros;
#endif
}

/* ---- fixed-point requantisation ----
 * A real factor is multiplier * 2^(shift - 31), as TFLite's QuantizeMultiplier makes it:
 * multiplier 0 or in [2^30, 2^31), shift in [-31, 31], or at most 30 where one rounding is done.
 * Negative multipliers are allowed too. */

/* Saturating rounding doubling high multiplication: (a * b + 2^30) >> 31, and INT32_MAX for
 * a == b == INT32_MIN. Ties go toward plus infinity. */
static inline int32_t nnc_srdhm(int32_t a, int32_t b) {
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* Rounding division by 2^exponent, ties away from zero; 0 <= exponent <= 31. */
static inline int32_t nnc_rdbp(int32_t x, int32_t exponent) {
    const uint32_t mask = ((uint32_t)1 << exponent) - 1;
    const uint32_t threshold = (mask >> 1) + (x < 0 ? 1U : 0U);
    return (x >> exponent) + (((uint32_t)x & mask) > threshold ? 1 : 0);
}

/* TFLite's MultiplyByQuantizedMultiplier and CMSIS-NN's default: two roundings.
 * A left shift drops the bits that leave the word. The multiplier is not INT32_MIN, so that the
 * product never saturates. */
static inline int32_t nnc_requantize_double(int32_t x, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int64_t product = (int64_t)nnc_wrap_shl32(x, left) * multiplier;
    return nnc_rdbp((int32_t)((product + ((int64_t)1 << 30)) >> 31), left - shift);
}

/* One rounding, ties toward plus infinity: (x * multiplier + 2^(30 - shift)) >> (31 - shift). */
static inline int32_t nnc_requantize_single(int32_t x, int32_t multiplier, int32_t shift) {
    const int64_t half = (int64_t)1 << (30 - shift);
    return (int32_t)(((int64_t)x * multiplier + half) >> (31 - shift));
}

/* The 16 bits of a multiplier that 64-bit accumulators are multiplied by. */
static inline int32_t nnc_reduced_multiplier(int32_t multiplier) {
    return multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
}

/* TFLite's MultiplyByQuantizedMultiplier on 64 bits, for 16x8 kernels: one rounding, ties toward
 * plus infinity. |x| < 2^47, multiplier >= 0, -31 <= shift <= 14; the result is taken modulo
 * 2^32. */
static inline int32_t nnc_requantize_mb64(int64_t x, int32_t multiplier, int32_t shift) {
    const int64_t product = nnc_wrap_mul64(x, nnc_reduced_multiplier(multiplier));
    return (int32_t)(nnc_wrap_add64(product, (int64_t)1 << (14 - shift)) >> (15 - shift));
}

/* A step function of the accumulator with tuned constants: (acc * multiplier + constant) >> shift,
 * where the constant holds the rounding and the zero point; 1 <= shift <= 62. */
static inline int32_t nnc_requantize_affine(int32_t acc, int32_t multiplier, int64_t constant,
                                            int32_t shift) {
    return (int32_t)(nnc_wrap_add64((int64_t)acc * multiplier, constant) >> shift);
}

/* ---- floating point ---- */

/* The value itself, which the compiler may not fuse with the operation that made it: put around a
 * product whose own rounding matters, it keeps -ffp-contract=fast from making a fused
 * multiply-add of it. */
static inline float nnc_separate_f32(float x) {
#if defined(__GNUC__) && defined(__ARM_FP) && (__ARM_FP & 4)
    __asm__("" : "+t"(x));
    return x;
#elif defined(__GNUC__) && defined(__SSE2__)
    __asm__("" : "+x"(x));
    return x;
#elif defined(__GNUC__)
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    __asm__("" : "+r"(bits));
    memcpy(&x, &bits, sizeof bits);
    return x;
#else
    volatile float kept = x;
    return kept;
#endif
}

static inline double nnc_separate_f64(double x) {
#if defined(__GNUC__) && defined(__ARM_FP) && (__ARM_FP & 8)
    __asm__("" : "+w"(x));
    return x;
#elif defined(__GNUC__) && defined(__SSE2__)
    __asm__("" : "+x"(x));
    return x;
#else
    volatile double kept = x;
    return kept;
#endif
}

/* The signed 32-bit integer of a magnitude, saturated. */
static inline int32_t nnc_signed_i32(uint64_t magnitude, int negative) {
    if (negative) {
        return magnitude > INT32_MAX ? INT32_MIN : -(int32_t)magnitude;
    }
    return magnitude > INT32_MAX ? INT32_MAX : (int32_t)magnitude;
}

static inline uint64_t nnc_bits_f64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline uint32_t nnc_bits_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* To the nearest integer, ties away from zero when even == 0, else to the even neighbour. */
static inline int32_t nnc_round_bits_f64(uint64_t bits, int even) {
    const int negative = (int)(bits >> 63);
    const int32_t exponent = (int32_t)((bits >> 52) & 0x7FF);
    const uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    const int32_t drop = 1075 - exponent;
    if (drop > 53 || (exponent == 0x7FF && fraction != 0)) {
        return 0;
    }
    if (drop < 1) {
        return negative ? INT32_MIN : INT32_MAX;
    }
    const uint64_t mantissa = fraction | (uint64_t)1 << 52;
    const uint64_t half = (uint64_t)1 << (drop - 1);
    const uint64_t nudge = even ? half - 1 + ((mantissa >> drop) & 1) : half;
    return nnc_signed_i32((mantissa + nudge) >> drop, negative);
}

static inline int32_t nnc_round_bits_f32(uint32_t bits, int even) {
    const int negative = (int)(bits >> 31);
    const int32_t exponent = (int32_t)((bits >> 23) & 0xFF);
    const uint32_t fraction = bits & 0x7FFFFF;
    const int32_t drop = 150 - exponent;
    if (drop > 24 || (exponent == 0xFF && fraction != 0)) {
        return 0;
    }
    if (drop < -7) {
        return negative ? INT32_MIN : INT32_MAX;
    }
    const uint32_t mantissa = fraction | (uint32_t)1 << 23;
    if (drop < 1) {
        return nnc_signed_i32(mantissa << -drop, negative);
    }
    const uint32_t half = (uint32_t)1 << (drop - 1);
    const uint32_t nudge = even ? half - 1 + ((mantissa >> drop) & 1) : half;
    return nnc_signed_i32((mantissa + nudge) >> drop, negative);
}

/* Nearest int32, saturated; NaN gives 0. Ties go away from zero, or to the even neighbour. */
static inline int32_t nnc_round_away_f64(double x) {
    return nnc_round_bits_f64(nnc_bits_f64(x), 0);
}

static inline int32_t nnc_round_even_f64(double x) {
    return nnc_round_bits_f64(nnc_bits_f64(x), 1);
}

static inline int32_t nnc_round_away_f32(float x) {
    return nnc_round_bits_f32(nnc_bits_f32(x), 0);
}

static inline int32_t nnc_round_even_f32(float x) {
    return nnc_round_bits_f32(nnc_bits_f32(x), 1);
}

/* Toward zero, saturated; NaN gives 0. */
static inline int32_t nnc_trunc_f32(float x) {
    if (!(x > -2147483648.0F)) {
        return x != x ? 0 : INT32_MIN;
    }
    return x < 2147483648.0F ? (int32_t)x : INT32_MAX;
}

static inline int32_t nnc_trunc_f64(double x) {
    if (!(x > -2147483648.0)) {
        return x != x ? 0 : INT32_MIN;
    }
    return x < 2147483648.0 ? (int32_t)x : INT32_MAX;
}

/* TFLite's reference FULLY_CONNECTED: the accumulator times a real factor in double precision,
 * rounded half away from zero and saturated to 32 bits. The zero point is the caller's to add. */
static inline int32_t nnc_requantize_f64(int32_t acc, double factor) {
    return nnc_round_away_f64((double)acc * factor);
}

/* The same from a 64-bit accumulator (16x8 layers). */
static inline int32_t nnc_requantize_f64_i64(int64_t acc, double factor) {
    return nnc_round_away_f64((double)acc * factor);
}

/* ---- words from bytes: no alignment needed ---- */

static inline uint16_t nnc_load_u16(const void *p) {
    uint16_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint32_t nnc_load_u32(const void *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t nnc_load_u64(const void *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline int16_t nnc_load_i16(const void *p) {
    return (int16_t)nnc_load_u16(p);
}

static inline int32_t nnc_load_i32(const void *p) {
    return (int32_t)nnc_load_u32(p);
}

static inline int64_t nnc_load_i64(const void *p) {
    return (int64_t)nnc_load_u64(p);
}

static inline float nnc_load_f32(const void *p) {
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

static inline void nnc_store_u16(void *p, uint16_t word) {
    memcpy(p, &word, sizeof word);
}

static inline void nnc_store_u32(void *p, uint32_t word) {
    memcpy(p, &word, sizeof word);
}

static inline void nnc_store_u64(void *p, uint64_t word) {
    memcpy(p, &word, sizeof word);
}

#endif /* NNC_ARITH_H */
