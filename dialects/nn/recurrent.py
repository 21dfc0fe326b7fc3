"""
Layers with a state other than LSTMs: SVDF and plain recurrent layers.

The state is an operand, and its next value a result; see `nnc.dialects.nn.states`. The loops may
write the one over the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, f32, i8, i32
from xdsl.ir import SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.base import S
from nnc.dialects.nn.checks import Kind, check_element, check_kind, kind_of
from nnc.dialects.nn.program import Program, ProgramOp
from nnc.dialects.nn.quantized import f32_product, f32_quotient, rescale, store
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.dialects.utils import Rounding


class SvdfBase(ProgramOp, ABC):
    """
    What both kinds of SVDF share. Weights are `feature` [F, I] and `time` [F, M]; the `state`
    [B, F * M] holds the last M activations of each of the F filters, of which `rank` at a time add
    up to one output.
    """

    input = operand_def(TensorType)
    feature = operand_def(TensorType)
    time = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    state = operand_def(TensorType)
    output = result_def(TensorType)
    next_state = result_def(TensorType)

    rank = prop_def(IntegerAttr)
    min = opt_prop_def(FloatAttr)
    max = opt_prop_def(FloatAttr)

    @abstractmethod
    def activation(self, p: Program[S], b: S, f: S) -> S:
        """The product of the input and a filter's feature weights, as the state holds it."""

    def real_multipliers(self) -> tuple[float, float]:
        """What a quantised layer requantises an activation with, and what an output."""
        kinds = [
            quantization_of(value)
            for value in (self.input, self.feature, self.state, self.time, self.output)
        ]
        source, feature, state, time, output = (kind.scale for kind in kinds if kind is not None)
        return (
            f32_quotient(f32_product(source, feature), state),
            f32_quotient(f32_product(state, time), output),
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Batch, filters and memory."""
        filters, memory = shape_of(self.time)
        return shape_of(self.input)[0], filters, memory

    def verify_(self) -> None:
        batch, depth = shape_of(self.input)
        filters, memory = shape_of(self.time)
        rank = self.rank.value.data
        if rank < 1 or filters % rank:
            raise VerifyException(f"expected a rank that divides {filters} filters, got {rank}")
        check_shape("feature weights", self.feature, (filters, depth))
        check_shape("an output", self.output, (batch, filters // rank))
        check_shape("a state", self.state, (batch, filters * memory))
        check_same("a next state", self.next_state, self.state)
        if self.bias is not None:
            check_shape("a bias", self.bias, (filters // rank,))

    def macs(self) -> int:
        batch, filters, memory = self.sizes
        return batch * filters * (shape_of(self.input)[1] + memory)

    @property
    def state_operand(self) -> int:
        """The number of the operand `state`."""
        return 3 if self.bias is None else 4

    def overwrites(self) -> Sequence[tuple[int, int]]:
        return [(self.state_operand, 1)]

    def run(self, p: Program[S]) -> None:
        batch, filters, memory = self.sizes
        output, following = len(self.operands), len(self.operands) + 1

        def shift(index: list[S]) -> None:
            b, f, t = index
            place = f * memory + t
            p.store(following, [b, place], p.load(self.state_operand, [b, place + 1]))

        def append(index: list[S]) -> None:
            b, f = index
            p.store(following, [b, f * memory + (memory - 1)], self.activation(p, b, f))

        if memory > 1:
            p.for_each([batch, filters, memory - 1], shift)
        p.for_each([batch, filters], append)
        p.for_each(
            shape_of(self.output),
            lambda index: p.store(output, index, self._unit(p, following, index[0], index[1])),
        )

    def _unit(self, p: Program[S], state: int, b: S, u: S) -> S:
        """An output: the last activations of its filters, weighted by their age."""
        rank, memory = self.rank.value.data, shape_of(self.time)[1]
        time = element_of(self.time)
        kind = f32 if element_of(self.state) == f32 else i32

        def term(f: S, t: S) -> S:
            weight, value = p.load(2, [f, t]), p.load(state, [b, f * memory + t])
            if time == f32:
                return value * weight
            number = decode(p, weight, time, i32)
            if kind == i32:
                return value.to(i32) * number
            assert isinstance(time, UniformQuantizedType)
            return value * (number.to(f32) * time.scale)

        total = p.sum(rank, kind, lambda r: p.sum(memory, kind, lambda t: term(u * rank + r, t)))
        total = total if self.bias is None else total + p.load(3, [u])
        target = quantization_of(self.output)
        if target is None:
            low = None if self.min is None else self.min.value.data
            high = None if self.max is None else self.max.value.data
            return total.clamp(low, high)
        _, real = self.real_multipliers()
        return store(rescale(p, total, real, Rounding.DOUBLE), target)


@irdl_op_definition
class SvdfOp(SvdfBase):
    """
    A dense layer whose filters are products of a vector over features and one over time: all float,
    or 8-bit activations with a state of 16 bits (in TFLite Micro also of 8).

    Quantised, every requantisation is gemmlowp's with two roundings, its multiplier a quotient of
    float32 numbers. Source: TFLite's `reference/svdf.h`, `kernels/svdf.cc`.

    ```mlir
    %y, %next = nn.svdf %x, %feature, %time, %bias, %state {rank = 1 : i64}
      : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<1x16xf32>)
      -> (tensor<1x2xf32>, tensor<1x16xf32>)
    ```
    """

    name = "nn.svdf"

    def verify_(self) -> None:
        super().verify_()
        floats = element_of(self.input) == f32
        if self.bias is not None:
            check_element("a bias", self.bias, f32 if floats else i32)
        outer, inner = (Kind.F32,) * 2 if floats else (Kind.QUANTIZED_8, Kind.QUANTIZED)
        check_kind("an input", self.input, outer)
        check_kind("feature weights", self.feature, outer)
        check_kind("a state", self.state, inner)
        check_kind("time weights", self.time, kind_of(element_of(self.state)) or inner)
        check_kind("an output", self.output, outer)

    def activation(self, p: Program[S], b: S, f: S) -> S:
        source, state = quantization_of(self.input), quantization_of(self.state)
        kind = f32 if source is None else i32

        def term(k: S) -> S:
            value = decode(p, p.load(0, [b, k]), element_of(self.input), kind)
            return value * decode(p, p.load(1, [f, k]), element_of(self.feature), kind)

        total = p.sum(shape_of(self.input)[1], kind, term)
        if source is None:
            return total
        assert state is not None
        real, _ = self.real_multipliers()
        return store(rescale(p, total, real, Rounding.DOUBLE), state)


@irdl_op_definition
class DynamicSvdfOp(SvdfBase):
    """
    `nn.svdf` of run-time quantised activations with 8-bit weights and a float state; the input is
    the result of `nn.dynamic_quantize`.

    Source: `EvalHybridSVDF` in TFLite's `reference/svdf.h`.

    ```mlir
    %y, %next = nn.dynamic_svdf %q, %feature, %time, %bias, %state, %scale, %zero_point
      {rank = 1 : i64}
      : (tensor<1x3xi8>, tensor<2x3x!quant.uniform<i8:f32, 0.1>>, tensor<2x8xf32>, tensor<2xf32>,
         tensor<1x16xf32>, tensor<1xf32>, tensor<1xi32>) -> (tensor<1x2xf32>, tensor<1x16xf32>)
    ```
    """

    name = "nn.dynamic_svdf"

    input = operand_def(TensorType)
    feature = operand_def(TensorType)
    time = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    state = operand_def(TensorType)
    scale = operand_def(TensorType)
    zero_point = operand_def(TensorType)

    def verify_(self) -> None:
        super().verify_()
        batch, _, _ = self.sizes
        check_shape("scales", self.scale, (batch,))
        check_shape("zero points", self.zero_point, (batch,))
        check_element("an input", self.input, i8)
        check_kind("feature weights", self.feature, Kind.QUANTIZED_4 | Kind.QUANTIZED_8)
        check_kind("time weights", self.time, Kind.F32 | Kind.QUANTIZED_4 | Kind.QUANTIZED_8)
        check_element("zero points", self.zero_point, i32)
        for value in (self.state, self.scale, self.output):
            check_element("a float tensor", value, f32)
        if self.bias is not None:
            check_element("a bias", self.bias, f32)

    def activation(self, p: Program[S], b: S, f: S) -> S:
        feature = quantization_of(self.feature)
        assert feature is not None
        scale = p.load(self.state_operand + 1, [b])
        point = p.load(self.state_operand + 2, [b])

        def term(k: S) -> S:
            value = p.load(0, [b, k]).to(i32) - point
            return value * decode(p, p.load(1, [f, k]), element_of(self.feature), i32)

        total = p.sum(shape_of(self.input)[1], i32, term)
        return total.to(f32) * (scale * feature.scale)


def check_shape(what: str, value: SSAValue, shape: Sequence[int]) -> None:
    """Raises `VerifyException` unless a value has this shape."""
    if shape_of(value) != tuple(shape):
        raise VerifyException(f"expected {what} of {tuple(shape)}, got {shape_of(value)}")


def check_same(what: str, value: SSAValue, other: SSAValue) -> None:
    """Raises `VerifyException` unless a value has the type of another."""
    if value.type != other.type:
        raise VerifyException(f"expected {what} of type {other.type}, got {value.type}")
