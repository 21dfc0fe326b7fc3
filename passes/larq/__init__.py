"""
The rewrites of `larq-to-nn`, one module per origin of the operations.

A rewrite registers itself when its module is imported; importing this package imports them all.
"""

from nnc.passes.larq import lce
from nnc.passes.larq.lowering import REWRITES

__all__ = ["REWRITES", "lce"]
