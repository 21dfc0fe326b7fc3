"""
From tensors to memory: each layer becomes a kernel call or a loop nest over buffers.

Every `nn` op has a loop lowering, so none is ever unsupported here; a library kernel takes its
place where one is legal. Buffers are `memref.alloc`s that `plan-memory` places afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    MemRefType,
    ModuleOp,
    StringAttr,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from nnc.dialects.kernel.memory import ConstantOp, ViewOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn import conversion
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.types import memory_type
from nnc.passes.overlaps import overlaps

NAME = "nn.name"
TYPE = "nn.type"
ROLE = "kernel.role"


@dataclass(frozen=True)
class NnToKernelPass(ModulePass):
    """
    Lowers every function of `nn` ops to destination-passing form.

    Inputs and outputs become memref arguments, in that order, with their names and tensor types
    kept as argument attributes (`nn.name`, `nn.type`) beside their role (`kernel.role`).
    """

    name = "nn-to-kernel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in list(op.body.block.ops):
            if isinstance(function, func.FuncOp):
                _Lowering(function).run()


class _Lowering:
    """Rebuilds one function, in place."""

    def __init__(self, function: func.FuncOp):
        self.function = function
        self.memory: dict[SSAValue, SSAValue] = {}

    def run(self) -> None:
        block = self.function.body.block
        terminator = block.last_op
        assert isinstance(terminator, func.ReturnOp)
        sources = list(block.ops)[:-1]
        inputs = self._inputs()
        outputs = self._outputs(terminator)
        for op in sources:
            self._lower(op, terminator)
        self._return(terminator, outputs)
        for op in reversed(sources):
            op.detach()
            op.erase()
        for arg in block.args[: len(inputs)]:
            block.erase_arg(arg)
        types = [arg.type for arg in block.args]
        self.function.function_type = FunctionType.from_lists(types, [])
        self.function.arg_attrs = ArrayAttr(inputs + [attrs for _, attrs in outputs])
        self.function.res_attrs = None

    def _inputs(self) -> list[DictionaryAttr]:
        block, function = self.function.body.block, self.function
        attributes: list[DictionaryAttr] = []
        for k, arg in enumerate(list(block.args)):
            new = block.insert_arg(memory_type(arg.type), len(block.args))
            new.name_hint = arg.name_hint
            self.memory[arg] = new
            attributes.append(_describe(function.arg_attrs, k, arg.type, "input"))
        return attributes

    def _outputs(self, terminator: func.ReturnOp) -> list[tuple[SSAValue, DictionaryAttr]]:
        """One argument per result; what a layer returns, it writes there at once."""
        block = self.function.body.block
        outputs: list[tuple[SSAValue, DictionaryAttr]] = []
        for k, value in enumerate(terminator.operands):
            arg = block.insert_arg(memory_type(value.type), len(block.args))
            outputs.append((arg, _describe(self.function.res_attrs, k, value.type, "output")))
            computed = isinstance(value.owner, NnOp) and not isinstance(
                value.owner, conversion.ReshapeOp
            )
            if computed and value not in self.memory:
                self.memory[value] = arg
        return outputs

    def _return(
        self, terminator: func.ReturnOp, outputs: list[tuple[SSAValue, DictionaryAttr]]
    ) -> None:
        """Copies the results that no layer could write in place: inputs, constants, views."""
        for value, (arg, _) in zip(tuple(terminator.operands), outputs, strict=True):
            source = self.memory[value]
            if source is arg:
                continue
            nest = NestOp("copy", [source], [arg])
            nest.location = terminator.location
            nest.properties["tensors"] = ArrayAttr([value.type])
            Builder(InsertPoint.before(terminator)).insert(nest)
            b = LoopBuilder(nest, [value.type], [value.type])
            b.copy(b.inputs[0], b.outputs[0])
        terminator.operands = []

    def _lower(self, op: Operation, before: Operation) -> None:
        builder = Builder(InsertPoint.before(before))
        if isinstance(op, conversion.ConstantOp):
            constant = ConstantOp(op.value, memory_type(op.output.type))
            constant.location = op.location
            constant.result.name_hint = op.output.name_hint
            self.memory[op.output] = builder.insert(constant).result
            return
        if isinstance(op, conversion.ReshapeOp):
            view = ViewOp(self.memory[op.input], 0, memory_type(op.output.type))
            view.location = op.location
            self.memory[op.output] = builder.insert(view).result
            return
        assert isinstance(op, NnOp), f"{op.name} has no lowering; run nn-verify-contract first"
        self._lower_to_loops(op, builder)

    def _lower_to_loops(self, op: NnOp, builder: Builder) -> None:
        inputs = [self.memory[operand] for operand in op.operands]
        outputs = [self._destination(result, builder) for result in op.results]
        scratch = [self._allocate(kind, builder) for kind in op.scratch()]
        nest = NestOp(op.kind, inputs, outputs, scratch)
        nest.location = op.location
        nest.properties["tensors"] = ArrayAttr(list(op.result_types))
        nest.set_overlaps(overlaps(op))
        for argument, name in zip(nest.body.block.args, _operand_names(op), strict=False):
            argument.name_hint = name
        builder.insert(nest)
        op.lower(LoopBuilder(nest, list(op.operand_types), list(op.result_types)))

    def _destination(self, result: SSAValue, builder: Builder) -> SSAValue:
        if result not in self.memory:
            self.memory[result] = self._allocate(memory_type(result.type), builder)
        return self.memory[result]

    def _allocate(self, kind: MemRefType[Attribute], builder: Builder) -> SSAValue:
        return builder.insert(memref.AllocOp([], [], kind)).memref


def _describe(
    attributes: ArrayAttr[DictionaryAttr] | None, index: int, kind: Attribute, role: str
) -> DictionaryAttr:
    given = attributes.data[index].data if attributes is not None else {}
    name = given.get(NAME, StringAttr(f"{role}{index}"))
    return DictionaryAttr({NAME: name, TYPE: kind, ROLE: StringAttr(role)})


def _operand_names(op: NnOp) -> list[str]:
    """What the op calls its operands and results, where each is one value."""
    definition = op.get_irdl_definition()
    names = [name for name, _ in (*definition.operands, *definition.results)]
    return names if len(names) == len(op.operands) + len(op.results) else []
