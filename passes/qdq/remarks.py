"""What stays float between dequantisation and quantisation, for the user to know."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, NameLoc, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of
from nnc.passes.nn_tabulate import tabulated

REMARKS = "nn.remarks"


def note_floats(function: FuncOp) -> None:
    """Adds a remark for every op that computes in floats what is quantised before and behind it."""
    given = function.attributes.get(REMARKS)
    remarks = list(given.data) if isinstance(given, ArrayAttr) else []
    before = _derived(function)
    noted: set[Operation] = set()
    for op in function.body.block.ops:
        if not isinstance(op, QuantizeOp) or tabulated(op):
            continue
        if not isinstance(element_of(op.output), UniformQuantizedType):
            continue
        pending: list[SSAValue] = [op.input]
        while pending:
            owner = pending.pop().owner
            if owner in noted or not isinstance(owner, NnOp) or isinstance(owner, DequantizeOp):
                continue
            if not any(value in before for value in owner.operands):
                continue
            noted.add(owner)
            pending.extend(owner.operands)
    for op in function.body.block.ops:
        if op in noted and isinstance(op, NnOp):
            remarks.append(StringAttr(f"{_place(op)}{op.kind} is computed in floats"))
    if remarks:
        function.attributes[REMARKS] = ArrayAttr(remarks)


def _derived(function: FuncOp) -> set[SSAValue]:
    """The floats that depend on dequantised activations."""
    found: set[SSAValue] = set()
    for op in function.body.block.ops:
        if isinstance(op, DequantizeOp):
            constant = isinstance(op.input.owner, Operation) and not op.input.owner.operands
            found.update([] if constant else op.results)
        elif isinstance(op, NnOp) and any(value in found for value in op.operands):
            found.update(op.results)
    return found


def _place(op: Operation) -> str:
    location = op.location
    return f"{location.desc.data}: " if isinstance(location, NameLoc) else ""
