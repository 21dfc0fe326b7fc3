"""Rewrites of operators that pick elements by number, or put them where numbers say."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerType, StringAttr, TensorType, i1, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.nn import logic, movement
from nnc.dialects.nn.conversion import ReshapeOp
from nnc.dialects.nn.reduction import ArgOp
from nnc.dialects.nn.scatter import ScatterNdOp
from nnc.dialects.types import Array, element_of, is_unsigned, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.onnx.common import (
    add,
    cast,
    compared,
    concatenated,
    scalar,
    selected,
    sliced,
)
from nnc.passes.onnx.lowering import Lowering, Node, axis_of, rewrite


def masked(to: Lowering, mask: Array, value: SSAValue) -> SSAValue:
    """A tensor with 0 where a constant mask is false."""
    if element_of(value) == i1:
        kind = TensorType(i1, shape_of(value))
        return to.op(logic.AndOp, [to.constant(mask, i1), value], kind)
    return selected(to, to.constant(mask, i1), value, scalar(to, 0, value))


def gathered(to: Lowering, value: SSAValue, places: Array, axis: int) -> SSAValue:
    """The slices along an axis at known places."""
    shape = list(shape_of(value))
    shape[axis : axis + 1] = places.shape
    return to.op(
        movement.GatherOp,
        [value, to.constant(places.astype(np.int32), i32)],
        TensorType(element_of(value), shape),
        axis=integer(axis),
        batch_dims=integer(0),
    )


def counted_from_start(to: Lowering, indices: SSAValue, extents: list[int]) -> SSAValue:
    """
    Indices with those below 0 counted from the end; `extents` has one number for all, or one for
    each place along the last axis.
    """
    element = element_of(indices)
    if (isinstance(element, IntegerType) and is_unsigned(element)) or _is_place(indices):
        return indices
    known = to.folded(indices)
    room = np.asarray(extents if len(extents) > 1 else extents[0], np.int64)
    if known is not None:
        values = known.astype(np.int64)
        return to.constant(np.where(values < 0, values + room, values).astype(np.int32), i32)
    limits = to.constant(room.astype(np.int32 if element == i32 else np.int64), element)
    if len(extents) == 1:
        limits = to.reshape(limits, [1] * len(shape_of(indices)))
    below = compared(to, logic.LessOp, indices, scalar(to, 0, indices))
    return selected(to, below, add(to, indices, limits), indices)


def _is_place(value: SSAValue) -> bool:
    """Whether a number is one that an op has found, and so not below 0."""
    owner = value.owner
    while isinstance(owner, ReshapeOp):
        owner = owner.input.owner
    return isinstance(owner, ArgOp)


@rewrite("Gather")
def _gather(node: Node, to: Lowering) -> SSAValue:
    input, indices = node.value(0), node.value(1)
    shape = shape_of(input)
    axis = axis_of(node.int("axis"), len(shape))
    result = node.result([*shape[:axis], *shape_of(indices), *shape[axis + 1 :]])
    return to.op(
        movement.GatherOp,
        [input, counted_from_start(to, indices, [shape[axis]])],
        result,
        axis=integer(axis),
        batch_dims=integer(0),
    )


@rewrite("GatherND")
def _gather_nd(node: Node, to: Lowering) -> SSAValue:
    input, indices = node.value(0), node.value(1)
    shape, numbers, batch = shape_of(input), shape_of(indices), node.int("batch_dims")
    depth = numbers[-1] if numbers else 0
    if not 0 <= batch < len(numbers) or not 1 <= depth <= len(shape) - batch:
        raise UnsupportedError(f"expected tuples that index {shape}, got {numbers}")
    result = node.result([*numbers[:-1], *shape[batch + depth :]])
    return to.op(
        movement.GatherNdOp,
        [input, counted_from_start(to, indices, list(shape[batch : batch + depth]))],
        result,
        batch_dims=integer(batch),
    )


def tuples(to: Lowering, indices: SSAValue, axis: int, extent: int) -> SSAValue:
    """
    Index tuples [..., rank] from indices along one axis: elsewhere the tuples have the place of the
    index itself.
    """
    shape = shape_of(indices)
    places = counted_from_start(to, indices, [extent])
    known = to.folded(places)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).astype(np.int32)
    if known is not None:
        grid[..., axis] = known
        return to.constant(grid, i32)
    column = to.reshape(cast(to, places, i32), [*shape, 1])
    parts = [
        column if k == axis else to.constant(np.ascontiguousarray(grid[..., k : k + 1]), i32)
        for k in range(len(shape))
    ]
    return concatenated(to, parts, len(shape))


@rewrite("GatherElements")
def _gather_elements(node: Node, to: Lowering) -> SSAValue:
    input, indices = node.value(0), node.value(1)
    shape = shape_of(input)
    if len(shape) != len(shape_of(indices)):
        raise UnsupportedError(f"expected indices of {len(shape)} axes, got {shape_of(indices)}")
    axis = axis_of(node.int("axis"), len(shape))
    places = tuples(to, indices, axis, shape[axis])
    return to.op(
        movement.GatherNdOp, [input, places], node.result(shape_of(indices)), batch_dims=integer(0)
    )


def _scattered(
    node: Node, to: Lowering, input: SSAValue, places: SSAValue, updates: SSAValue
) -> SSAValue:
    reduction = StringAttr(node.string("reduction", "none"))
    return to.op(ScatterNdOp, [input, places, updates], input.type, reduction=reduction)


@rewrite("ScatterND")
def _scatter_nd(node: Node, to: Lowering) -> SSAValue:
    input, indices, updates = node.values()
    shape, numbers = shape_of(input), shape_of(indices)
    if not numbers or not 1 <= numbers[-1] <= len(shape):
        raise UnsupportedError(f"expected tuples that index {shape}, got {numbers}")
    places = counted_from_start(to, indices, list(shape[: numbers[-1]]))
    return _scattered(node, to, input, places, updates)


@rewrite("Scatter", "ScatterElements")
def _scatter_elements(node: Node, to: Lowering) -> SSAValue:
    input, indices, updates = node.values()
    shape = shape_of(input)
    if len(shape) != len(shape_of(indices)) or shape_of(indices) != shape_of(updates):
        raise UnsupportedError(f"expected indices and updates of one shape for {shape}")
    axis = axis_of(node.int("axis"), len(shape))
    return _scattered(node, to, input, tuples(to, indices, axis, shape[axis]), updates)


@rewrite("OneHot")
def _one_hot(node: Node, to: Lowering) -> SSAValue:
    indices, values = node.value(0), node.value(2)
    shape, depth = list(shape_of(indices)), int(to.known(node.value(1), "its depth").item())
    axis = axis_of(node.int("axis", -1), len(shape) + 1)
    result = node.result([*shape[:axis], depth, *shape[axis:]])
    if element_of(indices) not in (i32, i64):
        indices = cast(to, indices, i64)
    off, on = (sliced(to, values, [k], [1], [1]) for k in range(2))
    places = counted_from_start(to, indices, [depth])
    return to.op(movement.OneHotOp, [places, on, off], result, axis=integer(axis))


@rewrite("Compress")
def _compress(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    condition = to.known(node.value(1), "its condition").astype(bool)
    if not node.has("axis"):
        count = int(np.prod(shape_of(input)))
        input, axis = to.reshape(input, [count]), 0
    else:
        axis = axis_of(node.int("axis"), len(shape_of(input)))
    places = np.flatnonzero(condition[: shape_of(input)[axis]])
    if not places.size:
        raise UnsupportedError("expected a condition that is true somewhere")
    return gathered(to, input, places, axis)


@rewrite("ReverseSequence")
def _reverse_sequence(node: Node, to: Lowering) -> SSAValue:
    input, lengths = node.value(0), node.value(1)
    return to.op(
        movement.ReverseSequenceOp,
        [input, lengths],
        input.type,
        axis=integer(node.int("time_axis")),
        batch_axis=integer(node.int("batch_axis", 1)),
    )
