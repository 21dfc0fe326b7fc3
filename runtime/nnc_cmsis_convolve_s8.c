/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"
#include "nnc_dot_s8.h"

typedef struct {
    const cmsis_nn_conv_params *params;
    const int8_t *filter;
    const int32_t *bias;
    const int32_t *multiplier;
    const int32_t *shift;
    int32_t filter_size; /* weights of one output channel */
    int32_t outputs;     /* output channels of a group */
} layer;

/* The taps of a pixel that lie inside the input: `rows` times `runs` stretches of `length` bytes
 * that are contiguous both in the input and in the weights of an output channel. */
typedef struct {
    const int8_t *x;
    int32_t w; /* offset in the weights of each output channel */
    int32_t rows;
    int32_t runs;
    int32_t length;
    int32_t x_row;
    int32_t x_run;
    int32_t w_row;
    int32_t w_run;
} taps;

static void accumulate4(int32_t acc[4], const layer *l, const taps *t, const int8_t *filter) {
    for (int32_t row = 0; row < t->rows; ++row) {
        const int8_t *const x = t->x + row * t->x_row;
        const int8_t *const w = filter + row * t->w_row;
        for (int32_t run = 0; run < t->runs; ++run) {
            nnc_dot4_s8(acc, x + run * t->x_run, w + run * t->w_run, l->filter_size, t->length,
                        l->params->input_offset);
        }
    }
}

static int32_t accumulate(int32_t acc, const layer *l, const taps *t, const int8_t *filter) {
    for (int32_t row = 0; row < t->rows; ++row) {
        const int8_t *const x = t->x + row * t->x_row;
        const int8_t *const w = filter + row * t->w_row;
        for (int32_t run = 0; run < t->runs; ++run) {
            acc = nnc_dot_s8(acc, x + run * t->x_run, w + run * t->w_run, t->length,
                             l->params->input_offset);
        }
    }
    return acc;
}

/* One group of output channels, from `c` on, of one pixel. */
static NNC_NOINLINE void pixel(const layer *l, const taps *t, int32_t c, int8_t *output) {
    const int32_t end = c + l->outputs;
    while (c < end) {
        const int32_t count = end - c < 4 ? 1 : 4;
        const int8_t *const filter = l->filter + c * l->filter_size + t->w;
        const int32_t *const bias = nnc_bias_at(l->bias, c);
        int32_t acc[4];
        if (count == 4) {
            memcpy(acc, bias, sizeof acc);
            accumulate4(acc, l, t, filter);
        } else {
            acc[0] = accumulate(*bias, l, t, filter);
        }
        nnc_outputs_s8(output, acc, count, l->multiplier + c, l->shift + c, 1,
                       l->params->output_offset, l->params->activation);
        output += count;
        c += count;
    }
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
    /* One group, no gaps: the taps of a row are one stretch of memory. */
    const bool contiguous = groups == 1 && dilation_w == 1;
    const layer l = {conv_params,
                     filter_data,
                     bias_data,
                     quant_params->multiplier,
                     quant_params->shift,
                     filter_dims->h * filter_row,
                     output_dims->c / groups};
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
                t.w = wy.begin * filter_row + wx.begin * depth;
                t.x = input_data + (wy.base + wy.begin * dilation_h) * input_row +
                      (wx.base + wx.begin * dilation_w) * input_dims->c;
                for (int32_t group = 0; group < groups; ++group) {
                    pixel(&l, &t, group * l.outputs, output_data);
                    output_data += l.outputs;
                    t.x += depth;
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
