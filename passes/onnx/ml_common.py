"""
What the rewrites of classical machine learning share: rows of numbers, labels, transforms.

The specification of `ai.onnx.ml` leaves much open. What it does not say is as in ONNX Runtime,
whose kernels the converters are tested with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import FloatAttr, TensorType, f32, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, logic, movement, reduction
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.onnx.common import (
    absolute,
    add,
    cast,
    check_rank,
    compared,
    div,
    function,
    mul,
    reduced,
    scalar,
    selected,
    sub,
)
from nnc.passes.onnx.lowering import Lowering, Node

_PI, _WINITZKI = 3.14159, 0.147


def rows_of(to: Lowering, value: SSAValue) -> SSAValue:
    """A tensor as rows of float32 numbers, [N, D]; a vector is one row."""
    check_rank(value, 1, 2)
    value = cast(to, value, f32)
    shape = shape_of(value)
    return to.reshape(value, [1, *shape]) if len(shape) == 1 else value


def matrix(to: Lowering, values: Sequence[float], columns: int, what: str) -> SSAValue:
    """A list of numbers as the rows of a constant matrix."""
    if not values or len(values) % columns:
        raise UnsupportedError(f"expected {what} for {columns} features, got {len(values)}")
    return to.numbers(np.reshape(np.asarray(values, np.float32), [-1, columns]))


def picked(to: Lowering, table: SSAValue, places: SSAValue) -> SSAValue:
    """The elements of a vector at computed places."""
    return to.op(
        movement.GatherOp,
        [table, places],
        TensorType(element_of(table), shape_of(places)),
        axis=integer(0),
        batch_dims=integer(0),
    )


def labelled(node: Node, to: Lowering, labels: Sequence[str | int], places: SSAValue) -> SSAValue:
    """
    The labels of a classifier at the places [N] that it chose: int64 numbers, or the places where
    the labels are texts.
    """
    node.result(shape_of(places))
    if any(isinstance(label, str) for label in labels):
        to.names[node.op.results[0]] = tuple(str(label) for label in labels)
        return cast(to, places, i32)
    if list(labels) == list(range(len(labels))):
        return cast(to, places, i64)
    return picked(to, to.constant(np.asarray(labels, np.int64), i64), places)


def largest(to: Lowering, scores: SSAValue) -> SSAValue:
    """Where the largest score of each row is, [N]."""
    rows = shape_of(scores)[0]
    kind = TensorType(i32, [rows, 1])
    return to.reshape(to.op(reduction.ArgMaxOp, [scores], kind, axis=integer(1)), [rows])


def softmax(to: Lowering, scores: SSAValue) -> SSAValue:
    """The softmax of each row."""
    return to.op(SoftmaxOp, [scores], scores.type, beta=FloatAttr(1.0, f32))


def transformed(to: Lowering, scores: SSAValue, transform: str) -> SSAValue:
    """Several scores of each row, [N, K], under a `post_transform`."""
    match transform:
        case "NONE":
            return scores
        case "LOGISTIC":
            return function(to, functions.LogisticOp, scores)
        case "SOFTMAX":
            return softmax(to, scores)
        case "SOFTMAX_ZERO":
            return _softmax_zero(to, scores)
        case "PROBIT":
            return _probit(to, scores)
        case _:
            raise UnsupportedError(
                f"expected a post_transform of NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT, "
                f"got {transform}"
            )


def _softmax_zero(to: Lowering, scores: SSAValue) -> SSAValue:
    """A softmax of the scores that are not 0; what is within 1e-7 of it stays so, scaled along."""
    largest_score = reduced(to, reduction.ReduceMaxOp, scores, [1])
    counts = compared(to, logic.GreaterOp, absolute(to, scores), scalar(to, 1e-7, scores))
    zero = scalar(to, 0.0, scores)
    powers = function(to, functions.ExpOp, sub(to, scores, largest_score))
    total = reduced(to, reduction.ReduceSumOp, selected(to, counts, powers, zero), [1])
    scale = function(to, functions.ExpOp, function(to, functions.NegOp, largest_score))
    return div(to, selected(to, counts, powers, mul(to, scores, scale)), total)


def _probit(to: Lowering, scores: SSAValue) -> SSAValue:
    """
    The inverse of the normal distribution, by Winitzki's approximation of the inverse error
    function with the constants of ONNX Runtime (`ml_common.h`, `ComputeProbit`).
    """

    def number(value: float) -> SSAValue:
        return scalar(to, float(np.float32(value)), scores)

    x = sub(to, mul(to, scores, number(2.0)), number(1.0))
    inner = mul(to, sub(to, number(1.0), x), add(to, x, number(1.0)))
    log = function(to, functions.LogOp, inner)
    v = add(to, number(2 / (_PI * _WINITZKI)), mul(to, log, number(0.5)))
    root = function(
        to, functions.SqrtOp, sub(to, mul(to, v, v), mul(to, log, number(1 / _WINITZKI)))
    )
    size = function(to, functions.SqrtOp, sub(to, root, v))
    below = compared(to, logic.LessOp, x, scalar(to, 0.0, x))
    signed = selected(to, below, function(to, functions.NegOp, size), size)
    return mul(to, signed, number(np.sqrt(2)))
