/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

arm_cmsis_nn_status nnc_cmsis_depthwise_conv_wrapper_s16(
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int16_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int64_t *bias_data, const cmsis_nn_dims *output_dims,
    int16_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    const int32_t multiple = dw_conv_params->ch_mult;
    const int32_t channels = output_dims->c;
    if (multiple < 1 || channels != input_dims->c * multiple) {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    const int32_t dilation_w = dw_conv_params->dilation.w;
    const int32_t dilation_h = dw_conv_params->dilation.h;
    const int32_t input_row = input_dims->w * input_dims->c;
    const int32_t filter_row = filter_dims->w * channels;

    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t y = 0; y < output_dims->h; ++y) {
            const nnc_window wy =
                nnc_window_at(y, dw_conv_params->stride.h, dw_conv_params->padding.h, dilation_h,
                              filter_dims->h, input_dims->h);
            for (int32_t x = 0; x < output_dims->w; ++x) {
                const nnc_window wx =
                    nnc_window_at(x, dw_conv_params->stride.w, dw_conv_params->padding.w,
                                  dilation_w, filter_dims->w, input_dims->w);
                for (int32_t c = 0; c < channels; ++c) {
                    int64_t acc = bias_data == NULL ? 0 : bias_data[c];
                    for (int32_t ky = wy.begin; ky < wy.end; ++ky) {
                        const int16_t *const in =
                            input_data + (wy.base + ky * dilation_h) * input_row + c / multiple;
                        const int8_t *const w = filter_data + ky * filter_row + c;
                        for (int32_t kx = wx.begin; kx < wx.end; ++kx) {
                            const int32_t x_in = wx.base + kx * dilation_w;
                            const int32_t product = in[x_in * input_dims->c] * w[kx * channels];
                            acc = nnc_wrap_add64(acc, product);
                        }
                    }
                    *output_data++ =
                        nnc_output_s16(acc, quant_params->multiplier[c], quant_params->shift[c],
                                       &dw_conv_params->activation);
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
