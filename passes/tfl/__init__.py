"""
The rewrites of `tfl-to-nn`, one module per family of operators.

A rewrite registers itself when its module is imported; importing this package imports them all.
"""

from nnc.passes.tfl import (
    arithmetic,
    basic_lstm,
    blocks,
    conversion,
    convolution,
    dense,
    functions,
    indexing,
    joining,
    logic,
    lstm,
    matmul,
    normalization,
    padding_ops,
    pooling,
    recurrent,
    reduction,
    resizing,
    shaping,
    slicing,
    variables,
)
from nnc.passes.tfl.lowering import REWRITES

__all__ = [
    "REWRITES",
    "arithmetic",
    "basic_lstm",
    "blocks",
    "conversion",
    "convolution",
    "dense",
    "functions",
    "indexing",
    "joining",
    "logic",
    "lstm",
    "matmul",
    "normalization",
    "padding_ops",
    "pooling",
    "recurrent",
    "reduction",
    "resizing",
    "shaping",
    "slicing",
    "variables",
]
