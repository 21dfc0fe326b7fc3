"""Rewrites of operators that join tensors, or cut one into pieces."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import placement
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import movement as source
from nnc.dialects.types import element_of, is_unsigned, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.functions import clamped
from nnc.passes.tfl.lowering import (
    Lowering,
    axis_of,
    is_quantized,
    quantized,
    rewrite,
    scalar_of,
)
from nnc.passes.tfl.slicing import moved, sliced


@rewrite(source.ConcatenationOp)
def _concatenation(op: source.ConcatenationOp, to: Lowering) -> SSAValue:
    values = to.values(op.values)
    axis = axis_of(op.axis.value.data, len(shape_of(values[0])))
    shape = _joined(values, axis)
    result = to.result(op.output, shape)
    values = [_rescaled_for_concat(to, value, result.element_type) for value in values]
    return activated(
        to,
        op.fused_activation_function,
        result,
        lambda bounds: _concat(to, values, result, axis, bool(bounds), op),
    )


def _joined(values: Sequence[SSAValue], axis: int) -> list[int]:
    shapes = [shape_of(value) for value in values]
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len({len(shape) for shape in shapes}) > 1 or len(rest) > 1:
        raise UnsupportedError(f"expected shapes that differ in axis {axis} only, got {shapes}")
    total = sum(shape[axis] for shape in shapes)
    return [*shapes[0][:axis], total, *shapes[0][axis + 1 :]]


def _concat(
    to: Lowering,
    values: Sequence[SSAValue],
    result: TensorType[Attribute],
    axis: int,
    is_clamped: bool,
    op: source.ConcatenationOp,
) -> SSAValue:
    value = values[0]
    if len(values) > 1:
        value = to.op(placement.ConcatOp, [values], result, axis=integer(axis))
    if not is_clamped:
        return value
    return clamped(to, value, result, op.fused_activation_function.data)


def _rescaled_for_concat(to: Lowering, value: SSAValue, element: Attribute) -> SSAValue:
    """
    An input with the output's scale. Of uint8 the kernels rescale in floats, of int16 they ignore
    scales, of int8 they refuse different ones.
    """
    given = element_of(value)
    if given == element:
        return value
    kind = TensorType(element, shape_of(value))
    if not isinstance(element, UniformQuantizedType) or not is_quantized(value):
        raise UnsupportedError(f"expected inputs of {element}, got {given}")
    if quantized(value, 8, 16).storage != element.storage:
        raise UnsupportedError(f"expected inputs of {element.storage}, got {given}")
    if element.storage.width.data == 16:
        to.remark("the scales of the concatenated tensors differ, which the kernels ignore")
        return to.stored_as(value, element)
    if is_unsigned(element):
        floats = to.op(DequantizeOp, [value], TensorType(f32, shape_of(value)))
        return to.op(QuantizeOp, [floats], kind)
    raise UnsupportedError("expected inputs with the scale and zero point of the output")


@rewrite(source.PackOp)
def _pack(op: source.PackOp, to: Lowering) -> SSAValue:
    values = to.values(op.values)
    shape = shape_of(values[0])
    axis = axis_of(op.axis.value.data, len(shape) + 1)
    result = to.result(op.output, [*shape[:axis], len(values), *shape[axis:]])
    parts = [
        to.reshape(moved(to, value, result), [*shape[:axis], 1, *shape[axis:]]) for value in values
    ]
    if len(parts) == 1:
        return parts[0]
    return to.op(placement.ConcatOp, [parts], result, axis=integer(axis))


@rewrite(source.UnpackOp)
def _unpack(op: source.UnpackOp, to: Lowering) -> list[SSAValue]:
    input = to.value(op.input)
    shape = shape_of(input)
    axis = axis_of(op.axis.value.data, len(shape))
    kept = [*shape[:axis], *shape[axis + 1 :]]
    parts = _cut(to, input, axis, [1] * len(op.outputs), op.outputs, kept)
    return [to.reshape(part, kept) for part in parts]


def _cut(
    to: Lowering,
    input: SSAValue,
    axis: int,
    sizes: Sequence[int],
    outputs: Sequence[SSAValue],
    kept: Sequence[int] | None = None,
) -> list[SSAValue]:
    """Pieces of these sizes along an axis; `kept` is the shape of a result, if not the piece's."""
    shape = list(shape_of(input))
    if sum(sizes) != shape[axis] or len(sizes) != len(outputs):
        raise UnsupportedError(
            f"expected {len(outputs)} pieces of {shape[axis]} in all, got {list(sizes)}"
        )
    parts: list[SSAValue] = []
    begin = [0] * len(shape)
    for size, output in zip(sizes, outputs, strict=True):
        extents = [*shape[:axis], size, *shape[axis + 1 :]]
        result = to.result(output, extents if kept is None else kept)
        value = moved(to, input, result)
        parts.append(sliced(to, value, begin, [1] * len(shape), extents))
        begin[axis] += size
    return parts


@rewrite(source.SplitOp)
def _split(op: source.SplitOp, to: Lowering) -> list[SSAValue]:
    input = to.value(op.value)
    shape, count = shape_of(input), len(op.outputs)
    axis = axis_of(scalar_of(to.known(to.value(op.axis), "the axis"), "an axis"), len(shape))
    if shape[axis] % count:
        raise UnsupportedError(f"expected {count} equal pieces of {shape[axis]}")
    return _cut(to, input, axis, [shape[axis] // count] * count, op.outputs)


@rewrite(source.SplitVOp)
def _split_v(op: source.SplitVOp, to: Lowering) -> list[SSAValue]:
    input = to.value(op.value)
    shape = shape_of(input)
    axis = axis_of(scalar_of(to.known(to.value(op.axis), "the axis"), "an axis"), len(shape))
    sizes = to.known_ints(to.value(op.size_splits), "the sizes")
    if sizes.count(-1) == 1:
        rest = shape[axis] - sum(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = rest
    return _cut(to, input, axis, sizes, op.outputs)
