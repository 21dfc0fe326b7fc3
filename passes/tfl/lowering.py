"""
The table of rewrites from `tfl` to `nn`, and what a rewrite works with.

A rewrite is a function of one `tfl` operation that appends the `nn` ops of the same meaning and
returns their results. It is registered for its operation's class with `@rewrite`, and raises
`UnsupportedError` for what has no equivalent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    IntegerType,
    NoneType,
    Signedness,
    TensorType,
    f32,
)
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl.base import TflOp
from nnc.dialects.tfl.structure import PseudoConstOp
from nnc.dialects.types import Array, element_of, numpy_dtype, tensor_type
from nnc.dialects.utils import Rounding
from nnc.passes.diagnostics import place
from nnc.passes.nn_builder import NnBuilder, UnsupportedError
from nnc.passes.nn_variables import Variable, Variables

Numerics: TypeAlias = Literal["tflite", "tflm"]
"""Whose arithmetic is reproduced: the reference kernels of TFLite, or those of TFLite Micro."""

TflT = TypeVar("TflT", bound=TflOp)
Results: TypeAlias = SSAValue | Sequence[SSAValue]
Rewrite: TypeAlias = Callable[[TflT, "Lowering"], Results]

DOUBLE = RoundingAttr(Rounding.DOUBLE)
U8 = IntegerType(8, Signedness.UNSIGNED)

REWRITES: dict[type[TflOp], Rewrite[Any]] = {}
"""The rewrite of each supported `tfl` operation."""


def rewrite(*kinds: type[TflT]) -> Callable[[Rewrite[TflT]], Rewrite[TflT]]:
    """Registers a function as the rewrite of these operations."""

    def register(function: Rewrite[TflT]) -> Rewrite[TflT]:
        for kind in kinds:
            assert kind not in REWRITES, f"{kind.name} has two rewrites"
            REWRITES[kind] = function
        return function

    return register


class Lowering(NnBuilder):
    """
    The `nn` function under construction.

    `remarks` collects what a user must know of a model that compiles: cases in which the reference
    kernels are wrong or undefined, and what is done instead. `tensors` are the variables that have
    a value of their own, `named` those that handles name, `initial` what the latter start with.
    """

    def __init__(self, block: Block, numerics: Numerics):
        super().__init__(block)
        self.numerics: Numerics = numerics
        self.remarks: list[str] = []
        self.variables = Variables(block)
        self.tensors: dict[SSAValue, Variable] = {}
        self.named: dict[tuple[str, str], Variable] = {}
        self.initial: dict[tuple[str, str], Array] = {}
        self._values: dict[SSAValue, SSAValue] = {}

    @property
    def micro(self) -> bool:
        """Whether the arithmetic is that of TFLite Micro."""
        return self.numerics == "tflm"

    def bind(self, source: SSAValue, value: SSAValue) -> None:
        """Makes `value` stand for a value of the `tfl` function."""
        self._values[source] = value

    def value(self, source: SSAValue) -> SSAValue:
        """The `nn` value of an operand that the operation must have."""
        result = self.optional(source)
        if result is None:
            raise UnsupportedError("expected all operands, got one left out")
        return result

    def optional(self, source: SSAValue) -> SSAValue | None:
        """The `nn` value of an operand, None where the file leaves it out."""
        if isinstance(source.type, NoneType):
            return None
        if source not in self._values and isinstance(source.owner, PseudoConstOp):
            self._values[source] = self._import_constant(source.owner)
        return self._values[source]

    def values(self, sources: Sequence[SSAValue]) -> list[SSAValue]:
        """The `nn` values of a variadic operand."""
        return [self.value(source) for source in sources]

    def _import_constant(self, op: PseudoConstOp) -> SSAValue:
        location, self.location = self.location, op.location
        try:
            return self.constant(op.array, canonical_element(element_of(op.output)))
        except DiagnosticException as error:
            raise UnsupportedError(str(error)) from error
        finally:
            self.location = location

    def result(self, source: SSAValue, shape: Sequence[int]) -> TensorType[Attribute]:
        """
        The type of a result: the element type that the file gives it and a shape that was computed
        from the operands. Raises `UnsupportedError` where the file contradicts the shape.
        """
        given = tensor_type(source).get_shape()
        shape = tuple(int(extent) for extent in shape)
        known = [pair for pair in zip(given, shape, strict=False) if pair[0] != DYNAMIC_INDEX]
        # Converters leave the shape of a tensor that they cannot know empty.
        if given and (len(given) != len(shape) or any(a != b for a, b in known)):
            raise UnsupportedError(f"expected a result of shape {shape}, the file says {given}")
        if any(extent < 1 for extent in shape):
            raise UnsupportedError(f"expected a result with elements, got the shape {shape}")
        return TensorType(canonical_element(element_of(source)), shape)

    def like(self, source: SSAValue, value: SSAValue) -> TensorType[Attribute]:
        """`result` in the shape of a value."""
        return self.result(source, tensor_type(value).get_shape())

    def remark(self, text: str) -> None:
        """Notes something about the operation that is being rewritten, with its layer's name."""
        where = place(self.location)
        self.remarks.append(text if where is None else f"{where}: {text}")


def canonical_element(element: Attribute) -> Attribute:
    """
    The element type at the `nn` level. Raises `UnsupportedError` for types that it does not have.
    """
    try:
        numpy_dtype(element)
    except (KeyError, ValueError) as error:
        raise UnsupportedError(f"expected a numeric type, got {element}") from error
    return element


def is_float(value: SSAValue) -> bool:
    """Whether a tensor holds float32 numbers."""
    return element_of(value) == f32


def quantized(value: SSAValue, *widths: int) -> UniformQuantizedType:
    """
    The quantised per-tensor element type of a value, of one of these storage widths.

    Raises `UnsupportedError` for any other type.
    """
    element = element_of(value)
    expected = " or ".join(f"int{width}" for width in widths)
    if not isinstance(element, UniformQuantizedType):
        raise UnsupportedError(f"expected a quantised {expected} tensor, got {element}")
    if element.axis is not None:
        raise UnsupportedError("expected one scale for the whole tensor, got one for each channel")
    if element.storage.width.data not in widths:
        raise UnsupportedError(f"expected a quantised {expected} tensor, got {element.storage}")
    return element


def is_quantized(value: SSAValue) -> bool:
    """Whether a tensor has a quantised type."""
    return isinstance(element_of(value), UniformQuantizedType)


def bits(value: SSAValue) -> int:
    """The width of a stored integer."""
    element = element_of(value)
    if isinstance(element, UniformQuantizedType):
        return element.storage.width.data
    if isinstance(element, IntegerType):
        return element.width.data
    raise UnsupportedError(f"expected an integer tensor, got {element}")


def axes_of(values: Sequence[int], rank: int) -> list[int]:
    """Axes, negative ones counted from the end, as sorted and distinct ones of `rank` axes."""
    for axis in values:
        if not -rank <= axis < rank:
            raise UnsupportedError(f"expected an axis between {-rank} and {rank - 1}, got {axis}")
    return sorted({axis % rank for axis in values})


def axis_of(value: int, rank: int) -> int:
    """One axis of `rank`, a negative one counted from the end."""
    return axes_of([value], rank)[0]


def scalar_of(values: Array, what: str) -> int:
    """The one element of a constant, an integer."""
    if values.size != 1:
        raise UnsupportedError(f"expected {what} of one element, got {values.size}")
    if values.dtype.kind not in "iu":
        raise UnsupportedError(f"expected {what} that is an integer, got {values.dtype}")
    return int(np.ravel(values)[0])


def broadcast(*values: SSAValue) -> tuple[int, ...]:
    """The shape to which tensors stretch."""
    shapes = [tensor_type(value).get_shape() for value in values]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise UnsupportedError(f"expected shapes that broadcast, got {shapes}") from None


def check_type(element: Attribute, *plain: Attribute) -> None:
    """One of the plain element types. Raises `UnsupportedError`."""
    if element not in plain:
        expected = " or ".join(map(str, plain))
        raise UnsupportedError(f"expected elements of {expected}, got {element}")


def check_one_type(plain: Sequence[Attribute], widths: Sequence[int], *elements: Attribute) -> None:
    """
    All element types the same one of the plain types, or all quantised to one storage type of one
    of the widths, per tensor. Raises `UnsupportedError`.
    """
    storages = {
        element.storage if isinstance(element, UniformQuantizedType) else element
        for element in elements
    }
    kinds = {isinstance(element, UniformQuantizedType) for element in elements}
    if len(storages) > 1 or len(kinds) > 1:
        raise UnsupportedError(f"expected one type, got {', '.join(map(str, elements))}")
    for element in elements:
        if isinstance(element, UniformQuantizedType) and element.axis is not None:
            raise UnsupportedError("expected one scale for the whole tensor, got one per channel")
    first = elements[0]
    if isinstance(first, UniformQuantizedType):
        supported_type = first.storage.width.data in widths
        named = f"quantised {first.storage}"
    else:
        supported_type, named = first in plain, str(first)
    if supported_type:
        return
    supported = [*map(str, plain), *(f"quantised int{width}" for width in widths)]
    raise UnsupportedError(f"{named} is not supported", f"{', '.join(supported)} would be")
