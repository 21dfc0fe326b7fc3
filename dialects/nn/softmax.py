"""Softmax over the last axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    FloatAttr,
    TensorType,
    f32,
    i16,
    i32,
)
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.kernel.scalar import Ties
from nnc.dialects.nn import gemmlowp, tables
from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import NnOp, RoundingAttr
from nnc.dialects.nn.checks import Kind, check_kind, check_output, check_same_element
from nnc.dialects.nn.fixed_point import quantize_multiplier, requantize_single, saturate
from nnc.dialects.nn.gemmlowp_scalar import reciprocal_of_one_plus
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.quantized import interpolated, is_8_bit
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, quantization_of, scalar_type, shape_of
from nnc.dialects.utils import Rounding

_SUM_BITS = 12


@irdl_op_definition
class SoftmaxOp(NnOp):
    """
    `exp(beta * x)` divided by its sum over the last axis.

    Of int8 and uint8 codes it is gemmlowp's fixed-point algorithm (TFLite `reference/softmax.h`):
    the exponential of a difference of two codes is one of 256 constants. Its result has the scale
    1/256 and the smallest stored value as zero point; for any other type of 8 bits, the share of an
    element is computed in 16 bits and requantised. With the rounding `f32` the arithmetic is that
    of ONNX Runtime (`qlinear_softmax.cc`): exponentials, their sum and the quotients in float32.

    ```mlir
    %y = nn.softmax %x {beta = 1.0 : f32} : (tensor<1x10xf32>) -> tensor<1x10xf32>
    ```
    """

    name = "nn.softmax"

    input = operand_def(TensorType)
    output = result_def(TensorType)
    beta = prop_def(FloatAttr)
    rounding = opt_prop_def(RoundingAttr)

    def verify_(self) -> None:
        if self.rounding is not None:
            if self.rounding.data is not Rounding.F32:
                raise VerifyException(f"expected a rounding of f32, got {self.rounding.data}")
            for what, value in (("an input", self.input), ("an output", self.output)):
                if not is_8_bit(element_of(value)):
                    raise VerifyException(f"expected {what} of 8 bits, got {value.type}")
        check_kind("an input", self.input, Kind.F32 | Kind.QUANTIZED)
        check_output(self.output, shape_of(self.input))
        if not shape_of(self.input):
            raise VerifyException("expected at least one axis, got none")
        if quantization_of(self.input) is None:
            check_same_element("an output", self.output, self.input)
        else:
            check_kind("an output", self.output, Kind.QUANTIZED)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        beta = self.beta.value.data
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None:
            shifted = (values - values.max(axis=-1, keepdims=True)) * np.float32(beta)
            exps = np.exp(shifted, dtype=np.float32)
            return (exps / exps.sum(axis=-1, keepdims=True, dtype=np.float32),)
        if source.storage.width.data == 16:
            return (tables.softmax_int16(values, source.scale, beta).astype(np.int16),)
        bits = target.storage.width.data
        if self.rounding is not None:
            return (self._in_floats(values, source, target).astype(values.dtype),)
        if not self.is_standard:
            shares = gemmlowp.softmax_int8(values, source.scale, beta, storage_min=0, bits=16)
            scaled = requantize_single(shares, *quantize_multiplier(self._per_share(target)))
            codes = scaled + target.zero_point
            return (saturate(codes, target.storage_min, target.storage_max).astype(values.dtype),)
        codes = gemmlowp.softmax_int8(
            values, source.scale, beta, storage_min=target.storage_min, bits=bits
        )
        return (codes.astype(inputs[0].dtype if bits == 8 else np.int16),)

    @property
    def is_standard(self) -> bool:
        """Whether a quantised result has the scale and zero point of gemmlowp's algorithm."""
        target = quantization_of(self.output)
        if target is None or target.storage.width.data != 8:
            return True
        return (target.scale, target.zero_point) == (2.0**-8, target.storage_min)

    @staticmethod
    def _per_share(target: UniformQuantizedType) -> float:
        """Units of the output per unit of a share of 16 bits."""
        return 2.0**-16 / target.scale

    def _exponentials(self, source: UniformQuantizedType) -> npt.NDArray[np.float32]:
        """The float32 exponential for each distance from the largest element of a row, 0 to 255."""
        depth, scale = shape_of(self.input)[-1], source.scale * self.beta.value.data
        largest = float(np.finfo(np.float32).max)
        shift = max(0.0, math.log(largest / depth) - 5) / scale
        return np.exp((shift - np.arange(256)) * scale).astype(np.float32)

    @staticmethod
    def _units(target: UniformQuantizedType) -> float:
        """How many units a share of 1 has; ONNX Runtime takes a whole number."""
        return float(np.floor(np.float32(1) / np.float32(target.scale)))

    def _in_floats(
        self, values: Array, source: UniformQuantizedType, target: UniformQuantizedType
    ) -> Array:
        wide = values.astype(np.int64)
        table = self._exponentials(source)[wide.max(axis=-1, keepdims=True) - wide]
        total = np.zeros(table.shape[:-1], np.float32)
        for k in range(table.shape[-1]):
            total = total + table[..., k]
        units = np.float32(self._units(target))
        codes = np.rint(table * units / total[..., np.newaxis]) + target.zero_point
        return np.clip(codes, target.storage_min, target.storage_max)

    def lower(self, b: LoopBuilder) -> None:
        *outer, depth = shape_of(self.input)
        source = quantization_of(self.input)
        if source is None:
            b.for_each(outer, lambda row: self._lower_float(b, row, depth))
            return
        if source.storage.width.data == 16:
            exponentials, reciprocals = (
                b.table(self.interned(table.astype(np.int16)), i16)
                for table in tables.softmax_int16_tables()
            )
            scaling = tables.softmax_int16_scaling(source.scale, self.beta.value.data)
            lower_int16_softmax(b, quantize_multiplier(scaling), exponentials, reciprocals)
            return
        target = quantization_of(self.output)
        assert target is not None
        if self.rounding is not None:
            self._lower_in_floats(b, source, target)
            return
        scaling = gemmlowp.softmax_scaling(source.scale, self.beta.value.data)
        bits = target.storage.width.data
        low, high = target.storage_min, target.storage_max
        if self.is_standard:
            lower_int8_softmax(b, scaling, low, high, bits)
            return
        multiplier, shift = quantize_multiplier(self._per_share(target))

        def store(share: IRScalar) -> IRScalar:
            fixed = b.constant(multiplier, i32), b.constant(shift, i32)
            scaled = share.requantize(*fixed, Rounding.SINGLE) + target.zero_point
            return scaled.clamp(low, high)

        lower_int8_softmax(b, scaling, 0, 65535, 16, store)

    def _lower_in_floats(
        self, b: LoopBuilder, source: UniformQuantizedType, target: UniformQuantizedType
    ) -> None:
        *outer, depth = shape_of(self.input)
        x, y = b.inputs[0], b.outputs[0]
        table = b.table(self.interned(self._exponentials(source)), f32)
        zero_point, units = target.zero_point, self._units(target)
        low, high = target.storage_min - zero_point, target.storage_max - zero_point

        def row(at: list[IRScalar]) -> None:
            largest = largest_of(b, at, depth, i32)

            def exponential(k: IRScalar) -> IRScalar:
                distance = largest - b.widen(b.load(x, [*at, k]), x.element)
                distance.bounds = (0, 255)
                return b.load(table, [distance.to(INDEX)])

            total = b.reduce(
                [(0, depth)], b.constant(0.0, f32), lambda so_far, k: so_far + exponential(k[0])
            )

            def finish(k: IRScalar) -> None:
                share = exponential(k) * units / total
                number = share.round_to_int(Ties.EVEN).clamp(low, high) + zero_point
                b.store(y, [*at, k], number.to(scalar_type(y.element)))

            b.loop(0, depth, finish)

        b.for_each(outer, row)

    def _lower_float(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        x, y = b.inputs[0], b.outputs[0]
        largest = largest_of(b, row, depth, f32)
        beta = self.beta.value.data

        def exponential(k: IRScalar) -> IRScalar:
            return ((b.load(x, [*row, k]) - largest) * beta).math("exp")

        def accumulate(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            value = exponential(at[0])
            b.store(y, [*row, at[0]], value)
            return total + b.load(y, [*row, at[0]])

        total = b.reduce([(0, depth)], b.constant(0.0, f32), accumulate)
        b.loop(0, depth, lambda k: b.store(y, [*row, k], b.load(y, [*row, k]) / total))


def largest_of(b: LoopBuilder, row: list[IRScalar], depth: int, kind: Attribute) -> IRScalar:
    x = b.inputs[0]

    def read(k: IRScalar) -> IRScalar:
        return b.widen(b.load(x, [*row, k]), x.element, kind)

    return b.reduce([(1, depth)], read(b.index(0)), lambda best, k: best.max(read(k[0])))


def exponentials_of(scaling: tuple[int, int, int]) -> tuple[Array, int]:
    """The exponential in Q0 of each difference 0 to 255 of codes, and how many of them count."""
    multiplier, shift, diff_min = scaling
    difference = -np.arange(256)
    counted = difference >= diff_min
    scaled = gemmlowp.srdhm(gemmlowp.wrap32(difference << shift), multiplier)
    exps = gemmlowp.exp_on_negative(np.where(counted, scaled, 0), 5)
    return np.where(counted, exps, 0).astype(np.int32), int(counted.sum())


def lower_int8_softmax(
    b: LoopBuilder,
    scaling: tuple[int, int, int],
    low: int,
    high: int,
    bits: int,
    store: Callable[[IRScalar], IRScalar] | None = None,
) -> None:
    """
    The loops of gemmlowp's softmax of 8-bit codes; `scaling` is what `gemmlowp.softmax_scaling`
    gives, the output has `bits` bits and is clamped to [low, high], which starts at its zero point.
    `store` makes of it what is stored.
    """
    exps, counted = exponentials_of(scaling)
    table = b.table(exps, i32)
    x, y = b.inputs[0], b.outputs[0]
    *outer, depth = x.shape

    def row(at: list[IRScalar]) -> None:
        largest = largest_of(b, at, depth, i32)

        def difference(k: IRScalar) -> IRScalar:
            distance = largest - b.widen(b.load(x, [*at, k]), x.element)
            distance.bounds = (0, 255)
            return distance

        def exponential(k: IRScalar) -> IRScalar:
            return b.load(table, [difference(k).to(INDEX)])

        total = b.reduce(
            [(0, depth)],
            b.constant(0, i32),
            lambda so_far, k: so_far + exponential(k[0]).rdbp(b.constant(_SUM_BITS, i32)),
        )
        headroom = total.leading_zeros()
        scale = reciprocal_of_one_plus((total << headroom) - (-(1 << 31)))
        exponent = b.constant(_SUM_BITS + 31 - bits, i32) - headroom

        def finish(k: IRScalar) -> None:
            share = scale.srdhm(exponential(k)).rdbp(exponent.min(31))
            if depth >= 512 and bits == 8:
                # Only so many equal elements can make each one's share less than half a unit.
                share = (exponent > 31).select(0, share)
            code = (share + low).clamp(low, high)
            stored = (difference(k) >= counted).select(low, code)
            stored = stored if store is None else store(stored)
            b.store(y, [*at, k], stored.to(scalar_type(y.element)))

        b.loop(0, depth, finish)

    b.for_each(outer, row)


def lower_int16_softmax(
    b: LoopBuilder, scaling: tuple[int, int], exponentials: Operand, reciprocals: Operand
) -> None:
    """
    The loops of the softmax of 16-bit codes; `scaling` is the multiplier and shift of a difference
    of codes in units of the table of exponentials. The exponential of each difference is kept in
    the output until the sum is known.
    """
    x, y = b.inputs[0], b.outputs[0]
    *outer, depth = x.shape

    def look_up(table: Operand, code: IRScalar) -> IRScalar:
        return interpolated(code, lambda place: b.load(table, [place]).to(i32))

    def row(at: list[IRScalar]) -> None:
        largest = largest_of(b, at, depth, i32)

        def accumulate(total: IRScalar, k: list[IRScalar]) -> IRScalar:
            distance = b.widen(b.load(x, [*at, k[0]]), x.element) - largest
            multiplier, shift = (b.constant(number, i32) for number in scaling)
            code = distance.requantize(multiplier, shift, Rounding.DOUBLE) + 32767
            value = look_up(exponentials, code.clamp(-32768, 32767))
            b.store(y, [*at, k[0]], value.to(scalar_type(y.element)))
            return total + value

        total = b.reduce([(0, depth)], b.constant(0, i32), accumulate)
        headroom = total.leading_zeros()
        shifted = ((total << (headroom - 1)) + (1 << 13)) >> 14
        scale = look_up(reciprocals, (shifted - 3 * (1 << 15)).clamp(-32768, 32767))
        right = b.constant(31, i32) - headroom

        def finish(k: IRScalar) -> None:
            value = b.widen(b.load(y, [*at, k]), y.element) * scale
            rounded = (value + (b.constant(1, i32) << (right - 1))) >> right
            b.store(y, [*at, k], rounded.clamp(0, 32767).to(scalar_type(y.element)))

        b.loop(0, depth, finish)

    b.for_each(outer, row)
