"""
What the operations of the `tfl` dialect share: operand constraints, options, and the textual form.

TFLite's operators differ in their options and in the number of their operands, hardly in anything
else, so one assembly format serves them all and an operation's class only names its parts.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, TypeAlias

from typing_extensions import TypeVar
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    I32,
    I64,
    BoolAttr,
    BytesAttr,
    DenseArrayBase,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    NoneType,
    StringAttr,
    TensorType,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AttrConstraint,
    IntConstraint,
    IRDLOperation,
    OperandDef,
    ParsePropInAttrDict,
    VarOperandDef,
    VerificationContext,
    base,
    prop_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

AnyTensor: TypeAlias = TensorType[Attribute]

TENSOR = base(TensorType[Attribute])
"""A tensor; its dimensions may be unknown."""

OPTIONAL_TENSOR = base(TensorType[Attribute]) | base(NoneType)
"""A tensor, or the result of `tfl.no_value` where the file leaves an operand out."""


@dataclass(frozen=True)
class OneOf(AttrConstraint[StringAttr]):
    """A string that names one value of an enumeration of the TFLite schema."""

    values: tuple[str, ...]

    def verify(self, attr: Attribute, constraint_context: VerificationContext) -> None:
        if not isinstance(attr, StringAttr) or attr.data not in self.values:
            raise VerifyException(f"expected one of {', '.join(self.values)}, got {attr}")

    def mapping_type_vars(
        self, type_var_mapping: Mapping[TypeVar, AttrConstraint | IntConstraint]
    ) -> OneOf:
        return self


PADDING = OneOf(("SAME", "VALID"))
ACTIVATION = OneOf(("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"))
WEIGHTS_FORMAT = OneOf(("DEFAULT", "SHUFFLED4x16INT8"))
LSTM_KERNEL = OneOf(("FULL", "BASIC"))
MIRROR_PAD_MODE = OneOf(("REFLECT", "SYMMETRIC"))
REDUCE_WINDOW_FUNCTION = OneOf(("UNSUPPORTED", "ADD", "MUL", "MINIMUM", "MAXIMUM", "ALL", "ANY"))
TENSOR_TYPE = OneOf(
    (
        *("FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16"),
        *("COMPLEX64", "INT8", "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE", "VARIANT"),
        *("UINT32", "UINT16", "INT4", "BFLOAT16", "INT2", "UINT4"),
        *("FLOAT8_E4M3FN", "FLOAT8_E5M2"),
    )
)


def int_option(default: int | None = None) -> IntegerAttr[I32]:
    """A 32-bit option; without a default it must be given."""
    value = None if default is None else IntegerAttr(default, i32)
    return prop_def(IntegerAttr[I32], default_value=value)


def long_option() -> IntegerAttr[I64]:
    """A 64-bit option, 0 unless given."""
    return prop_def(IntegerAttr[I64], default_value=IntegerAttr(0, i64))


def float_option(default: float | None = None) -> FloatAttr[Float32Type]:
    """A float32 option; without a default it must be given."""
    value = None if default is None else FloatAttr(default, f32)
    return prop_def(FloatAttr[Float32Type], default_value=value)


def bool_option(default: bool = False) -> BoolAttr:
    """A flag."""
    return prop_def(BoolAttr, default_value=BoolAttr.from_bool(default))


def enum_option(values: OneOf, default: str | None = None) -> StringAttr:
    """A value of one of the schema's enumerations, by its name there."""
    return prop_def(values, default_value=None if default is None else StringAttr(default))


def string_option() -> StringAttr:
    """A string, empty unless given."""
    return prop_def(StringAttr, default_value=StringAttr(""))


def ints_option() -> DenseArrayBase[I32]:
    """A list of 32-bit integers, empty unless given."""
    return prop_def(
        DenseArrayBase[I32].constr(i32), default_value=DenseArrayBase(i32, BytesAttr(b""))
    )


def floats_option() -> DenseArrayBase[Float32Type]:
    """A list of float32 numbers, empty unless given."""
    return prop_def(
        DenseArrayBase[Float32Type].constr(f32), default_value=DenseArrayBase(f32, BytesAttr(b""))
    )


def activation_option() -> StringAttr:
    """The activation applied to the result, `"NONE"` unless given."""
    return enum_option(ACTIVATION, "NONE")


class TflOp(IRDLOperation, ABC):
    """
    A TFLite operator: tensors in, tensors out, options as properties under the schema's names.

    ```mlir
    %y = tfl.softmax %x {beta = 1.0 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```

    An option that has its schema default is not printed. Integer and floating-point options
    without a useful default must be given.
    """

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format: ClassVar[str | None] = (
        "operands attr-dict `:` functional-type(operands, results)"
    )
    traits = traits_def(Pure())


def shape_of(value: SSAValue) -> tuple[int, ...] | None:
    """The dimensions of a tensor (`DYNAMIC_INDEX` where unknown), None for a left-out operand."""
    return value.type.get_shape() if isa(value.type, AnyTensor) else None


def check_rank(what: str, value: SSAValue, ranks: Sequence[int]) -> None:
    """A tensor with one of these ranks; a left-out operand passes. Raises VerifyException."""
    shape = shape_of(value)
    if shape is not None and len(shape) not in ranks:
        expected = " or ".join(str(rank) for rank in ranks)
        raise VerifyException(f"expected {what} of rank {expected}, got {value.type}")


def check_dimension(what: str, value: SSAValue, axis: int, expected: int) -> None:
    """A dimension that must have a certain size, where both are known. Raises VerifyException."""
    shape = shape_of(value)
    if shape is None or DYNAMIC_INDEX in (shape[axis], expected):
        return
    if shape[axis] != expected:
        raise VerifyException(
            f"expected {what} with {expected} in dimension {axis}, got {value.type}"
        )


def check_positive(**options: IntegerAttr[I32]) -> None:
    """Options that must be at least 1. Raises VerifyException."""
    for name, option in options.items():
        if option.value.data < 1:
            raise VerifyException(f"expected {name} of at least 1, got {option.value.data}")


def check_axis(axis: int, value: SSAValue, *, extra: int = 0) -> None:
    """An axis within a tensor's rank (plus `extra`), negative ones counting from the end."""
    shape = shape_of(value)
    rank = (len(shape) if shape is not None else 0) + extra
    if not -rank <= axis < rank:
        raise VerifyException(f"expected an axis between {-rank} and {rank - 1}, got {axis}")


def is_broadcast(target: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether `shape` stretches to `target` under numpy's rule; unknown dimensions fit anything."""
    if len(shape) > len(target):
        return False
    tail = target[len(target) - len(shape) :]
    return all(s in (1, t) or DYNAMIC_INDEX in (s, t) for s, t in zip(shape, tail, strict=True))


def check_broadcast(output: SSAValue, **inputs: SSAValue) -> None:
    """Operands that stretch to the result's shape. Raises VerifyException."""
    target = shape_of(output)
    if target is None:
        return
    for name, value in inputs.items():
        shape = shape_of(value)
        if shape is not None and not is_broadcast(target, shape):
            raise VerifyException(
                f"expected {name} to broadcast to {output.type}, got {value.type}"
            )


def check_same_shape(what: str, left: SSAValue, right: SSAValue) -> None:
    """Two tensors whose known dimensions agree. Raises VerifyException."""
    a, b = shape_of(left), shape_of(right)
    if a is None or b is None:
        return
    if len(a) != len(b) or any(
        x != y and DYNAMIC_INDEX not in (x, y) for x, y in zip(a, b, strict=True)
    ):
        raise VerifyException(f"expected {what} of the same shape, got {left.type}, {right.type}")


def element_count(value: SSAValue) -> int | None:
    """The number of elements of a tensor, None when a dimension is unknown."""
    shape = shape_of(value)
    if shape is None or DYNAMIC_INDEX in shape:
        return None
    count = 1
    for size in shape:
        count *= size
    return count


def check_same_count(left: SSAValue, right: SSAValue) -> None:
    """Two tensors of as many elements, where both are known. Raises VerifyException."""
    a, b = element_count(left), element_count(right)
    if a is not None and b is not None and a != b:
        raise VerifyException(f"expected as many elements, got {left.type} and {right.type}")


@cache
def operand_rules(operation: type[TflOp]) -> tuple[tuple[str, bool, bool], ...]:
    """The operands of an operation: name, whether it may have no value, whether it may repeat."""
    return tuple(
        (name, _accepts(definition, NoneType()), isinstance(definition, VarOperandDef))
        for name, definition in operation.get_irdl_definition().operands
    )


def _accepts(definition: OperandDef, type: Attribute) -> bool:
    try:
        definition.constr.verify((type,), VerificationContext())
    except VerifyException:
        return False
    return True
