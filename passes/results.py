"""
How a function of buffers gives its results: in which arguments, and what is copied there.

Layers write outputs and states where they belong whenever they can. What is left is copied at the
end: inputs, constants and views that are outputs, and new states that needed a buffer of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.builder import Builder
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, MemRefType, StringAttr, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.rewriter import InsertPoint

from nnc.dialects.kernel.memory import storage_of
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn.labels import CLASSES, NAMES
from nnc.dialects.nn.layout import LAYOUT
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.states import INITIAL, NAME, State, initial_values
from nnc.dialects.types import BinType, dense_attribute, element_of, memory_type, pack_bits

TYPE = "nn.type"
ROLE = "kernel.role"

_KEPT = (NAME, INITIAL, NAMES, CLASSES, LAYOUT)


def describe(
    attributes: ArrayAttr[DictionaryAttr] | None, index: int, kind: Attribute, role: str
) -> DictionaryAttr:
    """What buffers keep of an argument or result: name, type, role, first value, labels, layout."""
    entries: dict[str, Attribute] = {
        NAME: StringAttr(f"{role}{index}"),
        TYPE: kind,
        ROLE: StringAttr(role),
    }
    if attributes is not None:
        given = attributes.data[index].data
        entries.update({key: given[key] for key in _KEPT if key in given})
        if INITIAL in given and isinstance(element_of(kind), BinType):
            entries[INITIAL] = dense_attribute(pack_bits(initial_values(given, kind)), i32)
    return DictionaryAttr(entries)


def allocate(kind: MemRefType[Attribute], builder: Builder) -> SSAValue:
    """A new buffer."""
    return builder.insert(memref.AllocOp([], [], kind)).memref


def copy(value: SSAValue, source: SSAValue, target: SSAValue, builder: Builder) -> NestOp:
    """A layer that copies a value from one buffer to another."""
    nest = NestOp("copy", [source], [target])
    nest.properties["tensors"] = ArrayAttr([value.type])
    nest.set_overlaps([(0, 0, 0)])
    builder.insert(nest)
    b = LoopBuilder(nest, [value.type], [value.type])
    b.copy(b.inputs[0], b.outputs[0])
    return nest


@dataclass(frozen=True)
class Results:
    """The results of a function whose layers are lowered; `memory` is where each value is."""

    terminator: func.ReturnOp
    states: Sequence[State]
    memory: Mapping[SSAValue, SSAValue]

    def copy(self, outputs: Sequence[SSAValue]) -> None:
        """Copies to the output arguments and the states what is not there yet."""
        builder = Builder(InsertPoint.before(self.terminator))
        for value, target in zip(self.terminator.operands, outputs, strict=False):
            self._copy(value, self.memory[value], target, builder)
        buffers = {self.memory[state.argument] for state in self.states}
        copies: list[tuple[SSAValue, SSAValue, SSAValue]] = []
        for state in self.states:
            source, target = self.memory[state.next], self.memory[state.argument]
            if source is not target and storage_of(source) in buffers:
                # Another state, which must be read before it is overwritten.
                kept = allocate(memory_type(state.next.type), builder)
                self._copy(state.next, source, kept, builder)
                source = kept
            copies.append((state.next, source, target))
        for value, source, target in copies:
            self._copy(value, source, target, builder)

    def _copy(self, value: SSAValue, source: SSAValue, target: SSAValue, builder: Builder) -> None:
        if source is not target:
            copy(value, source, target, builder).location = self.terminator.location
