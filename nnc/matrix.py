"""
The 27 combinations of binary, int8 and float32 input, weights and output, as the code has them.

Each row is found out from an op of that combination: what it accumulates in, what becomes of the
sum, and which kernel each core would run it with. All of them run as loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i8
from xdsl.ir import Attribute, Block

from nnc.boards import core
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, numpy_dtype
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import NnBuilder, integer, integers
from nnc.runtime.registry import Target, choose

CORES = ("cortex-m0", "cortex-m4", "cortex-m55")
"""The cores whose kernels are listed: one of each instruction set."""

Kinds: TypeAlias = tuple[str, str, str]
"""The types of input, weights and output, as people call them."""

LAYERS: tuple[type[AccumulatingOp], ...] = (Conv2DOp, DepthwiseConv2DOp, DenseOp)

_CHANNELS = 64
_ELEMENTS: dict[str, Attribute] = {
    "binary": BIN,
    "int8": UniformQuantizedType.per_tensor(i8, 0.0625, 0),
    "float32": f32,
}


@dataclass(frozen=True)
class Combination:
    """One row: `kernels` has a function's name, or `loops`, for each of CORES."""

    layer: str
    input: str
    weights: str
    output: str
    accumulator: str
    epilogue: str
    kernels: tuple[str, ...]


def combinations() -> list[Combination]:
    """All rows: 27 for each layer."""
    return [
        _combination(layer, kinds)
        for layer in LAYERS
        for kinds in product(_ELEMENTS, _ELEMENTS, _ELEMENTS)
    ]


def _combination(layer: type[AccumulatingOp], kinds: Kinds) -> Combination:
    op = example(layer, kinds)
    kernels = [choose(op, Target(core(name))).kernel for name in CORES]
    whole = op.accumulator != f32
    epilogues = {
        "binary": "sign",
        "int8": "requantise" if whole else "round",
        "float32": "scale" if whole else "none",
    }
    return Combination(
        op.kind,
        *kinds,
        "int32" if whole else "float32",
        epilogues[kinds[2]],
        tuple("loops" if kernel is None else kernel.name for kernel in kernels),
    )


def example(layer: type[AccumulatingOp], kinds: Kinds) -> AccumulatingOp:
    """A layer of 64 channels with those types of input, weights and output; its window is 3x3."""
    source, weights, output = (_ELEMENTS[kind] for kind in kinds)
    image = [1, _CHANNELS] if layer is DenseOp else [1, 8, 8, _CHANNELS]
    shape = (1, 3, 3, _CHANNELS) if layer is DepthwiseConv2DOp else (_CHANNELS, 3, 3, _CHANNELS)
    shape = (_CHANNELS, _CHANNELS) if layer is DenseOp else shape
    block = Block(arg_types=[TensorType(source, image)])
    builder = NnBuilder(block)
    values = (np.arange(np.prod(shape)) % 3).reshape(shape).astype(numpy_dtype(weights))
    properties: dict[str, Attribute] = {}
    if layer is not DenseOp:
        properties |= {"strides": integers([1, 1]), "dilations": integers([1, 1])}
        properties["padding"] = integers([1, 1, 1, 1])
    if layer is Conv2DOp:
        properties["groups"] = integer(1)
    if kinds[2] == "int8" and "float32" not in kinds[:2]:
        rounding = Rounding.F64 if layer is DenseOp else Rounding.DOUBLE
        properties["rounding"] = RoundingAttr(rounding)
    op = layer.build(
        operands=[block.args[0], builder.constant(values, weights), None],
        properties=properties,
        result_types=[TensorType(output, image)],
    )
    builder.insert(op)
    op.verify()
    return op
