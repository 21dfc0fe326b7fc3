"""What the memory planner is told of a kernel-level function: its buffers, and who uses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DictionaryAttr, MemRefType, StringAttr
from xdsl.ir import SSAValue

from nnc.dialects.kernel.memory import ViewOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.types import element_bytes, memory_bytes
from nnc.passes.memory import Alias, Buffer, Graph, Reuse, Step, in_place, overlap
from nnc.passes.results import ROLE

_LEAST_ALIGNMENT = 4


@dataclass
class BufferGraph:
    """
    Built by `graph`, after which `names` has the planner's name of every buffer, `layers` the layer
    of every step, and `allocations` the buffers that need a place.

    `inside` says that inputs and outputs are in the arena too, `overlapping` that outputs may share
    memory with inputs.
    """

    function: func.FuncOp
    inside: bool
    overlapping: bool
    names: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    buffers: list[Buffer] = field(default_factory=list[Buffer])
    aliases: list[Alias] = field(default_factory=list[Alias])
    layers: dict[str, KernelOp] = field(default_factory=dict[str, KernelOp])
    allocations: dict[str, memref.AllocOp] = field(default_factory=dict[str, memref.AllocOp])

    def graph(self) -> Graph:
        """The planner's view of the function."""
        roles: dict[str, list[str]] = {"input": [], "output": [], "state": []}
        for arg, attributes in self.arguments():
            role = _string(attributes, ROLE)
            # A state outlives the runs that share the arena.
            name = self._add(arg, role == "state" or not self.inside)
            roles[role].append(name)
        steps: list[Step] = []
        for op in self.function.body.block.ops:
            match op:
                case memref.AllocOp():
                    self.allocations[self._add(op.memref)] = op
                case ViewOp() if op.source in self.names:
                    name = self._add(op.result)
                    self.aliases.append(Alias(name, self.names[op.source], op.byte_offset))
                case KernelOp():
                    steps.append(self._step(op, len(steps)))
                case _:
                    pass
        return Graph(
            tuple(self.buffers),
            tuple(steps),
            inputs=tuple(roles["input"]),
            outputs=tuple(roles["output"]),
            persistent=tuple(roles["state"]),
            aliases=tuple(self.aliases),
        )

    def arguments(self) -> list[tuple[SSAValue, DictionaryAttr]]:
        attributes = self.function.arg_attrs
        assert attributes is not None, "a kernel-level function describes its arguments"
        return list(zip(self.function.body.block.args, attributes.data, strict=True))

    def _add(self, value: SSAValue, outside: bool = False) -> str:
        kind = value.type
        assert isinstance(kind, MemRefType)
        name = f"b{len(self.buffers)}"
        self.names[value] = name
        alignment = max(_LEAST_ALIGNMENT, element_bytes(kind.element_type))
        view = isinstance(value.owner, ViewOp)
        self.buffers.append(Buffer(name, memory_bytes(kind), 1 if view else alignment, outside))
        return name

    def _step(self, op: KernelOp, number: int) -> Step:
        name = f"s{number}"
        self.layers[name] = op
        reads = [self.names[value] for value in op.inputs if value in self.names]
        writes = [self.names[value] for value in (*op.outputs, *op.scratch)]
        return Step(
            name,
            tuple(dict.fromkeys(reads)),
            tuple(dict.fromkeys(writes)),
            reuses=tuple(self._reuses(op)) if self.overlapping else (),
        )

    def _reuses(self, op: KernelOp) -> list[Reuse]:
        """A value that is several operands may be overwritten as far as each of them allows."""
        distances = {(source, target): far for source, target, far in op.overlaps}
        reuses: list[Reuse] = []
        for source, (target, output) in product(dict.fromkeys(op.inputs), enumerate(op.outputs)):
            if source not in self.names or source == output:
                continue
            reads = [number for number, value in enumerate(op.inputs) if value == source]
            far = [distances.get((number, target)) for number in reads]
            known = [distance for distance in far if distance is not None]
            pair = self.names[source], self.names[output]
            if len(known) == len(reads):
                reuses.append(overlap(*pair, max(known)))
            elif all(
                (number, target) in op.same_places or (distance is not None and distance <= 0)
                for number, distance in zip(reads, far, strict=True)
            ):
                reuses.append(in_place(*pair))
        return reuses


def _string(attributes: DictionaryAttr, key: str) -> str:
    value = attributes.data[key]
    assert isinstance(value, StringAttr)
    return value.data
