"""
What every importer into `nn` needs: building ops that know their layer, and folding constants.

Formats keep in operands what `nn` wants in attributes or types: shapes, axes, paddings, scales.
Such an operand is often computed (SHAPE, STRIDED_SLICE, PACK), so it is not looked up but
evaluated, by the reference semantics of the ops that compute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from xdsl.builder import Builder
from xdsl.dialects.builtin import (
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    LocationAttr,
    TensorType,
    UnitAttr,
    UnknownLoc,
    f32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import CastOp, ConstantOp, ReshapeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of

LARGEST_FOLD = 1 << 24
"""Elements of a constant computed at compile time; more than that is no shape arithmetic."""

OpT = TypeVar("OpT", bound=NnOp)


class UnsupportedError(Exception):
    """Why an operator cannot be imported, and what would work instead."""

    def __init__(self, reason: str, remedy: str | None = None):
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def integers(values: Sequence[int]) -> DenseArrayBase[Any]:
    """A list of integers as an attribute."""
    return DenseArrayBase.from_list(i64, list(values))


def integer(value: int) -> IntegerAttr[Any]:
    """A 64-bit integer attribute."""
    return IntegerAttr(value, i64)


def real(value: float) -> FloatAttr[Any]:
    """A float32 attribute."""
    return FloatAttr(value, f32)


def flag(value: bool) -> UnitAttr | None:
    """A flag attribute, absent where it is not set."""
    return UnitAttr() if value else None


def make(
    kind: type[OpT],
    operands: Sequence[SSAValue | Sequence[SSAValue] | None],
    *results: Attribute,
    **properties: Attribute | None,
) -> OpT:
    """
    An op that is not yet in a block. None as an operand or as a property leaves out what is
    optional; a variadic operand is a sequence.
    """
    given = {name: value for name, value in properties.items() if value is not None}
    return kind.build(operands=operands, properties=given, result_types=results)


class NnBuilder:
    """Appends `nn` ops to a block; each gets the location of the layer that is being imported."""

    def __init__(self, block: Block):
        self.block = block
        self.location: LocationAttr = UnknownLoc()
        self.inserted = 0
        """How many operations there have been."""

        self._builder = Builder(InsertPoint.at_end(block))
        self._folded: dict[SSAValue, Array | None] = {}

    def insert(self, op: Operation) -> Operation:
        """Appends an operation."""
        op.location = self.location
        self.inserted += 1
        return self._builder.insert(op)

    def op(
        self,
        kind: type[OpT],
        operands: Sequence[SSAValue | Sequence[SSAValue] | None],
        *results: Attribute,
        **properties: Attribute | None,
    ) -> SSAValue:
        """`make`s an op, appends it and gives its first result."""
        op = make(kind, operands, *results, **properties)
        return self.insert(op).results[0]

    def constant(self, values: Array, element: Attribute) -> SSAValue:
        """A constant of an element type, from stored values of its `numpy_dtype`."""
        return self.insert(ConstantOp.of(values, element)).results[0]

    def full(self, kind: TensorType[Attribute], value: float) -> SSAValue:
        """A constant of one value in all elements, as stored."""
        element = kind.element_type
        return self.constant(np.full(kind.get_shape(), value, numpy_dtype(element)), element)

    def reshape(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        """The value in another shape; itself where that is its shape already."""
        if tuple(shape) == shape_of(value):
            return value
        return self.op(ReshapeOp, [value], TensorType(element_of(value), list(shape)))

    def stored_as(self, value: SSAValue, element: Attribute) -> SSAValue:
        """The stored values as those of another element type of the same width."""
        if element_of(value) == element:
            return value
        kind = TensorType(element, shape_of(value))
        if isinstance(value.owner, ConstantOp):
            constant = self.insert(ConstantOp.of(value.owner.values, element))
            constant.location = value.owner.location
            return constant.results[0]
        return self.op(CastOp, [value], kind)

    def stored(self, value: SSAValue) -> SSAValue:
        """The stored integers of a quantised tensor; any other tensor as it is."""
        element = element_of(value)
        if not isinstance(element, UniformQuantizedType):
            return value
        return self.stored_as(value, element.storage)

    def folded(self, value: SSAValue) -> Array | None:
        """The stored values of a tensor, or None where they are not known at compile time."""
        # Chains of ops may be longer than Python's stack is deep.
        pending = [value]
        while pending:
            current = pending[-1]
            if current in self._folded:
                pending.pop()
                continue
            unseen = [it for it in self._sources(current) if it not in self._folded]
            if unseen:
                pending += unseen
            else:
                self._folded[current] = self._fold(current)
        return self._folded[value]

    def _sources(self, value: SSAValue) -> Sequence[SSAValue]:
        """What a value is computed from, if it may be folded."""
        op = value.owner
        large = np.prod(shape_of(value), dtype=np.int64) > LARGEST_FOLD
        return op.operands if isinstance(op, NnOp) and not large else ()

    def _fold(self, value: SSAValue) -> Array | None:
        """A value whose sources have been folded."""
        op = value.owner
        if isinstance(op, ConstantOp):
            return op.values
        if not isinstance(op, NnOp) or (not self._sources(value) and op.operands):
            return None
        operands = [self._folded[operand] for operand in op.operands]
        known = [operand for operand in operands if operand is not None]
        if len(known) != len(operands):
            return None
        results: dict[SSAValue, Array] = dict(zip(op.results, op.evaluate(*known), strict=True))
        return results[value]

    def known(self, value: SSAValue, what: str) -> Array:
        """The stored values of an operand; raises `UnsupportedError` where they are not known."""
        result = self.folded(value)
        if result is None:
            raise UnsupportedError(
                f"expected {what} to be a constant, got a value computed at run time",
                "a model whose shapes and axes are fixed works",
            )
        return result

    def known_ints(self, value: SSAValue, what: str) -> list[int]:
        """
        `known` of an integer tensor of any rank, as a flat list. Raises `UnsupportedError` for
        other numbers as well.
        """
        numbers = self.known(value, what)
        if numbers.dtype.kind not in "iu":
            raise UnsupportedError(f"expected {what} to be integers, got {element_of(value)}")
        return [int(number) for number in numbers.ravel()]

    def drop_unused(self) -> None:
        """Erases the ops whose results nobody uses, such as shape arithmetic."""
        for op in reversed(list(self.block.ops)):
            used = any(result.first_use is not None for result in op.results)
            if not used and isinstance(op, NnOp | ConstantOp):
                op.detach()
                op.erase()
