/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word holds four channels of a tap. Its even and its odd bytes are widened to halves of two
 * words, inputs with their offset added, and each half is multiplied by that of the weights.
 */
#include "nnc_depthwise_s8.h"

#include <stdbool.h>
#include <string.h>

#include "nnc_arith.h"

enum { CHANNELS = 4 };

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
#define USE_DSP 1
#else
#define USE_DSP 0
#endif

typedef struct {
    uint32_t even, odd;
} halves;

static inline uint32_t load(const int8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

#if !USE_DSP
static inline uint32_t even_halves(uint32_t word, uint32_t offsets) {
    const uint32_t low = (uint32_t)(int8_t)(uint8_t)(word & 0xFF) + offsets;
    const uint32_t high = (uint32_t)(int8_t)(uint8_t)(word >> 16 & 0xFF) + (offsets >> 16);
    return (low & UINT32_C(0xFFFF)) | high << 16;
}
#endif

/* The bytes of a word as signed halves, plus the halves of `offsets`. */
static inline halves widen(uint32_t word, uint32_t offsets) {
    halves result;
#if USE_DSP
    __asm__("sxtab16 %0, %1, %2" : "=r"(result.even) : "r"(offsets), "r"(word));
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result.odd) : "r"(offsets), "r"(word));
#else
    result.even = even_halves(word, offsets);
    result.odd = even_halves(word >> 8, offsets);
#endif
    return result;
}

static inline halves widen_weights(uint32_t word) {
#if USE_DSP
    halves result;
    __asm__("sxtb16 %0, %1" : "=r"(result.even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result.odd) : "r"(word));
    return result;
#else
    return widen(word, 0);
#endif
}

/* acc + the product of the lower or of the upper halves; sums of windows stay far below 2^31. */
static inline int32_t low_product(int32_t acc, uint32_t a, uint32_t b) {
#if USE_DSP
    int32_t result;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    return nnc_wrap_add32(acc, (int16_t)(uint16_t)a * (int16_t)(uint16_t)b);
#endif
}

static inline int32_t high_product(int32_t acc, uint32_t a, uint32_t b) {
#if USE_DSP
    int32_t result;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    return nnc_wrap_add32(acc, (int16_t)(uint16_t)(a >> 16) * (int16_t)(uint16_t)(b >> 16));
#endif
}

/* The taps of a window that lie inside the image. */
typedef struct {
    const int8_t *input, *weights;
    int32_t rows, columns;
    int32_t input_row, input_column, weight_row;
    uint32_t offsets;
} taps;

/* The sums of four channels, which start as the bias. */
static NNC_NOINLINE void sum(const taps *window, int32_t channel, int32_t channels,
                             int32_t acc[CHANNELS]) {
    const int8_t *input = window->input + channel;
    const int8_t *weights = window->weights + channel;
    const int32_t step = window->input_column;
    const uint32_t offsets = window->offsets;
    int32_t acc0 = acc[0], acc1 = acc[1], acc2 = acc[2], acc3 = acc[3];
    for (int32_t row = window->rows; row > 0; --row) {
        const int8_t *x = input, *w = weights;
        for (int32_t column = window->columns; column > 0; --column) {
            const halves a = widen(load(x), offsets), b = widen_weights(load(w));
            acc0 = low_product(acc0, a.even, b.even);
            acc1 = low_product(acc1, a.odd, b.odd);
            acc2 = high_product(acc2, a.even, b.even);
            acc3 = high_product(acc3, a.odd, b.odd);
            x += step;
            w += channels;
        }
        input += window->input_row;
        weights += window->weight_row;
    }
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
}

/* The tables of the requantisation, from one output channel on. */
typedef struct {
    const int32_t *multiplier, *shift;
    const int64_t *constant;
    int32_t step;
} tables;

static inline int8_t saturate(int32_t value) {
#if USE_DSP
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return (int8_t)result;
#else
    return nnc_saturate_i8(value);
#endif
}

/* Four channels; `fix` is a constant where this is called. */
static inline void store(const nnc_depthwise_s8_layer *layer, const int32_t acc[CHANNELS],
                         const tables *from, int32_t channel, bool fix, int8_t *to) {
    const int32_t first = channel * from->step;
    const int32_t *multiplier = from->multiplier + first, *shift = from->shift + first;
    const int64_t *constant = from->constant + first;
    const bool clamped = layer->out_min > INT8_MIN || layer->out_max < INT8_MAX;
    for (int32_t k = 0; k < CHANNELS; ++k) {
        const int32_t twice = nnc_wrap_add32(acc[k], acc[k]);
        const int64_t scaled = nnc_wrap_add64((int64_t)twice * *multiplier, *constant);
        int32_t value = (int32_t)(scaled >> 32);
        if (fix && *shift > 0) {
            value += twice >> 31;
        }
        value >>= *shift;
        to[k] = clamped ? nnc_clamp_i8(value, layer->out_min, layer->out_max) : saturate(value);
        multiplier += from->step;
        constant += from->step;
        shift += from->step;
    }
}

/* The first tap inside an axis, and how many there are. */
static inline int32_t first_tap(int32_t start, int32_t dilation) {
    return start >= 0 ? 0 : (-start + dilation - 1) / dilation;
}

static inline int32_t count_taps(int32_t start, int32_t dilation, int32_t kernel, int32_t extent,
                                 int32_t first) {
    const int32_t room = start >= extent ? 0 : (extent - 1 - start) / dilation + 1;
    return nnc_max32(nnc_min32(kernel, room) - first, 0);
}

void nnc_depthwise_s8(const nnc_depthwise_s8_layer *layer, const int8_t *input,
                      const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                      const int64_t *constant, const int32_t *shift, int32_t requant_step,
                      int8_t *output) {
    const int32_t channels = layer->channels, line = layer->in_width * channels;
    const uint32_t half = (uint32_t)layer->in_offset & UINT32_C(0xFFFF);
    const tables from = {multiplier, shift, constant, requant_step};
    taps window;
    window.offsets = half | half << 16;
    window.input_row = layer->dilation_y * line;
    window.input_column = layer->dilation_x * channels;
    window.weight_row = layer->kernel_width * channels;
    for (int32_t n = 0; n < layer->batches; ++n, input += layer->in_height * line) {
        for (int32_t oy = 0; oy < layer->out_height; ++oy) {
            const int32_t y = oy * layer->stride_y - layer->pad_top;
            const int32_t ky = first_tap(y, layer->dilation_y);
            window.rows =
                count_taps(y, layer->dilation_y, layer->kernel_height, layer->in_height, ky);
            for (int32_t ox = 0; ox < layer->out_width; ++ox) {
                const int32_t x = ox * layer->stride_x - layer->pad_left;
                const int32_t kx = first_tap(x, layer->dilation_x);
                window.columns =
                    count_taps(x, layer->dilation_x, layer->kernel_width, layer->in_width, kx);
                window.weights = weights + ky * window.weight_row + kx * channels;
                window.input = input;
                if (window.rows > 0 && window.columns > 0) {
                    window.input += (y + ky * layer->dilation_y) * line +
                                    (x + kx * layer->dilation_x) * channels;
                }
                for (int32_t c = 0; c < channels; c += CHANNELS) {
                    int32_t acc[CHANNELS];
                    memcpy(acc, bias + c, sizeof acc);
                    sum(&window, c, channels, acc);
                    if (layer->fix != 0) {
                        store(layer, acc, &from, c, true, output);
                    } else {
                        store(layer, acc, &from, c, false, output);
                    }
                    output += CHANNELS;
                }
            }
        }
    }
}
