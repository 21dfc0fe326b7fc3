"""A layer as a loop nest: the lowering that every `nn` op has."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import memref
from xdsl.dialects.builtin import DenseArrayBase, StringAttr, i32
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.traits import IsolatedFromAbove, NoTerminator
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.kernel.operation import KernelOp


@irdl_op_definition
class NestOp(KernelOp):
    """
    Loops, loads, stores and scalar arithmetic over buffers; one C function.

    The block has one argument for each input, output and scratch buffer, in that order.

    ```mlir
    kernel.nest "relu" ins(%x) outs(%y) scratch() : memref<4xf32>, memref<4xf32> { ... }
    ```
    """

    name = "kernel.nest"

    kind = prop_def(StringAttr)
    body = region_def("single_block")

    traits = traits_def(IsolatedFromAbove(), NoTerminator())

    assembly_format = (
        "$kind `ins` `(` $inputs `)` `outs` `(` $outputs `)` `scratch` `(` $scratch `)` attr-dict "
        "`:` `(` type($inputs) `)` `->` `(` type($outputs) `)` `,` `(` type($scratch) `)` $body"
    )

    def __init__(
        self,
        kind: str,
        inputs: Sequence[SSAValue],
        outputs: Sequence[SSAValue],
        scratch: Sequence[SSAValue] = (),
    ):
        operands = [*inputs, *outputs, *scratch]
        super().__init__(
            operands=[inputs, outputs, scratch],
            properties={"kind": StringAttr(kind)},
            regions=[Region(Block(arg_types=[operand.type for operand in operands]))],
        )

    @property
    def title(self) -> str:
        return self.kind.data

    def add_input(self, value: SSAValue) -> SSAValue:
        """Adds an input behind the others and returns its block argument."""
        index = len(self.inputs)
        sizes = (index + 1, len(self.outputs), len(self.scratch))
        outputs, scratch = tuple(self.outputs), tuple(self.scratch)
        self.operands = [*self.inputs, value, *outputs, *scratch]
        self.properties["operandSegmentSizes"] = _segments(sizes)
        return self.body.block.insert_arg(value.type, index)

    def drop_unused(self) -> None:
        """Erases the computations whose results nobody uses, and what only they have read."""
        _drop_unused(self.body.block)
        args = list(self.body.block.args)
        first = len(self.inputs) + len(self.outputs)
        inputs = [k for k in range(len(self.inputs)) if args[k].first_use is not None]
        scratch = [k for k in range(first, len(args)) if args[k].first_use is not None]
        outputs = range(len(self.inputs), first)
        numbers = {old: new for new, old in enumerate(inputs)}
        overlaps = [(numbers[i], o, d) for i, o, d in self.overlaps if i in numbers]
        same_places = [(numbers[i], o) for i, o in self.same_places if i in numbers]
        kept = [*inputs, *outputs, *scratch]
        self.operands = [self.operands[k] for k in kept]
        self.properties["operandSegmentSizes"] = _segments(
            (len(inputs), len(outputs), len(scratch))
        )
        self.set_overlaps(overlaps)
        self.set_same_places(same_places)
        for k in sorted(set(range(len(args))).difference(kept), reverse=True):
            self.body.block.erase_arg(args[k])

    def verify_(self) -> None:
        super().verify_()
        want: list[Attribute] = [operand.type for operand in self.operands]
        have: list[Attribute] = [arg.type for arg in self.body.block.args]
        if want != have:
            raise VerifyException(f"expected block arguments of types {want}, got {have}")


def _drop_unused(block: Block) -> None:
    for op in reversed(list(block.ops)):
        used = any(result.first_use is not None for result in op.results)
        if op.results and not used and not _stores(op):
            op.detach()
            op.erase()
            continue
        for region in op.regions:
            for inner in region.blocks:
                _drop_unused(inner)


def _stores(op: Operation) -> bool:
    return any(isinstance(inner, memref.StoreOp) for inner in op.walk())


def _segments(sizes: Sequence[int]) -> Attribute:
    return DenseArrayBase.from_list(i32, list(sizes))
