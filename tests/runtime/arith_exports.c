/* SPDX-License-Identifier: Apache-2.0 */
/* The inline functions of nnc_arith.h over arrays, to be called from Python. */
#include "nnc_arith.h"

#define BINARY(name)                                                                     \
    void each_##name(const int32_t *a, const int32_t *b, int32_t *out, int32_t n);       \
    void each_##name(const int32_t *a, const int32_t *b, int32_t *out, int32_t n) {      \
        for (int32_t i = 0; i < n; ++i) {                                                \
            out[i] = nnc_##name(a[i], b[i]);                                             \
        }                                                                                \
    }

#define BINARY64(name)                                                                   \
    void each_##name(const int64_t *a, const int64_t *b, int64_t *out, int32_t n);       \
    void each_##name(const int64_t *a, const int64_t *b, int64_t *out, int32_t n) {      \
        for (int32_t i = 0; i < n; ++i) {                                                \
            out[i] = nnc_##name(a[i], b[i]);                                             \
        }                                                                                \
    }

#define REQUANTIZE(name, type)                                                           \
    void each_##name(const type *x, const int32_t *multiplier, const int32_t *shift,     \
                     int32_t *out, int32_t n);                                           \
    void each_##name(const type *x, const int32_t *multiplier, const int32_t *shift,     \
                     int32_t *out, int32_t n) {                                          \
        for (int32_t i = 0; i < n; ++i) {                                                \
            out[i] = nnc_##name(x[i], multiplier[i], shift[i]);                          \
        }                                                                                \
    }

#define ROUND(name, type)                                                                \
    void each_##name(const type *x, int32_t *out, int32_t n);                            \
    void each_##name(const type *x, int32_t *out, int32_t n) {                           \
        for (int32_t i = 0; i < n; ++i) {                                                \
            out[i] = nnc_##name(x[i]);                                                   \
        }                                                                                \
    }

#define SCALE(name, type)                                                                \
    void each_##name(const type *acc, const double *factor, int32_t *out, int32_t n);    \
    void each_##name(const type *acc, const double *factor, int32_t *out, int32_t n) {   \
        for (int32_t i = 0; i < n; ++i) {                                                \
            out[i] = nnc_##name(acc[i], factor[i]);                                      \
        }                                                                                \
    }

BINARY(wrap_add32)
BINARY(wrap_sub32)
BINARY(wrap_mul32)
BINARY(wrap_shl32)
BINARY64(wrap_add64)
BINARY64(wrap_sub64)
BINARY64(wrap_mul64)
BINARY(min32)
BINARY(max32)
BINARY(srdhm)
BINARY(rdbp)
REQUANTIZE(requantize_double, int32_t)
REQUANTIZE(requantize_single, int32_t)
REQUANTIZE(requantize_mb64, int64_t)
ROUND(round_away_f32, float)
ROUND(round_even_f32, float)
ROUND(trunc_f32, float)
ROUND(round_away_f64, double)
ROUND(round_even_f64, double)
ROUND(trunc_f64, double)
SCALE(requantize_f64, int32_t)
SCALE(requantize_f64_i64, int64_t)

void each_requantize_affine(const int32_t *acc, const int32_t *multiplier, const int64_t *constant,
                            const int32_t *shift, int32_t *out, int32_t n);
void each_requantize_affine(const int32_t *acc, const int32_t *multiplier, const int64_t *constant,
                            const int32_t *shift, int32_t *out, int32_t n) {
    for (int32_t i = 0; i < n; ++i) {
        out[i] = nnc_requantize_affine(acc[i], multiplier[i], constant[i], shift[i]);
    }
}

/* Results of the narrowing functions side by side. */
void each_saturated(const int32_t *x, int32_t *out, int32_t n);
void each_saturated(const int32_t *x, int32_t *out, int32_t n) {
    for (int32_t i = 0; i < n; ++i) {
        *out++ = nnc_saturate_i8(x[i]);
        *out++ = nnc_saturate_u8(x[i]);
        *out++ = nnc_saturate_i16(x[i]);
        *out++ = nnc_saturate_i32((int64_t)x[i] * 3);
        *out++ = nnc_clamp_i8(x[i], -3, 100);
        *out++ = nnc_clamp_i16(x[i], -300, 1000);
        *out++ = nnc_clz32((uint32_t)x[i]);
    }
}

/* a * b + c with the product rounded on its own. */
void each_separate_f32(const float *a, const float *b, const float *c, float *out, int32_t n);
void each_separate_f32(const float *a, const float *b, const float *c, float *out, int32_t n) {
    for (int32_t i = 0; i < n; ++i) {
        out[i] = nnc_separate_f32(a[i] * b[i]) + c[i];
    }
}

void each_separate_f64(const double *a, const double *b, const double *c, double *out, int32_t n);
void each_separate_f64(const double *a, const double *b, const double *c, double *out, int32_t n) {
    for (int32_t i = 0; i < n; ++i) {
        out[i] = nnc_separate_f64(a[i] * b[i]) + c[i];
    }
}

/* Words at every offset of a byte array, written elsewhere at another offset and read again. */
int32_t words_survive(const uint8_t *bytes, uint8_t *copy, int32_t n);
int32_t words_survive(const uint8_t *bytes, uint8_t *copy, int32_t n) {
    int32_t failures = 0;
    for (int32_t i = 0; i + 8 <= n; ++i) {
        nnc_store_u64(copy + 1, nnc_load_u64(bytes + i));
        failures += nnc_load_i64(copy + 1) != (int64_t)nnc_load_u64(bytes + i);
        nnc_store_u32(copy + 3, nnc_load_u32(bytes + i));
        failures += nnc_load_i32(copy + 3) != nnc_load_i32(bytes + i);
        nnc_store_u16(copy + 1, nnc_load_u16(bytes + i));
        failures += nnc_load_i16(copy + 1) != nnc_load_i16(bytes + i);
        failures += nnc_load_u16(copy + 1) != (uint16_t)(bytes[i] | bytes[i + 1] << 8);
        failures += nnc_bits_f32(nnc_load_f32(copy + 3)) != nnc_load_u32(copy + 3);
    }
    return failures;
}
