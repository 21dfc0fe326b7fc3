"""
Elementwise arithmetic of two tensors that broadcast.

Each op is one scalar program; the type of the operands decides whether it is float, plain integer
or quantised arithmetic. Quantised formulas are those of TFLite's reference kernels.
"""

from __future__ import annotations

from abc import ABC

import numpy as np
from xdsl.dialects.builtin import (
    Float32Type,
    FloatAttr,
    IntegerAttr,
    TensorType,
    i32,
)
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.base import Elements, ElementwiseOp, RoundingAttr, S
from nnc.dialects.nn.types import element_of, quantization_of, scalar_type, shape_of
from nnc.dialects.quant import UniformQuantizedType


class BinaryOp(ElementwiseOp, ABC):
    """
    Two inputs that broadcast to the output. `min` and `max` clamp the output: in stored units if it
    is quantised, as floats if it is float.
    """

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    output = result_def(TensorType)

    rounding = opt_prop_def(RoundingAttr)
    min = opt_prop_def(IntegerAttr | FloatAttr)
    max = opt_prop_def(IntegerAttr | FloatAttr)

    def verify_(self) -> None:
        shape = shape_of(self.output)
        try:
            expected = np.broadcast_shapes(shape_of(self.lhs), shape_of(self.rhs))
        except ValueError:
            raise VerifyException(
                f"expected operands that broadcast, got {shape_of(self.lhs)} "
                f"and {shape_of(self.rhs)}"
            ) from None
        if expected != shape:
            raise VerifyException(f"expected an output of shape {expected}, got {shape}")
        quantized = isinstance(element_of(self.output), UniformQuantizedType)
        if quantized and self.rounding is None and self.requantizes:
            raise VerifyException("expected a rounding for a quantised output, got none")

    @property
    def requantizes(self) -> bool:
        """Whether a quantised output is computed in fixed point."""
        return True

    def finish(self, value: S) -> S:
        """Clamps an output number and converts it to what is stored."""
        output = element_of(self.output)
        low = None if self.min is None else self.min.value.data
        high = None if self.max is None else self.max.value.data
        if isinstance(output, UniformQuantizedType):
            low = output.storage_min if low is None else low
            high = output.storage_max if high is None else high
        return value.clamp(low, high).to(scalar_type(output))


class SumOp(BinaryOp, ABC):
    """
    Addition and subtraction. Quantised: both inputs are brought to twice the larger scale with
    `left_shift` more bits, summed, and brought to the output's scale; three roundings (TFLite
    `reference/integer_ops/add.h`).
    """

    left_shift = prop_def(IntegerAttr, default_value=IntegerAttr(20, 64))

    def combine(self, lhs: S, rhs: S) -> S:
        """The sum or difference of two numbers."""
        return lhs + rhs

    def body(self, b: Elements[S], *values: S) -> S:
        lhs, rhs = values
        output = quantization_of(self.output)
        if output is None:
            kind = element_of(self.output)
            wide = kind if isinstance(kind, Float32Type) else i32
            a = b.widen(lhs, element_of(self.lhs), wide)
            c = b.widen(rhs, element_of(self.rhs), wide)
            return self.finish(self.combine(a, c))
        types = quantization_of(self.lhs), quantization_of(self.rhs)
        assert types[0] is not None and types[1] is not None and self.rounding is not None
        twice = 2 * max(types[0].scale, types[1].scale)
        left_shift = self.left_shift.value.data
        scaled = [
            self._rescale(b, decode(b, value, kind, i32) << left_shift, kind.scale / twice)
            for value, kind in zip((lhs, rhs), types, strict=True)
        ]
        total = self.combine(scaled[0], scaled[1])
        real = twice / ((1 << left_shift) * output.scale)
        return self.finish(self._rescale(b, total, real) + output.zero_point)

    def _rescale(self, b: Elements[S], value: S, real: float) -> S:
        assert self.rounding is not None
        multiplier, shift = fixed_point.quantize_multiplier(real)
        return value.requantize(
            b.constant(multiplier, i32), b.constant(shift, i32), self.rounding.data
        )


@irdl_op_definition
class AddOp(SumOp):
    """
    Elementwise sum.

    ```mlir
    %z = nn.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.add"


@irdl_op_definition
class SubOp(SumOp):
    """
    Elementwise difference.

    ```mlir
    %z = nn.sub %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.sub"

    def combine(self, lhs: S, rhs: S) -> S:
        return lhs - rhs


@irdl_op_definition
class MulOp(BinaryOp):
    """
    Elementwise product. Quantised: one requantisation of the product of both numbers; the real
    multiplier is a float32 expression (TFLite) unless `exact_multiplier` is set (TFLite Micro).

    ```mlir
    %z = nn.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.mul"

    exact_multiplier = opt_prop_def(IntegerAttr)

    def body(self, b: Elements[S], *values: S) -> S:
        lhs, rhs = values
        output = quantization_of(self.output)
        if output is None:
            kind = element_of(self.output)
            wide = kind if isinstance(kind, Float32Type) else i32
            a = b.widen(lhs, element_of(self.lhs), wide)
            return self.finish(a * b.widen(rhs, element_of(self.rhs), wide))
        types = quantization_of(self.lhs), quantization_of(self.rhs)
        assert types[0] is not None and types[1] is not None and self.rounding is not None
        if self.exact_multiplier is None:
            product = np.float32(types[0].scale) * np.float32(types[1].scale)
            real = float(product / np.float32(output.scale))
        else:
            real = types[0].scale * types[1].scale / output.scale
        multiplier, shift = fixed_point.quantize_multiplier(real)
        product = decode(b, lhs, types[0], i32) * decode(b, rhs, types[1], i32)
        scaled = product.requantize(
            b.constant(multiplier, i32), b.constant(shift, i32), self.rounding.data
        )
        return self.finish(scaled + output.zero_point)
