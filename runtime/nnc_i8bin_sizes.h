/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions of int8 activations for the three sizes of a table's entries, and for kernels
 * of three columns; see nnc_bin_loops.h.
 */
#define CHANNEL_BITS 8
#define SKIPS_OUTSIDE(g) 1

#define CONVOLVE convolve4
#define ADD_CHANNELS add_channels4
#define ADD_ROW add_row4
#define LUT nnc_i8bin_lut4
#define MAKE_WORD(g, table, pixels, channels, inside) \
    (void)(inside), nnc_i8bin_table4(table, (const int8_t *)(pixels)[0], \
                                        (const int8_t *)(pixels)[1], channels)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#define CONVOLVE convolve8
#define ADD_CHANNELS add_channels8
#define ADD_ROW add_row8
#define LUT nnc_i8bin_lut8
#define MAKE_WORD(g, table, pixels, channels, inside) \
    (void)(inside), nnc_i8bin_table8(table, (const int8_t *)(pixels)[0], \
                                        (const int8_t *)(pixels)[1], channels)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#define CONVOLVE convolve8x3
#define ADD_CHANNELS add_channels8x3
#define ADD_ROW add_row8x3
#define LUT nnc_i8bin_lut8x3
#define MAKE_WORD(g, table, pixels, channels, inside) \
    (void)(inside), nnc_i8bin_table8(table, (const int8_t *)(pixels)[0], \
                                        (const int8_t *)(pixels)[1], channels)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#define CONVOLVE convolve16
#define ADD_CHANNELS add_channels16
#define ADD_ROW add_row16
#define LUT nnc_i8bin_lut16
#define MAKE_WORD(g, table, pixels, channels, inside) \
    (void)(inside), nnc_i8bin_table16(table, (const int8_t *)(pixels)[0], \
                                        (const int8_t *)(pixels)[1], channels)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#include "nnc_i8bin_patch.h"
