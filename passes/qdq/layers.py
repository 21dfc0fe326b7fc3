"""Layers with weights between dequantisation and quantisation."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import TensorType, i32
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.conversion import ConstantOp, DequantizeOp, QuantizeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.qdq.common import DOUBLE, Ending, constant, dequantized, ending, per_tensor

LAYERS = (Conv2DOp, DepthwiseConv2DOp, DenseOp, MatMulOp, ConvTranspose2DOp)


class Layers(RewritePattern):
    """
    quantize(layer(dequantize(x), dequantize(w), b)) is the layer of integers, whose bias counts in
    units of the accumulator.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp):
            return
        end = ending(op)
        layer = None if end is None else end.op
        if end is None or not isinstance(layer, LAYERS):
            return
        input, weights = per_tensor(layer.input), dequantized(layer.weights)
        if input is None or weights is None or not _axis_fits(layer, weights):
            return
        added, bias = _bias(layer, input, weights)
        if layer.bias is not None and bias is None:
            return
        rewriter.replace(op, [*added, _integer(layer, end, input, weights, bias)])


def _axis_fits(layer: AccumulatingOp, weights: SSAValue) -> bool:
    kind = element_of(weights)
    assert isinstance(kind, UniformQuantizedType)
    return kind.axis in (None, layer.weight_axis)


def _integer(
    layer: AccumulatingOp, end: Ending, input: SSAValue, weights: SSAValue, bias: SSAValue | None
) -> Operation:
    properties = {**layer.properties, "rounding": DOUBLE, **end.bounds()}
    return type(layer).create(
        operands=[input, weights, *([] if bias is None else [bias])],
        result_types=[TensorType(end.kind, shape_of(layer.output))],
        properties=properties,
        attributes=dict(layer.attributes),
    )


def _bias(
    layer: AccumulatingOp, input: SSAValue, weights: SSAValue
) -> tuple[list[Operation], SSAValue | None]:
    """
    The bias as integers: stored ones whose scale is that of the products as they are, any other
    constant rounded. None where there is none, or it is not known.
    """
    if layer.bias is None:
        return [], None
    source, kernel = element_of(input), element_of(weights)
    assert isinstance(source, UniformQuantizedType) and isinstance(kernel, UniformQuantizedType)
    unit = source.scales.astype(np.float64) * kernel.scales.astype(np.float64)
    owner = layer.bias.owner
    if isinstance(owner, DequantizeOp):
        kind, stored = element_of(owner.input), constant(owner.input)
        if stored is None or not isinstance(kind, UniformQuantizedType):
            return [], None
        values = (stored.astype(np.float64) - kind.zero_points) * kind.scales.astype(np.float64)
        close = np.allclose(kind.scales.astype(np.float64), unit, rtol=1e-6, atol=0.0)
        codes = stored.astype(np.int64) - kind.zero_points if close else np.rint(values / unit)
    else:
        known = constant(layer.bias)
        if known is None:
            return [], None
        codes = np.rint(known.astype(np.float64) / unit)
    limits = np.iinfo(np.int32)
    whole = np.clip(codes, limits.min, limits.max).astype(np.int32)
    new = ConstantOp.of(whole, i32)
    return [new], new.results[0]


LAYER_PATTERNS: list[RewritePattern] = [Layers()]
