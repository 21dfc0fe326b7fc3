"""Vectors brought to a common measure: log-softmax, length 1, local response."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, f32, i32
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn import fixed_point, gemmlowp
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.algebra import INDEX, NumpyScalar
from nnc.dialects.nn.base import LoopElements, NnOp
from nnc.dialects.nn.checks import Kind, check_kind, check_output, check_same_kind
from nnc.dialects.nn.gemmlowp_scalar import inverse_sqrt, log_of_at_least_one
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.quantized import store
from nnc.dialects.nn.softmax import exponentials_of, largest_of
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, quantization_of, scalar_type, shape_of
from nnc.dialects.utils import Rounding

_SUM_BITS, _LOG_BITS = 12, 5


class RowOp(NnOp, ABC):
    """An op on each vector along the last axis, of the same shape."""

    KINDS: ClassVar[Kind] = Kind.F32 | Kind.QUANTIZED_8

    def quantization(self, output: UniformQuantizedType) -> tuple[float, int] | None:
        """The scale and zero point that a quantised output must have, None for an own type."""
        return None

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        check_kind("an input", self.input, self.KINDS)
        check_same_kind("an output", self.output, self.input)
        if not shape_of(self.input):
            raise VerifyException("expected at least one axis, got none")
        check_output(self.output, shape_of(self.input))
        target = quantization_of(self.output)
        if target is None or target.axis is not None:
            return
        wanted = self.quantization(target)
        if wanted is None:
            raise VerifyException(f"expected a signed output, got {self.output.type}")
        if wanted != (target.scale, target.zero_point):
            raise VerifyException(
                f"expected an output of scale {wanted[0]} and zero point {wanted[1]}, "
                f"got {self.output.type}"
            )


@irdl_op_definition
class LogSoftmaxOp(RowOp):
    """
    The logarithm of the softmax over the last axis. Of int8 it is gemmlowp's fixed point, for an
    output of scale 1/16 and zero point 127 (TFLite `reference/integer_ops/log_softmax.h`).

    ```mlir
    %y = nn.log_softmax %x : (tensor<1x10xf32>) -> tensor<1x10xf32>
    ```
    """

    name = "nn.log_softmax"

    def quantization(self, output: UniformQuantizedType) -> tuple[float, int] | None:
        return (1 / 16, 127) if output.is_signed else None

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        source = quantization_of(self.input)
        if source is not None:
            return (gemmlowp.log_softmax_int8(values, source.scale).astype(values.dtype),)
        shifted = values - values.max(axis=-1, keepdims=True)
        exps = NumpyScalar(shifted, f32).math("exp").array
        total = NumpyScalar(exps.sum(axis=-1, keepdims=True, dtype=np.float32), f32)
        return (shifted - total.math("log").array,)

    def lower(self, b: LoopBuilder) -> None:
        *outer, depth = shape_of(self.input)
        source = quantization_of(self.input)
        if source is None:
            b.for_each(outer, lambda row: self._lower_float(b, row, depth))
            return
        b.for_each(outer, lambda row: self._lower_int8(b, row, depth, source))

    def _lower_float(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        x, y = b.inputs[0], b.outputs[0]
        largest = largest_of(b, row, depth, f32)

        def shifted(k: IRScalar) -> IRScalar:
            return b.load(x, [*row, k]) - largest

        total = b.reduce(
            [(0, depth)], b.constant(0.0, f32), lambda t, k: t + shifted(k[0]).math("exp")
        )
        log_total = total.math("log")
        b.loop(0, depth, lambda k: b.store(y, [*row, k], shifted(k) - log_total))

    def _lower_int8(
        self, b: LoopBuilder, row: list[IRScalar], depth: int, source: UniformQuantizedType
    ) -> None:
        x, y = b.inputs[0], b.outputs[0]
        multiplier, shift, diff_min = gemmlowp.softmax_scaling(source.scale, 1.0)
        exps, _ = exponentials_of((multiplier, shift, diff_min))
        table = b.table(self.interned(exps), i32)
        differences = fixed_point.wrap32(-np.arange(256) << shift)
        scaled = b.table(
            self.interned(fixed_point.srdhm(differences, multiplier).astype(np.int32)), i32
        )
        largest = largest_of(b, row, depth, i32)

        def distance(k: IRScalar) -> IRScalar:
            result = largest - b.widen(b.load(x, [*row, k]), x.element)
            result.bounds = (0, 255)
            return result

        def accumulate(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            value = b.load(table, [distance(at[0]).to(INDEX)])
            return total + value.rdbp(b.constant(_SUM_BITS, i32))

        total = b.reduce([(0, depth)], b.constant(0, i32), accumulate)
        log_total = log_of_at_least_one(total, _SUM_BITS, _LOG_BITS)
        reverse = fixed_point.quantize_multiplier((1 << (31 - shift)) / float(multiplier))
        furthest = (log_total + fixed_point.INT32_MIN).requantize(
            b.constant(reverse[0], i32), b.constant(reverse[1], i32), Rounding.DOUBLE
        )
        lowest = furthest.max(diff_min - 1)

        def finish(k: IRScalar) -> None:
            away = distance(k)
            difference = b.load(scaled, [away.to(INDEX)]) - log_total
            code = (difference.rdbp(b.constant(22, i32)) + 127).clamp(-128, 127)
            counted = (0 - away) > lowest
            b.store(y, [*row, k], counted.select(code, -128).to(scalar_type(y.element)))

        b.loop(0, depth, finish)


@irdl_op_definition
class L2NormalizationOp(RowOp):
    """
    Each vector divided by its length, which counts as `epsilon` if it is shorter. Of 8 bits it is
    gemmlowp's fixed point, for an output of scale 1/128 (TFLite
    `reference/integer_ops/l2normalization.h` and `reference/l2normalization.h`).

    ```mlir
    %y = nn.l2_normalization %x {epsilon = 1.0e-6 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "nn.l2_normalization"

    epsilon = prop_def(FloatAttr)

    def quantization(self, output: UniformQuantizedType) -> tuple[float, int] | None:
        return 1 / 128, 0 if output.is_signed else 128

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is not None and target is not None:
            normalize = gemmlowp.l2_normalization_int8
            if not source.is_signed:
                normalize = gemmlowp.l2_normalization_uint8
            return (normalize(values, source.zero_point).astype(values.dtype),)
        squares = (values * values).sum(axis=-1, keepdims=True, dtype=np.float32)
        length = np.maximum(np.sqrt(squares), np.float32(self.epsilon.value.data))
        return (values / length,)

    def lower(self, b: LoopBuilder) -> None:
        *outer, depth = shape_of(self.input)
        quantized = quantization_of(self.input) is not None
        lower_row = self._lower_int8 if quantized else self._lower_float
        b.for_each(outer, lambda row: lower_row(b, row, depth))

    def _lower_float(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        x, y = b.inputs[0], b.outputs[0]

        def accumulate(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            value = b.load(x, [*row, at[0]])
            return total + value * value

        total = b.reduce([(0, depth)], b.constant(0.0, f32), accumulate)
        length = total.math("sqrt").max(self.epsilon.value.data)
        b.loop(0, depth, lambda k: b.store(y, [*row, k], b.load(x, [*row, k]) / length))

    def _lower_int8(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        x, y, context = b.inputs[0], b.outputs[0], LoopElements(b)
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None

        def number(k: IRScalar) -> IRScalar:
            return decode(context, b.load(x, [*row, k]), source, i32)

        def accumulate(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            value = number(at[0])
            return total + value * value

        total = b.reduce([(0, depth)], b.constant(0, i32), accumulate)
        multiplier, shift = inverse_sqrt(total)

        def finish(k: IRScalar) -> None:
            # The two kernels scale by 128 before and after the multiplier.
            if source.is_signed:
                code = number(k).requantize(multiplier, shift + 7, Rounding.DOUBLE)
            else:
                code = (number(k) << 7).requantize(multiplier, shift, Rounding.DOUBLE)
            b.store(y, [*row, k], store(code, target))

        b.loop(0, depth, finish)


@irdl_op_definition
class LocalResponseNormalizationOp(RowOp):
    """
    Each element divided by a power of its neighbourhood along the last axis, from `before` places
    before it to `after` behind it: `x * (bias + alpha * sum of squares) ** -beta`.

    ```mlir
    %y = nn.local_response_normalization %x {before = 2 : i64, after = 2 : i64, bias = 1.0 : f32,
      alpha = 1.0 : f32, beta = 0.5 : f32} : (tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
    ```
    """

    name = "nn.local_response_normalization"
    KINDS: ClassVar[Kind] = Kind.F32

    before = prop_def(IntegerAttr)
    after = prop_def(IntegerAttr)
    bias = prop_def(FloatAttr)
    alpha = prop_def(FloatAttr)
    beta = prop_def(FloatAttr)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        depth = values.shape[-1]
        squares = values * values
        total = np.zeros_like(values)
        for offset in range(-self.before.value.data, self.after.value.data + 1):
            first, last = max(0, -offset), min(depth, depth - offset)
            if first < last:
                total[..., first:last] += squares[..., first + offset : last + offset]
        base = np.float32(self.bias.value.data) + np.float32(self.alpha.value.data) * total
        exponent = NumpyScalar(-self.beta.value.data, f32)
        return (values * NumpyScalar(base, f32).power(exponent).array,)

    def lower(self, b: LoopBuilder) -> None:
        x = b.inputs[0]
        depth = x.shape[-1]

        def element(index: list[IRScalar]) -> IRScalar:
            *outer, c = index
            low = (c - self.before.value.data).max(0)
            high = (c + (self.after.value.data + 1)).min(depth)

            def accumulate(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                value = b.load(x, [*outer, at[0]])
                return total + value * value

            total = b.reduce([(low, high)], b.constant(0.0, f32), accumulate)
            base = total * self.alpha.value.data + self.bias.value.data
            power = base.power(b.constant(-self.beta.value.data, f32))
            return b.load(x, index) * power

        b.produce(b.outputs[0], element)
