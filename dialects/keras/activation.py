"""The layers of the `keras` dialect that compute a function of each element, or of each row."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import SameShapeOp, Shape, Weight, axis_of
from nnc.dialects.keras.options import (
    float_option,
    function_option,
    ints_option,
    opt_float_option,
    opt_ints_option,
)


@irdl_op_definition
class ActivationOp(SameShapeOp):
    """
    A function by its name.

    ```mlir
    %y = keras.activation %x {activation = "relu"} : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.activation"

    activation = function_option()


@irdl_op_definition
class ReLUOp(SameShapeOp):
    """
    `min(x, max_value)` from `threshold` on, `negative_slope * (x - threshold)` below it.

    ```mlir
    %y = keras.relu %x {max_value = 6.0 : f64} : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.relu"

    max_value = opt_float_option()
    negative_slope = float_option(0.0)
    threshold = float_option(0.0)


@irdl_op_definition
class LeakyReLUOp(SameShapeOp):
    """
    `x`, and a part of it where it is negative; the part is called `alpha` in Keras 2.

    ```mlir
    %y = keras.leaky_relu %x {negative_slope = 0.1 : f64} : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.leaky_relu"

    alpha = opt_float_option()
    negative_slope = opt_float_option()

    @property
    def slope(self) -> float:
        """The part."""
        given = self.negative_slope or self.alpha
        return 0.3 if given is None else given.value.data


@irdl_op_definition
class ELUOp(SameShapeOp):
    """
    `x`, and `alpha * (exp(x) - 1)` where it is negative.

    ```mlir
    %y = keras.elu %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.elu"

    alpha = float_option(1.0)


@irdl_op_definition
class ThresholdedReLUOp(SameShapeOp):
    """
    `x` where it is above `theta`, else 0.

    ```mlir
    %y = keras.thresholded_relu %x {theta = 0.5 : f64} : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.thresholded_relu"

    theta = float_option(1.0)


@irdl_op_definition
class PReLUOp(SameShapeOp):
    """
    `x`, and a learned part of it where it is negative, the same along `shared_axes`.

    ```mlir
    %y = keras.prelu %x, %alpha : (tensor<1x8xf32>, tensor<8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.prelu"

    shared_axes = opt_ints_option()

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("alpha")]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        shape = list(inputs[0])
        for axis in () if self.shared_axes is None else self.shared_axes.get_values():
            if not 1 <= axis < len(shape):
                raise VerifyException(f"expected shared axes below {len(shape)}, got {axis}")
            shape[axis] = 1
        return [tuple(shape[1:])]


@irdl_op_definition
class SoftmaxOp(SameShapeOp):
    """
    Exponentials divided by their sum along an axis.

    ```mlir
    %y = keras.softmax %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.softmax"

    axis = ints_option(-1)

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        for axis in self.axis.get_values():
            axis_of(axis, len(inputs[0]))
        return super().result_shapes(inputs)
