/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CMSIS-NN functions that generated code calls.
 *
 * With NNC_USE_CMSIS_NN defined this is the installed library's own header; the prototypes below
 * then repeat the library's, so that a version with another interface does not compile. Without
 * it, the same public names stand for portable C implementations of ours, called nnc_cmsis_*,
 * which give the bits that the library gives with its default (double) rounding, on every core and
 * on the host, and need no scratch. As ours have names of their own, nothing links twice.
 *
 * Ours write their outputs in the order of memory, at most four at a time and only after reading
 * all that those depend on, so that input and output may overlap wherever a plain loop nest in
 * that order allows it. (Softmax reads a row up to three times before and while it writes it; SVDF
 * updates its state first.)
 *
 * Types, prototypes and meanings are those of CMSIS-NN 7 as its API documentation describes them.
 */
#ifndef NNC_CMSIS_NN_H
#define NNC_CMSIS_NN_H

#if defined(NNC_USE_CMSIS_NN)

#include <arm_nnfunctions.h>

#define nnc_cmsis_convolve_wrapper_s8 arm_convolve_wrapper_s8
#define nnc_cmsis_convolve_wrapper_s16 arm_convolve_wrapper_s16
#define nnc_cmsis_depthwise_conv_wrapper_s8 arm_depthwise_conv_wrapper_s8
#define nnc_cmsis_depthwise_conv_wrapper_s16 arm_depthwise_conv_wrapper_s16
#define nnc_cmsis_transpose_conv_wrapper_s8 arm_transpose_conv_wrapper_s8
#define nnc_cmsis_fully_connected_s8 arm_fully_connected_s8
#define nnc_cmsis_fully_connected_per_channel_s8 arm_fully_connected_per_channel_s8
#define nnc_cmsis_fully_connected_wrapper_s8 arm_fully_connected_wrapper_s8
#define nnc_cmsis_fully_connected_s16 arm_fully_connected_s16
#define nnc_cmsis_vector_sum_s8 arm_vector_sum_s8
#define nnc_cmsis_avgpool_s8 arm_avgpool_s8
#define nnc_cmsis_avgpool_s16 arm_avgpool_s16
#define nnc_cmsis_max_pool_s8 arm_max_pool_s8
#define nnc_cmsis_max_pool_s16 arm_max_pool_s16
#define nnc_cmsis_softmax_s8 arm_softmax_s8
#define nnc_cmsis_softmax_s8_s16 arm_softmax_s8_s16
#define nnc_cmsis_softmax_s16 arm_softmax_s16
#define nnc_cmsis_elementwise_add_s8 arm_elementwise_add_s8
#define nnc_cmsis_elementwise_add_s16 arm_elementwise_add_s16
#define nnc_cmsis_elementwise_mul_s8 arm_elementwise_mul_s8
#define nnc_cmsis_elementwise_mul_s16 arm_elementwise_mul_s16
#define nnc_cmsis_minimum_s8 arm_minimum_s8
#define nnc_cmsis_maximum_s8 arm_maximum_s8
#define nnc_cmsis_svdf_s8 arm_svdf_s8
#define nnc_cmsis_svdf_state_s16_s8 arm_svdf_state_s16_s8
#define nnc_cmsis_transpose_s8 arm_transpose_s8
#define nnc_cmsis_pad_s8 arm_pad_s8

#else

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    ARM_CMSIS_NN_SUCCESS = 0,
    ARM_CMSIS_NN_ARG_ERROR = -1,
    ARM_CMSIS_NN_NO_IMPL_ERROR = -2,
    ARM_CMSIS_NN_FAILURE = -3
} arm_cmsis_nn_status;

typedef struct {
    int32_t w;
    int32_t h;
} cmsis_nn_tile;

/* Scratch. Ours never touch it: buf may be null and size zero. */
typedef struct {
    void *buf;
    int32_t size;
} cmsis_nn_context;

typedef struct {
    const void *data;
    const bool is_int32_bias; /* false: int64_t */
} cmsis_nn_bias_data;

typedef struct {
    int32_t n; /* batches, or output channels of a filter */
    int32_t h;
    int32_t w;
    int32_t c; /* channels */
} cmsis_nn_dims;

typedef struct {
    int32_t *multiplier;
    int32_t *shift;
} cmsis_nn_per_channel_quant_params;

typedef struct {
    int32_t multiplier;
    int32_t shift;
} cmsis_nn_per_tensor_quant_params;

typedef struct {
    int32_t *multiplier;
    int32_t *shift;
    int32_t is_per_channel;
} cmsis_nn_quant_params;

typedef struct {
    int32_t min;
    int32_t max;
} cmsis_nn_activation;

/* Input offsets are minus the zero point, output offsets are the zero point. */
typedef struct {
    int32_t input_offset;
    int32_t output_offset;
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_tile dilation;
    cmsis_nn_activation activation;
} cmsis_nn_conv_params;

typedef struct {
    int32_t input_offset;
    int32_t output_offset;
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_tile padding_offsets;
    cmsis_nn_tile dilation;
    cmsis_nn_activation activation;
} cmsis_nn_transpose_conv_params;

typedef struct {
    int32_t input_offset;
    int32_t output_offset;
    int32_t ch_mult; /* output channels per input channel */
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_tile dilation;
    cmsis_nn_activation activation;
} cmsis_nn_dw_conv_params;

typedef struct {
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_activation activation;
} cmsis_nn_pool_params;

typedef struct {
    int32_t input_offset;
    int32_t filter_offset; /* minus the weights' zero point */
    int32_t output_offset;
    cmsis_nn_activation activation;
} cmsis_nn_fc_params;

typedef struct {
    const int32_t num_dims;
    const uint32_t *permutations;
} cmsis_nn_transpose_params;

/* Here input_offset is the zero point itself, unlike everywhere else. */
typedef struct {
    int32_t rank;
    int32_t input_offset;
    int32_t output_offset;
    cmsis_nn_activation input_activation;
    cmsis_nn_activation output_activation;
} cmsis_nn_svdf_params;

typedef struct {
    const int16_t *exp_lut;
    const int16_t *one_by_one_lut;
} cmsis_nn_softmax_lut_s16;

#define arm_convolve_wrapper_s8 nnc_cmsis_convolve_wrapper_s8
#define arm_convolve_wrapper_s16 nnc_cmsis_convolve_wrapper_s16
#define arm_depthwise_conv_wrapper_s8 nnc_cmsis_depthwise_conv_wrapper_s8
#define arm_depthwise_conv_wrapper_s16 nnc_cmsis_depthwise_conv_wrapper_s16
#define arm_transpose_conv_wrapper_s8 nnc_cmsis_transpose_conv_wrapper_s8
#define arm_fully_connected_s8 nnc_cmsis_fully_connected_s8
#define arm_fully_connected_per_channel_s8 nnc_cmsis_fully_connected_per_channel_s8
#define arm_fully_connected_wrapper_s8 nnc_cmsis_fully_connected_wrapper_s8
#define arm_fully_connected_s16 nnc_cmsis_fully_connected_s16
#define arm_vector_sum_s8 nnc_cmsis_vector_sum_s8
#define arm_avgpool_s8 nnc_cmsis_avgpool_s8
#define arm_avgpool_s16 nnc_cmsis_avgpool_s16
#define arm_max_pool_s8 nnc_cmsis_max_pool_s8
#define arm_max_pool_s16 nnc_cmsis_max_pool_s16
#define arm_softmax_s8 nnc_cmsis_softmax_s8
#define arm_softmax_s8_s16 nnc_cmsis_softmax_s8_s16
#define arm_softmax_s16 nnc_cmsis_softmax_s16
#define arm_elementwise_add_s8 nnc_cmsis_elementwise_add_s8
#define arm_elementwise_add_s16 nnc_cmsis_elementwise_add_s16
#define arm_elementwise_mul_s8 nnc_cmsis_elementwise_mul_s8
#define arm_elementwise_mul_s16 nnc_cmsis_elementwise_mul_s16
#define arm_minimum_s8 nnc_cmsis_minimum_s8
#define arm_maximum_s8 nnc_cmsis_maximum_s8
#define arm_svdf_s8 nnc_cmsis_svdf_s8
#define arm_svdf_state_s16_s8 nnc_cmsis_svdf_state_s16_s8
#define arm_transpose_s8 nnc_cmsis_transpose_s8
#define arm_pad_s8 nnc_cmsis_pad_s8

#endif /* NNC_USE_CMSIS_NN */

#ifdef __cplusplus
extern "C" {
#endif

/* Convolutions: input NHWC; filter [output channel][y][x][channel of the group], so that
 * filter_dims = {output channels, h, w, input channels / groups}; bias may be null. */

arm_cmsis_nn_status nnc_cmsis_convolve_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

/* The zero points are zero: the offsets are not used. */
arm_cmsis_nn_status nnc_cmsis_convolve_wrapper_s16(
    const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int16_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const cmsis_nn_bias_data *bias_data,
    const cmsis_nn_dims *output_dims, int16_t *output_data);

/* Depthwise: filter [1][y][x][output channel]; output channel c reads input channel c / ch_mult. */

arm_cmsis_nn_status nnc_cmsis_depthwise_conv_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_depthwise_conv_wrapper_s16(
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int16_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int64_t *bias_data, const cmsis_nn_dims *output_dims,
    int16_t *output_data);

/* Dilation and padding_offsets are not used, as in the library. */
arm_cmsis_nn_status nnc_cmsis_transpose_conv_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_context *output_ctx,
    const cmsis_nn_transpose_conv_params *transpose_conv_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

/* Dense: filter_dims = {input features, 1, 1, output features}, filter [output][input]. */

arm_cmsis_nn_status nnc_cmsis_fully_connected_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_tensor_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_fully_connected_per_channel_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_fully_connected_wrapper_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_fully_connected_s16(
    const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_tensor_quant_params *quant_params, const cmsis_nn_dims *input_dims,
    const int16_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int64_t *bias_data, const cmsis_nn_dims *output_dims,
    int16_t *output_data);

/* vector_sum_buf[row] = bias[row] + lhs_offset * sum over columns of (vector + rhs_offset): what
 * the library's dense layers expect in their context on cores with MVE. */
arm_cmsis_nn_status nnc_cmsis_vector_sum_s8(int32_t *vector_sum_buf, int32_t vector_cols,
                                            int32_t vector_rows, const int8_t *vector_data,
                                            int32_t lhs_offset, int32_t rhs_offset,
                                            const int32_t *bias_data);

/* Pooling leaves the quantisation as it is; pixels outside the input do not count. */

arm_cmsis_nn_status nnc_cmsis_avgpool_s8(const cmsis_nn_context *ctx,
                                         const cmsis_nn_pool_params *pool_params,
                                         const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                         const cmsis_nn_dims *filter_dims,
                                         const cmsis_nn_dims *output_dims, int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_avgpool_s16(const cmsis_nn_context *ctx,
                                          const cmsis_nn_pool_params *pool_params,
                                          const cmsis_nn_dims *input_dims,
                                          const int16_t *input_data,
                                          const cmsis_nn_dims *filter_dims,
                                          const cmsis_nn_dims *output_dims, int16_t *output_data);

arm_cmsis_nn_status nnc_cmsis_max_pool_s8(const cmsis_nn_context *ctx,
                                          const cmsis_nn_pool_params *pool_params,
                                          const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                          const cmsis_nn_dims *filter_dims,
                                          const cmsis_nn_dims *output_dims, int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_max_pool_s16(const cmsis_nn_context *ctx,
                                           const cmsis_nn_pool_params *pool_params,
                                           const cmsis_nn_dims *input_dims,
                                           const int16_t *input_data,
                                           const cmsis_nn_dims *filter_dims,
                                           const cmsis_nn_dims *output_dims, int16_t *output_data);

/* Rows of at most 511 elements: TFLite's arithmetic has no more headroom. */

void nnc_cmsis_softmax_s8(const int8_t *input, int32_t num_rows, int32_t row_size, int32_t mult,
                          int32_t shift, int32_t diff_min, int8_t *output);

void nnc_cmsis_softmax_s8_s16(const int8_t *input, int32_t num_rows, int32_t row_size, int32_t mult,
                              int32_t shift, int32_t diff_min, int16_t *output);

/* Of rows of any length. As in TFLite, sums and shares saturate; in the library both wrap around,
 * so that with TFLite's tables it gives -32768 for an element that outweighs all others. */
arm_cmsis_nn_status nnc_cmsis_softmax_s16(const int16_t *input, int32_t num_rows, int32_t row_size,
                                          int32_t mult, int32_t shift,
                                          const cmsis_nn_softmax_lut_s16 *softmax_params,
                                          int16_t *output);

arm_cmsis_nn_status nnc_cmsis_elementwise_add_s8(
    const int8_t *input_1_vect, const int8_t *input_2_vect, int32_t input_1_offset,
    int32_t input_1_mult, int32_t input_1_shift, int32_t input_2_offset, int32_t input_2_mult,
    int32_t input_2_shift, int32_t left_shift, int8_t *output, int32_t out_offset, int32_t out_mult,
    int32_t out_shift, int32_t out_activation_min, int32_t out_activation_max, int32_t block_size);

/* The zero points are zero: the offsets of the two 16-bit functions are not used. */
arm_cmsis_nn_status nnc_cmsis_elementwise_add_s16(
    const int16_t *input_1_vect, const int16_t *input_2_vect, int32_t input_1_offset,
    int32_t input_1_mult, int32_t input_1_shift, int32_t input_2_offset, int32_t input_2_mult,
    int32_t input_2_shift, int32_t left_shift, int16_t *output, int32_t out_offset,
    int32_t out_mult, int32_t out_shift, int32_t out_activation_min, int32_t out_activation_max,
    int32_t block_size);

arm_cmsis_nn_status nnc_cmsis_elementwise_mul_s8(
    const int8_t *input_1_vect, const int8_t *input_2_vect, int32_t input_1_offset,
    int32_t input_2_offset, int8_t *output, int32_t out_offset, int32_t out_mult, int32_t out_shift,
    int32_t out_activation_min, int32_t out_activation_max, int32_t block_size);

arm_cmsis_nn_status nnc_cmsis_elementwise_mul_s16(
    const int16_t *input_1_vect, const int16_t *input_2_vect, int32_t input_1_offset,
    int32_t input_2_offset, int16_t *output, int32_t out_offset, int32_t out_mult,
    int32_t out_shift, int32_t out_activation_min, int32_t out_activation_max, int32_t block_size);

/* Operands broadcast along every axis where they have extent one. */

arm_cmsis_nn_status nnc_cmsis_minimum_s8(const cmsis_nn_context *ctx, const int8_t *input_1_data,
                                         const cmsis_nn_dims *input_1_dims,
                                         const int8_t *input_2_data,
                                         const cmsis_nn_dims *input_2_dims, int8_t *output_data,
                                         const cmsis_nn_dims *output_dims);

arm_cmsis_nn_status nnc_cmsis_maximum_s8(const cmsis_nn_context *ctx, const int8_t *input_1_data,
                                         const cmsis_nn_dims *input_1_dims,
                                         const int8_t *input_2_data,
                                         const cmsis_nn_dims *input_2_dims, int8_t *output_data,
                                         const cmsis_nn_dims *output_dims);

/* SVDF: input_dims.{n,h} = batches, features of the input; weights_feature_dims.n = filters,
 * weights_time_dims.h = steps of memory; state [batch][filter][step]. */

arm_cmsis_nn_status nnc_cmsis_svdf_s8(
    const cmsis_nn_context *ctx, const cmsis_nn_context *input_ctx,
    const cmsis_nn_context *output_ctx, const cmsis_nn_svdf_params *svdf_params,
    const cmsis_nn_per_tensor_quant_params *input_quant_params,
    const cmsis_nn_per_tensor_quant_params *output_quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *state_dims, int8_t *state_data,
    const cmsis_nn_dims *weights_feature_dims, const int8_t *weights_feature_data,
    const cmsis_nn_dims *weights_time_dims, const int8_t *weights_time_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

arm_cmsis_nn_status nnc_cmsis_svdf_state_s16_s8(
    const cmsis_nn_context *input_ctx, const cmsis_nn_context *output_ctx,
    const cmsis_nn_svdf_params *svdf_params,
    const cmsis_nn_per_tensor_quant_params *input_quant_params,
    const cmsis_nn_per_tensor_quant_params *output_quant_params, const cmsis_nn_dims *input_dims,
    const int8_t *input_data, const cmsis_nn_dims *state_dims, int16_t *state_data,
    const cmsis_nn_dims *weights_feature_dims, const int8_t *weights_feature_data,
    const cmsis_nn_dims *weights_time_dims, const int16_t *weights_time_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,
    int8_t *output_data);

/* The first num_dims of {n, h, w, c} are the axes: output axis i is input axis permutations[i]. */
arm_cmsis_nn_status nnc_cmsis_transpose_s8(const int8_t *input_data, int8_t *output_data,
                                           const cmsis_nn_dims *input_dims,
                                           const cmsis_nn_dims *output_dims,
                                           const cmsis_nn_transpose_params *transpose_params);

arm_cmsis_nn_status nnc_cmsis_pad_s8(const int8_t *input, int8_t *output, int8_t pad_value,
                                     const cmsis_nn_dims *input_size, const cmsis_nn_dims *pre_pad,
                                     const cmsis_nn_dims *post_pad);

#ifdef __cplusplus
}
#endif

#endif /* NNC_CMSIS_NN_H */
