/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

arm_cmsis_nn_status nnc_cmsis_elementwise_add_s8(
    const int8_t *input_1_vect, const int8_t *input_2_vect, int32_t input_1_offset,
    int32_t input_1_mult, int32_t input_1_shift, int32_t input_2_offset, int32_t input_2_mult,
    int32_t input_2_shift, int32_t left_shift, int8_t *output, int32_t out_offset, int32_t out_mult,
    int32_t out_shift, int32_t out_activation_min, int32_t out_activation_max, int32_t block_size) {
    const cmsis_nn_activation activation = {out_activation_min, out_activation_max};
    for (int32_t i = 0; i < block_size; ++i) {
        const int32_t raised_1 = nnc_wrap_shl32(input_1_vect[i] + input_1_offset, left_shift);
        const int32_t raised_2 = nnc_wrap_shl32(input_2_vect[i] + input_2_offset, left_shift);
        const int32_t scaled_1 = nnc_requantize_double(raised_1, input_1_mult, input_1_shift);
        const int32_t scaled_2 = nnc_requantize_double(raised_2, input_2_mult, input_2_shift);
        output[i] = nnc_output_s8(nnc_wrap_add32(scaled_1, scaled_2), out_mult, out_shift,
                                  out_offset, &activation);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status nnc_cmsis_elementwise_mul_s8(
    const int8_t *input_1_vect, const int8_t *input_2_vect, int32_t input_1_offset,
    int32_t input_2_offset, int8_t *output, int32_t out_offset, int32_t out_mult, int32_t out_shift,
    int32_t out_activation_min, int32_t out_activation_max, int32_t block_size) {
    const cmsis_nn_activation activation = {out_activation_min, out_activation_max};
    for (int32_t i = 0; i < block_size; ++i) {
        const int32_t product =
            (input_1_vect[i] + input_1_offset) * (input_2_vect[i] + input_2_offset);
        output[i] = nnc_output_s8(product, out_mult, out_shift, out_offset, &activation);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

/* The index of an element of an operand that is stretched along its axes of extent one. */
static int32_t stretched(const cmsis_nn_dims *dims, int32_t n, int32_t h, int32_t w, int32_t c) {
    int32_t index = dims->n == 1 ? 0 : n;
    index = index * dims->h + (dims->h == 1 ? 0 : h);
    index = index * dims->w + (dims->w == 1 ? 0 : w);
    return index * dims->c + (dims->c == 1 ? 0 : c);
}

static void extremum(bool least, const int8_t *a, const cmsis_nn_dims *a_dims, const int8_t *b,
                     const cmsis_nn_dims *b_dims, int8_t *output,
                     const cmsis_nn_dims *output_dims) {
    for (int32_t n = 0; n < output_dims->n; ++n) {
        for (int32_t h = 0; h < output_dims->h; ++h) {
            for (int32_t w = 0; w < output_dims->w; ++w) {
                for (int32_t c = 0; c < output_dims->c; ++c) {
                    const int8_t x = a[stretched(a_dims, n, h, w, c)];
                    const int8_t y = b[stretched(b_dims, n, h, w, c)];
                    *output++ = (x < y) == least ? x : y;
                }
            }
        }
    }
}

arm_cmsis_nn_status nnc_cmsis_minimum_s8(const cmsis_nn_context *ctx, const int8_t *input_1_data,
                                         const cmsis_nn_dims *input_1_dims,
                                         const int8_t *input_2_data,
                                         const cmsis_nn_dims *input_2_dims, int8_t *output_data,
                                         const cmsis_nn_dims *output_dims) {
    (void)ctx;
    extremum(true, input_1_data, input_1_dims, input_2_data, input_2_dims, output_data,
             output_dims);
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status nnc_cmsis_maximum_s8(const cmsis_nn_context *ctx, const int8_t *input_1_data,
                                         const cmsis_nn_dims *input_1_dims,
                                         const int8_t *input_2_data,
                                         const cmsis_nn_dims *input_2_dims, int8_t *output_data,
                                         const cmsis_nn_dims *output_dims) {
    (void)ctx;
    extremum(false, input_1_data, input_1_dims, input_2_data, input_2_dims, output_data,
             output_dims);
    return ARM_CMSIS_NN_SUCCESS;
}
