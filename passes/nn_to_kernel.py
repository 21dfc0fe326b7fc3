"""
From tensors to memory: each layer becomes a kernel call or a loop nest over buffers.

Every `nn` op has a loop lowering, so none is ever unsupported here; a library kernel takes its
place where one is legal. Buffers are `memref.alloc`s that `plan-memory` places afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    UnitAttr,
    i32,
    i64,
)
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint
from xdsl.utils.exceptions import PassFailedException

from nnc.boards import core
from nnc.dialects.kernel.memory import ConstantOp, ViewOp, storage_of
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn import conversion
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.states import is_state, states_of
from nnc.dialects.types import BinType, dense_attribute, element_of, memory_type, pack_bits
from nnc.passes.overlaps import overlaps
from nnc.passes.results import Results, allocate, describe
from nnc.passes.state_buffers import states_in_place
from nnc.runtime.registry import Choice, Lowering, Target, choose

KERNEL_CHOICES = ("none", "portable", "cmsis-nn")


@dataclass(frozen=True)
class NnToKernelPass(ModulePass):
    """
    Lowers every function of `nn` ops to destination-passing form.

    Inputs, states and outputs become memref arguments, in that order, with their names and tensor
    types kept as argument attributes (`nn.name`, `nn.type`) beside their role (`kernel.role`). A
    state is one argument, overwritten by its next value.

    - `target` is the core that kernels are chosen for.
    - `kernels`: `none` lowers everything to loops; `portable` also calls our kernels and our
      portable implementation of CMSIS-NN's functions; `cmsis-nn` calls the library itself.

    Each layer keeps the reasons why kernels that are about it could not run it (`declined`).
    """

    name = "nn-to-kernel"

    target: str = "cortex-m4"
    kernels: str = "none"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.kernels not in KERNEL_CHOICES:
            known = ", ".join(KERNEL_CHOICES)
            raise PassFailedException(f"expected kernels to be one of {known}, got {self.kernels}")
        target = Target(core(self.target), self.kernels == "cmsis-nn")
        for function in list(op.body.block.ops):
            if isinstance(function, func.FuncOp):
                _Lowering(function, target, self.kernels != "none").run()


class _Lowering:
    """Rebuilds one function, in place."""

    def __init__(self, function: func.FuncOp, target: Target, use_kernels: bool):
        self.function = function
        self.target = target
        self.use_kernels = use_kernels
        self.memory: dict[SSAValue, SSAValue] = {}
        self.states = states_of(function)
        self.in_place = states_in_place(function)

    def run(self) -> None:
        block = self.function.body.block
        terminator = block.last_op
        assert isinstance(terminator, func.ReturnOp)
        sources = list(block.ops)[:-1]
        inputs = self._inputs()
        outputs = self._outputs(terminator)
        for op in sources:
            self._lower(op, terminator)
        Results(terminator, self.states, self.memory).copy([arg for arg, _ in outputs])
        terminator.operands = []
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
            role = "state" if is_state(function.arg_attrs, k) else "input"
            attributes.append(describe(function.arg_attrs, k, arg.type, role))
        return attributes

    def _outputs(self, terminator: func.ReturnOp) -> list[tuple[SSAValue, DictionaryAttr]]:
        """One argument per output; what a layer returns, it writes there at once."""
        block = self.function.body.block
        outputs: list[tuple[SSAValue, DictionaryAttr]] = []
        for k, value in enumerate(
            terminator.operands[: len(terminator.operands) - len(self.states)]
        ):
            arg = block.insert_arg(memory_type(value.type), len(block.args))
            outputs.append((arg, describe(self.function.res_attrs, k, value.type, "output")))
            owner = value.owner
            view = isinstance(owner, conversion.ReshapeOp) and owner.is_view
            computed = isinstance(owner, NnOp) and not view
            if computed and value not in self.memory and value not in self.in_place:
                self.memory[value] = arg
        return outputs

    def _lower(self, op: Operation, before: Operation) -> None:
        builder = Builder(InsertPoint.before(before))
        if isinstance(op, conversion.ConstantOp):
            self.memory[op.output] = self._constant(op, builder)
            return
        if isinstance(op, conversion.ReshapeOp) and op.is_view:
            view = ViewOp(self.memory[op.input], 0, memory_type(op.output.type))
            view.location = op.location
            self.memory[op.output] = builder.insert(view).result
            return
        assert isinstance(op, NnOp), f"{op.name} has no lowering; run nn-verify-contract first"
        choice = choose(op, self.target) if self.use_kernels else Choice(None, ())
        in_order = choice.kernel is None or choice.kernel.in_order(self.target)
        for result in op.results:
            self._destination(op, result, in_order, builder)
        if choice.kernel is None:
            layer = self._lower_to_loops(op, builder)
        else:
            lowering = Lowering(op, self.memory, builder)
            layer = choice.kernel.lower(op, lowering, self.target)
            if in_order:
                layer.set_overlaps(overlaps(op))
        if {storage_of(v) for v in layer.inputs} & {storage_of(v) for v in layer.outputs}:
            layer.properties["in_place"] = UnitAttr()
        layer.properties["tensors"] = ArrayAttr(list(op.result_types))
        if op.macs():
            layer.properties["macs"] = IntegerAttr(op.macs(), i64)
        if choice.declined:
            layer.properties["declined"] = ArrayAttr([StringAttr(r) for r in choice.declined])

    def _constant(self, op: conversion.ConstantOp, builder: Builder) -> SSAValue:
        """Read-only data: as it is, but binary values packed into words."""
        kind = memory_type(op.output.type)
        value = op.value
        if isinstance(element_of(op.output), BinType):
            value = dense_attribute(pack_bits(op.values), i32)
        constant = ConstantOp(value, kind)
        constant.location = op.location
        constant.result.name_hint = op.output.name_hint
        return builder.insert(constant).result

    def _lower_to_loops(self, op: NnOp, builder: Builder) -> KernelOp:
        inputs = [self.memory[operand] for operand in op.operands]
        outputs = [self.memory[result] for result in op.results]
        scratch = [allocate(kind, builder) for kind in op.scratch()]
        nest = NestOp(op.kind, inputs, outputs, scratch)
        nest.location = op.location
        nest.set_overlaps(overlaps(op))
        for argument, name in zip(nest.body.block.args, _operand_names(op), strict=False):
            argument.name_hint = name
        builder.insert(nest)
        op.lower(LoopBuilder(nest, list(op.operand_types), list(op.result_types)))
        nest.drop_unused()
        return nest

    def _destination(self, op: NnOp, result: SSAValue, in_order: bool, builder: Builder) -> None:
        """Where a layer writes: an output, a state that it may overwrite, or a new buffer."""
        if result in self.memory:
            return
        state = self.in_place.get(result)
        if state is not None:
            buffer = self.memory[state.argument]
            reads = any(storage_of(self.memory[operand]) is buffer for operand in op.operands)
            if in_order or not reads:
                self.memory[result] = buffer
                return
        self.memory[result] = allocate(memory_type(result.type), builder)


def _operand_names(op: NnOp) -> list[str]:
    """What the op calls its operands and results, where each is one value."""
    definition = op.get_irdl_definition()
    names = [name for name, _ in (*definition.operands, *definition.results)]
    return names if len(names) == len(op.operands) + len(op.results) else []
