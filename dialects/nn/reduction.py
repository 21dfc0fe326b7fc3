"""Tensors folded along axes. A folded axis stays, with an extent of 1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import product
from math import prod
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    TensorType,
    UnitAttr,
    f32,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.kernel.scalar import Ties
from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.algebra import NumpyScalar
from nnc.dialects.nn.base import Elements, LoopElements, NnOp, NumpyElements, RoundingAttr, S
from nnc.dialects.nn.checks import (
    Kind,
    check_axis,
    check_kind,
    check_output,
    check_rounding,
    check_same_element,
    check_same_kind,
)
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.quantized import arithmetic_type, f32_product, f32_quotient, rescale, store
from nnc.dialects.quant import UniformQuantizedType, storage_range
from nnc.dialects.types import (
    Array,
    element_of,
    numpy_dtype,
    quantization_of,
    scalar_type,
    shape_of,
)
from nnc.dialects.utils import Rounding


class ReduceOp(NnOp, ABC):
    """
    One value for all elements along `axes`, by a scalar program that takes them in order, the last
    axis fastest. `rounding` says how a quantised result is requantised, where it is.
    """

    input = operand_def(TensorType)
    output = result_def(TensorType)

    axes = prop_def(DenseArrayBase.constr(i64))
    rounding = opt_prop_def(RoundingAttr)

    KINDS: ClassVar[Kind] = Kind.NUMBER

    def verify_(self) -> None:
        check_kind("an input", self.input, self.KINDS)
        check_same_kind("an output", self.output, self.input)
        shape, axes = shape_of(self.input), self.axes.get_values()
        if list(axes) != sorted(set(axes)) or not set(axes) <= set(range(len(shape))):
            raise VerifyException(f"expected ascending axes of {len(shape)}, got {axes}")
        check_output(self.output, [1 if k in axes else n for k, n in enumerate(shape)])

    @property
    def count(self) -> int:
        """Elements that are folded into one."""
        return prod(shape_of(self.input)[axis] for axis in self.axes.get_values())

    @property
    def accumulator(self) -> Attribute:
        """The scalar type of the value so far."""
        return arithmetic_type(element_of(self.input))

    @abstractmethod
    def initial(self, b: Elements[S]) -> S:
        """The value before the first element."""

    @abstractmethod
    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        """The value with one more element, which is given as stored."""

    def finish(self, b: Elements[S], total: S) -> S:
        """The result, as stored, from the value after the last element."""
        return total.to(scalar_type(element_of(self.output)))

    def number(self, b: Elements[S], x: S) -> S:
        """A stored element in the accumulator's type, without its zero point."""
        kind = element_of(self.input)
        if isinstance(kind, UniformQuantizedType):
            return decode(b, x, kind, i32)
        return b.widen(x, kind, self.accumulator)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        context = NumpyElements(self, inputs)
        kind = scalar_type(element_of(self.input))
        total = self.initial(context)
        axes = self.axes.get_values()
        extents = [values.shape[axis] for axis in axes]
        for number, place in enumerate(product(*map(range, extents))):
            index: list[slice] = [slice(None)] * values.ndim
            for axis, position in zip(axes, place, strict=True):
                index[axis] = slice(position, position + 1)
            x = NumpyScalar(values[tuple(index)], kind)
            total = self.step(
                context, total, x, lambda n=number: NumpyScalar(np.asarray(n == 0), i1)
            )
        stored = self.finish(context, total).array
        return (stored.astype(numpy_dtype(element_of(self.output))),)

    def lower(self, b: LoopBuilder) -> None:
        context, axes = LoopElements(b), self.axes.get_values()
        extents = [shape_of(self.input)[axis] for axis in axes]

        def element(index: list[IRScalar]) -> IRScalar:
            def step(so_far: IRScalar, at: list[IRScalar]) -> IRScalar:
                place = list(index)
                for axis, position in zip(axes, at, strict=True):
                    place[axis] = position

                def is_first() -> IRScalar:
                    first = b.constant(1, i1)
                    for position in at:
                        first = first & position.eq(0)
                    return first

                return self.step(context, so_far, b.load(b.inputs[0], place), is_first)

            bounds = [(0, extent) for extent in extents]
            return self.finish(context, b.reduce(bounds, self.initial(context), step))

        b.produce(b.outputs[0], element)


class SummingOp(ReduceOp, ABC):
    """A sum of numbers (without zero points) to begin with."""

    @property
    def requantizes(self) -> bool:
        """Whether a quantised output is computed in fixed point."""
        return True

    def verify_(self) -> None:
        super().verify_()
        quantized = quantization_of(self.output) is not None
        if quantized and self.requantizes and self.rounding is None:
            raise VerifyException("expected a rounding for a quantised output, got none")
        check_rounding(None if self.rounding is None else self.rounding.data, Rounding.F32)

    def initial(self, b: Elements[S]) -> S:
        return b.constant(0, self.accumulator)

    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        return so_far + self.number(b, x)

    def requantized(self, b: Elements[S], total: S, multiplier: int, shift: int) -> S:
        """A sum as a stored value of the output."""
        target = quantization_of(self.output)
        assert target is not None and self.rounding is not None
        if self.rounding.data is Rounding.F32:
            return self.rounded(total)
        scaled = total.requantize(
            b.constant(multiplier, i32), b.constant(shift, i32), self.rounding.data
        )
        return store(scaled, target)

    def rounded(self, total: S) -> S:
        """
        A sum as a stored value, scaled in float32 and rounded to the nearest integer, ties to even.

        Source: `MlasQLinearGlobalAveragePool` in ONNX Runtime's `mlas/lib/qlgavgpool.cpp`.
        """
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        factor = f32_quotient(source.scale, f32_product(target.scale, self.divisor))
        low, high = storage_range(target.storage)
        limits = low - target.zero_point, high - target.zero_point
        number = (total.to(f32) * factor).round_to_int(Ties.EVEN).clamp(*limits)
        return store(number, target)

    @property
    def divisor(self) -> int:
        """What a sum is divided by."""
        return 1

    @property
    def quotient(self) -> float:
        """The input's scale in units of the output's."""
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        return source.scale / target.scale


@irdl_op_definition
class ReduceSumOp(SummingOp):
    """
    The sum. Quantised: one requantisation of the sum of numbers (TFLite `reference/reduce.h`), or,
    with `in_f32`, a rescaling in float32 of the sum of stored values (TFLite
    `optimized/reduce.h`).

    ```mlir
    %y = nn.reduce_sum %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    ```
    """

    name = "nn.reduce_sum"

    in_f32 = opt_prop_def(UnitAttr)

    @property
    def requantizes(self) -> bool:
        return self.in_f32 is None

    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        if self.in_f32 is not None:
            return so_far + b.widen(x, element_of(self.input), i32)
        return super().step(b, so_far, x, is_first)

    def finish(self, b: Elements[S], total: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None:
            return super().finish(b, total)
        if self.in_f32 is None:
            return self.requantized(b, total, *fixed_point.quantize_multiplier(self.quotient))
        scale = f32_quotient(source.scale, target.scale)
        bias = f32_product(-source.zero_point, scale, self.count)
        return store((total.to(f32) * scale + bias).round_to_int(), target)


@irdl_op_definition
class ReduceMeanOp(SummingOp):
    """
    The mean; of integers truncated. Quantised: one requantisation of the sum with a multiplier that
    divides by the count as well (TFLite `reference/reduce.h`, `QuantizedMeanOrSum`), or, with the
    rounding `f32`, a product in float32 (ONNX Runtime's QLinearGlobalAveragePool).

    ```mlir
    %y = nn.reduce_mean %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    ```
    """

    name = "nn.reduce_mean"

    @property
    def divisor(self) -> int:
        return self.count

    @property
    def accumulator(self) -> Attribute:
        kind = super().accumulator
        return i64 if kind == i32 and quantization_of(self.input) is None else kind

    def finish(self, b: Elements[S], total: S) -> S:
        if quantization_of(self.output) is None:
            return super().finish(b, total / self.count)
        return self.requantized(b, total, *fixed_point.mean_multiplier(self.quotient, self.count))


@irdl_op_definition
class ReduceProdOp(ReduceOp):
    """
    The product. Quantised: each step is rescaled by a 16-bit multiplier, and the result once more
    (TFLite `reference/reduce.h`, `QuantizedReduceProd`).

    ```mlir
    %y = nn.reduce_prod %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    ```
    """

    name = "nn.reduce_prod"

    def initial(self, b: Elements[S]) -> S:
        return b.constant(1, self.accumulator)

    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        if quantization_of(self.input) is None:
            return so_far * self.number(b, x)
        number = self.number(b, x)
        return is_first().select(number, self._scaled(b, so_far.to(i64) * number.to(i64)))

    def _scaled(self, b: Elements[S], value: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        real = source.scale / target.scale ** (1 / self.count)
        return rescale(b, value, real, Rounding.MB64)

    def finish(self, b: Elements[S], total: S) -> S:
        target = quantization_of(self.output)
        if target is None:
            return super().finish(b, total)
        return store(self._scaled(b, total.to(i64)), target)


class ExtremeOp(ReduceOp, ABC):
    """The largest or smallest stored value; NaN if any is."""

    def verify_(self) -> None:
        super().verify_()
        check_same_element("an output", self.output, self.input)

    def initial(self, b: Elements[S]) -> S:
        return b.constant(0, self.accumulator)

    @abstractmethod
    def better(self, a: S, c: S) -> S:
        """The better of two values."""

    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        value = b.widen(x, element_of(self.input), self.accumulator)
        return is_first().select(value, self.better(so_far, value))


@irdl_op_definition
class ReduceMaxOp(ExtremeOp):
    """
    The largest value.

    ```mlir
    %y = nn.reduce_max %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    ```
    """

    name = "nn.reduce_max"

    def better(self, a: S, c: S) -> S:
        return a.max(c)


@irdl_op_definition
class ReduceMinOp(ExtremeOp):
    """
    The smallest value.

    ```mlir
    %y = nn.reduce_min %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    ```
    """

    name = "nn.reduce_min"

    def better(self, a: S, c: S) -> S:
        return a.min(c)


@irdl_op_definition
class ReduceAnyOp(ReduceOp):
    """
    Whether any element is true.

    ```mlir
    %y = nn.reduce_any %x {axes = array<i64: 1>} : (tensor<2x3xi1>) -> tensor<2x1xi1>
    ```
    """

    name = "nn.reduce_any"
    KINDS: ClassVar[Kind] = Kind.I1

    def initial(self, b: Elements[S]) -> S:
        return b.constant(0, i1)

    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        return so_far | x


@irdl_op_definition
class ReduceAllOp(ReduceOp):
    """
    Whether all elements are true.

    ```mlir
    %y = nn.reduce_all %x {axes = array<i64: 1>} : (tensor<2x3xi1>) -> tensor<2x1xi1>
    ```
    """

    name = "nn.reduce_all"
    KINDS: ClassVar[Kind] = Kind.I1

    def initial(self, b: Elements[S]) -> S:
        return b.constant(1, i1)

    def step(self, b: Elements[S], so_far: S, x: S, is_first: Callable[[], S]) -> S:
        return so_far & x


class ArgOp(NnOp, ABC):
    """The position of the best element along `axis`, the first of equals."""

    input = operand_def(TensorType)
    output = result_def(TensorType)

    axis = prop_def(IntegerAttr)

    def verify_(self) -> None:
        check_kind("an input", self.input, Kind.NUMBER | Kind.I1)
        check_kind("an output", self.output, Kind.INTEGER)
        shape = list(shape_of(self.input))
        check_axis(self.axis.value.data, len(shape))
        shape[self.axis.value.data] = 1
        check_output(self.output, shape)

    @abstractmethod
    def is_better(self, a: S, c: S) -> S:
        """Whether a value is better than the best so far."""

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        kind = arithmetic_type(element_of(self.input))
        rows = np.moveaxis(values, self.axis.value.data, 0).astype(numpy_dtype(kind))
        best, place = NumpyScalar(rows[0], kind), np.zeros(rows.shape[1:], np.int64)
        for position, row in enumerate(rows):
            better = self.is_better(NumpyScalar(row, kind), best)
            best = better.select(NumpyScalar(row, kind), best)
            place = np.where(better.array, position, place)
        stored = np.expand_dims(place, self.axis.value.data)
        return (stored.astype(numpy_dtype(element_of(self.output))),)

    def lower(self, b: LoopBuilder) -> None:
        axis, source = self.axis.value.data, b.inputs[0]
        kind = arithmetic_type(source.element)

        def element(index: list[IRScalar]) -> IRScalar:
            def read(position: IRScalar) -> IRScalar:
                place = [*index[:axis], position, *index[axis + 1 :]]
                return b.widen(b.load(source, place), source.element, kind)

            def step(position: IRScalar, carried: list[IRScalar]) -> list[IRScalar]:
                value = read(position)
                better = self.is_better(value, carried[0])
                where = better.select(position.to(i32), carried[1])
                return [better.select(value, carried[0]), where]

            first = [read(b.index(0)), b.constant(0, i32)]
            place = b.fold(1, source.shape[axis], first, step)[1]
            return place.to(scalar_type(b.outputs[0].element))

        b.produce(b.outputs[0], element)


@irdl_op_definition
class ArgMaxOp(ArgOp):
    """
    Where the largest element is.

    ```mlir
    %y = nn.arg_max %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x1xi32>
    ```
    """

    name = "nn.arg_max"

    def is_better(self, a: S, c: S) -> S:
        return a > c


@irdl_op_definition
class ArgMinOp(ArgOp):
    """
    Where the smallest element is.

    ```mlir
    %y = nn.arg_min %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x1xi32>
    ```
    """

    name = "nn.arg_min"

    def is_better(self, a: S, c: S) -> S:
        return a < c


@irdl_op_definition
class CumsumOp(NnOp):
    """
    Running sums along `axis`, from its end if `reverse`, without the element itself if `exclusive`.

    ```mlir
    %y = nn.cumsum %x {axis = 0 : i64} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.cumsum"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    axis = prop_def(IntegerAttr)
    exclusive = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        check_kind("an input", self.input, Kind.F32 | Kind.INTEGER)
        check_axis(self.axis.value.data, len(shape_of(self.input)))
        check_output(self.output, shape_of(self.input))
        check_same_element("an output", self.output, self.input)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        axis = self.axis.value.data
        ordered = np.flip(values, axis) if self.reverse is not None else values
        sums = np.cumsum(ordered, axis, dtype=values.dtype)
        if self.exclusive is not None:
            sums = np.roll(sums, 1, axis)
            np.moveaxis(sums, axis, 0)[0] = 0
        return (np.ascontiguousarray(np.flip(sums, axis) if self.reverse is not None else sums),)

    def lower(self, b: LoopBuilder) -> None:
        axis, source, target = self.axis.value.data, b.inputs[0], b.outputs[0]
        extent = source.shape[axis]
        outer = [1 if k == axis else n for k, n in enumerate(source.shape)]
        kind = arithmetic_type(source.element)

        def row(index: list[IRScalar]) -> None:
            def step(position: IRScalar, carried: list[IRScalar]) -> list[IRScalar]:
                at = (extent - 1) - position if self.reverse is not None else position
                place = [*index[:axis], at, *index[axis + 1 :]]
                value = b.widen(b.load(source, place), source.element, kind)
                total = carried[0] + value
                stored = carried[0] if self.exclusive is not None else total
                b.store(target, place, stored.to(scalar_type(target.element)))
                return [total]

            b.fold(0, extent, [b.constant(0, kind)], step)

        b.for_each(outer, row)


@irdl_op_definition
class TopKOp(NnOp):
    """
    The largest elements along the last axis, as many as the outputs have room for, in descending
    order, and where they are; of equals the first comes first.

    ```mlir
    %v, %i = nn.top_k %x : (tensor<8xf32>) -> (tensor<3xf32>, tensor<3xi32>)
    ```
    """

    name = "nn.top_k"

    input = operand_def(TensorType)
    values = result_def(TensorType)
    indices = result_def(TensorType)

    def verify_(self) -> None:
        shape, picked = shape_of(self.input), shape_of(self.values)
        if not shape or not picked:
            raise VerifyException("expected at least one axis, got none")
        check_kind("an input", self.input, Kind.NUMBER)
        check_same_element("values", self.values, self.input)
        check_kind("indices", self.indices, Kind.INTEGER)
        count = picked[-1]
        check_output(self.values, (*shape[:-1], count))
        check_output(self.indices, (*shape[:-1], count))
        if count > shape[-1]:
            raise VerifyException(f"expected at most {shape[-1]} elements, got {count}")

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (values,) = inputs
        count = shape_of(self.values)[-1]
        wide = values.astype(np.int64) if values.dtype.kind in "iu" else values
        order = np.argsort(-wide, axis=-1, kind="stable")[..., :count]
        dtype = numpy_dtype(element_of(self.indices))
        return np.take_along_axis(values, order, -1), order.astype(dtype)

    def lower(self, b: LoopBuilder) -> None:
        source, values, indices = b.inputs[0], b.outputs[0], b.outputs[1]
        *outer, extent = source.shape
        count, kind = values.shape[-1], arithmetic_type(source.element)

        def row(index: list[IRScalar]) -> None:
            def read(position: IRScalar) -> IRScalar:
                return b.widen(b.load(source, [*index, position]), source.element, kind)

            def pick(rank: IRScalar, last: list[IRScalar]) -> list[IRScalar]:
                def better(position: IRScalar, best: list[IRScalar]) -> list[IRScalar]:
                    value, place = read(position), position.to(i32)
                    left = (value < last[0]) | (value.eq(last[0]) & (place > last[1]))
                    free = left | rank.eq(0)
                    take = free & ((best[1] < 0) | (value > best[0]))
                    return [take.select(value, best[0]), take.select(place, best[1])]

                best = b.fold(0, extent, [b.constant(0, kind), b.constant(-1, i32)], better)
                at = [*index, rank]
                b.store(values, at, best[0].to(scalar_type(values.element)))
                b.store(indices, at, best[1].to(scalar_type(indices.element)))
                return best

            b.fold(0, count, [b.constant(0, kind), b.constant(-1, i32)], pick)

        b.for_each(outer, row)
