"""
Gives every value of a function its buffer while the function is lowered to kernels.

A value may have a buffer of its own, an output argument, a state that it replaces, or a part of
another value's buffer (`nnc.passes.places`).
"""

from __future__ import annotations

from xdsl.builder import Builder
from xdsl.dialects import func
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.memory import ViewOp, storage_of
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.placement import ConcatOp
from nnc.dialects.nn.states import states_of
from nnc.dialects.types import memory_type
from nnc.passes.layer_names import part_of
from nnc.passes.places import Place, concat_offset, places_of
from nnc.passes.results import allocate, copy
from nnc.passes.state_buffers import states_in_place


class Buffers:
    """`memory` is where each value of the function is, as far as that is known by now."""

    def __init__(self, function: func.FuncOp):
        terminator = function.body.block.last_op
        assert isinstance(terminator, func.ReturnOp)
        self.states = states_of(function)
        self.outputs = terminator.operands[: len(terminator.operands) - len(self.states)]
        self.memory: dict[SSAValue, SSAValue] = {}
        self._in_place = states_in_place(function)
        self._places = places_of(function, self.outputs, self._in_place)

    def offer(self, value: SSAValue, output: SSAValue) -> None:
        """Lets an output be computed in its argument, if it can be."""
        computed = isinstance(value.owner, NnOp) and value not in self._places.views
        if computed and value not in self.memory and value not in self._in_place:
            self.memory[value] = output

    def moves_nothing(self, op: NnOp) -> bool:
        """Whether the result of an op is where its operands are, or the other way round."""
        result = op.results[0]
        return result in self._places.views or self._places.holds(result)

    def move(self, op: NnOp, builder: Builder) -> None:
        """Takes the place of running such an op: a view, or copies of what is not there yet."""
        result = op.results[0]
        if result in self._places.views:
            self.memory[result] = self._view(self._places.views[result], result.type, op, builder)
        elif isinstance(op, ConcatOp):
            self._complete(op, builder)

    def _complete(self, op: ConcatOp, builder: Builder) -> None:
        for number, value in enumerate(op.inputs):
            offset = concat_offset(op, number)
            assert offset is not None, "a concatenation that is not in one piece"
            place = Place(op.output, offset)
            if self._places.inside.get(value) != place:
                target = self._view(place, value.type, op, builder)
                nest = copy(value, self.memory[value], target, builder)
                nest.location = part_of(op.location, "copy")

    def destination(self, op: NnOp, result: SSAValue, in_order: bool, builder: Builder) -> None:
        """
        Settles where a layer writes a result: an output, a state that it may overwrite, a part of
        another value, or a new buffer. `in_order` says that it may overwrite what it reads.
        """
        if result in self.memory:
            return
        state = self._in_place.get(result)
        if state is not None:
            buffer = self.memory[state.argument]
            reads = any(storage_of(self.memory[operand]) is buffer for operand in op.operands)
            if in_order or not reads:
                self.memory[result] = buffer
                return
        self._make(result, op, builder)

    def _make(self, value: SSAValue, op: NnOp, builder: Builder) -> None:
        if value in self.memory:
            return
        place = self._places.inside.get(value)
        if place is None:
            self.memory[value] = allocate(memory_type(value.type), builder)
            return
        self._make(place.value, op, builder)
        self.memory[value] = self._view(place, value.type, op, builder)

    def _view(self, place: Place, kind: Attribute, op: NnOp, builder: Builder) -> SSAValue:
        view = ViewOp(self.memory[place.value], place.offset, memory_type(kind))
        view.location = op.location
        return builder.insert(view).result

    def overwrites_state(self, layer: KernelOp) -> bool:
        """Whether a layer reads a state that it writes."""
        buffers = {self.memory[state.argument] for state in self.states}
        read, written = (
            {storage_of(value) for value in values} for values in (layer.inputs, layer.outputs)
        )
        return bool(buffers & read & written)
