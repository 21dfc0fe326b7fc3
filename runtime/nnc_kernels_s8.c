/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_kernels_s8.h"

#include "nnc_dot_s8.h"

/* The accumulators of outputs o, o + 1, ...: four where as many are left, else one. */
static int32_t accumulate(int32_t acc[4], const int8_t *input, int32_t in_features,
                          int32_t out_features, const int8_t *weights, const int32_t *bias,
                          int32_t o) {
    const int8_t *const rows = weights + o * in_features;
    if (out_features - o < 4) {
        acc[0] = nnc_dot_s8(bias[o], input, rows, in_features, 0);
        return 1;
    }
    memcpy(acc, bias + o, 4 * sizeof *acc);
    nnc_dot4_s8(acc, input, rows, in_features, in_features, 0);
    return 4;
}

void nnc_dense_s8(const int8_t *input, int32_t batches, int32_t in_features, int32_t out_features,
                  const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                  const int64_t *constant, const int32_t *shift, int32_t requant_step,
                  int8_t out_min, int8_t out_max, int8_t *output) {
    for (int32_t batch = 0; batch < batches; ++batch) {
        const int8_t *const x = input + batch * in_features;
        for (int32_t o = 0; o < out_features;) {
            int32_t acc[4];
            const int32_t count =
                accumulate(acc, x, in_features, out_features, weights, bias, o);
            for (int32_t i = 0; i < count; ++i, ++o) {
                const int32_t r = o * requant_step;
                const int32_t value =
                    nnc_requantize_affine(acc[i], multiplier[r], constant[r], shift[r]);
                *output++ = nnc_clamp_i8(value, out_min, out_max);
            }
        }
    }
}

void nnc_dense_f64_s8(const int8_t *input, int32_t batches, int32_t in_features,
                      int32_t out_features, const int8_t *weights, const int32_t *bias,
                      const double *factor, int32_t factor_step, int32_t out_zero_point,
                      int8_t out_min, int8_t out_max, int8_t *output) {
    for (int32_t batch = 0; batch < batches; ++batch) {
        const int8_t *const x = input + batch * in_features;
        for (int32_t o = 0; o < out_features;) {
            int32_t acc[4];
            const int32_t count =
                accumulate(acc, x, in_features, out_features, weights, bias, o);
            for (int32_t i = 0; i < count; ++i, ++o) {
                const int32_t value = nnc_requantize_f64(acc[i], factor[o * factor_step]);
                *output++ = nnc_clamp_i8(nnc_wrap_add32(value, out_zero_point), out_min, out_max);
            }
        }
    }
}
