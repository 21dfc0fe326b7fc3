"""What classifiers and regressors of classical machine learning do with their scores [N, C]."""

from __future__ import annotations

import math

from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, logic, reduction
from nnc.dialects.nn.library import Log1pOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.passes.nn_builder import UnsupportedError, real
from nnc.passes.onnx.common import (
    absolute,
    add,
    compared,
    div,
    function,
    mul,
    reduced,
    scalar,
    selected,
    sub,
)
from nnc.passes.onnx.lowering import Lowering

POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
"""In the order of their numbers in TreeEnsemble."""

KEEP_ORDER = ("NONE", "SOFTMAX", "LOGISTIC")
"""Those that do not change which score is the largest, but may round two of them to one number."""

_ZERO = 1e-7
_CURVATURE = 0.147
"""The constant of Winitzki's approximation of the inverse error function."""


def transformed(to: Lowering, scores: SSAValue, name: str) -> SSAValue:
    """
    The scores after a post-transform (ONNX `reference/ops/aionnxml/_common_classifier.py`).
    Raises `UnsupportedError` for a name that is none.
    """
    match name:
        case "NONE":
            return scores
        case "SOFTMAX":
            return to.op(SoftmaxOp, [scores], scores.type, beta=real(1))
        case "LOGISTIC":
            return function(to, functions.LogisticOp, scores)
        case "SOFTMAX_ZERO":
            return _softmax_zero(to, scores)
        case "PROBIT":
            return _probit(to, scores)
        case _:
            known = ", ".join(POST_TRANSFORMS)
            raise UnsupportedError(f"expected a post_transform of {known}, got {name}")


def _softmax_zero(to: Lowering, scores: SSAValue) -> SSAValue:
    """Scores of 0 stay 0; where all are, each becomes a half."""
    largest = reduced(to, reduction.ReduceMaxOp, scores, [1])
    powers = function(to, functions.ExpOp, sub(to, scores, largest))
    factor = function(to, functions.ExpOp, function(to, functions.NegOp, largest))
    counts = compared(to, logic.GreaterOp, absolute(to, scores), scalar(to, _ZERO, scores))
    parts = selected(to, counts, powers, mul(to, scores, factor))
    total = reduced(to, reduction.ReduceSumOp, parts, [1])
    none = compared(to, logic.EqualOp, total, scalar(to, 0, total))
    return selected(to, none, scalar(to, 0.5, scores), div(to, parts, total))


def _probit(to: Lowering, scores: SSAValue) -> SSAValue:
    """
    The quantile of the normal distribution, by Winitzki's approximation; 0 where it is infinite.
    The difference in it is written so that nothing cancels.
    """
    x = sub(to, mul(to, scores, scalar(to, 2, scores)), scalar(to, 1, scores))
    log = function(to, Log1pOp, function(to, functions.NegOp, mul(to, x, x)))
    v = add(
        to,
        mul(to, log, scalar(to, 0.5, x)),
        scalar(to, 2 / (math.pi * _CURVATURE), x),
    )
    v2 = mul(to, log, scalar(to, 1 / _CURVATURE, x))
    root = function(to, functions.SqrtOp, sub(to, mul(to, v, v), v2))
    positive = compared(to, logic.GreaterOp, v, scalar(to, 0, x))
    quotient = div(to, function(to, functions.NegOp, v2), add(to, root, v))
    square = selected(to, positive, quotient, sub(to, root, v))
    size = mul(to, function(to, functions.SqrtOp, square), scalar(to, 1.41421356, x))
    below = compared(to, logic.LessOp, x, scalar(to, 0, x))
    signed = selected(to, below, function(to, functions.NegOp, size), size)
    edge = compared(to, logic.EqualOp, absolute(to, x), scalar(to, 1, x))
    return selected(to, edge, scalar(to, 0, x), signed)
