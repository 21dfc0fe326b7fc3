"""
Computes at compile time what does not depend on the network's inputs.

Converters leave shape arithmetic, dequantised weights and transposed constants in the graph. By the
reference semantics their results are known; as constants they cost flash instead of RAM and time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_rewriter import rewrite


@dataclass(frozen=True)
class NnFoldConstantsPass(ModulePass):
    """
    Replaces ops of constant operands by their results, and erases ops that nobody uses.

    `largest` is the number of bytes up to which a result becomes a constant.
    """

    name = "nn-fold-constants"

    largest: int = 1 << 20

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Fold(self.largest)])


@dataclass
class _Fold(RewritePattern):
    largest: int

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, NnOp) or not op.operands:
            return
        constants = [v.owner.values for v in op.operands if isinstance(v.owner, ConstantOp)]
        if len(constants) != len(op.operands) or _bytes(op) > self.largest:
            return
        results = op.evaluate(*constants)
        folded = [
            ConstantOp.of(values, element_of(result))
            for values, result in zip(results, op.results, strict=True)
        ]
        rewriter.replace(op, folded, [constant.output for constant in folded])


def _bytes(op: NnOp) -> int:
    return sum(
        int(np.prod(shape_of(result), dtype=np.int64)) * numpy_dtype(element_of(result)).itemsize
        for result in op.results
    )
