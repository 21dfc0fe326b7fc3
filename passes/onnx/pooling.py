"""
Rewrites of pooling.

Over three spatial axes, planes are pooled first and then, as a plane of its own, depth: the largest
of the largest is the largest, and all means of one window's planes are of as many positions.
"""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn import reduction
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import PowOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.onnx.common import (
    absolute,
    check_type,
    combined,
    mul,
    padded,
    reduced,
    scalar,
)
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.maxima import places_of_largest
from nnc.passes.onnx.windows import Geometry, closed, geometry


def window_of(node: Node, value: SSAValue) -> Geometry:
    """The windows of a pooling operator."""
    shape = shape_of(value)
    if len(shape) < 3:
        raise UnsupportedError(f"expected an image, got {shape}")
    found = geometry(node, shape[2:], node.ints("kernel_shape") or [])
    node.result([*shape[:2], *found.extents])
    return found


def _plane(to: Lowering, kind: type[NnOp], image: SSAValue, window: Geometry) -> SSAValue:
    """A pooling of [N, H, W, C]."""
    batch, _, _, channels = shape_of(image)
    return to.op(
        kind,
        [image],
        TensorType(element_of(image), [batch, *window.extents, channels]),
        kernel=integers(window.kernel),
        strides=integers(window.strides),
        padding=integers(window.padding),
        dilations=integers(window.dilations) if window.dilations != [1, 1] else None,
    )


def pooled(to: Lowering, kind: type[NnOp], value: SSAValue, window: Geometry) -> SSAValue:
    """A pooling of [N, *spatial, C] over one to three spatial axes."""
    batch, *spatial, channels = shape_of(value)
    if len(spatial) == 1:
        image = to.reshape(value, [batch, 1, *spatial, channels])
        image = _plane(to, kind, image, window.as_image())
        return to.reshape(image, [batch, *window.extents, channels])
    if len(spatial) == 2:
        return _plane(to, kind, value, window)
    depth, height, width = spatial
    flat = window.only(slice(1, 3))
    planes = to.reshape(value, [batch * depth, height, width, channels])
    planes = _plane(to, kind, planes, flat)
    # Planes are rows now, and depth their column.
    column = window.only(slice(0, 1))
    pairs = (column.kernel, column.strides, column.dilations), (1, 1, 1)
    kernel, strides, dilations = ([*own, one] for own, one in zip(*pairs, strict=True))
    area = flat.extents[0] * flat.extents[1]
    tall = Geometry(
        kernel, strides, dilations, [*column.before, 0], [*column.after, 0], [*column.extents, area]
    )
    rows = to.reshape(planes, [batch, depth, area, channels])
    rows = _plane(to, kind, rows, tall)
    return to.reshape(rows, [batch, *window.extents, channels])


@rewrite("MaxPool")
def _max_pool(node: Node, to: Lowering) -> list[SSAValue]:
    last = to.channels_last(node.value(0))
    window = closed(window_of(node, node.value(0)), shape_of(last)[1:-1])
    values = [pooled(to, MaxPool2DOp, last, window)]
    if node.wanted(1):
        values.append(places_of_largest(to, last, window, columns=bool(node.int("storage_order"))))
    return [to.channels_first(value) for value in values]


@rewrite("AveragePool")
def _average_pool(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return averaged(node, to, node.value(0))


def averaged(node: Node, to: Lowering, input: SSAValue) -> SSAValue:
    """An average pooling of floats with the attributes of a node."""
    window = window_of(node, input)
    last = to.channels_last(input)
    if node.int("count_include_pad") and any(window.padding):
        last, window = _with_padding(to, last, window)
    window = closed(window, shape_of(last)[1:-1])
    return to.channels_first(pooled(to, AveragePool2DOp, last, window))


def _with_padding(to: Lowering, last: SSAValue, window: Geometry) -> tuple[SSAValue, Geometry]:
    """The zeros around a tensor as part of it."""
    last = padded(to, last, [0, *window.before, 0], [0, *window.after, 0], 0.0)
    return last, window.unpadded()


@rewrite("LpPool")
def _lp_pool(node: Node, to: Lowering) -> SSAValue:
    """The root of the sum of powers: of their mean, times the number of positions."""
    input, power = node.value(0), node.int("p", 2)
    check_type(input, f32)
    window = window_of(node, input)
    last = absolute(to, to.channels_last(input))
    last = combined(to, PowOp, last, scalar(to, power, last))
    # All windows are to have the same number of positions: zeros add nothing to a sum.
    last, window = _with_padding(to, last, window)
    last, window = _with_padding(to, last, closed(window, shape_of(last)[1:-1]))
    mean = pooled(to, AveragePool2DOp, last, window)
    count = float(prod(window.kernel))
    total = mul(to, mean, scalar(to, count, mean))
    root = combined(to, PowOp, total, scalar(to, 1.0 / power, total))
    return to.channels_first(root)


_GLOBAL: dict[str, type[reduction.ReduceOp]] = {
    "GlobalAveragePool": reduction.ReduceMeanOp,
    "GlobalMaxPool": reduction.ReduceMaxOp,
}


@rewrite(*_GLOBAL)
def _global_pool(node: Node, to: Lowering) -> SSAValue:
    return globally(node, to, node.value(0), _GLOBAL[node.operator])


def globally(node: Node, to: Lowering, input: SSAValue, kind: type[reduction.ReduceOp]) -> SSAValue:
    """A reduction over all spatial axes."""
    shape = shape_of(input)
    if len(shape) < 3:
        raise UnsupportedError(f"expected an image, got {shape}")
    result = node.result([*shape[:2], *[1] * (len(shape) - 2)])
    last = to.channels_last(input)
    value = reduced(to, kind, last, list(range(1, len(shape) - 1)))
    return to.reshape(value, result.get_shape())
