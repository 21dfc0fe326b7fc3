"""Layers with weights between dequantisation and quantisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i32, i64
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import AddOp
from nnc.dialects.nn.conversion import ConstantOp, DequantizeOp, QuantizeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.passes.nn_builder import flag, make
from nnc.passes.qdq.common import Ending, bits_of, constant, dequantized, ending, per_tensor
from nnc.passes.qdq.contract import Contract

LAYERS = (Conv2DOp, DepthwiseConv2DOp, DenseOp, MatMulOp, ConvTranspose2DOp)


@dataclass(frozen=True)
class Layers(RewritePattern):
    """
    quantize(layer(dequantize(x), dequantize(w), b)) is the layer of integers, whose bias counts in
    units of the accumulator.
    """

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp):
            return
        end = ending(op, self.contract)
        layer = None if end is None else end.op
        if end is None or not isinstance(layer, LAYERS):
            return
        input, weights = per_tensor(layer.input), dequantized(layer.weights)
        if input is None or weights is None or not _axis_fits(layer, weights):
            return
        added, bias = _bias(layer, input, weights)
        if layer.bias is not None and bias is None:
            return
        rewriter.replace(op, [*added, self._integer(layer, end, input, weights, bias)])

    def _integer(
        self,
        layer: AccumulatingOp,
        end: Ending,
        input: SSAValue,
        weights: SSAValue,
        bias: SSAValue | None,
    ) -> Operation:
        properties = {
            **layer.properties,
            "rounding": self.contract.of_layer(bits_of(input)),
            **end.bounds(),
        }
        kind = quantization_of(weights)
        assert kind is not None
        # What TensorFlow Lite Micro does: see `passes/tfl/dense.py`.
        rounded = flag(self.contract.micro and isinstance(layer, DenseOp) and kind.axis is None)
        if rounded is not None:
            properties["f32_product"] = rounded
        return type(layer).create(
            operands=[input, weights, *([] if bias is None else [bias])],
            result_types=[TensorType(end.kind, shape_of(layer.output))],
            properties=properties,
            attributes=dict(layer.attributes),
        )


def _axis_fits(layer: AccumulatingOp, weights: SSAValue) -> bool:
    kind = element_of(weights)
    assert isinstance(kind, UniformQuantizedType)
    return kind.axis in (None, layer.weight_axis)


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
    element, dtype = (i32, np.int32) if bits_of(input) == 8 else (i64, np.int64)
    limits = np.iinfo(dtype)
    # The largest integers are no doubles; the next smaller ones are.
    whole = np.clip(codes, limits.min, np.nextafter(float(limits.max), 0.0)).astype(dtype)
    new = ConstantOp.of(whole, element)
    return [new], new.results[0]


@dataclass(frozen=True)
class SumIsBias(RewritePattern):
    """What is added to each output channel of a layer without a bias is its bias."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, AddOp):
            return
        for value, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            layer = value.owner
            if not isinstance(layer, LAYERS) or layer.bias is not None or not value.has_one_use():
                continue
            if dequantized(layer.input) is None or value.type != op.output.type:
                continue
            found = _of_channels(other, shape_of(value)[-1])
            if found is None:
                continue
            new = type(layer).create(
                operands=[layer.input, layer.weights, found[-1].results[0]],
                result_types=[op.output.type],
                properties=dict(layer.properties),
                attributes=dict(layer.attributes),
            )
            rewriter.replace(op, [*found, new])
            return


def _of_channels(value: SSAValue, channels: int) -> list[Operation] | None:
    """A constant that has a number for each channel, as [channels]; None for any other value."""
    owner = value.owner
    stored = owner.input if isinstance(owner, DequantizeOp) else value
    known, kind = constant(stored), element_of(stored)
    if known is None or not known.size or known.size not in (1, *known.shape[-1:]):
        return None
    if known.size not in (1, channels):
        return None
    if isinstance(kind, UniformQuantizedType) and kind.axis is not None:
        if known.size != channels:
            return None
        kind = UniformQuantizedType.per_axis(kind.storage, 0, kind.scales, kind.zero_points)
    flat = ConstantOp.of(np.array(np.broadcast_to(known.ravel(), channels)), kind)
    if stored is value:
        return [flat]
    real = make(DequantizeOp, [flat.results[0]], TensorType(f32, [channels]))
    return [flat, real]


def layer_patterns(contract: Contract) -> list[RewritePattern]:
    """The patterns of layers under a contract."""
    return [SumIsBias(), Layers(contract)]
