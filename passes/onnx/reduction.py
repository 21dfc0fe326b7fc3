"""Rewrites of operators that fold a tensor along axes, or run along one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import IntegerType, TensorType, f32, i1
from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, reduction
from nnc.dialects.types import element_of, is_unsigned, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, integer
from nnc.passes.onnx.common import (
    absolute,
    add,
    check_type,
    function,
    is_float,
    mul,
    reduced,
    scalar,
    sliced,
    sub,
)
from nnc.passes.onnx.lowering import Lowering, Node, axes_of, axis_of, rewrite

_PLAIN: dict[str, type[reduction.ReduceOp]] = {
    "ReduceMax": reduction.ReduceMaxOp,
    "ReduceMean": reduction.ReduceMeanOp,
    "ReduceMin": reduction.ReduceMinOp,
    "ReduceProd": reduction.ReduceProdOp,
    "ReduceSum": reduction.ReduceSumOp,
}


def _folded(node: Node, to: Lowering, fold: Callable[[SSAValue, list[int]], SSAValue]) -> SSAValue:
    """What `fold` makes of the input and the axes, with the axes kept or dropped."""
    input = node.value(0)
    shape = shape_of(input)
    given = node.ints_or_operand("axes", 1)
    if not given and node.int("noop_with_empty_axes"):
        axes: list[int] = []
    else:
        axes = axes_of(given or list(range(len(shape))), len(shape))
    value = fold(input, axes)
    kept = bool(node.int("keepdims", 1))
    final = [
        1 if axis in axes else extent
        for axis, extent in enumerate(shape)
        if kept or axis not in axes
    ]
    return to.reshape(value, node.result(final).get_shape())


@rewrite(*_PLAIN)
def _reduce(node: Node, to: Lowering) -> SSAValue:
    if element_of(node.value(0)) == i1:
        # The largest of truth values is whether any is true, the smallest whether all are.
        kind = reduction.ReduceAnyOp if node.operator == "ReduceMax" else reduction.ReduceAllOp
        return _folded(node, to, lambda x, axes: reduced(to, kind, x, axes))
    return _folded(node, to, lambda x, axes: reduced(to, _PLAIN[node.operator], x, axes))


def _sum(to: Lowering, value: SSAValue, axes: list[int]) -> SSAValue:
    return reduced(to, reduction.ReduceSumOp, value, axes)


@rewrite("ReduceL1")
def _l1(node: Node, to: Lowering) -> SSAValue:
    return _folded(node, to, lambda x, axes: _sum(to, absolute(to, x), axes))


@rewrite("ReduceSumSquare")
def _sum_square(node: Node, to: Lowering) -> SSAValue:
    return _folded(node, to, lambda x, axes: _sum(to, mul(to, x, x), axes))


@rewrite("ReduceL2")
def _l2(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return _folded(
        node, to, lambda x, axes: function(to, functions.SqrtOp, _sum(to, mul(to, x, x), axes))
    )


@rewrite("ReduceLogSum")
def _log_sum(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return _folded(node, to, lambda x, axes: function(to, functions.LogOp, _sum(to, x, axes)))


@rewrite("ReduceLogSumExp")
def _log_sum_exp(node: Node, to: Lowering) -> SSAValue:
    """The largest number is taken out of the sum, so that nothing overflows."""
    check_type(node.value(0), f32)

    def fold(x: SSAValue, axes: list[int]) -> SSAValue:
        largest = reduced(to, reduction.ReduceMaxOp, x, axes)
        powers = function(to, functions.ExpOp, sub(to, x, largest))
        return add(to, largest, function(to, functions.LogOp, _sum(to, powers, axes)))

    return _folded(node, to, fold)


@rewrite("ArgMax", "ArgMin")
def _arg(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    shape = shape_of(input)
    axis = axis_of(node.int("axis"), len(shape))
    kept = [*shape[:axis], 1, *shape[axis + 1 :]]
    final = kept if node.int("keepdims", 1) else [*shape[:axis], *shape[axis + 1 :]]
    result = node.result(final)
    kind = reduction.ArgMaxOp if node.operator == "ArgMax" else reduction.ArgMinOp
    if node.int("select_last_index"):
        input = _reversed(to, input, axis)
    place = to.op(kind, [input], TensorType(result.element_type, kept), axis=integer(axis))
    if node.int("select_last_index"):
        place = sub(to, scalar(to, shape[axis] - 1, place), place)
    return to.reshape(place, result.get_shape())


def _reversed(to: Lowering, value: SSAValue, axis: int) -> SSAValue:
    shape = shape_of(value)
    begin, strides = [0] * len(shape), [1] * len(shape)
    begin[axis], strides[axis] = shape[axis] - 1, -1
    return sliced(to, value, begin, strides, shape)


@rewrite("CumSum")
def _cumsum(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    (axis,) = to.known_ints(node.value(1), "its axis")
    return to.op(
        reduction.CumsumOp,
        [input],
        input.type,
        axis=integer(axis_of(axis, len(shape_of(input)))),
        exclusive=flag(bool(node.int("exclusive"))),
        reverse=flag(bool(node.int("reverse"))),
    )


@rewrite("TopK")
def _top_k(node: Node, to: Lowering) -> list[SSAValue]:
    """The smallest ones are the largest of the negated: of integers, of the complement."""
    input = node.value(0)
    shape = shape_of(input)
    axis = axis_of(node.int("axis", -1), len(shape))
    count = node.int("k") if node.has("k") else to.known_ints(node.value(1), "its k")[0]
    if not 1 <= count <= shape[axis]:
        raise UnsupportedError(f"expected k between 1 and {shape[axis]}, got {count}")
    rank, smallest = len(shape), not node.int("largest", 1)
    order = [*(k for k in range(rank) if k != axis), axis]
    back = [order.index(k) for k in range(rank)]
    rows = to.transposed(input, order)
    if smallest:
        rows = _flipped(to, rows)
    *outer, _ = shape_of(rows)
    indices = node.result([*shape[:axis], count, *shape[axis + 1 :]], 1).element_type
    kinds = [TensorType(kind, [*outer, count]) for kind in (element_of(rows), indices)]
    first = to.op(reduction.TopKOp, [rows], *kinds)
    assert isinstance(first.owner, reduction.TopKOp)
    values, places = first.owner.results
    values = _flipped(to, values) if smallest else values
    return [to.transposed(value, back) for value in (values, places)]


def _flipped(to: Lowering, value: SSAValue) -> SSAValue:
    if is_float(value):
        return function(to, functions.NegOp, value)
    element = element_of(value)
    unsigned = isinstance(element, IntegerType) and is_unsigned(element)
    top = np.iinfo(str(numpy_dtype(element))).max if unsigned else -1
    return sub(to, scalar(to, top, value), value)
