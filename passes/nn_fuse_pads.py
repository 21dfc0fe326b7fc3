"""
Turns padding that stands by itself into padding of the layer that reads it.

Convolutions and poolings skip what lies outside their input; a padded copy of it costs memory and
time. The two are the same where the padded value changes nothing: a real 0 in a sum, and what is
not larger than any other value in a maximum.
"""

from __future__ import annotations

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, IntegerAttr, IntegerType, ModuleOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.convolution import Conv2DOp, DepthwiseConv2DOp
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BinType, element_of, numpy_dtype, quantization_of, shape_of
from nnc.passes.bounds import Bounded, bounds_of
from nnc.passes.nn_builder import integer, integers
from nnc.passes.nn_rewriter import rewrite


class NnFusePadsPass(ModulePass):
    """
    A pad of height and width becomes padding of the `nn.conv2d`, `nn.depthwise_conv2d` or
    `nn.max_pool2d` that reads it, if the values that it adds make no difference there, or are signs
    that the layer can pad with.
    """

    name = "nn-fuse-pads"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Fuse()])


class _Fuse(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, Conv2DOp | DepthwiseConv2DOp | MaxPool2DOp):
            return
        pad = op.input.owner
        if not isinstance(pad, PadOp) or not _is_spatial(pad):
            return
        padding = [a + b for a, b in zip(op.padding.get_values(), _padding(pad), strict=True)]
        new = op.clone()
        new.operands[0] = pad.input
        new.properties["padding"] = integers(padding)
        if isinstance(op, MaxPool2DOp):
            assert isinstance(new, MaxPool2DOp)
            neutral = _is_lowest(pad, new)
        elif isinstance(element_of(pad.input), BinType):
            neutral = _surrounds(pad, op)
            new.properties["pad_value"] = _sign(pad)
        else:
            neutral = _is_zero(pad, op.weights)
        if not neutral:
            new.erase()
            return
        rewriter.replace(op, new)


def _is_spatial(pad: PadOp) -> bool:
    """Whether only height and width of an image grow."""
    before, after = shape_of(pad.input), shape_of(pad.output)
    return len(before) == 4 and (before[0], before[3]) == (after[0], after[3])


def _padding(pad: PadOp) -> list[int]:
    """Top, bottom, left, right."""
    _, top, left, _ = pad.before.get_values()
    _, height, width, _ = shape_of(pad.input)
    _, new_height, new_width, _ = shape_of(pad.output)
    return [top, new_height - height - top, left, new_width - width - left]


def _sign(pad: PadOp) -> IntegerAttr[IntegerType]:
    """What the pad adds to a binary tensor, as a number."""
    return integer(-1 if pad.value.value.data else 1)


def _surrounds(pad: PadOp, layer: Conv2DOp | DepthwiseConv2DOp) -> bool:
    """Whether a layer's own padding is none, or of the same sign as the pad's."""
    return not any(layer.padding.get_values()) or layer.pad_value == _sign(pad)


def _is_zero(pad: PadOp, weights: SSAValue) -> bool:
    """Whether the pad adds a real 0, which no weight turns into anything else."""
    element, value = element_of(pad.input), pad.value.value.data
    if isinstance(element, UniformQuantizedType):
        return element.axis is None and value == element.zero_point and _are_finite(weights)
    plain = isinstance(element, Float32Type | IntegerType)
    return plain and value == 0 and _are_finite(weights)


def _are_finite(weights: SSAValue) -> bool:
    if quantization_of(weights) is not None or not isinstance(element_of(weights), Float32Type):
        return True
    constant = weights.owner
    if not isinstance(constant, ConstantOp) or constant.is_elided:
        return False
    return bool(np.isfinite(constant.values).all())


def _is_lowest(pad: PadOp, pooled: MaxPool2DOp) -> bool:
    """
    Whether the pad adds a value that is not above any other of a window. What is known not to be
    below it, an activation say, will do, if every window has such a value.
    """
    element, value = element_of(pad.input), pad.value.value.data
    if value == _smallest(element):
        return True
    owner = pad.input.owner
    low = bounds_of(owner)[0] if isinstance(owner, Bounded) else None
    return low is not None and low >= value and pooled.window().reads()


def _smallest(element: Attribute) -> float:
    if isinstance(element, Float32Type):
        return -np.inf
    if isinstance(element, UniformQuantizedType):
        return int(np.iinfo(str(numpy_dtype(element))).min)
    # Of a binary tensor 1 is -1.
    return 1 if isinstance(element, BinType) else np.nan
