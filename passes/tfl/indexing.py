"""Rewrites of operators that pick, place or make elements: slices, gathers, fills, shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import (
    IntegerType,
    Signedness,
    TensorType,
    f32,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import movement, placement
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import indexing as source
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer, integers
from nnc.passes.tfl.lowering import (
    Lowering,
    axis_of,
    check_one_type,
    check_type,
    rewrite,
    scalar_of,
)

U8 = IntegerType(8, Signedness.UNSIGNED)


def moved(to: Lowering, value: SSAValue, result: TensorType[Attribute]) -> SSAValue:
    """A tensor whose stored values are only moved, with the element type that its result has."""
    given, wanted = element_of(value), result.element_type
    quantized = isinstance(given, UniformQuantizedType), isinstance(wanted, UniformQuantizedType)
    if quantized[0] != quantized[1] or numpy_dtype(given) != numpy_dtype(wanted):
        raise UnsupportedError(f"expected a result of {given}, got {wanted}")
    return to.stored_as(value, wanted)


def sliced(
    to: Lowering,
    value: SSAValue,
    begin: Sequence[int],
    strides: Sequence[int],
    extents: Sequence[int],
) -> SSAValue:
    """The elements from `begin` on in steps of `strides`; the value itself where that is all."""
    shape = shape_of(value)
    if tuple(extents) == shape and not any(begin) and all(step == 1 for step in strides):
        return value
    for first, step, extent, count in zip(begin, strides, shape, extents, strict=True):
        last = first + (count - 1) * step
        if count < 1:
            raise UnsupportedError(f"expected a slice with elements, got {list(extents)}")
        if not (0 <= first < extent and 0 <= last < extent):
            raise UnsupportedError(
                f"expected a slice within {list(shape)}, got {list(extents)} from {list(begin)} on"
            )
    return to.op(
        movement.SliceOp,
        [value],
        TensorType(element_of(value), list(extents)),
        begin=integers(begin),
        strides=integers(strides),
    )


@rewrite(source.SliceOp)
def _slice(op: source.SliceOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    begin = to.known_ints(to.value(op.begin), "the begin of a slice")
    size = to.known_ints(to.value(op.size), "the size of a slice")
    shape = shape_of(input)
    if not len(begin) == len(size) == len(shape):
        raise UnsupportedError(f"expected {len(shape)} begins and sizes")
    size = [n - b if s == -1 else s for b, s, n in zip(begin, size, shape, strict=True)]
    result = to.result(op.output, size)
    return sliced(to, moved(to, input, result), begin, [1] * len(shape), size)


@dataclass
class _Axis:
    """One axis of a strided slice, an axis of the input unless it is `new`."""

    begin: int = 0
    count: int = 1
    stride: int = 1
    new: bool = False
    shrink: bool = False


@rewrite(source.StridedSliceOp)
def _strided_slice(op: source.StridedSliceOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    axes = _strided_axes(op, to, shape_of(input))
    taken = [axis for axis in axes if not axis.new]
    result = to.result(op.output, [axis.count for axis in axes if not axis.shrink])
    value = sliced(
        to,
        moved(to, input, result),
        [axis.begin for axis in taken],
        [axis.stride for axis in taken],
        [axis.count for axis in taken],
    )
    return to.reshape(value, result.get_shape())


def _strided_axes(op: source.StridedSliceOp, to: Lowering, shape: Sequence[int]) -> list[_Axis]:
    """The axes that the specification means, in order (`StridedSlice` in TensorFlow's terms)."""
    begin, end, strides = (
        to.known_ints(to.value(value), f"the {what} of a slice")
        for value, what in ((op.begin, "begin"), (op.end, "end"), (op.strides, "strides"))
    )
    if not len(begin) == len(end) == len(strides):
        raise UnsupportedError("expected as many begins as ends and strides")
    ellipsis, new = op.ellipsis_mask.value.data, op.new_axis_mask.value.data
    given = [place for place in range(len(begin)) if not (ellipsis >> place) & 1]
    consumed = sum(1 for place in given if not (new >> place) & 1)
    if consumed > len(shape):
        raise UnsupportedError(f"expected at most {len(shape)} axes, got {consumed}")
    axes: list[_Axis] = []
    rest = iter(shape)
    for place in range(len(begin)):
        if (ellipsis >> place) & 1:
            axes.extend(_Axis(count=next(rest)) for _ in range(len(shape) - consumed))
            consumed = len(shape)
        elif (new >> place) & 1:
            axes.append(_Axis(new=True))
        else:
            axes.append(_one_axis(op, place, begin[place], end[place], strides[place], next(rest)))
    return axes + [_Axis(count=extent) for extent in rest]


def _one_axis(
    op: source.StridedSliceOp, place: int, begin: int, end: int, stride: int, extent: int
) -> _Axis:
    """Source: `StartForAxis` and `EndForAxis` in TFLite's `internal/strided_slice_logic.h`."""
    if stride == 0:
        raise UnsupportedError("expected strides other than 0")
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    start = min(max(begin + extent if begin < 0 else begin, low), high)
    if (op.begin_mask.value.data >> place) & 1:
        start = 0 if stride > 0 else extent - 1
    if (op.shrink_axis_mask.value.data >> place) & 1:
        return _Axis(start, 1, 1, shrink=True)
    if op.offset.value.data:
        end += start
    stop = min(max(end + extent if end < 0 else end, low), high)
    if (op.end_mask.value.data >> place) & 1:
        stop = extent if stride > 0 else -1
    return _Axis(start, len(range(start, stop, stride)), stride)


@rewrite(source.DynamicUpdateSliceOp)
def _dynamic_update_slice(op: source.DynamicUpdateSliceOp, to: Lowering) -> SSAValue:
    input, start = to.value(op.input), to.value(op.start_indices)
    result = to.like(op.output, input)
    check_type(element_of(start), i32, i64)
    operands = [moved(to, value, result) for value in (input, to.value(op.update))]
    return to.op(placement.UpdateSliceOp, [*operands, start], result)


@rewrite(source.GatherOp)
def _gather(op: source.GatherOp, to: Lowering) -> SSAValue:
    input, indices = to.value(op.input), to.value(op.indices)
    shape, numbers = shape_of(input), shape_of(indices)
    check_type(element_of(indices), i16, i32, i64)
    axis = axis_of(op.axis.value.data, len(shape))
    batch = op.batch_dims.value.data
    batch = batch + len(numbers) if batch < 0 else batch
    if not 0 <= batch <= min(axis, len(numbers)) or shape[:batch] != numbers[:batch]:
        raise UnsupportedError(f"expected common batch axes, got {batch} of {shape} and {numbers}")
    result = to.result(op.output, [*shape[:axis], *numbers[batch:], *shape[axis + 1 :]])
    return to.op(
        movement.GatherOp,
        [moved(to, input, result), indices],
        result,
        axis=integer(axis),
        batch_dims=integer(batch),
    )


@rewrite(source.GatherNdOp)
def _gather_nd(op: source.GatherNdOp, to: Lowering) -> SSAValue:
    input, indices = to.value(op.input), to.value(op.indices)
    shape, numbers = shape_of(input), shape_of(indices)
    check_type(element_of(indices), i16, i32, i64)
    if not numbers or numbers[-1] > len(shape):
        raise UnsupportedError(f"expected tuples that index {shape}, got {numbers}")
    result = to.result(op.output, [*numbers[:-1], *shape[numbers[-1] :]])
    operands = [moved(to, input, result), indices]
    return to.op(movement.GatherNdOp, operands, result, batch_dims=integer(0))


@rewrite(source.EmbeddingLookupOp)
def _embedding_lookup(op: source.EmbeddingLookupOp, to: Lowering) -> SSAValue:
    lookup, value = to.value(op.lookup), to.value(op.value)
    check_type(element_of(lookup), i32)
    result = to.result(op.output, [*shape_of(lookup), *shape_of(value)[1:]])
    operands = [moved(to, value, result), lookup]
    return to.op(movement.GatherOp, operands, result, axis=integer(0), batch_dims=integer(0))


@rewrite(source.OneHotOp)
def _one_hot(op: source.OneHotOp, to: Lowering) -> SSAValue:
    indices = to.value(op.indices)
    check_type(element_of(indices), i32, i64)
    depth = scalar_of(to.known(to.value(op.depth), "the depth"), "a depth")
    shape = shape_of(indices)
    axis = axis_of(op.axis.value.data, len(shape) + 1)
    result = to.result(op.output, [*shape[:axis], depth, *shape[axis:]])
    check_one_type((f32, i1, i8, i16, i32, i64, U8), (8,), result.element_type)
    on, off = (
        to.reshape(moved(to, to.value(value), result), [1]) for value in (op.on_value, op.off_value)
    )
    return to.op(movement.OneHotOp, [indices, on, off], result, axis=integer(axis))


@rewrite(source.ShapeOp)
def _shape(op: source.ShapeOp, to: Lowering) -> SSAValue:
    shape = shape_of(to.value(op.input))
    result = to.result(op.output, [len(shape)])
    check_type(result.element_type, i32, i64)
    return to.constant(np.asarray(shape, numpy_dtype(result.element_type)), result.element_type)


@rewrite(source.RankOp)
def _rank(op: source.RankOp, to: Lowering) -> SSAValue:
    result = to.result(op.output, [])
    return to.full(result, len(shape_of(to.value(op.input))))


@rewrite(source.RangeOp)
def _range(op: source.RangeOp, to: Lowering) -> SSAValue:
    bounds = [
        to.known(to.value(value), f"the {what} of a range").ravel()[0]
        for value, what in ((op.start, "start"), (op.limit, "limit"), (op.delta, "delta"))
    ]
    element = element_of(op.output)
    check_type(element, f32, i32, i64)
    start, limit, delta = bounds
    count = max(int(np.ceil((limit - start) / delta)), 0) if delta else 0
    result = to.result(op.output, [count])
    dtype = numpy_dtype(element)
    values = start + np.arange(count).astype(dtype) * delta
    return to.constant(values.astype(dtype), result.element_type)


@rewrite(source.FillOp)
def _fill(op: source.FillOp, to: Lowering) -> SSAValue:
    value = to.value(op.value)
    result = to.result(op.output, to.known_ints(to.value(op.dims), "the shape"))
    scalar = to.reshape(moved(to, value, result), [1] * len(result.get_shape()))
    return to.op(movement.BroadcastToOp, [scalar], result)


@rewrite(source.BroadcastArgsOp)
def _broadcast_args(op: source.BroadcastArgsOp, to: Lowering) -> SSAValue:
    shapes = [to.known_ints(to.value(value), "a shape") for value in (op.lhs, op.rhs)]
    try:
        shape = np.broadcast_shapes(*(tuple(shape) for shape in shapes))
    except ValueError:
        raise UnsupportedError(f"expected shapes that broadcast, got {shapes}") from None
    result = to.result(op.output, [len(shape)])
    return to.constant(np.asarray(shape, numpy_dtype(result.element_type)), result.element_type)
