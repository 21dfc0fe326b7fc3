/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops of binary depthwise convolutions.
 *
 * A file that includes this has defined CONTEXT (what its epilogue needs to know) and
 * finish(context, d, pixel, word, planes, taps), which stores 32 channels of a pixel, of which `taps`
 * positions count.
 */
#ifndef NNC_BIN_DEPTHWISE_LOOPS_H
#define NNC_BIN_DEPTHWISE_LOOPS_H

#include "nnc_arith.h"
#include "nnc_bin_depthwise.h"

#define PLANES 16

/* The positions of the kernel that lie in the image, for a pixel. */
typedef struct {
    int32_t first_y;
    int32_t end_y;
    int32_t first_x;
    int32_t end_x;
} inside;

static inline int32_t first_inside(int32_t start, int32_t dilation) {
    return start >= 0 ? 0 : (-start + dilation - 1) / dilation;
}

static inline int32_t end_inside(int32_t start, int32_t dilation, int32_t kernel, int32_t extent) {
    const int32_t room = start >= extent ? 0 : (extent - 1 - start) / dilation + 1;
    return nnc_min32(kernel, room);
}

/* Counters of 32 channels: the bits of weight 1, 2, 4 and 8; the others are words of memory. */
typedef struct {
    uint32_t one, two, four, eight;
} counters;

/* Adds three words. */
static inline void add(counters *to, uint32_t *planes, int32_t count_planes, uint32_t a,
                       uint32_t b, uint32_t c) {
    const uint32_t half = a ^ b;
    const uint32_t twos = (a & b) | (half & c);
    const uint32_t ones = half ^ c;
    const uint32_t carried = to->one & ones;
    to->one ^= ones;
    const uint32_t odd = to->two ^ twos;
    const uint32_t fours = (to->two & twos) | (odd & carried);
    to->two = odd ^ carried;
    const uint32_t eights = to->four & fours;
    to->four ^= fours;
    uint32_t sixteens = to->eight & eights;
    to->eight ^= eights;
    for (int32_t i = 4; i < count_planes; ++i) {
        const uint32_t before = planes[i];
        planes[i] = before ^ sixteens;
        sixteens &= before;
    }
}

/* What is around the image, where it counts. */
static NNC_NOINLINE void add_around(const nnc_bin_depthwise *d, const inside *in,
                                    const uint32_t *weights, counters *to, uint32_t *planes) {
    const int32_t words = (d->channels + 31) / 32;
    const uint32_t around = d->pad_value < 0 ? 0xFFFFFFFFU : 0;
    for (int32_t ky = 0; ky < d->kernel_height; ++ky) {
        const int32_t row_inside = ky >= in->first_y && ky < in->end_y;
        for (int32_t kx = 0; kx < d->kernel_width; ++kx, weights += words) {
            if (!row_inside || kx < in->first_x || kx >= in->end_x) {
                add(to, planes, d->count_planes, around ^ *weights, 0, 0);
            }
        }
    }
}

/* Counts of mismatches of 32 channels, in planes. Returns how many positions count. The window starts
 * at the word `start` of the image, which may be outside of it. */
static inline int32_t count(const nnc_bin_depthwise *d, const inside *in, const uint32_t *image,
                            int32_t start, const uint32_t *weights, uint32_t *planes) {
    const int32_t words = (d->channels + 31) / 32;
    const int32_t step = d->dilation_x * words;
    const int32_t count_planes = d->count_planes;
    const int32_t columns = nnc_max32(in->end_x - in->first_x, 0);
    const int32_t rows = nnc_max32(in->end_y - in->first_y, 0);
    counters found = {0, 0, 0, 0};
    for (int32_t i = 4; i < count_planes; ++i) {
        planes[i] = 0;
    }
    for (int32_t row = 0; row < rows && columns > 0; ++row) {
        const int32_t ky = in->first_y + row;
        const uint32_t *x =
            image + (start + ky * d->dilation_y * d->in_width * words + in->first_x * step);
        const uint32_t *w = weights + (ky * d->kernel_width + in->first_x) * words;
        int32_t left = columns;
        for (; left >= 3; left -= 3, x += 3 * step, w += 3 * words) {
            add(&found, planes, count_planes, x[0] ^ w[0], x[step] ^ w[words],
                x[2 * step] ^ w[2 * words]);
        }
        if (left > 0) {
            add(&found, planes, count_planes, x[0] ^ w[0], left > 1 ? x[step] ^ w[words] : 0, 0);
        }
    }
    if (d->pad_value != 0) {
        if (rows < d->kernel_height || columns < d->kernel_width) {
            add_around(d, in, weights, &found, planes);
        }
    }
    planes[0] = found.one;
    planes[1] = found.two;
    planes[2] = found.four;
    planes[3] = found.eight;
    return d->pad_value != 0 ? d->kernel_height * d->kernel_width : rows * columns;
}

static void convolve(const CONTEXT *context, const nnc_bin_depthwise *d, const uint32_t *input,
                     const uint32_t *weights) {
    const int32_t words = (d->channels + 31) / 32;
    int32_t pixel = 0;
    uint32_t planes[PLANES] = {0};
    inside in;
    for (int32_t n = 0; n < d->batches; ++n) {
        for (int32_t oy = 0; oy < d->out_height; ++oy) {
            const int32_t y = oy * d->stride_y - d->pad_top;
            in.first_y = first_inside(y, d->dilation_y);
            in.end_y = end_inside(y, d->dilation_y, d->kernel_height, d->in_height);
            for (int32_t ox = 0; ox < d->out_width; ++ox, ++pixel) {
                const int32_t x = ox * d->stride_x - d->pad_left;
                in.first_x = first_inside(x, d->dilation_x);
                in.end_x = end_inside(x, d->dilation_x, d->kernel_width, d->in_width);
                for (int32_t word = 0; word < words; ++word) {
                    const int32_t start = (y * d->in_width + x) * words + word;
                    const int32_t taps = count(d, &in, input, start, weights + word, planes);
                    finish(context, d, pixel, word, planes, taps);
                }
            }
        }
        input += d->in_height * d->in_width * words;
    }
}

#endif /* NNC_BIN_DEPTHWISE_LOOPS_H */
