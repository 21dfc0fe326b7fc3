"""
The rewrites of `keras-to-nn`, one module per family of layers.

A rewrite registers itself when its module is imported; importing this package imports them all.
"""

from nnc.passes.keras import (
    activation,
    attention,
    convolution,
    custom,
    dense,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
)
from nnc.passes.keras.lowering import REWRITES

__all__ = [
    "REWRITES",
    "activation",
    "attention",
    "convolution",
    "custom",
    "dense",
    "merging",
    "normalization",
    "pooling",
    "preprocessing",
    "recurrent",
    "reshaping",
]
