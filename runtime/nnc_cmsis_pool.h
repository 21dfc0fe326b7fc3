/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Average and maximum pooling, written once for both element types: the including file defines
 * POOL_TYPE (int8_t or int16_t), AVERAGE_POOL and MAX_POOL (the functions' names).
 */
#include "nnc_cmsis_inner.h"

/* The mean with ties away from zero. */
static int32_t average(const POOL_TYPE *input, int32_t rows, int32_t columns, int32_t row_step,
                       int32_t step) {
    const int32_t count = rows * columns;
    int32_t total = 0;
    for (int32_t row = 0; row < rows; ++row) {
        for (int32_t column = 0; column < columns; ++column) {
            total += input[row * row_step + column * step];
        }
    }
    return (total > 0 ? total + count / 2 : total - count / 2) / count;
}

static int32_t maximum(const POOL_TYPE *input, int32_t rows, int32_t columns, int32_t row_step,
                       int32_t step) {
    int32_t most = input[0];
    for (int32_t row = 0; row < rows; ++row) {
        for (int32_t column = 0; column < columns; ++column) {
            most = nnc_max32(most, input[row * row_step + column * step]);
        }
    }
    return most;
}

static arm_cmsis_nn_status pool(bool averaged, const cmsis_nn_pool_params *pool_params,
                                const cmsis_nn_dims *input_dims, const POOL_TYPE *input_data,
                                const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                POOL_TYPE *output_data) {
    const int32_t channels = input_dims->c;
    const int32_t input_row = input_dims->w * channels;
    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t y = 0; y < output_dims->h; ++y) {
            const nnc_window wy = nnc_window_at(y, pool_params->stride.h, pool_params->padding.h, 1,
                                                filter_dims->h, input_dims->h);
            const int32_t rows = wy.end - wy.begin;
            for (int32_t x = 0; x < output_dims->w; ++x) {
                const nnc_window wx =
                    nnc_window_at(x, pool_params->stride.w, pool_params->padding.w, 1,
                                  filter_dims->w, input_dims->w);
                const int32_t columns = wx.end - wx.begin;
                if (rows == 0 || columns == 0) {
                    return ARM_CMSIS_NN_ARG_ERROR;
                }
                const POOL_TYPE *const pixel = input_data + (wy.base + wy.begin) * input_row +
                                               (wx.base + wx.begin) * channels;
                for (int32_t c = 0; c < channels; ++c) {
                    const int32_t value =
                        averaged ? average(pixel + c, rows, columns, input_row, channels)
                                 : maximum(pixel + c, rows, columns, input_row, channels);
                    *output_data++ = (POOL_TYPE)nnc_clamp32(value, pool_params->activation.min,
                                                            pool_params->activation.max);
                }
            }
        }
        input_data += input_dims->h * input_row;
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status AVERAGE_POOL(const cmsis_nn_context *ctx,
                                 const cmsis_nn_pool_params *pool_params,
                                 const cmsis_nn_dims *input_dims, const POOL_TYPE *input_data,
                                 const cmsis_nn_dims *filter_dims,
                                 const cmsis_nn_dims *output_dims, POOL_TYPE *output_data) {
    (void)ctx;
    return pool(true, pool_params, input_dims, input_data, filter_dims, output_dims, output_data);
}

arm_cmsis_nn_status MAX_POOL(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                             const cmsis_nn_dims *input_dims, const POOL_TYPE *input_data,
                             const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                             POOL_TYPE *output_data) {
    (void)ctx;
    return pool(false, pool_params, input_dims, input_data, filter_dims, output_dims, output_data);
}
