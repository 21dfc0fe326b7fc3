"""Rewrites of operators that give a tensor another shape or order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.nn import movement
from nnc.dialects.tfl import movement as source
from nnc.dialects.types import element_of, shape_of, tensor_type
from nnc.passes.nn_builder import UnsupportedError, integer, integers
from nnc.passes.tfl.lowering import (
    Lowering,
    axes_of,
    axis_of,
    check_type,
    rewrite,
    scalar_of,
)
from nnc.passes.tfl.slicing import moved, sliced


@rewrite(source.ReshapeOp)
def _reshape(op: source.ReshapeOp, to: Lowering) -> SSAValue:
    input, shape = to.value(op.input), to.optional(op.shape)
    if shape is not None:
        wanted = to.known_ints(shape, "the shape")
    elif op.new_shape.get_values():
        wanted = list(op.new_shape.get_values())
    else:
        wanted = list(tensor_type(op.output).get_shape())
    count = prod(shape_of(input))
    open_axes = [axis for axis, extent in enumerate(wanted) if extent == -1]
    known = prod(extent for extent in wanted if extent != -1)
    if len(open_axes) > 1 or known < 1 or count % known or (not open_axes and known != count):
        raise UnsupportedError(f"expected a shape of {count} elements, got {wanted}")
    for axis in open_axes:
        wanted[axis] = count // known
    return _reshaped(op.output, to, input, wanted)


def _reshaped(output: SSAValue, to: Lowering, input: SSAValue, shape: Sequence[int]) -> SSAValue:
    result = to.result(output, shape)
    return to.reshape(moved(to, input, result), shape)


@rewrite(source.SqueezeOp)
def _squeeze(op: source.SqueezeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    shape = shape_of(input)
    axes = axes_of(list(op.squeeze_dims.get_values()), len(shape))
    axes = axes or [axis for axis, extent in enumerate(shape) if extent == 1]
    if any(shape[axis] != 1 for axis in axes):
        raise UnsupportedError(f"expected axes of extent 1 of {shape}, got {axes}")
    kept = [extent for axis, extent in enumerate(shape) if axis not in axes]
    return _reshaped(op.output, to, input, kept)


@rewrite(source.ExpandDimsOp)
def _expand_dims(op: source.ExpandDimsOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    shape = shape_of(input)
    place = scalar_of(to.known(to.value(op.axis), "the axis"), "an axis")
    axis = axis_of(place, len(shape) + 1)
    return _reshaped(op.output, to, input, [*shape[:axis], 1, *shape[axis:]])


def transposed(to: Lowering, value: SSAValue, permutation: Sequence[int]) -> SSAValue:
    """Axis i of the result is axis `permutation[i]`; a reshape where only axes of 1 move."""
    shape = shape_of(value)
    extents = [shape[axis] for axis in permutation]
    moving = [axis for axis in permutation if shape[axis] > 1]
    if moving == sorted(moving):
        return to.reshape(value, extents)
    return to.op(
        movement.TransposeOp,
        [value],
        TensorType(element_of(value), extents),
        permutation=integers(permutation),
    )


@rewrite(source.TransposeOp)
def _transpose(op: source.TransposeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    shape = shape_of(input)
    given = to.known_ints(to.value(op.perm), "the permutation")
    permutation = [axis + len(shape) if axis < 0 else axis for axis in given]
    if sorted(permutation) != list(range(len(shape))):
        raise UnsupportedError(f"expected a permutation of {len(shape)} axes, got {given}")
    result = to.result(op.output, [shape[axis] for axis in permutation])
    return transposed(to, moved(to, input, result), permutation)


@rewrite(source.TileOp)
def _tile(op: source.TileOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    multiples = to.known_ints(to.value(op.multiples), "the multiples")
    shape = shape_of(input)
    if len(multiples) != len(shape):
        raise UnsupportedError(f"expected {len(shape)} multiples, got {multiples}")
    result = to.result(op.output, [n * k for n, k in zip(shape, multiples, strict=True)])
    value = moved(to, input, result)
    if result.get_shape() == shape:
        return value
    return to.op(movement.TileOp, [value], result)


@rewrite(source.BroadcastToOp)
def _broadcast_to(op: source.BroadcastToOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    shape = to.known_ints(to.value(op.shape), "the shape")
    result = to.result(op.output, shape)
    try:
        stretches = np.broadcast_shapes(shape_of(input), tuple(shape)) == tuple(shape)
    except ValueError:
        stretches = False
    if not stretches:
        raise UnsupportedError(f"expected a shape that {shape_of(input)} stretches to, got {shape}")
    value = moved(to, input, result)
    if tuple(shape) == shape_of(input):
        return value
    return to.op(movement.BroadcastToOp, [value], result)


@rewrite(source.ReverseV2Op)
def _reverse(op: source.ReverseV2Op, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    shape = shape_of(input)
    axes = axes_of(to.known_ints(to.value(op.axis), "the axes"), len(shape))
    value = moved(to, input, to.like(op.output, input))
    begin = [n - 1 if axis in axes else 0 for axis, n in enumerate(shape)]
    strides = [-1 if axis in axes else 1 for axis in range(len(shape))]
    return sliced(to, value, begin, strides, shape)


@rewrite(source.ReverseSequenceOp)
def _reverse_sequence(op: source.ReverseSequenceOp, to: Lowering) -> SSAValue:
    input, lengths = to.value(op.input), to.value(op.seq_lengths)
    rank = len(shape_of(input))
    check_type(element_of(lengths), i32, i64)
    result = to.like(op.output, input)
    return to.op(
        movement.ReverseSequenceOp,
        [moved(to, input, result), lengths],
        result,
        axis=integer(axis_of(op.seq_dim.value.data, rank)),
        batch_axis=integer(axis_of(op.batch_dim.value.data, rank)),
    )
