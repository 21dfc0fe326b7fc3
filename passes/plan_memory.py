"""
Gives every buffer its place in one arena.

Builds the buffer graph of a kernel-level function for the planner (`nnc.passes.memory`), and writes
its answer back into the IR: the order of the layers, and a view of the arena for each allocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
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
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from nnc.dialects.kernel.level import check_level
from nnc.dialects.kernel.memory import ViewOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.passes.buffer_graph import BufferGraph
from nnc.passes.memory import Plan, plan_memory, verify
from nnc.passes.results import ROLE

ARENA, OFFSET = "arena", "kernel.offset"


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
        if self.io not in ("inside", "outside"):
            raise PassFailedException(f"expected io to be inside or outside, got {self.io}")
        check_level(op, planned=False)
        for function in list(op.body.block.ops):
            if isinstance(function, func.FuncOp):
                buffers = BufferGraph(function, self.io == "inside", self.overlap)
                graph = buffers.graph()
                plan = plan_memory(graph, reorder=self.reorder)
                verify(plan, graph)
                _Result(function, buffers).write_back(plan)


@dataclass(frozen=True)
class _Result:
    """Puts a plan into the IR of its function."""

    function: func.FuncOp
    buffers: BufferGraph

    def write_back(self, plan: Plan) -> None:
        """Puts the plan into the IR."""
        self._mark(plan)
        block = self.function.body.block
        arena = block.insert_arg(MemRefType(i8, [max(1, plan.arena_bytes)]), 0)
        arena.name_hint = ARENA
        self._reorder([self.buffers.layers[name] for name in plan.order])
        for name, allocation in self.buffers.allocations.items():
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
            op = self.buffers.layers[name]
            numbers = [*op.same_places, *((source, target) for source, target, _ in op.overlaps)]
            pairs = {
                (self.buffers.names.get(op.inputs[source]), self.buffers.names[op.outputs[target]])
                for source, target in numbers
            }
            if pairs & shared:
                op.properties["in_place"] = UnitAttr()

    def _describe(self, plan: Plan, arena: Attribute) -> None:
        described = [DictionaryAttr({ROLE: StringAttr(ARENA)})]
        for arg, attributes in list(
            zip(self.function.body.block.args[1:], self._given(), strict=True)
        ):
            entries = dict(attributes.data)
            offset = plan.offsets.get(self.buffers.names[arg])
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
