/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs an installed CMSIS-NN and our portable implementation of it side by side, on random
 * parameters that TFLite can produce, and compares every output byte, on the host or on a board.
 *
 * Input: seed and number of cases per function, 32 bits each. Output: one line of text per
 * function, `name cases refused differing overrun`, then for the first case that was refused,
 * differed or left its scratch its parameters on a line of their own, which begins with a space.
 */
#include <arm_nnfunctions.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "platform.h"

/* Ours have the library's prototypes. */
__typeof__(arm_convolve_wrapper_s8) nnc_cmsis_convolve_wrapper_s8;
__typeof__(arm_convolve_wrapper_s16) nnc_cmsis_convolve_wrapper_s16;
__typeof__(arm_depthwise_conv_wrapper_s8) nnc_cmsis_depthwise_conv_wrapper_s8;
__typeof__(arm_depthwise_conv_wrapper_s16) nnc_cmsis_depthwise_conv_wrapper_s16;
__typeof__(arm_transpose_conv_wrapper_s8) nnc_cmsis_transpose_conv_wrapper_s8;
__typeof__(arm_fully_connected_s8) nnc_cmsis_fully_connected_s8;
__typeof__(arm_fully_connected_per_channel_s8) nnc_cmsis_fully_connected_per_channel_s8;
__typeof__(arm_fully_connected_wrapper_s8) nnc_cmsis_fully_connected_wrapper_s8;
__typeof__(arm_fully_connected_s16) nnc_cmsis_fully_connected_s16;
__typeof__(arm_vector_sum_s8) nnc_cmsis_vector_sum_s8;
__typeof__(arm_avgpool_s8) nnc_cmsis_avgpool_s8;
__typeof__(arm_avgpool_s16) nnc_cmsis_avgpool_s16;
__typeof__(arm_max_pool_s8) nnc_cmsis_max_pool_s8;
__typeof__(arm_max_pool_s16) nnc_cmsis_max_pool_s16;
__typeof__(arm_softmax_s8) nnc_cmsis_softmax_s8;
__typeof__(arm_softmax_s8_s16) nnc_cmsis_softmax_s8_s16;
__typeof__(arm_softmax_s16) nnc_cmsis_softmax_s16;
__typeof__(arm_elementwise_add_s8) nnc_cmsis_elementwise_add_s8;
__typeof__(arm_elementwise_add_s16) nnc_cmsis_elementwise_add_s16;
__typeof__(arm_elementwise_mul_s8) nnc_cmsis_elementwise_mul_s8;
__typeof__(arm_elementwise_mul_s16) nnc_cmsis_elementwise_mul_s16;
__typeof__(arm_minimum_s8) nnc_cmsis_minimum_s8;
__typeof__(arm_maximum_s8) nnc_cmsis_maximum_s8;
__typeof__(arm_svdf_s8) nnc_cmsis_svdf_s8;
__typeof__(arm_svdf_state_s16_s8) nnc_cmsis_svdf_state_s16_s8;
__typeof__(arm_transpose_s8) nnc_cmsis_transpose_s8;
__typeof__(arm_pad_s8) nnc_cmsis_pad_s8;

#define LARGEST 32768
#define GUARD 64
#define CHANNELS 160

static union {
    int8_t s8[LARGEST];
    int16_t s16[LARGEST / 2];
} input, other_input, weights, time_weights, expected, actual, state, other_state;
static int32_t bias32[CHANNELS];
static int64_t bias64[CHANNELS];
static int32_t multipliers[CHANNELS];
static int32_t shifts[CHANNELS];
static int64_t scratch_words[3][(LARGEST + GUARD) / 8];
static int32_t scratch_bytes[3];

static uint32_t random_state;
static char parameters[256];

/* ---- random parameters ---- */

static uint32_t random_word(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static int32_t between(int32_t low, int32_t high) {
    return low + (int32_t)(random_word() % (uint32_t)(high - low + 1));
}

static int one_in(int32_t n) {
    return between(1, n) == 1;
}

/* Uniform bytes, all alike at an end of the range, or small numbers. */
static void random_bytes(int8_t *to, int32_t count) {
    const int32_t kind = between(0, 9);
    const int8_t constant = one_in(2) ? INT8_MIN : INT8_MAX;
    for (int32_t i = 0; i < count; ++i) {
        const int8_t byte = (int8_t)random_word();
        to[i] = kind == 0 ? constant : kind == 1 ? (int8_t)(byte / 32) : byte;
    }
}

static void random_halves(int16_t *to, int32_t count) {
    const int32_t kind = between(0, 9);
    for (int32_t i = 0; i < count; ++i) {
        const int16_t half = (int16_t)random_word();
        to[i] = kind == 0 ? INT16_MIN : kind == 1 ? (int16_t)(half / 512) : half;
    }
}

static int32_t random_multiplier(void) {
    return one_in(20) ? 1 << 30 : one_in(20) ? INT32_MAX : between(1 << 30, INT32_MAX - 1);
}

/* Scales from far too small to far too large for sums of `terms` products. For 16-bit inputs only
 * such that the result fits 31 bits, beyond which the library wraps earlier than TFLite does. */
static void random_scales(int32_t channels, int32_t terms, int wide) {
    int32_t bits = 8;
    for (; terms > 1; terms /= 2) {
        ++bits;
    }
    const int32_t common = between(-bits, wide ? -3 : 1);
    for (int32_t c = 0; c < channels; ++c) {
        multipliers[c] = random_multiplier();
        shifts[c] = common + between(-1, 1);
        bias32[c] = between(-1, 1) * between(0, 1 << bits);
        bias64[c] = bias32[c];
    }
}

static int32_t random_zero_point(void) {
    return one_in(4) ? (one_in(2) ? INT8_MIN : INT8_MAX) : between(INT8_MIN, INT8_MAX);
}

static cmsis_nn_activation random_activation(int32_t least, int32_t most) {
    cmsis_nn_activation activation = {least, most};
    if (one_in(3)) {
        activation.min = between(least, most);
        activation.max = between(activation.min, most);
    }
    return activation;
}

/* An axis of a convolution or a pool as TFLite derives it from SAME or VALID, or with any border
 * that leaves every window a pixel of the input (the others are refused in
 * runtime/cmsis_limits.py). */
typedef struct {
    int32_t in;
    int32_t kernel;
    int32_t stride;
    int32_t dilation;
    int32_t padding;
    int32_t out;
} axis;

static axis random_axis(int32_t largest, int32_t largest_kernel, int dilated) {
    axis a;
    a.in = one_in(5) ? 1 : between(1, largest);
    a.kernel = one_in(4) ? 1 : one_in(3) ? 3 : between(1, largest_kernel);
    a.stride = one_in(2) ? 1 : between(1, 4);
    a.dilation = dilated ? between(1, 3) : 1;
    const int32_t reach = (a.kernel - 1) * a.dilation + 1;
    const int same = one_in(2) || reach > a.in;
    a.out = same ? (a.in + a.stride - 1) / a.stride : (a.in - reach) / a.stride + 1;
    const int32_t total = (a.out - 1) * a.stride + reach - a.in;
    a.padding = same && total > 0 ? total / 2 : 0;
    if (one_in(3)) {
        a.padding = between(0, reach - 1);
        const int32_t room = a.in + a.padding + between(0, reach - 1) - reach;
        if (room < 0 || room / a.stride * a.stride - a.padding >= a.in) {
            return random_axis(largest, largest_kernel, dilated);
        }
        a.out = room / a.stride + 1;
    }
    return a;
}

/* An axis of a transposed convolution: the input is `out`, the output `in`. Outputs as Keras makes
 * them, and the other ones that the library computes (runtime/cmsis_limits.py). */
static axis random_transposed_axis(int32_t largest, int32_t largest_kernel, int vertical) {
    axis a;
    a.out = one_in(5) ? 1 : between(1, largest);
    a.kernel = one_in(3) ? 3 : between(1, largest_kernel);
    a.stride = between(1, 3);
    a.dilation = 1;
    const int32_t overlap = a.kernel > a.stride ? a.kernel - a.stride : 0;
    const int same = one_in(2);
    a.padding = same ? overlap / 2 : 0;
    a.in = a.out * a.stride + (same ? 0 : overlap);
    const int32_t rows = a.out * a.stride - a.padding;
    if (rows < 1) {
        return random_transposed_axis(largest, largest_kernel, vertical);
    }
    if (one_in(3)) {
        a.in = between(vertical ? rows : 1, rows + overlap);
    }
    return a;
}

/* ---- scratch of exactly the size that the library asks for, between guards ---- */

static cmsis_nn_context scratch(int32_t index, int32_t bytes) {
    uint8_t *const start = (uint8_t *)scratch_words[index];
    memset(start, 0xA5, (size_t)bytes + GUARD);
    scratch_bytes[index] = bytes;
    const cmsis_nn_context context = {start, bytes};
    return context;
}

static int scratch_overrun(void) {
    for (int32_t index = 0; index < 3; ++index) {
        const uint8_t *const end = (uint8_t *)scratch_words[index] + scratch_bytes[index];
        for (int32_t i = 0; i < GUARD && scratch_bytes[index] > 0; ++i) {
            if (end[i] != 0xA5) {
                return 1;
            }
        }
    }
    return 0;
}

static const cmsis_nn_context no_scratch = {NULL, 0};

/* ---- one function per function: both run, and what the library returned ---- */

/* Text into `to`: %d in the format is the next int. (The boards have no printf.) */
static void format_into(char *to, size_t size, const char *format, va_list arguments) {
    char *const last = to + size - 12;
    for (; *format != '\0' && to < last; ++format) {
        if (*format != '%') {
            *to++ = *format;
            continue;
        }
        ++format;
        const int value = va_arg(arguments, int);
        unsigned magnitude = value < 0 ? 0U - (unsigned)value : (unsigned)value;
        char digits[12];
        int32_t n = 0;
        do {
            digits[n++] = (char)('0' + magnitude % 10);
            magnitude /= 10;
        } while (magnitude != 0);
        if (value < 0) {
            *to++ = '-';
        }
        while (n > 0) {
            *to++ = digits[--n];
        }
    }
    *to = '\0';
}

static void describe(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    format_into(parameters, sizeof parameters, format, arguments);
    va_end(arguments);
}

/* Whether the library's kernel for images of one row is right: with MVE it copies one column too
 * many before some right paddings, or refuses. (runtime/cmsis_limits.py has the same rule.) */
static int row_is_right(const axis *w) {
    const int32_t total = (w->out - 1) * w->stride + w->kernel - w->in;
    const int32_t right = total - w->padding;
    const int32_t right_outputs = (right + w->stride - 1) / w->stride;
    return total >= 0 && w->padding == total / 2 &&
           (right <= 1 || w->stride == 1 ||
            (total % 2 == 0 && right == (right_outputs - 1) * w->stride + 1));
}

/* Whether the library's 3x3 kernel is right: it reads the middle column of every window. */
static int middle_is_inside(const axis *w) {
    return (w->out - 1) * w->stride - w->padding <= w->in - 2;
}

static arm_cmsis_nn_status convolve(int wide) {
    const int dilated = one_in(6);
    const int row = one_in(4);
    const int deep = one_in(8);
    const int32_t extent = deep ? 4 : row ? 20 : 8;
    const axis h = row ? (axis){1, 1, 1, 1, 0, 1} : random_axis(extent, 4, dilated);
    axis w = random_axis(extent, row ? 6 : 4, dilated);
    while (h.in == 1 && h.kernel == 1 && w.dilation == 1 && !row_is_right(&w)) {
        w = random_axis(extent, row ? 6 : 4, dilated);
    }
    const int32_t groups = wide || deep || one_in(2) ? 1 : between(1, 3);
    const int32_t depth = deep ? between(60, 130) : one_in(3) ? 4 * between(1, 4) : between(1, 18);
    int32_t outputs = groups * between(1, 12);
    if (wide && depth * h.kernel * w.kernel > 512) {
        outputs += outputs % 2; /* With DSP instructions the last of odd ones reads too far. */
    }
    const cmsis_nn_dims in = {between(1, 2), h.in, w.in, depth * groups};
    const cmsis_nn_dims filter = {outputs, h.kernel, w.kernel, depth};
    const cmsis_nn_dims out = {in.n, h.out, w.out, outputs};
    const cmsis_nn_dims bias_dims = {1, 1, 1, outputs};
    const int32_t terms = depth * h.kernel * w.kernel;
    random_scales(outputs, terms, wide);
    const cmsis_nn_conv_params params = {
        wide ? 0 : -random_zero_point(),
        wide ? 0 : random_zero_point(),
        {w.stride, h.stride},
        {w.padding, h.padding},
        {w.dilation, h.dilation},
        wide ? random_activation(INT16_MIN, INT16_MAX) : random_activation(INT8_MIN, INT8_MAX)};
    const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
    const int has_bias = groups > 1 || !one_in(8);
    random_bytes(weights.s8, outputs * terms);
    describe("in %dx%dx%dx%d kernel %dx%d stride %dx%d dilation %dx%d padding %dx%d out %dx%dx%d",
             (int)in.n, (int)in.h, (int)in.w, (int)in.c, (int)h.kernel, (int)w.kernel,
             (int)h.stride, (int)w.stride, (int)h.dilation, (int)w.dilation, (int)h.padding,
             (int)w.padding, (int)out.h, (int)out.w, (int)out.c);
    if (wide) {
        /* On 64 bits the library begins with sums of 32, which so many weights must not exceed. */
        for (int32_t i = 0; deep && i < outputs * terms; ++i) {
            weights.s8[i] /= 4;
        }
        random_halves(input.s16, in.n * in.h * in.w * in.c);
        const cmsis_nn_bias_data bias = {NULL, one_in(2)};
        const void *const data = bias.is_int32_bias ? (const void *)bias32 : bias64;
        const cmsis_nn_bias_data given = {has_bias ? data : NULL, bias.is_int32_bias};
        nnc_cmsis_convolve_wrapper_s16(&no_scratch, &params, &quant, &in, input.s16, &filter,
                                       weights.s8, &bias_dims, &given, &out, actual.s16);
        const cmsis_nn_context context =
            scratch(0, arm_convolve_wrapper_s16_get_buffer_size(&params, &in, &filter, &out));
        return arm_convolve_wrapper_s16(&context, &params, &quant, &in, input.s16, &filter,
                                        weights.s8, &bias_dims, &given, &out, expected.s16);
    }
    random_bytes(input.s8, in.n * in.h * in.w * in.c);
    const int32_t *const bias = has_bias ? bias32 : NULL;
    nnc_cmsis_convolve_wrapper_s8(&no_scratch, &params, &quant, &in, input.s8, &filter, weights.s8,
                                  &bias_dims, bias, &out, actual.s8);
    const cmsis_nn_context context =
        scratch(0, arm_convolve_wrapper_s8_get_buffer_size(&params, &in, &filter, &out));
    return arm_convolve_wrapper_s8(&context, &params, &quant, &in, input.s8, &filter, weights.s8,
                                   &bias_dims, bias, &out, expected.s8);
}

static arm_cmsis_nn_status convolve_s8(void) {
    return convolve(0);
}

static arm_cmsis_nn_status convolve_s16(void) {
    return convolve(1);
}

static arm_cmsis_nn_status depthwise(int wide) {
    const int dilated = one_in(6);
    const axis h = random_axis(8, 5, dilated);
    axis w = random_axis(8, 5, dilated);
    while ((h.in == 1 && h.kernel == 1 && w.dilation == 1 && !row_is_right(&w)) ||
           (h.kernel == 3 && w.kernel == 3 && !middle_is_inside(&w))) {
        w = random_axis(8, 5, dilated);
    }
    const int32_t multiple = one_in(2) ? 1 : between(1, 5);
    const int32_t depth =
        one_in(4) ? 1 : one_in(8) ? 120 / multiple + between(0, 8) : between(1, 20);
    const int32_t outputs = depth * multiple;
    const cmsis_nn_dims in = {one_in(4) ? 2 : 1, h.in, w.in, depth};
    const cmsis_nn_dims filter = {1, h.kernel, w.kernel, outputs};
    const cmsis_nn_dims out = {in.n, h.out, w.out, outputs};
    const cmsis_nn_dims bias_dims = {1, 1, 1, outputs};
    const int32_t terms = h.kernel * w.kernel;
    random_scales(outputs, terms, wide);
    const cmsis_nn_dw_conv_params params = {
        wide ? 0 : -random_zero_point(),
        wide ? 0 : random_zero_point(),
        multiple,
        {w.stride, h.stride},
        {w.padding, h.padding},
        {w.dilation, h.dilation},
        wide ? random_activation(INT16_MIN, INT16_MAX) : random_activation(INT8_MIN, INT8_MAX)};
    const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
    const int has_bias = !one_in(8);
    random_bytes(weights.s8, outputs * terms);
    describe("in %dx%dx%dx%d x%d kernel %dx%d stride %dx%d dilation %dx%d padding %dx%d out %dx%d",
             (int)in.n, (int)in.h, (int)in.w, (int)in.c, (int)multiple, (int)h.kernel,
             (int)w.kernel, (int)h.stride, (int)w.stride, (int)h.dilation, (int)w.dilation,
             (int)h.padding, (int)w.padding, (int)out.h, (int)out.w);
    if (wide) {
        random_halves(input.s16, in.n * in.h * in.w * in.c);
        const int64_t *const bias = has_bias ? bias64 : NULL;
        nnc_cmsis_depthwise_conv_wrapper_s16(&no_scratch, &params, &quant, &in, input.s16, &filter,
                                             weights.s8, &bias_dims, bias, &out, actual.s16);
        const cmsis_nn_context context =
            scratch(0, arm_depthwise_conv_wrapper_s16_get_buffer_size(&params, &in, &filter, &out));
        return arm_depthwise_conv_wrapper_s16(&context, &params, &quant, &in, input.s16, &filter,
                                              weights.s8, &bias_dims, bias, &out, expected.s16);
    }
    random_bytes(input.s8, in.n * in.h * in.w * in.c);
    const int32_t *const bias = has_bias ? bias32 : NULL;
    nnc_cmsis_depthwise_conv_wrapper_s8(&no_scratch, &params, &quant, &in, input.s8, &filter,
                                        weights.s8, &bias_dims, bias, &out, actual.s8);
    const cmsis_nn_context context =
        scratch(0, arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &in, &filter, &out));
    return arm_depthwise_conv_wrapper_s8(&context, &params, &quant, &in, input.s8, &filter,
                                         weights.s8, &bias_dims, bias, &out, expected.s8);
}

static arm_cmsis_nn_status depthwise_conv_s8(void) {
    return depthwise(0);
}

static arm_cmsis_nn_status depthwise_conv_s16(void) {
    return depthwise(1);
}

static arm_cmsis_nn_status transpose_conv_s8(void) {
    const axis h = random_transposed_axis(5, 5, 1);
    const axis w = random_transposed_axis(5, 5, 0);
    const int32_t depth = one_in(2) ? between(17, 24) : between(1, 18);
    const int32_t outputs = between(1, 9);
    const cmsis_nn_dims in = {between(1, 2), h.out, w.out, depth};
    const cmsis_nn_dims filter = {outputs, h.kernel, w.kernel, depth};
    const cmsis_nn_dims out = {in.n, h.in, w.in, outputs};
    const cmsis_nn_dims bias_dims = {1, 1, 1, outputs};
    const int32_t terms = depth * h.kernel * w.kernel;
    random_scales(outputs, terms, 0);
    const cmsis_nn_transpose_conv_params params = {-random_zero_point(),
                                                   random_zero_point(),
                                                   {w.stride, h.stride},
                                                   {w.padding, h.padding},
                                                   {0, 0},
                                                   {1, 1},
                                                   random_activation(INT8_MIN, INT8_MAX)};
    const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
    const int32_t *const bias = one_in(8) ? NULL : bias32;
    random_bytes(weights.s8, outputs * terms);
    random_bytes(input.s8, in.n * in.h * in.w * in.c);
    describe("in %dx%dx%dx%d kernel %dx%d stride %dx%d padding %dx%d out %dx%dx%d", (int)in.n,
             (int)in.h, (int)in.w, (int)in.c, (int)h.kernel, (int)w.kernel, (int)h.stride,
             (int)w.stride, (int)h.padding, (int)w.padding, (int)out.h, (int)out.w, (int)out.c);
    nnc_cmsis_transpose_conv_wrapper_s8(&no_scratch, &no_scratch, &params, &quant, &in, input.s8,
                                        &filter, weights.s8, &bias_dims, bias, &out, actual.s8);
    /* The library's rule has the vertical stride in place of the horizontal one. */
    const int32_t columns = (in.w - 1) * w.stride + (w.kernel > w.stride ? w.kernel : w.stride);
    const int32_t least = columns * (h.kernel > h.stride ? h.kernel : h.stride) * outputs * 4;
    const int32_t asked = arm_transpose_conv_s8_get_buffer_size(&params, &in, &filter, &out);
    const cmsis_nn_context context = scratch(0, asked > least ? asked : least);
    const cmsis_nn_context reversed =
        scratch(1, arm_transpose_conv_s8_get_reverse_conv_buffer_size(&params, &in, &filter));
    return arm_transpose_conv_wrapper_s8(&context, &reversed, &params, &quant, &in, input.s8,
                                         &filter, weights.s8, &bias_dims, bias, &out, expected.s8);
}

/* 0: one scale, 1: one per channel, 2 and 3: the same through the wrapper. */
static arm_cmsis_nn_status fully_connected(int32_t kind) {
    const int32_t batches = between(1, 3);
    const int32_t depth = between(1, 200);
    const int32_t outputs = between(1, 40);
    const cmsis_nn_dims in = {batches, 1, 1, depth};
    const cmsis_nn_dims filter = {depth, 1, 1, outputs};
    const cmsis_nn_dims out = {batches, 1, 1, outputs};
    random_scales(outputs, depth, 0);
    const cmsis_nn_fc_params params = {-random_zero_point(),
                                       kind == 0 && one_in(3) ? -random_zero_point() : 0,
                                       random_zero_point(),
                                       random_activation(INT8_MIN, INT8_MAX)};
    random_bytes(input.s8, batches * depth);
    random_bytes(weights.s8, outputs * depth);
    const int32_t *const bias = one_in(8) ? NULL : bias32;
    describe("in %dx%d out %d filter offset %d", (int)batches, (int)depth, (int)outputs,
             (int)params.filter_offset);
    cmsis_nn_context context = scratch(0, arm_fully_connected_s8_get_buffer_size(&filter));
    if (context.size > 0) {
        arm_vector_sum_s8(context.buf, depth, outputs, weights.s8, params.input_offset,
                          params.filter_offset, bias);
    }
    if (kind == 0) {
        const cmsis_nn_per_tensor_quant_params quant = {multipliers[0], shifts[0]};
        nnc_cmsis_fully_connected_s8(&no_scratch, &params, &quant, &in, input.s8, &filter,
                                     weights.s8, &out, bias, &out, actual.s8);
        return arm_fully_connected_s8(&context, &params, &quant, &in, input.s8, &filter, weights.s8,
                                      &out, bias, &out, expected.s8);
    }
    if (kind == 1) {
        const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
        nnc_cmsis_fully_connected_per_channel_s8(&no_scratch, &params, &quant, &in, input.s8,
                                                 &filter, weights.s8, &out, bias, &out, actual.s8);
        return arm_fully_connected_per_channel_s8(&context, &params, &quant, &in, input.s8, &filter,
                                                  weights.s8, &out, bias, &out, expected.s8);
    }
    const cmsis_nn_quant_params quant = {multipliers, shifts, kind - 2};
    nnc_cmsis_fully_connected_wrapper_s8(&no_scratch, &params, &quant, &in, input.s8, &filter,
                                         weights.s8, &out, bias, &out, actual.s8);
    return arm_fully_connected_wrapper_s8(&context, &params, &quant, &in, input.s8, &filter,
                                          weights.s8, &out, bias, &out, expected.s8);
}

static arm_cmsis_nn_status fully_connected_s8(void) {
    return fully_connected(0);
}

static arm_cmsis_nn_status fully_connected_per_channel_s8(void) {
    return fully_connected(1);
}

static arm_cmsis_nn_status fully_connected_wrapper_s8(void) {
    return fully_connected(between(2, 3));
}

static arm_cmsis_nn_status fully_connected_s16(void) {
    const int deep = one_in(4);
    const int32_t batches = between(1, 3);
    const int32_t depth = deep ? between(500, 1500) : between(1, 200);
    const int32_t outputs = between(1, deep ? 20 : 40);
    const cmsis_nn_dims in = {batches, 1, 1, depth};
    const cmsis_nn_dims filter = {depth, 1, 1, outputs};
    const cmsis_nn_dims out = {batches, 1, 1, outputs};
    random_scales(outputs, depth, 1);
    const cmsis_nn_fc_params params = {0, 0, 0, random_activation(INT16_MIN, INT16_MAX)};
    const cmsis_nn_per_tensor_quant_params quant = {multipliers[0], shifts[0]};
    random_halves(input.s16, batches * depth);
    random_bytes(weights.s8, outputs * depth);
    for (int32_t i = 0; deep && i < outputs * depth; ++i) {
        weights.s8[i] /= 4; /* So that no sum needs more than 32 bits. */
    }
    const int64_t *const bias = one_in(8) ? NULL : bias64;
    describe("in %dx%d out %d", (int)batches, (int)depth, (int)outputs);
    nnc_cmsis_fully_connected_s16(&no_scratch, &params, &quant, &in, input.s16, &filter, weights.s8,
                                  &out, bias, &out, actual.s16);
    const cmsis_nn_context context = scratch(0, arm_fully_connected_s16_get_buffer_size(&filter));
    return arm_fully_connected_s16(&context, &params, &quant, &in, input.s16, &filter, weights.s8,
                                   &out, bias, &out, expected.s16);
}

static arm_cmsis_nn_status vector_sum_s8(void) {
    const int32_t columns = between(1, 100);
    const int32_t rows = between(1, 40);
    random_scales(rows, columns, 0);
    random_bytes(weights.s8, rows * columns);
    const int32_t left = -random_zero_point();
    const int32_t right = one_in(2) ? 0 : -random_zero_point();
    const int32_t *const bias = one_in(4) ? NULL : bias32;
    describe("%d columns %d rows offsets %d %d", (int)columns, (int)rows, (int)left, (int)right);
    nnc_cmsis_vector_sum_s8((int32_t *)actual.s16, columns, rows, weights.s8, left, right, bias);
    return arm_vector_sum_s8((int32_t *)expected.s16, columns, rows, weights.s8, left, right, bias);
}

static arm_cmsis_nn_status pool(int averaged, int wide) {
    const axis h = random_axis(9, 5, 0);
    const axis w = random_axis(9, 5, 0);
    const cmsis_nn_dims in = {between(1, 2), h.in, w.in, between(1, 40)};
    const cmsis_nn_dims filter = {1, h.kernel, w.kernel, 1};
    const cmsis_nn_dims out = {in.n, h.out, w.out, in.c};
    const cmsis_nn_pool_params params = {
        {w.stride, h.stride},
        {w.padding, h.padding},
        wide ? random_activation(INT16_MIN, INT16_MAX) : random_activation(INT8_MIN, INT8_MAX)};
    const int32_t count = in.n * in.h * in.w * in.c;
    describe("in %dx%dx%dx%d kernel %dx%d stride %dx%d padding %dx%d", (int)in.n, (int)in.h,
             (int)in.w, (int)in.c, (int)h.kernel, (int)w.kernel, (int)h.stride, (int)w.stride,
             (int)h.padding, (int)w.padding);
    const int32_t bytes = wide ? arm_avgpool_s16_get_buffer_size(out.w, in.c)
                               : arm_avgpool_s8_get_buffer_size(out.w, in.c);
    const cmsis_nn_context context = scratch(0, averaged ? bytes : 0);
    if (wide) {
        random_halves(input.s16, count);
        if (averaged) {
            nnc_cmsis_avgpool_s16(&no_scratch, &params, &in, input.s16, &filter, &out, actual.s16);
            return arm_avgpool_s16(&context, &params, &in, input.s16, &filter, &out, expected.s16);
        }
        nnc_cmsis_max_pool_s16(&no_scratch, &params, &in, input.s16, &filter, &out, actual.s16);
        return arm_max_pool_s16(&context, &params, &in, input.s16, &filter, &out, expected.s16);
    }
    random_bytes(input.s8, count);
    if (averaged) {
        nnc_cmsis_avgpool_s8(&no_scratch, &params, &in, input.s8, &filter, &out, actual.s8);
        return arm_avgpool_s8(&context, &params, &in, input.s8, &filter, &out, expected.s8);
    }
    nnc_cmsis_max_pool_s8(&no_scratch, &params, &in, input.s8, &filter, &out, actual.s8);
    return arm_max_pool_s8(&context, &params, &in, input.s8, &filter, &out, expected.s8);
}

static arm_cmsis_nn_status avgpool_s8(void) {
    return pool(1, 0);
}

static arm_cmsis_nn_status avgpool_s16(void) {
    return pool(1, 1);
}

static arm_cmsis_nn_status max_pool_s8(void) {
    return pool(0, 0);
}

static arm_cmsis_nn_status max_pool_s16(void) {
    return pool(0, 1);
}

/* multiplier * 2^(shift - 31) = beta * input scale * 2^26, diff_min as TFLite derives it. */
static int32_t softmax_range(int32_t shift) {
    return -(int32_t)((31LL << 26) >> shift);
}

static arm_cmsis_nn_status softmax(int wide) {
    const int32_t rows = between(1, 4);
    const int32_t size = one_in(10) ? between(200, 500) : between(1, 40);
    const int32_t multiplier = random_multiplier();
    const int32_t shift = between(16, 27);
    random_bytes(input.s8, rows * size);
    describe("%d rows of %d multiplier %d shift %d", (int)rows, (int)size, (int)multiplier,
             (int)shift);
    const int32_t least = softmax_range(shift);
    if (wide) {
        nnc_cmsis_softmax_s8_s16(input.s8, rows, size, multiplier, shift, least, actual.s16);
        arm_softmax_s8_s16(input.s8, rows, size, multiplier, shift, least, expected.s16);
    } else {
        nnc_cmsis_softmax_s8(input.s8, rows, size, multiplier, shift, least, actual.s8);
        arm_softmax_s8(input.s8, rows, size, multiplier, shift, least, expected.s8);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

static arm_cmsis_nn_status softmax_s8(void) {
    return softmax(0);
}

static arm_cmsis_nn_status softmax_s8_s16(void) {
    return softmax(1);
}

static arm_cmsis_nn_status softmax_s16(void) {
    /* Any rising table below and any falling one will do. */
    static int16_t exponentials[513];
    static int16_t reciprocals[513];
    for (int32_t i = 0; i < 513; ++i) {
        exponentials[i] = (int16_t)((int64_t)i * i * i * 32767 / (512LL * 512 * 512));
        reciprocals[i] = (int16_t)(32767LL * 512 / (512 + i));
    }
    const cmsis_nn_softmax_lut_s16 tables = {exponentials, reciprocals};
    const int32_t rows = between(1, 4);
    const int32_t size = between(1, 60);
    const int32_t multiplier = random_multiplier();
    const int32_t shift = between(-6, 4);
    random_halves(input.s16, rows * size);
    describe("%d rows of %d multiplier %d shift %d", (int)rows, (int)size, (int)multiplier,
             (int)shift);
    nnc_cmsis_softmax_s16(input.s16, rows, size, multiplier, shift, &tables, actual.s16);
    return arm_softmax_s16(input.s16, rows, size, multiplier, shift, &tables, expected.s16);
}

static arm_cmsis_nn_status add(int wide) {
    const int32_t size = between(1, 300);
    const int32_t left = wide ? 15 : 20;
    random_scales(3, 1, 0);
    const int32_t shift_1 = -between(0, 4);
    const int32_t shift_2 = -between(0, 4);
    const int32_t shift_out = -left + between(-2, 2);
    describe("%d elements shifts %d %d %d", (int)size, (int)shift_1, (int)shift_2, (int)shift_out);
    if (wide) {
        const cmsis_nn_activation range = random_activation(INT16_MIN, INT16_MAX);
        random_halves(input.s16, size);
        random_halves(other_input.s16, size);
        nnc_cmsis_elementwise_add_s16(input.s16, other_input.s16, 0, multipliers[0], shift_1, 0,
                                      multipliers[1], shift_2, left, actual.s16, 0, multipliers[2],
                                      shift_out, range.min, range.max, size);
        return arm_elementwise_add_s16(input.s16, other_input.s16, 0, multipliers[0], shift_1, 0,
                                       multipliers[1], shift_2, left, expected.s16, 0,
                                       multipliers[2], shift_out, range.min, range.max, size);
    }
    const cmsis_nn_activation range = random_activation(INT8_MIN, INT8_MAX);
    const int32_t offset_1 = -random_zero_point();
    const int32_t offset_2 = -random_zero_point();
    const int32_t offset_out = random_zero_point();
    random_bytes(input.s8, size);
    random_bytes(other_input.s8, size);
    nnc_cmsis_elementwise_add_s8(input.s8, other_input.s8, offset_1, multipliers[0], shift_1,
                                 offset_2, multipliers[1], shift_2, left, actual.s8, offset_out,
                                 multipliers[2], shift_out, range.min, range.max, size);
    return arm_elementwise_add_s8(input.s8, other_input.s8, offset_1, multipliers[0], shift_1,
                                  offset_2, multipliers[1], shift_2, left, expected.s8, offset_out,
                                  multipliers[2], shift_out, range.min, range.max, size);
}

static arm_cmsis_nn_status elementwise_add_s8(void) {
    return add(0);
}

static arm_cmsis_nn_status elementwise_add_s16(void) {
    return add(1);
}

static arm_cmsis_nn_status mul(int wide) {
    const int32_t size = between(1, 300);
    const int32_t multiplier = random_multiplier();
    const int32_t shift = wide ? between(-18, -10) : between(-12, 2);
    describe("%d elements multiplier %d shift %d", (int)size, (int)multiplier, (int)shift);
    if (wide) {
        const cmsis_nn_activation range = random_activation(INT16_MIN, INT16_MAX);
        random_halves(input.s16, size);
        random_halves(other_input.s16, size);
        nnc_cmsis_elementwise_mul_s16(input.s16, other_input.s16, 0, 0, actual.s16, 0, multiplier,
                                      shift, range.min, range.max, size);
        return arm_elementwise_mul_s16(input.s16, other_input.s16, 0, 0, expected.s16, 0,
                                       multiplier, shift, range.min, range.max, size);
    }
    const cmsis_nn_activation range = random_activation(INT8_MIN, INT8_MAX);
    const int32_t offset_1 = -random_zero_point();
    const int32_t offset_2 = -random_zero_point();
    const int32_t offset_out = random_zero_point();
    random_bytes(input.s8, size);
    random_bytes(other_input.s8, size);
    nnc_cmsis_elementwise_mul_s8(input.s8, other_input.s8, offset_1, offset_2, actual.s8,
                                 offset_out, multiplier, shift, range.min, range.max, size);
    return arm_elementwise_mul_s8(input.s8, other_input.s8, offset_1, offset_2, expected.s8,
                                  offset_out, multiplier, shift, range.min, range.max, size);
}

static arm_cmsis_nn_status elementwise_mul_s8(void) {
    return mul(0);
}

static arm_cmsis_nn_status elementwise_mul_s16(void) {
    return mul(1);
}

static arm_cmsis_nn_status extremum(int least) {
    /* With several rows other broadcasts than that of a scalar are not reliable in the library. */
    const int rows = one_in(2);
    const cmsis_nn_dims out = {between(1, 4), rows ? between(1, 5) : 1, between(1, 5),
                               between(1, 20)};
    const cmsis_nn_dims scalar = {1, 1, 1, 1};
    const int32_t stretched = between(0, 3);
    cmsis_nn_dims a = stretched == 1 ? scalar : out;
    cmsis_nn_dims b = stretched == 2 ? scalar : out;
    if (!rows) {
        /* Each axis stretches the first operand, the second or none. */
        int32_t *const axes[3][2] = {{&a.n, &b.n}, {&a.w, &b.w}, {&a.c, &b.c}};
        for (int32_t i = 0; i < 3; ++i) {
            const int32_t which = between(0, 2);
            if (which < 2) {
                *axes[i][which] = 1;
                *axes[i][1 - which] = i == 0 ? out.n : i == 1 ? out.w : out.c;
            }
        }
    }
    random_bytes(input.s8, a.n * a.h * a.w * a.c);
    random_bytes(other_input.s8, b.n * b.h * b.w * b.c);
    describe("%dx%dx%dx%d with %dx%dx%dx%d", (int)a.n, (int)a.h, (int)a.w, (int)a.c, (int)b.n,
             (int)b.h, (int)b.w, (int)b.c);
    if (least) {
        nnc_cmsis_minimum_s8(&no_scratch, input.s8, &a, other_input.s8, &b, actual.s8, &out);
        return arm_minimum_s8(&no_scratch, input.s8, &a, other_input.s8, &b, expected.s8, &out);
    }
    nnc_cmsis_maximum_s8(&no_scratch, input.s8, &a, other_input.s8, &b, actual.s8, &out);
    return arm_maximum_s8(&no_scratch, input.s8, &a, other_input.s8, &b, expected.s8, &out);
}

static arm_cmsis_nn_status minimum_s8(void) {
    return extremum(1);
}

static arm_cmsis_nn_status maximum_s8(void) {
    return extremum(0);
}

static arm_cmsis_nn_status svdf(int wide) {
    const int32_t rank = between(1, 3);
    const int32_t units = between(1, 10);
    const int32_t filters = rank * units;
    const int32_t steps = between(1, 12);
    const cmsis_nn_dims in = {between(1, 2), between(1, 40), 1, 1};
    const cmsis_nn_dims feature_dims = {filters, 1, 1, in.h};
    const cmsis_nn_dims time_dims = {1, steps, 1, 1};
    const cmsis_nn_dims out = {in.n, units, 1, 1};
    const cmsis_nn_svdf_params params = {
        rank, random_zero_point(), random_zero_point(),
        wide ? (cmsis_nn_activation){INT16_MIN, INT16_MAX} : (cmsis_nn_activation){-128, 127},
        random_activation(INT8_MIN, INT8_MAX)};
    random_scales(units, rank * steps * (wide ? 256 : 16), 0);
    const cmsis_nn_per_tensor_quant_params first = {random_multiplier(), -between(0, 12)};
    const cmsis_nn_per_tensor_quant_params second = {multipliers[0], shifts[0]};
    const int32_t *const bias = one_in(4) ? NULL : bias32;
    random_bytes(input.s8, in.n * in.h);
    random_bytes(weights.s8, filters * in.h);
    random_bytes(state.s8, in.n * filters * steps * (wide ? 2 : 1));
    memcpy(other_state.s8, state.s8, sizeof other_state.s8);
    describe("in %dx%d filters %d rank %d steps %d", (int)in.n, (int)in.h, (int)filters, (int)rank,
             (int)steps);
    const cmsis_nn_context sums = scratch(0, in.n * filters * 4);
    const cmsis_nn_context outputs = scratch(1, in.n * units * 4);
    if (wide) {
        random_halves(time_weights.s16, filters * steps);
        nnc_cmsis_svdf_state_s16_s8(&no_scratch, &no_scratch, &params, &first, &second, &in,
                                    input.s8, &out, other_state.s16, &feature_dims, weights.s8,
                                    &time_dims, time_weights.s16, &out, bias, &out, actual.s8);
        return arm_svdf_state_s16_s8(&sums, &outputs, &params, &first, &second, &in, input.s8, &out,
                                     state.s16, &feature_dims, weights.s8, &time_dims,
                                     time_weights.s16, &out, bias, &out, expected.s8);
    }
    random_bytes(time_weights.s8, filters * steps);
    nnc_cmsis_svdf_s8(&no_scratch, &no_scratch, &no_scratch, &params, &first, &second, &in,
                      input.s8, &out, other_state.s8, &feature_dims, weights.s8, &time_dims,
                      time_weights.s8, &out, bias, &out, actual.s8);
    const cmsis_nn_context kernel_sums = scratch(2, arm_svdf_s8_get_buffer_size(&feature_dims));
    if (kernel_sums.size > 0) {
        arm_vector_sum_s8(kernel_sums.buf, in.h, filters, weights.s8, -params.input_offset, 0,
                          NULL);
    }
    return arm_svdf_s8(&kernel_sums, &sums, &outputs, &params, &first, &second, &in, input.s8, &out,
                       state.s8, &feature_dims, weights.s8, &time_dims, time_weights.s8, &out, bias,
                       &out, expected.s8);
}

static arm_cmsis_nn_status svdf_s8(void) {
    return svdf(0);
}

static arm_cmsis_nn_status svdf_state_s16_s8(void) {
    return svdf(1);
}

static arm_cmsis_nn_status transpose_s8(void) {
    const int32_t axes = between(1, 4);
    uint32_t order[4] = {0, 1, 2, 3};
    for (int32_t i = axes - 1; i > 0; --i) {
        const int32_t j = between(0, i);
        const uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    if (axes == 2) {
        order[0] = 1; /* The library transposes a matrix whatever the permutation says, */
        order[1] = 0;
    }
    if (axes == 4 && order[0] == 0 && order[1] == 1) {
        order[2] = 3; /* and with MVE the last two of four axes when the first two stay. */
        order[3] = 2;
    }
    int32_t extents[4] = {1, 1, 1, 1};
    int32_t out_extents[4] = {1, 1, 1, 1};
    for (int32_t i = 0; i < axes; ++i) {
        extents[i] = between(1, 9);
    }
    for (int32_t i = 0; i < axes; ++i) {
        out_extents[i] = extents[order[i]];
    }
    const cmsis_nn_dims in = {extents[0], extents[1], extents[2], extents[3]};
    const cmsis_nn_dims out = {out_extents[0], out_extents[1], out_extents[2], out_extents[3]};
    const cmsis_nn_transpose_params params = {axes, order};
    random_bytes(input.s8, in.n * in.h * in.w * in.c);
    describe("%dx%dx%dx%d by %d%d%d%d of %d", (int)in.n, (int)in.h, (int)in.w, (int)in.c,
             (int)order[0], (int)order[1], (int)order[2], (int)order[3], (int)axes);
    nnc_cmsis_transpose_s8(input.s8, actual.s8, &in, &out, &params);
    return arm_transpose_s8(input.s8, expected.s8, &in, &out, &params);
}

static arm_cmsis_nn_status pad_s8(void) {
    const cmsis_nn_dims in = {between(1, 2), between(1, 5), between(1, 5), between(1, 9)};
    const cmsis_nn_dims before = {between(0, 1), between(0, 2), between(0, 2), between(0, 2)};
    const cmsis_nn_dims after = {between(0, 1), between(0, 2), between(0, 2), between(0, 2)};
    const int8_t value = (int8_t)random_zero_point();
    random_bytes(input.s8, in.n * in.h * in.w * in.c);
    describe("%dx%dx%dx%d", (int)in.n, (int)in.h, (int)in.w, (int)in.c);
    nnc_cmsis_pad_s8(input.s8, actual.s8, value, &in, &before, &after);
    return arm_pad_s8(input.s8, expected.s8, value, &in, &before, &after);
}

/* ---- counting ---- */

typedef struct {
    const char *name;
    arm_cmsis_nn_status (*run)(void);
} row;

#define ROW(name) {#name, name}

static const row rows[] = {
    ROW(convolve_s8),
    ROW(convolve_s16),
    ROW(depthwise_conv_s8),
    ROW(depthwise_conv_s16),
    ROW(transpose_conv_s8),
    ROW(fully_connected_s8),
    ROW(fully_connected_per_channel_s8),
    ROW(fully_connected_wrapper_s8),
    ROW(fully_connected_s16),
    ROW(vector_sum_s8),
    ROW(avgpool_s8),
    ROW(avgpool_s16),
    ROW(max_pool_s8),
    ROW(max_pool_s16),
    ROW(softmax_s8),
    ROW(softmax_s8_s16),
    ROW(softmax_s16),
    ROW(elementwise_add_s8),
    ROW(elementwise_add_s16),
    ROW(elementwise_mul_s8),
    ROW(elementwise_mul_s16),
    ROW(minimum_s8),
    ROW(maximum_s8),
    ROW(svdf_s8),
    ROW(svdf_state_s16_s8),
    ROW(transpose_s8),
    ROW(pad_s8),
};

static void write_text(const char *format, ...) {
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    format_into(text, sizeof text, format, arguments);
    va_end(arguments);
    platform_write(text, strlen(text));
}

static void count(const row *r, uint32_t cases) {
    static char first[3][sizeof parameters];
    static const char *const kinds[3] = {"refused", "differs", "overrun"};
    int counts[3] = {0, 0, 0};
    for (uint32_t i = 0; i < cases; ++i) {
        memset(actual.s8, 0x5A, sizeof actual.s8);
        memset(expected.s8, 0x5A, sizeof expected.s8);
        memset(scratch_bytes, 0, sizeof scratch_bytes);
        const arm_cmsis_nn_status status = r->run();
        const int outcomes[3] = {
            status != ARM_CMSIS_NN_SUCCESS,
            status == ARM_CMSIS_NN_SUCCESS &&
                (memcmp(actual.s8, expected.s8, sizeof actual.s8) != 0 ||
                 memcmp(state.s8, other_state.s8, sizeof state.s8) != 0),
            scratch_overrun(),
        };
        for (int32_t kind = 0; kind < 3; ++kind) {
            if (outcomes[kind] && counts[kind]++ == 0) {
                memcpy(first[kind], parameters, sizeof parameters);
            }
        }
    }
    platform_write(r->name, strlen(r->name));
    write_text(" %d %d %d %d\n", (int)cases, counts[0], counts[1], counts[2]);
    for (int32_t kind = 0; kind < 3; ++kind) {
        if (counts[kind] > 0) {
            write_text(" ");
            platform_write(kinds[kind], strlen(kinds[kind]));
            write_text(": ");
            platform_write(first[kind], strlen(first[kind]));
            write_text("\n");
        }
    }
}

int main(void) {
    uint32_t request[2];
    if (platform_open() != 0 || platform_read(request, sizeof request) != 0) {
        return 1;
    }
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        random_state = request[0] * 2654435761U + i * 40503U + 1U;
        count(&rows[i], request[1]);
    }
    return 0;
}
