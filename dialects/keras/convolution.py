"""The layers of the `keras` dialect that convolve."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, Shape, Weight, is_set
from nnc.dialects.keras.layout import (
    Layout,
    data_format_option,
    per_axis,
    transposed_extent,
    window_extent,
)
from nnc.dialects.keras.options import (
    bool_option,
    function_option,
    int_option,
    ints_option,
    opt_ints_option,
    text_option,
)


class WindowOp(KerasOp, ABC):
    """What all convolutions share: a window over `RANK` spatial axes."""

    RANK: ClassVar[int]

    kernel_size = ints_option()
    strides = ints_option(1)
    padding = text_option("valid", "same", "causal", default="valid")
    data_format = data_format_option()
    dilation_rate = ints_option(1)
    activation = function_option()
    use_bias = bool_option(True)

    def layout(self, shape: Shape) -> Layout:
        """The input as batch, spatial axes and channels."""
        return Layout.of(shape, self.RANK, self.data_format)

    @property
    def kernel(self) -> list[int]:
        """The window's extent along each axis."""
        return per_axis(self.kernel_size, self.RANK, "a kernel size")

    @property
    def steps(self) -> list[int]:
        """The stride along each axis."""
        return per_axis(self.strides, self.RANK, "strides")

    @property
    def dilations(self) -> list[int]:
        """The dilation along each axis."""
        return per_axis(self.dilation_rate, self.RANK, "dilation rates")

    def spatial(self, extents: Sequence[int]) -> list[int]:
        """The extents of the result."""
        if self.padding.data == "causal" and self.RANK != 1:
            raise VerifyException("expected causal padding over one axis only")
        return [
            window_extent(*axis, self.padding.data)
            for axis in zip(extents, self.kernel, self.steps, self.dilations, strict=True)
        ]

    def bias(self) -> list[Weight]:
        """The bias, where there is one."""
        return [Weight("bias")] if is_set(self.use_bias) else []


class ConvOp(WindowOp, ABC):
    """Convolutions of all channels, in `groups` groups."""

    filters = int_option()
    groups = int_option(1)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("kernel"), *self.bias()]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        channels, groups, filters = self._channels(inputs)
        shapes = [(*self.kernel, channels // groups, filters), (filters,)]
        return shapes[: len(self.weight_list())]

    def _channels(self, inputs: Sequence[Shape]) -> tuple[int, int, int]:
        channels = self.layout(inputs[0]).channels
        groups, filters = self.groups.value.data, self.filters.value.data
        if groups < 1 or filters < 1 or channels % groups or filters % groups:
            raise VerifyException(
                f"expected groups that divide {channels} and {filters} channels, got {groups}"
            )
        return channels, groups, filters

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        return [layout.shape(self.spatial(layout.spatial), self.filters.value.data)]


@irdl_op_definition
class Conv1DOp(ConvOp):
    """
    A convolution over time; weights are time, channels, filters.

    ```mlir
    %y = keras.conv1d %x, %k, %b {filters = 2 : i64, kernel_size = array<i64: 3>}
      : (tensor<1x8x4xf32>, tensor<3x4x2xf32>, tensor<2xf32>) -> tensor<1x6x2xf32>
    ```
    """

    name = "keras.conv1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class Conv2DOp(ConvOp):
    """
    A convolution over images; weights are height, width, channels, filters.

    ```mlir
    %y = keras.conv2d %x, %k {filters = 2 : i64, kernel_size = array<i64: 3, 3>, use_bias = false}
      : (tensor<1x8x8x4xf32>, tensor<3x3x4x2xf32>) -> tensor<1x6x6x2xf32>
    ```
    """

    name = "keras.conv2d"
    RANK: ClassVar[int] = 2


class TransposedOp(WindowOp, ABC):
    """Transposed convolutions."""

    filters = int_option()
    groups = int_option(1)
    output_padding = opt_ints_option()

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("kernel"), *self.bias()]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        filters = self.filters.value.data
        shapes = [(*self.kernel, filters, self.layout(inputs[0]).channels), (filters,)]
        return shapes[: len(self.weight_list())]

    @property
    def extra(self) -> list[int | None]:
        """What the result is larger by along each axis, where that is said."""
        if self.output_padding is None:
            return [None] * self.RANK
        return list(per_axis(self.output_padding, self.RANK, "an output padding", 0))

    def spatial(self, extents: Sequence[int]) -> list[int]:
        if self.padding.data == "causal":
            raise VerifyException("expected padding valid or same, got causal")
        parts = zip(extents, self.kernel, self.steps, self.dilations, self.extra, strict=True)
        return [
            transposed_extent(extent, kernel, stride, dilation, self.padding.data, extra)
            for extent, kernel, stride, dilation, extra in parts
        ]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        return [layout.shape(self.spatial(layout.spatial), self.filters.value.data)]


@irdl_op_definition
class Conv1DTransposeOp(TransposedOp):
    """
    The gradient of a convolution over time; weights are time, filters, channels.

    ```mlir
    %y = keras.conv1d_transpose %x, %k, %b {filters = 2 : i64, kernel_size = array<i64: 3>}
      : (tensor<1x8x4xf32>, tensor<3x2x4xf32>, tensor<2xf32>) -> tensor<1x10x2xf32>
    ```
    """

    name = "keras.conv1d_transpose"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class Conv2DTransposeOp(TransposedOp):
    """
    The gradient of a convolution over images; weights are height, width, filters, channels.

    ```mlir
    %y = keras.conv2d_transpose %x, %k, %b {filters = 2 : i64, kernel_size = array<i64: 3, 3>,
      strides = array<i64: 2, 2>, padding = "same"}
      : (tensor<1x8x8x4xf32>, tensor<3x3x2x4xf32>, tensor<2xf32>) -> tensor<1x16x16x2xf32>
    ```
    """

    name = "keras.conv2d_transpose"
    RANK: ClassVar[int] = 2


class DepthwiseOp(WindowOp, ABC):
    """Convolutions of each channel by itself, into `depth_multiplier` channels."""

    depth_multiplier = int_option(1)
    groups = int_option(1)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("depthwise_kernel"), *self.bias()]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        channels, multiplier = self.layout(inputs[0]).channels, self.depth_multiplier.value.data
        shapes = [(*self.kernel, channels, multiplier), (channels * multiplier,)]
        return shapes[: len(self.weight_list())]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        channels = layout.channels * self.depth_multiplier.value.data
        return [layout.shape(self.spatial(layout.spatial), channels)]


@irdl_op_definition
class DepthwiseConv1DOp(DepthwiseOp):
    """
    A convolution of each channel over time; weights are time, channels, multiplier.

    ```mlir
    %y = keras.depthwise_conv1d %x, %k, %b {kernel_size = array<i64: 3>}
      : (tensor<1x8x4xf32>, tensor<3x4x1xf32>, tensor<4xf32>) -> tensor<1x6x4xf32>
    ```
    """

    name = "keras.depthwise_conv1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class DepthwiseConv2DOp(DepthwiseOp):
    """
    A convolution of each channel over images; weights are height, width, channels, multiplier.

    ```mlir
    %y = keras.depthwise_conv2d %x, %k, %b {kernel_size = array<i64: 3, 3>}
      : (tensor<1x8x8x4xf32>, tensor<3x3x4x1xf32>, tensor<4xf32>) -> tensor<1x6x6x4xf32>
    ```
    """

    name = "keras.depthwise_conv2d"
    RANK: ClassVar[int] = 2


class SeparableOp(WindowOp, ABC):
    """A depthwise convolution and one of a single position behind it, with the bias."""

    filters = int_option()
    depth_multiplier = int_option(1)
    groups = int_option(1)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("depthwise_kernel"), Weight("pointwise_kernel"), *self.bias()]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        channels, multiplier = self.layout(inputs[0]).channels, self.depth_multiplier.value.data
        filters, ones = self.filters.value.data, [1] * self.RANK
        shapes = [
            (*self.kernel, channels, multiplier),
            (*ones, channels * multiplier, filters),
            (filters,),
        ]
        return shapes[: len(self.weight_list())]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        layout = self.layout(inputs[0])
        return [layout.shape(self.spatial(layout.spatial), self.filters.value.data)]


@irdl_op_definition
class SeparableConv1DOp(SeparableOp):
    """
    A convolution of each channel over time, then one of all channels.

    ```mlir
    %y = keras.separable_conv1d %x, %d, %p, %b {filters = 2 : i64, kernel_size = array<i64: 3>}
      : (tensor<1x8x4xf32>, tensor<3x4x1xf32>, tensor<1x4x2xf32>, tensor<2xf32>)
      -> tensor<1x6x2xf32>
    ```
    """

    name = "keras.separable_conv1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class SeparableConv2DOp(SeparableOp):
    """
    A convolution of each channel over images, then one of all channels.

    ```mlir
    %y = keras.separable_conv2d %x, %d, %p, %b {filters = 2 : i64, kernel_size = array<i64: 3, 3>}
      : (tensor<1x8x8x4xf32>, tensor<3x3x4x1xf32>, tensor<1x1x4x2xf32>, tensor<2xf32>)
      -> tensor<1x6x6x2xf32>
    ```
    """

    name = "keras.separable_conv2d"
    RANK: ClassVar[int] = 2
