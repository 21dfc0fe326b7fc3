"""Comparisons, truth values, bits, and the choice between two tensors."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from xdsl.dialects.builtin import TensorType, UnitAttr, i1, i32
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.base import Elements, ElementwiseOp, S
from nnc.dialects.nn.checks import (
    Kind,
    broadcast_shape,
    check_kind,
    check_output,
    check_same_element,
    check_same_kind,
)
from nnc.dialects.nn.quantized import arithmetic_type, rescale
from nnc.dialects.nn.unary import UnaryOp
from nnc.dialects.types import element_of, quantization_of, scalar_type
from nnc.dialects.utils import Rounding

_COMPARISON_BITS = 8


class ComparisonOp(ElementwiseOp, ABC):
    """
    Truth values from two tensors that broadcast. Quantised: both numbers are rescaled to 8 more
    bits than their own and compared (TFLite `reference/comparisons.h`), or, if `stored` is set, the
    stored values are compared whatever the scales.
    """

    PREDICATE: ClassVar[str]

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    output = result_def(TensorType)

    stored = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        check_output(self.output, broadcast_shape((self.lhs, self.rhs)))
        check_kind("operands", self.lhs, Kind.NUMBER | Kind.I1)
        check_same_kind("operands", self.rhs, self.lhs)
        check_kind("an output", self.output, Kind.I1)

    def body(self, b: Elements[S], *values: S) -> S:
        lhs, rhs = quantization_of(self.lhs), quantization_of(self.rhs)
        if lhs is None or rhs is None or self.stored is not None:
            kind = arithmetic_type(element_of(self.lhs))
            a = b.widen(values[0], element_of(self.lhs), kind)
            return a.compare(self.PREDICATE, b.widen(values[1], element_of(self.rhs), kind))
        a = decode(b, values[0], lhs, i32) << _COMPARISON_BITS
        c = decode(b, values[1], rhs, i32) << _COMPARISON_BITS
        a = rescale(b, a, lhs.scale, Rounding.DOUBLE)
        return a.compare(self.PREDICATE, rescale(b, c, rhs.scale, Rounding.DOUBLE))


@irdl_op_definition
class EqualOp(ComparisonOp):
    """
    `lhs == rhs`.

    ```mlir
    %z = nn.equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "nn.equal"
    PREDICATE: ClassVar[str] = "eq"


@irdl_op_definition
class NotEqualOp(ComparisonOp):
    """
    `lhs != rhs`.

    ```mlir
    %z = nn.not_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "nn.not_equal"
    PREDICATE: ClassVar[str] = "ne"


@irdl_op_definition
class LessOp(ComparisonOp):
    """
    `lhs < rhs`.

    ```mlir
    %z = nn.less %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "nn.less"
    PREDICATE: ClassVar[str] = "lt"


@irdl_op_definition
class LessEqualOp(ComparisonOp):
    """
    `lhs <= rhs`.

    ```mlir
    %z = nn.less_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "nn.less_equal"
    PREDICATE: ClassVar[str] = "le"


@irdl_op_definition
class GreaterOp(ComparisonOp):
    """
    `lhs > rhs`.

    ```mlir
    %z = nn.greater %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "nn.greater"
    PREDICATE: ClassVar[str] = "gt"


@irdl_op_definition
class GreaterEqualOp(ComparisonOp):
    """
    `lhs >= rhs`.

    ```mlir
    %z = nn.greater_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
    """

    name = "nn.greater_equal"
    PREDICATE: ClassVar[str] = "ge"


class BitsOp(ElementwiseOp, ABC):
    """Truth values or the bits of integers, combined one by one; the operands broadcast."""

    OPERATION: ClassVar[str]

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        check_output(self.output, broadcast_shape((self.lhs, self.rhs)))
        check_kind("operands", self.lhs, Kind.INTEGER | Kind.I1)
        kinds = {element_of(value) for value in (self.lhs, self.rhs, self.output)}
        if len(kinds) > 1:
            raise VerifyException(f"expected one element type, got {', '.join(map(str, kinds))}")

    def body(self, b: Elements[S], *values: S) -> S:
        return values[0].binary(self.OPERATION, values[1])


@irdl_op_definition
class AndOp(BitsOp):
    """
    Bitwise (or logical) and.

    ```mlir
    %z = nn.and %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    ```
    """

    name = "nn.and"
    OPERATION: ClassVar = "and"


@irdl_op_definition
class OrOp(BitsOp):
    """
    Bitwise (or logical) or.

    ```mlir
    %z = nn.or %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    ```
    """

    name = "nn.or"
    OPERATION: ClassVar = "or"


@irdl_op_definition
class XorOp(BitsOp):
    """
    Bitwise (or logical) exclusive or.

    ```mlir
    %z = nn.xor %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    ```
    """

    name = "nn.xor"
    OPERATION: ClassVar = "xor"


@irdl_op_definition
class NotOp(UnaryOp):
    """
    Bitwise (or logical) negation.

    ```mlir
    %z = nn.not %x : (tensor<4xi1>) -> tensor<4xi1>
    ```
    """

    name = "nn.not"

    def verify_(self) -> None:
        super().verify_()
        check_kind("an input", self.input, Kind.INTEGER | Kind.I1)
        check_same_element("an output", self.output, self.input)

    def body(self, b: Elements[S], *values: S) -> S:
        return values[0] ^ (1 if values[0].type == i1 else -1)


@irdl_op_definition
class SelectOp(ElementwiseOp):
    """
    `x` where the condition holds, else `y`, as stored; all three broadcast.

    ```mlir
    %z = nn.select %c, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.select"

    BINARY: ClassVar = True

    condition = operand_def(TensorType)
    x = operand_def(TensorType)
    y = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        check_output(self.output, broadcast_shape((self.condition, self.x, self.y)))
        check_kind("a condition", self.condition, Kind.I1)
        kinds = {scalar_type(element_of(value)) for value in (self.x, self.y, self.output)}
        if len(kinds) > 1:
            raise VerifyException(f"expected one stored type, got {', '.join(map(str, kinds))}")

    def body(self, b: Elements[S], *values: S) -> S:
        return values[0].select(values[1], values[2])
