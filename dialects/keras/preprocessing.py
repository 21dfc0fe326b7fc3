"""The layers of the `keras` dialect that prepare images."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, SameShapeOp, Shape
from nnc.dialects.keras.layout import Layout, data_format_option
from nnc.dialects.keras.options import (
    bool_option,
    float_option,
    floats_option,
    int_option,
    text_option,
)


@irdl_op_definition
class RescalingOp(SameShapeOp):
    """
    `scale * x + offset`, either of them one number or one for each position of the last axis.

    ```mlir
    %y = keras.rescaling %x {scale = array<f64: 0.5>} : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.rescaling"

    scale = floats_option()
    offset = floats_option(0.0)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        for option in (self.scale, self.offset):
            if len(option) not in (1, inputs[0][-1]):
                raise VerifyException(
                    f"expected 1 or {inputs[0][-1]} scales and offsets, got {len(option)}"
                )
        return super().result_shapes(inputs)


class SizedOp(KerasOp, ABC):
    """An image of another height and width."""

    height = int_option()
    width = int_option()
    data_format = data_format_option()

    def layout(self, shape: Shape) -> Layout:
        """The input as batch, rows and columns, and channels."""
        return Layout.of(shape, 2, self.data_format)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [self.layout(inputs[0]).shape([self.height.value.data, self.width.value.data])]


@irdl_op_definition
class ResizingOp(SizedOp):
    """
    An image stretched to a height and a width.

    ```mlir
    %y = keras.resizing %x {height = 4 : i64, width = 6 : i64}
      : (tensor<1x8x8x4xf32>) -> tensor<1x4x6x4xf32>
    ```
    """

    name = "keras.resizing"

    interpolation = text_option(default="bilinear")
    crop_to_aspect_ratio = bool_option()
    pad_to_aspect_ratio = bool_option()
    antialias = bool_option()
    fill_mode = text_option(default="constant")
    fill_value = float_option(0.0)


@irdl_op_definition
class CenterCropOp(SizedOp):
    """
    The middle of an image; an image that is too small is stretched first.

    ```mlir
    %y = keras.center_crop %x {height = 4 : i64, width = 6 : i64}
      : (tensor<1x8x8x4xf32>) -> tensor<1x4x6x4xf32>
    ```
    """

    name = "keras.center_crop"
