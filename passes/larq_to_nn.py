"""
From the `larq` dialect to the canonical one: packed words become `!nn.bin`, each layer `nn` ops.

The operations of a Larq model stand between those of another format (TFLite's or Keras'), which
have passes of their own. So this one rewrites in place and leaves the others alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, FunctionType, ModuleOp, NameLoc, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from nnc.dialects.larq.lce import LceOp
from nnc.frontends.errors import FrontendError, Problem
from nnc.passes.diagnostics import place
from nnc.passes.keras.lowering import lower_layers
from nnc.passes.larq import LAYER_REWRITES, REWRITES
from nnc.passes.larq.lowering import LarqNumerics, Lowering
from nnc.passes.nn_builder import UnsupportedError

REMARKS = "nn.remarks"


@dataclass(frozen=True)
class LarqToNnPass(ModulePass):
    """
    Rewrites every `larq` operation of a module into `nn` ops.

    `numerics` says how the Larq compute engine's int8 results round ties: `lce`, away from zero, as
    its interpreter does, or `lce-device`, to the even number, as it does on Arm. Raises
    `FrontendError` with every operation that is not supported.
    """

    name = "larq-to-nn"

    numerics: LarqNumerics = "lce"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        problems: list[Problem] = []
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                _rewrite(function, self.numerics, problems)
        if problems:
            raise FrontendError(problems)
        lower_layers(op, LAYER_REWRITES, "larq")


def _rewrite(function: FuncOp, numerics: LarqNumerics, problems: list[Problem]) -> None:
    block = function.body.block
    remarks: list[str] = []
    failed: set[SSAValue] = set()
    for op in list(block.ops):
        rewrite = REWRITES.get(type(op))
        if rewrite is None:
            continue
        if any(operand in failed for operand in op.operands):
            # What it reads has been reported.
            failed.update(op.results)
            continue
        to = Lowering(op, numerics)
        try:
            _check_readers(op)
            value = rewrite(op, to)
        except UnsupportedError as error:
            problems.append(_problem(op, error))
            failed.update(op.results)
            continue
        value.name_hint = op.results[0].name_hint
        op.results[0].replace_all_uses_with(value)
        op.detach()
        op.erase()
        remarks.extend(f"{where}: {text}" for text in to.remarks for where in [place(to.location)])
    terminator = block.last_op
    if isinstance(terminator, ReturnOp):
        outputs = [operand.type for operand in terminator.operands]
        function.function_type = FunctionType.from_lists(block.arg_types, outputs)
    if remarks:
        function.attributes[REMARKS] = ArrayAttr([StringAttr(text) for text in remarks])


def _check_readers(op: Operation) -> None:
    """Raises UnsupportedError where an operator of another dialect reads packed words."""
    if not isinstance(op, LceOp) or not op.makes_words:
        return
    for use in op.results[0].uses:
        if not isinstance(use.operation, LceOp | ReturnOp):
            raise UnsupportedError(
                f"its packed result is read by {use.operation.name}, which has no binary form",
                "a model that unpacks it first, by LceDequantize, works",
            )


def _problem(op: Operation, error: UnsupportedError) -> Problem:
    layer = op.location.desc.data if isinstance(op.location, NameLoc) else None
    operator = op.CODE if isinstance(op, LceOp) else op.name
    return Problem(error.reason, layer, operator, error.remedy)
