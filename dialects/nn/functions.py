"""The real functions: activations, roots, exponentials, roundings."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import FloatAttr, UnitAttr, f32, i32
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def

from nnc.dialects.nn import gemmlowp, tables
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.algebra import INDEX, is_float
from nnc.dialects.nn.base import Elements, S
from nnc.dialects.nn.quantized import f32_product, f32_quotient, rescale, store
from nnc.dialects.nn.unary import FunctionOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, scalar_type
from nnc.dialects.utils import Rounding


@irdl_op_definition
class AbsOp(FunctionOp):
    """
    The magnitude. Quantised: of the number, rescaled with a multiplier that is a float32 quotient
    unless both scales are equal (TFLite `kernels/elementwise.cc`).

    ```mlir
    %y = nn.abs %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.abs"
    INTERPOLATES: ClassVar[bool] = False
    INTEGERS: ClassVar[bool] = True

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("absf") if is_float(x.type) else x.max(0 - x)

    def body(self, b: Elements[S], *values: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None:
            return super().body(b, *values)
        number = decode(b, values[0], source, i32)
        magnitude = number.max(0 - number)
        if source.scale != target.scale:
            real = f32_quotient(source.scale, target.scale)
            magnitude = rescale(b, magnitude, real, Rounding.DOUBLE)
        return store(magnitude, target)


@irdl_op_definition
class CeilOp(FunctionOp):
    """
    The smallest integer that is not below the number.

    ```mlir
    %y = nn.ceil %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.ceil"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("ceil")


@irdl_op_definition
class CosOp(FunctionOp):
    """
    The cosine.

    ```mlir
    %y = nn.cos %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.cos"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("cos")


@irdl_op_definition
class EluOp(FunctionOp):
    """
    `x`, or `alpha * (exp(x) - 1)` below zero.

    ```mlir
    %y = nn.elu %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.elu"

    alpha = prop_def(FloatAttr, default_value=FloatAttr(1.0, f32))

    def real(self, b: Elements[S], x: S) -> S:
        below = x.math("expm1")
        if self.alpha.value.data != 1.0:
            below = below * self.alpha.value.data
        return (x < 0.0).select(below, x)


@irdl_op_definition
class ExpOp(FunctionOp):
    """
    The exponential.

    ```mlir
    %y = nn.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.exp"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("exp")


@irdl_op_definition
class FloorOp(FunctionOp):
    """
    The largest integer that is not above the number.

    ```mlir
    %y = nn.floor %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.floor"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("floor")


@irdl_op_definition
class GeluOp(FunctionOp):
    """
    The number times the normal distribution of it, exactly or by the tanh `approximate`ion (TFLite
    `reference/gelu.h`).

    ```mlir
    %y = nn.gelu %x {approximate} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.gelu"

    approximate = opt_prop_def(UnitAttr)

    def real(self, b: Elements[S], x: S) -> S:
        if self.approximate is None:
            return 0.5 * x * (x * -math.sqrt(0.5)).math("erfc")
        inner = (x + 0.044715 * x * x * x) * (2 / math.sqrt(math.pi) * math.sqrt(0.5))
        return 0.5 * x * (1.0 + inner.math("tanh"))


@irdl_op_definition
class HardSwishOp(FunctionOp):
    """
    `x * min(max(x + 3, 0), 6) / 6`; of 8 bits in 16-bit fixed point (TFLite
    `reference/hard_swish.h`).

    ```mlir
    %y = nn.hard_swish %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.hard_swish"

    def real(self, b: Elements[S], x: S) -> S:
        return x * (x + 3.0).clamp(0.0, 6.0) / 6.0

    def codes(self, source: UniformQuantizedType, target: UniformQuantizedType) -> tables.Ints:
        return gemmlowp.hard_swish_int8(
            np.arange(source.storage_min, source.storage_max + 1),
            source.scale,
            source.zero_point,
            target.scale,
            target.zero_point,
            storage_min=source.storage_min,
        )


@irdl_op_definition
class LeakyReluOp(FunctionOp):
    """
    `x`, or `alpha * x` below zero. Quantised: one rescaling with one of two multipliers, which are
    float32 expressions (TFLite `reference/leaky_relu.h`).

    ```mlir
    %y = nn.leaky_relu %x {alpha = 0.25 : f32} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.leaky_relu"
    INTERPOLATES: ClassVar[bool] = False

    alpha = prop_def(FloatAttr)

    def real(self, b: Elements[S], x: S) -> S:
        return (x > 0.0).select(x, x * self.alpha.value.data)

    def body(self, b: Elements[S], *values: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None:
            return super().body(b, *values)
        alpha = self.alpha.value.data
        number = decode(b, values[0], source, i32)
        slope = f32_quotient(f32_product(source.scale, abs(alpha)), target.scale)
        below = rescale(b, number, slope, Rounding.DOUBLE)
        kept = rescale(b, number, f32_quotient(source.scale, target.scale), Rounding.DOUBLE)
        return store((number >= 0).select(kept, 0 - below if alpha < 0 else below), target)


@irdl_op_definition
class LogOp(FunctionOp):
    """
    The natural logarithm. Quantised, numbers up to 0 give the smallest result.

    ```mlir
    %y = nn.log %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.log"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("log")

    def tabulated_real(self, x: tables.Floats, target: UniformQuantizedType) -> tables.Floats:
        lowest = f32_product(target.storage_min - target.zero_point, target.scale)
        return np.where(x <= 0, np.float32(lowest), super().tabulated_real(x, target))


@irdl_op_definition
class LogisticOp(FunctionOp):
    """
    `1 / (1 + exp(-x))`. Of 16 bits it interpolates a table of the sigmoid (TFLite
    `reference/integer_ops/logistic.h`); with `fixed_point`, 8 bits are gemmlowp's fixed point for a
    result of scale 1/256 and zero point -128 (TFLite Micro).

    ```mlir
    %y = nn.logistic %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.logistic"
    INTERPOLATES: ClassVar[bool] = False

    fixed_point = opt_prop_def(UnitAttr)

    def codes(self, source: UniformQuantizedType, target: UniformQuantizedType) -> tables.Ints:
        if self.fixed_point is None:
            return super().codes(source, target)
        codes = np.arange(source.storage_min, source.storage_max + 1)
        return gemmlowp.logistic_int8(codes, source.scale, source.zero_point)

    def real(self, b: Elements[S], x: S) -> S:
        return 1.0 / (1.0 + (-x).math("exp"))

    def wide(
        self, b: Elements[S], code: S, source: UniformQuantizedType, target: UniformQuantizedType
    ) -> S:
        scaled = _sigmoid_input(code, source.scale, (0,))
        magnitude = scaled.max(0 - scaled)
        near = _sigmoid(b, magnitude, 9)
        value = ((magnitude >> 9) >= 255).select(0x7FFF << 10, near)
        mirrored = (1 << 25) - value + ((1 << 9) - 1)
        return (scaled >= 0).select(value + (1 << 9), mirrored) >> 10


@irdl_op_definition
class NegOp(FunctionOp):
    """
    The negative. Quantised: of the stored value, wrapped, whatever the scales (TFLite
    `kernels/neg.cc`).

    ```mlir
    %y = nn.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.neg"
    INTERPOLATES: ClassVar[bool] = False
    INTEGERS: ClassVar[bool] = True

    def real(self, b: Elements[S], x: S) -> S:
        return -x

    def body(self, b: Elements[S], *values: S) -> S:
        if quantization_of(self.output) is None:
            return super().body(b, *values)
        code = b.widen(values[0], element_of(self.input), i32)
        return (0 - code).to(scalar_type(element_of(self.output)))


@irdl_op_definition
class RoundOp(FunctionOp):
    """
    The nearest integer, ties to even.

    ```mlir
    %y = nn.round %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.round"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("roundeven")


@irdl_op_definition
class RsqrtOp(FunctionOp):
    """
    `1 / sqrt(x)`; of int8 by gemmlowp's fixed point (TFLite `kernels/elementwise.cc`). Quantised
    numbers up to 0 give the largest result.

    ```mlir
    %y = nn.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.rsqrt"

    def real(self, b: Elements[S], x: S) -> S:
        return 1.0 / x.math("sqrt")

    def tabulated_real(self, x: tables.Floats, target: UniformQuantizedType) -> tables.Floats:
        largest = f32_product(target.storage_max - target.zero_point, target.scale)
        return np.where(x <= 0, np.float32(largest), super().tabulated_real(x, target))

    def codes(self, source: UniformQuantizedType, target: UniformQuantizedType) -> tables.Ints:
        if not source.is_signed:
            return super().codes(source, target)
        codes = np.arange(source.storage_min, source.storage_max + 1)
        return gemmlowp.rsqrt_int8(
            np.maximum(codes, source.zero_point),
            source.scale,
            source.zero_point,
            target.scale,
            target.zero_point,
        )


@irdl_op_definition
class SignOp(FunctionOp):
    """
    -1, 0 or 1; NaN of NaN.

    ```mlir
    %y = nn.sign %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.sign"
    INTEGERS: ClassVar[bool] = True

    def real(self, b: Elements[S], x: S) -> S:
        return (x > 0).select(1, (x < 0).select(-1, x))


@irdl_op_definition
class SinOp(FunctionOp):
    """
    The sine.

    ```mlir
    %y = nn.sin %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.sin"

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("sin")


@irdl_op_definition
class SqrtOp(FunctionOp):
    """
    The square root. Quantised: of the float32 number, divided by the scale and truncated (TFLite
    `kernels/elementwise.cc`); numbers below 0 count as 0.

    ```mlir
    %y = nn.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.sqrt"
    INTERPOLATES: ClassVar[bool] = False

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("sqrt")

    def body(self, b: Elements[S], *values: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None:
            return super().body(b, *values)
        number = decode(b, values[0], source, i32).max(0).to(f32)
        quotient = (source.scale * number).math("sqrt") / target.scale
        return store(quotient.min(float(1 << 20)).to(i32), target)


@irdl_op_definition
class TanhOp(FunctionOp):
    """
    The hyperbolic tangent. Of 16 bits it interpolates a table of the sigmoid (TFLite
    `reference/integer_ops/tanh.h`); with `fixed_point`, 8 bits are gemmlowp's fixed point for a
    result of scale 1/128 and zero point 0 (TFLite Micro).

    ```mlir
    %y = nn.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.tanh"
    INTERPOLATES: ClassVar[bool] = False

    fixed_point = opt_prop_def(UnitAttr)

    def codes(self, source: UniformQuantizedType, target: UniformQuantizedType) -> tables.Ints:
        if self.fixed_point is None:
            return super().codes(source, target)
        codes = np.arange(source.storage_min, source.storage_max + 1)
        return gemmlowp.tanh_int8(codes, source.scale, source.zero_point)

    def real(self, b: Elements[S], x: S) -> S:
        return x.math("tanh")

    def wide(
        self, b: Elements[S], code: S, source: UniformQuantizedType, target: UniformQuantizedType
    ) -> S:
        scaled = _sigmoid_input(code, source.scale, (0, 1))
        magnitude = scaled.max(0 - scaled)
        near = _sigmoid(b, magnitude, 8)
        value = ((magnitude >> 8) >= 255).select(0xFFFF << 8, near)
        mirrored = 0 - value + ((1 << 23) + (1 << 7) - 1)
        return (scaled >= 0).select(value - ((1 << 23) - (1 << 7)), mirrored) >> 8


_SIGMOID_TABLE = tables.SIGMOID_TABLE.astype(np.int32)


def _sigmoid_input(code: S, scale: float, exact_shifts: tuple[int, ...]) -> S:
    """A code on the scale of the table of the sigmoid; see `tables.sigmoid_scaling`."""
    multiplier, shift = tables.sigmoid_scaling(scale, exact_shifts)
    # Far outside the table all inputs are alike, and the product must stay within 32 bits.
    multiplier = min(multiplier, 1 << 20)
    if multiplier > 1 << 15:
        code = code.clamp(-((1 << 30) // multiplier), (1 << 30) // multiplier)
    return (code * multiplier + ((1 << shift) >> 1)) >> shift


def _sigmoid(b: Elements[S], magnitude: S, fraction_bits: int) -> S:
    """The interpolated table at a magnitude that lies within it; what lies behind is arbitrary."""
    place = (magnitude >> fraction_bits).min(254)
    base = b.lookup(_SIGMOID_TABLE, i32, [place.to(INDEX)])
    after = b.lookup(_SIGMOID_TABLE, i32, [(place + 1).to(INDEX)])
    fraction = magnitude & ((1 << fraction_bits) - 1)
    return (base << fraction_bits) + fraction * (after - base)
