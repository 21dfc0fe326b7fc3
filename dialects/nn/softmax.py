"""Softmax over the last axis."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import (
    Float32Type,
    FloatAttr,
    TensorType,
    f32,
    i32,
)
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn import gemmlowp, tables
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.types import Array, element_of, quantization_of, scalar_type, shape_of

_SUM_BITS = 12


@irdl_op_definition
class SoftmaxOp(NnOp):
    """
    `exp(beta * x)` divided by its sum over the last axis.

    Of int8 and uint8 codes it is gemmlowp's fixed-point algorithm (TFLite `reference/softmax.h`):
    the exponential of a difference of two codes is one of 256 constants.

    ```mlir
    %y = nn.softmax %x {beta = 1.0 : f32} : (tensor<1x10xf32>) -> tensor<1x10xf32>
    ```
    """

    name = "nn.softmax"

    input = operand_def(TensorType)
    output = result_def(TensorType)
    beta = prop_def(FloatAttr)

    def verify_(self) -> None:
        if shape_of(self.input) != shape_of(self.output):
            raise VerifyException(
                f"expected an output of shape {shape_of(self.input)}, got {shape_of(self.output)}"
            )

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
        codes = gemmlowp.softmax_int8(
            values, source.scale, beta, storage_min=target.storage_min, bits=bits
        )
        return (codes.astype(inputs[0].dtype if bits == 8 else np.int16),)

    def lower(self, b: LoopBuilder) -> None:
        *outer, depth = shape_of(self.input)
        source = quantization_of(self.input)
        if source is None:
            b.for_each(outer, lambda row: self._lower_float(b, row, depth))
            return
        if source.storage.width.data == 16:
            b.for_each(outer, lambda row: self._lower_int16(b, row, depth))
            return
        b.for_each(outer, lambda row: self._lower_int8(b, row, depth))

    def _largest(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> IRScalar:
        x = b.inputs[0]
        kind: Attribute = f32 if isinstance(element_of(self.input), Float32Type) else i32

        def read(k: IRScalar) -> IRScalar:
            return b.widen(b.load(x, [*row, k]), x.element, kind)

        first = read(b.index(0))
        return b.reduce([(1, depth)], first, lambda best, k: best.max(read(k[0])))

    def _lower_float(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        x, y = b.inputs[0], b.outputs[0]
        largest = self._largest(b, row, depth)
        beta = self.beta.value.data

        def exponential(k: IRScalar) -> IRScalar:
            return ((b.load(x, [*row, k]) - largest) * beta).math("exp")

        def accumulate(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            value = exponential(at[0])
            b.store(y, [*row, at[0]], value)
            return total + b.load(y, [*row, at[0]])

        total = b.reduce([(0, depth)], b.constant(0.0, f32), accumulate)
        b.loop(0, depth, lambda k: b.store(y, [*row, k], b.load(y, [*row, k]) / total))

    def _exponentials(self, scale: float) -> tuple[Array, int]:
        """The exponential in Q0 of each difference 0..255 of codes, and how many count."""
        multiplier, shift, diff_min = gemmlowp.softmax_scaling(scale, self.beta.value.data)
        difference = -np.arange(256)
        counted = difference >= diff_min
        scaled = gemmlowp.srdhm(gemmlowp.wrap32(difference << shift), multiplier)
        exps = gemmlowp.exp_on_negative(np.where(counted, scaled, 0), 5)
        return np.where(counted, exps, 0).astype(np.int32), int(counted.sum())

    def _lower_int8(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        x, y = b.inputs[0], b.outputs[0]
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        exps, counted = self._exponentials(source.scale)
        table = b.table(exps, i32)
        largest = self._largest(b, row, depth)

        def difference(k: IRScalar) -> IRScalar:
            return largest - b.widen(b.load(x, [*row, k]), x.element)

        def exponential(k: IRScalar) -> IRScalar:
            distance = difference(k)
            distance.bounds = (0, 255)
            return b.load(table, [distance.to(b.index(0).type)])

        total = b.reduce(
            [(0, depth)],
            b.constant(0, i32),
            lambda so_far, k: so_far + exponential(k[0]).rdbp(b.constant(_SUM_BITS, i32)),
        )
        headroom = total.leading_zeros()
        scale = _reciprocal_of_one_plus((total << headroom) - (-(1 << 31)))
        bits = target.storage.width.data
        exponent = b.constant(_SUM_BITS + 31 - bits, i32) - headroom
        low, high = target.storage_min, target.storage_max

        def finish(k: IRScalar) -> None:
            code = (scale.srdhm(exponential(k)).rdbp(exponent) + low).clamp(low, high)
            negligible = difference(k) >= counted
            b.store(y, [*row, k], negligible.select(low, code).to(scalar_type(target)))

        b.loop(0, depth, finish)

    def _lower_int16(self, b: LoopBuilder, row: list[IRScalar], depth: int) -> None:
        raise VerifyException("expected 8-bit codes")


def _reciprocal_of_one_plus(x: IRScalar) -> IRScalar:
    """`1 / (1 + x)` in Q0 by three Newton steps; x in Q0 (gemmlowp `one_over_one_plus_x`)."""
    half = (x >> 1) + (1 << 30)
    estimate = x.lift(1515870810) + half.srdhm(x.lift(-1010580540))
    for _ in range(3):
        error = x.lift(1 << 29) - half.srdhm(estimate)
        estimate = estimate + (estimate.srdhm(error) << 2)
    return (estimate >= (1 << 30)).select((1 << 31) - 1, estimate << 1)
