/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax as TFLite's reference computes it: gemmlowp's fixed-point exponential and reciprocal for
 * 8-bit inputs, interpolated tables for 16-bit ones.
 */
#include "nnc_cmsis_inner.h"

/* Sums of exponentials keep 12 bits above the point. */
#define SUM_INTEGER_BITS 12

/* x * 2^exponent, saturated; 1 <= exponent <= 30 */
static int32_t multiply_pot(int32_t x, int32_t exponent) {
    const int32_t limit = (int32_t)(((uint32_t)1 << (31 - exponent)) - 1);
    if (x > limit) {
        return INT32_MAX;
    }
    return x < -limit ? INT32_MIN : nnc_wrap_shl32(x, exponent);
}

/* exp(x) for x <= 0 with 26 fraction bits, with 31 fraction bits: a polynomial around -1/8 for the
 * part in [-1/4, 0), times exp(-2^k) for every bit of the rest. */
static int32_t exp_of_negative(int32_t x) {
    static const int32_t powers[7] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    if (x == 0) {
        return INT32_MAX;
    }
    const int32_t quarter = 1 << 24;
    const int32_t part = (int32_t)((uint32_t)x & (uint32_t)(quarter - 1)) - quarter;
    const uint32_t rest = (uint32_t)part - (uint32_t)x;
    const int32_t a = nnc_wrap_shl32(part, 5) + (1 << 28);
    const int32_t a2 = nnc_srdhm(a, a);
    const int32_t a3 = nnc_srdhm(a2, a);
    const int32_t a4 = nnc_srdhm(a2, a2);
    const int32_t cubic = nnc_srdhm(nnc_rdbp(a4, 2) + a3, 715827883) + a2;
    int32_t result = 1895147668 + nnc_srdhm(1895147668, a + nnc_rdbp(cubic, 1));
    for (int32_t bit = 0; bit < 7; ++bit) {
        if ((rest >> (24 + bit) & 1) != 0) {
            result = nnc_srdhm(result, powers[bit]);
        }
    }
    return result;
}

/* 1 / (1 + x) for x in [0, 1), both with 31 fraction bits: three steps of Newton and Raphson. */
static int32_t reciprocal_of_one_plus(int32_t x) {
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t estimate = 1515870810 + nnc_srdhm(half, -1010580540);
    for (int32_t step = 0; step < 3; ++step) {
        const int32_t error = (1 << 29) - nnc_srdhm(half, estimate);
        estimate = nnc_wrap_add32(estimate, multiply_pot(nnc_srdhm(estimate, error), 2));
    }
    return multiply_pot(estimate, 1);
}

typedef struct {
    int32_t multiplier;
    int32_t shift;
    int32_t diff_min;
} scaling;

/* The exponential of an input's distance below the row's maximum; 0 below diff_min. */
static int32_t exponential(int32_t diff, const scaling *s) {
    if (diff < s->diff_min) {
        return 0;
    }
    return exp_of_negative(nnc_srdhm(nnc_wrap_shl32(diff, s->shift), s->multiplier));
}

static int32_t largest(const int8_t *row, int32_t size) {
    int32_t most = row[0];
    for (int32_t i = 1; i < size; ++i) {
        most = nnc_max32(most, row[i]);
    }
    return most;
}

typedef struct {
    int32_t reciprocal;
    int32_t shift;
} divisor;

static divisor divisor_of(const int8_t *row, int32_t size, int32_t most, const scaling *s,
                          int32_t output_bits) {
    uint32_t sum = 0;
    for (int32_t i = 0; i < size; ++i) {
        sum += (uint32_t)nnc_rdbp(exponential(row[i] - most, s), SUM_INTEGER_BITS);
    }
    const int32_t headroom = nnc_min32(nnc_clz32(sum), 31);
    divisor d;
    d.reciprocal = reciprocal_of_one_plus((int32_t)((sum << headroom) - 0x80000000U));
    d.shift = nnc_min32(SUM_INTEGER_BITS - headroom + 31 - output_bits, 31);
    return d;
}

static int32_t quotient(int32_t diff, const scaling *s, const divisor *d) {
    return nnc_rdbp(nnc_srdhm(d->reciprocal, exponential(diff, s)), d->shift);
}

void nnc_cmsis_softmax_s8(const int8_t *input, int32_t num_rows, int32_t row_size, int32_t mult,
                          int32_t shift, int32_t diff_min, int8_t *output) {
    const scaling s = {mult, shift, diff_min};
    for (int32_t row = 0; row < num_rows; ++row) {
        const int32_t most = largest(input, row_size);
        const divisor d = divisor_of(input, row_size, most, &s, 8);
        for (int32_t i = 0; i < row_size; ++i) {
            output[i] = nnc_saturate_i8(quotient(input[i] - most, &s, &d) + INT8_MIN);
        }
        input += row_size;
        output += row_size;
    }
}

void nnc_cmsis_softmax_s8_s16(const int8_t *input, int32_t num_rows, int32_t row_size, int32_t mult,
                              int32_t shift, int32_t diff_min, int16_t *output) {
    const scaling s = {mult, shift, diff_min};
    for (int32_t row = 0; row < num_rows; ++row) {
        const int32_t most = largest(input, row_size);
        const divisor d = divisor_of(input, row_size, most, &s, 16);
        for (int32_t i = 0; i < row_size; ++i) {
            output[i] = nnc_saturate_i16(quotient(input[i] - most, &s, &d) + INT16_MIN);
        }
        input += row_size;
        output += row_size;
    }
}

/* A table of 513 values over the 16-bit inputs, interpolated linearly. */
static int32_t interpolate(const int16_t *table, int32_t x) {
    const int32_t index = 256 + (x >> 7);
    const int32_t slope = (int16_t)(table[index + 1] - table[index]);
    return (int16_t)(table[index] + ((slope * (x & 0x7F) + 64) >> 7));
}

arm_cmsis_nn_status nnc_cmsis_softmax_s16(const int16_t *input, int32_t num_rows, int32_t row_size,
                                          int32_t mult, int32_t shift,
                                          const cmsis_nn_softmax_lut_s16 *softmax_params,
                                          int16_t *output) {
    if (softmax_params->exp_lut == NULL || softmax_params->one_by_one_lut == NULL) {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    for (int32_t row = 0; row < num_rows; ++row) {
        int32_t most = input[0];
        for (int32_t i = 1; i < row_size; ++i) {
            most = nnc_max32(most, input[i]);
        }
        uint32_t sum = 0;
        for (int32_t i = 0; i < row_size; ++i) {
            const int32_t scaled = nnc_requantize_double(input[i] - most, mult, shift);
            const int32_t centred = nnc_saturate_i16(nnc_wrap_add32(scaled, INT16_MAX));
            const int32_t value = interpolate(softmax_params->exp_lut, centred);
            output[i] = (int16_t)value;
            sum += (uint32_t)value;
        }
        /* The sum as 1 + x with 16 fraction bits of x, centred for the table of 1 / (1 + x). */
        const int32_t headroom = nnc_clz32(sum);
        const int32_t normal = (int32_t)(((sum << (headroom - 1)) + (1U << 13)) >> 14);
        const int32_t reciprocal =
            interpolate(softmax_params->one_by_one_lut, nnc_saturate_i16(normal - 98304));
        for (int32_t i = 0; i < row_size; ++i) {
            const int32_t doubled = (output[i] * reciprocal) >> (30 - headroom);
            output[i] = nnc_saturate_i16((doubled + 1) >> 1);
        }
        input += row_size;
        output += row_size;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
