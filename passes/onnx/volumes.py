"""
Convolutions over three spatial axes as convolutions of planes.

A window of planes, one behind the other, is one plane with as many times the channels: the planes
of a window are put side by side as channels, and the weights in the same order. So one layer of
planes does all products, and every kernel for planes works.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.onnx.common import concatenated, padded, sliced
from nnc.passes.onnx.lowering import Lowering
from nnc.passes.onnx.windows import Geometry


def unfolded(
    to: Lowering, last: SSAValue, weights: SSAValue, window: Geometry, groups: int
) -> tuple[SSAValue, SSAValue]:
    """
    The planes [N * depth out, H, W, kernel depth * C] of the windows over [N, D, H, W, C], and
    weights [O, C / groups, KD, KH, KW] for them, [O, KD * C / groups, KH, KW].
    """
    element = element_of(last)
    zero = element.zero_point if isinstance(element, UniformQuantizedType) else 0
    around = [0, window.before[0], 0, 0, 0], [0, window.after[0], 0, 0, 0]
    whole = padded(to, last, *around, zero)
    starts = [k * window.dilations[0] for k in range(window.kernel[0])]
    planes = _side_by_side(to, whole, starts, window.strides[0], window.extents[0], groups)
    outputs, channels, depth, height, width = shape_of(weights)
    weights = to.transposed(weights, [0, 2, 1, 3, 4])
    return planes, to.reshape(weights, [outputs, depth * channels, height, width])


def spread_depth(
    to: Lowering, last: SSAValue, weights: SSAValue, window: Geometry, groups: int
) -> tuple[SSAValue, SSAValue]:
    """
    The same for a transposed convolution with weights [C, O / groups, KD, KH, KW]: planes of zeros
    between those of the input, and weights [KD * C, O / groups, KH, KW]. `before` is cut off.
    """
    batch, depth, height, width, channels = shape_of(last)
    stride, dilation, extent = window.strides[0], window.dilations[0], window.extents[0]
    if stride > 1:
        apart = to.reshape(last, [batch, depth, 1, height, width, channels])
        apart = padded(to, apart, [0] * 6, [0, 0, stride - 1, 0, 0, 0], 0.0)
        last = to.reshape(apart, [batch, depth * stride, height, width, channels])
    reach = (window.kernel[0] - 1) * dilation
    front = max(0, reach - window.before[0])
    back = max(0, extent + window.before[0] - depth * stride)
    whole = padded(to, last, [0, front, 0, 0, 0], [0, back, 0, 0, 0], 0.0)
    starts = [window.before[0] - k * dilation + front for k in range(window.kernel[0])]
    planes = _side_by_side(to, whole, starts, 1, extent, groups)
    _, outputs, kernel, rows, columns = shape_of(weights)
    split = to.reshape(weights, [groups, channels // groups, outputs, kernel, rows, columns])
    moved = to.transposed(split, [0, 3, 1, 2, 4, 5])
    return planes, to.reshape(moved, [kernel * channels, outputs, rows, columns])


def _side_by_side(
    to: Lowering, whole: SSAValue, starts: Sequence[int], stride: int, extent: int, groups: int
) -> SSAValue:
    """
    Planes of [N, D, H, W, C], `extent` of them from each start on, as channels: those of a group
    stay together, and in it those of a plane.
    """
    batch, _, height, width, channels = shape_of(whole)
    parts: list[SSAValue] = []
    for start in starts:
        shape = [batch, extent, height, width, channels]
        part = sliced(to, whole, [0, start, 0, 0, 0], [1, stride, 1, 1, 1], shape)
        grouped = [batch * extent, height, width, groups, channels // groups]
        parts.append(to.reshape(part, grouped))
    joined = concatenated(to, parts, 4)
    return to.reshape(joined, [batch * extent, height, width, len(starts) * channels])
