"""
Makes integer layers of float ones between dequantisation and quantisation.

Formats that describe quantisation by such pairs mean integer arithmetic by them. Here it becomes
that, in fixed point: each layer within one unit of the float arithmetic that the pairs spell out.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from nnc.passes.nn_rewriter import rewrite
from nnc.passes.qdq.layers import LAYER_PATTERNS
from nnc.passes.qdq.movement import MOVEMENT_PATTERNS
from nnc.passes.qdq.others import OTHER_PATTERNS


class NnFuseQdqPass(ModulePass):
    """
    Rewrites `nn.quantize` of a float op of `nn.dequantize`d tensors of 8 bits, maybe with a clamp
    between: convolutions, dense layers, matrix products, sums, products, means, pooling,
    concatenations and movements. Functions of one tensor are left to `nn-tabulate`.
    """

    name = "nn-fuse-qdq"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [*MOVEMENT_PATTERNS, *LAYER_PATTERNS, *OTHER_PATTERNS])
