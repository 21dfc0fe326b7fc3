"""Rewrites of functions of one tensor, element by element."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import FloatAttr, IntegerType, UnitAttr, f32, i1
from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, library, logic
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.types import element_of, is_unsigned, shape_of
from nnc.passes.nn_builder import UnsupportedError, real
from nnc.passes.onnx.common import (
    absolute,
    add,
    check_type,
    clamped,
    combined,
    compared,
    div,
    function,
    is_nan,
    mul,
    scalar,
    selected,
    sub,
)
from nnc.passes.onnx.lowering import Lowering, Node, rewrite

_PLAIN: dict[str, type[NnOp]] = {
    "Acos": library.AcosOp,
    "Acosh": library.AcoshOp,
    "Asin": library.AsinOp,
    "Asinh": library.AsinhOp,
    "Atan": library.AtanOp,
    "Atanh": library.AtanhOp,
    "Ceil": functions.CeilOp,
    "Cos": functions.CosOp,
    "Cosh": library.CoshOp,
    "Erf": library.ErfOp,
    "Exp": functions.ExpOp,
    "Floor": functions.FloorOp,
    "HardSwish": functions.HardSwishOp,
    "Log": functions.LogOp,
    "Round": functions.RoundOp,
    "Sigmoid": functions.LogisticOp,
    "Sin": functions.SinOp,
    "Sinh": library.SinhOp,
    "Sqrt": functions.SqrtOp,
    "Tan": library.TanOp,
    "Tanh": functions.TanhOp,
}
"""The functions of float32 numbers that `nn` has as they are."""


@rewrite(*_PLAIN)
def _plain(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return function(to, _PLAIN[node.operator], node.value(0))


@rewrite("Abs")
def _abs(node: Node, to: Lowering) -> SSAValue:
    return absolute(to, node.value(0))


@rewrite("Neg")
def _neg(node: Node, to: Lowering) -> SSAValue:
    return function(to, functions.NegOp, node.value(0))


@rewrite("Sign")
def _sign(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    element = element_of(input)
    if isinstance(element, IntegerType) and is_unsigned(element):
        return clamped(to, input, high=1)
    if element == f32:
        return function(to, functions.SignOp, input)
    return clamped(to, input, -1, 1)


@rewrite("Identity")
def _identity(node: Node, to: Lowering) -> SSAValue:
    return node.value(0)


@rewrite("Dropout")
def _dropout(node: Node, to: Lowering) -> list[SSAValue]:
    """The identity: dropping is for training, and then of random elements."""
    ratio, training = node.optional(1), node.optional(2)
    if training is not None and to.known(training, "the training mode").any():
        share = 0.5 if ratio is None else to.known(ratio, "the ratio").item()
        if share:
            raise UnsupportedError(
                "training mode is not supported: it drops random elements",
                "a model that is exported for inference works",
            )
    if not node.wanted(1):
        return [node.value(0)]
    # Before version 10 the mask is of the input's type.
    return [node.value(0), to.full(node.like(node.value(0), 1), 1)]


def _alpha(node: Node) -> float:
    return node.float("alpha")


@rewrite("Elu")
def _elu(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return to.op(
        functions.EluOp, [node.value(0)], node.value(0).type, alpha=FloatAttr(_alpha(node), f32)
    )


@rewrite("LeakyRelu")
def _leaky_relu(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    alpha = real(_alpha(node))
    return to.op(functions.LeakyReluOp, [node.value(0)], node.value(0).type, alpha=alpha)


@rewrite("Gelu")
def _gelu(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    approximate = UnitAttr() if node.string("approximate") == "tanh" else None
    kind = node.value(0).type
    return to.op(functions.GeluOp, [node.value(0)], kind, approximate=approximate)


@rewrite("Relu")
def _relu(node: Node, to: Lowering) -> SSAValue:
    return clamped(to, node.value(0), low=0)


@rewrite("Clip")
def _clip(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    bounds: list[float | None] = [None, None]
    computed: list[tuple[type[NnOp], SSAValue]] = []
    kinds: list[type[NnOp]] = [MaximumOp, MinimumOp]
    for number, name in enumerate(("min", "max")):
        operand = node.optional(number + 1)
        if operand is not None:
            values = to.folded(operand)
            if values is None:
                computed.append((kinds[number], operand))
            else:
                bounds[number] = values.reshape(-1)[0].item()
        elif node.since < 11:
            # The defaults before version 11 are the largest numbers of float32.
            limit = float(np.float32(node.float(name)))
            bounds[number] = None if abs(limit) >= np.finfo(np.float32).max else limit
    value = input
    if bounds != [None, None]:
        low, high = bounds
        if low is not None and high is not None and low > high:
            low = high
        value = clamped(to, input, low, high)
    for kind, operand in computed:
        value = combined(to, kind, value, operand)
    return value


def _one(to: Lowering, like: SSAValue) -> SSAValue:
    return scalar(to, 1.0, like)


@rewrite("Reciprocal")
def _reciprocal(node: Node, to: Lowering) -> SSAValue:
    return div(to, _one(to, node.value(0)), node.value(0))


def softplus(to: Lowering, x: SSAValue) -> SSAValue:
    """log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)), which does not overflow."""
    small = function(to, functions.ExpOp, function(to, functions.NegOp, absolute(to, x)))
    return add(to, clamped(to, x, low=0), function(to, library.Log1pOp, small))


def _selu(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    alpha = FloatAttr(node.float("alpha"), f32)
    value = to.op(functions.EluOp, [x], x.type, alpha=alpha)
    return mul(to, value, scalar(to, node.float("gamma"), x))


def _celu(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    alpha = scalar(to, _alpha(node), x)
    below = to.op(functions.EluOp, [div(to, x, alpha)], x.type, alpha=FloatAttr(1.0, f32))
    return add(to, clamped(to, x, low=0), mul(to, clamped(to, below, high=0), alpha))


def _hard_sigmoid(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    line = add(to, mul(to, x, scalar(to, _alpha(node), x)), scalar(to, node.float("beta"), x))
    return clamped(to, line, 0.0, 1.0)


def _mish(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    return mul(to, x, function(to, functions.TanhOp, softplus(to, x)))


def _shrink(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    bias, limit = scalar(to, node.float("bias"), x), node.float("lambd")
    above = compared(to, logic.GreaterOp, x, scalar(to, limit, x))
    below = compared(to, logic.LessOp, x, scalar(to, -limit, x))
    inner = selected(to, below, add(to, x, bias), scalar(to, 0.0, x))
    return selected(to, above, sub(to, x, bias), inner)


def _softsign(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    return div(to, x, add(to, _one(to, x), absolute(to, x)))


def _swish(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    scaled = mul(to, x, scalar(to, _alpha(node), x))
    return mul(to, x, function(to, functions.LogisticOp, scaled))


def _thresholded(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    above = compared(to, logic.GreaterOp, x, scalar(to, _alpha(node), x))
    return selected(to, above, x, scalar(to, 0.0, x))


_COMPOSED: dict[str, Callable[[Node, Lowering, SSAValue], SSAValue]] = {
    "Celu": _celu,
    "HardSigmoid": _hard_sigmoid,
    "Mish": _mish,
    "Selu": _selu,
    "Shrink": _shrink,
    "Softplus": lambda node, to, x: softplus(to, x),
    "Softsign": _softsign,
    "Swish": _swish,
    "ThresholdedRelu": _thresholded,
}
"""The functions of float32 numbers that several ops compute."""


@rewrite(*_COMPOSED)
def _composed(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return _COMPOSED[node.operator](node, to, node.value(0))


@rewrite("IsNaN")
def _is_nan(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)
    return is_nan(to, node.value(0))


@rewrite("IsInf")
def _is_inf(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    check_type(input, f32)
    positive, negative = node.int("detect_positive", 1), node.int("detect_negative", 1)
    if positive and negative:
        input = absolute(to, input)
    elif not positive and not negative:
        return to.constant(np.zeros(shape_of(input), np.bool_), i1)
    limit = np.inf if positive else -np.inf
    return compared(to, logic.EqualOp, input, scalar(to, limit, input))
