"""
The custom operators of the Larq compute engine in a `.tflite` file.

Binary tensors are int32 words as in the file, 32 channels each, of which bit 1 is -1; how many
channels the last word has, only operators say. Source: `mlir/ir/lce_ops.td` and `tflite/kernels`
of the repository larq/compute-engine.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerType, i8, i32
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl.base import (
    OPTIONAL_TENSOR,
    PADDING,
    TENSOR,
    OneOf,
    TflOp,
    check_dimension,
    check_positive,
    check_rank,
    enum_option,
    int_option,
    shape_of,
)
from nnc.dialects.types import BITS_PER_WORD, element_of

LCE_ACTIVATION = OneOf(("NONE", "RELU", "RELU_N1_TO_1", "RELU6"))


class LceOp(TflOp):
    """A custom operator; `CODE` is its name in the file."""

    CODE: ClassVar[str]

    @property
    def makes_words(self) -> bool:
        """Whether the result is packed words."""
        return element_of(self.results[0]) == i32


def words_of(channels: int) -> int:
    """How many words hold so many channels."""
    return -(-channels // BITS_PER_WORD)


def _check_words(what: str, value: SSAValue) -> None:
    if element_of(value) != i32:
        raise VerifyException(f"expected {what} of packed i32 words, got {value.type}")


def _check_packed(words: SSAValue, channels: SSAValue) -> None:
    """Packed words for the channels of another tensor, in the same shape but for the last axis."""
    packed, plain = shape_of(words), shape_of(channels)
    assert packed is not None and plain is not None
    if not plain or len(packed) != len(plain):
        raise VerifyException(f"expected tensors of one rank, got {words.type}, {channels.type}")
    expected = [*plain[:-1], plain[-1] if plain[-1] == DYNAMIC_INDEX else words_of(plain[-1])]
    if any(a != b and DYNAMIC_INDEX not in (a, b) for a, b in zip(packed, expected, strict=True)):
        raise VerifyException(f"expected words of shape {tuple(expected)}, got {packed}")


def _check_plain(what: str, value: SSAValue) -> None:
    """A type that can be packed: float32, int8 with a scale, or bool."""
    element = element_of(value)
    quantized = isinstance(element, UniformQuantizedType) and element.storage == i8
    boolean = isinstance(element, IntegerType) and element.width.data == 1
    if not (quantized or boolean or str(element) == "f32"):
        raise VerifyException(f"expected {what} of f32, quantised i8 or i1, got {value.type}")


@irdl_op_definition
class LceQuantizeOp(LceOp):
    """
    LceQuantize: numbers to packed signs, -1 where they are negative (a bool: where it is false).

    ```mlir
    %y = larq.lce_quantize %x : (tensor<1x8x8x40xf32>) -> tensor<1x8x8x2xi32>
    ```
    """

    name = "larq.lce_quantize"
    CODE: ClassVar[str] = "LceQuantize"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        _check_plain("an input", self.input)
        _check_words("an output", self.output)
        _check_packed(self.output, self.input)


@irdl_op_definition
class LceDequantizeOp(LceOp):
    """
    LceDequantize: packed signs to numbers. Of an int8 result the two values nearest to -1 and +1.

    ```mlir
    %y = larq.lce_dequantize %x : (tensor<1x8x8x2xi32>) -> tensor<1x8x8x40xf32>
    ```
    """

    name = "larq.lce_dequantize"
    CODE: ClassVar[str] = "LceDequantize"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        _check_words("an input", self.input)
        _check_plain("an output", self.output)
        _check_packed(self.input, self.output)


@irdl_op_definition
class LceBconv2dOp(LceOp):
    """
    LceBconv2d: a convolution of packed signs. The integer sum is clamped by the activation, then
    multiplied and added to, channel by channel, in float32; a packed result is -1 where the number
    of differing bits is above a threshold.

    ```mlir
    %y = larq.lce_bconv2d %x, %w, %m, %b, %t {channels_in = 40 : i32,
      dilation_height_factor = 1 : i32, dilation_width_factor = 1 : i32, pad_values = 1 : i32,
      padding = "SAME", stride_height = 1 : i32, stride_width = 1 : i32}
      : (tensor<1x8x8x2xi32>, tensor<16x3x3x2xi32>, tensor<16xf32>, tensor<16xf32>, none)
      -> tensor<1x8x8x16xf32>
    ```
    """

    name = "larq.lce_bconv2d"
    CODE: ClassVar[str] = "LceBconv2d"

    input = operand_def(TENSOR)
    filter = operand_def(TENSOR)
    post_activation_multiplier = operand_def(OPTIONAL_TENSOR)
    post_activation_bias = operand_def(OPTIONAL_TENSOR)
    output_threshold = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    channels_in = int_option()
    dilation_height_factor = int_option()
    dilation_width_factor = int_option()
    fused_activation_function = enum_option(LCE_ACTIVATION, "NONE")
    pad_values = int_option(0)
    padding = enum_option(PADDING)
    stride_height = int_option()
    stride_width = int_option()

    def verify_(self) -> None:
        check_positive(
            channels_in=self.channels_in,
            dilation_height_factor=self.dilation_height_factor,
            dilation_width_factor=self.dilation_width_factor,
            stride_height=self.stride_height,
            stride_width=self.stride_width,
        )
        if self.pad_values.value.data not in (0, 1):
            raise VerifyException(f"expected pad_values 0 or 1, got {self.pad_values.value.data}")
        for what, value in (("an input", self.input), ("a filter", self.filter)):
            _check_words(what, value)
            check_rank(what, value, (4,))
        check_rank("an output", self.output, (4,))
        check_dimension("an input", self.input, 3, words_of(self.channels_in.value.data))
        for what, value in (
            ("a multiplier", self.post_activation_multiplier),
            ("a bias", self.post_activation_bias),
            ("a threshold", self.output_threshold),
        ):
            check_rank(what, value, (1,))


@irdl_op_definition
class LceBMaxPool2dOp(LceOp):
    """
    LceBMaxPool2d: +1 where any sign in the window is.

    ```mlir
    %y = larq.lce_b_max_pool2d %x {filter_height = 2 : i32, filter_width = 2 : i32,
      padding = "VALID", stride_height = 2 : i32, stride_width = 2 : i32}
      : (tensor<1x8x8x2xi32>) -> tensor<1x4x4x2xi32>
    ```
    """

    name = "larq.lce_b_max_pool2d"
    CODE: ClassVar[str] = "LceBMaxPool2d"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    filter_height = int_option()
    filter_width = int_option()
    padding = enum_option(PADDING)
    stride_height = int_option()
    stride_width = int_option()

    def verify_(self) -> None:
        check_positive(
            filter_height=self.filter_height,
            filter_width=self.filter_width,
            stride_height=self.stride_height,
            stride_width=self.stride_width,
        )
        for what, value in (("an input", self.input), ("an output", self.output)):
            _check_words(what, value)
            check_rank(what, value, (4,))


LCE_OPS: tuple[type[LceOp], ...] = (
    LceQuantizeOp,
    LceDequantizeOp,
    LceBconv2dOp,
    LceBMaxPool2dOp,
)
