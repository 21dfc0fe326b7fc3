/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last lines of four channels are kept in a ring, one plane for each channel, as pairs of
 * halves: a multiplication of pairs takes two taps at once, and one set of weights serves the
 * outputs at even positions, another, shifted by one tap, those at odd ones. Weights and bias are
 * doubled, as the requantisation wants the accumulator.
 */
#include "nnc_depthwise_s8.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "nnc_arith.h"
#include "nnc_dsp.h"

enum { CHANNELS = 4, BLOCK = 4, SMALL = 3 };

/* ---- the ring ---- */

/* Where words are: those of one plane, of one line, and how far apart two pairs of words are. */
typedef struct {
    uint32_t *words;
    int32_t plane, line, block;
} planes;

/* A line of inputs, null for one of padding; `count` of its four channels exist. */
typedef struct {
    const int8_t *pixels;
    int32_t length, step, count;
    uint32_t padding;
} source_line;

/* Two pixels, as a word of each plane. */
static inline void put(uint32_t first, uint32_t second, uint32_t *to, int32_t plane) {
    const uint32_t even[2] = {nnc_even_bytes(first), nnc_even_bytes(second)};
    const uint32_t odd[2] = {nnc_odd_bytes(first), nnc_odd_bytes(second)};
    to[0] = nnc_low_halves(even[0], even[1]);
    to[plane] = nnc_low_halves(odd[0], odd[1]);
    to[2 * plane] = nnc_high_halves(even[0], even[1]);
    to[3 * plane] = nnc_high_halves(odd[0], odd[1]);
}

/* The channels of a pixel that exist. */
static NNC_NOINLINE uint32_t load_some(const int8_t *bytes, int32_t count) {
    uint32_t word = 0;
    for (int32_t c = 0; c < count; ++c) {
        word |= (uint32_t)(uint8_t)bytes[c] << (8 * c);
    }
    return word;
}

/* A block with positions that are no pixels, or with the last one: behind it there may be nothing. */
static NNC_NOINLINE void fill_edge(const source_line *line, int32_t at, uint32_t *to,
                                   int32_t plane) {
    uint32_t pixels[BLOCK] = {line->padding, line->padding, line->padding, line->padding};
    const int32_t first = nnc_max32(at, 0), end = nnc_min32(at + BLOCK, line->length);
    const int8_t *bytes = line->pixels + first * line->step;
    for (int32_t k = first; k < end; ++k, bytes += line->step) {
        pixels[k - at] = line->count == CHANNELS ? nnc_load_word(bytes) : load_some(bytes, line->count);
    }
    put(pixels[0], pixels[1], to, plane);
    put(pixels[2], pixels[3], to + 1, plane);
}

static NNC_NOINLINE void fill_blocks(const int8_t *bytes, int32_t step, int32_t blocks,
                                     uint32_t *to, const planes *ring) {
    const int32_t plane = ring->plane, block = ring->block;
    for (; blocks > 0; --blocks, bytes += 4 * step, to += block) {
        put(nnc_load_word(bytes), nnc_load_word(bytes + step), to, plane);
        put(nnc_load_word(bytes + 2 * step), nnc_load_word(bytes + 3 * step), to + 1, plane);
    }
}

/* Puts a line of pixels into the ring, behind `pad` positions of padding. Those, and those behind
 * the line, hold their zero points already. */
static void fill(const source_line *line, int32_t pad, uint32_t *to, const planes *ring) {
    to += pad / BLOCK * ring->block;
    for (int32_t at = -(pad % BLOCK); at < line->length;) {
        const int32_t blocks = at < 0 ? 0 : (line->length - 1 - at) / BLOCK;
        if (blocks > 0) {
            fill_blocks(line->pixels + at * line->step, line->step, blocks, to, ring);
        } else {
            fill_edge(line, at, to, ring->plane);
        }
        at += nnc_max32(blocks, 1) * BLOCK;
        to += nnc_max32(blocks, 1) * ring->block;
    }
}

static void fill_padding(uint32_t word, int32_t words, uint32_t *to, const planes *ring) {
    for (int32_t c = 0; c < CHANNELS; ++c, to += ring->plane) {
        uint32_t *block = to;
        for (int32_t k = 0; k < words; k += 2, block += ring->block) {
            block[0] = word;
            block[1] = word;
        }
    }
}

/* ---- outputs ---- */

static inline void store(const nnc_depthwise_s8_channel *channel, int32_t twice, bool fix, int8_t *to) {
    const int32_t value = nnc_upper_word(twice, channel->formula, fix);
    *to = nnc_clamp_i8(value, channel->out_min, channel->out_max);
}

/* ---- 3x3 kernels ----
 * In the ring, two words of each line follow each other. A line of weights is two words:
 * (w0, w1) and (w1, w2). */

#if NNC_USE_DSP
/* r0: words, r1: outputs, r2 and r3: inputs, r4 to r9: weights; r10, r11, r12 and lr: sums. On the
 * stack lie the constants, the last line of weights (32), the end of the whole blocks (76) and the
 * number of outputs behind them (80), which are fewer than a block's. */
#define START \
    "push {r4-r11, lr}\n" \
    "sub sp, sp, #40\n" \
    "ldm r2, {r4-r11}\n" \
    "stm sp, {r4-r11}\n" \
    "ldm r3, {r4-r9}\n" \
    "strd r8, r9, [sp, #32]\n" \
    "b 2f\n" \
    "1:\n"
#define REPEAT \
    "2:\n" \
    "ldr r2, [sp, #76]\n" \
    "ldr lr, [sp]\n" \
    "cmp r0, r2\n" \
    "ldrd r8, r9, [sp, #32]\n" \
    "bne.w 1b\n" \
    "ldr r2, [sp, #80]\n" \
    "cmp r2, #0\n" \
    "beq.w 3f\n"
#define STOP \
    "3:\n" \
    "add sp, sp, #40\n" \
    "pop {r4-r11, pc}\n"

/* Four outputs, one position apart; a, b, c: what the first three sums start from. */
#define LINE_1(wa, wb, a, b, c) \
    "ldrd r2, r3, [r0], #8\n" \
    "smlad r10, r2, " wa ", " a "\n" \
    "smlabt r10, r3, " wb ", r10\n" \
    "smlatb r11, r2, " wa ", " b "\n" \
    "ldr r2, [r0, #16]\n" \
    "smlad r11, r3, " wb ", r11\n" \
    "smlad r12, r3, " wa ", " c "\n" \
    "smlabt r12, r2, " wb ", r12\n" \
    "smlatb lr, r3, " wa ", lr\n" \
    "smlad lr, r2, " wb ", lr\n"
#define SUMS_1 \
    LINE_1("r4", "r5", "lr", "lr", "lr") \
    LINE_1("r6", "r7", "r10", "r11", "r12") LINE_1("r8", "r9", "r10", "r11", "r12")

/* Two outputs, two positions apart. */
#define LINE_2(wa, wb, x, y, a, b) \
    "ldrd r2, r3, [r0], #8\n" \
    "smlad " x ", r2, " wa ", " a "\n" \
    "smlabt " x ", r3, " wb ", " x "\n" \
    "ldr r2, [r0, #16]\n" \
    "smlad " y ", r3, " wa ", " b "\n" \
    "smlabt " y ", r2, " wb ", " y "\n"
#define PAIR_2(x, y) \
    LINE_2("r4", "r5", x, y, "lr", "lr") \
    LINE_2("r6", "r7", x, y, x, y) LINE_2("r8", "r9", x, y, x, y)
#define SUMS_2 PAIR_2("r10", "r11") PAIR_2("r12", "lr")

#define FIXED(sum) "add r9, r9, " sum ", asr #31\n"
#define PLAIN(sum)
#define SATURATED "ssat r9, #8, r9\n"
#define CLAMPED \
    "ldr r8, [sp, #24]\n" \
    "cmp r9, r8\n" \
    "it lt\n" \
    "movlt r9, r8\n" \
    "ldr r8, [sp, #28]\n" \
    "cmp r9, r8\n" \
    "it gt\n" \
    "movgt r9, r8\n"

#define SCALED(sum, fixing, limits) \
    "ldrd r8, r9, [sp, #16]\n" \
    "smlal r8, r9, " sum ", r2\n" fixing(sum) \
    "asr r9, r9, r3\n" limits
#define OUTPUTS(fixing, limits) \
    "ldrd r2, r3, [sp, #8]\n" \
    SCALED("r10", fixing, limits) \
    "strb r9, [r1]\n" \
    "ldr r10, [sp, #4]\n" \
    SCALED("r11", fixing, limits) \
    "strb r9, [r1, r10]\n" \
    SCALED("r12", fixing, limits) \
    "add r1, r1, r10, lsl #1\n" \
    "strb r9, [r1]\n" \
    SCALED("lr", fixing, limits) \
    "strb r9, [r1, r10]\n" \
    "add r1, r1, r10, lsl #1\n"
#define LAST_OUTPUTS(fixing, limits) \
    "ldrd r2, r3, [sp, #8]\n" \
    "ldr r0, [sp, #80]\n" \
    SCALED("r10", fixing, limits) \
    "strb r9, [r1]\n" \
    "ldr r10, [sp, #4]\n" \
    "subs r0, r0, #1\n" \
    "beq.w 3f\n" \
    SCALED("r11", fixing, limits) \
    "strb r9, [r1, r10]\n" \
    "subs r0, r0, #1\n" \
    "beq.w 3f\n" \
    SCALED("r12", fixing, limits) \
    "strb r9, [r1, r10, lsl #1]\n"

#define BLOCKS_3X3(name, stride, sums, fixing, limits) \
    __attribute__((naked, noinline)) void nnc_depthwise_3x3_##name( \
        const uint32_t *words __attribute__((unused)), int8_t *to __attribute__((unused)), \
        const nnc_depthwise_s8_channel *channel __attribute__((unused)), \
        const uint32_t *weights __attribute__((unused)), \
        const uint32_t *end __attribute__((unused)), int32_t rest __attribute__((unused))) { \
        __asm__ volatile(START sums OUTPUTS(fixing, limits) REPEAT sums \
                             LAST_OUTPUTS(fixing, limits) STOP); \
    }
#else
#define SUMS_1
#define SUMS_2
#define PLAIN 0
#define FIXED 1
#define SATURATED
#define CLAMPED

static int32_t sum_3x3(const uint32_t *words, const uint32_t *weights, int32_t at, int32_t acc) {
    const uint32_t *first = words + (at >> 2) * 2 * SMALL + ((at >> 1) & 1);
    const uint32_t *second = (at & 2) != 0 ? first + 2 * SMALL - 1 : first + 1;
    for (int32_t line = 0; line < SMALL; ++line, first += 2, second += 2, weights += 2) {
        if ((at & 1) != 0) {
            acc = nnc_wrap_add32(acc, nnc_high_half(*first) * nnc_low_half(weights[0]));
            acc = nnc_add_products(*second, weights[1], acc);
        } else {
            acc = nnc_add_products(*first, weights[0], acc);
            acc = nnc_wrap_add32(acc, nnc_low_half(*second) * nnc_high_half(weights[1]));
        }
    }
    return acc;
}

static void run_blocks(const uint32_t *words, int8_t *to, const nnc_depthwise_s8_channel *channel,
                       const uint32_t *weights, int32_t outputs, int32_t stride, bool fix) {
    for (int32_t at = 0; at < outputs * stride; at += stride, to += channel->out_pixel) {
        store(channel, sum_3x3(words, weights, at, channel->sum2), fix, to);
    }
}

#define BLOCKS_3X3(name, stride, sums, fixing, limits) \
    void nnc_depthwise_3x3_##name(const uint32_t *words, int8_t *to, \
                                  const nnc_depthwise_s8_channel *channel, \
                                  const uint32_t *weights, const uint32_t *end, int32_t rest) { \
        const int32_t whole = (int32_t)(end - words) / SMALL * 2 / stride; \
        run_blocks(words, to, channel, weights, whole + rest, stride, fixing); \
    }
#endif

BLOCKS_3X3(s1, 1, SUMS_1, PLAIN, SATURATED)
BLOCKS_3X3(s1_fix, 1, SUMS_1, FIXED, SATURATED)
BLOCKS_3X3(s1_clamp, 1, SUMS_1, PLAIN, CLAMPED)
BLOCKS_3X3(s1_fix_clamp, 1, SUMS_1, FIXED, CLAMPED)
BLOCKS_3X3(s2, 2, SUMS_2, PLAIN, SATURATED)
BLOCKS_3X3(s2_fix, 2, SUMS_2, FIXED, SATURATED)
BLOCKS_3X3(s2_clamp, 2, SUMS_2, PLAIN, CLAMPED)
BLOCKS_3X3(s2_fix_clamp, 2, SUMS_2, FIXED, CLAMPED)

/* The words of a channel's weights: three lines, the first two of which come again, so that any of
 * them can be the first. */
static void widen_3x3(const nnc_depthwise_s8_layer *layer, const int8_t *weights, uint32_t *to) {
    for (int32_t line = 0; line < 2 * SMALL - 1; ++line, to += 2) {
        const int8_t *const taps = weights + line % SMALL * layer->weight_line;
        const int32_t middle = 2 * taps[layer->weight_tap];
        to[0] = nnc_pair(2 * taps[0], middle);
        to[1] = nnc_pair(middle, 2 * taps[2 * layer->weight_tap]);
    }
}

/* ---- kernels of any size ----
 * In the ring, a line is in one piece. Weights are a line of words for even positions and one for
 * odd positions, for each line of the kernel. */

typedef struct {
    int32_t lines, length; /* of the kernel, dilated */
    int32_t pairs;         /* words of a line of weights */
} extents;

static void widen_any(const nnc_depthwise_s8_layer *layer, const extents *size,
                      const int8_t *weights, uint32_t *to) {
    memset(to, 0, (size_t)(2 * size->lines * size->pairs) * sizeof *to);
    for (int32_t line = 0; line < layer->kernel_lines; ++line) {
        uint32_t *const even = to + 2 * line * layer->dilation_lines * size->pairs;
        uint32_t *const odd = even + size->pairs;
        const int8_t *tap = weights + line * layer->weight_line;
        for (int32_t k = 0; k < layer->kernel_length; ++k, tap += layer->weight_tap) {
            const int32_t at = k * layer->dilation_length, half = 2 * *tap;
            even[at >> 1] |= (at & 1) != 0 ? nnc_pair(0, half) : nnc_pair(half, 0);
            odd[(at + 1) >> 1] |= (at & 1) != 0 ? nnc_pair(half, 0) : nnc_pair(0, half);
        }
    }
}

/* Adds a line of products to four sums, one position apart. */
static inline void add_four(const uint32_t *words, const uint32_t *even, int32_t pairs,
                            int32_t sums[BLOCK]) {
    const uint32_t *const odd = even + pairs;
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    uint32_t x = words[0];
    for (int32_t k = 0; k < pairs; ++k) {
        const uint32_t a = even[k], b = odd[k], next = words[k + 1];
        sum0 = nnc_add_products(x, a, sum0);
        sum1 = nnc_add_products(x, b, sum1);
        sum2 = nnc_add_products(next, a, sum2);
        sum3 = nnc_add_products(next, b, sum3);
        x = next;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* `first`: the line of the ring with the window's first line. */
static void run_any(const nnc_depthwise_s8_layer *layer, const extents *size,
                    const nnc_depthwise_s8_channel *channel, const uint32_t *words,
                    const uint32_t *weights, int32_t first, int8_t *to) {
    const bool fix = layer->fix != 0;
    const int32_t pairs = size->pairs, stride = layer->stride_length;
    int32_t i = 0;
    for (; stride == 1 && i + 1 < layer->out_length; i += BLOCK) {
        int32_t sums[BLOCK] = {channel->sum2, channel->sum2, channel->sum2, channel->sum2};
        for (int32_t k = 0, line = first; k < size->lines; ++k) {
            add_four(words + line * layer->line_words + i / 2, weights + 2 * k * pairs, pairs, sums);
            line = line + 1 == size->lines ? 0 : line + 1;
        }
        const int32_t count = nnc_min32(BLOCK, layer->out_length - i);
        for (int32_t j = 0; j < count; ++j, to += layer->out_pixel) {
            store(channel, sums[j], fix, to);
        }
    }
    for (; i < layer->out_length; ++i, to += layer->out_pixel) {
        const int32_t at = i * stride;
        int32_t sum = channel->sum2;
        for (int32_t k = 0, line = first; k < size->lines; ++k) {
            const uint32_t *const x = words + line * layer->line_words + at / 2;
            const uint32_t *const w = weights + (2 * k + at % 2) * pairs;
            for (int32_t j = 0; j < pairs; ++j) {
                sum = nnc_add_products(x[j], w[j], sum);
            }
            line = line + 1 == size->lines ? 0 : line + 1;
        }
        store(channel, sum, fix, to);
    }
}

/* ---- the layer ---- */

/* The constants and the weights, in words, of up to four channels. */
typedef struct {
    nnc_depthwise_s8_channel *constants;
    uint32_t *weights;
    int32_t step, count;
} group;

static void run_line(const nnc_depthwise_s8_layer *layer, const extents *size, const group *some,
                     const planes *ring, int32_t first, int8_t *output) {
    const int32_t whole = layer->out_length / BLOCK * 2 * SMALL * layer->stride_length;
    for (int32_t c = 0; c < some->count; ++c) {
        const uint32_t *const words = ring->words + c * ring->plane;
        const uint32_t *const weights = some->weights + c * some->step;
        if (layer->blocks != NULL) {
            const int32_t line = first == 0 ? 0 : SMALL - first;
            layer->blocks(words, output + c, &some->constants[c], weights + 2 * line, words + whole,
                          layer->out_length % BLOCK);
        } else {
            run_any(layer, size, &some->constants[c], words, weights, first, output + c);
        }
    }
}

/* Some channels of an image. */
static NNC_NOINLINE void run_group(const nnc_depthwise_s8_layer *layer, const extents *size, const int8_t *input,
                      const group *some, const planes *ring, int8_t *output) {
    const uint32_t padding = (uint32_t)(uint8_t)layer->zero_point * UINT32_C(0x01010101);
    const uint32_t zeros = nnc_even_bytes(padding);
    source_line line = {input, layer->in_length, layer->in_pixel, some->count, padding};
    int32_t next = 0; /* the next line for the ring, counted from the first, padded one */
    for (int32_t oy = 0; oy < layer->out_lines; ++oy, output += layer->out_line) {
        const int32_t top = oy * layer->stride_lines;
        for (next = nnc_max32(next, top); next < top + size->lines; ++next) {
            uint32_t *const slot = ring->words + next % size->lines * ring->line;
            const int32_t y = next - layer->pad_lines;
            if (y >= 0 && y < layer->in_lines) {
                line.pixels = input + y * layer->in_line;
                fill(&line, layer->pad_length, slot, ring);
            } else {
                fill_padding(zeros, layer->line_words, slot, ring);
            }
        }
        run_line(layer, size, some, ring, top % size->lines, output);
    }
}

void nnc_depthwise_s8(const nnc_depthwise_s8_layer *layer, const int8_t *input,
                      const int8_t *weights, const int32_t *bias, const int32_t *formulas,
                      int32_t formula_step, int8_t *output, int8_t *ring) {
    extents size;
    size.lines = (layer->kernel_lines - 1) * layer->dilation_lines + 1;
    size.length = (layer->kernel_length - 1) * layer->dilation_length + 1;
    size.pairs = size.length / 2 + 1;
    const bool small = layer->blocks != NULL;
    const planes words = {(uint32_t *)(void *)ring, size.lines * layer->line_words,
                          small ? 2 : layer->line_words, small ? 2 * SMALL : 2};
    group some;
    some.weights = words.words + CHANNELS * words.plane;
    some.step = 2 * size.lines * size.pairs;
    some.constants = (nnc_depthwise_s8_channel *)(void *)(some.weights + CHANNELS * some.step);
    const uint32_t zeros = nnc_pair(layer->zero_point, layer->zero_point);
    for (int32_t k = 0; k < CHANNELS * words.plane; ++k) {
        words.words[k] = zeros;
    }
    for (int32_t n = 0; n < layer->batches; ++n) {
        for (int32_t c = 0; c < layer->channels; c += CHANNELS) {
            some.count = nnc_min32(CHANNELS, layer->channels - c);
            for (int32_t k = 0; k < some.count; ++k) {
                nnc_depthwise_s8_channel *const to = &some.constants[k];
                to->sum2 = nnc_wrap_add32(bias[c + k], bias[c + k]);
                to->out_pixel = layer->out_pixel;
                memcpy(to->formula, formulas + (c + k) * formula_step, sizeof to->formula);
                to->out_min = layer->out_min;
                to->out_max = layer->out_max;
                if (small) {
                    widen_3x3(layer, weights + c + k, some.weights + k * some.step);
                } else {
                    widen_any(layer, &size, weights + c + k, some.weights + k * some.step);
                }
            }
            run_group(layer, &size, input + c, &some, &words, output + c);
        }
        input += layer->in_lines * layer->in_length * layer->channels;
        output += layer->out_lines * layer->out_length * layer->channels;
    }
}
