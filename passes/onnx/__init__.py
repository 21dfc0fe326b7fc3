"""
The rewrites of `onnx-to-nn`, one module per family of operators.

A rewrite registers itself when its module is imported; importing this package imports them all.
"""

from nnc.passes.onnx import (
    arithmetic,
    control,
    convolution,
    functions,
    indexing,
    integers,
    labels,
    matmul,
    maxima,
    ml_common,
    ml_distances,
    ml_encoding,
    ml_kernels,
    ml_linear,
    ml_scaling,
    ml_svm,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduction,
    resizing,
    shaping,
    slicing,
    trees,
)
from nnc.passes.onnx.lowering import REWRITES

__all__ = [
    "REWRITES",
    "arithmetic",
    "control",
    "convolution",
    "functions",
    "indexing",
    "integers",
    "labels",
    "matmul",
    "maxima",
    "ml_common",
    "ml_distances",
    "ml_encoding",
    "ml_kernels",
    "ml_linear",
    "ml_scaling",
    "ml_svm",
    "normalization",
    "pooling",
    "quantization",
    "recurrent",
    "reduction",
    "resizing",
    "shaping",
    "slicing",
    "trees",
]
