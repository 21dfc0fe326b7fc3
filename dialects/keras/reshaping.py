"""The layers of the `keras` dialect that move data: shapes, borders, copies."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, Shape, check_rank
from nnc.dialects.keras.layout import Layout, data_format_option, per_axis
from nnc.dialects.keras.options import Ints, int_option, ints_option, text_option


@irdl_op_definition
class ReshapeOp(KerasOp):
    """
    The same elements in another shape, which leaves out the batch; one size may be -1.

    ```mlir
    %y = keras.reshape %x {target_shape = array<i64: 4, -1>}
      : (tensor<1x8xf32>) -> tensor<1x4x2xf32>
    ```
    """

    name = "keras.reshape"

    target_shape = ints_option()

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        target = list(self.target_shape.get_values())
        count = prod(inputs[0][1:])
        open_axes = [axis for axis, size in enumerate(target) if size < 0]
        if len(open_axes) == 1:
            rest = prod(size for size in target if size >= 0)
            target[open_axes[0]] = count // rest if rest else 0
        if len(open_axes) > 1 or prod(target) != count:
            raise VerifyException(f"expected a shape of {count} elements, got {target}")
        return [(inputs[0][0], *target)]


@irdl_op_definition
class FlattenOp(KerasOp):
    """
    All axes behind the batch as one, the channels last.

    ```mlir
    %y = keras.flatten %x : (tensor<1x2x2x4xf32>) -> tensor<1x16xf32>
    ```
    """

    name = "keras.flatten"

    data_format = data_format_option()

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [(inputs[0][0], prod(inputs[0][1:]))]


@irdl_op_definition
class PermuteOp(KerasOp):
    """
    The axes behind the batch in another order, counted from 1.

    ```mlir
    %y = keras.permute %x {dims = array<i64: 2, 1>} : (tensor<1x8x4xf32>) -> tensor<1x4x8xf32>
    ```
    """

    name = "keras.permute"

    dims = ints_option()

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        dims, rank = list(self.dims.get_values()), len(inputs[0])
        if sorted(dims) != list(range(1, rank)):
            raise VerifyException(f"expected the axes 1 to {rank - 1} in some order, got {dims}")
        return [(inputs[0][0], *(inputs[0][axis] for axis in dims))]


@irdl_op_definition
class RepeatVectorOp(KerasOp):
    """
    The same vector several times, along a new axis behind the batch.

    ```mlir
    %y = keras.repeat_vector %x {n = 3 : i64} : (tensor<1x8xf32>) -> tensor<1x3x8xf32>
    ```
    """

    name = "keras.repeat_vector"

    n = int_option()

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        check_rank(inputs[0], 2)
        return [(inputs[0][0], self.n.value.data, inputs[0][1])]


class BorderOp(KerasOp, ABC):
    """Positions before and after each of `RANK` spatial axes."""

    RANK: ClassVar[int]

    data_format = data_format_option()

    def layout(self, shape: Shape) -> Layout:
        """The input as batch, spatial axes and channels."""
        return Layout.of(shape, self.RANK, self.data_format)

    def pairs(self, option: Ints) -> list[tuple[int, int]]:
        """
        The numbers before and after each axis: one for all, one for each axis, or two for each.
        """
        values = list(option.get_values())
        if len(values) == 1:
            values *= 2 * self.RANK
        if len(values) == self.RANK != 2 * self.RANK and self.RANK > 1:
            values = [value for value in values for _ in range(2)]
        if len(values) != 2 * self.RANK or min(values) < 0:
            raise VerifyException(f"expected {2 * self.RANK} numbers from 0, got {values}")
        return list(zip(values[::2], values[1::2], strict=True))


class ZeroPaddingOp(BorderOp, ABC):
    """Zeros around the spatial axes."""

    padding = ints_option(1)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        pairs = zip(layout.spatial, self.pairs(self.padding), strict=True)
        return [layout.shape([extent + sum(pair) for extent, pair in pairs])]


@irdl_op_definition
class ZeroPadding1DOp(ZeroPaddingOp):
    """
    Zeros before and after a sequence.

    ```mlir
    %y = keras.zero_padding1d %x {padding = array<i64: 1, 2>}
      : (tensor<1x8x4xf32>) -> tensor<1x11x4xf32>
    ```
    """

    name = "keras.zero_padding1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class ZeroPadding2DOp(ZeroPaddingOp):
    """
    Zeros around an image: top, bottom, left, right.

    ```mlir
    %y = keras.zero_padding2d %x {padding = array<i64: 1, 1, 0, 2>}
      : (tensor<1x8x8x4xf32>) -> tensor<1x10x10x4xf32>
    ```
    """

    name = "keras.zero_padding2d"
    RANK: ClassVar[int] = 2


class CroppingOp(BorderOp, ABC):
    """What is left without some positions around the spatial axes."""

    cropping = ints_option(1)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        pairs = zip(layout.spatial, self.pairs(self.cropping), strict=True)
        return [layout.shape([extent - sum(pair) for extent, pair in pairs])]


@irdl_op_definition
class Cropping1DOp(CroppingOp):
    """
    A sequence without its first and last positions.

    ```mlir
    %y = keras.cropping1d %x {cropping = array<i64: 1, 2>}
      : (tensor<1x8x4xf32>) -> tensor<1x5x4xf32>
    ```
    """

    name = "keras.cropping1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class Cropping2DOp(CroppingOp):
    """
    An image without its border: top, bottom, left, right.

    ```mlir
    %y = keras.cropping2d %x {cropping = array<i64: 1, 1, 0, 2>}
      : (tensor<1x8x8x4xf32>) -> tensor<1x6x6x4xf32>
    ```
    """

    name = "keras.cropping2d"
    RANK: ClassVar[int] = 2


class UpSamplingOp(KerasOp, ABC):
    """A multiple of the positions along each of `RANK` spatial axes."""

    RANK: ClassVar[int]
    data_format = data_format_option()
    size = ints_option(2)

    def layout(self, shape: Shape) -> Layout:
        """The input as batch, spatial axes and channels."""
        return Layout.of(shape, self.RANK, self.data_format)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        sizes = zip(layout.spatial, per_axis(self.size, self.RANK, "a size"), strict=True)
        return [layout.shape([extent * size for extent, size in sizes])]


@irdl_op_definition
class UpSampling1DOp(UpSamplingOp):
    """
    Every step of a sequence several times.

    ```mlir
    %y = keras.up_sampling1d %x {size = array<i64: 2>} : (tensor<1x8x4xf32>) -> tensor<1x16x4xf32>
    ```
    """

    name = "keras.up_sampling1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class UpSampling2DOp(UpSamplingOp):
    """
    An image with a multiple of the rows and columns, repeated or interpolated.

    ```mlir
    %y = keras.up_sampling2d %x {size = array<i64: 2, 2>, interpolation = "bilinear"}
      : (tensor<1x8x8x4xf32>) -> tensor<1x16x16x4xf32>
    ```
    """

    name = "keras.up_sampling2d"
    RANK: ClassVar[int] = 2

    interpolation = text_option(default="nearest")
