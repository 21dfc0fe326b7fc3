"""
Moves transposes towards the end of the network, where they meet their inverse and vanish.

Importers of formats that keep channels first put a transpose before and after each layer on images.
Between two such layers lie ops that do not care for the order of axes. A transpose before such an
op is as good behind it, and so all of them meet: what is left is at the network's edges, where the
network takes and gives its images channels last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriteWalker,
    RewritePattern,
)

from nnc.passes.layout.edges import inputs_last, outputs_last
from nnc.passes.layout.layers import LAYER_PATTERNS
from nnc.passes.layout.moves import drop_unused
from nnc.passes.layout.naming import collect_layouts, name_layers
from nnc.passes.layout.pointwise import POINTWISE_PATTERNS
from nnc.passes.layout.shapes import SHAPE_PATTERNS, Transposes

Io: TypeAlias = Literal["last", "kept"]
"""The order of axes of the network's images: channels last, or as the model has them."""


@dataclass(frozen=True)
class NnSinkTransposesPass(ModulePass):
    """
    Moves `nn.transpose` behind elementwise ops, pads, slices, reductions, concatenations and
    reshapes, joins those that meet, and folds what is left into the weights of dense layers.

    With `io=last` inputs and outputs whose axes would have to be moved are taken and given in the
    order of the layers; `nn.layout` of such an argument or result says which axis of the model's
    tensor each of its axes is. With `io=kept` they keep the model's order. `nn.layouts` of the
    function has the same of the values of layers, by their names.
    """

    name = "nn-sink-transposes"

    io: Io = "last"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [entry for entry in op.body.block.ops if isinstance(entry, FuncOp)]
        for function in functions:
            name_layers(function.body.block)
        if self.io == "last":
            # Before an input is looked at, what the model itself moves there has met its inverse.
            _apply([*POINTWISE_PATTERNS, Transposes()], op)
            for function in functions:
                inputs_last(function)
        _apply([*POINTWISE_PATTERNS, *SHAPE_PATTERNS, *LAYER_PATTERNS], op)
        for function in functions:
            if self.io == "last":
                outputs_last(function)
            drop_unused(function.body.block)
            collect_layouts(function)


def _apply(patterns: list[RewritePattern], module: ModuleOp) -> None:
    PatternRewriteWalker(GreedyRewritePatternApplier(patterns)).rewrite_module(module)
