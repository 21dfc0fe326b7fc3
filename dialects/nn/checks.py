"""
What the verifiers of `nn` ops ask for, in words that a reader of MLIR text understands.

Importers check before they build; these checks are for text, and for passes that go wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Flag, auto

import numpy as np
from xdsl.dialects.builtin import Float16Type, Float32Type, Float64Type, IntegerType
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BinType, element_of, is_unsigned, shape_of
from nnc.dialects.utils import Rounding


class Kind(Flag):
    """
    Families of element types. `INTEGER` is not quantised, `I1` apart; numbers of 4 bits are stored
    and moved, but computed with as weights only, and unsigned ones of 32 bits not at all.
    """

    F32 = auto()
    I1 = auto()
    INTEGER = auto()
    QUANTIZED_4 = auto()
    QUANTIZED_8 = auto()
    QUANTIZED_16 = auto()
    BINARY = auto()
    QUANTIZED = QUANTIZED_8 | QUANTIZED_16
    NUMBER = F32 | INTEGER | QUANTIZED

    def __str__(self) -> str:
        return " or ".join(_NAMES[kind] for kind in Kind if kind in self and kind in _NAMES)


_NAMES = {
    Kind.F32: "f32",
    Kind.I1: "i1",
    Kind.INTEGER: "integers",
    Kind.QUANTIZED_4: "4 quantised bits",
    Kind.QUANTIZED_8: "8 quantised bits",
    Kind.QUANTIZED_16: "16 quantised bits",
    Kind.BINARY: "!nn.bin",
}


def kind_of(element: Attribute) -> Kind | None:
    """The family of an element type, None where it belongs to none."""
    match element:
        case Float32Type():
            return Kind.F32
        case BinType():
            return Kind.BINARY
        case IntegerType() if element.width.data == 1:
            return Kind.I1
        case IntegerType() if element.width.data > 16 and is_unsigned(element):
            return None
        case IntegerType() if element.width.data >= 8:
            return Kind.INTEGER
        case UniformQuantizedType() if element.storage.width.data == 4:
            return Kind.QUANTIZED_4
        case UniformQuantizedType() if element.storage.width.data == 8:
            return Kind.QUANTIZED_8
        case UniformQuantizedType() if element.storage.width.data == 16:
            return Kind.QUANTIZED_16
        case _:
            return None


def check_kind(what: str, value: SSAValue, allowed: Kind) -> None:
    """
    An element type of these families. Raises VerifyException, except for types that the contract of
    the level (`nn-verify-contract`) refuses with better words: other floats, and binary values.
    """
    element = element_of(value)
    if isinstance(element, BinType | Float16Type | Float64Type):
        return
    kind = kind_of(element)
    if kind is None or kind not in allowed:
        wide = Kind.INTEGER in allowed and isinstance(element, IntegerType) and kind is None
        hint = " (unsigned ones have at most 16 bits)" if wide else ""
        raise VerifyException(f"expected {what} of {allowed}{hint}, got {value.type}")


def check_element(what: str, value: SSAValue, element: Attribute) -> None:
    """One element type and no other. Raises VerifyException."""
    if element_of(value) != element:
        raise VerifyException(f"expected {what} of {element}, got {value.type}")


def check_rounding(rounding: Rounding | None, *more: Rounding) -> None:
    """
    A rounding of 32-bit numbers, where there is one, or one of `more`. Raises VerifyException.
    """
    allowed = (Rounding.DOUBLE, Rounding.SINGLE, *more)
    if rounding is not None and rounding not in allowed:
        expected = " or ".join(str(it) for it in allowed)
        raise VerifyException(f"expected a rounding of {expected}, got {rounding}")


def check_same_element(what: str, value: SSAValue, model: SSAValue) -> None:
    """The element type of another value. Raises VerifyException."""
    if element_of(value) != element_of(model):
        raise VerifyException(f"expected {what} of {element_of(model)}, got {element_of(value)}")


def check_same_kind(what: str, value: SSAValue, model: SSAValue) -> None:
    """The element type of another value, but for scale and zero point. Raises VerifyException."""
    one, other = element_of(value), element_of(model)
    if isinstance(one, UniformQuantizedType) and isinstance(other, UniformQuantizedType):
        one, other = one.storage, other.storage
        if one == other:
            return
    elif one == other:
        return
    raise VerifyException(f"expected {what} like {model.type}, got {value.type}")


def check_rank(what: str, value: SSAValue, rank: int) -> None:
    """So many axes. Raises VerifyException."""
    if len(shape_of(value)) != rank:
        raise VerifyException(f"expected {what} of rank {rank}, got {value.type}")


def check_axis(axis: int, rank: int) -> None:
    """An axis of so many. Raises VerifyException."""
    if not 0 <= axis < rank:
        raise VerifyException(f"expected an axis below {rank}, got {axis}")


def check_shape(what: str, value: SSAValue, shape: Sequence[int]) -> None:
    """The given shape. Raises VerifyException."""
    if shape_of(value) != tuple(shape):
        raise VerifyException(f"expected {what} of shape {tuple(shape)}, got {shape_of(value)}")


def check_output(output: SSAValue, shape: Sequence[int]) -> None:
    """A result of the given shape. Raises VerifyException."""
    check_shape("an output", output, shape)


def broadcast_shape(operands: Sequence[SSAValue]) -> tuple[int, ...]:
    """The shape to which operands stretch. Raises VerifyException."""
    return broadcast_shapes([shape_of(operand) for operand in operands])


def broadcast_shapes(shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The shape to which shapes stretch. Raises VerifyException."""
    try:
        return np.broadcast_shapes(*(tuple(shape) for shape in shapes))
    except ValueError:
        listed = [tuple(shape) for shape in shapes]
        raise VerifyException(f"expected shapes that broadcast, got {listed}") from None
