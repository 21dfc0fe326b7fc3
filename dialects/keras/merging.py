"""The layers of the `keras` dialect that merge several tensors."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, Shape, axis_of
from nnc.dialects.keras.options import bool_option, int_option, ints_option

_MANY = 1 << 16


class MergeOp(KerasOp, ABC):
    """Elementwise over inputs that broadcast; one with fewer axes lacks those behind the batch."""

    INPUTS: ClassVar[tuple[int, int]] = (1, _MANY)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        rank = max(map(len, inputs))
        return [merged_shape([aligned(shape, rank) for shape in inputs])]


def aligned(shape: Shape, rank: int) -> Shape:
    """A shape with axes of 1 behind the batch, as many as `rank` needs (`_Merge.call`)."""
    return (*shape[:1], *[1] * (rank - len(shape)), *shape[1:])


def merged_shape(shapes: Sequence[Shape]) -> Shape:
    """The shape to which all stretch. Raises VerifyException."""
    result: list[int] = []
    for sizes in zip(*shapes, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise VerifyException(f"expected shapes that broadcast, got {list(shapes)}")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


@irdl_op_definition
class AddOp(MergeOp):
    """
    The sum.

    ```mlir
    %z = keras.add %x, %y : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.add"


@irdl_op_definition
class SubtractOp(MergeOp):
    """
    The first input without the second.

    ```mlir
    %z = keras.subtract %x, %y : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.subtract"

    INPUTS: ClassVar[tuple[int, int]] = (2, 2)


@irdl_op_definition
class MultiplyOp(MergeOp):
    """
    The product.

    ```mlir
    %z = keras.multiply %x, %y : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.multiply"


@irdl_op_definition
class AverageOp(MergeOp):
    """
    The mean of the inputs.

    ```mlir
    %z = keras.average %x, %y : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.average"


@irdl_op_definition
class MaximumOp(MergeOp):
    """
    The largest of the inputs.

    ```mlir
    %z = keras.maximum %x, %y : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.maximum"


@irdl_op_definition
class MinimumOp(MergeOp):
    """
    The smallest of the inputs.

    ```mlir
    %z = keras.minimum %x, %y : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.minimum"


@irdl_op_definition
class ConcatenateOp(KerasOp):
    """
    The inputs one after the other, along an axis.

    ```mlir
    %z = keras.concatenate %x, %y : (tensor<1x8xf32>, tensor<1x4xf32>) -> tensor<1x12xf32>
    ```
    """

    name = "keras.concatenate"

    INPUTS: ClassVar[tuple[int, int]] = (1, _MANY)

    axis = int_option(-1)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        axis = axis_of(self.axis.value.data, len(inputs[0]))
        rests = {(shape[:axis], shape[axis + 1 :]) for shape in inputs}
        if len(rests) > 1:
            raise VerifyException(
                f"expected shapes that differ in axis {axis} only, got {list(inputs)}"
            )
        (before, after) = rests.pop()
        return [(*before, sum(shape[axis] for shape in inputs), *after)]


@irdl_op_definition
class DotOp(KerasOp):
    """
    The products of two inputs, summed along one axis of each; with `normalize` of both scaled to
    length 1.

    ```mlir
    %z = keras.dot %x, %y {axes = array<i64: 1>}
      : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x1xf32>
    ```
    """

    name = "keras.dot"

    INPUTS: ClassVar[tuple[int, int]] = (2, 2)

    axes = ints_option()
    normalize = bool_option()

    def summed(self, inputs: Sequence[Shape]) -> tuple[int, int]:
        """The axis of each input. Raises VerifyException."""
        axes = list(self.axes.get_values())
        axes = axes * 2 if len(axes) == 1 else axes
        if len(axes) != 2:
            raise VerifyException(f"expected one axis of each input, got {axes}")
        first, second = (axis_of(axis, len(it)) for axis, it in zip(axes, inputs, strict=True))
        if 0 in (first, second) or inputs[0][first] != inputs[1][second]:
            raise VerifyException(
                f"expected axes of one size behind the batch, got {first} of {inputs[0]} "
                f"and {second} of {inputs[1]}"
            )
        return first, second

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        first, second = self.summed(inputs)
        left, right = inputs
        if left[0] != right[0]:
            raise VerifyException(f"expected inputs of one batch, got {left[0]} and {right[0]}")
        rest = [*left[1:first], *left[first + 1 :], *right[1:second], *right[second + 1 :]]
        return [(left[0], *(rest or [1]))]
