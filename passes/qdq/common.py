"""What the patterns share: what stands before and behind a float op, and bounds in stored units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import FloatAttr, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import ClampOp, ConstantOp, DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import integer, make

DOUBLE = RoundingAttr(Rounding.DOUBLE)
"""How layers round for which CMSIS-NN has functions: as TensorFlow Lite Micro does."""

SINGLE = RoundingAttr(Rounding.SINGLE)
"""How everything else rounds: once, which is nearer to the float arithmetic that the model says."""


def dequantized(value: SSAValue) -> SSAValue | None:
    """The quantised tensor of 8 bits that a float one is the real numbers of."""
    owner = value.owner
    if not isinstance(owner, DequantizeOp):
        return None
    kind = element_of(owner.input)
    if not isinstance(kind, UniformQuantizedType) or kind.storage.width.data != 8:
        return None
    return owner.input


def per_tensor(value: SSAValue) -> SSAValue | None:
    """`dequantized`, of tensors with one scale."""
    found = dequantized(value)
    kind = None if found is None else element_of(found)
    return found if isinstance(kind, UniformQuantizedType) and kind.axis is None else None


def constant(value: SSAValue) -> Array | None:
    """The stored values of a constant."""
    owner = value.owner
    return owner.values if isinstance(owner, ConstantOp) else None


@dataclass(frozen=True)
class Ending:
    """
    What stands behind a float op: a quantisation to `kind`, maybe a clamp before it. `low` and
    `high` are the clamp in stored units.
    """

    op: Operation
    kind: UniformQuantizedType
    low: int | None
    high: int | None

    def bounds(self) -> dict[str, Attribute]:
        """The clamp as properties of an op."""
        given = {"min": self.low, "max": self.high}
        return {name: integer(value) for name, value in given.items() if value is not None}


def ending(op: QuantizeOp) -> Ending | None:
    """The float op whose result is quantised here and used nowhere else, and how."""
    kind, value = element_of(op.output), op.input
    if not isinstance(kind, UniformQuantizedType) or kind.storage.width.data != 8:
        return None
    low = high = None
    clamp = value.owner
    if isinstance(clamp, ClampOp) and value.has_one_use():
        low, high = (_stored(bound, kind) for bound in (clamp.min, clamp.max))
        value = clamp.input
    owner = value.owner
    if not isinstance(owner, Operation) or not value.has_one_use():
        return None
    return Ending(owner, kind, low, high)


def _stored(bound: Attribute | None, kind: UniformQuantizedType) -> int | None:
    """A real bound as it is quantised, ties to even."""
    if not isinstance(bound, FloatAttr):
        return None
    code = np.rint(np.float32(bound.value.data) / np.float32(kind.scale)) + kind.zero_point
    return int(np.clip(code, kind.storage_min, kind.storage_max))


def requantized(
    value: SSAValue, kind: UniformQuantizedType
) -> tuple[Sequence[Operation], SSAValue]:
    """A quantised tensor in another type, and what has to be inserted for it."""
    if element_of(value) == kind:
        return [], value
    result = TensorType(kind, shape_of(value))
    op = make(RequantizeOp, [value], result, rounding=SINGLE)
    return [op], op.output
