/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 kernels of our own, for layers whose arithmetic no library kernel has.
 */
#ifndef NNC_KERNELS_S8_H
#define NNC_KERNELS_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Dense layer: output[b][o] = clamp((acc * multiplier[o] + constant[o]) >> shift[o]) on 64 bits,
 * where acc = bias[o] + sum over i of input[b][i] * weights[o][i].
 *
 * The bias has the input's zero point folded in; the constants hold the rounding and the output's
 * zero point; 1 <= shift <= 62. Where all outputs share one formula, requant_step is 0 and each of
 * the three tables has one entry; else it is 1. */
void nnc_dense_s8(const int8_t *input, int32_t batches, int32_t in_features, int32_t out_features,
                  const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                  const int64_t *constant, const int32_t *shift, int32_t requant_step,
                  int8_t out_min, int8_t out_max, int8_t *output);

/* The same with TFLite's formula as it stands: round(acc * factor) + out_zero_point in double
 * precision, ties away from zero. For what no fixed-point formula can match. */
void nnc_dense_f64_s8(const int8_t *input, int32_t batches, int32_t in_features,
                      int32_t out_features, const int8_t *weights, const int32_t *bias,
                      const double *factor, int32_t factor_step, int32_t out_zero_point,
                      int8_t out_min, int8_t out_max, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* NNC_KERNELS_S8_H */
