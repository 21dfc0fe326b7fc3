"""
What a setting of a layer may be, read from JSON and held as a property.

Every kind of setting is one constraint, which also knows how a layer's `config` spells it. So a
layer's class lists its settings once, and neither the reader nor the verifier repeats them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from typing_extensions import TypeVar
from xdsl.dialects.builtin import (
    I64,
    BoolAttr,
    DenseArrayBase,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    f64,
    i1,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    AttrConstraint,
    IntConstraint,
    VerificationContext,
    opt_prop_def,
    prop_def,
)
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What a configuration consists of."""

Ints: TypeAlias = DenseArrayBase[I64]
Floats: TypeAlias = DenseArrayBase[Float64Type]
Int: TypeAlias = IntegerAttr[I64]
Real: TypeAlias = FloatAttr[Float64Type]

_LARGEST = 1 << 31


class OptionError(ValueError):
    """What a setting should have been, and what it is instead."""


class Option(AttrConstraint[Attribute]):
    """One kind of setting."""

    @abstractmethod
    def read(self, value: Json) -> Attribute:
        """The property for a value of the configuration. Raises OptionError."""

    @abstractmethod
    def accepts(self, attr: Attribute) -> bool:
        """Whether a property is of this kind."""

    @abstractmethod
    def __str__(self) -> str:
        """What is expected, for messages."""

    def verify(self, attr: Attribute, constraint_context: VerificationContext) -> None:
        if not self.accepts(attr):
            raise VerifyException(f"expected {self}, got {attr}")

    def mapping_type_vars(
        self, type_var_mapping: Mapping[TypeVar, AttrConstraint | IntConstraint]
    ) -> Option:
        return self

    def wrong(self, value: Json) -> OptionError:
        """The error about a value that is not of this kind."""
        text = repr(value)
        return OptionError(f"expected {self}, got {text if len(text) < 80 else text[:76] + '...'}")


class IntOption(Option):
    """A whole number; a list of one is that number."""

    def __str__(self) -> str:
        return "a whole number"

    def accepts(self, attr: Attribute) -> bool:
        return isa(attr, IntegerAttr) and attr.type == i64

    def read(self, value: Json) -> Attribute:
        numbers = list(_flat(value))
        if len(numbers) != 1:
            raise self.wrong(value)
        return IntegerAttr(_whole(self, numbers[0]), i64)


class FloatOption(Option):
    """A number."""

    def __str__(self) -> str:
        return "a number"

    def accepts(self, attr: Attribute) -> bool:
        return isa(attr, FloatAttr) and attr.type == f64

    def read(self, value: Json) -> Attribute:
        numbers = list(_flat(value))
        if len(numbers) != 1:
            raise self.wrong(value)
        return FloatAttr(_number(self, numbers[0]), f64)


class BoolOption(Option):
    """A truth value, which old files write as a number as well."""

    def __str__(self) -> str:
        return "true or false"

    def accepts(self, attr: Attribute) -> bool:
        return isa(attr, IntegerAttr) and attr.type == i1

    def read(self, value: Json) -> Attribute:
        if not isinstance(value, bool | int) or value not in (0, 1):
            raise self.wrong(value)
        return BoolAttr.from_bool(bool(value))


class IntsOption(Option):
    """Whole numbers; lists of lists become one list, and a number a list of one."""

    def __str__(self) -> str:
        return "whole numbers"

    def accepts(self, attr: Attribute) -> bool:
        return isinstance(attr, DenseArrayBase) and attr.elt_type == i64

    def read(self, value: Json) -> Attribute:
        return ints_attribute([_whole(self, number) for number in _flat(value)])


class OpenIntsOption(IntsOption):
    """Whole numbers, some of which are open: 0 stands for those."""

    def read(self, value: Json) -> Attribute:
        numbers = [0 if number is None else _whole(self, number) for number in _flat(value)]
        return ints_attribute(numbers)


class FloatsOption(Option):
    """Numbers; lists of lists become one list, and a number a list of one."""

    def __str__(self) -> str:
        return "numbers"

    def accepts(self, attr: Attribute) -> bool:
        return isinstance(attr, DenseArrayBase) and attr.elt_type == f64

    def read(self, value: Json) -> Attribute:
        return DenseArrayBase.from_list(f64, [_number(self, number) for number in _flat(value)])


@dataclass(frozen=True)
class TextOption(Option):
    """A text; one of `values` unless that is empty."""

    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}" if self.values else "a text"

    def accepts(self, attr: Attribute) -> bool:
        return isinstance(attr, StringAttr) and (not self.values or attr.data in self.values)

    def read(self, value: Json) -> Attribute:
        if not isinstance(value, str) or (self.values and value not in self.values):
            raise self.wrong(value)
        return StringAttr(value)


class FunctionOption(TextOption):
    """
    A function by its name: as a text, or as Keras 3 writes functions, `{"class_name": "function",
    "config": NAME}`. No function is `linear`.
    """

    def __str__(self) -> str:
        return "the name of a function"

    def read(self, value: Json) -> Attribute:
        if isinstance(value, dict) and value.get("class_name") == "function":
            value = value.get("config")
        if not isinstance(value, str | None):
            raise self.wrong(value)
        return StringAttr("linear" if value is None else value)


def _flat(value: Json) -> Iterator[Json]:
    """The numbers of nested lists, in order; of what Keras 2 writes for arrays as well."""
    if isinstance(value, dict) and value.get("class_name") in ("__tuple__", "__numpy__"):
        value = value.get("items", value.get("value"))
    if not isinstance(value, list):
        yield value
        return
    for part in value:
        yield from _flat(part)


def _whole(option: Option, value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise option.wrong(value)
    if not -_LARGEST <= value < _LARGEST:
        raise option.wrong(value)
    return int(value)


def _number(option: Option, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise option.wrong(value)
    return float(value)


INT, FLOAT, BOOL = IntOption(), FloatOption(), BoolOption()
INTS, FLOATS = IntsOption(), FloatsOption()


def ints_attribute(values: Sequence[int]) -> Ints:
    """Whole numbers as a property."""
    return DenseArrayBase.from_list(i64, list(values))


def int_option(default: int | None = None) -> Int:
    """A whole number; without a default it must be given."""
    value = None if default is None else IntegerAttr(default, i64)
    return prop_def(INT, default_value=value)  # pyright: ignore[reportReturnType]


def opt_int_option() -> Int | None:
    """A whole number, or none."""
    return opt_prop_def(INT)  # pyright: ignore[reportReturnType]


def float_option(default: float | None = None) -> Real:
    """A number; without a default it must be given."""
    value = None if default is None else FloatAttr(default, f64)
    return prop_def(FLOAT, default_value=value)  # pyright: ignore[reportReturnType]


def opt_float_option() -> Real | None:
    """A number, or none."""
    return opt_prop_def(FLOAT)  # pyright: ignore[reportReturnType]


def bool_option(default: bool = False) -> IntegerAttr[IntegerType]:
    """A truth value."""
    value = BoolAttr.from_bool(default)
    return prop_def(BOOL, default_value=value)  # pyright: ignore[reportReturnType]


def ints_option(*default: int) -> Ints:
    """Whole numbers; without a default they must be given."""
    value = ints_attribute(default) if default else None
    return prop_def(INTS, default_value=value)  # pyright: ignore[reportReturnType]


def opt_ints_option() -> Ints | None:
    """Whole numbers, or none."""
    return opt_prop_def(INTS)  # pyright: ignore[reportReturnType]


def opt_open_ints_option() -> Ints | None:
    """Whole numbers of which some may be open, or none."""
    return opt_prop_def(OpenIntsOption())  # pyright: ignore[reportReturnType]


def floats_option(*default: float) -> Floats:
    """Numbers; without a default they must be given."""
    value = DenseArrayBase.from_list(f64, default) if default else None
    return prop_def(FLOATS, default_value=value)  # pyright: ignore[reportReturnType]


def opt_floats_option() -> Floats | None:
    """Numbers, or none."""
    return opt_prop_def(FLOATS)  # pyright: ignore[reportReturnType]


def text_option(*values: str, default: str | None = None) -> StringAttr:
    """A text, one of `values` where there are any; without a default it must be given."""
    value = None if default is None else StringAttr(default)
    return prop_def(TextOption(values), default_value=value)  # pyright: ignore[reportReturnType]


def opt_text_option() -> StringAttr | None:
    """A text, or none."""
    return opt_prop_def(TextOption())  # pyright: ignore[reportReturnType]


def function_option(default: str = "linear") -> StringAttr:
    """A function, such as an activation, by its name."""
    value = StringAttr(default)
    return prop_def(FunctionOption(), default_value=value)  # pyright: ignore[reportReturnType]
