"""
From the `keras` dialect to the canonical one: what Keras means, said explicitly.

Defaults, paddings and orders of axes become numbers, weights get the layout of `nn`, activations
become clamps or ops of their own. The arithmetic is float32; results agree with Keras up to the
order of summation.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from nnc.passes.keras import REWRITES
from nnc.passes.keras.lowering import lower_layers


@dataclass(frozen=True)
class KerasToNnPass(ModulePass):
    """
    Rewrites every layer of Keras into `nn` ops.

    Raises `FrontendError` with every layer that is not supported. Layers of other dialects in the
    same function stay, and are rewritten by their own pass.
    """

    name = "keras-to-nn"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        lower_layers(op, REWRITES, "keras")
