"""Rewrites of operators that pick, place or make elements: slices, gathers, fills, shapes."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import (
    StringAttr,
    TensorType,
    f32,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import movement, placement, scatter
from nnc.dialects.tfl import indexing as source
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import LARGEST_FOLD, UnsupportedError, integer
from nnc.passes.tfl.lowering import (
    U8,
    Lowering,
    axis_of,
    check_one_type,
    check_type,
    rewrite,
    scalar_of,
)
from nnc.passes.tfl.slicing import moved


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


@rewrite(source.ScatterNdOp)
def _scatter_nd(op: source.ScatterNdOp, to: Lowering) -> SSAValue:
    """Zeros, to which the updates are added one after the other (TFLite `reference_ops.h`)."""
    indices, updates = to.value(op.indices), to.value(op.updates)
    result = to.result(op.output, to.known_ints(to.value(op.shape), "the shape"))
    return _scattered(to, to.full(result, 0), indices, updates, result, "add")


@rewrite(source.SparseToDenseOp)
def _sparse_to_dense(op: source.SparseToDenseOp, to: Lowering) -> SSAValue:
    """The default in all places, then the values in theirs; one value may stand for all."""
    indices, values, default = map(to.value, (op.indices, op.values, op.default_value))
    result = to.result(op.output, to.known_ints(to.value(op.output_shape), "the shape"))
    rank = len(result.get_shape())
    numbers = shape_of(indices)
    if len(numbers) < 2:
        # Numbers along the only axis; a scalar is one of them.
        indices = to.reshape(indices, [*(numbers or (1,)), 1])
    count = shape_of(indices)[0]
    check_type(element_of(values), result.element_type)
    check_type(element_of(default), result.element_type)
    values = to.reshape(values, [1]) if not shape_of(values) else values
    if shape_of(values) != (count,):
        values = to.op(movement.BroadcastToOp, [values], TensorType(element_of(values), [count]))
    scalar = to.reshape(default, [1] * rank)
    whole = to.op(movement.BroadcastToOp, [scalar], result)
    return _scattered(to, whole, indices, values, result, "none")


def _scattered(
    to: Lowering,
    input: SSAValue,
    indices: SSAValue,
    updates: SSAValue,
    result: TensorType[Attribute],
    reduction: str,
) -> SSAValue:
    check_type(result.element_type, f32, i32, i64)
    check_type(element_of(updates), result.element_type)
    check_type(element_of(indices), i32, i64)
    numbers, shape = shape_of(indices), result.get_shape()
    if not numbers or not 1 <= numbers[-1] <= len(shape):
        raise UnsupportedError(f"expected tuples that index {shape}, got {numbers}")
    expected = (*numbers[:-1], *shape[numbers[-1] :])
    if shape_of(updates) != expected:
        raise UnsupportedError(f"expected updates of shape {expected}, got {shape_of(updates)}")
    operands = [input, indices, updates]
    return to.op(scatter.ScatterNdOp, operands, result, reduction=StringAttr(reduction))


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
    with np.errstate(all="ignore"):
        steps = (limit - start) / delta
    if not 0 <= steps <= LARGEST_FOLD:
        raise UnsupportedError(f"expected a range of few steps, got {steps:g}")
    count = int(np.ceil(steps))
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
