/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"
#include "nnc_dot_s8.h"

/* Taps begin, begin + stride, ... below end reach an output; tap begin + i * stride reads the
 * input at base - i. All zero where nothing reaches it. */
typedef struct {
    int32_t base;
    int32_t begin;
    int32_t end;
} taps;

static taps taps_at(int32_t out, int32_t stride, int32_t padding, int32_t kernel, int32_t extent) {
    const taps empty = {0, 0, 0};
    const int32_t position = out + padding;
    taps t;
    t.begin = position % stride;
    t.base = position / stride;
    if (t.base >= extent) {
        t.begin += (t.base - extent + 1) * stride;
        t.base = extent - 1;
    }
    t.end = nnc_min32(kernel, position + 1);
    return t.begin < t.end ? t : empty;
}

typedef struct {
    const cmsis_nn_transpose_conv_params *params;
    const int8_t *filter;
    int32_t depth;
    int32_t input_row;
    int32_t filter_row;
    int32_t filter_size;
} layer;

/* One output channel, or four. */
static void accumulate(int32_t *acc, int32_t count, const layer *l, const int8_t *input,
                       const taps *ty, const taps *tx, int32_t c) {
    const int32_t offset = l->params->input_offset;
    int32_t iy = ty->base;
    for (int32_t ky = ty->begin; ky < ty->end; ky += l->params->stride.h, --iy) {
        int32_t ix = tx->base;
        for (int32_t kx = tx->begin; kx < tx->end; kx += l->params->stride.w, --ix) {
            const int8_t *const x = input + iy * l->input_row + ix * l->depth;
            const int8_t *const w =
                l->filter + c * l->filter_size + ky * l->filter_row + kx * l->depth;
            if (count == 4) {
                nnc_dot4_s8(acc, x, w, l->filter_size, l->depth, offset);
            } else {
                *acc = nnc_dot_s8(*acc, x, w, l->depth, offset);
            }
        }
    }
}

/* Every output gathers the inputs that reach it, so no row of sums is kept. */
arm_cmsis_nn_status nnc_cmsis_transpose_conv_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_context *output_ctx,
    const cmsis_nn_transpose_conv_params *transpose_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data) {
    (void)ctx;
    (void)output_ctx;
    (void)bias_dims;
    const cmsis_nn_transpose_conv_params *const params = transpose_conv_params;
    const int32_t depth = input_dims->c;
    const int32_t filter_row = filter_dims->w * depth;
    const layer l = {params,     filter_data,
                     depth,      input_dims->w * depth,
                     filter_row, filter_dims->h * filter_row};
    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t y = 0; y < output_dims->h; ++y) {
            const taps ty =
                taps_at(y, params->stride.h, params->padding.h, filter_dims->h, input_dims->h);
            for (int32_t x = 0; x < output_dims->w; ++x) {
                const taps tx =
                    taps_at(x, params->stride.w, params->padding.w, filter_dims->w, input_dims->w);
                for (int32_t c = 0; c < output_dims->c;) {
                    const int32_t count = output_dims->c - c < 4 ? 1 : 4;
                    int32_t acc[4];
                    memcpy(acc, nnc_bias_at(bias_data, c), (size_t)count * sizeof *acc);
                    accumulate(acc, count, &l, input_data, &ty, &tx, c);
                    nnc_outputs_s8(output_data, acc, count, quant_params->multiplier + c,
                                   quant_params->shift + c, 1, params->output_offset,
                                   params->activation);
                    output_data += count;
                    c += count;
                }
            }
        }
        input_data += input_dims->h * l.input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
