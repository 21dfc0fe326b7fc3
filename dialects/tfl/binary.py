"""The `tfl` operators that combine two tensors element by element, broadcasting as numpy does."""

from __future__ import annotations

from abc import ABC

from xdsl.dialects.builtin import TensorType, i1
from xdsl.irdl import irdl_op_definition, operand_def, result_def, var_operand_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.tfl.base import (
    TENSOR,
    TflOp,
    activation_option,
    bool_option,
    check_broadcast,
    check_same_shape,
)


class BinaryOp(TflOp, ABC):
    """Two tensors, stretched to the shape of the result."""

    lhs = operand_def(TENSOR)
    rhs = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_broadcast(self.output, lhs=self.lhs, rhs=self.rhs)


class ComparisonOp(BinaryOp, ABC):
    """Two tensors to a tensor of truth values."""

    def verify_(self) -> None:
        super().verify_()
        assert isinstance(self.output.type, TensorType)
        if self.output.type.get_element_type() != i1:
            raise VerifyException(f"expected a result of i1, got {self.output.type}")


@irdl_op_definition
class AddOp(BinaryOp):
    """
    ADD: lhs + rhs.

    ```mlir
    %z = tfl.add %x, %y {fused_activation_function = "RELU"}
         : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.add"

    fused_activation_function = activation_option()
    pot_scale_int16 = bool_option(True)


@irdl_op_definition
class SubOp(BinaryOp):
    """
    SUB: lhs - rhs.

    ```mlir
    %z = tfl.sub %x, %y : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.sub"

    fused_activation_function = activation_option()
    pot_scale_int16 = bool_option(True)


@irdl_op_definition
class MulOp(BinaryOp):
    """
    MUL: lhs * rhs.

    ```mlir
    %z = tfl.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.mul"

    fused_activation_function = activation_option()


@irdl_op_definition
class DivOp(BinaryOp):
    """
    DIV: lhs / rhs.

    ```mlir
    %z = tfl.div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.div"

    fused_activation_function = activation_option()


@irdl_op_definition
class Atan2Op(BinaryOp):
    """
    ATAN2: the angle of the point (rhs, lhs).

    ```mlir
    %z = tfl.atan2 %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.atan2"


@irdl_op_definition
class FloorDivOp(BinaryOp):
    """
    FLOOR_DIV: the quotient rounded downwards.

    ```mlir
    %z = tfl.floor_div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.floor_div"


@irdl_op_definition
class FloorModOp(BinaryOp):
    """
    FLOOR_MOD: the remainder of FLOOR_DIV.

    ```mlir
    %z = tfl.floor_mod %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.floor_mod"


@irdl_op_definition
class MaximumOp(BinaryOp):
    """
    MAXIMUM: the larger one.

    ```mlir
    %z = tfl.maximum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.maximum"


@irdl_op_definition
class MinimumOp(BinaryOp):
    """
    MINIMUM: the smaller one.

    ```mlir
    %z = tfl.minimum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.minimum"


@irdl_op_definition
class PowOp(BinaryOp):
    """
    POW: lhs to the power of rhs.

    ```mlir
    %z = tfl.pow %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.pow"


@irdl_op_definition
class SquaredDifferenceOp(BinaryOp):
    """
    SQUARED_DIFFERENCE: (lhs - rhs)^2.

    ```mlir
    %z = tfl.squared_difference %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.squared_difference"


@irdl_op_definition
class BitwiseXorOp(BinaryOp):
    """
    BITWISE_XOR: the exclusive or of all bits.

    ```mlir
    %z = tfl.bitwise_xor %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "tfl.bitwise_xor"


@irdl_op_definition
class RightShiftOp(BinaryOp):
    """
    RIGHT_SHIFT: lhs shifted right by rhs.

    ```mlir
    %z = tfl.right_shift %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "tfl.right_shift"


@irdl_op_definition
class LogicalAndOp(BinaryOp):
    """
    LOGICAL_AND.

    ```mlir
    %z = tfl.logical_and %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    ```
    """

    name = "tfl.logical_and"


@irdl_op_definition
class LogicalOrOp(BinaryOp):
    """
    LOGICAL_OR.

    ```mlir
    %z = tfl.logical_or %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    ```
    """

    name = "tfl.logical_or"


@irdl_op_definition
class EqualOp(ComparisonOp):
    """
    EQUAL: lhs == rhs.

    ```mlir
    %z = tfl.equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "tfl.equal"


@irdl_op_definition
class NotEqualOp(ComparisonOp):
    """
    NOT_EQUAL: lhs != rhs.

    ```mlir
    %z = tfl.not_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "tfl.not_equal"


@irdl_op_definition
class GreaterOp(ComparisonOp):
    """
    GREATER: lhs > rhs.

    ```mlir
    %z = tfl.greater %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "tfl.greater"


@irdl_op_definition
class GreaterEqualOp(ComparisonOp):
    """
    GREATER_EQUAL: lhs >= rhs.

    ```mlir
    %z = tfl.greater_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "tfl.greater_equal"


@irdl_op_definition
class LessOp(ComparisonOp):
    """
    LESS: lhs < rhs.

    ```mlir
    %z = tfl.less %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "tfl.less"


@irdl_op_definition
class LessEqualOp(ComparisonOp):
    """
    LESS_EQUAL: lhs <= rhs.

    ```mlir
    %z = tfl.less_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "tfl.less_equal"


@irdl_op_definition
class PreluOp(TflOp):
    """
    PRELU: x where positive, alpha * x elsewhere, alpha a tensor.

    ```mlir
    %z = tfl.prelu %x, %alpha : (tensor<1x2x2x3xf32>, tensor<1x1x3xf32>) -> tensor<1x2x2x3xf32>
    ```
    """

    name = "tfl.prelu"

    input = operand_def(TENSOR)
    alpha = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_broadcast(self.output, alpha=self.alpha, input=self.input)


@irdl_op_definition
class AddNOp(TflOp):
    """
    ADD_N: the sum of any number of tensors of one shape.

    ```mlir
    %z = tfl.add_n %a, %b, %c
         : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.add_n"

    inputs = var_operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        if not self.inputs:
            raise VerifyException("expected at least 1 input, got 0")
        for value in self.inputs:
            check_same_shape("inputs and an output", value, self.output)


class _SelectOp(TflOp, ABC):
    """Elements of one of two tensors, chosen by a tensor of truth values."""

    condition = operand_def(TENSOR)
    x = operand_def(TENSOR)
    y = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class SelectOp(_SelectOp):
    """
    SELECT: x where the condition holds, else y; a condition of rank 1 chooses whole rows.

    ```mlir
    %z = tfl.select %c, %x, %y
         : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.select"

    def verify_(self) -> None:
        check_same_shape("x and an output", self.x, self.output)
        check_same_shape("y and an output", self.y, self.output)


@irdl_op_definition
class SelectV2Op(_SelectOp):
    """
    SELECT_V2: x where the condition holds, else y, all three broadcast.

    ```mlir
    %z = tfl.select_v2 %c, %x, %y
         : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.select_v2"

    def verify_(self) -> None:
        check_broadcast(self.output, condition=self.condition, x=self.x, y=self.y)


BINARY_OPS = (
    AddOp,
    SubOp,
    MulOp,
    DivOp,
    Atan2Op,
    FloorDivOp,
    FloorModOp,
    MaximumOp,
    MinimumOp,
    PowOp,
    SquaredDifferenceOp,
    BitwiseXorOp,
    RightShiftOp,
    LogicalAndOp,
    LogicalOrOp,
    EqualOp,
    NotEqualOp,
    GreaterOp,
    GreaterEqualOp,
    LessOp,
    LessEqualOp,
    PreluOp,
    AddNOp,
    SelectOp,
    SelectV2Op,
)
