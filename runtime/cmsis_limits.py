"""
Why: some public functions of CMSIS-NN are wrong for some parameters, or refuse them at run time.
The compiler must know before it chooses one.

Each function says why the library's function of the same name must not be used, or None when it
gives what its documentation says. Our portable implementations have none of these limits. All of
them were found by comparing the library (7.x, of July 2026) with ours on random parameters, and
explained from its sources. Shapes are NHWC, `padding` is top, bottom, left, right.
"""

from collections.abc import Sequence

from nnc.boards import Core
from nnc.runtime.cmsis_buffer_sizes import Shape, is_reversed, is_row

LARGEST_EXTENT = 32767
"""Coordinates are kept in 16 bits."""

LARGEST_TAPS = 65535
"""The taps of an output are counted in 16 bits."""

LARGEST_S16_TAPS = 512
"""As many products of int16 and int8 fit an int32 sum; the last of an odd number of pixels has no
other."""

LARGEST_SOFTMAX_ROW = 511
"""The sum of as many exponentials fits TFLite's fixed-point format."""


def _size_problem(source: Shape, weights: Shape, taps: int) -> str | None:
    if max(*source[1:3], *weights[1:3]) > LARGEST_EXTENT:
        return f"an extent is larger than {LARGEST_EXTENT}"
    return f"it has more than {LARGEST_TAPS} taps" if taps > LARGEST_TAPS else None


def _row_problem(
    source: Shape, weights: Shape, output: Shape, stride: int, padding: int
) -> str | None:
    """What is wrong with the 1xN path on Helium: it copies one row for all outputs that reach
    into the right border, with as many columns of the input as the first of them has only if
    that one reaches a single column far."""
    total = (output[2] - 1) * stride + weights[2] - source[2]
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


def convolve_wrapper_s8(
    core: Core,
    source: Shape,
    weights: Shape,
    output: Shape,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: Sequence[int],
) -> str | None:
    """`arm_convolve_wrapper_s8`. A grouped one needs a bias. Images of one row can be passed as
    images of one column where the row is refused: the memory is the same."""
    problem = _size_problem(source, weights, weights[1] * weights[2] * weights[3])
    if problem or not core.has_mve:
        return problem
    if is_row(source, weights, strides=strides, dilations=dilations):
        return _row_problem(source, weights, output, strides[1], padding[2])
    return None


def convolve_wrapper_s16(core: Core, source: Shape, weights: Shape) -> str | None:
    """`arm_convolve_wrapper_s16`."""
    del core
    if source[3] != weights[3]:
        return "it is grouped, and the 16-bit convolution knows no groups"
    taps = weights[1] * weights[2] * weights[3]
    if taps > LARGEST_S16_TAPS:
        return f"it has more than {LARGEST_S16_TAPS} taps"
    return _size_problem(source, weights, taps)


def depthwise_conv_wrapper_s8(
    core: Core,
    source: Shape,
    weights: Shape,
    output: Shape,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: Sequence[int],
) -> str | None:
    """`arm_depthwise_conv_wrapper_s8`; with one input channel it is a convolution on Helium."""
    if source[3] == 1 and output[3] > 1:
        filters = (weights[3], weights[1], weights[2], 1)
        return convolve_wrapper_s8(
            core, source, filters, output, strides=strides, dilations=dilations, padding=padding
        )
    return _size_problem(source, weights, weights[1] * weights[2])


def depthwise_conv_wrapper_s16(core: Core, source: Shape, weights: Shape) -> str | None:
    """`arm_depthwise_conv_wrapper_s16`."""
    del core
    return _size_problem(source, weights, weights[1] * weights[2])


def transpose_conv_wrapper_s8(
    source: Shape,
    weights: Shape,
    output: Shape,
    *,
    strides: Sequence[int],
    padding: Sequence[int],
) -> str | None:
    """`arm_transpose_conv_wrapper_s8`: it writes as many rows as kernel and stride give, whatever
    the output's height is, and reads as many columns as the output has."""
    (top, left), (kernel_h, kernel_w) = (padding[0], padding[2]), weights[1:3]
    if is_reversed(source, strides):
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


def softmax(row_size: int) -> str | None:
    """`arm_softmax_s8` and `arm_softmax_s8_s16`; TFLite's reference has the same limit."""
    if row_size > LARGEST_SOFTMAX_ROW:
        return f"a row of {row_size} is more than {LARGEST_SOFTMAX_ROW}"
    return None


def elementwise_add_s8(core: Core, left_shift: int) -> str | None:
    """`arm_elementwise_add_s8`: with DSP instructions a sum keeps 16 bits of its neighbour."""
    if core.has_dsp and not core.has_mve and left_shift < 16:
        return f"its left shift {left_shift} is less than 16"
    return None


def extremum_s8(left: Shape, right: Shape) -> str | None:
    """`arm_minimum_s8` and `arm_maximum_s8`: equal shapes, or a scalar."""
    scalar = all(extent == 1 for extent in left) or all(extent == 1 for extent in right)
    return None if tuple(left) == tuple(right) or scalar else "its operands broadcast"


def transpose_s8(core: Core, permutation: Sequence[int]) -> str | None:
    """`arm_transpose_s8`: some paths swap the last two axes without being asked to."""
    identity = list(range(len(permutation)))
    if len(permutation) == 2 and list(permutation) == identity:
        return "it moves nothing"
    if core.has_mve and len(permutation) == 4 and list(permutation) == identity:
        return "it moves nothing"
    return None
