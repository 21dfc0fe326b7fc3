"""
Why: scratch is planned at compile time, so the rules by which CMSIS-NN asks for it must be known
here, for every core, without the library.

Each function gives the bytes that the library's function of the same name wants in its
`cmsis_nn_context` on a core; our portable implementations (`nnc_cmsis_*`) want none at all. The
rules are those of the `*_get_buffer_size` functions of CMSIS-NN 7, except where a comment says that
those are wrong.

Buffers hold int32 or less: an alignment of 4 bytes suffices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from nnc.boards import Core

Shape = Sequence[int]
"""Extents of a tensor, NHWC; a filter is (outputs, h, w, inputs of a group)."""


@dataclass(frozen=True)
class Geometry:
    """
    The shapes of a layer with a window, NHWC as in the library. The filter of a depthwise layer is
    (1, h, w, outputs); strides and dilations are height, width, padding is top, bottom, left,
    right.
    """

    source: tuple[int, ...]
    weights: tuple[int, ...]
    output: tuple[int, ...]
    strides: tuple[int, ...] = (1, 1)
    dilations: tuple[int, ...] = (1, 1)
    padding: tuple[int, ...] = (0, 0, 0, 0)

    @property
    def taps(self) -> int:
        """Products of one output of a convolution."""
        return self.weights[1] * self.weights[2] * self.weights[3]

    @property
    def window(self) -> int:
        """Pixels of the window."""
        return self.weights[1] * self.weights[2]

    def transposed(self) -> "Geometry":
        """The same layer with rows as columns: the same memory if there is one row or column."""
        top, bottom, left, right = self.padding
        source, weights, output = (
            (s[0], s[2], s[1], s[3]) for s in (self.source, self.weights, self.output)
        )
        strides, dilations = self.strides[::-1], self.dilations[::-1]
        return Geometry(source, weights, output, strides, dilations, (left, right, top, bottom))


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


def is_pointwise(layer: Geometry) -> bool:
    """Whether the library takes its path for 1x1 convolutions."""
    no_border = layer.padding[0] == 0 and layer.padding[2] == 0
    plain = layer.window == 1 and layer.dilations == (1, 1)
    return no_border and plain and layer.source[3] == layer.weights[3]


def is_row(layer: Geometry) -> bool:
    """Whether the library takes its path for 1xN convolutions of images of one row."""
    one_row = layer.source[1] == 1 and layer.weights[1] == 1
    aligned = layer.strides[1] * layer.source[3] % 4 == 0
    return one_row and layer.dilations[1] == 1 and aligned and layer.source[3] == layer.weights[3]


def is_3x3(core: Core, layer: Geometry) -> bool:
    """Whether the library takes its path for 3x3 depthwise convolutions."""
    return (
        _is_plain_depthwise(layer)
        and not core.has_mve
        and tuple(layer.weights[1:3]) == (3, 3)
        and max(layer.padding[0], layer.padding[2]) <= 1
    )


def as_convolution(layer: Geometry) -> Geometry:
    """A depthwise layer of one input channel as a convolution."""
    _, height, width, outputs = layer.weights
    return replace(layer, weights=(outputs, height, width, 1))


def _is_plain_depthwise(layer: Geometry) -> bool:
    """One output for each channel of one image without dilation, which has paths of its own."""
    unpadded = layer.source[3] == layer.output[3] and layer.dilations == (1, 1)
    return unpadded and layer.source[0] == 1


def _im2col_s8(core: Core, layer: Geometry) -> int:
    taps = layer.source[3] * layer.window
    if core.has_mve:
        return 4 * _round_up(taps, 16)
    return 2 * 2 * _round_up(taps, 4)


def _row_s8_mve(layer: Geometry) -> int | None:
    """Bytes of the 1xN path on Helium, None where it falls back to the general one."""
    depth, width, kernel = layer.source[3], layer.source[2], layer.weights[2]
    stride, padding, pixels = layer.strides[1], layer.padding[2], layer.output[2]
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


def convolve_wrapper_s8(core: Core, layer: Geometry, *, armclang: bool = False) -> int:
    """Bytes for `arm_convolve_wrapper_s8`; `armclang`: the library was built with it."""
    if is_pointwise(layer):
        unrolled = armclang and core.has_dsp and not core.has_mve and layer.strides == (1, 1)
        return 2 * 2 * layer.source[3] if unrolled else 0
    if core.has_mve and is_row(layer):
        row = _row_s8_mve(layer)
        if row is not None:
            return row
    return _im2col_s8(core, layer)


def convolve_wrapper_s16(core: Core, layer: Geometry) -> int:
    """Bytes for `arm_convolve_wrapper_s16`."""
    taps = layer.source[3] * layer.window
    return 4 * 2 * _round_up(taps, 8) if core.has_mve else 2 * 2 * taps


def depthwise_conv_wrapper_s8(core: Core, layer: Geometry, *, armclang: bool = False) -> int:
    """Bytes for `arm_depthwise_conv_wrapper_s8`."""
    if core.has_mve and layer.source[3] == 1 and layer.output[3] > (8 if armclang else 1):
        # One input channel: run as a convolution, with the filter transposed into the scratch.
        return convolve_wrapper_s8(core, as_convolution(layer)) + layer.taps
    if not _is_plain_depthwise(layer):
        return 0
    if core.has_mve:
        return 4 * MVE_CHANNEL_BLOCK * layer.window
    return 2 * layer.source[3] * layer.window if core.has_dsp and not is_3x3(core, layer) else 0


def is_fast_s16(core: Core, layer: Geometry) -> bool:
    """Whether the library takes its fast path for 16-bit depthwise convolutions."""
    undilated = layer.source[3] == layer.output[3] and layer.dilations == (1, 1)
    return undilated and layer.window < S16_FAST_TAPS and core.has_dsp


def depthwise_conv_wrapper_s16(core: Core, layer: Geometry) -> int:
    """Bytes for `arm_depthwise_conv_wrapper_s16`."""
    if not is_fast_s16(core, layer):
        return 0
    elements = layer.source[3] * layer.window
    return 4 * 2 * elements + 8 if core.has_mve else 2 * elements


def is_reversed(layer: Geometry) -> bool:
    """Whether the library runs a transposed convolution as a convolution."""
    return max(layer.strides) <= 2 and layer.source[3] > REVERSIBLE_DEPTH


def transpose_conv_wrapper_s8(core: Core, layer: Geometry) -> TransposeConvBytes:
    """Bytes for `arm_transpose_conv_wrapper_s8`."""
    if is_reversed(layer):
        filter_bytes = layer.weights[0] * layer.taps
        return TransposeConvBytes(_im2col_s8(core, layer), filter_bytes)
    # The library's rule has the vertical stride in place of the horizontal one, which is less than
    # its kernel writes where the horizontal one is larger.
    width, strides = layer.source[2], layer.strides
    columns = (width - 1) * strides[1] + max(layer.weights[2], *strides)
    rows = max(layer.weights[1], strides[0])
    return TransposeConvBytes(4 * columns * rows * layer.output[3], 0)


def fully_connected_s8(core: Core, outputs: int) -> int:
    """Bytes for `arm_fully_connected_s8`, its per-channel twin and the wrapper of both.

    On Helium they read there, and never write, what `arm_vector_sum_s8` makes of weights and bias:
    constants, which may lie in flash.
    """
    return 4 * outputs if core.has_mve else 0


def avgpool_s8(core: Core, channels: int) -> int:
    """Bytes for `arm_avgpool_s8` and `arm_avgpool_s16`."""
    return 4 * channels if core.has_dsp and not core.has_mve else 0


def svdf_s8(core: Core, *, batches: int, filters: int, rank: int) -> SvdfBytes:
    """Bytes for `arm_svdf_s8`, and for `arm_svdf_state_s16_s8` without `kernel_sums`."""
    sums = 4 * filters if core.has_mve else 0
    return SvdfBytes(sums, 4 * batches * filters, 4 * batches * (filters // rank))
