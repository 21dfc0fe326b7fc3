"""Rewrites of pooling."""

from __future__ import annotations

from itertools import product

from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn import reduction
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import MaximumOp, PowOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.onnx.common import (
    absolute,
    check_type,
    combined,
    lowest,
    mul,
    padded,
    reduced,
    scalar,
    sliced,
)
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.windows import Geometry, as_image, closed, from_image, geometry


def window_of(node: Node, value: SSAValue) -> Geometry:
    """The windows of a pooling operator."""
    shape = shape_of(value)
    if len(shape) < 3:
        raise UnsupportedError(f"expected an image, got {shape}")
    found = geometry(node, shape[2:], node.ints("kernel_shape") or [])
    node.result([*shape[:2], *found.extents])
    return found.as_image()


@rewrite("MaxPool")
def _max_pool(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    if node.wanted(1):
        raise UnsupportedError("the indices of the maxima are not supported", "values alone work")
    window = window_of(node, input)
    image = as_image(to, input)
    window = closed(window, shape_of(image)[1:3])
    if window.dilations != [1, 1]:
        return from_image(to, _dilated(to, image, window), len(shape_of(input)))
    return from_image(to, pooled(to, MaxPool2DOp, image, window), len(shape_of(input)))


def pooled(to: Lowering, kind: type[NnOp], image: SSAValue, window: Geometry) -> SSAValue:
    """A pooling of an NHWC image."""
    batch, _, _, channels = shape_of(image)
    return to.op(
        kind,
        [image],
        TensorType(element_of(image), [batch, *window.extents, channels]),
        kernel=integers(window.kernel),
        strides=integers(window.strides),
        padding=integers(window.padding),
    )


def _dilated(to: Lowering, image: SSAValue, window: Geometry) -> SSAValue:
    """The maximum of one slice for each place of the kernel."""
    fill = lowest(element_of(image))
    before, after = [0, *window.before, 0], [0, *window.after, 0]
    whole = padded(to, image, before, after, fill)
    batch, _, _, channels = shape_of(image)
    shape = [batch, *window.extents, channels]
    strides = [1, *window.strides, 1]
    best: SSAValue | None = None
    for y, x in product(range(window.kernel[0]), range(window.kernel[1])):
        begin = [0, y * window.dilations[0], x * window.dilations[1], 0]
        part = sliced(to, whole, begin, strides, shape)
        best = part if best is None else combined(to, MaximumOp, best, part)
    assert best is not None
    return best


@rewrite("AveragePool")
def _average_pool(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return averaged(node, to, node.value(0))


def averaged(node: Node, to: Lowering, input: SSAValue) -> SSAValue:
    """An average pooling of floats with the attributes of a node."""
    window = window_of(node, input)
    if window.dilations != [1, 1]:
        raise UnsupportedError("average pooling with dilations is not supported")
    image, window = averaged_image(to, node, as_image(to, input), window, 0.0)
    return from_image(to, pooled(to, AveragePool2DOp, image, window), len(shape_of(input)))


def averaged_image(
    to: Lowering, node: Node, image: SSAValue, window: Geometry, fill: float
) -> tuple[SSAValue, Geometry]:
    """An image and windows so that what counts is inside the image: maybe its padding, too."""
    if node.int("count_include_pad") and any(window.padding):
        image = padded(to, image, [0, *window.before, 0], [0, *window.after, 0], fill)
        none = [0, 0]
        window = Geometry(
            window.kernel, window.strides, window.dilations, none, none, window.extents
        )
    return image, closed(window, shape_of(image)[1:3])


@rewrite("LpPool")
def _lp_pool(node: Node, to: Lowering) -> SSAValue:
    """The root of the sum of powers: of their mean, times the number of places."""
    input, power = node.value(0), node.int("p", 2)
    check_type(input, f32)
    window = window_of(node, input)
    if window.dilations != [1, 1]:
        raise UnsupportedError("pooling with dilations is not supported")
    image = absolute(to, as_image(to, input))
    image = combined(to, PowOp, image, scalar(to, power, image))
    image = padded(to, image, [0, *window.before, 0], [0, *window.after, 0], 0.0)
    extents = shape_of(image)[1:3]
    end = closed(
        Geometry(window.kernel, window.strides, [1, 1], [0, 0], [0, 0], window.extents), extents
    )
    image = padded(to, image, [0] * 4, [0, *end.after, 0], 0.0)
    last = Geometry(end.kernel, end.strides, [1, 1], [0, 0], [0, 0], end.extents)
    mean = pooled(to, AveragePool2DOp, image, last)
    count = float(window.kernel[0] * window.kernel[1])
    total = mul(to, mean, scalar(to, count, mean))
    root = combined(to, PowOp, total, scalar(to, 1.0 / power, total))
    return from_image(to, root, len(shape_of(input)))


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
