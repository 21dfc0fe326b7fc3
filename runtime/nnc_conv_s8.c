/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inputs of four output pixels are widened to 16 bits and interleaved (the window), so that one
 * weight is read for four products and one input for two. A word of weights holds two products of
 * two channels: with the sign-extended low bytes of its halves, a multiplication of pairs adds to
 * the first channel's sum; with the whole word it adds to that sum plus 256 times the second's.
 */
#include "nnc_conv_s8.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "nnc_arith.h"

enum { PIXELS = 4, CHANNELS = 2, LANE_WORDS = 2 * PIXELS };

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
#define USE_SMLAD 1
#else
#define USE_SMLAD 0
#endif

/* Bytes 0 and 2 of a word, and bytes 1 and 3, as signed halves. */
static inline uint32_t even_bytes(uint32_t word) {
#if USE_SMLAD
    uint32_t result;
    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
    return result;
#else
    const uint32_t bytes = word & UINT32_C(0x00FF00FF);
    return bytes | ((bytes & UINT32_C(0x00800080)) * UINT32_C(0x1FE));
#endif
}

static inline uint32_t odd_bytes(uint32_t word) {
#if USE_SMLAD
    uint32_t result;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
    return result;
#else
    return even_bytes(word >> 8);
#endif
}

/* Widens `count` inputs, a multiple of 4, into one pixel's lane of the window. */
static inline uint32_t *widen(uint32_t *lane, const int8_t *inputs, int32_t count) {
    for (int32_t i = 0; i < count; i += 4) {
        uint32_t word;
        memcpy(&word, inputs + i, sizeof word);
        lane[0] = even_bytes(word);
        lane[PIXELS] = odd_bytes(word);
        lane += LANE_WORDS;
    }
    return lane;
}

static inline uint32_t *widen_padding(uint32_t *lane, int32_t zero_point, int32_t count) {
    const uint32_t half = (uint32_t)zero_point & UINT32_C(0xFFFF);
    const uint32_t word = half | half << 16;
    for (int32_t i = 0; i < count; i += 4) {
        lane[0] = word;
        lane[PIXELS] = word;
        lane += LANE_WORDS;
    }
    return lane;
}

/* The input of a tap, null if it is padding. */
static inline const int8_t *tap(const nnc_conv_s8_layer *layer, const int8_t *image, int32_t y,
                                int32_t x) {
    const bool inside = y >= 0 && y < layer->in_height && x >= 0 && x < layer->in_width;
    return inside ? image + (y * layer->in_width + x) * layer->in_channels : NULL;
}

/* Channels in fours: every tap is widened from where it is. */
static NNC_NOINLINE void fill_taps(const nnc_conv_s8_layer *layer, const int8_t *image, int32_t y, int32_t x,
                      uint32_t *lane) {
    for (int32_t ky = 0; ky < layer->kernel_height; ++ky, y += layer->dilation_y) {
        for (int32_t kx = 0; kx < layer->kernel_width; ++kx) {
            const int8_t *const at = tap(layer, image, y, x + kx * layer->dilation_x);
            lane = at != NULL ? widen(lane, at, layer->in_channels)
                              : widen_padding(lane, layer->zero_point, layer->in_channels);
        }
    }
}

/* Any channels: taps are gathered side by side first. */
static NNC_NOINLINE void fill_patch(const nnc_conv_s8_layer *layer, const int8_t *image, int32_t y, int32_t x,
                       uint32_t *lane, int8_t *patch) {
    const size_t channels = (size_t)layer->in_channels;
    int8_t *to = patch;
    for (int32_t ky = 0; ky < layer->kernel_height; ++ky, y += layer->dilation_y) {
        const bool row = y >= 0 && y < layer->in_height && layer->dilation_x == 1 && x >= 0 &&
                         x + layer->kernel_width <= layer->in_width;
        if (row) {
            const size_t bytes = channels * (size_t)layer->kernel_width;
            memcpy(to, tap(layer, image, y, x), bytes);
            to += bytes;
            continue;
        }
        for (int32_t kx = 0; kx < layer->kernel_width; ++kx, to += channels) {
            const int8_t *const at = tap(layer, image, y, x + kx * layer->dilation_x);
            if (at != NULL) {
                memcpy(to, at, channels);
            } else {
                memset(to, layer->zero_point, channels);
            }
        }
    }
    widen(lane, patch, layer->depth);
}

#if USE_SMLAD
/* One word of weights for four pixels: r4 to r7 are the sums of the first channel, r8 to r11 those
 * of both. */
#define STEP \
    "ldr r12, [r0], #4\n" \
    "ldrd r2, r3, [r1], #8\n" \
    "sxtb16 lr, r12\n" \
    "smlad r4, r2, lr, r4\n" \
    "smlad r8, r2, r12, r8\n" \
    "smlad r5, r3, lr, r5\n" \
    "smlad r9, r3, r12, r9\n" \
    "ldrd r2, r3, [r1], #8\n" \
    "smlad r6, r2, lr, r6\n" \
    "smlad r10, r2, r12, r10\n" \
    "smlad r7, r3, lr, r7\n" \
    "smlad r11, r3, r12, r11\n"
#define STEPS_2 STEP STEP
#define STEPS_8 STEPS_2 STEPS_2 STEPS_2 STEPS_2

/* The sums of two channels for each of four pixels. The window is read to `middle` eight steps at a
 * time, to `end` two; then the sums of the second channel are taken apart. */
__attribute__((naked, noinline)) static void sum_products(
    const int32_t *weights __attribute__((unused)), const uint32_t *window __attribute__((unused)),
    int32_t *sums __attribute__((unused)), const uint32_t *middle __attribute__((unused)),
    const uint32_t *end __attribute__((unused))) {
    __asm__ volatile(
        "push {r2-r11, lr}\n"
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r6, #0\n"
        "movs r7, #0\n"
        "mov r8, #0\n"
        "mov r9, #0\n"
        "mov r10, #0\n"
        "mov r11, #0\n"
        "b 2f\n"
        "1:\n" STEPS_8
        "2:\n"
        "ldr r2, [sp, #4]\n"
        "cmp r1, r2\n"
        "bne 1b\n"
        "b 4f\n"
        "3:\n" STEPS_2
        "4:\n"
        "ldr r2, [sp, #44]\n"
        "cmp r1, r2\n"
        "bne 3b\n"
        "sub r8, r8, r4\n"
        "sub r9, r9, r5\n"
        "sub r10, r10, r6\n"
        "sub r11, r11, r7\n"
        "asr r8, r8, #8\n"
        "asr r9, r9, #8\n"
        "asr r10, r10, #8\n"
        "asr r11, r11, #8\n"
        "pop {r2, r3}\n"
        "stm r2, {r4-r11}\n"
        "pop {r4-r11, pc}\n");
}

static inline void sum(const nnc_conv_s8_layer *layer, const int32_t *weights,
                       const uint32_t *window, int32_t sums[CHANNELS * PIXELS]) {
    const uint32_t *const end = window + 2 * layer->depth;
    sum_products(weights, window, sums, window + 2 * (layer->depth & ~15), end);
}
#else
static inline int32_t low_half(uint32_t word) {
    return (int16_t)(uint16_t)(word & UINT32_C(0xFFFF));
}

static inline int32_t high_half(uint32_t word) {
    return (int16_t)(uint16_t)(word >> 16);
}

static void sum(const nnc_conv_s8_layer *layer, const int32_t *weights, const uint32_t *window,
                int32_t sums[CHANNELS * PIXELS]) {
    memset(sums, 0, CHANNELS * PIXELS * sizeof *sums);
    for (int32_t step = 0; step < layer->depth / 2; ++step, window += PIXELS) {
        const uint32_t both = (uint32_t)weights[step];
        const uint32_t first = even_bytes(both);
        const int32_t a[2] = {low_half(first), high_half(first)};
        const int32_t b[2] = {(low_half(both) - a[0]) >> 8, (high_half(both) - a[1]) >> 8};
        for (int32_t i = 0; i < PIXELS; ++i) {
            const int32_t x[2] = {low_half(window[i]), high_half(window[i])};
            sums[i] = nnc_wrap_add32(sums[i], x[0] * a[0] + x[1] * a[1]);
            sums[PIXELS + i] = nnc_wrap_add32(sums[PIXELS + i], x[0] * b[0] + x[1] * b[1]);
        }
    }
}
#endif

/* The constants of all channels, and whether outputs are clamped to less than their type. */
typedef struct {
    const int32_t *bias, *multiplier, *shift;
    const int64_t *constant;
    int32_t step;
    bool clamped;
} requantization;

/* The constants of one channel. */
typedef struct {
    int32_t bias, multiplier, shift;
    int64_t constant;
} channel_constants;

static inline int32_t requantize(int32_t sum, const channel_constants *channel, bool fix) {
    const int32_t acc = nnc_wrap_add32(sum, channel->bias);
    const int32_t twice = nnc_wrap_add32(acc, acc);
    const int64_t scaled =
        nnc_wrap_add64((int64_t)twice * channel->multiplier, channel->constant);
    const int32_t upper = (int32_t)(scaled >> 32);
    return (fix ? upper + (twice >> 31) : upper) >> channel->shift;
}

static inline int8_t saturate(int32_t value) {
#if USE_SMLAD
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return (int8_t)result;
#else
    return nnc_saturate_i8(value);
#endif
}

/* One channel of four pixels that is clamped to the type only. */
static inline void store_four(const int32_t *sums, const channel_constants *channel, bool fix,
                              int32_t outputs, int8_t *to) {
    to[0] = saturate(requantize(sums[0], channel, fix));
    to[outputs] = saturate(requantize(sums[1], channel, fix));
    to[2 * outputs] = saturate(requantize(sums[2], channel, fix));
    to[3 * outputs] = saturate(requantize(sums[3], channel, fix));
}

static void store(const nnc_conv_s8_layer *layer, const int32_t *sums,
                  const channel_constants *channel, bool fix, int32_t pixels, int8_t *to) {
    for (int32_t i = 0; i < pixels; ++i, to += layer->out_channels) {
        const int32_t value = requantize(sums[i], channel, fix);
        *to = nnc_clamp_i8(value, layer->out_min, layer->out_max);
    }
}

/* Requantises and stores one channel of some pixels. */
static NNC_NOINLINE void store_channel(const nnc_conv_s8_layer *layer, const requantization *tables,
                                 const int32_t *sums, int32_t c, int32_t pixels, int8_t *to) {
    const int32_t entry = c * tables->step;
    const channel_constants channel = {tables->bias[c], tables->multiplier[entry],
                                       tables->shift[entry], tables->constant[entry]};
    const bool fix = layer->fix != 0 && channel.shift > 0;
    if (tables->clamped || pixels < PIXELS) {
        store(layer, sums, &channel, fix, pixels, to);
    } else if (fix) {
        store_four(sums, &channel, true, layer->out_channels, to);
    } else {
        store_four(sums, &channel, false, layer->out_channels, to);
    }
}

void nnc_conv_s8(const nnc_conv_s8_layer *layer, const int8_t *input, const int32_t *weights,
                 const int32_t *bias, const int32_t *multiplier, const int64_t *constant,
                 const int32_t *shift, int32_t requant_step, int8_t *output, int8_t *window,
                 int8_t *patch) {
    uint32_t *const lanes = (uint32_t *)(void *)window;
    const int32_t image = layer->in_height * layer->in_width * layer->in_channels;
    const int32_t outputs = layer->out_channels;
    const requantization tables = {bias, multiplier, shift, constant, requant_step,
                                   layer->out_min > INT8_MIN || layer->out_max < INT8_MAX};
    int32_t left = layer->batches * layer->out_height * layer->out_width;
    int32_t oy = 0, ox = 0;
    while (left > 0) {
        const int32_t pixels = nnc_min32(left, PIXELS);
        for (int32_t i = 0; i < pixels; ++i) {
            const int32_t y = oy * layer->stride_y - layer->pad_top;
            const int32_t x = ox * layer->stride_x - layer->pad_left;
            if ((layer->in_channels & 3) == 0) {
                fill_taps(layer, input, y, x, lanes + i);
            } else {
                fill_patch(layer, input, y, x, lanes + i, patch);
            }
            if (++ox == layer->out_width) {
                ox = 0;
                if (++oy == layer->out_height) {
                    oy = 0;
                    input += image;
                }
            }
        }
        const int32_t *pair = weights;
        for (int32_t c = 0; c < outputs; c += CHANNELS, pair += layer->depth / 2) {
            int32_t sums[CHANNELS * PIXELS];
            sum(layer, pair, lanes, sums);
            store_channel(layer, &tables, sums, c, pixels, output + c);
            if (c + 1 < outputs) {
                store_channel(layer, &tables, sums + PIXELS, c + 1, pixels, output + c + 1);
            }
        }
        output += pixels * outputs;
        left -= pixels;
    }
}
