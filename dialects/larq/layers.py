"""
Larq's layers: those of Keras with quantisers for input and weights.

What a quantiser gives is what the layer computes with; weights lie in the file as they were trained
(float), not quantised. Source: `larq/layers.py` and `larq/layers_base.py` 0.14.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from xdsl.irdl import irdl_op_definition

from nnc.dialects.keras.base import KerasOp
from nnc.dialects.keras.convolution import ConvOp, DepthwiseOp, SeparableOp, TransposedOp
from nnc.dialects.keras.dense import MatrixOp
from nnc.dialects.keras.options import float_option
from nnc.dialects.larq.quantizers import quantizer_option


class QuantOp(KerasOp, ABC):
    """A layer that quantises its input."""

    PACKAGE: ClassVar[str] = "Larq"

    input_quantizer = quantizer_option()


class QuantConvOp(ConvOp, QuantOp, ABC):
    """Convolutions of all channels; around the input is `pad_values`."""

    kernel_quantizer = quantizer_option()
    pad_values = float_option(0.0)


@irdl_op_definition
class QuantConv1DOp(QuantConvOp):
    """
    A convolution over time of a quantised input with quantised weights.

    ```mlir
    %y = larq.quant_conv1d %x, %k {filters = 2 : i64, kernel_size = array<i64: 3>,
      use_bias = false, input_quantizer = "SteSign", kernel_quantizer = "SteSign"}
      : (tensor<1x8x4xf32>, tensor<3x4x2xf32>) -> tensor<1x6x2xf32>
    ```
    """

    name = "larq.quant_conv1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class QuantConv2DOp(QuantConvOp):
    """
    A convolution over images of a quantised input with quantised weights.

    ```mlir
    %y = larq.quant_conv2d %x, %k {filters = 2 : i64, kernel_size = array<i64: 3, 3>,
      use_bias = false, input_quantizer = "SteSign", kernel_quantizer = "DoReFa(2, weights)"}
      : (tensor<1x8x8x4xf32>, tensor<3x3x4x2xf32>) -> tensor<1x6x6x2xf32>
    ```
    """

    name = "larq.quant_conv2d"
    RANK: ClassVar[int] = 2


@irdl_op_definition
class QuantConv2DTransposeOp(TransposedOp, QuantOp):
    """The gradient of a convolution over images, of a quantised input with quantised weights."""

    name = "larq.quant_conv2d_transpose"
    RANK: ClassVar[int] = 2

    kernel_quantizer = quantizer_option()


@irdl_op_definition
class QuantDepthwiseConv2DOp(DepthwiseOp, QuantOp):
    """A convolution of each channel over images, of a quantised input with quantised weights."""

    name = "larq.quant_depthwise_conv2d"
    RANK: ClassVar[int] = 2

    depthwise_quantizer = quantizer_option()
    pad_values = float_option(0.0)


class QuantSeparableOp(SeparableOp, QuantOp, ABC):
    """A depthwise convolution and one of a single position, each with quantised weights."""

    depthwise_quantizer = quantizer_option()
    pointwise_quantizer = quantizer_option()
    pad_values = float_option(0.0)


@irdl_op_definition
class QuantSeparableConv1DOp(QuantSeparableOp):
    """A convolution of each channel over time, then one of all, with quantised weights."""

    name = "larq.quant_separable_conv1d"
    RANK: ClassVar[int] = 1


@irdl_op_definition
class QuantSeparableConv2DOp(QuantSeparableOp):
    """A convolution of each channel over images, then one of all, with quantised weights."""

    name = "larq.quant_separable_conv2d"
    RANK: ClassVar[int] = 2


@irdl_op_definition
class QuantDenseOp(MatrixOp, QuantOp):
    """
    The last axis times a matrix, both quantised.

    ```mlir
    %y = larq.quant_dense %x, %k {units = 2 : i64, use_bias = false, input_quantizer = "SteSign",
      kernel_quantizer = "SteSign"} : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
    ```
    """

    name = "larq.quant_dense"

    kernel_quantizer = quantizer_option()


LAYER_OPS: tuple[type[QuantOp], ...] = (
    QuantConv1DOp,
    QuantConv2DOp,
    QuantConv2DTransposeOp,
    QuantDepthwiseConv2DOp,
    QuantSeparableConv1DOp,
    QuantSeparableConv2DOp,
    QuantDenseOp,
)
