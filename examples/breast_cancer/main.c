/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classifies one tumour with the compiled classifier. Beside `nnc compile
 * examples/breast_cancer/breast_cancer.onnx -o build/cancer --target cortex-m4 --name cancer`, build
 * with `cc -Ibuild/cancer build/cancer/[cn]*.c examples/breast_cancer/main.c -lm`.
 */
#include <stdio.h>

#include "cancer.h"

/* The first row of the test set: means, errors and worst values of ten features of cell nuclei. */
static const float row[CANCER_INPUT_X_ELEMENTS] = {
    13.4f, 20.52f, 88.64f, 556.7f, 0.1106f,
    0.1469f, 0.1445f, 0.08172f, 0.2116f, 0.07325f,
    0.3906f, 0.9306f, 3.093f, 33.67f, 0.005414f,
    0.02265f, 0.03452f, 0.01334f, 0.01705f, 0.004005f,
    16.41f, 29.66f, 113.3f, 844.4f, 0.1574f,
    0.3856f, 0.5106f, 0.2051f, 0.3585f, 0.1109f,
};

/* Of 64-bit words, for an arena aligned to 8 bytes. */
static uint64_t arena[(CANCER_ARENA_BYTES + 7) / 8];
static cancer_context context;

int main(void) {
    int status = cancer_init(&context, arena, sizeof arena);
    if (status != NNC_OK) {
        return 1;
    }

    float *input = cancer_input_X(&context);
    for (int i = 0; i < CANCER_INPUT_X_ELEMENTS; i++) {
        input[i] = row[i];
    }

    status = cancer_run(&context);
    if (status != NNC_OK) {
        return 1;
    }

    const int32_t label = *cancer_output_label(&context);
    const float *scores = cancer_output_probabilities(&context);
    printf("%s, probability %.2f\n", cancer_output_label_names[label], (double)scores[label]);
    return 0;
}
