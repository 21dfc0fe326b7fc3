"""Rewrites of functions of one tensor."""

from __future__ import annotations

from xdsl.dialects.builtin import (
    TensorType,
    f32,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import functions, logic
from nnc.dialects.nn.arithmetic import MulOp
from nnc.dialects.nn.conversion import ClampOp, RequantizeOp
from nnc.dialects.nn.unary import FunctionOp
from nnc.dialects.quant import UniformQuantizedType, print_float32
from nnc.dialects.tfl import unary as source
from nnc.dialects.types import element_of
from nnc.passes.nn_builder import UnsupportedError, flag
from nnc.passes.tfl.activation import REAL_BOUNDS, bounds
from nnc.passes.tfl.lowering import (
    DOUBLE,
    Lowering,
    check_one_type,
    check_type,
    is_quantized,
    quantized,
    rewrite,
)

_FUNCTIONS: dict[
    type[source.UnaryOp], tuple[type[FunctionOp], tuple[Attribute, ...], tuple[int, ...]]
] = {
    source.AbsOp: (functions.AbsOp, (f32, i16, i32), (8, 16)),
    source.CeilOp: (functions.CeilOp, (f32,), ()),
    source.CosOp: (functions.CosOp, (f32,), ()),
    source.EluOp: (functions.EluOp, (f32,), (8,)),
    source.ExpOp: (functions.ExpOp, (f32,), (8, 16)),
    source.FloorOp: (functions.FloorOp, (f32,), ()),
    source.HardSwishOp: (functions.HardSwishOp, (f32,), (8,)),
    source.LogOp: (functions.LogOp, (f32,), (8, 16)),
    source.LogisticOp: (functions.LogisticOp, (f32,), (8, 16)),
    source.NegOp: (functions.NegOp, (f32, i8, i16, i32, i64), (8, 16)),
    source.RoundOp: (functions.RoundOp, (f32,), ()),
    source.RsqrtOp: (functions.RsqrtOp, (f32,), (8, 16)),
    source.SignOp: (functions.SignOp, (f32, i32), ()),
    source.SinOp: (functions.SinOp, (f32,), ()),
    source.SqrtOp: (functions.SqrtOp, (f32,), (8, 16)),
    source.TanhOp: (functions.TanhOp, (f32,), (8, 16)),
}
"""The op of each function, and the plain types and quantised widths that it is defined for."""


@rewrite(*_FUNCTIONS)
def _function(op: source.UnaryOp, to: Lowering) -> SSAValue:
    kind, plain, widths = _FUNCTIONS[type(op)]
    input, result = same_type(op, to, plain, *widths)
    if kind in (functions.LogisticOp, functions.TanhOp) and is_quantized(input):
        return _sigmoid(op, to, input, result)
    if kind is functions.HardSwishOp and is_quantized(input):
        _check_hard_swish(input, result)
    return to.op(kind, [input], result)


def same_type(
    op: source.UnaryOp, to: Lowering, plain: tuple[Attribute, ...], *widths: int
) -> tuple[SSAValue, TensorType[Attribute]]:
    """The input and the type of the result, which are of one type and one shape."""
    input = to.value(op.input)
    result = to.like(op.output, input)
    check_one_type(plain, widths, element_of(input), result.element_type)
    return input, result


def _sigmoid(
    op: source.UnaryOp, to: Lowering, input: SSAValue, result: TensorType[Attribute]
) -> SSAValue:
    """LOGISTIC and TANH of quantised tensors, whose kernels insist on scales."""
    element, is_logistic = result.element_type, isinstance(op, source.LogisticOp)
    assert isinstance(element, UniformQuantizedType)
    wide = element.storage.width.data == 16
    exponent = -15 if wide else -8 if is_logistic else -7
    fixed_point = to.micro and not wide
    if (wide or is_logistic or fixed_point) and element.scale != 2.0**exponent:
        raise UnsupportedError(
            f"expected a result of scale 2^{exponent}, got {print_float32(element.scale)}"
        )
    zero_point = -128 if is_logistic and not wide else 0
    if (wide or fixed_point) and (element.zero_point != zero_point or not element.is_signed):
        raise UnsupportedError(f"expected a signed result of zero point {zero_point}")
    kind = functions.LogisticOp if is_logistic else functions.TanhOp
    return to.op(kind, [input], result, fixed_point=flag(fixed_point))


def _check_hard_swish(input: SSAValue, result: TensorType[Attribute]) -> None:
    element = result.element_type
    assert isinstance(element, UniformQuantizedType)
    if quantized(input, 8).scale / 128 >= element.scale:
        raise UnsupportedError("expected an output scale above 1/128 of the input's")


@rewrite(source.GeluOp)
def _gelu(op: source.GeluOp, to: Lowering) -> SSAValue:
    input, result = same_type(op, to, (f32,), 8, 16)
    return to.op(
        functions.GeluOp, [input], result, approximate=flag(bool(op.approximate.value.data))
    )


@rewrite(source.LeakyReluOp)
def _leaky_relu(op: source.LeakyReluOp, to: Lowering) -> SSAValue:
    input, result = same_type(op, to, (f32,), 8, 16)
    return to.op(functions.LeakyReluOp, [input], result, alpha=op.alpha)


_CLAMPS: dict[type[source.UnaryOp], tuple[str, tuple[int, ...]]] = {
    source.ReluOp: ("RELU", (8, 16)),
    source.Relu6Op: ("RELU6", (8, 16)),
    source.ReluN1To1Op: ("RELU_N1_TO_1", (8,)),
    source.Relu0To1Op: ("RELU_0_TO_1", (8,)),
}


@rewrite(*_CLAMPS)
def _clamp(op: source.UnaryOp, to: Lowering) -> SSAValue:
    name, widths = _CLAMPS[type(op)]
    input, result = same_type(op, to, (f32,), *widths)
    return clamped(to, input, result, name)


def clamped(
    to: Lowering, input: SSAValue, result: TensorType[Attribute], activation: str
) -> SSAValue:
    """An activation that is a clamp; quantised, with a rescaling where the scales differ."""
    assert activation in REAL_BOUNDS
    limits = bounds(activation, result)
    if element_of(input) == result.element_type:
        if not limits:
            return input
        return to.op(ClampOp, [input], result, **limits)
    return to.op(
        RequantizeOp, [input], result, rounding=DOUBLE, f32_multiplier=flag(True), **limits
    )


@rewrite(source.SquareOp)
def _square(op: source.SquareOp, to: Lowering) -> SSAValue:
    input, result = same_type(op, to, (f32,))
    return to.op(MulOp, [input, input], result)


@rewrite(source.LogicalNotOp)
def _logical_not(op: source.LogicalNotOp, to: Lowering) -> SSAValue:
    input, result = same_type(op, to, (i1,))
    return to.op(logic.NotOp, [input], result)


@rewrite(source.ZerosLikeOp)
def _zeros_like(op: source.ZerosLikeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    check_type(result.element_type, f32, i32, i64)
    return to.full(result, 0)
