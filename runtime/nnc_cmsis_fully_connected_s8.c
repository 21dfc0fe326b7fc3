/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"
#include "nnc_dot_s8.h"

static int32_t sum(const int8_t *values, int32_t count) {
    int32_t total = 0;
    for (int32_t i = 0; i < count; ++i) {
        total += values[i];
    }
    return total;
}

/* One multiplier and shift per output (step 1), or one pair for all (step 0). */
static void fully_connected(const cmsis_nn_fc_params *fc_params, const int32_t *multiplier,
                            const int32_t *shift, int32_t step, const cmsis_nn_dims *input_dims,
                            const int8_t *input_data, int32_t depth, const int8_t *filter_data,
                            const int32_t *bias_data, int32_t outputs, int8_t *output_data) {
    const int32_t offset = fc_params->input_offset;
    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        /* sum of (x + offset) * (w + filter_offset), without touching w: */
        int32_t correction = 0;
        if (fc_params->filter_offset != 0) {
            correction = nnc_wrap_mul32(nnc_wrap_add32(sum(input_data, depth), depth * offset),
                                        fc_params->filter_offset);
        }
        for (int32_t c = 0; c < outputs;) {
            const int32_t count = outputs - c < 4 ? 1 : 4;
            const int32_t *const bias = nnc_bias_at(bias_data, c);
            int32_t acc[4];
            for (int32_t i = 0; i < count; ++i) {
                acc[i] = nnc_wrap_add32(bias[i], correction);
            }
            const int8_t *const weights = filter_data + c * depth;
            if (count == 4) {
                nnc_dot4_s8(acc, input_data, weights, depth, depth, offset);
            } else {
                acc[0] = nnc_dot_s8(acc[0], input_data, weights, depth, offset);
            }
            nnc_outputs_s8(output_data, acc, count, multiplier + c * step, shift + c * step, step,
                           fc_params->output_offset, fc_params->activation);
            output_data += count;
            c += count;
        }
        input_data += depth;
    }
}

arm_cmsis_nn_status nnc_cmsis_fully_connected_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_tensor_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    fully_connected(fc_params, &quant_params->multiplier, &quant_params->shift, 0, input_dims,
                    input_data, filter_dims->n, filter_data, bias_data, output_dims->c,
                    output_data);
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status nnc_cmsis_fully_connected_per_channel_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    fully_connected(fc_params, quant_params->multiplier, quant_params->shift, 1, input_dims,
                    input_data, filter_dims->n, filter_data, bias_data, output_dims->c,
                    output_data);
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status nnc_cmsis_fully_connected_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    fully_connected(fc_params, quant_params->multiplier, quant_params->shift,
                    quant_params->is_per_channel ? 1 : 0, input_dims, input_data, filter_dims->n,
                    filter_data, bias_data, output_dims->c, output_data);
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status nnc_cmsis_vector_sum_s8(int32_t *vector_sum_buf, int32_t vector_cols,
                                            int32_t vector_rows, const int8_t *vector_data,
                                            int32_t lhs_offset, int32_t rhs_offset,
                                            const int32_t *bias_data) {
    for (int32_t row = 0; row < vector_rows; ++row) {
        const int32_t total =
            nnc_wrap_add32(sum(vector_data + row * vector_cols, vector_cols),
                           nnc_wrap_mul32(vector_cols, rhs_offset));
        const int32_t bias = bias_data == NULL ? 0 : bias_data[row];
        vector_sum_buf[row] = nnc_wrap_add32(bias, nnc_wrap_mul32(total, lhs_offset));
    }
    return ARM_CMSIS_NN_SUCCESS;
}
