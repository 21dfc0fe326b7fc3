/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

typedef struct {
    const cmsis_nn_dw_conv_params *params;
    const int32_t *bias;
    const int32_t *multiplier;
    const int32_t *shift;
    int32_t channels;
} layer;

/* The taps of a pixel that lie inside the input, and the steps between them in bytes. */
typedef struct {
    const int8_t *x;
    const int8_t *w;
    int32_t rows;
    int32_t columns;
    int32_t x_row;
    int32_t x_column;
    int32_t w_row;
    int32_t w_column;
} taps;

/* Four neighbouring channels, for one output channel per input channel. */
static void accumulate4(int32_t acc[4], const taps *t, int32_t c, const int32_t *bias,
                        int32_t offset) {
    int32_t acc0 = bias[0];
    int32_t acc1 = bias[1];
    int32_t acc2 = bias[2];
    int32_t acc3 = bias[3];
    int32_t x_row = c;
    int32_t w_row = c;
    for (int32_t rows = t->rows; rows > 0; --rows) {
        int32_t x_at = x_row;
        int32_t w_at = w_row;
        for (int32_t columns = t->columns; columns > 0; --columns) {
            const int8_t *const x = t->x + x_at;
            const int8_t *const w = t->w + w_at;
            acc0 = nnc_wrap_add32(acc0, (x[0] + offset) * w[0]);
            acc1 = nnc_wrap_add32(acc1, (x[1] + offset) * w[1]);
            acc2 = nnc_wrap_add32(acc2, (x[2] + offset) * w[2]);
            acc3 = nnc_wrap_add32(acc3, (x[3] + offset) * w[3]);
            x_at += t->x_column;
            w_at += t->w_column;
        }
        x_row += t->x_row;
        w_row += t->w_row;
    }
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
}

static int32_t accumulate(int32_t acc, const taps *t, int32_t c_in, int32_t c, int32_t offset) {
    for (int32_t row = 0; row < t->rows; ++row) {
        for (int32_t column = 0; column < t->columns; ++column) {
            const int32_t x = t->x[c_in + row * t->x_row + column * t->x_column];
            const int32_t w = t->w[c + row * t->w_row + column * t->w_column];
            acc = nnc_wrap_add32(acc, (x + offset) * w);
        }
    }
    return acc;
}

static NNC_NOINLINE void pixel(const layer *l, const taps *t, int8_t *output) {
    const int32_t multiple = l->params->ch_mult;
    const int32_t offset = l->params->input_offset;
    for (int32_t c = 0; c < l->channels;) {
        const int32_t count = multiple > 1 || l->channels - c < 4 ? 1 : 4;
        const int32_t *const bias = nnc_bias_at(l->bias, c);
        int32_t acc[4];
        if (count == 4) {
            accumulate4(acc, t, c, bias, offset);
        } else {
            acc[0] = accumulate(*bias, t, c / multiple, c, offset);
        }
        nnc_outputs_s8(output + c, acc, count, l->multiplier + c, l->shift + c, 1,
                       l->params->output_offset, l->params->activation);
        c += count;
    }
}

arm_cmsis_nn_status nnc_cmsis_depthwise_conv_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    const int32_t channels = output_dims->c;
    if (dw_conv_params->ch_mult < 1 || channels != input_dims->c * dw_conv_params->ch_mult) {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    const int32_t dilation_w = dw_conv_params->dilation.w;
    const int32_t dilation_h = dw_conv_params->dilation.h;
    const int32_t input_row = input_dims->w * input_dims->c;
    const layer l = {dw_conv_params, bias_data, quant_params->multiplier, quant_params->shift,
                     channels};
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
                pixel(&l, &t, output_data);
                output_data += channels;
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
