"""A layer as a loop nest: the lowering that every `nn` op has."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import DenseArrayBase, MemRefType, StringAttr, UnitAttr, i32
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import IsolatedFromAbove, NoTerminator
from xdsl.utils.exceptions import VerifyException


@irdl_op_definition
class NestOp(IRDLOperation):
    """
    Loops, loads, stores and scalar arithmetic over buffers; one C function.

    Destination-passing: reads `inputs`, writes every element of `outputs`, and may write and read
    `scratch`. The block has one argument for each of them, in that order. `in_place` says that an
    output may share memory with an input, so the C function must not assume otherwise.

    ```mlir
    kernel.nest "relu" ins(%x) outs(%y) scratch() : memref<4xf32>, memref<4xf32> { ... }
    ```
    """

    name = "kernel.nest"

    kind = prop_def(StringAttr)
    inputs = var_operand_def(MemRefType)
    outputs = var_operand_def(MemRefType)
    scratch = var_operand_def(MemRefType)
    in_place = opt_prop_def(UnitAttr)
    body = region_def("single_block")

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(IsolatedFromAbove(), NoTerminator())

    assembly_format = (
        "$kind `ins` `(` $inputs `)` `outs` `(` $outputs `)` `scratch` `(` $scratch `)` "
        "(`in_place` $in_place^)? attr-dict `:` `(` type($inputs) `)` `->` `(` type($outputs) `)` "
        "`,` `(` type($scratch) `)` $body"
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

    def add_input(self, value: SSAValue) -> SSAValue:
        """Adds an input behind the others and returns its block argument."""
        index = len(self.inputs)
        sizes = (index + 1, len(self.outputs), len(self.scratch))
        outputs, scratch = tuple(self.outputs), tuple(self.scratch)
        self.operands = [*self.inputs, value, *outputs, *scratch]
        self.properties["operandSegmentSizes"] = _segments(sizes)
        return self.body.block.insert_arg(value.type, index)

    def verify_(self) -> None:
        want: list[Attribute] = [operand.type for operand in self.operands]
        have: list[Attribute] = [arg.type for arg in self.body.block.args]
        if want != have:
            raise VerifyException(f"expected block arguments of types {want}, got {have}")


def _segments(sizes: Sequence[int]) -> Attribute:
    return DenseArrayBase.from_list(i32, list(sizes))
