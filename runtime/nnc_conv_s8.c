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
#include "nnc_dsp.h"

enum { PIXELS = 4, CHANNELS = 2, LANE_WORDS = 2 * PIXELS };

/* Widens `count` inputs, a multiple of 4, into one pixel's lane of the window. */
static inline uint32_t *widen(uint32_t *lane, const int8_t *inputs, int32_t count) {
    for (int32_t i = 0; i < count; i += 4) {
        const uint32_t word = nnc_load_word(inputs + i);
        lane[0] = nnc_even_bytes(word);
        lane[PIXELS] = nnc_odd_bytes(word);
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

/* A window inside the image: its rows are widened from where they are, with what follows them. */
static NNC_NOINLINE void fill_rows(const nnc_conv_s8_layer *layer, const int8_t *at,
                                   uint32_t *lane) {
    const int32_t step = layer->dilation_y * layer->in_width * layer->in_channels;
    for (int32_t ky = 0; ky < layer->kernel_height; ++ky, at += step) {
        lane = widen(lane, at, layer->row_depth);
    }
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

/* Any channels: the taps of a row are gathered side by side first. */
static NNC_NOINLINE void fill_patch(const nnc_conv_s8_layer *layer, const int8_t *image, int32_t y,
                                    int32_t x, uint32_t *lane, int8_t *patch) {
    const size_t channels = (size_t)layer->in_channels;
    for (int32_t ky = 0; ky < layer->kernel_height; ++ky, y += layer->dilation_y) {
        int8_t *to = patch + ky * layer->row_depth;
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

static inline void fill(const nnc_conv_s8_layer *layer, const int8_t *image, int32_t y, int32_t x,
                        uint32_t *lane, int8_t *patch) {
    const int32_t line = layer->in_width * layer->in_channels;
    const int32_t last = y + (layer->kernel_height - 1) * layer->dilation_y;
    const int32_t last_row = last * line + x * layer->in_channels;
    if (layer->dilation_x == 1 && y >= 0 && last < layer->in_height && x >= 0 &&
        x + layer->kernel_width <= layer->in_width &&
        last_row + layer->row_depth <= layer->in_height * line) {
        fill_rows(layer, image + y * line + x * layer->in_channels, lane);
    } else if ((layer->in_channels & 3) == 0) {
        fill_taps(layer, image, y, x, lane);
    } else {
        fill_patch(layer, image, y, x, lane, patch);
    }
}

static inline void store(const nnc_conv_s8_target *target, const int32_t *sums, int32_t channel,
                         bool fix) {
    const int32_t *const formula = target->formulas + channel * (target->formula_bytes / 4);
    int8_t *to = target->to + channel;
    for (int32_t i = 0; i < PIXELS; ++i, to += target->pixel) {
        const int32_t acc = nnc_wrap_add32(sums[i], target->bias[channel]);
        const int32_t value = nnc_upper_word(nnc_wrap_add32(acc, acc), formula, fix);
        *to = nnc_clamp_i8(value, target->out_min, target->out_max);
    }
}

/* A block in C; `fix` only concerns channels whose shift is not 0. */
static NNC_NOINLINE void run_block(const int32_t *weights, const uint32_t *window,
                      const nnc_conv_s8_target *target, bool fix) {
    int32_t first[PIXELS] = {0, 0, 0, 0}, both[PIXELS] = {0, 0, 0, 0};
    for (; window < target->end; window += PIXELS) {
        const uint32_t word = (uint32_t)*weights++, low = nnc_even_bytes(word);
        for (int32_t i = 0; i < PIXELS; ++i) {
            first[i] = nnc_add_products(window[i], low, first[i]);
            both[i] = nnc_add_products(window[i], word, both[i]);
        }
    }
    for (int32_t i = 0; i < PIXELS; ++i) {
        both[i] = nnc_wrap_sub32(both[i], first[i]) >> 8;
    }
    store(target, first, 0, fix);
    store(target, both, 1, fix);
}

#if NNC_USE_DSP
/* r0: weights, r1: window, r4 to r7: sums of the first channel, r8 to r11: of both. */
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

#define SUMS \
    "push {r2, r4-r11, lr}\n" \
    "movs r4, #0\n" \
    "movs r5, #0\n" \
    "movs r6, #0\n" \
    "movs r7, #0\n" \
    "mov r8, #0\n" \
    "mov r9, #0\n" \
    "mov r10, #0\n" \
    "mov r11, #0\n" \
    "ldrd r2, r3, [r2]\n" \
    "sub sp, sp, #8\n" \
    "strd r2, r3, [sp]\n" \
    "b 2f\n" \
    "1:\n" STEPS_8 \
    "2:\n" \
    "ldr r2, [sp]\n" \
    "cmp r1, r2\n" \
    "bne.w 1b\n" \
    "b 4f\n" \
    "3:\n" STEPS_2 \
    "4:\n" \
    "ldr r2, [sp, #4]\n" \
    "cmp r1, r2\n" \
    "bne 3b\n" \
    "sub r8, r8, r4\n" \
    "sub r9, r9, r5\n" \
    "sub r10, r10, r6\n" \
    "sub r11, r11, r7\n" \
    "asr r8, r8, #8\n" \
    "asr r9, r9, #8\n" \
    "asr r10, r10, #8\n" \
    "asr r11, r11, #8\n"

/* r0: multiplier, r1: shift, r2: output, r3: step between pixels, r12: formula; lr and another
 * register for an output in the making. On the stack lies the target's address (8). */
#define TWICE(sum) "add " sum ", lr, " sum ", lsl #1\n"
#define FIXED(sum) "add lr, lr, " sum ", asr #31\n"
#define PLAIN(sum)
#define SATURATED(other) "ssat lr, #8, lr\n"
#define CLAMPED(other) \
    "ldr " other ", [sp, #8]\n" \
    "ldr " other ", [" other ", #28]\n" \
    "cmp lr, " other "\n" \
    "it lt\n" \
    "movlt lr, " other "\n" \
    "ldr " other ", [sp, #8]\n" \
    "ldr " other ", [" other ", #32]\n" \
    "cmp lr, " other "\n" \
    "it gt\n" \
    "movgt lr, " other "\n"
#define SCALED(sum, other, fixing, limits) \
    "ldrd " other ", lr, [r12, #8]\n" \
    "smlal " other ", lr, " sum ", r0\n" fixing(sum) \
    "asr lr, lr, r1\n" limits(other)
#define FOUR(a, b, c, d, fixing, limits) \
    "ldrd r0, r1, [r12]\n" \
    "lsl lr, lr, #1\n" \
    TWICE(a) TWICE(b) TWICE(c) TWICE(d) \
    SCALED(a, "r3", fixing, limits) \
    "strb lr, [r2]\n" \
    "ldr r3, [sp, #8]\n" \
    "ldr r3, [r3, #12]\n" \
    SCALED(b, a, fixing, limits) \
    "strb lr, [r2, r3]\n" \
    SCALED(c, a, fixing, limits) \
    "strb lr, [r2, r3, lsl #1]\n" \
    SCALED(d, a, fixing, limits) \
    "add " a ", r3, r3, lsl #1\n" \
    "strb lr, [r2, " a "]\n"
#define OUTPUTS(fixing, limits) \
    "ldr r3, [sp, #8]\n" \
    "ldr r2, [r3, #8]\n" \
    "ldrd r0, r12, [r3, #16]\n" \
    "ldr lr, [r0]\n" \
    FOUR("r4", "r5", "r6", "r7", fixing, limits) \
    "ldr r4, [sp, #8]\n" \
    "ldr r5, [r4, #16]\n" \
    "ldr r6, [r4, #24]\n" \
    "ldr lr, [r5, #4]\n" \
    "add r12, r12, r6\n" \
    "add r2, r2, #1\n" \
    FOUR("r8", "r9", "r10", "r11", fixing, limits)

#define BLOCK(name, fix, fixing, limits) \
    __attribute__((naked, noinline)) void nnc_conv_s8_##name( \
        const int32_t *weights __attribute__((unused)), \
        const uint32_t *window __attribute__((unused)), \
        const nnc_conv_s8_target *target __attribute__((unused))) { \
        __asm__ volatile(SUMS OUTPUTS(fixing, limits) "add sp, sp, #12\n" \
                                                      "pop {r4-r11, pc}\n"); \
    }
#else
#define BLOCK(name, fix, fixing, limits) \
    void nnc_conv_s8_##name(const int32_t *weights, const uint32_t *window, \
                            const nnc_conv_s8_target *target) { \
        run_block(weights, window, target, fix); \
    }
#endif

BLOCK(block_plain, false, PLAIN, SATURATED)
BLOCK(block_fix, true, FIXED, SATURATED)
BLOCK(block_clamp, false, PLAIN, CLAMPED)
BLOCK(block_fix_clamp, true, FIXED, CLAMPED)

void nnc_conv_s8_block_each(const int32_t *weights, const uint32_t *window,
                            const nnc_conv_s8_target *target) {
    run_block(weights, window, target, true);
}

/* Some pixels of some channels, fewer than a block's: it is computed aside. */
static void run_rest(nnc_conv_s8_block *block, const int32_t *weights, const uint32_t *window,
                     const nnc_conv_s8_target *target, int32_t pixels, int32_t channels) {
    int8_t outputs[PIXELS * CHANNELS];
    nnc_conv_s8_target aside = *target;
    aside.to = outputs;
    aside.pixel = CHANNELS;
    if (channels < CHANNELS) {
        /* There is no constant for the second channel. */
        const int32_t bias[CHANNELS] = {target->bias[0], 0};
        aside.bias = bias;
        aside.formula_bytes = 0;
        block(weights, window, &aside);
    } else {
        block(weights, window, &aside);
    }
    for (int32_t i = 0; i < pixels; ++i) {
        memcpy(target->to + i * target->pixel, outputs + i * CHANNELS, (size_t)channels);
    }
}

void nnc_conv_s8(const nnc_conv_s8_layer *layer, const int8_t *input, const int32_t *weights,
                 const int32_t *bias, const int32_t *formulas, int32_t formula_step,
                 int8_t *output, int8_t *window, int8_t *patch) {
    uint32_t *const lanes = (uint32_t *)(void *)window;
    const int32_t image = layer->in_height * layer->in_width * layer->in_channels;
    const int32_t outputs = layer->out_channels;
    nnc_conv_s8_target target;
    target.middle = lanes + 2 * (layer->depth & ~15);
    target.end = lanes + 2 * layer->depth;
    target.pixel = outputs;
    target.formula_bytes = formula_step * (int32_t)sizeof *formulas;
    target.out_min = layer->out_min;
    target.out_max = layer->out_max;
    /* Pixels that follow each other are those of outputs that do. */
    const bool pointwise = layer->kernel_height * layer->kernel_width == 1 &&
                           layer->out_height == layer->in_height &&
                           layer->out_width == layer->in_width && layer->stride_y == 1 &&
                           layer->stride_x == 1 && (layer->in_channels & 3) == 0;
    if (patch != NULL) {
        memset(patch, 0, (size_t)layer->depth);
    }
    int32_t left = layer->batches * layer->out_height * layer->out_width;
    int32_t oy = 0, ox = 0;
    while (left > 0) {
        const int32_t pixels = nnc_min32(left, PIXELS);
        for (int32_t i = 0; i < pixels && pointwise; ++i, input += layer->in_channels) {
            widen(lanes + i, input, layer->in_channels);
        }
        for (int32_t i = 0; i < pixels && !pointwise; ++i) {
            const int32_t y = oy * layer->stride_y - layer->pad_top;
            const int32_t x = ox * layer->stride_x - layer->pad_left;
            fill(layer, input, y, x, lanes + i, patch);
            if (++ox == layer->out_width) {
                ox = 0;
                if (++oy == layer->out_height) {
                    oy = 0;
                    input += image;
                }
            }
        }
        const int32_t *pair = weights;
        target.bias = bias;
        target.formulas = formulas;
        target.to = output;
        for (int32_t c = 0; c < outputs; c += CHANNELS, pair += layer->depth / 2) {
            if (pixels == PIXELS && c + 1 < outputs) {
                layer->block(pair, lanes, &target);
            } else {
                run_rest(layer->block, pair, lanes, &target, pixels, nnc_min32(outputs - c, CHANNELS));
            }
            target.bias += CHANNELS;
            target.formulas += CHANNELS * formula_step;
            target.to += CHANNELS;
        }
        output += pixels * outputs;
        left -= pixels;
    }
}
