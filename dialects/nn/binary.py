"""
Elementwise functions of two tensors that broadcast, beside addition, subtraction and product.

Maximum, minimum and the integer divisions work on stored values whatever the scales are, as do
the kernels of TFLite; the others are fixed-point formulas of the same kernels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from xdsl.dialects.builtin import UnitAttr, f64, i32
from xdsl.irdl import irdl_op_definition, opt_prop_def

from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.algebra import is_float
from nnc.dialects.nn.arithmetic import BinaryOp, plain
from nnc.dialects.nn.base import Elements, S
from nnc.dialects.nn.checks import Kind, check_kind
from nnc.dialects.nn.gemmlowp_scalar import reciprocal_of_one_plus
from nnc.dialects.nn.quantized import (
    f32_product,
    f32_quotient,
    rescale,
)
from nnc.dialects.types import element_of, numpy_dtype, quantization_of


class StoredBinaryOp(BinaryOp, ABC):
    """Shared by ops that combine stored values; quantised operands are taken as plain integers."""

    @property
    def requantizes(self) -> bool:
        return False

    @abstractmethod
    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        """The result of two numbers of one arithmetic type."""

    def body(self, b: Elements[S], *values: S) -> S:
        return self.finish(self.combine(b, *plain(b, self, values[0], values[1])))


@irdl_op_definition
class MaximumOp(StoredBinaryOp):
    """
    The larger of two values; NaN if either is.

    ```mlir
    %z = nn.maximum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.maximum"

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        return lhs.max(rhs)


@irdl_op_definition
class MinimumOp(StoredBinaryOp):
    """
    The smaller of two values; NaN if either is.

    ```mlir
    %z = nn.minimum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.minimum"

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        return lhs.min(rhs)


@irdl_op_definition
class PowOp(StoredBinaryOp):
    """
    `lhs` to the power of `rhs`; of integers in double precision, truncated and saturated.

    ```mlir
    %z = nn.pow %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.pow"
    KINDS: ClassVar[Kind] = Kind.F32 | Kind.INTEGER

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        if is_float(lhs.type):
            return lhs.power(rhs)
        return lhs.to(f64).power(rhs.to(f64)).to(lhs.type)


@irdl_op_definition
class Atan2Op(StoredBinaryOp):
    """
    The angle of the point (rhs, lhs).

    ```mlir
    %z = nn.atan2 %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.atan2"
    KINDS: ClassVar[Kind] = Kind.F32

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        return lhs.atan2(rhs)


def _safe_quotient(lhs: S, rhs: S) -> tuple[S, S]:
    """
    The truncated quotient of integers and its remainder, 0 where the divisor is 0; the most
    negative number by -1 wraps.
    """
    negated = rhs.eq(-1)
    divisor = (negated | rhs.eq(0)).select(1, rhs)
    quotient = negated.select(0 - lhs, rhs.eq(0).select(0, lhs.divide(divisor)))
    remainder = (negated | rhs.eq(0)).select(0, lhs.remainder(divisor))
    return quotient, remainder


@irdl_op_definition
class FloorDivOp(StoredBinaryOp):
    """
    The quotient rounded downwards; of integers by 0, 0.

    ```mlir
    %z = nn.floor_div %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "nn.floor_div"

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        if is_float(lhs.type):
            return (lhs / rhs).math("floor")
        quotient, remainder = _safe_quotient(lhs, rhs)
        inexact = remainder.ne(0) & ((lhs < 0) ^ (rhs < 0))
        return inexact.select(quotient - 1, quotient)


@irdl_op_definition
class FloorModOp(StoredBinaryOp):
    """
    The remainder of `floor_div`, which has the sign of the divisor; of integers by 0, 0.

    ```mlir
    %z = nn.floor_mod %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "nn.floor_mod"

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        rest = lhs.remainder(rhs) if is_float(lhs.type) else _safe_quotient(lhs, rhs)[1]
        wrong = rest.ne(0) & ((rhs < 0) ^ (rest < 0))
        return wrong.select(rest + rhs, rest)


@irdl_op_definition
class TruncModOp(StoredBinaryOp):
    """
    The remainder of the truncated quotient, which has the sign of the dividend; of integers by 0,
    0 (C's `%` and `fmod`).

    ```mlir
    %z = nn.trunc_mod %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.trunc_mod"

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        return lhs.remainder(rhs) if is_float(lhs.type) else _safe_quotient(lhs, rhs)[1]


@irdl_op_definition
class ShiftRightOp(StoredBinaryOp):
    """
    Integers shifted right by so many bits, filled with the sign of a signed type; amounts outside
    the type's width count as the nearest amount within (TFLite `kernels/right_shift.cc`).

    ```mlir
    %z = nn.shift_right %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "nn.shift_right"
    KINDS: ClassVar[Kind] = Kind.INTEGER

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        width = 8 * numpy_dtype(element_of(self.lhs)).itemsize
        return lhs >> rhs.clamp(0, width - 1)


@irdl_op_definition
class ShiftLeftOp(StoredBinaryOp):
    """
    Integers shifted left by so many bits, zeros coming in; 0 for amounts of the type's width or
    more.

    ```mlir
    %z = nn.shift_left %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "nn.shift_left"
    KINDS: ClassVar[Kind] = Kind.INTEGER

    def combine(self, b: Elements[S], lhs: S, rhs: S) -> S:
        width = 8 * numpy_dtype(element_of(self.lhs)).itemsize
        inside = (rhs >= 0) & (rhs < width)
        return inside.select(lhs << rhs.clamp(0, width - 1), 0)


@irdl_op_definition
class DivOp(BinaryOp):
    """
    Elementwise quotient, truncated for integers (by 0: 0). Quantised: gemmlowp's reciprocal and two
    roundings (TFLite `reference/div.h`); a divisor of 0 counts as the smallest number above it.

    ```mlir
    %z = nn.div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.div"

    def real_multipliers(self) -> tuple[float, ...]:
        scales = self.scales
        if scales is None:
            return ()
        lhs, rhs, output = scales
        return (f32_quotient(lhs, f32_product(rhs, output)),)

    def body(self, b: Elements[S], *values: S) -> S:
        source, divisor, output = (quantization_of(v) for v in (self.lhs, self.rhs, self.output))
        if source is None or divisor is None or output is None:
            a, c = plain(b, self, values[0], values[1])
            return self.finish(a / c if is_float(a.type) else _safe_quotient(a, c)[0])
        a, c = decode(b, values[0], source, i32), decode(b, values[1], divisor, i32)
        a = (c < 0).select(0 - a, a)
        (real,) = self.real_multipliers()
        return self.finish(_quotient(b, a, c.max(0 - c).max(1), real) + output.zero_point)


def _quotient(b: Elements[S], a: S, c: S, real: float) -> S:
    """`a / c * real` for c > 0; see `gemmlowp.divide`."""
    multiplier, shift = fixed_point.quantize_multiplier(real)
    headroom = c.leading_zeros()
    inverse = reciprocal_of_one_plus((c << headroom) - (-(1 << 31)))
    spare = (a < 0).select((0 - a) - 1, a).leading_zeros() - 1
    quotient = (a << spare).srdhm(inverse).srdhm(b.constant(multiplier, i32))
    exponent = (31 - headroom) + spare - shift
    near = quotient.rdbp(exponent.clamp(0, 31))
    return (exponent > 31).select(0, near)


@irdl_op_definition
class SquaredDifferenceOp(BinaryOp):
    """
    `(lhs - rhs)^2`. Quantised: as in a subtraction with 7 more bits, then one rescaling of the
    square (TFLite `kernels/squared_difference.cc`).

    ```mlir
    %z = nn.squared_difference %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.squared_difference"

    def real_multipliers(self) -> tuple[float, ...]:
        scales = self.scales
        if scales is None:
            return ()
        lhs, rhs, output = scales
        twice = 2 * max(lhs, rhs)
        return lhs / twice, rhs / twice, twice * twice / ((1 << 14) * output)

    def body(self, b: Elements[S], *values: S) -> S:
        lhs, rhs, output = (quantization_of(v) for v in (self.lhs, self.rhs, self.output))
        if lhs is None or rhs is None or output is None:
            a, c = plain(b, self, values[0], values[1])
            return self.finish((a - c) * (a - c))
        assert self.rounding is not None
        rounding, reals = self.rounding.data, self.real_multipliers()
        a = rescale(b, decode(b, values[0], lhs, i32) << 7, reals[0], rounding)
        c = rescale(b, decode(b, values[1], rhs, i32) << 7, reals[1], rounding)
        square = (a - c) * (a - c)
        return self.finish(rescale(b, square, reals[2], rounding) + output.zero_point)


@irdl_op_definition
class PreluOp(BinaryOp):
    """
    `lhs`, or `rhs * lhs` where that is below zero. Quantised: one rescaling with one of two
    multipliers, expressions in double precision (TFLite Micro), or in float32 if `f32_multiplier`
    is set (TFLite `kernels/activations.cc`).

    ```mlir
    %z = nn.prelu %x, %slopes : (tensor<1x4x3xf32>, tensor<3xf32>) -> tensor<1x4x3xf32>
    ```
    """

    name = "nn.prelu"

    f32_multiplier = opt_prop_def(UnitAttr)

    def check_operands(self) -> None:
        if quantization_of(self.lhs) is None:
            super().check_operands()
        else:
            check_kind("slopes", self.rhs, Kind.QUANTIZED)

    def real_multipliers(self) -> tuple[float, ...]:
        scales = self.scales
        if scales is None:
            return ()
        source, slope, output = scales
        if self.f32_multiplier is None:
            return source / output, source * slope / output
        return f32_quotient(source, output), f32_quotient(f32_product(source, slope), output)

    def body(self, b: Elements[S], *values: S) -> S:
        source, slope, output = (quantization_of(v) for v in (self.lhs, self.rhs, self.output))
        if source is None or slope is None or output is None:
            x, alpha = plain(b, self, values[0], values[1])
            return self.finish((x >= 0).select(x, x * alpha))
        assert self.rounding is not None
        rounding, reals = self.rounding.data, self.real_multipliers()
        x, alpha = decode(b, values[0], source, i32), decode(b, values[1], slope, i32)
        kept = rescale(b, x, reals[0], rounding)
        below = rescale(b, x * alpha, reals[1], rounding)
        return self.finish((x >= 0).select(kept, below) + output.zero_point)
