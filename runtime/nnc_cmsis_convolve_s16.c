/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

/* The taps of a pixel that lie inside the input: `rows` times `runs` stretches of `length`
 * elements that are contiguous both in the input and in the weights of an output channel. */
typedef struct {
    const int16_t *x;
    int32_t w; /* offset in the weights of each output channel */
    int32_t rows;
    int32_t runs;
    int32_t length;
    int32_t x_row;
    int32_t x_run;
    int32_t w_row;
    int32_t w_run;
} taps;

static int64_t accumulate(const taps *t, const int8_t *filter) {
    int64_t acc = 0;
    for (int32_t row = 0; row < t->rows; ++row) {
        const int16_t *const x = t->x + row * t->x_row;
        const int8_t *const w = filter + t->w + row * t->w_row;
        for (int32_t run = 0; run < t->runs; ++run) {
            acc = nnc_dot_s16(acc, x + run * t->x_run, w + run * t->w_run, t->length);
        }
    }
    return acc;
}

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
    const int32_t filter_size = filter_dims->h * filter_row;
    /* No gaps: the taps of a row are one stretch of memory. */
    const bool contiguous = dilation_w == 1;
    taps t;
    t.x_row = dilation_h * input_row;
    t.x_run = dilation_w * depth;
    t.w_row = filter_row;
    t.w_run = depth;

    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t y = 0; y < output_dims->h; ++y) {
            const nnc_window wy = nnc_window_at(y, conv_params->stride.h, conv_params->padding.h,
                                                dilation_h, filter_dims->h, input_dims->h);
            t.rows = wy.end - wy.begin;
            for (int32_t x = 0; x < output_dims->w; ++x) {
                const nnc_window wx =
                    nnc_window_at(x, conv_params->stride.w, conv_params->padding.w, dilation_w,
                                  filter_dims->w, input_dims->w);
                const int32_t columns = wx.end - wx.begin;
                t.runs = contiguous ? 1 : columns;
                t.length = contiguous ? columns * depth : depth;
                t.w = wy.begin * filter_row + wx.begin * depth;
                t.x = input_data + (wy.base + wy.begin * dilation_h) * input_row +
                      (wx.base + wx.begin * dilation_w) * depth;
                for (int32_t c = 0; c < output_dims->c; ++c) {
                    const int64_t acc = accumulate(&t, filter_data + c * filter_size);
                    *output_data++ = output(acc, bias_data, c, quant_params->multiplier[c],
                                            quant_params->shift[c], &conv_params->activation);
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
