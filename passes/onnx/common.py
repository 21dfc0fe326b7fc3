"""Steps that rewrites of several families share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    IntegerType,
    TensorType,
    f32,
    i1,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import arithmetic, binary, functions, logic, movement, placement, reduction
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import CastOp, ClampOp
from nnc.dialects.types import element_of, is_unsigned, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer, integers
from nnc.passes.onnx.lowering import Lowering, broadcast


def is_float(value: SSAValue) -> bool:
    """Whether a tensor holds float32 numbers."""
    return element_of(value) == f32


def check_type(value: SSAValue, *allowed: Attribute) -> None:
    """One of these element types. Raises `UnsupportedError`."""
    element = element_of(value)
    if element not in allowed:
        expected = " or ".join(map(str, allowed))
        raise UnsupportedError(f"expected elements of {expected}, got {element}")


def check_rank(value: SSAValue, *ranks: int) -> None:
    """One of these ranks. Raises `UnsupportedError`."""
    rank = len(shape_of(value))
    if rank not in ranks:
        expected = " or ".join(map(str, ranks))
        raise UnsupportedError(f"expected {expected} dimensions, got {rank}")


def check_elements(shape: Sequence[int]) -> None:
    """A tensor that has elements. Raises `UnsupportedError`."""
    if any(extent < 1 for extent in shape):
        raise UnsupportedError(f"expected a result with elements, got the shape {tuple(shape)}")


def number(element: Attribute, value: float) -> FloatAttr[Any] | IntegerAttr[Any]:
    """A number as an attribute of an op on elements of this type."""
    return FloatAttr(value, f32) if element == f32 else IntegerAttr(int(value), i64)


def scalar(to: Lowering, value: float, like: SSAValue) -> SSAValue:
    """A constant that stretches to any shape, of the element type of a value."""
    return to.full(TensorType(element_of(like), [1] * len(shape_of(like))), value)


def combined(to: Lowering, kind: type[NnOp], a: SSAValue, b: SSAValue) -> SSAValue:
    """A binary op of two tensors that broadcast; the result has the elements of the first."""
    return to.op(kind, [a, b], TensorType(element_of(a), broadcast(a, b)))


def add(to: Lowering, a: SSAValue, b: SSAValue) -> SSAValue:
    """The sum."""
    return combined(to, arithmetic.AddOp, a, b)


def sub(to: Lowering, a: SSAValue, b: SSAValue) -> SSAValue:
    """The difference."""
    return combined(to, arithmetic.SubOp, a, b)


def mul(to: Lowering, a: SSAValue, b: SSAValue) -> SSAValue:
    """The product."""
    return combined(to, arithmetic.MulOp, a, b)


def div(to: Lowering, a: SSAValue, b: SSAValue) -> SSAValue:
    """The quotient."""
    return combined(to, binary.DivOp, a, b)


def function(to: Lowering, kind: type[NnOp], value: SSAValue) -> SSAValue:
    """A function of one tensor."""
    return to.op(kind, [value], value.type)


def clamped(
    to: Lowering, value: SSAValue, low: float | None = None, high: float | None = None
) -> SSAValue:
    """A tensor moved into [low, high]."""
    element = element_of(value)
    return to.op(
        ClampOp,
        [value],
        value.type,
        min=None if low is None else number(element, low),
        max=None if high is None else number(element, high),
    )


def compared(to: Lowering, kind: type[logic.ComparisonOp], a: SSAValue, b: SSAValue) -> SSAValue:
    """A comparison."""
    return to.op(kind, [a, b], TensorType(i1, broadcast(a, b)))


def selected(to: Lowering, condition: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    """Elements of `a` where the condition is true, else of `b`."""
    kind = TensorType(element_of(a), broadcast(condition, a, b))
    return to.op(logic.SelectOp, [condition, a, b], kind)


def cast(to: Lowering, value: SSAValue, element: Attribute) -> SSAValue:
    """A tensor with another element type; itself where that is its own."""
    if element_of(value) == element:
        return value
    return to.op(CastOp, [value], TensorType(element, shape_of(value)))


def reduced(
    to: Lowering, kind: type[reduction.ReduceOp], value: SSAValue, axes: Sequence[int]
) -> SSAValue:
    """A tensor folded along axes, which stay as axes of extent 1."""
    shape = [1 if axis in axes else extent for axis, extent in enumerate(shape_of(value))]
    result = TensorType(element_of(value), shape)
    if not axes:
        return value
    return to.op(kind, [value], result, axes=integers(sorted(axes)))


def empty(to: Lowering, element: Attribute, shape: Sequence[int]) -> SSAValue:
    """A tensor without elements: shape arithmetic has them, a network has not."""
    return to.constant(np.zeros(shape, numpy_dtype(element)), element)


def sliced(
    to: Lowering,
    value: SSAValue,
    begin: Sequence[int],
    strides: Sequence[int],
    shape: Sequence[int],
) -> SSAValue:
    """The elements `begin`, `begin + stride`, ... along each axis."""
    if 0 in shape:
        return empty(to, element_of(value), shape)
    if tuple(shape) == shape_of(value) and all(stride == 1 for stride in strides):
        return value
    result = TensorType(element_of(value), shape)
    return to.op(
        movement.SliceOp, [value], result, begin=integers(begin), strides=integers(strides)
    )


def concatenated(to: Lowering, values: Sequence[SSAValue], axis: int) -> SSAValue:
    """Tensors side by side along an axis."""
    if len(values) == 1:
        return values[0]
    shapes = [shape_of(value) for value in values]
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len({len(shape) for shape in shapes}) > 1 or len(rest) > 1:
        raise UnsupportedError(f"expected shapes that differ in axis {axis} only, got {shapes}")
    shape = list(shapes[0])
    shape[axis] = sum(other[axis] for other in shapes)
    result = TensorType(element_of(values[0]), shape)
    return to.op(placement.ConcatOp, [values], result, axis=integer(axis))


def padded(
    to: Lowering, value: SSAValue, before: Sequence[int], after: Sequence[int], fill: float
) -> SSAValue:
    """A tensor with `fill` around it."""
    if not any(before) and not any(after):
        return value
    triples = zip(shape_of(value), before, after, strict=True)
    element = element_of(value)
    return to.op(
        placement.PadOp,
        [value],
        TensorType(element, [n + a + b for n, a, b in triples]),
        before=integers(before),
        value=number(element, fill),
    )


def stretched(to: Lowering, value: SSAValue, shape: Sequence[int]) -> SSAValue:
    """A tensor broadcast to a shape."""
    if tuple(shape) == shape_of(value):
        return value
    return to.op(movement.BroadcastToOp, [value], TensorType(element_of(value), shape))


def aligned(to: Lowering, value: SSAValue, rank: int, axis: int = 1) -> SSAValue:
    """A vector whose index runs along one axis of a tensor of so many."""
    shape = [1] * rank
    shape[axis] = shape_of(value)[0]
    return to.reshape(value, shape)


def lowest(element: Attribute) -> float:
    """A number that none of an element type is below."""
    if not isinstance(element, IntegerType):
        return -float("inf")
    if is_unsigned(element):
        return 0
    return -(1 << (8 * numpy_dtype(element).itemsize - 1))


def is_nan(to: Lowering, value: SSAValue) -> SSAValue:
    """Where a tensor is not a number."""
    return compared(to, logic.NotEqualOp, value, value)


def absolute(to: Lowering, value: SSAValue) -> SSAValue:
    """Without the sign; of unsigned integers, as they are."""
    element = element_of(value)
    if isinstance(element, IntegerType) and is_unsigned(element):
        return value
    return function(to, functions.AbsOp, value)
