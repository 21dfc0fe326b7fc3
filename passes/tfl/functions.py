"""Rewrites of functions of one tensor."""

from __future__ import annotations

from xdsl.ir import SSAValue

from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.tfl import unary as source
from nnc.passes.tfl.lowering import Lowering, rewrite


@rewrite(source.SoftmaxOp)
def _softmax(op: source.SoftmaxOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    return to.op(SoftmaxOp, [input], to.like(op.output, input), beta=op.beta)
