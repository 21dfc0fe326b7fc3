"""
Why: some public functions of CMSIS-NN are wrong for some parameters, or refuse them at run time.
The compiler must know before it chooses one.

Each function says why the library's function of the same name must not be used, or None when it
gives what its documentation says. Our portable implementations have none of these limits, but for
`pool` and `softmax`. All of them were found by comparing the library (7.x, of July 2026) with ours
on random parameters, and explained from its sources.
"""

from __future__ import annotations

from collections.abc import Sequence

from nnc.boards import Core
from nnc.runtime.cmsis_buffer_sizes import (
    Geometry,
    Shape,
    as_convolution,
    is_3x3,
    is_fast_s16,
    is_pointwise,
    is_reversed,
    is_row,
)

LARGEST_EXTENT = 32767
"""Coordinates are kept in 16 bits."""

LARGEST_TAPS = 65535
"""The taps of an output are counted in 16 bits."""

LARGEST_S16_WEIGHTS = 65535
"""The sum of absolute weights whose products with any int16 inputs fit an int32 sum."""

S16_SHORT_TAPS = 512
"""So many products of a 64-bit sum are first added up in 32 bits (`MAX_COL_COUNT`)."""

LARGEST_SOFTMAX_ROW = 511
"""The sum of as many exponentials fits TFLite's fixed-point format."""

LARGEST_GATHER = 65535
"""The Helium kernel for transposition has offsets of 16 bits, of which it needs eight columns."""


def outside(layer: Geometry) -> str | None:
    """Windows that do not touch the input: some kernels clear more than their scratch for them."""
    for axis, name in ((0, "height"), (1, "width")):
        extent, outputs = layer.source[axis + 1], layer.output[axis + 1]
        reach = (layer.weights[axis + 1] - 1) * layer.dilations[axis] + 1
        before = layer.padding[2 * axis]
        last = (outputs - 1) * layer.strides[axis] - before
        if before >= reach or last >= extent:
            return f"a window lies beside its input of {name} {extent}"
    return None


def _size_problem(layer: Geometry, taps: int) -> str | None:
    if max(*layer.source[1:3], *layer.weights[1:3]) > LARGEST_EXTENT:
        return f"an extent is larger than {LARGEST_EXTENT}"
    if taps > LARGEST_TAPS:
        return f"it has more than {LARGEST_TAPS} taps"
    return outside(layer)


def _row_problem(layer: Geometry) -> str | None:
    """What is wrong with the 1xN path on Helium: it copies one row for all outputs that reach
    into the right border, with as many columns of the input as the first of them has only if
    that one reaches a single column far."""
    stride, padding = layer.strides[1], layer.padding[2]
    total = (layer.output[2] - 1) * stride + layer.weights[2] - layer.source[2]
    right = total - padding
    outputs = -(-right // stride)
    if total < 0:
        return "its last columns are not read, which the Helium kernel for one row does not expect"
    if padding != total // 2:
        return "its padding is not that of TFLite's SAME or VALID"
    one_column = right == (outputs - 1) * stride + 1
    if right <= 1 or stride == 1 or (total % 2 == 0 and one_column):
        return None
    return (
        f"the Helium kernel for one row is wrong for a right border of {right} at stride {stride}"
    )


def convolve_wrapper_s8(core: Core, layer: Geometry) -> str | None:
    """`arm_convolve_wrapper_s8`. A grouped one needs a bias. Images of one row can be passed as
    images of one column where the row is refused: the memory is the same."""
    problem = _size_problem(layer, layer.taps)
    if problem or not core.has_mve or is_pointwise(layer) or not is_row(layer):
        return problem
    return _row_problem(layer)


def convolve_wrapper_s16(core: Core, layer: Geometry, weights: int, accumulator: int) -> str | None:
    """`arm_convolve_wrapper_s16`; `weights` is the largest sum of absolute weights that an output
    has, `accumulator` its bits: sums of 64 bits begin as sums of 32."""
    if layer.source[3] != layer.weights[3]:
        return "it is grouped, and the 16-bit convolution knows no groups"
    odd = layer.weights[0] % 2 == 1 and layer.taps % 4 != 0 and layer.taps > S16_SHORT_TAPS
    if accumulator == 64 and odd and core.has_dsp and not core.has_mve:
        return f"its last output would read too far, as it has more than {S16_SHORT_TAPS} taps"
    if accumulator == 64 and weights > LARGEST_S16_WEIGHTS:
        return f"its weights add up to {weights}, and more than {LARGEST_S16_WEIGHTS} may overflow"
    return _size_problem(layer, layer.taps)


def depthwise_conv_wrapper_s8(core: Core, layer: Geometry) -> str | None:
    """`arm_depthwise_conv_wrapper_s8`; with one input channel it is a convolution on Helium."""
    if core.has_mve and layer.source[3] == 1 and layer.output[3] > 1:
        return convolve_wrapper_s8(core, as_convolution(layer))
    problem = _size_problem(layer, layer.window)
    if problem or not is_3x3(core, layer):
        return problem
    last = (layer.output[2] - 1) * layer.strides[1] - layer.padding[2]
    if last > layer.source[2] - 2:
        return "the 3x3 kernel reads the middle column of a window even where it is padding"
    return None


def depthwise_conv_wrapper_s16(core: Core, layer: Geometry, weights: int) -> str | None:
    """`arm_depthwise_conv_wrapper_s16`; `weights` is the largest sum of absolute weights that an
    output has, which the fast path adds up in 32 bits."""
    if is_fast_s16(core, layer) and weights > LARGEST_S16_WEIGHTS:
        return f"its weights add up to {weights}, and more than {LARGEST_S16_WEIGHTS} may overflow"
    return _size_problem(layer, layer.window)


def transpose_conv_wrapper_s8(layer: Geometry) -> str | None:
    """`arm_transpose_conv_wrapper_s8`: it writes as many rows as kernel and stride give, whatever
    the output's height is, and reads as many columns as the output has."""
    (top, left), (kernel_h, kernel_w) = (layer.padding[0], layer.padding[2]), layer.weights[1:3]
    source, output, strides = layer.source, layer.output, layer.strides
    if is_reversed(layer):
        too_far = top >= kernel_h or left >= kernel_w
        return "its padding is as large as its kernel" if too_far else None
    rows = source[1] * strides[0] - top
    if not 0 <= rows <= output[1] <= rows + max(0, kernel_h - strides[0]):
        return f"its output height {output[1]} is not what its kernel and stride produce"
    columns = (source[2] - 1) * strides[1] + max(kernel_w, strides[1]) - left
    if output[2] > columns:
        return f"its output width {output[2]} is more than the {columns} it produces"
    return None


def fully_connected_per_channel_s8(core: Core, filter_offset: int) -> str | None:
    """`arm_fully_connected_per_channel_s8`, also behind the wrapper."""
    if core.has_mve and filter_offset != 0:
        return "with Helium, weights of many scales must have the zero point 0"
    return None


def fully_connected_s16(core: Core, weights: int) -> str | None:
    """`arm_fully_connected_s16`; `weights` is the largest sum of absolute weights of an output,
    which cores with DSP instructions begin to add up in 32 bits."""
    if core.has_dsp and weights > LARGEST_S16_WEIGHTS:
        return f"its weights add up to {weights}, and more than {LARGEST_S16_WEIGHTS} may overflow"
    return None


def requantize_s64(largest: int, multiplier: int, shift: int) -> str | None:
    """What all 16-bit functions with 64-bit accumulators end in: `largest` is the absolute value of
    an accumulator, `multiplier` has 16 bits. They keep twice the result in 32 bits."""
    if shift > 14 or largest * multiplier >> (14 - shift) > (1 << 31) - 2:
        return "its results before the clamp may need more than 31 bits"
    return None


def pool(layer: Geometry, bits: int) -> str | None:
    """The pooling functions, ours included: averages are sums of 32 bits."""
    taps = layer.window
    if bits == 16 and taps > LARGEST_TAPS:
        return f"its window has more than {LARGEST_TAPS} pixels"
    return outside(layer)


def softmax(row_size: int) -> str | None:
    """`arm_softmax_s8` and `arm_softmax_s8_s16`, ours included; TFLite's reference has the same
    limit."""
    if row_size > LARGEST_SOFTMAX_ROW:
        return f"a row of {row_size} is more than {LARGEST_SOFTMAX_ROW}"
    return None


def softmax_s16() -> str:
    """`arm_softmax_s16`, for any layer: with TFLite's tables the share of an element that outweighs
    all others comes out as 32768, which becomes -32768 where TFLite saturates; and so wrap large
    sums."""
    return "shares of almost 1 wrap around to -1"


def elementwise_add_s8(core: Core, left_shift: int) -> str | None:
    """`arm_elementwise_add_s8`: with DSP instructions a sum keeps 16 bits of its neighbour."""
    if core.has_dsp and not core.has_mve and left_shift < 16:
        return f"its left shift {left_shift} is less than 16"
    return None


def extremum_s8(left: Shape, right: Shape) -> str | None:
    """`arm_minimum_s8` and `arm_maximum_s8`: with several rows, operands must have one shape or one
    must be a scalar. Most other broadcasts can be passed as images of one row."""
    scalar = all(extent == 1 for extent in left) or all(extent == 1 for extent in right)
    one_row = left[1] == right[1] == 1
    return None if tuple(left) == tuple(right) or scalar or one_row else "its operands broadcast"


def transpose_s8(core: Core, shape: Shape, permutation: Sequence[int]) -> str | None:
    """`arm_transpose_s8`: some paths swap the last two axes without being asked to, and keep their
    extents in 16 bits."""
    identity = list(range(len(permutation)))
    swapped = len(permutation) == 2 or (core.has_mve and len(permutation) == 4)
    if swapped and list(permutation) == identity:
        return "it moves nothing"
    kept = list(permutation[:-2]) == identity[:-2]
    if not swapped or not kept:
        return None
    rows, columns = shape[-2:]
    if rows > LARGEST_GATHER or columns > LARGEST_GATHER:
        return f"an extent is larger than {LARGEST_GATHER}"
    if core.has_mve and 7 * columns > LARGEST_GATHER:
        return f"its rows of {columns} are too long for the Helium kernel"
    return None
