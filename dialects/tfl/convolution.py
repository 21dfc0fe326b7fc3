"""The `tfl` operators that slide a window or contract with weights."""

from __future__ import annotations

from abc import ABC

from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.irdl import irdl_op_definition, operand_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.tfl.base import (
    OPTIONAL_TENSOR,
    PADDING,
    TENSOR,
    TENSOR_TYPE,
    WEIGHTS_FORMAT,
    TflOp,
    activation_option,
    bool_option,
    check_dimension,
    check_positive,
    check_rank,
    enum_option,
    int_option,
    shape_of,
    string_option,
)


class _Convolution2DOp(TflOp, ABC):
    """Bases of the two-dimensional convolutions: NHWC input, filter, bias or no value."""

    input = operand_def(TENSOR)
    filter = operand_def(TENSOR)
    bias = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    padding = enum_option(PADDING)
    stride_w = int_option()
    stride_h = int_option()
    fused_activation_function = activation_option()
    dilation_w_factor = int_option(1)
    dilation_h_factor = int_option(1)

    def verify_(self) -> None:
        check_positive(
            stride_w=self.stride_w,
            stride_h=self.stride_h,
            dilation_w_factor=self.dilation_w_factor,
            dilation_h_factor=self.dilation_h_factor,
        )
        check_rank("an input", self.input, (4,))
        check_rank("a filter", self.filter, (4,))
        check_rank("an output", self.output, (4,))
        check_rank("a bias", self.bias, (1,))


@irdl_op_definition
class Conv2DOp(_Convolution2DOp):
    """
    CONV_2D: input NHWC, filter OHWI, bias O. Fewer filter than input channels means groups.

    ```mlir
    %y = tfl.conv_2d %x, %w, %b {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32}
         : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "tfl.conv_2d"

    quantized_bias_type = enum_option(TENSOR_TYPE, "FLOAT32")

    def verify_(self) -> None:
        super().verify_()
        shape = shape_of(self.filter)
        assert shape is not None
        check_dimension("an output", self.output, 3, shape[0])
        check_dimension("a bias", self.bias, 0, shape[0])
        channels = (shape_of(self.input) or (DYNAMIC_INDEX,) * 4)[3]
        if min(channels, shape[3]) >= 0 and (shape[3] == 0 or channels % shape[3]):
            raise VerifyException(
                f"expected input channels in whole groups of {shape[3]}, got {channels}"
            )


@irdl_op_definition
class DepthwiseConv2DOp(_Convolution2DOp):
    """
    DEPTHWISE_CONV_2D: input NHWC, filter 1HWC with `depth_multiplier` outputs for each input.

    ```mlir
    %y = tfl.depthwise_conv_2d %x, %w, %b {padding = "SAME", stride_w = 1 : i32,
           stride_h = 1 : i32, depth_multiplier = 1 : i32}
         : (tensor<1x8x8x4xf32>, tensor<1x3x3x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "tfl.depthwise_conv_2d"

    depth_multiplier = int_option()

    def verify_(self) -> None:
        super().verify_()
        shape = shape_of(self.filter)
        assert shape is not None
        check_dimension("a filter", self.filter, 0, 1)
        check_dimension("an output", self.output, 3, shape[3])
        check_dimension("a bias", self.bias, 0, shape[3])


@irdl_op_definition
class TransposeConvOp(TflOp):
    """
    TRANSPOSE_CONV: the gradient of a convolution; `output_shape` is an i32 tensor of four.

    ```mlir
    %y = tfl.transpose_conv %shape, %w, %x, %none {padding = "SAME", stride_w = 2 : i32,
           stride_h = 2 : i32} : (tensor<4xi32>, tensor<4x3x3x3xf32>, tensor<1x8x8x3xf32>, none)
         -> tensor<1x16x16x4xf32>
    ```
    """

    name = "tfl.transpose_conv"

    output_shape = operand_def(TENSOR)
    weights = operand_def(TENSOR)
    input = operand_def(TENSOR)
    bias = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    padding = enum_option(PADDING)
    stride_w = int_option()
    stride_h = int_option()
    fused_activation_function = activation_option()
    quantized_bias_type = enum_option(TENSOR_TYPE, "FLOAT32")

    def verify_(self) -> None:
        check_positive(stride_w=self.stride_w, stride_h=self.stride_h)
        check_rank("an output shape", self.output_shape, (1,))
        check_rank("weights", self.weights, (4,))
        check_rank("an input", self.input, (4,))
        check_rank("a bias", self.bias, (1,))
        check_rank("an output", self.output, (4,))
        outputs, _, _, channels = shape_of(self.weights) or (DYNAMIC_INDEX,) * 4
        check_dimension("an input", self.input, 3, channels)
        check_dimension("an output", self.output, 3, outputs)
        check_dimension("a bias", self.bias, 0, outputs)


class _Convolution3DOp(TflOp, ABC):
    """Options of the three-dimensional convolutions."""

    padding = enum_option(PADDING)
    stride_d = int_option()
    stride_w = int_option()
    stride_h = int_option()
    fused_activation_function = activation_option()
    dilation_d_factor = int_option(1)
    dilation_w_factor = int_option(1)
    dilation_h_factor = int_option(1)

    def verify_(self) -> None:
        check_positive(
            stride_d=self.stride_d,
            stride_w=self.stride_w,
            stride_h=self.stride_h,
            dilation_d_factor=self.dilation_d_factor,
            dilation_w_factor=self.dilation_w_factor,
            dilation_h_factor=self.dilation_h_factor,
        )


@irdl_op_definition
class Conv3DOp(_Convolution3DOp):
    """
    CONV_3D: input NDHWC, filter DHWIO.

    ```mlir
    %y = tfl.conv_3d %x, %w, %b {padding = "VALID", stride_d = 1 : i32, stride_w = 1 : i32,
           stride_h = 1 : i32}
         : (tensor<1x4x4x4x2xf32>, tensor<2x2x2x2x3xf32>, tensor<3xf32>) -> tensor<1x3x3x3x3xf32>
    ```
    """

    name = "tfl.conv_3d"

    input = operand_def(TENSOR)
    filter = operand_def(TENSOR)
    bias = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        super().verify_()
        check_rank("an input", self.input, (5,))
        check_rank("a filter", self.filter, (5,))
        check_rank("a bias", self.bias, (1,))
        check_rank("an output", self.output, (5,))


@irdl_op_definition
class Conv3DTransposeOp(_Convolution3DOp):
    """
    CONV_3D_TRANSPOSE: the gradient of a CONV_3D; filter DHWOI.

    ```mlir
    %y = tfl.conv_3d_transpose %shape, %w, %x, %none {padding = "VALID", stride_d = 1 : i32,
           stride_w = 1 : i32, stride_h = 1 : i32}
         : (tensor<5xi32>, tensor<2x2x2x3x2xf32>, tensor<1x3x3x3x2xf32>, none)
         -> tensor<1x4x4x4x3xf32>
    ```
    """

    name = "tfl.conv_3d_transpose"

    output_shape = operand_def(TENSOR)
    filter = operand_def(TENSOR)
    input = operand_def(TENSOR)
    bias = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        super().verify_()
        check_rank("an output shape", self.output_shape, (1,))
        check_rank("a filter", self.filter, (5,))
        check_rank("an input", self.input, (5,))
        check_rank("a bias", self.bias, (1,))
        check_rank("an output", self.output, (5,))


@irdl_op_definition
class FullyConnectedOp(TflOp):
    """
    FULLY_CONNECTED: weights `units x depth`, contracted with the input's last axis (or, without
    `keep_num_dims`, with the input flattened to rows of `depth`).

    ```mlir
    %y = tfl.fully_connected %x, %w, %b
         : (tensor<1x64xf32>, tensor<10x64xf32>, tensor<10xf32>) -> tensor<1x10xf32>
    ```
    """

    name = "tfl.fully_connected"

    input = operand_def(TENSOR)
    weights = operand_def(TENSOR)
    bias = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    fused_activation_function = activation_option()
    weights_format = enum_option(WEIGHTS_FORMAT, "DEFAULT")
    keep_num_dims = bool_option()
    asymmetric_quantize_inputs = bool_option()
    quantized_bias_type = enum_option(TENSOR_TYPE, "FLOAT32")
    quant_spec = string_option()

    def verify_(self) -> None:
        check_rank("weights", self.weights, (2,))
        check_rank("a bias", self.bias, (1, 2))
        output = shape_of(self.output)
        units = (shape_of(self.weights) or (DYNAMIC_INDEX,))[0]
        if output:
            check_dimension("an output", self.output, len(output) - 1, units)


@irdl_op_definition
class BatchMatMulOp(TflOp):
    """
    BATCH_MATMUL: the product of the last two axes, the others broadcast; `adj_*` transposes.

    ```mlir
    %z = tfl.batch_matmul %x, %y {adj_y = true}
         : (tensor<2x3x4xf32>, tensor<2x5x4xf32>) -> tensor<2x3x5xf32>
    ```
    """

    name = "tfl.batch_matmul"

    x = operand_def(TENSOR)
    y = operand_def(TENSOR)
    output = result_def(TENSOR)

    adj_x = bool_option()
    adj_y = bool_option()
    asymmetric_quantize_inputs = bool_option()

    def verify_(self) -> None:
        for what, value in (("x", self.x), ("y", self.y)):
            check_rank(what, value, range(2, 6))


class _Pool2DOp(TflOp, ABC):
    """Two-dimensional pooling of an NHWC tensor."""

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    padding = enum_option(PADDING)
    stride_w = int_option()
    stride_h = int_option()
    filter_width = int_option()
    filter_height = int_option()
    fused_activation_function = activation_option()

    def verify_(self) -> None:
        check_positive(
            stride_w=self.stride_w,
            stride_h=self.stride_h,
            filter_width=self.filter_width,
            filter_height=self.filter_height,
        )
        check_rank("an input", self.input, (4,))
        check_rank("an output", self.output, (4,))
        channels = (shape_of(self.input) or (DYNAMIC_INDEX,))[-1]
        check_dimension("an output", self.output, 3, channels)


@irdl_op_definition
class AveragePool2DOp(_Pool2DOp):
    """
    AVERAGE_POOL_2D: the mean of the taps inside the image.

    ```mlir
    %y = tfl.average_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32,
           filter_width = 2 : i32, filter_height = 2 : i32}
         : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
    ```
    """

    name = "tfl.average_pool_2d"


@irdl_op_definition
class MaxPool2DOp(_Pool2DOp):
    """
    MAX_POOL_2D: the largest tap inside the image.

    ```mlir
    %y = tfl.max_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32,
           filter_width = 2 : i32, filter_height = 2 : i32}
         : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
    ```
    """

    name = "tfl.max_pool_2d"


@irdl_op_definition
class L2Pool2DOp(_Pool2DOp):
    """
    L2_POOL_2D: the root of the mean square of the taps inside the image.

    ```mlir
    %y = tfl.l2_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32,
           filter_width = 2 : i32, filter_height = 2 : i32}
         : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
    ```
    """

    name = "tfl.l2_pool_2d"


CONVOLUTION_OPS = (
    Conv2DOp,
    DepthwiseConv2DOp,
    TransposeConvOp,
    Conv3DOp,
    Conv3DTransposeOp,
    FullyConnectedOp,
    BatchMatMulOp,
    AveragePool2DOp,
    MaxPool2DOp,
    L2Pool2DOp,
)
