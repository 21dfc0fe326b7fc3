/* SPDX-License-Identifier: Apache-2.0 */
#include "nnc_cmsis_inner.h"

arm_cmsis_nn_status nnc_cmsis_transpose_s8(const int8_t *input_data, int8_t *output_data,
                                           const cmsis_nn_dims *input_dims,
                                           const cmsis_nn_dims *output_dims,
                                           const cmsis_nn_transpose_params *transpose_params) {
    const int32_t axes = transpose_params->num_dims;
    const uint32_t *const permutation = transpose_params->permutations;
    const int32_t in[4] = {input_dims->n, input_dims->h, input_dims->w, input_dims->c};
    const int32_t out[4] = {output_dims->n, output_dims->h, output_dims->w, output_dims->c};
    if (axes < 1 || axes > 4) {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    int32_t input_steps[4];
    int32_t step = 1;
    for (int32_t axis = axes - 1; axis >= 0; --axis) {
        input_steps[axis] = step;
        step *= in[axis];
    }
    /* Output extents and the input step of each, aligned to the last axis. */
    int32_t extents[4] = {1, 1, 1, 1};
    int32_t steps[4] = {0, 0, 0, 0};
    for (int32_t axis = 0; axis < axes; ++axis) {
        if (permutation[axis] >= (uint32_t)axes) {
            return ARM_CMSIS_NN_ARG_ERROR;
        }
        extents[4 - axes + axis] = out[axis];
        steps[4 - axes + axis] = input_steps[permutation[axis]];
    }
    for (int32_t n = 0; n < extents[0]; ++n) {
        for (int32_t h = 0; h < extents[1]; ++h) {
            for (int32_t w = 0; w < extents[2]; ++w) {
                const int32_t start = n * steps[0] + h * steps[1] + w * steps[2];
                for (int32_t c = 0; c < extents[3]; ++c) {
                    *output_data++ = input_data[start + c * steps[3]];
                }
            }
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

static int8_t *fill(int8_t *output, int8_t value, int32_t count) {
    memset(output, value, (size_t)count);
    return output + count;
}

arm_cmsis_nn_status nnc_cmsis_pad_s8(const int8_t *input, int8_t *output, int8_t pad_value,
                                     const cmsis_nn_dims *input_size, const cmsis_nn_dims *pre_pad,
                                     const cmsis_nn_dims *post_pad) {
    const int32_t pixel = pre_pad->c + input_size->c + post_pad->c;
    const int32_t row = (pre_pad->w + input_size->w + post_pad->w) * pixel;
    const int32_t image = (pre_pad->h + input_size->h + post_pad->h) * row;
    output = fill(output, pad_value, pre_pad->n * image);
    for (int32_t n = 0; n < input_size->n; ++n) {
        output = fill(output, pad_value, pre_pad->h * row);
        for (int32_t h = 0; h < input_size->h; ++h) {
            output = fill(output, pad_value, pre_pad->w * pixel);
            for (int32_t w = 0; w < input_size->w; ++w) {
                output = fill(output, pad_value, pre_pad->c);
                memmove(output, input, (size_t)input_size->c);
                input += input_size->c;
                output = fill(output + input_size->c, pad_value, post_pad->c);
            }
            output = fill(output, pad_value, post_pad->w * pixel);
        }
        output = fill(output, pad_value, post_pad->h * row);
    }
    fill(output, pad_value, post_pad->n * image);
    return ARM_CMSIS_NN_SUCCESS;
}
