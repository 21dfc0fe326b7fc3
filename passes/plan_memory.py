"""
Gives every buffer its place in one arena.

Builds the buffer graph of a kernel-level function for the planner (`nnc.passes.memory`), and writes
its answer back into the IR: the order of the layers, and a view of the arena for each allocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    StringAttr,
    UnitAttr,
    i8,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from nnc.dialects.kernel.memory import ViewOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.types import element_bytes, memory_bytes
from nnc.passes.memory import Alias, Buffer, Graph, Plan, Reuse, Step, overlap, plan_memory, verify

ARENA, OFFSET, ROLE = "arena", "kernel.offset", "kernel.role"
_LEAST_ALIGNMENT = 4


@dataclass(frozen=True)
class PlanMemoryPass(ModulePass):
    """
    Replaces each `memref.alloc` by a `kernel.view` of an arena that the function takes as its first
    argument; inputs and outputs inside the arena get a `kernel.offset`.

    - `io=outside` leaves inputs and outputs to the caller instead.
    - `reorder=false` keeps the layers' order.
    - `overlap=false` lets no output share memory with an input of its layer.
    """

    name = "plan-memory"

    io: str = "inside"
    reorder: bool = True
    overlap: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in list(op.body.block.ops):
            if isinstance(function, func.FuncOp):
                planner = _Planner(function, self.io == "inside", self.overlap)
                graph = planner.graph()
                plan = plan_memory(graph, reorder=self.reorder)
                verify(plan, graph)
                planner.write_back(plan)


@dataclass
class _Planner:
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
        for arg, attributes in self._arguments():
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

    def _arguments(self) -> list[tuple[SSAValue, DictionaryAttr]]:
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
        inputs, outputs = list(op.inputs), list(op.outputs)
        distances: dict[tuple[SSAValue, SSAValue], list[int]] = {}
        for source, target, distance in op.overlaps:
            distances.setdefault((inputs[source], outputs[target]), []).append(distance)
        return [
            overlap(self.names[source], self.names[target], max(allowed))
            for (source, target), allowed in distances.items()
            if source in self.names and source != target and len(allowed) == inputs.count(source)
        ]

    def write_back(self, plan: Plan) -> None:
        """Puts the plan into the IR."""
        self._mark(plan)
        block = self.function.body.block
        arena = block.insert_arg(MemRefType(i8, [max(1, plan.arena_bytes)]), 0)
        arena.name_hint = ARENA
        self._reorder([self.layers[name] for name in plan.order])
        for name, allocation in self.allocations.items():
            kind = allocation.memref.type
            assert isinstance(kind, MemRefType)
            view = ViewOp(arena, plan.offsets[name], kind)
            block.insert_op_before(view, allocation)
            allocation.memref.replace_all_uses_with(view.result)
            block.erase_op(allocation)
        self._describe(plan, arena.type)

    def _reorder(self, layers: Sequence[KernelOp]) -> None:
        block = self.function.body.block
        terminator = block.last_op
        assert terminator is not None
        placed: set[Operation] = set()

        def place(op: Operation) -> None:
            if op in placed or op.parent_block() is not block:
                return
            placed.add(op)
            for operand in op.operands:
                if isinstance(operand.owner, Operation):
                    place(operand.owner)
            op.detach()
            block.insert_op_before(op, terminator)

        for layer in layers:
            place(layer)

    def _mark(self, plan: Plan) -> None:
        shared = {(reuse.input, reuse.output) for reuse in plan.shared}
        for name in plan.order:
            op = self.layers[name]
            pairs = {
                (self.names.get(op.inputs[source]), self.names[op.outputs[target]])
                for source, target, _ in op.overlaps
            }
            if pairs & shared:
                op.properties["in_place"] = UnitAttr()

    def _describe(self, plan: Plan, arena: Attribute) -> None:
        described = [DictionaryAttr({ROLE: StringAttr(ARENA)})]
        for arg, attributes in list(
            zip(self.function.body.block.args[1:], self._given(), strict=True)
        ):
            entries = dict(attributes.data)
            offset = plan.offsets.get(self.names[arg])
            if offset is not None:
                entries[OFFSET] = IntegerAttr(offset, i64)
            described.append(DictionaryAttr(entries))
        types = [arg.type for arg in self.function.body.block.args]
        self.function.function_type = FunctionType.from_lists(types, [])
        self.function.arg_attrs = ArrayAttr(described)
        self.function.attributes["kernel.arena_bytes"] = IntegerAttr(plan.arena_bytes, i64)
        self.function.attributes["kernel.arena_bound"] = IntegerAttr(plan.lower_bound, i64)
        self.function.attributes["kernel.arena_alignment"] = IntegerAttr(plan.alignment, i64)

    def _given(self) -> Sequence[DictionaryAttr]:
        assert self.function.arg_attrs is not None
        return self.function.arg_attrs.data


def _string(attributes: DictionaryAttr, key: str) -> str:
    value = attributes.data[key]
    assert isinstance(value, StringAttr)
    return value.data
