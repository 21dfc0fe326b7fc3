/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 outputs by one multiplication of what was accumulated: the rounded upper word of its product,
 * an offset and a saturating shift. A file that includes this has defined NNC_BIN_FRACTION, the bits
 * of an output after the point.
 */
#ifndef NNC_BIN_FIXED_H
#define NNC_BIN_FIXED_H

#include "nnc_arith.h"
#include "nnc_bin.h"

#if defined(__GNUC__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && \
    defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 2 && !defined(NNC_NO_ASM)
#define NNC_BIN_SSAT 1
#else
#define NNC_BIN_SSAT 0
#endif

#if NNC_BIN_SSAT && defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define NNC_BIN_SMMLAR 1
#else
#define NNC_BIN_SMMLAR 0
#endif

#define NNC_BIN_TEXT_OF(x) #x
#define NNC_BIN_TEXT(x) NNC_BIN_TEXT_OF(x)

/* The upper word of a product, rounded half up, plus an offset. */
static inline int32_t nnc_bin_upper(uint32_t a, int32_t multiplier, int32_t offset) {
#if NNC_BIN_SMMLAR
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(multiplier), "r"(offset));
    return result;
#else
    const int64_t product = (int64_t)(int32_t)a * multiplier + ((int64_t)1 << 31);
    return nnc_wrap_add32((int32_t)(product >> 32), offset);
#endif
}

/* Without its fraction, between -128 and 127. */
static inline int8_t nnc_bin_saturate(int32_t value) {
#if NNC_BIN_SSAT
    int32_t result;
    __asm__("ssat %0, #8, %1, asr #" NNC_BIN_TEXT(NNC_BIN_FRACTION) : "=r"(result) : "r"(value));
    return (int8_t)result;
#else
    return nnc_saturate_i8(value >> NNC_BIN_FRACTION);
#endif
}

/* The output of what was accumulated and shifted to the left; constants are multiplier, offset and
 * what is added below 0, if `parts`. */
static inline int8_t nnc_bin_output(uint32_t shifted, const int32_t constants[3], int parts) {
    int32_t value = nnc_bin_upper(shifted, constants[0], constants[1]);
    if (parts) {
        value += (int32_t)shifted >> 31 & constants[2];
    }
    return nnc_bin_saturate(value);
}

/* The output of a channel from its sum. */
static inline int8_t nnc_bin_fixed_output(const nnc_bin_fixed *to, int32_t sum, int32_t channel) {
    const int32_t *const constants = to->constants + channel * to->step;
    const uint32_t shifted = (uint32_t)sum << to->left;
    return nnc_clamp_i8(nnc_bin_output(shifted, constants, to->parts), to->low, to->high);
}

/* A clamp that is narrower than int8 comes last. */
static inline void nnc_bin_clamp(int8_t *output, int32_t channels, int32_t low, int32_t high) {
    if (low > INT8_MIN || high < INT8_MAX) {
        for (int32_t channel = 0; channel < channels; ++channel) {
            output[channel] = nnc_clamp_i8(output[channel], low, high);
        }
    }
}

#endif /* NNC_BIN_FIXED_H */
