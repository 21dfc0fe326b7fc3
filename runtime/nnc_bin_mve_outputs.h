/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int8 and float outputs from sums, for cores with Helium.
 *
 * The includer defines SUM (the type of a sum) and VALUES (how far the sums of two output channels
 * are apart), and with Helium the function declared here.
 */
#ifndef NNC_BIN_MVE_OUTPUTS_H
#define NNC_BIN_MVE_OUTPUTS_H

#include "nnc_arith.h"
#include "nnc_bin_mve.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(NNC_NO_MVE)
#include <arm_mve.h>
#define MVE 1
#else
#define MVE 0
#endif

#if MVE

/* Sums of up to four output channels. */
static inline int32x4_t load_sums(const SUM *sums, mve_pred16_t present);

/* The int8 outputs of one pixel, rounded twice. */
static void store_pixel(const SUM *sums, int32_t channels, const int32_t *bias,
                        const nnc_bin_mve_requantization *r, int8_t *to) {
    for (int32_t c = 0; c < channels; c += 4, sums += 4 * VALUES) {
        const mve_pred16_t present = vctp32q((uint32_t)(channels - c));
        const int32x4_t shift = vldrwq_z_s32(r->shift + c, present);
        const int32x4_t zero = vdupq_n_s32(0);
        const int32x4_t right = vminq_s32(shift, zero);
        int32x4_t v = vaddq_s32(load_sums(sums, present), vldrwq_z_s32(bias + c, present));
        v = vqrdmulhq_s32(vshlq_s32(v, vmaxq_s32(shift, zero)),
                          vldrwq_z_s32(r->multiplier + c, present));
        /* Ties go away from zero: one less where that is down. */
        v = vrshlq_s32(vaddq_s32(v, vshrq_n_s32(vandq_s32(v, right), 31)), right);
        v = vaddq_n_s32(v, r->zero_point);
        v = vminq_s32(vmaxq_s32(v, vdupq_n_s32(r->min)), vdupq_n_s32(r->max));
        vstrbq_p_s32(to + c, v, present);
    }
}

#else

static void store_pixel(const SUM *sums, int32_t channels, const int32_t *bias,
                        const nnc_bin_mve_requantization *r, int8_t *to) {
    for (int32_t c = 0; c < channels; ++c, sums += VALUES) {
        const int32_t acc = nnc_wrap_add32(*sums, bias[c]);
        const int32_t scaled = nnc_requantize_double(acc, r->multiplier[c], r->shift[c]);
        to[c] = nnc_clamp_i8(nnc_wrap_add32(scaled, r->zero_point), (int8_t)r->min,
                             (int8_t)r->max);
    }
}

#endif

/* The outputs of one pixel by an affine formula. */
static void store_pixel_affine(const SUM *sums, int32_t channels, const int32_t *bias,
                               const nnc_bin_mve_requantization *r, int8_t *to) {
    for (int32_t c = 0; c < channels; ++c, sums += VALUES) {
        const int32_t acc = nnc_wrap_add32(*sums, bias[c]);
        const int32_t scaled =
            nnc_requantize_affine(acc, r->multiplier[c], r->constant[c], r->shift[c]);
        to[c] = nnc_clamp_i8(scaled, (int8_t)r->min, (int8_t)r->max);
    }
}

/* The int8 outputs of one pixel. */
static void store_pixel_s8(const SUM *sums, int32_t channels, const int32_t *bias,
                           const nnc_bin_mve_requantization *r, int8_t *to) {
    if (r->constant == NULL) {
        store_pixel(sums, channels, bias, r, to);
    } else {
        store_pixel_affine(sums, channels, bias, r, to);
    }
}

/* Float outputs of one pixel. */
static void store_pixel_f32(const SUM *sums, int32_t channels, const int32_t *bias,
                            const float *scaling, float *to) {
    for (int32_t c = 0; c < channels; ++c, sums += VALUES) {
        const float real = (float)nnc_wrap_add32(*sums, bias[c]) * scaling[2];
        to[c] = real < scaling[0] ? scaling[0] : real > scaling[1] ? scaling[1] : real;
    }
}

#endif /* NNC_BIN_MVE_OUTPUTS_H */
