"""
Why: scratch is planned at compile time, so the rules by which CMSIS-NN asks for it must be known
here, for every core, without the library.

Each function gives the bytes that the library's function of the same name wants in its
`cmsis_nn_context` on a core; our portable implementations (`nnc_cmsis_*`) want none at all. Shapes
are NHWC as in the library, `padding` is top, bottom, left, right. The rules are those of the
`*_get_buffer_size` functions of CMSIS-NN 7, except where a comment says that those are wrong.

Buffers hold int32 or less: an alignment of 4 bytes suffices.
"""

from collections.abc import Sequence
from typing import NamedTuple

from nnc.boards import Core

Shape = Sequence[int]
"""Extents of a tensor, NHWC; a filter is (outputs, h, w, inputs of a group)."""

MVE_CHANNEL_BLOCK = 124
"""Channels that the Helium depthwise kernel takes at a time (`CH_IN_BLOCK_MVE`)."""

REVERSIBLE_DEPTH = 16
"""Input channels above which a transposed convolution runs as a convolution of the enlarged input
with the filter turned around (`REVERSE_TCOL_EFFICIENT_THRESHOLD`)."""

S16_FAST_TAPS = 512
"""A 16-bit depthwise kernel of as many taps or more takes the path without scratch."""


class TransposeConvBytes(NamedTuple):
    """Bytes of the two contexts of `arm_transpose_conv_wrapper_s8`, in its order."""

    context: int
    output_context: int


class SvdfBytes(NamedTuple):
    """Bytes of the three contexts of `arm_svdf_s8`; the 16-bit one has no `kernel_sums`.

    `kernel_sums` holds what `arm_vector_sum_s8` makes of the feature weights: constants, which may
    lie in flash.
    """

    kernel_sums: int
    input_context: int
    output_context: int


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _divide(numerator: int, denominator: int) -> int:
    """C's division: truncating. The denominator is positive."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def is_pointwise(
    source: Shape, weights: Shape, *, dilations: Sequence[int], padding: Sequence[int]
) -> bool:
    """Whether the library takes its path for 1x1 convolutions."""
    no_border = padding[0] == 0 and padding[2] == 0
    ungrouped = source[3] == weights[3]
    return no_border and tuple(weights[1:3]) == (1, 1) and tuple(dilations) == (1, 1) and ungrouped


def is_row(
    source: Shape, weights: Shape, *, strides: Sequence[int], dilations: Sequence[int]
) -> bool:
    """Whether the library takes its path for 1xN convolutions of images of one row."""
    one_row = source[1] == 1 and weights[1] == 1
    aligned = strides[1] * source[3] % 4 == 0
    return one_row and dilations[1] == 1 and aligned and source[3] == weights[3]


def _im2col_s8(core: Core, source: Shape, weights: Shape) -> int:
    taps = source[3] * weights[1] * weights[2]
    if core.has_mve:
        return 4 * _round_up(taps, 16)
    return 2 * 2 * _round_up(taps, 4)


def _row_s8_mve(
    source: Shape, weights: Shape, output: Shape, stride: int, padding: int
) -> int | None:
    """Bytes of the 1xN path on Helium, None where it falls back to the general one."""
    depth, width, kernel, pixels = source[3], source[2], weights[2], output[2]
    total = (pixels - 1) * stride + kernel - width
    odd = total - 2 * _divide(total, 2)
    right = padding + odd
    right_pixels = max(1, _divide(right + stride - 1, stride)) if right != 0 else 0
    left_pixels = max(1, _divide(padding + stride - 1, stride)) if padding != 0 else 0
    inner_pixels = max(pixels - right_pixels - left_pixels, 0)
    if left_pixels + inner_pixels + right_pixels != pixels:
        return None
    right_columns = right_pixels if odd else padding
    return depth * max(kernel + padding, kernel - 1 + right_columns)


def convolve_wrapper_s8(
    core: Core,
    source: Shape,
    weights: Shape,
    output: Shape,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: Sequence[int],
    armclang: bool = False,
) -> int:
    """Bytes for `arm_convolve_wrapper_s8`; `armclang`: the library was built with it."""
    if is_pointwise(source, weights, dilations=dilations, padding=padding):
        unrolled = armclang and core.has_dsp and not core.has_mve and tuple(strides) == (1, 1)
        return 2 * 2 * source[3] if unrolled else 0
    if core.has_mve and is_row(source, weights, strides=strides, dilations=dilations):
        row = _row_s8_mve(source, weights, output, strides[1], padding[2])
        if row is not None:
            return row
    return _im2col_s8(core, source, weights)


def convolve_wrapper_s16(core: Core, source: Shape, weights: Shape) -> int:
    """Bytes for `arm_convolve_wrapper_s16`."""
    taps = source[3] * weights[1] * weights[2]
    return 4 * 2 * _round_up(taps, 8) if core.has_mve else 2 * 2 * taps


def depthwise_conv_wrapper_s8(
    core: Core,
    source: Shape,
    weights: Shape,
    output: Shape,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: Sequence[int],
    armclang: bool = False,
) -> int:
    """Bytes for `arm_depthwise_conv_wrapper_s8`; the filter is (1, h, w, outputs)."""
    taps = weights[1] * weights[2]
    if core.has_mve and source[3] == 1 and output[3] > (8 if armclang else 1):
        # One input channel: run as a convolution, with the filter transposed into the scratch.
        as_convolution = convolve_wrapper_s8(
            core,
            source,
            (weights[3], weights[1], weights[2], weights[0]),
            output,
            strides=strides,
            dilations=dilations,
            padding=padding,
        )
        return as_convolution + taps * weights[3] * weights[0]
    if source[3] != output[3] or source[0] != 1 or tuple(dilations) != (1, 1):
        return 0
    if core.has_mve:
        return 4 * MVE_CHANNEL_BLOCK * taps
    three_by_three = tuple(weights[1:3]) == (3, 3) and padding[0] <= 1 and padding[2] <= 1
    return 2 * source[3] * taps if core.has_dsp and not three_by_three else 0


def depthwise_conv_wrapper_s16(
    core: Core, source: Shape, weights: Shape, output: Shape, *, dilations: Sequence[int]
) -> int:
    """Bytes for `arm_depthwise_conv_wrapper_s16`; the filter is (1, h, w, outputs)."""
    taps = weights[1] * weights[2]
    fast = source[3] == output[3] and tuple(dilations) == (1, 1) and taps < S16_FAST_TAPS
    if not fast or not core.has_dsp:
        return 0
    return 4 * 2 * source[3] * taps + 8 if core.has_mve else 2 * source[3] * taps


def is_reversed(source: Shape, strides: Sequence[int]) -> bool:
    """Whether the library runs a transposed convolution as a convolution."""
    return max(strides) <= 2 and source[3] > REVERSIBLE_DEPTH


def transpose_conv_wrapper_s8(
    core: Core, source: Shape, weights: Shape, output: Shape, *, strides: Sequence[int]
) -> TransposeConvBytes:
    """Bytes for `arm_transpose_conv_wrapper_s8`."""
    if is_reversed(source, strides):
        filter_bytes = weights[0] * weights[1] * weights[2] * source[3]
        return TransposeConvBytes(_im2col_s8(core, source, weights), filter_bytes)
    # The library's rule has the vertical stride in place of the horizontal one, which is less than
    # its kernel writes where the horizontal one is larger.
    columns = (source[2] - 1) * strides[1] + max(weights[2], *strides)
    rows = max(weights[1], strides[0])
    return TransposeConvBytes(4 * columns * rows * output[3], 0)


def fully_connected_s8(core: Core, outputs: int) -> int:
    """Bytes for `arm_fully_connected_s8`, its per-channel twin and the wrapper of both.

    On Helium they read there, and never write, what `arm_vector_sum_s8` makes of weights and bias:
    constants, which may lie in flash.
    """
    return 4 * outputs if core.has_mve else 0


def avgpool_s8(core: Core, output: Shape, source: Shape) -> int:
    """Bytes for `arm_avgpool_s8` and `arm_avgpool_s16`."""
    del output
    return 4 * source[3] if core.has_dsp and not core.has_mve else 0


def svdf_s8(core: Core, *, batches: int, filters: int, rank: int) -> SvdfBytes:
    """Bytes for `arm_svdf_s8`, and for `arm_svdf_state_s16_s8` without `kernel_sums`."""
    sums = 4 * filters if core.has_mve else 0
    return SvdfBytes(sums, 4 * batches * filters, 4 * batches * (filters // rank))
