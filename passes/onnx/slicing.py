"""Rewrites of operators that cut tensors, join them, or put something around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from nnc.dialects.nn.movement import MirrorPadOp
from nnc.dialects.types import Array, element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, integers
from nnc.passes.onnx.common import check_elements, concatenated, padded, sliced, stretched
from nnc.passes.onnx.indexing import gathered
from nnc.passes.onnx.lowering import Lowering, Node, axis_of, rewrite


@rewrite("Concat")
def _concat(node: Node, to: Lowering) -> SSAValue:
    given = node.values()
    values = [value for value in given if 0 not in shape_of(value)] or given[:1]
    axis = axis_of(node.int("axis"), len(shape_of(values[0])))
    value = concatenated(to, values, axis)
    node.like(value)
    return value


@rewrite("Split")
def _split(node: Node, to: Lowering) -> list[SSAValue]:
    input = node.value(0)
    shape = list(shape_of(input))
    axis = axis_of(node.int("axis"), len(shape))
    sizes = node.ints_or_operand("split", 1)
    if not sizes:
        count = node.int("num_outputs") if node.has("num_outputs") else len(node.op.results)
        if count != len(node.op.results):
            raise UnsupportedError(f"expected as many results as num_outputs, got {count}")
        size = -(-shape[axis] // count)
        sizes = [min(size, shape[axis] - k * size) for k in range(count)]
    if sum(sizes) != shape[axis] or len(sizes) != len(node.op.results):
        raise UnsupportedError(f"expected pieces of {shape[axis]}, got {sizes}")
    parts: list[SSAValue] = []
    begin = [0] * len(shape)
    for size in sizes:
        shape[axis] = size
        parts.append(sliced(to, input, begin, [1] * len(shape), shape))
        begin[axis] += size
    return parts


@rewrite("Slice")
def _slice(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    shape = shape_of(input)
    starts, ends = node.ints_or_operand("starts", 1), node.ints_or_operand("ends", 2)
    if starts is None or ends is None or len(starts) != len(ends):
        raise UnsupportedError("expected as many ends as starts")
    axes = node.ints_or_operand("axes", 3) or list(range(len(starts)))
    steps_operand = node.optional(4)
    steps = [1] * len(starts)
    if steps_operand is not None:
        steps = to.known_ints(steps_operand, "its steps")
    if not len(axes) == len(starts) == len(steps) or 0 in steps:
        raise UnsupportedError(f"expected axes and steps for {len(starts)} starts")
    begin, strides, extents = [0] * len(shape), [1] * len(shape), list(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        axis = axis_of(axis, len(shape))
        places = range(shape[axis])[slice(start, end, step)]
        begin[axis], strides[axis], extents[axis] = places.start, step, len(places)
    return sliced(to, input, begin, strides, node.result(extents).get_shape())


@rewrite("Pad")
def _pad(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    shape = shape_of(input)
    pads = node.ints_or_operand("pads", 1) or []
    axes_operand, fill_operand = node.optional(3), node.optional(2)
    axes = list(range(len(shape)))
    if axes_operand is not None:
        given = to.known_ints(axes_operand, "its axes")
        axes = [axis_of(axis, len(shape)) for axis in given]
    if len(pads) != 2 * len(axes):
        raise UnsupportedError(f"expected {2 * len(axes)} pads, got {pads}")
    before, after = [0] * len(shape), [0] * len(shape)
    for number, axis in enumerate(axes):
        before[axis], after[axis] = pads[number], pads[number + len(axes)]
    input, before, after = _cropped(to, input, before, after)
    mode = node.string("mode", "constant")
    if mode == "constant" and fill_operand is not None and to.folded(fill_operand) is None:
        value = _surrounded(to, input, before, after, fill_operand)
    elif mode == "constant":
        fill = node.float("value")
        if fill_operand is not None:
            fill = to.known(fill_operand, "its constant_value").reshape(-1)[0].item()
        value = padded(to, input, before, after, fill)
    else:
        value = _repeated(to, input, before, after, mode)
    node.like(value)
    return value


def _surrounded(
    to: Lowering, value: SSAValue, before: Sequence[int], after: Sequence[int], fill: SSAValue
) -> SSAValue:
    """Padding with a number that is computed at run time, axis by axis."""
    fill = to.reshape(fill, [1] * len(shape_of(value)))
    for axis, counts in enumerate(zip(before, after, strict=True)):
        shape = list(shape_of(value))
        parts = [value]
        for count, place in zip(counts, (0, len(parts) + 1), strict=True):
            if count:
                shape[axis] = count
                parts.insert(place, stretched(to, fill, shape))
        value = concatenated(to, parts, axis)
    return value


def _cropped(
    to: Lowering, value: SSAValue, before: list[int], after: list[int]
) -> tuple[SSAValue, list[int], list[int]]:
    """Negative pads cut something off."""
    shape = list(shape_of(value))
    begin = [max(0, -pad) for pad in before]
    extents = [n - b + min(0, a) for n, b, a in zip(shape, begin, after, strict=True)]
    check_elements(extents)
    value = sliced(to, value, begin, [1] * len(shape), extents)
    return value, [max(0, pad) for pad in before], [max(0, pad) for pad in after]


def _repeated(
    to: Lowering, value: SSAValue, before: Sequence[int], after: Sequence[int], mode: str
) -> SSAValue:
    """Padding with elements of the tensor itself, axis by axis."""
    if mode not in ("reflect", "edge", "wrap"):
        reason = f"expected a mode of constant, reflect, edge or wrap, got '{mode}'"
        raise UnsupportedError(reason)
    shape = shape_of(value)
    fits = all(max(b, a) < n for n, b, a in zip(shape, before, after, strict=True))
    if mode == "reflect" and fits and any((*before, *after)):
        triples = zip(shape, before, after, strict=True)
        kind = TensorType(element_of(value), [n + b + a for n, b, a in triples])
        return to.op(MirrorPadOp, [value], kind, before=integers(before), symmetric=flag(False))
    for axis, (first, last) in enumerate(zip(before, after, strict=True)):
        if first or last:
            places = _around(shape[axis], first, last, mode)
            value = gathered(to, value, places, axis)
    return value


def _around(extent: int, before: int, after: int, mode: str) -> Array:
    """The places of an axis with so many before and after it, taken from the axis itself."""
    places = np.arange(-before, extent + after)
    match mode:
        case "edge":
            return np.clip(places, 0, extent - 1)
        case "wrap":
            return places % extent
        case _:
            # Mirrored at both ends, neither of which is repeated.
            period = max(1, 2 * (extent - 1))
            turned = np.abs(places) % period
            return np.minimum(turned, period - turned)


@rewrite("CenterCropPad")
def _center_crop_pad(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    shape, wanted = shape_of(input), to.known_ints(node.value(1), "its shape")
    axes = node.ints("axes")
    axes = list(range(len(shape))) if axes is None else [axis_of(a, len(shape)) for a in axes]
    if len(axes) != len(wanted):
        raise UnsupportedError(f"expected {len(axes)} extents, got {wanted}")
    before, after, begin, extents = ([0] * len(shape) for _ in range(4))
    extents = list(shape)
    for axis, extent in zip(axes, wanted, strict=True):
        spare = extent - shape[axis]
        if spare < 0:
            begin[axis], extents[axis] = -spare // 2, extent
        else:
            before[axis], after[axis] = spare // 2, spare - spare // 2
    check_elements(extents)
    value = sliced(to, input, begin, [1] * len(shape), extents)
    return padded(to, value, before, after, 0)
