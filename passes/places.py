"""
Which values of a function lie inside others, so that putting them there costs nothing.

Row-major tensors share memory in two ways. A reshape, or a slice of whole rows, is a view of what
it is made from. And what is computed to be reshaped or concatenated along the outermost axis can be
computed where the result will be.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import prod

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ReshapeOp
from nnc.dialects.nn.movement import SliceOp
from nnc.dialects.nn.placement import ConcatOp
from nnc.dialects.types import BinType, element_bytes, element_of, memory_type, shape_of


@dataclass(frozen=True)
class Place:
    """Where a value is: `offset` bytes from the start of another one."""

    value: SSAValue
    offset: int


@dataclass(frozen=True)
class Places:
    """
    `views` are the results of ops that need not be run: their bytes are those of an operand.
    `inside` are the values that are computed inside another one, a reshape or concatenation.
    """

    views: dict[SSAValue, Place] = field(default_factory=dict[SSAValue, Place])
    inside: dict[SSAValue, Place] = field(default_factory=dict[SSAValue, Place])

    def holds(self, value: SSAValue) -> bool:
        """Whether operands of the op that makes the value are computed inside it."""
        return any(place.value is value for place in self.inside.values())


def places_of(
    function: FuncOp, outputs: Sequence[SSAValue], elsewhere: Collection[SSAValue]
) -> Places:
    """
    Decides for every value of a function of `nn` ops. `outputs` get buffers of their own; values
    `elsewhere` have places already, in which nothing else may be before they are computed.
    """
    found = Places()
    for op in reversed(list(function.body.block.ops)):
        match op:
            case ConcatOp() if op.output not in elsewhere:
                _fill_concat(op, found, {*outputs, *elsewhere})
            case ReshapeOp() if op.is_view:
                own = op.output in outputs or op.output in found.inside
                if own and _can_move(op.input, found, {*outputs, *elsewhere}):
                    found.inside[op.input] = Place(op.output, 0)
                else:
                    found.views[op.output] = Place(op.input, 0)
            case SliceOp() if op.output not in {*outputs, *elsewhere, *found.inside}:
                offset = slice_offset(op)
                if offset is not None:
                    found.views[op.output] = Place(op.input, offset)
            case _:
                pass
    return found


def _fill_concat(op: ConcatOp, found: Places, fixed: Collection[SSAValue]) -> None:
    for number, value in enumerate(op.inputs):
        offset = concat_offset(op, number)
        if offset is not None and _can_move(value, found, fixed):
            found.inside[value] = Place(op.output, offset)


def _can_move(value: SSAValue, found: Places, fixed: Collection[SSAValue]) -> bool:
    """Whether a value is computed by a layer that may as well write it somewhere else."""
    if value in fixed or value in found.inside or not isinstance(value.owner, NnOp):
        return False
    if isinstance(value.owner, ReshapeOp) and value.owner.is_view:
        return _can_move(value.owner.input, found, fixed)
    return True


def viewed(op: Operation) -> SSAValue | None:
    """The operand that the result of an op may be a view of."""
    match op:
        case ReshapeOp():
            return op.input
        case SliceOp() if slice_offset(op) is not None:
            return op.input
        case _:
            return None


def concat_offset(op: ConcatOp, number: int) -> int | None:
    """Where in the result an operand starts, in bytes; None if it is not in one piece there."""
    axis, shape = op.axis.value.data, shape_of(op.output)
    packed = isinstance(element_of(op.output), BinType)
    if prod(shape[:axis]) != 1 or (packed and axis == len(shape) - 1):
        return None
    return op.offset(number) * _strides(op.output)[axis]


def slice_offset(op: SliceOp) -> int | None:
    """Where in the operand the result starts, in bytes; None if it is not in one piece there."""
    before, after = shape_of(op.input), shape_of(op.output)
    begin, steps = op.begin.get_values(), op.strides.get_values()
    if any(count > 1 and step != 1 for count, step in zip(after, steps, strict=True)):
        return None
    cut = [axis for axis in range(len(before)) if before[axis] != after[axis]]
    if cut and prod(after[: cut[-1]]) != 1:
        return None
    if isinstance(element_of(op.input), BinType) and cut and cut[-1] == len(before) - 1:
        return None
    return sum(first * stride for first, stride in zip(begin, _strides(op.input), strict=True))


def _strides(value: SSAValue) -> list[int]:
    """Bytes from one index to the next, along each axis but the last of a binary tensor."""
    memory = memory_type(value.type)
    shape, size = memory.get_shape(), element_bytes(memory.element_type)
    return [size * prod(shape[axis + 1 :]) for axis in range(len(shape))]
