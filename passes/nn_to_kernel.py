"""
From tensors to memory: each layer becomes a kernel call or a loop nest over buffers.

Every `nn` op has a loop lowering, so none is ever unsupported here; a library kernel takes its
place where one is legal. Buffers are `memref.alloc`s that `plan-memory` places afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
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

from nnc.boards import UnknownCoreError, core
from nnc.dialects.kernel.memory import ConstantOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn import conversion
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.channels import CHANNELS
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.states import is_state
from nnc.dialects.types import BinType, dense_attribute, element_of, memory_type, pack_bits
from nnc.passes.buffers import Buffers
from nnc.passes.diagnostics import concerning
from nnc.passes.layer_names import name_parts
from nnc.passes.overlaps import share_memory
from nnc.passes.results import Results, allocate, describe
from nnc.runtime.registry import Choice, Lowering, Target, choose

KERNEL_CHOICES = ("none", "portable", "cmsis-nn")
OPTIMIZE_CHOICES = ("time", "ram", "flash", "balanced")


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
    - `optimize`: what counts; "flash" leaves out kernels that are larger than loops.
    - `constant_time`: no kernels that read other memory, or more, for some data than for other.

    Each layer keeps the reasons why kernels that are about it could not run it (`declined`).
    """

    name = "nn-to-kernel"

    target: str = "cortex-m4"
    kernels: str = "none"
    optimize: str = "balanced"
    constant_time: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.kernels not in KERNEL_CHOICES:
            known = ", ".join(KERNEL_CHOICES)
            raise PassFailedException(f"expected kernels to be one of {known}, got {self.kernels}")
        try:
            chosen = core(self.target)
        except UnknownCoreError as error:
            raise PassFailedException(str(error)) from error
        if self.optimize not in OPTIMIZE_CHOICES:
            known = ", ".join(OPTIMIZE_CHOICES)
            raise PassFailedException(
                f"expected optimize to be one of {known}, got {self.optimize}"
            )
        small = self.optimize == "flash"
        target = Target(chosen, self.kernels == "cmsis-nn", self.constant_time, small)
        for function in list(op.body.block.ops):
            if isinstance(function, func.FuncOp):
                _Lowering(function, target, self.kernels != "none").run()


class _Lowering:
    """Rebuilds one function, in place."""

    def __init__(self, function: func.FuncOp, target: Target, use_kernels: bool):
        self.function = function
        self.target = target
        self.use_kernels = use_kernels
        self.buffers = Buffers(function)
        self.memory = self.buffers.memory

    def run(self) -> None:
        block = self.function.body.block
        terminator = block.last_op
        assert isinstance(terminator, func.ReturnOp)
        name_parts(block)
        sources = list(block.ops)[:-1]
        inputs = self._inputs()
        outputs = self._outputs()
        for op in sources:
            with concerning(op):
                self._lower(op, terminator)
        Results(terminator, self.buffers.states, self.memory).copy([arg for arg, _ in outputs])
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

    def _outputs(self) -> list[tuple[SSAValue, DictionaryAttr]]:
        """One argument per output; what a layer returns, it writes there at once."""
        block = self.function.body.block
        outputs: list[tuple[SSAValue, DictionaryAttr]] = []
        for k, value in enumerate(self.buffers.outputs):
            arg = block.insert_arg(memory_type(value.type), len(block.args))
            outputs.append((arg, describe(self.function.res_attrs, k, value.type, "output")))
            self.buffers.offer(value, arg)
        return outputs

    def _lower(self, op: Operation, before: Operation) -> None:
        builder = Builder(InsertPoint.before(before))
        if isinstance(op, conversion.ConstantOp):
            self.memory[op.output] = self._constant(op, builder)
            return
        if not isinstance(op, NnOp):
            raise PassFailedException("expected an nn operation; run nn-verify-contract first")
        if self.buffers.moves_nothing(op):
            self.buffers.move(op, builder)
            return
        choice = choose(op, self.target) if self.use_kernels else Choice(None, ())
        in_order = choice.kernel is None or choice.kernel.in_order(self.target)
        for result in op.results:
            self.buffers.destination(op, result, in_order, builder)
        if choice.kernel is None:
            layer = self._lower_to_loops(op, builder)
        else:
            lowering = Lowering(op, self.memory, builder)
            layer = choice.kernel.lower(op, lowering, self.target)
            if in_order:
                share_memory(layer, op)
            else:
                layer.set_same_places(choice.kernel.same_places(op, self.target))
        if self.buffers.overwrites_state(layer):
            layer.properties["in_place"] = UnitAttr()
        layer.properties["tensors"] = ArrayAttr(list(op.result_types))
        if CHANNELS in op.attributes:
            layer.attributes[CHANNELS] = op.attributes[CHANNELS]
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
        for argument, name in zip(nest.body.block.args, _operand_names(op), strict=False):
            argument.name_hint = name
        share_memory(nest, op)
        builder.insert(nest)
        op.lower(LoopBuilder(nest, list(op.operand_types), list(op.result_types)))
        nest.drop_unused()
        return nest


def _operand_names(op: NnOp) -> list[str]:
    """What the op calls its operands and results; those of a list are numbered."""
    definition = op.get_irdl_definition()
    found: list[str] = []
    for name, _ in (*definition.operands, *definition.results):
        field: SSAValue | Sequence[SSAValue] | None = getattr(op, name)
        if isinstance(field, SSAValue):
            found.append(name)
        elif field is not None:
            found += [f"{name}{number}" for number in range(len(field))]
    return found
