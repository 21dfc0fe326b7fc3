/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs from sums of products with binary weights.
 */
#ifndef NNC_BIN_OUTPUTS_H
#define NNC_BIN_OUTPUTS_H

#include <stddef.h>

#include "nnc_bin.h"
#include "nnc_layer.h"

static inline int8_t nnc_bin_requantize(const nnc_bin_requantization *to, int32_t sum,
                                        int32_t channel) {
    const int32_t entry = channel * to->step;
    const int32_t multiplier = to->multiplier[entry];
    const int32_t shift = to->shift[entry];
    if (to->constant != NULL) {
        const int64_t exact =
            nnc_wrap_add64((int64_t)sum * multiplier, to->constant[entry]);
        /* Nearly always the low word does not matter, and words are shifted faster. */
        const int32_t value = shift >= 32 ? (int32_t)(exact >> 32) >> (shift - 32)
                                          : (int32_t)(exact >> shift);
        return nnc_clamp_i8(value, to->low, to->high);
    }
    const int32_t value = to->single ? nnc_requantize_single(sum, multiplier, shift)
                                     : nnc_requantize_double(sum, multiplier, shift);
    return nnc_clamp_i8(nnc_wrap_add32(value, to->zero_point), to->low, to->high);
}

static inline float nnc_bin_scale(const nnc_bin_scaling *to, int32_t sum, int32_t channel) {
    float value = (float)sum;
    if (to->scale != NULL) {
        value *= to->scale[channel * to->step];
    }
    return nnc_min_f32(nnc_max_f32(value, to->bounds[0]), to->bounds[1]);
}

#endif /* NNC_BIN_OUTPUTS_H */
