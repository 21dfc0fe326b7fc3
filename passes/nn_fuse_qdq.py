"""
Makes integer layers of float ones between dequantisation and quantisation.

Formats that describe quantisation by such pairs mean integer arithmetic by them. Here it becomes
that, as the numeric contract says: in fixed point, each layer within one unit of the float
arithmetic that the pairs spell out, or as ONNX Runtime or TensorFlow Lite Micro compute it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass

from nnc.passes.nn_rewriter import rewrite
from nnc.passes.qdq.arithmetic import arithmetic_patterns
from nnc.passes.qdq.contract import CONTRACTS, Numerics
from nnc.passes.qdq.edges import CastEarlier, type_arguments
from nnc.passes.qdq.functions import function_patterns
from nnc.passes.qdq.layers import layer_patterns
from nnc.passes.qdq.movement import MOVEMENT_PATTERNS
from nnc.passes.qdq.pooling import pooling_patterns
from nnc.passes.qdq.remarks import note_floats
from nnc.passes.qdq.signed import SIGNED_PATTERNS
from nnc.passes.qdq.weights import WEIGHT_PATTERNS


@dataclass(frozen=True)
class NnFuseQdqPass(ModulePass):
    """
    Rewrites `nn.quantize` of a float op of `nn.dequantize`d tensors of 8 or 16 bits, maybe with a
    clamp between: convolutions, dense layers, matrix products, sums, products, means, pooling,
    softmax, concatenations and movements; `numerics` says how they round. Functions of one tensor
    are left to `nn-tabulate`. Unsigned tensors become signed ones. What stays float is a remark.
    """

    name = "nn-fuse-qdq"

    numerics: Numerics = "onnx"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [CastEarlier()])
        functions = [entry for entry in op.body.block.ops if isinstance(entry, FuncOp)]
        for function in functions:
            type_arguments(function)
        contract = CONTRACTS[self.numerics]
        families = (layer_patterns, arithmetic_patterns, pooling_patterns, function_patterns)
        fused = [pattern for family in families for pattern in family(contract)]
        rewrite(op, [*SIGNED_PATTERNS, *MOVEMENT_PATTERNS, *fused, *WEIGHT_PATTERNS])
        for function in functions:
            note_floats(function)
