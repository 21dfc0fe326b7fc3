"""The sign of a value is taken once, for all that read it."""

from __future__ import annotations

from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import QuantizeOp
from nnc.dialects.types import BIN, element_of


class SignsOnce(RewritePattern):
    """
    Layers take the sign of their input each by themselves, so that a value that several read has
    several readers; as one, it may vanish in the layer before it.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or element_of(op.output) != BIN:
            return
        for use in op.input.uses:
            other = use.operation
            same = isinstance(other, QuantizeOp) and other.output.type == op.output.type
            if same and other is not op and other.is_before_in_block(op):
                rewriter.replace(op, [], [other.results[0]])
                return
