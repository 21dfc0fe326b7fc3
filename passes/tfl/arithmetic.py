"""Rewrites of elementwise arithmetic of two tensors."""

from __future__ import annotations

import math

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import arithmetic, binary
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp, SumOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import binary as source
from nnc.dialects.types import element_of
from nnc.passes.nn_builder import UnsupportedError, flag, integer
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.lowering import (
    DOUBLE,
    U8,
    Lowering,
    broadcast,
    check_one_type,
    check_type,
    is_quantized,
    quantized,
    rewrite,
)


def rounding_of(value: SSAValue) -> RoundingAttr | None:
    return DOUBLE if is_quantized(value) else None


def operands_of(
    op: source.BinaryOp, to: Lowering, plain: tuple[Attribute, ...], *widths: int
) -> tuple[SSAValue, SSAValue, TensorType[Attribute]]:
    """Both operands and the type of the result, which are all of one of the given types."""
    lhs, rhs = to.value(op.lhs), to.value(op.rhs)
    result = to.result(op.output, broadcast(lhs, rhs))
    check_one_type(plain, widths, element_of(lhs), element_of(rhs), result.element_type)
    return lhs, rhs, result


@rewrite(source.AddOp)
def _add(op: source.AddOp, to: Lowering) -> SSAValue:
    return _sum(op, to, AddOp)


@rewrite(source.SubOp)
def _sub(op: source.SubOp, to: Lowering) -> SSAValue:
    return _sum(op, to, SubOp)


def _sum(op: source.AddOp | source.SubOp, to: Lowering, kind: type[SumOp]) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (f32, i32, i64, i16), 8, 16)
    wide = is_quantized(lhs) and quantized(lhs, 8, 16).storage.width.data == 16
    shifts = wide and bool(op.pot_scale_int16.value.data) and not to.micro
    powers = shifts and _powers_of_two(lhs, rhs, result)
    if is_quantized(lhs) and not powers:
        twice = 2 * max(quantized(lhs, 8, 16).scale, quantized(rhs, 8, 16).scale)
        _remark_small_scale(to, twice / (1 << (15 if wide else 20)), result)
    return activated(
        to,
        op.fused_activation_function,
        result,
        lambda bounds: to.op(
            kind,
            [lhs, rhs],
            result,
            rounding=rounding_of(lhs),
            left_shift=integer(15) if wide else None,
            powers_of_two=flag(powers),
            **bounds,
        ),
    )


def _powers_of_two(lhs: SSAValue, rhs: SSAValue, result: TensorType[Attribute]) -> bool:
    """
    Whether the kernel takes its path for scales that are powers of two, which only shifts.

    Source: `CheckedLog2` in TFLite's `quantization_util.cc`.
    """
    exponents: list[int] = []
    for element in (element_of(lhs), element_of(rhs), result.element_type):
        assert isinstance(element, UniformQuantizedType)
        scale = np.float32(element.scale)
        logarithm = np.float32(np.log(scale)) * np.float32(1.0 / np.log(np.float32(2.0)))
        nearest = math.floor(float(logarithm) + 0.5)
        if abs(float(logarithm) - nearest) >= 1e-3:
            return False
        exponents.append(nearest)
    finer = [exponents[2] - exponent for exponent in exponents[:2]]
    if min(finer) != 0:
        raise UnsupportedError(
            "expected an output with the scale of the coarser input, as pot_scale_int16 means",
            "a model whose pot_scale_int16 is false works",
        )
    return True


def _remark_small_scale(to: Lowering, scale: float, result: TensorType[Attribute]) -> None:
    """`scale` is that of the number that is rescaled to the result."""
    output = result.element_type
    assert isinstance(output, UniformQuantizedType)
    if scale / output.scale >= 1:
        to.remark("the output's scale is so small that the reference kernels fail; saturated here")


@rewrite(source.MulOp)
def _mul(op: source.MulOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (f32, i32, i64, i16), 8, 16)
    return activated(
        to,
        op.fused_activation_function,
        result,
        lambda bounds: to.op(
            MulOp,
            [lhs, rhs],
            result,
            rounding=rounding_of(lhs),
            f32_multiplier=flag(is_quantized(lhs) and not to.micro),
            **bounds,
        ),
    )


@rewrite(source.DivOp)
def _div(op: source.DivOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (f32, i32), 8, 16)
    if is_quantized(lhs):
        to.remark("tiny quotients round to 0; the reference kernels give arbitrary values there")
    return activated(
        to,
        op.fused_activation_function,
        result,
        lambda bounds: to.op(binary.DivOp, [lhs, rhs], result, rounding=rounding_of(lhs), **bounds),
    )


@rewrite(source.SquaredDifferenceOp)
def _squared_difference(op: source.SquaredDifferenceOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (f32, i32), 8)
    if is_quantized(lhs):
        twice = 2 * max(quantized(lhs, 8).scale, quantized(rhs, 8).scale)
        _remark_small_scale(to, twice * twice / (1 << 14), result)
    return to.op(binary.SquaredDifferenceOp, [lhs, rhs], result, rounding=rounding_of(lhs))


@rewrite(source.MaximumOp)
def _maximum(op: source.MaximumOp, to: Lowering) -> SSAValue:
    return _extreme(op, to, binary.MaximumOp)


@rewrite(source.MinimumOp)
def _minimum(op: source.MinimumOp, to: Lowering) -> SSAValue:
    return _extreme(op, to, binary.MinimumOp)


def _extreme(
    op: source.MaximumOp | source.MinimumOp, to: Lowering, kind: type[arithmetic.BinaryOp]
) -> SSAValue:
    """The kernels compare stored values, whatever the scales are."""
    lhs, rhs, result = operands_of(op, to, (f32, i8, i16, i32, i64, U8), 8, 16)
    element = result.element_type
    if element_of(lhs) != element or element_of(rhs) != element:
        to.remark("stored values of different scales are compared, as in the reference kernels")
    operands = [to.stored_as(lhs, element), to.stored_as(rhs, element)]
    return to.op(kind, operands, result)


@rewrite(source.PowOp)
def _pow(op: source.PowOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (f32, i32))
    return to.op(binary.PowOp, [lhs, rhs], result)


@rewrite(source.Atan2Op)
def _atan2(op: source.Atan2Op, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (f32,))
    return to.op(binary.Atan2Op, [lhs, rhs], result)


@rewrite(source.FloorDivOp)
def _floor_div(op: source.FloorDivOp, to: Lowering) -> SSAValue:
    return _whole(op, to, binary.FloorDivOp)


@rewrite(source.FloorModOp)
def _floor_mod(op: source.FloorModOp, to: Lowering) -> SSAValue:
    return _whole(op, to, binary.FloorModOp)


def _whole(
    op: source.FloorDivOp | source.FloorModOp, to: Lowering, kind: type[arithmetic.BinaryOp]
) -> SSAValue:
    """The kernels divide stored values, whatever the scales are."""
    lhs, rhs, result = operands_of(op, to, (f32, i8, i16, i32, i64), 8, 16)
    element = result.element_type
    return to.op(kind, [to.stored_as(lhs, element), to.stored_as(rhs, element)], result)


@rewrite(source.PreluOp)
def _prelu(op: source.PreluOp, to: Lowering) -> SSAValue:
    input, alpha = to.value(op.input), to.value(op.alpha)
    result = to.result(op.output, broadcast(input, alpha))
    check_one_type((f32,), (8, 16), element_of(input), result.element_type)
    if is_quantized(input):
        quantized(alpha, 8, 16)
    else:
        check_type(element_of(alpha), f32)
    return to.op(
        binary.PreluOp,
        [input, alpha],
        result,
        rounding=rounding_of(input),
        f32_multiplier=flag(is_quantized(input) and not to.micro),
    )


@rewrite(source.AddNOp)
def _add_n(op: source.AddNOp, to: Lowering) -> SSAValue:
    total, *others = to.values(op.inputs)
    result = to.like(op.output, total)
    check_one_type((f32, i32), (), result.element_type, *map(element_of, (total, *others)))
    for value in others:
        total = to.op(AddOp, [total, value], result)
    return total
