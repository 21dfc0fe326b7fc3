"""Elements put elsewhere: transposed, sliced, repeated, picked by number."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType, UnitAttr, i32, i64
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import Elements, PointwiseOp, S, broadcast_index
from nnc.dialects.nn.checks import Kind, check_axis, check_kind, check_output, check_same_element
from nnc.dialects.types import element_of, shape_of


class MovementOp(PointwiseOp, ABC):
    """Stored values of one tensor in another order; the element type stays as it is."""

    BINARY: ClassVar = True

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        check_same_element("an output", self.output, self.input)


@irdl_op_definition
class TransposeOp(MovementOp):
    """
    Axis i of the output is axis `permutation[i]` of the input.

    ```mlir
    %y = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    ```
    """

    name = "nn.transpose"

    permutation = prop_def(DenseArrayBase.constr(i64))

    def verify_(self) -> None:
        super().verify_()
        shape, permutation = shape_of(self.input), self.permutation.get_values()
        if sorted(permutation) != list(range(len(shape))):
            raise VerifyException(f"expected a permutation of {len(shape)} axes, got {permutation}")
        check_output(self.output, [shape[axis] for axis in permutation])

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        permutation = list(self.permutation.get_values())
        return b.load(0, [index[permutation.index(axis)] for axis in range(len(permutation))])


@irdl_op_definition
class SliceOp(MovementOp):
    """
    Along each axis the elements `begin`, `begin + stride`, ...; strides may be negative.

    ```mlir
    %y = nn.slice %x {begin = array<i64: 3>, strides = array<i64: -2>}
      : (tensor<4xf32>) -> tensor<2xf32>
    ```
    """

    name = "nn.slice"

    begin = prop_def(DenseArrayBase.constr(i64))
    strides = prop_def(DenseArrayBase.constr(i64))

    def verify_(self) -> None:
        super().verify_()
        before, after = shape_of(self.input), shape_of(self.output)
        begin, strides = self.begin.get_values(), self.strides.get_values()
        if not len(before) == len(after) == len(begin) == len(strides):
            raise VerifyException(f"expected {len(before)} begins, strides and axes of the output")
        for start, stride, extent, count in zip(begin, strides, before, after, strict=True):
            last = start + (count - 1) * stride
            if stride == 0 or not (0 <= start < extent and 0 <= last < extent):
                raise VerifyException(
                    f"expected elements within an axis of {extent}, got {start} to {last} "
                    f"in steps of {stride}"
                )

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        begin, strides = self.begin.get_values(), self.strides.get_values()
        return b.load(
            0, [i * stride + start for i, start, stride in zip(index, begin, strides, strict=True)]
        )


@irdl_op_definition
class BroadcastToOp(MovementOp):
    """
    The input stretched to the output's shape, as numpy does.

    ```mlir
    %y = nn.broadcast_to %x : (tensor<1x3xf32>) -> tensor<2x3xf32>
    ```
    """

    name = "nn.broadcast_to"

    def verify_(self) -> None:
        super().verify_()
        before, after = shape_of(self.input), shape_of(self.output)
        aligned = after[len(after) - len(before) :]
        if len(before) > len(after) or any(
            a not in (1, c) for a, c in zip(before, aligned, strict=True)
        ):
            raise VerifyException(f"expected a shape that {before} stretches to, got {after}")

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        return b.load(0, broadcast_index(b, index, shape_of(self.input)))


@irdl_op_definition
class TileOp(MovementOp):
    """
    The input repeated along each axis as often as the output has room.

    ```mlir
    %y = nn.tile %x : (tensor<2x3xf32>) -> tensor<4x3xf32>
    ```
    """

    name = "nn.tile"

    def verify_(self) -> None:
        super().verify_()
        before, after = shape_of(self.input), shape_of(self.output)
        if len(before) != len(after) or any(c % a for a, c in zip(before, after, strict=True)):
            raise VerifyException(f"expected multiples of {before}, got {after}")

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        before, after = shape_of(self.input), shape_of(self.output)
        return b.load(
            0, [i if a == c else i % a for i, a, c in zip(index, before, after, strict=True)]
        )


@irdl_op_definition
class MirrorPadOp(MovementOp):
    """
    The input with its own elements mirrored around it. `before` elements are put at the start of
    each axis, what is left to the output at the end; the border element is repeated if `symmetric`.

    ```mlir
    %y = nn.mirror_pad %x {before = array<i64: 1>} : (tensor<3xf32>) -> tensor<5xf32>
    ```
    """

    name = "nn.mirror_pad"

    before = prop_def(DenseArrayBase.constr(i64))
    symmetric = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        super().verify_()
        old, new, before = shape_of(self.input), shape_of(self.output), self.before.get_values()
        if not len(old) == len(new) == len(before):
            raise VerifyException(f"expected {len(old)} paddings and axes of the output")
        for extent, total, first in zip(old, new, before, strict=True):
            most = extent if self.symmetric is not None else extent - 1
            after = total - extent - first
            if not (0 <= first <= most and 0 <= after <= most):
                raise VerifyException(
                    f"expected paddings of at most {most}, got {first} and {after}"
                )

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        repeated = 1 if self.symmetric is not None else 0
        source: list[S] = []
        shapes = zip(shape_of(self.input), shape_of(self.output), strict=True)
        for i, (extent, total), before in zip(index, shapes, self.before.get_values(), strict=True):
            place = i - before
            if before:
                place = (place < 0).select((0 - place) - repeated, place)
            if total > extent + before:
                mirrored = (2 * extent - 2 + repeated) - place
                place = (place >= extent).select(mirrored, place)
            source.append(place)
        return b.load(0, source)


@irdl_op_definition
class ReverseSequenceOp(MovementOp):
    """
    For each index b of `batch_axis`, the first `lengths[b]` elements along `axis` back to front.

    ```mlir
    %y = nn.reverse_sequence %x, %lengths {axis = 1 : i64, batch_axis = 0 : i64}
      : (tensor<2x8xf32>, tensor<2xi32>) -> tensor<2x8xf32>
    ```
    """

    name = "nn.reverse_sequence"

    input = operand_def(TensorType)
    lengths = operand_def(TensorType)

    axis = prop_def(IntegerAttr)
    batch_axis = prop_def(IntegerAttr)

    def verify_(self) -> None:
        super().verify_()
        rank = len(shape_of(self.input))
        check_axis(self.axis.value.data, rank)
        check_axis(self.batch_axis.value.data, rank)
        check_kind("lengths", self.lengths, Kind.INTEGER)
        check_output(self.output, shape_of(self.input))
        batches = shape_of(self.input)[self.batch_axis.value.data]
        if shape_of(self.lengths) != (batches,):
            raise VerifyException(f"expected {batches} lengths, got {shape_of(self.lengths)}")

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        axis = self.axis.value.data
        length = _position(b, self.lengths, 1, [index[self.batch_axis.value.data]])
        length = length.clamp(0, shape_of(self.input)[axis])
        source = list(index)
        source[axis] = (index[axis] < length).select(length - 1 - index[axis], index[axis])
        return b.load(0, source)


def _position(b: Elements[S], operand: SSAValue, number: int, index: Sequence[S]) -> S:
    """An element of an integer operand as an index."""
    return b.widen(b.load(number, index), element_of(operand), i32).to(INDEX)


@irdl_op_definition
class GatherOp(MovementOp):
    """
    Slices along `axis` by number, for each of the first `batch_dims` axes with numbers of its own.
    Numbers outside the axis count as the nearest inside.

    ```mlir
    %y = nn.gather %x, %i {axis = 0 : i64, batch_dims = 0 : i64}
      : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
    ```
    """

    name = "nn.gather"

    input = operand_def(TensorType)
    indices = operand_def(TensorType)

    axis = prop_def(IntegerAttr)
    batch_dims = prop_def(IntegerAttr)

    def verify_(self) -> None:
        super().verify_()
        axis, batch = self.axis.value.data, self.batch_dims.value.data
        shape, numbers = shape_of(self.input), shape_of(self.indices)
        check_kind("indices", self.indices, Kind.INTEGER)
        if not 0 <= batch <= axis < len(shape) or shape[:batch] != numbers[:batch]:
            raise VerifyException(
                f"expected axes of {shape} and {numbers}, got axis {axis}, batch_dims {batch}"
            )
        check_output(self.output, [*shape[:axis], *numbers[batch:], *shape[axis + 1 :]])

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        axis, batch = self.axis.value.data, self.batch_dims.value.data
        picked = len(shape_of(self.indices)) - batch
        where = [*index[:batch], *index[axis : axis + picked]]
        place = _position(b, self.indices, 1, where).clamp(0, shape_of(self.input)[axis] - 1)
        return b.load(0, [*index[:axis], place, *index[axis + picked :]])


@irdl_op_definition
class GatherNdOp(MovementOp):
    """
    Slices by index tuples, the last axis of `indices`, which index the first axes behind
    `batch_dims` common ones. Numbers outside an axis count as the nearest inside.

    ```mlir
    %y = nn.gather_nd %x, %i {batch_dims = 0 : i64}
      : (tensor<8x4xf32>, tensor<3x2xi32>) -> tensor<3xf32>
    ```
    """

    name = "nn.gather_nd"

    input = operand_def(TensorType)
    indices = operand_def(TensorType)

    batch_dims = prop_def(IntegerAttr)

    def verify_(self) -> None:
        super().verify_()
        batch, shape, numbers = self.batch_dims.value.data, *self._shapes()
        check_kind("indices", self.indices, Kind.INTEGER)
        depth = numbers[-1] if numbers else 0
        if (
            not 0 <= batch < len(numbers)
            or batch + depth > len(shape)
            or shape[:batch] != numbers[:batch]
        ):
            raise VerifyException(f"expected tuples that index {shape}, got {numbers}")
        check_output(self.output, [*numbers[:-1], *shape[batch + depth :]])

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return shape_of(self.input), shape_of(self.indices)

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        batch, shape, numbers = self.batch_dims.value.data, *self._shapes()
        outer = list(index[: len(numbers) - 1])
        places = [
            _position(b, self.indices, 1, [*outer, b.constant(k, INDEX)]).clamp(
                0, shape[batch + k] - 1
            )
            for k in range(numbers[-1])
        ]
        return b.load(0, [*index[:batch], *places, *index[len(outer) :]])


@irdl_op_definition
class OneHotOp(PointwiseOp):
    """
    Along a new `axis`, `on` at each number of `indices` and `off` elsewhere; both have one element.

    ```mlir
    %y = nn.one_hot %i, %on, %off {axis = 1 : i64}
      : (tensor<3xi32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x4xf32>
    ```
    """

    name = "nn.one_hot"

    BINARY: ClassVar = True

    indices = operand_def(TensorType)
    on = operand_def(TensorType)
    off = operand_def(TensorType)
    output = result_def(TensorType)

    axis = prop_def(IntegerAttr)

    def verify_(self) -> None:
        axis, shape = self.axis.value.data, shape_of(self.output)
        check_kind("indices", self.indices, Kind.INTEGER)
        check_axis(axis, len(shape))
        if shape_of(self.indices) != (*shape[:axis], *shape[axis + 1 :]):
            raise VerifyException(f"expected indices for an axis {axis} of {shape}")
        for value in (self.on, self.off):
            if shape_of(value) != (1,) or element_of(value) != element_of(self.output):
                raise VerifyException(f"expected one {element_of(self.output)}, got {value.type}")

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        axis, zero = self.axis.value.data, b.constant(0, INDEX)
        number = _position(b, self.indices, 0, [*index[:axis], *index[axis + 1 :]])
        return number.eq(index[axis]).select(b.load(1, [zero]), b.load(2, [zero]))
