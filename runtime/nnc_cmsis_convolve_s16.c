/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

/* The bias decides the arithmetic: on 32 bits the sum wraps and is requantised with two roundings
 * and a full multiplier, on 64 bits with one rounding and a 16-bit multiplier. */
static int16_t output(int64_t acc, const cmsis_nn_bias_data *bias_data, int32_t channel,
                      int32_t multiplier, int32_t shift, const cmsis_nn_activation *activation) {
    if (bias_data->is_int32_bias) {
        const int32_t *const bias = bias_data->data;
        const int32_t sum = nnc_wrap_add32((int32_t)acc, bias == NULL ? 0 : bias[channel]);
        const int32_t value = nnc_requantize_double(sum, multiplier, shift);
        return nnc_clamp_i16(value, activation->min, activation->max);
    }
    const int64_t *const bias = bias_data->data;
    return nnc_output_s16(nnc_wrap_add64(acc, bias == NULL ? 0 : bias[channel]), multiplier, shift,
                          activation);
}

arm_cmsis_nn_status nnc_cmsis_convolve_wrapper_s16(
    const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int16_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const cmsis_nn_bias_data *bias_data,
    const cmsis_nn_dims *output_dims, int16_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    const int32_t depth = input_dims->c;
    const int32_t dilation_w = conv_params->dilation.w;
    const int32_t dilation_h = conv_params->dilation.h;
    const int32_t input_row = input_dims->w * depth;
    const int32_t filter_row = filter_dims->w * depth;
    const bool contiguous = dilation_w == 1;

    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t y = 0; y < output_dims->h; ++y) {
            const nnc_window wy = nnc_window_at(y, conv_params->stride.h, conv_params->padding.h,
                                                dilation_h, filter_dims->h, input_dims->h);
            for (int32_t x = 0; x < output_dims->w; ++x) {
                const nnc_window wx =
                    nnc_window_at(x, conv_params->stride.w, conv_params->padding.w, dilation_w,
                                  filter_dims->w, input_dims->w);
                const int32_t columns = wx.end - wx.begin;
                const int32_t runs = contiguous ? 1 : columns;
                const int32_t length = contiguous ? columns * depth : depth;
                for (int32_t c = 0; c < output_dims->c; ++c) {
                    int64_t acc = 0;
                    for (int32_t ky = wy.begin; ky < wy.end; ++ky) {
                        const int16_t *const in = input_data + (wy.base + ky * dilation_h) * input_row +
                                            (wx.base + wx.begin * dilation_w) * depth;
                        const int8_t *const w =
                            filter_data + (c * filter_dims->h + ky) * filter_row + wx.begin * depth;
                        for (int32_t run = 0; run < runs; ++run) {
                            acc = nnc_dot_s16(acc, in + run * dilation_w * depth, w + run * depth,
                                              length);
                        }
                    }
                    *output_data++ = output(acc, bias_data, c, quant_params->multiplier[c],
                                            quant_params->shift[c], &conv_params->activation);
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
