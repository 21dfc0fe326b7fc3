/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

/* The taps of one output pixel that lie inside the input: `rows` times `runs` stretches of
 * `length` bytes, contiguous both in the input and in each output channel's weights. */
typedef struct {
    const int8_t *x;
    const int8_t *w;
    int32_t rows;
    int32_t runs;
    int32_t length;
    int32_t x_row;
    int32_t x_run;
    int32_t w_row;
    int32_t w_run;
} taps;

/* Four output channels whose weights lie `stride` apart. */
static void accumulate4(int32_t acc[4], const taps *t, int32_t channel, int32_t stride,
                        int32_t offset) {
    for (int32_t row = 0; row < t->rows; ++row) {
        const int8_t *const x = t->x + row * t->x_row;
        const int8_t *const w = t->w + channel * stride + row * t->w_row;
        for (int32_t run = 0; run < t->runs; ++run) {
            nnc_dot4_s8(acc, x + run * t->x_run, w + run * t->w_run, stride, t->length, offset);
        }
    }
}

static int32_t accumulate(int32_t acc, const taps *t, int32_t channel, int32_t stride,
                          int32_t offset) {
    for (int32_t row = 0; row < t->rows; ++row) {
        const int8_t *const x = t->x + row * t->x_row;
        const int8_t *const w = t->w + channel * stride + row * t->w_row;
        for (int32_t run = 0; run < t->runs; ++run) {
            acc = nnc_dot_s8(acc, x + run * t->x_run, w + run * t->w_run, t->length, offset);
        }
    }
    return acc;
}

arm_cmsis_nn_status nnc_cmsis_convolve_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
    (void)ctx;
    (void)bias_dims;
    const int32_t depth = filter_dims->c;
    const int32_t groups = depth > 0 ? input_dims->c / depth : 0;
    if (groups < 1 || input_dims->c % depth != 0 || output_dims->c % groups != 0) {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    const int32_t dilation_w = conv_params->dilation.w;
    const int32_t dilation_h = conv_params->dilation.h;
    const int32_t input_row = input_dims->w * input_dims->c;
    const int32_t filter_row = filter_dims->w * depth;
    const int32_t filter_size = filter_dims->h * filter_row;
    const int32_t group_outputs = output_dims->c / groups;
    /* One group, no gaps: the taps of a row are one stretch of memory. */
    const bool contiguous = groups == 1 && dilation_w == 1;

    taps t;
    t.x_row = dilation_h * input_row;
    t.x_run = dilation_w * input_dims->c;
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
                t.x = input_data + (wy.base + wy.begin * dilation_h) * input_row +
                      (wx.base + wx.begin * dilation_w) * input_dims->c;
                t.w = filter_data + wy.begin * filter_row + wx.begin * depth;

                int32_t group_end = group_outputs;
                for (int32_t c = 0; c < output_dims->c;) {
                    if (c == group_end) {
                        group_end += group_outputs;
                        t.x += depth;
                    }
                    const int32_t count = group_end - c < 4 ? 1 : 4;
                    int32_t acc[4] = {0, 0, 0, 0};
                    for (int32_t i = 0; i < count && bias_data != NULL; ++i) {
                        acc[i] = bias_data[c + i];
                    }
                    if (count == 4) {
                        accumulate4(acc, &t, c, filter_size, conv_params->input_offset);
                    } else {
                        acc[0] = accumulate(acc[0], &t, c, filter_size, conv_params->input_offset);
                    }
                    for (int32_t i = 0; i < count; ++i, ++c) {
                        *output_data++ = nnc_output_s8(
                            acc[i], quant_params->multiplier[c], quant_params->shift[c],
                            conv_params->output_offset, &conv_params->activation);
                    }
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
