/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

static int16_t output_s16(int32_t acc, int32_t multiplier, int32_t shift, int32_t least,
                          int32_t most) {
    return nnc_clamp_i16(nnc_requantize_double(acc, multiplier, shift), least, most);
}

arm_cmsis_nn_status nnc_cmsis_elementwise_add_s16(
    const int16_t *input_1_vect, const int16_t *input_2_vect, int32_t input_1_offset,
    int32_t input_1_mult, int32_t input_1_shift, int32_t input_2_offset, int32_t input_2_mult,
    int32_t input_2_shift, int32_t left_shift, int16_t *output, int32_t out_offset,
    int32_t out_mult, int32_t out_shift, int32_t out_activation_min, int32_t out_activation_max,
    int32_t block_size) {
    (void)input_1_offset;
    (void)input_2_offset;
    (void)out_offset;
    for (int32_t i = 0; i < block_size; ++i) {
        const int32_t raised_1 = nnc_wrap_shl32(input_1_vect[i], left_shift);
        const int32_t raised_2 = nnc_wrap_shl32(input_2_vect[i], left_shift);
        const int32_t scaled_1 = nnc_requantize_double(raised_1, input_1_mult, input_1_shift);
        const int32_t scaled_2 = nnc_requantize_double(raised_2, input_2_mult, input_2_shift);
        output[i] = output_s16(nnc_wrap_add32(scaled_1, scaled_2), out_mult, out_shift,
                               out_activation_min, out_activation_max);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status nnc_cmsis_elementwise_mul_s16(
    const int16_t *input_1_vect, const int16_t *input_2_vect, int32_t input_1_offset,
    int32_t input_2_offset, int16_t *output, int32_t out_offset, int32_t out_mult,
    int32_t out_shift, int32_t out_activation_min, int32_t out_activation_max, int32_t block_size) {
    (void)input_1_offset;
    (void)input_2_offset;
    (void)out_offset;
    for (int32_t i = 0; i < block_size; ++i) {
        output[i] = output_s16(input_1_vect[i] * input_2_vect[i], out_mult, out_shift,
                               out_activation_min, out_activation_max);
    }
    return ARM_CMSIS_NN_SUCCESS;
}
