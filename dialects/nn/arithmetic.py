"""
Elementwise arithmetic of two tensors that broadcast.

Each op is one scalar program; the type of the operands decides whether it is float, plain integer
or quantised arithmetic. Quantised formulas are those of TFLite's reference kernels.
"""

from __future__ import annotations

import math
from abc import ABC
from typing import ClassVar

from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    IntegerType,
    TensorType,
    UnitAttr,
    f32,
    i32,
)
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.kernel.scalar import Ties
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.base import (
    Elements,
    ElementwiseOp,
    LoopElements,
    RoundingAttr,
    S,
    broadcast_index,
)
from nnc.dialects.nn.checks import (
    Kind,
    broadcast_shape,
    check_kind,
    check_output,
    check_rounding,
    check_same_kind,
)
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.quantized import arithmetic_type, f32_product, f32_quotient, rescale
from nnc.dialects.quant import UniformQuantizedType, storage_range
from nnc.dialects.types import BIN, BinType, element_of, quantization_of, scalar_type
from nnc.dialects.utils import Rounding


def plain(b: Elements[S], op: BinaryOp, lhs: S, rhs: S) -> tuple[S, S]:
    """Both operands in the type in which plain numbers of their type are computed with."""
    kind = arithmetic_type(element_of(op.lhs))
    return b.widen(lhs, element_of(op.lhs), kind), b.widen(rhs, element_of(op.rhs), kind)


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
        check_output(self.output, broadcast_shape((self.lhs, self.rhs)))
        self.check_elements()
        quantized = isinstance(element_of(self.output), UniformQuantizedType)
        if quantized and self.rounding is None and self.requantizes:
            raise VerifyException("expected a rounding for a quantised output, got none")
        check_rounding(None if self.rounding is None else self.rounding.data, *self.ROUNDINGS)

    ROUNDINGS: ClassVar[tuple[Rounding, ...]] = ()
    """The roundings that a quantised output may have beside those of fixed point."""

    KINDS: ClassVar[Kind] = Kind.NUMBER
    """The element types that both operands and the output may have."""

    def check_elements(self) -> None:
        """Element types that go together. Raises VerifyException."""
        check_kind("operands", self.lhs, self.KINDS)
        check_same_kind("a result", self.output, self.lhs)
        self.check_operands()

    def check_operands(self) -> None:
        """Operands that go together. Raises VerifyException."""
        check_same_kind("operands", self.rhs, self.lhs)

    @property
    def requantizes(self) -> bool:
        """Whether a quantised output is computed in fixed point."""
        return True

    @property
    def in_f32(self) -> bool:
        """Whether a quantised output is computed in float32, as ONNX's definitions spell it out."""
        return self.rounding is not None and self.rounding.data is Rounding.F32

    def reals(self, b: Elements[S], lhs: S, rhs: S) -> tuple[S, S]:
        """Both operands of a quantised op as the real numbers that they stand for."""
        pairs = (lhs, quantization_of(self.lhs)), (rhs, quantization_of(self.rhs))
        first, second = (
            decode(b, value, kind, i32).to(f32) * kind.scale
            for value, kind in pairs
            if kind is not None
        )
        return first, second

    def stored_real(self, real: S) -> S:
        """A real number as it is stored, rounded to the nearest integer, ties to even."""
        output = quantization_of(self.output)
        assert output is not None
        low, high = storage_range(output.storage)
        limits = low - output.zero_point, high - output.zero_point
        number = (real / output.scale).round_to_int(Ties.EVEN).clamp(*limits)
        return self.finish(number + output.zero_point)

    @property
    def scales(self) -> tuple[float, float, float] | None:
        """The scales of both operands and the output, None where any is not quantised."""
        lhs, rhs, output = (quantization_of(v) for v in (self.lhs, self.rhs, self.output))
        if lhs is None or rhs is None or output is None:
            return None
        return lhs.scale, rhs.scale, output.scale

    def real_multipliers(self) -> tuple[float, ...]:
        """The real factors of the fixed-point steps of a quantised op, in their order."""
        return ()

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
    `reference/integer_ops/add.h`). With `powers_of_two`, both inputs are shifted to the output's
    scale instead and summed (TFLite `reference/add.h`, int16). With the rounding `f32`, the real
    numbers are summed in float32, as ONNX's definitions spell it out. Signs and integers of one
    type are summed as integers of that type.
    """

    BINARY: ClassVar = True
    ROUNDINGS: ClassVar[tuple[Rounding, ...]] = (Rounding.F32,)

    left_shift = prop_def(IntegerAttr, default_value=IntegerAttr(20, 64))
    powers_of_two = opt_prop_def(UnitAttr)

    def check_elements(self) -> None:
        elements = [element_of(value) for value in (self.lhs, self.rhs)]
        if not any(isinstance(element, BinType) for element in elements):
            super().check_elements()
            return
        output = element_of(self.output)
        for element in elements:
            if not isinstance(output, IntegerType) or element not in (output, BIN):
                raise VerifyException(
                    f"expected operands of !nn.bin or of {output}, an integer type, got {element}"
                )

    def combine(self, lhs: S, rhs: S) -> S:
        """The sum or difference of two numbers."""
        return lhs + rhs

    def real_multipliers(self) -> tuple[float, ...]:
        scales = self.scales
        if scales is None:
            return ()
        lhs, rhs, output = scales
        twice = 2 * max(lhs, rhs)
        return lhs / twice, rhs / twice, twice / ((1 << self.left_shift.value.data) * output)

    def body(self, b: Elements[S], *values: S) -> S:
        lhs, rhs = values
        output = quantization_of(self.output)
        if isinstance(element_of(self.output), IntegerType):
            kind = arithmetic_type(element_of(self.output))
            operands = zip((self.lhs, self.rhs), (lhs, rhs), strict=True)
            numbers = [decode(b, value, element_of(it), kind) for it, value in operands]
            return self.finish(self.combine(*numbers))
        if output is None:
            return self.finish(self.combine(*plain(b, self, lhs, rhs)))
        if self.in_f32:
            return self.stored_real(self.combine(*self.reals(b, lhs, rhs)))
        types = quantization_of(self.lhs), quantization_of(self.rhs)
        assert types[0] is not None and types[1] is not None and self.rounding is not None
        if self.powers_of_two is not None:
            return self.finish(
                self.combine(
                    *(
                        _shifted(b, value, kind, output)
                        for value, kind in zip((lhs, rhs), (types[0], types[1]), strict=True)
                    )
                )
            )
        reals = self.real_multipliers()
        rounding, left_shift = self.rounding.data, self.left_shift.value.data
        scaled = [
            rescale(b, decode(b, value, kind, i32) << left_shift, real, rounding)
            for value, kind, real in zip((lhs, rhs), (types[0], types[1]), reals, strict=False)
        ]
        total = self.combine(scaled[0], scaled[1])
        return self.finish(rescale(b, total, reals[2], rounding) + output.zero_point)


def _shifted(
    b: Elements[S], value: S, kind: UniformQuantizedType, output: UniformQuantizedType
) -> S:
    """A stored value in units of the output, whose scale is a power of two times larger."""
    exponent = round(math.log2(output.scale / kind.scale))
    return decode(b, value, kind, i32).rdbp(b.constant(exponent, i32))


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
    multiplier is an expression in double precision (TFLite Micro), or in float32 if
    `f32_multiplier` is set (TFLite `kernels/mul.cc`). With the rounding `f32`, the real numbers are
    multiplied in float32, as ONNX's definitions spell it out. Binary: -1 where the signs differ.

    ```mlir
    %z = nn.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.mul"

    BINARY: ClassVar = True
    ROUNDINGS: ClassVar[tuple[Rounding, ...]] = (Rounding.F32,)
    KINDS: ClassVar[Kind] = Kind.NUMBER | Kind.BINARY

    f32_multiplier = opt_prop_def(UnitAttr)

    def real_multipliers(self) -> tuple[float, ...]:
        scales = self.scales
        if scales is None:
            return ()
        lhs, rhs, output = scales
        if self.f32_multiplier is not None:
            return (f32_quotient(f32_product(lhs, rhs), output),)
        return (lhs * rhs / output,)

    def body(self, b: Elements[S], *values: S) -> S:
        lhs, rhs = values
        output = quantization_of(self.output)
        if isinstance(element_of(self.output), BinType):
            return lhs ^ rhs
        if output is None:
            a, c = plain(b, self, lhs, rhs)
            return self.finish(a * c)
        if self.in_f32:
            first, second = self.reals(b, lhs, rhs)
            return self.stored_real(first * second)
        types = quantization_of(self.lhs), quantization_of(self.rhs)
        assert types[0] is not None and types[1] is not None and self.rounding is not None
        (real,) = self.real_multipliers()
        product = decode(b, lhs, types[0], i32) * decode(b, rhs, types[1], i32)
        return self.finish(rescale(b, product, real, self.rounding.data) + output.zero_point)

    def lower(self, b: LoopBuilder) -> None:
        """Signs with the same channels are multiplied 32 at a time; unused bits are 0 and stay."""
        rows = {operand.shape[-1:] for operand in (*b.inputs, *b.outputs)}
        if not b.outputs[0].packed or len(rows) > 1 or not all(rows):
            super().lower(b)
            return
        lhs, rhs = (b.words(operand) for operand in b.inputs)

        def product(index: list[IRScalar]) -> IRScalar:
            words = (
                b.load(it, broadcast_index(LoopElements(b), index, it.shape)) for it in (lhs, rhs)
            )
            return next(words) ^ next(words)

        b.produce(b.words(b.outputs[0]), product)
