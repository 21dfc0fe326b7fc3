"""Rewrites of functions of one tensor."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import (
    Float32Type,
    IntegerType,
    Signedness,
    TensorType,
    f16,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import functions, logic
from nnc.dialects.nn.arithmetic import MulOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import CastOp, ClampOp, DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.nn.normalization import (
    L2NormalizationOp,
    LocalResponseNormalizationOp,
    LogSoftmaxOp,
)
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.nn.unary import FunctionOp
from nnc.dialects.quant import UniformQuantizedType, print_float32
from nnc.dialects.tfl import unary as source
from nnc.dialects.types import element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, flag, integer, real
from nnc.passes.tfl.activation import REAL_BOUNDS, bounds
from nnc.passes.tfl.lowering import (
    Lowering,
    check_one_type,
    check_type,
    is_quantized,
    quantized,
    rewrite,
)

DOUBLE = RoundingAttr(Rounding.DOUBLE)
U8 = IntegerType(8, Signedness.UNSIGNED)
PLAIN = (f32, i1, i8, i16, i32, i64, U8)

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
    input, result = _same(op, to, plain, *widths)
    if kind in (functions.LogisticOp, functions.TanhOp) and is_quantized(input):
        return _sigmoid(op, to, input, result)
    if kind is functions.HardSwishOp and is_quantized(input):
        _check_hard_swish(input, result)
    return to.op(kind, [input], result)


def _same(
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
    input, result = _same(op, to, (f32,), 8, 16)
    return to.op(
        functions.GeluOp, [input], result, approximate=flag(bool(op.approximate.value.data))
    )


@rewrite(source.LeakyReluOp)
def _leaky_relu(op: source.LeakyReluOp, to: Lowering) -> SSAValue:
    input, result = _same(op, to, (f32,), 8, 16)
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
    input, result = _same(op, to, (f32,), *widths)
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
    input, result = _same(op, to, (f32,))
    return to.op(MulOp, [input, input], result)


@rewrite(source.LogicalNotOp)
def _logical_not(op: source.LogicalNotOp, to: Lowering) -> SSAValue:
    input, result = _same(op, to, (i1,))
    return to.op(logic.NotOp, [input], result)


@rewrite(source.ZerosLikeOp)
def _zeros_like(op: source.ZerosLikeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    check_type(result.element_type, f32, i32, i64)
    return to.full(result, 0)


@rewrite(source.SoftmaxOp)
def _softmax(op: source.SoftmaxOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    if not is_quantized(input):
        check_type(element_of(input), f32)
        check_type(result.element_type, f32)
        return to.op(SoftmaxOp, [input], result, beta=op.beta)
    given, target = quantized(input, 8, 16), result.element_type
    if not isinstance(target, UniformQuantizedType):
        raise UnsupportedError(f"expected a quantised result, got {target}")
    width = target.storage.width.data
    smallest = 0 if given.storage.width.data == 16 else target.storage_min
    exponent = -15 if given.storage.width.data == 16 else -width
    if (target.scale, target.zero_point) != (2.0**exponent, smallest):
        raise UnsupportedError(
            f"expected a result of scale 2^{exponent} and zero point {smallest}, "
            f"got {print_float32(target.scale)} and {target.zero_point}"
        )
    if given.storage.width.data == 8 and shape_of(input)[-1] >= 512:
        to.remark("rows whose exponentials add up to 512 stop the reference kernels; defined here")
    return to.op(SoftmaxOp, [input], result, beta=op.beta)


@rewrite(source.LogSoftmaxOp)
def _log_softmax(op: source.LogSoftmaxOp, to: Lowering) -> SSAValue:
    input, result = _same(op, to, (f32,), 8)
    target = result.element_type
    if isinstance(target, UniformQuantizedType) and (
        not target.is_signed or (target.scale, target.zero_point) != (1 / 16, 127)
    ):
        raise UnsupportedError("expected an int8 result of scale 1/16 and zero point 127")
    return to.op(LogSoftmaxOp, [input], result)


@rewrite(source.L2NormalizationOp)
def _l2_normalization(op: source.L2NormalizationOp, to: Lowering) -> SSAValue:
    input, result = _same(op, to, (f32,), 8)
    target = result.element_type
    if op.fused_activation_function.data != "NONE":
        raise UnsupportedError("a fused activation is not supported", "NONE is")
    if isinstance(target, UniformQuantizedType):
        middle = 0 if target.is_signed else 128
        if (target.scale, target.zero_point) != (1 / 128, middle):
            raise UnsupportedError(f"expected a result of scale 1/128 and zero point {middle}")
    return to.op(L2NormalizationOp, [input], result, epsilon=real(1e-6))


@rewrite(source.LocalResponseNormalizationOp)
def _local_response_normalization(
    op: source.LocalResponseNormalizationOp, to: Lowering
) -> SSAValue:
    input, result = _same(op, to, (f32,))
    radius = op.radius.value.data
    return to.op(
        LocalResponseNormalizationOp,
        [input],
        result,
        before=integer(radius),
        # The kernel's window ends before the last neighbour.
        after=integer(radius - 1),
        bias=op.bias,
        alpha=op.alpha,
        beta=op.beta,
    )


@rewrite(source.CastOp)
def _cast(op: source.CastOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    if element_of(input) in (f16, f64):
        return _unpacked(to, input, result)
    plain = (*PLAIN, IntegerType(16, Signedness.UNSIGNED))
    check_type(to_storage(element_of(input)), *plain)
    check_type(to_storage(result.element_type), *plain)
    return to.op(CastOp, [input], result)


def to_storage(element: Attribute) -> Attribute:
    """The plain integer type of a quantised type, any other type as it is."""
    return element.storage if isinstance(element, UniformQuantizedType) else element


def _unpacked(to: Lowering, input: SSAValue, result: TensorType[Attribute]) -> SSAValue:
    """Half and double precision exist in constants only, which are converted at once."""
    check_type(result.element_type, f32)
    values = to.folded(input)
    if values is None:
        raise UnsupportedError(
            f"{element_of(input)} is only supported in constants", "float32 would be"
        )
    return to.constant(values.astype(np.float32), f32)


@rewrite(source.QuantizeOp)
def _quantize(op: source.QuantizeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    target = result.element_type
    if not isinstance(target, UniformQuantizedType) or target.axis is not None:
        raise UnsupportedError(f"expected a result quantised as a whole, got {target}")
    if target.storage.width.data not in (8, 16):
        raise UnsupportedError(f"expected a result of 8 or 16 bits, got {target.storage}")
    if isinstance(element_of(input), Float32Type):
        return to.op(QuantizeOp, [input], result)
    if quantized(input, 8, 16) == target:
        return input
    return to.op(RequantizeOp, [input], result, rounding=DOUBLE)


@rewrite(source.DequantizeOp)
def _dequantize(op: source.DequantizeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    check_type(result.element_type, f32)
    element = element_of(input)
    if element in (f16, f64):
        return _unpacked(to, input, result)
    if not isinstance(element, UniformQuantizedType):
        raise UnsupportedError(f"expected a quantised or float16 tensor, got {element}")
    return to.op(DequantizeOp, [input], result)
