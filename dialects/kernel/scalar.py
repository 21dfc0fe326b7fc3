"""
Scalar operations that `arith` and `math` lack: the fixed-point roundings of quantised inference.

Each is pure, and one inline function of the runtime (`runtime/nnc_arith.h`) or of the C library.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import (
    f32,
    f64,
    i32,
    i64,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    VarConstraint,
    eq,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum

from nnc.dialects.utils import Rounding


@irdl_attr_definition
class RoundingAttr(EnumAttribute[Rounding], SpacedOpaqueSyntaxAttribute):
    """`#kernel<rounding double>`; see `Rounding`."""

    name = "kernel.rounding"


@irdl_op_definition
class RequantizeOp(IRDLOperation):
    """
    `accumulator * multiplier * 2**(shift - 31)`, rounded; the result is not yet clamped.

    ```mlir
    %y = kernel.requantize %acc, %multiplier, %shift, double : i32
    ```
    """

    name = "kernel.requantize"

    accumulator = operand_def(eq(i32) | eq(i64))
    multiplier = operand_def(i32)
    shift = operand_def(i32)
    rounding = prop_def(RoundingAttr)
    result = result_def(i32)

    traits = traits_def(Pure())

    assembly_format = (
        "$accumulator `,` $multiplier `,` $shift `,` $rounding attr-dict `:` type($accumulator)"
    )

    def __init__(
        self, accumulator: SSAValue, multiplier: SSAValue, shift: SSAValue, rounding: Rounding
    ):
        super().__init__(
            operands=[accumulator, multiplier, shift],
            properties={"rounding": RoundingAttr(rounding)},
            result_types=[i32],
        )

    def verify_(self) -> None:
        expected = i64 if self.rounding.data is Rounding.MB64 else i32
        if self.rounding.data is Rounding.F64:
            raise VerifyException("expected a fixed-point rounding, got f64 (use kernel.scale_f64)")
        if self.rounding.data is Rounding.F32:
            raise VerifyException("expected a fixed-point rounding, got f32 (multiply and round)")
        if self.accumulator.type != expected:
            raise VerifyException(
                f"expected an accumulator of type {expected} for {self.rounding.data} rounding, "
                f"got {self.accumulator.type}"
            )


@irdl_op_definition
class ScaleF64Op(IRDLOperation):
    """
    `round_half_away(double(accumulator) * multiplier)`, saturated to `i32`.

    ```mlir
    %y = kernel.scale_f64 %acc, %multiplier : i32
    ```
    """

    name = "kernel.scale_f64"

    accumulator = operand_def(eq(i32) | eq(i64))
    multiplier = operand_def(f64)
    result = result_def(i32)

    traits = traits_def(Pure())

    assembly_format = "$accumulator `,` $multiplier attr-dict `:` type($accumulator)"

    def __init__(self, accumulator: SSAValue, multiplier: SSAValue):
        super().__init__(operands=[accumulator, multiplier], result_types=[i32])


class Ties(StrEnum):
    """What rounding to the nearest integer does with a value half-way between two."""

    AWAY = "away"
    EVEN = "even"


@irdl_attr_definition
class TiesAttr(EnumAttribute[Ties], SpacedOpaqueSyntaxAttribute):
    """`#kernel<ties away>`; see `Ties`."""

    name = "kernel.ties"


@irdl_op_definition
class RoundOp(IRDLOperation):
    """
    The nearest integer of a float, saturated to `i32`; 0 for NaN.

    ```mlir
    %i = kernel.round %x, away : f32
    ```
    """

    name = "kernel.round"

    operand = operand_def(eq(f32) | eq(f64))
    ties = prop_def(TiesAttr)
    result = result_def(i32)

    traits = traits_def(Pure())

    assembly_format = "$operand `,` $ties attr-dict `:` type($operand)"

    def __init__(self, operand: SSAValue, ties: Ties):
        super().__init__(
            operands=[operand], properties={"ties": TiesAttr(ties)}, result_types=[i32]
        )


@irdl_op_definition
class FmodOp(IRDLOperation):
    """
    The remainder of the truncated quotient of floats, exactly: C's `fmod`.

    ```mlir
    %z = kernel.fmod %x, %y : f32
    ```
    """

    name = "kernel.fmod"

    T: ClassVar = VarConstraint("T", eq(f32) | eq(f64))

    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$lhs `,` $rhs attr-dict `:` type($result)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue):
        super().__init__(operands=[lhs, rhs], result_types=[lhs.type])


@irdl_op_definition
class SrdhmOp(IRDLOperation):
    """gemmlowp's saturating rounding doubling high multiplication."""

    name = "kernel.srdhm"

    lhs = operand_def(i32)
    rhs = operand_def(i32)
    result = result_def(i32)

    traits = traits_def(Pure())

    assembly_format = "$lhs `,` $rhs attr-dict"

    def __init__(self, lhs: SSAValue, rhs: SSAValue):
        super().__init__(operands=[lhs, rhs], result_types=[i32])


@irdl_op_definition
class RdbpOp(IRDLOperation):
    """gemmlowp's rounding division by a power of two, ties away from zero; exponent 0 to 31."""

    name = "kernel.rdbp"

    dividend = operand_def(i32)
    exponent = operand_def(i32)
    result = result_def(i32)

    traits = traits_def(Pure())

    assembly_format = "$dividend `,` $exponent attr-dict"

    def __init__(self, dividend: SSAValue, exponent: SSAValue):
        super().__init__(operands=[dividend, exponent], result_types=[i32])
