/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognises one handwritten digit with the compiled network. Beside `nnc compile
 * examples/digits/digits_int8.tflite -o build/digits --target cortex-m4 --name digits`, build with
 * `cc -Ibuild/digits build/digits/[dn]*.c examples/digits/main.c -lm`.
 */
#include <stdio.h>

#include "digits.h"

#define WHITE 16

static const uint8_t image[64] = {
    0, 0, 6, 14, 11, 0,  0, 0, /* ..+#+... */
    0, 3, 16, 9, 16, 0,  0, 0, /* ..#+#... */
    0, 3, 7, 5,  12, 0,  0, 0, /* ..+++... */
    0, 0, 1, 14, 8,  2,  0, 0, /* ...#+... */
    0, 0, 2, 16, 16, 16, 4, 0, /* ...###+. */
    0, 0, 0, 0,  0,  11, 8, 0, /* .....++. */
    0, 0, 0, 4,  10, 15, 2, 0, /* ...++#.. */
    0, 0, 5, 16, 12, 4,  0, 0, /* ..+#++.. */
};

/* Of 64-bit words, for an arena aligned to 8 bytes. */
static uint64_t arena[(DIGITS_ARENA_BYTES + 7) / 8];
static digits_context context;

int main(void) {
    int status = digits_init(&context, arena, sizeof arena);
    if (status != NNC_OK) {
        return 1;
    }

    /* The input stores a real value, a pixel divided by 16, as 255 times it less 128. */
    int8_t *input = digits_input_image(&context);
    for (int i = 0; i < DIGITS_INPUT_IMAGE_ELEMENTS; i++) {
        input[i] = (int8_t)((image[i] * 255 + WHITE / 2) / WHITE - 128);
    }

    status = digits_run(&context);
    if (status != NNC_OK) {
        return 1;
    }

    const int8_t *scores = digits_output_output_0(&context);
    int best = 0;
    for (int i = 1; i < DIGITS_OUTPUT_OUTPUT_0_ELEMENTS; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    printf("digit %d, probability %.2f\n", best, (scores[best] + 128) / 256.0);
    return 0;
}
