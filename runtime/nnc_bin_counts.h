/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of binary activations: counts of mismatches in four lanes of 8 bits.
 *
 * A file that includes this has defined CONTEXT.
 */
#ifndef NNC_BIN_COUNTS_H
#define NNC_BIN_COUNTS_H

#include "nnc_bin_conv.h"

#define LANES 4
#define CHANNEL_BITS 1
#define SKIPS_OUTSIDE(g) ((g)->padding == NULL)

/* What the rows of the kernel outside the image count, for an output row, where they are real
 * zeros: half of their size. */
static inline int32_t nnc_bin_padded(const nnc_bin_geometry *g, const nnc_bin_block *block) {
    if (g->padding != NULL) {
        return 0;
    }
    int32_t rows = 0;
    for (uint32_t outside = nnc_bin_rows_outside(g, block, LANES); outside != 0; outside >>= 1) {
        rows += (int32_t)(outside & 1U);
    }
    return rows * g->kernel_width * (g->depth * g->unit / 2);
}

static inline uint32_t nnc_bin_outside(uint32_t inside) {
    return inside ^ 0x01010101U;
}

#endif /* NNC_BIN_COUNTS_H */
