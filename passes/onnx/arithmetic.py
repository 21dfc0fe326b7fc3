"""Rewrites of arithmetic, comparisons and logic of several tensors."""

from __future__ import annotations

from functools import reduce

import numpy as np
from xdsl.dialects.builtin import IntegerType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn import arithmetic, binary, logic
from nnc.dialects.nn.base import NnOp
from nnc.dialects.types import element_of, is_unsigned, numpy_dtype, shape_of
from nnc.passes.onnx.common import (
    cast,
    combined,
    compared,
    div,
    function,
    is_float,
    mul,
    scalar,
    selected,
    stretched,
)
from nnc.passes.onnx.lowering import Lowering, Node, broadcast, is_double, rewrite

_BINARY: dict[str, type[NnOp]] = {
    "Add": arithmetic.AddOp,
    "Sub": arithmetic.SubOp,
    "Mul": arithmetic.MulOp,
    "Div": binary.DivOp,
    "And": logic.AndOp,
    "Or": logic.OrOp,
    "Xor": logic.XorOp,
    "BitwiseAnd": logic.AndOp,
    "BitwiseOr": logic.OrOp,
    "BitwiseXor": logic.XorOp,
}


@rewrite(*_BINARY)
def _binary(node: Node, to: Lowering) -> SSAValue:
    a, b = node.value(0), node.value(1)
    node.result(broadcast(a, b))
    return combined(to, _BINARY[node.operator], a, b)


@rewrite("BitwiseNot")
def _bitwise_not(node: Node, to: Lowering) -> SSAValue:
    element = element_of(node.value(0))
    every = np.full([1] * len(shape_of(node.value(0))), -1).astype(numpy_dtype(element))
    return combined(to, logic.XorOp, node.value(0), to.constant(every, element))


@rewrite("Not")
def _not(node: Node, to: Lowering) -> SSAValue:
    return function(to, logic.NotOp, node.value(0))


_COMPARISONS: dict[str, type[logic.ComparisonOp]] = {
    "Equal": logic.EqualOp,
    "Greater": logic.GreaterOp,
    "GreaterOrEqual": logic.GreaterEqualOp,
    "Less": logic.LessOp,
    "LessOrEqual": logic.LessEqualOp,
}


@rewrite(*_COMPARISONS)
def _comparison(node: Node, to: Lowering) -> SSAValue:
    return compared(to, _COMPARISONS[node.operator], node.value(0), node.value(1))


_FOLDED: dict[str, type[NnOp]] = {
    "Max": binary.MaximumOp,
    "Min": binary.MinimumOp,
    "Sum": arithmetic.AddOp,
    "Mean": arithmetic.AddOp,
}


@rewrite(*_FOLDED)
def _folded(node: Node, to: Lowering) -> SSAValue:
    values = node.values()
    total = reduce(lambda a, b: combined(to, _FOLDED[node.operator], a, b), values)
    if node.operator == "Mean" and len(values) > 1:
        total = div(to, total, scalar(to, len(values), total))
    return total


@rewrite("Where")
def _where(node: Node, to: Lowering) -> SSAValue:
    condition, a, b = node.values()
    return selected(to, condition, a, b)


@rewrite("PRelu")
def _prelu(node: Node, to: Lowering) -> SSAValue:
    input, slope = node.value(0), node.value(1)
    if is_float(input):
        return to.op(binary.PreluOp, [input, slope], input.type)
    below = compared(to, logic.LessOp, input, scalar(to, 0, input))
    return selected(to, below, mul(to, input, slope), input)


@rewrite("Pow")
def _pow(node: Node, to: Lowering) -> SSAValue:
    base, exponent = node.value(0), node.value(1)
    element = element_of(base)
    if element == element_of(exponent):
        power = to.folded(exponent)
        if element == f32 and power is not None and power.size == 1 and power.item() == 2.0:
            return stretched(to, mul(to, base, base), broadcast(base, exponent))
        return combined(to, binary.PowOp, base, exponent)
    value = combined(to, binary.PowOp, cast(to, base, f32), cast(to, exponent, f32))
    return cast(to, value, element)


@rewrite("Mod")
def _mod(node: Node, to: Lowering) -> SSAValue:
    """The remainder with the sign of the divisor, or with `fmod` that of the dividend."""
    a, b = node.value(0), node.value(1)
    return combined(to, binary.TruncModOp if node.int("fmod") else binary.FloorModOp, a, b)


@rewrite("BitShift")
def _bit_shift(node: Node, to: Lowering) -> SSAValue:
    """Shifts by less than 0 shift everything out, as those by the width or more do."""
    left = node.string("direction") == "LEFT"
    kind = binary.ShiftLeftOp if left else binary.ShiftRightOp
    values, amounts = node.value(0), node.value(1)
    element = element_of(amounts)
    if not left and isinstance(element, IntegerType) and not is_unsigned(element):
        below = compared(to, logic.LessOp, amounts, scalar(to, 0, amounts))
        amounts = selected(to, below, scalar(to, element.width.data, amounts), amounts)
    return combined(to, kind, values, amounts)


@rewrite("Cast", "CastLike")
def _cast(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    target = node.like(input).element_type
    if is_double(node.op.results[0]):
        to.remark("what follows is in double precision in the model, and computed in float32")
    return cast(to, input, target)
