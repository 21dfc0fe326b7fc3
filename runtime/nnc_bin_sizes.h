/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions of binary activations for the three sizes of a table's entries, and for kernels
 * of three columns; see nnc_bin_loops.h.
 */

#define CONVOLVE convolve4
#define ADD_CHANNELS add_channels4
#define ADD_ROW add_row4
#define LUT nnc_bin_lut4
#define MAKE_WORD(g, table, pixels, channels, inside) \
    nnc_bin_table4(table, pixels, channels, (inside) * (uint32_t)(g)->unit, \
                    nnc_bin_outside(inside), (g)->unit)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#define CONVOLVE convolve8
#define ADD_CHANNELS add_channels8
#define ADD_ROW add_row8
#define LUT nnc_bin_lut8
#define MAKE_WORD(g, table, pixels, channels, inside) \
    nnc_bin_table8(table, pixels, channels, (inside) * (uint32_t)(g)->unit, \
                    nnc_bin_outside(inside), (g)->unit)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#define CONVOLVE convolve8x3
#define ADD_CHANNELS add_channels8x3
#define ADD_ROW add_row8x3
#define LUT nnc_bin_lut8x3
#define MAKE_WORD(g, table, pixels, channels, inside) \
    nnc_bin_table8(table, pixels, channels, (inside) * (uint32_t)(g)->unit, \
                    nnc_bin_outside(inside), (g)->unit)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD

#define CONVOLVE convolve16
#define ADD_CHANNELS add_channels16
#define ADD_ROW add_row16
#define LUT nnc_bin_lut16
#define MAKE_WORD(g, table, pixels, channels, inside) \
    nnc_bin_table16(table, pixels, channels, (inside) * (uint32_t)(g)->unit, \
                    nnc_bin_outside(inside), (g)->unit)
#include "nnc_bin_loops.h"
#undef CONVOLVE
#undef ADD_CHANNELS
#undef ADD_ROW
#undef LUT
#undef MAKE_WORD
