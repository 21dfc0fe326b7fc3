/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

arm_cmsis_nn_status nnc_cmsis_fully_connected_s16(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_tensor_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int16_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int64_t *bias_data, const cmsis_nn_dims *output_dims,
    int16_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    const int32_t depth = filter_dims->n;
    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t c = 0; c < output_dims->c; ++c) {
            const int64_t bias = bias_data == NULL ? 0 : bias_data[c];
            const int64_t acc = nnc_dot_s16(bias, input_data, filter_data + c * depth, depth);
            *output_data++ = nnc_output_s16(acc, quant_params->multiplier, quant_params->shift,
                                            &fc_params->activation);
        }
        input_data += depth;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
