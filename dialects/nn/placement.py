"""
Tensors put into others: concatenation, padding, replaced boxes.

Such an op is easier said from its inputs' side: where each element of each input goes, and what
the rest of the output holds. A loop over the inputs needs no question for every element.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, TensorType, i32, i64
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def, var_operand_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.algebra import INDEX, Number
from nnc.dialects.nn.base import Elements, LoopElements, NnOp, NumpyElements, S, grid
from nnc.dialects.nn.checks import Kind, check_axis, check_kind, check_output, check_same_element
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.types import (
    Array,
    element_of,
    numpy_dtype,
    scalar_type,
    shape_of,
)


class PlacementOp(NnOp, ABC):
    """
    An op that puts inputs into an output, later ones over earlier ones; all of one element type.

    ```mlir
    %y = nn.concat %a, %b {axis = 0 : i64}
      : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
    ```
    """

    BINARY: ClassVar = True

    @abstractmethod
    def sources(self) -> Sequence[int]:
        """The numbers of the operands that are placed, in order."""

    @abstractmethod
    def place(self, b: Elements[S], operand: int, index: Sequence[S]) -> Sequence[S]:
        """Where an element of an operand goes."""

    def fill(self) -> Number | None:
        """What the rest of the output holds, as stored; None if the inputs cover all of it."""
        return None

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the one result."""
        return shape_of(self.results[0])

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        dtype = numpy_dtype(element_of(self.results[0]))
        output = np.full(self.result_shape, self.fill() or 0, dtype)
        context = NumpyElements(self, inputs)
        for operand in self.sources():
            values = inputs[operand]
            places = self.place(context, operand, grid(values.shape))
            output[tuple(place.array for place in places)] = values
        return (output,)

    def lower(self, b: LoopBuilder) -> None:
        context, output = LoopElements(b), b.outputs[0]
        fill = self.fill()
        if output.packed:
            # Elements are put into words one by one; bits that no channel uses must be 0.
            b.clear(output)
        if fill is not None and not (output.packed and not fill):
            value = b.constant(fill, scalar_type(output.element))
            b.produce(output, lambda _: value)
        for operand in self.sources():
            self._copy(b, context, operand, output)

    def _copy(self, b: LoopBuilder, context: LoopElements, operand: int, output: Operand) -> None:
        source = b.inputs[operand]

        def copy(index: list[IRScalar]) -> None:
            place = list(self.place(context, operand, index))
            b.put(output, place, b.load(source, index))

        b.for_each(source.shape, copy)


def shifted(b: Elements[S], index: Sequence[S], offsets: Sequence[int]) -> list[S]:
    """An index moved by known offsets."""
    return [i + offset if offset else i for i, offset in zip(index, offsets, strict=True)]


@irdl_op_definition
class ConcatOp(PlacementOp):
    """
    The inputs side by side along `axis`.

    ```mlir
    %y = nn.concat %a, %b {axis = 0 : i64}
      : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
    ```
    """

    name = "nn.concat"

    inputs = var_operand_def(TensorType)
    output = result_def(TensorType)

    axis = prop_def(IntegerAttr)

    def verify_(self) -> None:
        axis, shapes = self.axis.value.data, [shape_of(value) for value in self.inputs]
        if not shapes:
            raise VerifyException("expected at least 1 input, got 0")
        if any(element_of(value) != element_of(self.output) for value in self.inputs):
            raise VerifyException(f"expected inputs of {element_of(self.output)}")
        check_axis(axis, len(shapes[0]))
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len({len(shape) for shape in shapes}) > 1 or len(rest) > 1:
            raise VerifyException(f"expected inputs that differ in axis {axis}, got {shapes}")
        total = sum(shape[axis] for shape in shapes)
        check_output(self.output, [*shapes[0][:axis], total, *shapes[0][axis + 1 :]])

    def sources(self) -> Sequence[int]:
        return range(len(self.inputs))

    def offset(self, operand: int) -> int:
        """Where an operand starts along the axis."""
        axis = self.axis.value.data
        return sum(shape_of(value)[axis] for value in self.inputs[:operand])

    def place(self, b: Elements[S], operand: int, index: Sequence[S]) -> Sequence[S]:
        offsets = [0] * len(index)
        offsets[self.axis.value.data] = self.offset(operand)
        return shifted(b, index, offsets)


@irdl_op_definition
class PadOp(PlacementOp):
    """
    The input with `value` around it: a stored integer (1 is a true `i1`, and -1 of a binary tensor)
    or a float. `before` elements are put at the start of each axis, what is left to the output at
    the end.

    ```mlir
    %y = nn.pad %x {before = array<i64: 1>, value = 0.0 : f32} : (tensor<3xf32>) -> tensor<5xf32>
    ```
    """

    name = "nn.pad"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    before = prop_def(DenseArrayBase.constr(i64))
    value = prop_def(IntegerAttr | FloatAttr)

    def verify_(self) -> None:
        old, new, before = shape_of(self.input), shape_of(self.output), self.before.get_values()
        check_same_element("an output", self.output, self.input)
        if not len(old) == len(new) == len(before):
            raise VerifyException(f"expected {len(old)} paddings and axes of the output")
        for extent, total, first in zip(old, new, before, strict=True):
            if first < 0 or total < first + extent:
                raise VerifyException(f"expected an axis of at least {first + extent}, got {total}")

    def sources(self) -> Sequence[int]:
        return (0,)

    def fill(self) -> Number | None:
        return self.value.value.data

    def place(self, b: Elements[S], operand: int, index: Sequence[S]) -> Sequence[S]:
        return shifted(b, index, list(self.before.get_values()))


@irdl_op_definition
class UpdateSliceOp(PlacementOp):
    """
    `input` with the box that starts at `start` replaced by `update`; a start that leaves too little
    room counts as the last one that leaves enough.

    ```mlir
    %y = nn.update_slice %x, %update, %start
      : (tensor<4x4xf32>, tensor<2x2xf32>, tensor<2xi32>) -> tensor<4x4xf32>
    ```
    """

    name = "nn.update_slice"

    input = operand_def(TensorType)
    update = operand_def(TensorType)
    start = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        check_output(self.output, shape_of(self.input))
        check_same_element("an output", self.output, self.input)
        check_same_element("an update", self.update, self.input)
        check_kind("a start", self.start, Kind.INTEGER)
        whole, part = shape_of(self.input), shape_of(self.update)
        if len(whole) != len(part) or any(p > w for p, w in zip(part, whole, strict=True)):
            raise VerifyException(f"expected a part of {whole}, got {part}")
        if shape_of(self.start) != (len(whole),):
            raise VerifyException(f"expected {len(whole)} starts, got {shape_of(self.start)}")

    def sources(self) -> Sequence[int]:
        return 0, 1

    def place(self, b: Elements[S], operand: int, index: Sequence[S]) -> Sequence[S]:
        if operand == 0:
            return index
        whole, part = shape_of(self.input), shape_of(self.update)
        places: list[S] = []
        for axis, i in enumerate(index):
            start = b.load(2, [b.constant(axis, INDEX)])
            first = b.widen(start, element_of(self.start), i32).to(INDEX)
            places.append(first.clamp(0, whole[axis] - part[axis]) + i)
        return places
