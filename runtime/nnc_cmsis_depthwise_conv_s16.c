/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

/* The taps of a pixel that lie inside the input, and the steps between them in elements. */
typedef struct {
    const int16_t *x;
    const int8_t *w;
    int32_t rows;
    int32_t columns;
    int32_t x_row;
    int32_t x_column;
    int32_t w_row;
    int32_t w_column;
} taps;

static int64_t accumulate(int64_t acc, const taps *t, int32_t c_in, int32_t c) {
    for (int32_t row = 0; row < t->rows; ++row) {
        for (int32_t column = 0; column < t->columns; ++column) {
            const int32_t x = t->x[c_in + row * t->x_row + column * t->x_column];
            const int32_t w = t->w[c + row * t->w_row + column * t->w_column];
            acc = nnc_wrap_add64(acc, x * w);
        }
    }
    return acc;
}

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
    taps t;
    t.x_row = dilation_h * input_row;
    t.x_column = dilation_w * input_dims->c;
    t.w_row = filter_dims->w * channels;
    t.w_column = channels;

    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t y = 0; y < output_dims->h; ++y) {
            const nnc_window wy =
                nnc_window_at(y, dw_conv_params->stride.h, dw_conv_params->padding.h, dilation_h,
                              filter_dims->h, input_dims->h);
            t.rows = wy.end - wy.begin;
            for (int32_t x = 0; x < output_dims->w; ++x) {
                const nnc_window wx =
                    nnc_window_at(x, dw_conv_params->stride.w, dw_conv_params->padding.w,
                                  dilation_w, filter_dims->w, input_dims->w);
                t.columns = wx.end - wx.begin;
                t.x = input_data + (wy.base + wy.begin * dilation_h) * input_row +
                      (wx.base + wx.begin * dilation_w) * input_dims->c;
                t.w = filter_data + wy.begin * t.w_row + wx.begin * t.w_column;
                for (int32_t c = 0; c < channels; ++c) {
                    const int64_t bias = bias_data == NULL ? 0 : bias_data[c];
                    *output_data++ = nnc_output_s16(
                        accumulate(bias, &t, c / multiple, c), quant_params->multiplier[c],
                        quant_params->shift[c], &dw_conv_params->activation);
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
