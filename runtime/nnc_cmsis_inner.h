/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the portable CMSIS-NN functions share: the taps of a window that lie inside the input, and
 * the last step from an accumulator to an output.
 */
#ifndef NNC_CMSIS_INNER_H
#define NNC_CMSIS_INNER_H

#if defined(NNC_USE_CMSIS_NN)
#error "nnc: leave the nnc_cmsis_*.c files out when the CMSIS-NN library is used"
#endif

#include "nnc_arith.h"
#include "nnc_cmsis_nn.h"

/* Taps [begin, end) of a window read the input at base + tap * dilation, all inside it; all zero
 * where no tap is inside. */
typedef struct {
    int32_t base;
    int32_t begin;
    int32_t end;
} nnc_window;

static inline nnc_window nnc_window_at(int32_t out, int32_t stride, int32_t padding,
                                       int32_t dilation, int32_t kernel, int32_t extent) {
    const nnc_window empty = {0, 0, 0};
    nnc_window window;
    window.base = out * stride - padding;
    window.begin = window.base < 0 ? (dilation - 1 - window.base) / dilation : 0;
    window.end = nnc_min32(kernel, (extent - window.base + dilation - 1) / dilation);
    return window.begin < window.end ? window : empty;
}

/* acc += sum of x * w on 64 bits */
static inline int64_t nnc_dot_s16(int64_t acc, const int16_t *x, const int8_t *w, int32_t length) {
    for (int32_t i = 0; i < length; ++i) {
        acc = nnc_wrap_add64(acc, (int32_t)x[i] * w[i]);
    }
    return acc;
}

/* Where the accumulators of channel c and its neighbours, at most four, start from. */
static inline const int32_t *nnc_bias_at(const int32_t *bias, int32_t c) {
    static const int32_t zeros[4] = {0, 0, 0, 0};
    return bias == NULL ? zeros : bias + c;
}

static inline int8_t nnc_output_s8(int32_t acc, int32_t multiplier, int32_t shift, int32_t offset,
                                   const cmsis_nn_activation *activation) {
    const int32_t value = nnc_wrap_add32(nnc_requantize_double(acc, multiplier, shift), offset);
    return nnc_clamp_i8(value, activation->min, activation->max);
}

/* `count` neighbouring outputs, each with the multiplier and shift `step` after the last one's. */
static inline void nnc_outputs_s8(int8_t *output, const int32_t *acc, int32_t count,
                                  const int32_t *multiplier, const int32_t *shift, int32_t step,
                                  int32_t offset, cmsis_nn_activation activation) {
    for (int32_t i = 0; i < count; ++i) {
        output[i] = nnc_output_s8(acc[i], *multiplier, *shift, offset, &activation);
        multiplier += step;
        shift += step;
    }
}

static inline int16_t nnc_output_s16(int64_t acc, int32_t multiplier, int32_t shift,
                                     const cmsis_nn_activation *activation) {
    const int32_t value = nnc_requantize_mb64(acc, multiplier, shift);
    return nnc_clamp_i16(value, activation->min, activation->max);
}

#endif /* NNC_CMSIS_INNER_H */
