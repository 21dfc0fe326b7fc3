"""
What convolution, dense and matrix products share: an accumulation and an epilogue.

Input, weights and output are each binary, integer-quantised or float: 27 combinations. They are
nine accumulations (an exact integer one where neither side is float, else `f32`) times three
epilogues (requantise, scale to float, take the sign), which is how they are built here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    Float32Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    TensorType,
    UnitAttr,
    f32,
    f64,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import operand_def, opt_operand_def, opt_prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.kernel.scalar import Ties
from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.algebra import NumpyScalar
from nnc.dialects.nn.base import Elements, NnOp, NumpyElements, RoundingAttr, S, grid
from nnc.dialects.nn.checks import Kind, check_kind, check_shape
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    Array,
    BinType,
    element_of,
    numpy_dtype,
    quantization_of,
    scalar_type,
    shape_of,
)
from nnc.dialects.utils import Rounding


def scales_of(element: Attribute) -> npt.NDArray[np.float64]:
    """The real number that one accumulated unit stands for; 1 for types without a scale."""
    if isinstance(element, UniformQuantizedType):
        return element.scales.astype(np.float64)
    return np.ones(1)


def decode(b: Elements[S], value: S, element: Attribute, kind: Attribute) -> S:
    """
    A stored element as a number of the accumulation: `stored - zero_point` of a quantised one (a
    per-tensor type), -1 or +1 of a binary one, a float as it is.
    """
    if isinstance(element, BinType):
        return b.constant(1, kind) - (value.to(i32) << 1).to(kind)
    if isinstance(element, UniformQuantizedType):
        wide = b.widen(value, element, i64 if kind == i64 else i32)
        if element.axis is None and element.zero_point:
            wide = wide - element.zero_point
        return wide.to(kind)
    if isinstance(element, IntegerType):
        return b.widen(value, element, kind)
    return value


class AccumulatingOp(NnOp, ABC):
    """
    A sum of products of input and weights, with a bias, brought into the output's type.

    The bias counts in units of the accumulator (`i32` or `i64`) where that is an integer, and in
    real numbers where it is `f32`. `rounding` says how a quantised output is requantised from an
    integer accumulator; `min` and `max` clamp it, in stored units, or a float output.
    `f32_product` says that the product of both scales is rounded to float32 before it is divided by
    the output's (dense layers of TFLite Micro).
    """

    input = operand_def(TensorType)
    weights = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    output = result_def(TensorType)

    BINARY: ClassVar = True
    PER_AXIS: ClassVar = ("weights",)

    rounding = opt_prop_def(RoundingAttr)
    min = opt_prop_def(IntegerAttr | FloatAttr)
    max = opt_prop_def(IntegerAttr | FloatAttr)
    f32_product = opt_prop_def(UnitAttr)

    @property
    @abstractmethod
    def weight_axis(self) -> int:
        """The axis of the weights that runs over output channels."""

    @property
    def accumulator(self) -> Attribute:
        """The accumulator's type: `f32` if input or weights are float, else the bias' or `i32`."""
        operands = element_of(self.input), element_of(self.weights)
        if any(isinstance(element, Float32Type) for element in operands):
            return f32
        if self.bias is not None:
            return element_of(self.bias)
        wide = isinstance(scalar_type(operands[0]), IntegerType) and _bits(operands[0]) > 8
        return i64 if wide and not isinstance(operands[0], BinType) else i32

    @property
    def bias_elements(self) -> tuple[Attribute, ...]:
        """The element types that a bias may have."""
        operands = element_of(self.input), element_of(self.weights)
        floats = any(isinstance(element, Float32Type) for element in operands)
        return (f32,) if floats else (i32, i64)

    def verify_(self) -> None:
        output = element_of(self.output)
        check_kind("an input", self.input, Kind.NUMBER | Kind.BINARY)
        check_kind("weights", self.weights, Kind.NUMBER | Kind.BINARY | Kind.QUANTIZED_4)
        kinds = Kind.F32 | Kind.QUANTIZED | Kind.BINARY
        if self.accumulator != f32:
            kinds |= Kind.INTEGER
        check_kind("an output", self.output, kinds)
        if self.bias is not None:
            check_shape("a bias", self.bias, shape_of(self.output)[-1:])
            if element_of(self.bias) not in self.bias_elements:
                expected = " or ".join(map(str, self.bias_elements))
                raise VerifyException(f"expected a bias of {expected}, got {self.bias.type}")
        if self.accumulator != f32 and isinstance(output, UniformQuantizedType):
            if self.rounding is None:
                raise VerifyException("expected a rounding for a quantised output, got none")
            expected = i64 if self.rounding.data is Rounding.MB64 else i32
            fixed = self.rounding.data not in (Rounding.F64, Rounding.F32)
            if fixed and self.accumulator != expected:
                raise VerifyException(
                    f"expected an accumulator of {expected} for {self.rounding.data}, "
                    f"got {self.accumulator}"
                )
        elif self.rounding is not None:
            raise VerifyException(
                f"expected no rounding for an output of {output}, got {self.rounding.data}"
            )
        weights = quantization_of(self.weights)
        if weights is not None and weights.axis not in (None, self.weight_axis):
            raise VerifyException(
                f"expected weights quantised along axis {self.weight_axis}, got {weights.axis}"
            )
        if weights is not None and weights.axis is not None:
            channels = shape_of(self.weights)[self.weight_axis : self.weight_axis + 1]
            if channels != weights.scales.shape:
                raise VerifyException(
                    f"expected a scale for each channel, got {weights.scales.size} "
                    f"for {self.weights.type}"
                )

    def channel_scales(self) -> npt.NDArray[np.float64]:
        """The real number that an accumulated unit stands for, per output channel or one."""
        return scales_of(element_of(self.input)) * scales_of(element_of(self.weights))

    def real_multipliers(self) -> npt.NDArray[np.float64]:
        """Units of the quantised output per unit of the accumulator, per output channel or one."""
        scales = self.channel_scales()
        if self.rounding is not None and self.rounding.data is Rounding.F32:
            quotient = scales.astype(np.float32) / scales_of(element_of(self.output)).astype("<f4")
            return quotient.astype(np.float64)
        if self.f32_product is not None:
            scales = scales.astype(np.float32).astype(np.float64)
        return scales / scales_of(element_of(self.output))

    def clamp_bounds(self) -> tuple[float | None, float | None]:
        """The bounds of the output: as stored if it is quantised, else real."""
        low = None if self.min is None else _number(self.min)
        high = None if self.max is None else _number(self.max)
        return low, high

    def stored_bounds(self) -> tuple[int, int]:
        """The clamp of a quantised output, the type's own range where the op gives none."""
        kind = quantization_of(self.output)
        assert kind is not None, "only quantised outputs have stored bounds"
        low, high = self.clamp_bounds()
        return (
            kind.storage_min if low is None else int(low),
            kind.storage_max if high is None else int(high),
        )

    def input_offset(self, b: Elements[S], index: Sequence[S]) -> S | None:
        """
        What is to be subtracted from each stored input for the output element at `index`, beside
        the zero point in its type: a zero point that is found at run time.
        """
        return None

    def product(self, b: Elements[S], x: S, w: S, channel: S, offset: S | None = None) -> S:
        """One product of the accumulation from a stored input and a stored weight."""
        kind = self.accumulator
        weights = element_of(self.weights)
        weight = decode(b, w, weights, kind)
        if isinstance(weights, UniformQuantizedType) and weights.axis is not None:
            zero_points = weights.zero_points
            if zero_points.any():
                table = b.lookup(zero_points.astype(np.int32), i32, [channel])
                weight = weight - table.to(kind)
        value = decode(b, x, element_of(self.input), kind)
        return (value if offset is None else value - offset) * weight

    def conclude(self, b: Elements[S], total: S, bias: S | None, index: Sequence[S]) -> S:
        """The output element at `index`, as stored, from the accumulated products and the bias."""
        return self.epilogue(b, total, bias, index[-1])

    def epilogue(self, b: Elements[S], total: S, bias: S | None, channel: S) -> S:
        """
        The output element, as stored, from the accumulated products and the channel's bias.
        `channel` is the index into per-channel parameters.
        """
        output = element_of(self.output)
        if self.accumulator == f32:
            real = self._scaled(b, total, self.channel_scales(), channel)
            real = real if bias is None else real + bias
            if isinstance(output, UniformQuantizedType):
                return self._quantize(real, output)
            return self._finish_real(b, real)
        total = total if bias is None else total + bias
        if isinstance(output, UniformQuantizedType):
            return self._requantize(b, total, output, channel)
        if isinstance(output, Float32Type):
            return self._finish_real(
                b, self._scaled(b, total.to(f32), self.channel_scales(), channel)
            )
        if isinstance(output, BinType):
            return total < 0
        return total.to(scalar_type(output))

    def _finish_real(self, b: Elements[S], real: S) -> S:
        if isinstance(element_of(self.output), BinType):
            return real < 0.0
        low, high = self.clamp_bounds()
        return real.clamp(low, high)

    def _scaled(self, b: Elements[S], value: S, scales: npt.NDArray[np.float64], channel: S) -> S:
        if (scales == 1).all():
            return value
        return value * self.per_channel(b, scales.astype(np.float32), f32, channel)

    def per_channel(self, b: Elements[S], values: Array, kind: Attribute, channel: S) -> S:
        """A parameter of the output channel: a constant where all channels share it."""
        if (values == values[0]).all():
            return b.constant(values[0].item(), kind)
        return b.lookup(self.interned(values), kind, [channel])

    def _requantize(self, b: Elements[S], total: S, output: UniformQuantizedType, channel: S) -> S:
        assert self.rounding is not None
        multipliers = self.real_multipliers()
        if self.rounding.data is Rounding.F64:
            scaled = total.scale_f64(self.per_channel(b, multipliers, f64, channel))
        elif self.rounding.data is Rounding.F32:
            return self._requantize_f32(b, total, output, channel)
        else:
            fixed, shifts = fixed_point.quantize_multipliers(multipliers)
            scaled = total.requantize(
                self.per_channel(b, fixed.astype(np.int32), i32, channel),
                self.per_channel(b, shifts.astype(np.int32), i32, channel),
                self.rounding.data,
            )
        low, high = self.stored_bounds()
        return (scaled + output.zero_point).clamp(low, high).to(scalar_type(output))

    def _requantize_f32(
        self, b: Elements[S], total: S, output: UniformQuantizedType, channel: S
    ) -> S:
        factors = self.real_multipliers().astype(np.float32)
        scaled = total.to(f32) * self.per_channel(b, factors, f32, channel)
        low, high = (bound - output.zero_point for bound in self.stored_bounds())
        number = scaled.round_to_int(Ties.EVEN).clamp(low, high)
        return (number + output.zero_point).to(scalar_type(output))

    def _quantize(self, real: S, output: UniformQuantizedType) -> S:
        low, high = self.stored_bounds()
        zero_point = output.zero_point
        rounded = (real / output.scale).round_to_int().clamp(low - zero_point, high - zero_point)
        return (rounded + zero_point).to(scalar_type(output))

    @abstractmethod
    def sums(self, activations: Array, weights: Array) -> Array:
        """The sums of products of numbers, for each output element; nothing wraps."""

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        sums = self.sums(self.activations(inputs), self.numbers(inputs[1], self.weights))
        return self.finish(self.totals(sums), inputs)

    def finish(self, totals: Array, inputs: Sequence[Array]) -> tuple[Array]:
        """Applies the epilogue to numpy accumulators whose last axis is the output channel."""
        context = NumpyElements(self, inputs)
        total = NumpyScalar(totals, self.accumulator)
        bias = None
        if self.bias is not None:
            bias = NumpyScalar(inputs[2], scalar_type(element_of(self.bias)))
        stored = self.conclude(context, total, bias, grid(totals.shape)).array
        dtype = numpy_dtype(element_of(self.output))
        return (stored.view(dtype).reshape(shape_of(self.output)),)

    def activations(self, inputs: Sequence[Array]) -> Array:
        """The input as numbers of the accumulation; see `numbers`."""
        return self.numbers(inputs[0], self.input)

    def numbers(self, values: Array, operand: SSAValue) -> Array:
        """
        Stored values as the numbers that the accumulation multiplies, in float64: exact for
        integers, and closer to the real sum than any order of float32 additions.
        """
        element = element_of(operand)
        dtype = np.float64
        if isinstance(element, BinType):
            return np.where(values, -1, 1).astype(dtype)
        if isinstance(element, UniformQuantizedType):
            zero_points = element.zero_points.astype(np.float64)
            if element.axis is not None:
                shape = [1] * values.ndim
                shape[element.axis] = -1
                zero_points = zero_points.reshape(shape)
            return (values.astype(np.float64) - zero_points).astype(dtype)
        return values.astype(dtype)

    def totals(self, sums: Sequence[Array] | Array) -> Array:
        """Accumulated numbers in the accumulator's dtype; integers wrap as the hardware's do."""
        dtype = numpy_dtype(self.accumulator)
        array = np.asarray(sums)
        if dtype == np.float32:
            return array.astype(np.float32)
        return array.astype(np.int64).astype(dtype)


def _bits(element: Attribute) -> int:
    kind = scalar_type(element)
    assert isinstance(kind, IntegerType)
    return kind.width.data


def _number(attribute: IntegerAttr | FloatAttr) -> float:
    return attribute.value.data
