"""
Which new states may be computed where the old ones are.

A state is an argument and its next value a result, so without further thought every state would
need two buffers and a copy. The copy is spared where no one needs the old value any more when the
new one is written, or where the layer that makes it can overwrite what it reads.
"""

from __future__ import annotations

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ReshapeOp
from nnc.dialects.nn.states import State, states_of
from nnc.passes.overlaps import overlaps, same_places
from nnc.passes.places import viewed


def states_in_place(function: FuncOp) -> dict[SSAValue, State]:
    """The new states that their layer may write over the old ones, of those of a function."""
    order = {op: number for number, op in enumerate(function.body.block.ops)}
    found: dict[SSAValue, State] = {}
    for state in states_of(function):
        if state.next not in found and _in_place(state, order):
            found[state.next] = state
    return found


def _in_place(state: State, order: dict[Operation, int]) -> bool:
    maker = state.next.owner
    if not isinstance(maker, NnOp) or isinstance(maker, ReshapeOp):
        return False
    readers = _readers(state.argument)
    if any(order[reader] > order[maker] for reader in readers):
        return False
    return maker not in readers or _overwrites(maker, state)


def _readers(value: SSAValue) -> set[Operation]:
    """The operations that read a value or a view of it."""
    found: set[Operation] = set()
    for use in value.uses:
        found.add(use.operation)
        if viewed(use.operation) is value:
            found |= _readers(use.operation.results[0])
    return found


def _overwrites(maker: NnOp, state: State) -> bool:
    """Whether the loops of an op may write this result over the only operand that is the state."""
    reading = [
        k for k, operand in enumerate(maker.operands) if _is_view_of(operand, state.argument)
    ]
    result = next(k for k, value in enumerate(maker.results) if value is state.next)
    allowed = [(source, target) for source, target, distance in overlaps(maker) if distance <= 0]
    allowed += same_places(maker)
    return all((number, result) in allowed for number in reading)


def _is_view_of(value: SSAValue, argument: SSAValue) -> bool:
    while isinstance(value.owner, Operation):
        source = viewed(value.owner)
        if source is None:
            break
        value = source
    return value is argument
