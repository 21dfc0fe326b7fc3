/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVDF, written once for both widths of its state: the including file defines SVDF_STATE (int8_t
 * or int16_t, the type of the state and of the weights in time).
 */
#include "nnc_cmsis_inner.h"
#include "nnc_dot_s8.h"

/* Forget the oldest step of every filter and append the newest. */
static void remember(const cmsis_nn_svdf_params *params,
                     const cmsis_nn_per_tensor_quant_params *quant, const cmsis_nn_dims *input_dims,
                     const int8_t *input, int32_t filters, const int8_t *weights, int32_t steps,
                     SVDF_STATE *state) {
    memmove(state, state + 1, (size_t)(input_dims->n * filters * steps - 1) * sizeof *state);
    for (int32_t batch = 0; batch < input_dims->n; ++batch) {
        for (int32_t filter = 0; filter < filters; ++filter) {
            const int32_t acc =
                nnc_dot_s8(0, input + batch * input_dims->h, weights + filter * input_dims->h,
                           input_dims->h, -params->input_offset);
            const int32_t value = nnc_requantize_double(acc, quant->multiplier, quant->shift);
            state[(batch * filters + filter) * steps + steps - 1] = (SVDF_STATE)nnc_clamp32(
                value, params->input_activation.min, params->input_activation.max);
        }
    }
}

/* Every output sums `rank` filters over time. */
static void recall(const cmsis_nn_svdf_params *params,
                   const cmsis_nn_per_tensor_quant_params *quant, int32_t batches, int32_t filters,
                   const SVDF_STATE *weights, int32_t steps, const SVDF_STATE *state,
                   const int32_t *bias, int8_t *output) {
    const int32_t units = filters / params->rank;
    const int32_t taps = params->rank * steps;
    for (int32_t batch = 0; batch < batches; ++batch) {
        for (int32_t unit = 0; unit < units; ++unit) {
            const SVDF_STATE *const w = weights + unit * taps;
            const SVDF_STATE *const x = state + (batch * units + unit) * taps;
            int32_t acc = bias == NULL ? 0 : bias[unit];
            for (int32_t i = 0; i < taps; ++i) {
                acc = nnc_wrap_add32(acc, x[i] * w[i]);
            }
            *output++ = nnc_output_s8(acc, quant->multiplier, quant->shift, params->output_offset,
                                      &params->output_activation);
        }
    }
}

static void svdf(const cmsis_nn_svdf_params *params,
                 const cmsis_nn_per_tensor_quant_params *input_quant,
                 const cmsis_nn_per_tensor_quant_params *output_quant,
                 const cmsis_nn_dims *input_dims, const int8_t *input,
                 const cmsis_nn_dims *feature_dims, const int8_t *features,
                 const cmsis_nn_dims *time_dims, const SVDF_STATE *times, const int32_t *bias,
                 SVDF_STATE *state, int8_t *output) {
    const int32_t filters = feature_dims->n;
    const int32_t steps = time_dims->h;
    remember(params, input_quant, input_dims, input, filters, features, steps, state);
    recall(params, output_quant, input_dims->n, filters, times, steps, state, bias, output);
}
