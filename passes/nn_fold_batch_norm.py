"""
Folds what scales and moves the channels of a float layer into the layer's weights and bias.

Batch normalisation is a factor and a summand for each channel. Behind a convolution or a dense
layer both can be part of the weights, and cost nothing. The sums are rounded elsewhere then, so
this is no exact pass: results agree as floats do, and quantised layers are left alone.
"""

from __future__ import annotations

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.conversion import ConstantOp, ReshapeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.types import Array, element_of, shape_of
from nnc.passes.nn_builder import make
from nnc.passes.nn_rewriter import rewrite

_LAYERS = (Conv2DOp, DepthwiseConv2DOp, ConvTranspose2DOp, DenseOp)


class NnFoldBatchNormPass(ModulePass):
    """
    A product with, or a sum with, a constant for each channel becomes part of the float
    `nn.conv2d`, `nn.depthwise_conv2d`, `nn.conv_transpose2d` or `nn.dense` that alone computes the
    other operand, if that has constant weights and clamps nothing.
    """

    name = "nn-fold-batch-norm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Fold()])


class _Fold(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, MulOp | AddOp | SubOp) or op.min is not None or op.max is not None:
            return
        pairs = (
            [(op.lhs, op.rhs)] if isinstance(op, SubOp) else [(op.lhs, op.rhs), (op.rhs, op.lhs)]
        )
        for value, other in pairs:
            layer = _layer(value)
            if layer is None or value.type != op.output.type:
                continue
            numbers = _per_channel(other, shape_of(layer.output)[-1], len(shape_of(value)))
            if numbers is None:
                continue
            factor = numbers if isinstance(op, MulOp) else None
            summand = -numbers if isinstance(op, SubOp) else numbers
            new = _folded(layer, factor, None if factor is not None else summand)
            if value.type != layer.output.type:
                new.append(make(ReshapeOp, [new[-1].results[0]], op.output.type))
            rewriter.replace(op, new)
            return


def _layer(value: SSAValue) -> AccumulatingOp | None:
    """
    The float layer that computes a value, through reshapes that keep the channels, and that nothing
    else reads.
    """
    channels = shape_of(value)[-1:]
    while isinstance(value.owner, ReshapeOp) and value.has_one_use():
        value = value.owner.input
        if shape_of(value)[-1:] != channels:
            return None
    layer = value.owner
    if not isinstance(layer, _LAYERS) or not value.has_one_use():
        return None
    constants = [layer.weights, *([layer.bias] if layer.bias is not None else [])]
    floats = all(element_of(it) == f32 for it in (layer.input, layer.output, *constants))
    known = all(isinstance(it.owner, ConstantOp) for it in constants)
    free = layer.min is None and layer.max is None
    return layer if floats and known and free else None


def _per_channel(value: SSAValue, channels: int, rank: int) -> Array | None:
    """The numbers of a constant that differ along the last axis only, one for each channel."""
    shape = shape_of(value)
    if not isinstance(value.owner, ConstantOp) or element_of(value) != f32 or len(shape) > rank:
        return None
    if any(size != 1 for size in shape[:-1]) or (shape and shape[-1] not in (1, channels)):
        return None
    return np.broadcast_to(value.owner.values.astype(np.float64).ravel(), channels)


def _folded(layer: AccumulatingOp, factor: Array | None, summand: Array | None) -> list[Operation]:
    """The layer whose sums are multiplied by the factors, or have the summands added."""
    assert isinstance(layer.weights.owner, ConstantOp)
    weights = layer.weights.owner.values.astype(np.float64)
    bias = np.zeros(shape_of(layer.output)[-1])
    if layer.bias is not None:
        assert isinstance(layer.bias.owner, ConstantOp)
        bias = layer.bias.owner.values.astype(np.float64)
    ops: list[Operation] = []
    operands: list[SSAValue | None] = [layer.input, layer.weights, layer.bias]
    if factor is not None:
        axis = layer.weight_axis
        shape = [-1 if it == axis else 1 for it in range(weights.ndim)]
        ops.append(_constant(weights * factor.reshape(shape)))
        operands[1] = ops[-1].results[0]
        bias = bias * factor
    if factor is None or layer.bias is not None:
        ops.append(_constant(bias if summand is None else bias + summand))
        operands[2] = ops[-1].results[0]
    kind = TensorType(f32, shape_of(layer.output))
    new = type(layer).build(
        operands=operands, properties=dict(layer.properties), result_types=[kind]
    )
    return [*ops, new]


def _constant(values: Array) -> ConstantOp:
    return ConstantOp.of(values.astype(np.float32), f32)
