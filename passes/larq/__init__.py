"""
The rewrites of `larq-to-nn`, one module per origin of the operations.

A rewrite registers itself when its module is imported; importing this package imports them all.
"""

from nnc.passes.larq import layers, lce
from nnc.passes.larq.lowering import REWRITES
from nnc.passes.larq.quantizers import LAYER_REWRITES

__all__ = ["LAYER_REWRITES", "REWRITES", "layers", "lce"]
