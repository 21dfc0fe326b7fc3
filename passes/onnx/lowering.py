"""
The table of rewrites from `onnx` to `nn`, and what a rewrite works with.

A rewrite is a function of one `Node` that appends the `nn` ops of the same meaning and returns
their results. It is registered for its operators with `@rewrite`, and raises `UnsupportedError` for
what has no equivalent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol, TypeAlias

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    I64,
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    NoneType,
    StringAttr,
    TensorType,
    UnrankedTensorType,
    f32,
    f64,
    i32,
)
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.utils.exceptions import DiagnosticException
from xdsl.utils.hints import isa

from nnc.dialects.nn.conversion import DequantizeOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.onnx.base import OnnxOp, StringType
from nnc.dialects.onnx.structure import ConstantOp as SourceConstantOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, dense_values, element_of, shape_of
from nnc.passes.diagnostics import place
from nnc.passes.nn_builder import NnBuilder, UnsupportedError, integers

Results: TypeAlias = SSAValue | Sequence[SSAValue]
Rewrite: TypeAlias = Callable[["Node", "Lowering"], Results]

LARGEST_RESULT = 1 << 26
"""Elements of the largest tensor that a network may make."""

REWRITES: dict[str, Rewrite] = {}
"""The rewrite of each supported operator, by its name."""


KEEPS_QUANTIZATION = frozenset(
    (
        *("DequantizeLinear", "Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose"),
        *("QLinearAdd", "QLinearConcat", "QLinearConv", "QLinearLeakyRelu", "QLinearMatMul"),
        *("QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "Unsqueeze", "QGemm"),
        *("QLinearAveragePool", "QLinearGlobalAveragePool"),
    )
)
"""The operators that may get operands of quantised types; others get the stored integers."""


TAKES_TEXTS = frozenset(
    (
        *("ArrayFeatureExtractor", "Concat", "Equal", "Expand", "Flatten", "Gather", "Identity"),
        *("Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where"),
        *("CategoryMapper", "LabelEncoder", "OneHotEncoder"),
    )
)
"""The operators that may get texts, as their numbers in a list that all texts of a node share."""


def rewrite(*operators: str) -> Callable[[Rewrite], Rewrite]:
    """Registers a function as the rewrite of these operators."""

    def register(function: Rewrite) -> Rewrite:
        for operator in operators:
            assert operator not in REWRITES, f"{operator} has two rewrites"
            REWRITES[operator] = function
        return function

    return register


class Inline(Protocol):
    """Rewrites the ops of a graph inside a node."""

    def __call__(
        self, block: Block, arguments: Sequence[SSAValue], turn: int = 0
    ) -> list[SSAValue]:
        """
        The outputs of a graph for these inputs; `turn` tells the layers of a loop's turns apart.

        Raises `ReportedError` where something in it is not supported.
        """
        ...


class ReportedError(UnsupportedError):
    """Something inside a node is not supported, and that has been reported."""


class Lowering(NnBuilder):
    """
    The `nn` function under construction.

    `remarks` collects what a user must know of a model that compiles.
    """

    def __init__(self, block: Block, inline: Inline):
        super().__init__(block)
        self.inline = inline
        self.remarks: list[str] = []
        self.names: dict[SSAValue, tuple[str, ...]] = {}
        """Of values of the `onnx` function that hold texts: the texts that their numbers mean."""

        self.classes: dict[SSAValue, tuple[str, ...]] = {}
        """Of values of the `onnx` function with scores along the last axis: the classes' labels."""

        self._values: dict[SSAValue, SSAValue] = {}

    def bind(self, source: SSAValue, value: SSAValue) -> None:
        """Makes `value` stand for a value of the `onnx` function."""
        self._values[source] = value

    def value(self, source: SSAValue) -> SSAValue | None:
        """The `nn` value of an operand, None where the file leaves it out."""
        if isinstance(source.type, NoneType):
            return None
        if source not in self._values and isinstance(source.owner, SourceConstantOp):
            self._values[source] = self._import_constant(source.owner)
        return self._values[source]

    def _import_constant(self, op: SourceConstantOp) -> SSAValue:
        location, self.location = self.location, op.location
        try:
            if op.strings is not None:
                names, numbers = numbered(op.strings)
                self.names[op.output] = names
                return self.constant(numbers.reshape(shape_of(op.output)), i32)
            return self.constant(op.array, element_of(op.output))
        except DiagnosticException as error:
            raise UnsupportedError(str(error)) from error
        finally:
            self.location = location

    def remark(self, text: str) -> None:
        """Notes something about the operation that is being rewritten, with its layer's name."""
        where = place(self.location)
        self.remarks.append(text if where is None else f"{where}: {text}")

    def numbers(self, values: Array | Sequence[float] | float) -> SSAValue:
        """A float32 constant."""
        return self.constant(np.asarray(values, np.float32), f32)

    def transposed(self, value: SSAValue, permutation: Sequence[int]) -> SSAValue:
        """
        Axis i of the result is axis `permutation[i]`. Of constants it is computed, and a reshape
        where only axes of extent 1 move.
        """
        shape = shape_of(value)
        extents = [shape[axis] for axis in permutation]
        stored = value.owner.input if isinstance(value.owner, DequantizeOp) else None
        if stored is not None and self.folded(stored) is not None:
            # Weights stay quantised; the axis of their scales moves along.
            moved = self.transposed(self.stored_as(stored, _without_axis(stored)), permutation)
            kind = _with_axis(element_of(stored), permutation)
            return self.op(DequantizeOp, [self.stored_as(moved, kind)], TensorType(f32, extents))
        known = self.folded(value)
        if known is not None:
            values = np.ascontiguousarray(known.transpose(permutation))
            return self.constant(values, _with_axis(element_of(value), permutation))
        moving = [axis for axis in permutation if shape[axis] > 1]
        if moving == sorted(moving):
            return self.reshape(value, extents)
        kind = TensorType(_with_axis(element_of(value), permutation), extents)
        return self.op(TransposeOp, [value], kind, permutation=integers(permutation))

    def reshape(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        """The value in another shape; quantised constants stay such."""
        stored = value.owner.input if isinstance(value.owner, DequantizeOp) else None
        known = None if stored is None else self.folded(stored)
        if stored is None or known is None or tuple(shape) == shape_of(value):
            return super().reshape(value, shape)
        kind = element_of(stored)
        axis = kind.axis if isinstance(kind, UniformQuantizedType) else None
        if axis is not None and shape_of(value)[: axis + 1] != tuple(shape[: axis + 1]):
            return super().reshape(value, shape)
        codes = self.constant(known.reshape(shape), kind)
        return self.op(DequantizeOp, [codes], TensorType(f32, list(shape)))

    def channels_last(self, value: SSAValue) -> SSAValue:
        """[N, C, spatial...] as [N, spatial..., C]."""
        rank = len(shape_of(value))
        return self.transposed(value, [0, *range(2, rank), 1])

    def channels_first(self, value: SSAValue) -> SSAValue:
        """[N, spatial..., C] as [N, C, spatial...]."""
        rank = len(shape_of(value))
        return self.transposed(value, [0, rank - 1, *range(1, rank - 1)])


def numbered(strings: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """The different ones of some texts, and for each text its int32 number among them."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(strings))}
    return tuple(numbers), np.asarray([numbers[text] for text in strings], np.int32)


def _without_axis(value: SSAValue) -> Attribute:
    """The storage type of a quantised tensor."""
    element = element_of(value)
    return element.storage if isinstance(element, UniformQuantizedType) else element


def _with_axis(element: Attribute, permutation: Sequence[int]) -> Attribute:
    """A quantised type whose axis is where a permutation puts it."""
    if not isinstance(element, UniformQuantizedType) or element.axis is None:
        return element
    axis = list(permutation).index(element.axis)
    return UniformQuantizedType.per_axis(element.storage, axis, element.scales, element.zero_points)


@dataclass(frozen=True)
class Node:
    """An operator of the model, with the `nn` values of its operands."""

    op: OnnxOp
    lowering: Lowering

    @property
    def operator(self) -> str:
        """The operator's name."""
        return self.op.operator

    @property
    def since(self) -> int:
        """The version of the operator set that this form of the operator is from."""
        return self.op.since.value.data

    def optional(self, number: int) -> SSAValue | None:
        """An operand, None where it is left out."""
        if number >= len(self.op.operands):
            return None
        value = self.lowering.value(self.op.operands[number])
        if value is None or self.operator in KEEPS_QUANTIZATION:
            return value
        if element_of(value) == f64 and self.operator not in ("Cast", "CastLike", "Range"):
            # What is in double precision is computed in float32: see `single`.
            known = self.lowering.folded(value)
            if known is None:
                raise UnsupportedError(
                    "inputs in double precision are not supported",
                    "a model that takes float32 works",
                )
            return self.lowering.numbers(known)
        return self.lowering.stored(value)

    def value(self, number: int) -> SSAValue:
        """An operand that the operation must have."""
        result = self.optional(number)
        if result is None:
            name = self.op.SIGNATURE.operands[number].name
            raise UnsupportedError(f"expected its operand {name}, got none")
        return result

    def values(self) -> list[SSAValue]:
        """All operands, none of them left out."""
        return [self.value(number) for number in range(len(self.op.operands))]

    def ints_or_operand(self, name: str, number: int) -> list[int] | None:
        """A list of integers that old versions have as an attribute and new ones as an operand."""
        given = self.ints(name)
        if given is not None:
            return given
        operand = self.optional(number)
        return None if operand is None else self.lowering.known_ints(operand, f"its {name}")

    def has(self, name: str) -> bool:
        """Whether an attribute is there."""
        return name in self.op.properties

    def int(self, name: str, default: int = 0) -> int:
        """An integer attribute; `default` where it is left out and has no default."""
        attribute = self.op.properties.get(name)
        return int(attribute.value.data) if isinstance(attribute, IntegerAttr) else default

    def float(self, name: str, default: float = 0.0) -> float:
        """A float attribute; `default` where it is left out and has no default."""
        attribute = self.op.properties.get(name)
        return float(attribute.value.data) if isinstance(attribute, FloatAttr) else default

    def string(self, name: str, default: str = "") -> str:
        """A string attribute; `default` where it is left out and has no default."""
        attribute = self.op.properties.get(name)
        return attribute.data if isinstance(attribute, StringAttr) else default

    def ints(self, name: str) -> list[int] | None:
        """A list of integers, None where it is left out."""
        attribute = self.op.properties.get(name)
        if not isa(attribute, DenseArrayBase[I64]):
            return None
        return list(attribute.get_values())

    def floats(self, name: str) -> list[float] | None:
        """A list of numbers, None where it is left out."""
        attribute = self.op.properties.get(name)
        if not isa(attribute, DenseArrayBase[Float32Type]):
            return None
        return list(attribute.get_values())

    def strings(self, name: str) -> list[str] | None:
        """A list of strings, None where it is left out."""
        attribute = self.op.properties.get(name)
        if not isinstance(attribute, ArrayAttr):
            return None
        return [entry.data for entry in attribute if isinstance(entry, StringAttr)]

    def tensor(self, name: str) -> Array | None:
        """The values of a tensor attribute, None where it is left out."""
        attribute = self.op.properties.get(name)
        if not isinstance(attribute, DenseIntOrFPElementsAttr):
            return None
        return dense_values(attribute, attribute.type)

    def wanted(self, number: int) -> bool:
        """Whether anybody uses a result."""
        results = self.op.results
        return number < len(results) and results[number].first_use is not None

    def result(self, shape: Sequence[int], number: int = 0) -> TensorType[Attribute]:
        """
        The type of a result: the element type that it has (i32 for texts, which become numbers)
        and a shape that was computed from the operands. Raises `UnsupportedError` where the file
        contradicts the shape.
        """
        kind = self.op.results[number].type
        assert isinstance(kind, TensorType | UnrankedTensorType)
        shape = tuple(int(extent) for extent in shape)
        if any(extent < 0 for extent in shape) or prod(shape) > LARGEST_RESULT:
            raise UnsupportedError(f"expected a result that fits into memory, got {shape}")
        if isinstance(kind, TensorType):
            given = kind.get_shape()
            pairs = zip(given, shape, strict=False)
            if len(given) != len(shape) or any(a not in (DYNAMIC_INDEX, b) for a, b in pairs):
                raise UnsupportedError(f"expected a result of shape {shape}, got {given}")
        return TensorType(i32 if holds_texts(kind) else single(kind.element_type), shape)

    def like(self, value: SSAValue, number: int = 0) -> TensorType[Attribute]:
        """`result` in the shape of a value."""
        return self.result(shape_of(value), number)


def holds_texts(kind: Attribute) -> bool:
    """Whether the elements of an `onnx` type are texts."""
    return isinstance(kind, TensorType | UnrankedTensorType) and isinstance(
        kind.element_type, StringType
    )


def single(element: Attribute) -> Attribute:
    """
    The element type in which numbers of one are computed. Cores have no double precision, so what a
    model computes in it between float32 numbers is computed in float32, with a remark.
    """
    return f32 if element == f64 else element


def is_double(value: SSAValue) -> bool:
    """Whether a value of the `onnx` function, of known rank or not, is in double precision."""
    kind = value.type
    return isinstance(kind, TensorType | UnrankedTensorType) and kind.element_type == f64


def axes_of(values: Sequence[int], rank: int) -> list[int]:
    """Axes, negative ones counted from the end, as sorted and distinct ones of `rank` axes."""
    for axis in values:
        if not -rank <= axis < rank:
            raise UnsupportedError(f"expected an axis between {-rank} and {rank - 1}, got {axis}")
    return sorted({axis % rank for axis in values})


def axis_of(value: int, rank: int) -> int:
    """One axis of `rank`, a negative one counted from the end."""
    return axes_of([value], rank)[0]


def broadcast(*values: SSAValue) -> tuple[int, ...]:
    """The shape to which tensors stretch."""
    shapes = [shape_of(value) for value in values]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise UnsupportedError(f"expected shapes that broadcast, got {shapes}") from None
