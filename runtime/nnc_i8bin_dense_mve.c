/* SPDX-License-Identifier: Apache-2.0 */
#define SUM int32_t
#define VALUES 1
#include "nnc_bin_mve_outputs.h"

#if MVE

static inline int32x4_t load_sums(const int32_t *sums, mve_pred16_t present) {
    return vldrwq_z_s32(sums, present);
}

/* The sums of 16 inputs, each with the sign that its weight's bit says. */
static inline int32_t add_signed(int32_t sum, int8x16_t x, const int32_t *weights, int32_t k) {
    const mve_pred16_t negative = nnc_load_u16((const uint8_t *)weights + k / 8);
    return vmladavaq_s8(sum, x, vpselq_s8(vdupq_n_s8(-1), vdupq_n_s8(1), negative));
}

/* The same for 32 inputs in x0 and x1 and the next word of weights. A mask has 16 bits, more are
 * ignored. */
#define ADD_WORD(sum, w) \
    "ldr r12, [%[" #w "]], #4\n" \
    "vmsr p0, r12\n" \
    "vpsel q4, %q[minus], %q[plus]\n" \
    "vmladava.s8 %[" #sum "], q4, %q[x0]\n" \
    "lsr r12, r12, #16\n" \
    "vmsr p0, r12\n" \
    "vpsel q4, %q[minus], %q[plus]\n" \
    "vmladava.s8 %[" #sum "], q4, %q[x1]\n"

/* The products of an input with the weights of four outputs, `words` apart. */
static NNC_NOINLINE void multiply4(const int8_t *input, const int32_t *weights, int32_t words,
                                   int32_t depth, int32_t *sums) {
    int32_t a = 0;
    int32_t b = 0;
    int32_t c = 0;
    int32_t d = 0;
    int32_t k = 0;
#if !defined(__clang__)
    const int32_t *w0 = weights;
    const int32_t *w1 = weights + words;
    const int32_t *w2 = weights + 2 * words;
    const int32_t *w3 = weights + 3 * words;
    const int8x16_t minus = vdupq_n_s8(-1);
    const int8x16_t plus = vdupq_n_s8(1);
    for (; k + 32 <= depth; k += 32) {
        const int8x16_t x0 = vldrbq_s8(input + k);
        const int8x16_t x1 = vldrbq_s8(input + k + 16);
        __asm__ volatile(ADD_WORD(a, w0) ADD_WORD(b, w1) ADD_WORD(c, w2) ADD_WORD(d, w3)
                         : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [w0] "+r"(w0),
                           [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3)
                         : [x0] "w"(x0), [x1] "w"(x1), [minus] "w"(minus), [plus] "w"(plus)
                         : "r12", "q4", "p0", "memory");
    }
#endif
    for (; k < depth; k += 16) {
        const int8x16_t x = vldrbq_z_s8(input + k, vctp8q((uint32_t)(depth - k)));
        a = add_signed(a, x, weights, k);
        b = add_signed(b, x, weights + words, k);
        c = add_signed(c, x, weights + 2 * words, k);
        d = add_signed(d, x, weights + 3 * words, k);
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

static NNC_NOINLINE int32_t multiply(const int8_t *input, const int32_t *weights,
                                     int32_t depth) {
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; k += 16) {
        const int8x16_t x = vldrbq_z_s8(input + k, vctp8q((uint32_t)(depth - k)));
        sum = add_signed(sum, x, weights, k);
    }
    return sum;
}

#else

static int32_t multiply(const int8_t *input, const int32_t *weights, int32_t depth) {
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; ++k) {
        sum += ((uint32_t)weights[k / 32] >> (k % 32) & 1U) != 0 ? -input[k] : input[k];
    }
    return sum;
}

#endif

/* The sums of products of one row with the weights of all outputs. */
static void dot_products(const nnc_bin_mve_dense *d, const int8_t *input, const int32_t *weights,
                         int32_t *sums) {
    const int32_t words = (d->depth + 31) / 32;
    int32_t output = 0;
#if MVE
    for (; output + 4 <= d->channels; output += 4) {
        multiply4(input, weights + output * words, words, d->depth, sums + output);
    }
#endif
    for (; output < d->channels; ++output) {
        sums[output] = multiply(input, weights + output * words, d->depth);
    }
}

void nnc_i8bin_dense_mve_bin(const nnc_bin_mve_dense *d, const int8_t *input,
                             const int32_t *weights, const int32_t *bias, int32_t *output,
                             void *sums) {
    for (int32_t row = 0; row < d->rows; ++row, input += d->depth) {
        const int32_t *const found = sums;
        dot_products(d, input, weights, sums);
        for (int32_t first = 0; first < d->channels; first += 32) {
            const int32_t count = nnc_min32(32, d->channels - first);
            uint32_t bits = 0;
            for (int32_t i = 0; i < count; ++i) {
                const int32_t sum = nnc_wrap_add32(found[first + i], bias[first + i]);
                bits |= (uint32_t)sum >> 31 << i;
            }
            *output++ = (int32_t)bits;
        }
    }
}

void nnc_i8bin_dense_mve_s8(const nnc_bin_mve_dense *d, const int8_t *input,
                            const int32_t *weights, const int32_t *bias,
                            const nnc_bin_mve_requantization *r, int8_t *output, void *sums) {
    for (int32_t row = 0; row < d->rows; ++row, input += d->depth) {
        dot_products(d, input, weights, sums);
        store_pixel_s8(sums, d->channels, bias, r, output + row * d->channels);
    }
}

void nnc_i8bin_dense_mve_f32(const nnc_bin_mve_dense *d, const int8_t *input,
                             const int32_t *weights, const int32_t *bias, const float *scaling,
                             float *output, void *sums) {
    for (int32_t row = 0; row < d->rows; ++row, input += d->depth) {
        dot_products(d, input, weights, sums);
        store_pixel_f32(sums, d->channels, bias, scaling, output + row * d->channels);
    }
}
