"""The layers of the `keras` dialect that pool."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.irdl import irdl_op_definition

from nnc.dialects.keras.base import KerasOp, Shape, is_set
from nnc.dialects.keras.layout import Layout, data_format_option, per_axis, window_extent
from nnc.dialects.keras.options import bool_option, ints_option, opt_ints_option, text_option


class PoolOp(KerasOp, ABC):
    """A window over `RANK` spatial axes; it moves by its own size unless `strides` says so."""

    RANK: ClassVar[int]

    pool_size = ints_option(2)
    strides = opt_ints_option()
    padding = text_option("valid", "same", default="valid")
    data_format = data_format_option()

    @property
    def window(self) -> list[int]:
        """The window's extent along each axis."""
        return per_axis(self.pool_size, self.RANK, "a pool size")

    @property
    def steps(self) -> list[int]:
        """The stride along each axis."""
        return per_axis(self.strides or self.pool_size, self.RANK, "strides")

    def layout(self, shape: Shape) -> Layout:
        """The input as batch, spatial axes and channels."""
        return Layout.of(shape, self.RANK, self.data_format)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        axes = zip(layout.spatial, self.window, self.steps, strict=True)
        return [layout.shape([window_extent(*axis, 1, self.padding.data) for axis in axes])]


@irdl_op_definition
class MaxPooling1DOp(PoolOp):
    """
    The largest value of each window over time.

    ```mlir
    %y = keras.max_pooling1d %x {pool_size = array<i64: 2>}
      : (tensor<1x8x4xf32>) -> tensor<1x4x4xf32>
    ```
    """

    name = "keras.max_pooling1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class MaxPooling2DOp(PoolOp):
    """
    The largest value of each window of an image.

    ```mlir
    %y = keras.max_pooling2d %x {pool_size = array<i64: 2, 2>}
      : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
    ```
    """

    name = "keras.max_pooling2d"
    RANK: ClassVar[int] = 2


@irdl_op_definition
class AveragePooling1DOp(PoolOp):
    """
    The mean of each window over time, of the positions that exist.

    ```mlir
    %y = keras.average_pooling1d %x {pool_size = array<i64: 2>}
      : (tensor<1x8x4xf32>) -> tensor<1x4x4xf32>
    ```
    """

    name = "keras.average_pooling1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class AveragePooling2DOp(PoolOp):
    """
    The mean of each window of an image, of the positions that exist.

    ```mlir
    %y = keras.average_pooling2d %x {pool_size = array<i64: 2, 2>}
      : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
    ```
    """

    name = "keras.average_pooling2d"
    RANK: ClassVar[int] = 2


class GlobalPoolOp(KerasOp, ABC):
    """One value for each channel, from all positions."""

    RANK: ClassVar[int]

    data_format = data_format_option()
    keepdims = bool_option()

    def layout(self, shape: Shape) -> Layout:
        """The input as batch, spatial axes and channels."""
        return Layout.of(shape, self.RANK, self.data_format)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        if is_set(self.keepdims):
            return [layout.shape([1] * self.RANK)]
        return [(layout.batch, layout.channels)]


@irdl_op_definition
class GlobalMaxPooling1DOp(GlobalPoolOp):
    """
    The largest value of each channel over time.

    ```mlir
    %y = keras.global_max_pooling1d %x : (tensor<1x8x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "keras.global_max_pooling1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class GlobalMaxPooling2DOp(GlobalPoolOp):
    """
    The largest value of each channel of an image.

    ```mlir
    %y = keras.global_max_pooling2d %x : (tensor<1x8x8x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "keras.global_max_pooling2d"
    RANK: ClassVar[int] = 2


@irdl_op_definition
class GlobalAveragePooling1DOp(GlobalPoolOp):
    """
    The mean of each channel over time.

    ```mlir
    %y = keras.global_average_pooling1d %x : (tensor<1x8x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "keras.global_average_pooling1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class GlobalAveragePooling2DOp(GlobalPoolOp):
    """
    The mean of each channel of an image.

    ```mlir
    %y = keras.global_average_pooling2d %x : (tensor<1x8x8x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "keras.global_average_pooling2d"
    RANK: ClassVar[int] = 2
