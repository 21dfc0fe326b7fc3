"""What the patterns share: what stands before and behind a float op, and bounds in stored units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, f32
from xdsl.ir import Attribute, Operation, SSAValue

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import (
    ClampOp,
    ConstantOp,
    DequantizeOp,
    QuantizeOp,
    RequantizeOp,
    ReshapeOp,
)
from nnc.dialects.nn.fixed_point import activation_bounds
from nnc.dialects.nn.movement import (
    BroadcastToOp,
    GatherOp,
    MirrorPadOp,
    SliceOp,
    TileOp,
    TransposeOp,
)
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.nn.reduction import ReduceMaxOp, ReduceMinOp
from nnc.dialects.nn.resize import ResizeNearestOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import flag, integer, make
from nnc.passes.qdq.contract import Contract

MOVEMENTS = (
    *(BroadcastToOp, GatherOp, MirrorPadOp, PadOp, ReshapeOp, ResizeNearestOp, SliceOp, TileOp),
    *(TransposeOp, ReduceMaxOp, ReduceMinOp),
)
"""Ops of which every result is one of the elements that they are given."""


def dequantized(value: SSAValue) -> SSAValue | None:
    """The quantised tensor of 8 or 16 bits that a float one is the real numbers of."""
    owner = value.owner
    if not isinstance(owner, DequantizeOp):
        return None
    kind = element_of(owner.input)
    if not isinstance(kind, UniformQuantizedType) or kind.storage.width.data not in (8, 16):
        return None
    return owner.input


def per_tensor(value: SSAValue) -> SSAValue | None:
    """`dequantized`, of tensors with one scale."""
    found = dequantized(value)
    kind = None if found is None else element_of(found)
    return found if isinstance(kind, UniformQuantizedType) and kind.axis is None else None


def bits_of(value: SSAValue) -> int:
    """The width of a quantised tensor."""
    kind = element_of(value)
    assert isinstance(kind, UniformQuantizedType)
    return kind.storage.width.data


def constant(value: SSAValue) -> Array | None:
    """The stored values of a constant."""
    owner = value.owner
    return owner.values if isinstance(owner, ConstantOp) else None


def moved_stored(
    op: Operation, source: UniformQuantizedType, target: UniformQuantizedType
) -> dict[str, Attribute]:
    """The properties of a movement of stored values when these are those of another zero point."""
    if not isinstance(op, PadOp) or not isinstance(op.value, IntegerAttr):
        return dict(op.properties)
    moved = int(op.value.value.data) - source.zero_point + target.zero_point
    return {**op.properties, "value": integer(moved)}


@dataclass(frozen=True)
class Ending:
    """
    What stands behind a float op: a quantisation to `kind`, maybe clamps before it. `low` and
    `high` are the clamps in stored units.
    """

    op: Operation
    kind: UniformQuantizedType
    low: int | None
    high: int | None

    @property
    def is_plain(self) -> bool:
        """Whether there is no clamp."""
        return (self.low, self.high) == (None, None)

    def bounds(self) -> dict[str, Attribute]:
        """The clamp as properties of an op, where it is narrower than the type."""
        given = ("min", self.low, self.kind.storage_min), ("max", self.high, self.kind.storage_max)
        return {
            name: integer(value)
            for name, value, limit in given
            if value is not None and value != limit
        }

    def clamped(self, value: SSAValue) -> tuple[list[Operation], SSAValue]:
        """A tensor of this kind behind the clamp, and what has to be inserted for it."""
        bounds = self.bounds()
        if not bounds:
            return [], value
        op = make(ClampOp, [value], value.type, **bounds)
        return [op], op.output


def ending(op: QuantizeOp, contract: Contract) -> Ending | None:
    """The float op whose result is quantised here and used nowhere else, and how."""
    kind, value = element_of(op.output), op.input
    if not isinstance(kind, UniformQuantizedType) or kind.storage.width.data not in (8, 16):
        return None
    low: int | None = None
    high: int | None = None
    while isinstance(value.owner, ClampOp) and value.has_one_use():
        # The last clamp comes last, so it has the last word.
        inner = [_stored(it, kind, contract) for it in (value.owner.min, value.owner.max)]
        low, high = _both(inner, low, high)
        value = value.owner.input
    owner = value.owner
    if not isinstance(owner, Operation) or not value.has_one_use():
        return None
    return Ending(owner, kind, low, high)


def _both(
    inner: list[int | None], low: int | None, high: int | None
) -> tuple[int | None, int | None]:
    """The bounds of a clamp `inner` followed by one to [low, high]."""

    def outer(bound: int | None) -> int | None:
        if bound is None:
            return None
        bound = bound if low is None else max(bound, low)
        return bound if high is None else min(bound, high)

    first, second = (outer(bound) for bound in inner)
    return low if first is None else first, high if second is None else second


def _stored(bound: Attribute | None, kind: UniformQuantizedType, contract: Contract) -> int | None:
    """A real bound as the contract quantises it."""
    if not isinstance(bound, FloatAttr):
        return None
    value = bound.value.data
    if not contract.ties_even:
        limits = kind.storage_min, kind.storage_max
        code = activation_bounds(value, None, kind.scale, kind.zero_point, limits)[0]
        return min(code, kind.storage_max)
    code = np.rint(np.float32(value) / np.float32(kind.scale)) + kind.zero_point
    return int(np.clip(code, kind.storage_min, kind.storage_max))


def requantized(
    value: SSAValue, kind: UniformQuantizedType, contract: Contract
) -> tuple[list[Operation], SSAValue]:
    """
    A quantised tensor in another type, and what has to be inserted for it: of 8 bits as the floats
    say it, which becomes a table, unless the contract has its own arithmetic.
    """
    source = element_of(value)
    assert isinstance(source, UniformQuantizedType)
    if source == kind:
        return [], value
    result = TensorType(kind, shape_of(value))
    if source.storage.width.data == 8 and not contract.micro:
        real = make(DequantizeOp, [value], TensorType(f32, shape_of(value)))
        codes = make(QuantizeOp, [real.output], result, ties_even=flag(True))
        return [real, codes], codes.output
    rounding = RoundingAttr(Rounding.DOUBLE if contract.micro else Rounding.SINGLE)
    op = make(RequantizeOp, [value], result, rounding=rounding)
    return [op], op.output
