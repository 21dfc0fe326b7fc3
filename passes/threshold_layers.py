"""
Layers that give signs: what `nn-fuse-thresholds` makes of the place where a sign changes.

A layer gives a sign by itself; its bias says below which sum it is negative. A float is compared
with a number for each channel by a depthwise convolution of one position, whose weights are signs.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.ir import Attribute, Operation, SSAValue

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.conversion import ConstantOp, QuantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import DepthwiseConv2DOp
from nnc.dialects.types import BIN, Array, element_of, shape_of
from nnc.passes.nn_builder import integers, make
from nnc.passes.step_functions import Signs, float_at, negated

_CLAMPS = ("min", "max", "operandSegmentSizes")


def thresholded(layer: AccumulatingOp, change: Signs) -> list[Operation] | None:
    """The layer with a binary result, behind its constants; None where it cannot be turned."""
    ops: list[Operation] = []
    weights = layer.weights
    if not change.rising.all():
        turned = negated(weights)
        if turned is None:
            return None
        assert isinstance(weights.owner, ConstantOp)
        shape = [1] * turned.ndim
        shape[layer.weight_axis] = -1
        kept = np.where(change.rising.reshape(shape), weights.owner.values, turned)
        ops.append(ConstantOp.of(kept, element_of(weights)))
        weights = ops[-1].results[0]
    ops.append(_whole_bias(layer, change) if layer.accumulator == i32 else _float_bias(change))
    properties = {name: it for name, it in layer.properties.items() if name not in _CLAMPS}
    new = type(layer).build(
        operands=[layer.input, weights, ops[-1].results[0]],
        properties=properties,
        result_types=[TensorType(BIN, shape_of(layer.output))],
    )
    return [*ops, new]


def _whole_bias(layer: AccumulatingOp, change: Signs) -> ConstantOp:
    """What turns the sign of a whole sum at the threshold."""
    bias = np.zeros(change.first.shape, np.int64)
    if layer.bias is not None:
        assert isinstance(layer.bias.owner, ConstantOp)
        bias = layer.bias.owner.values.astype(np.int64)
    # Rising: sum + bias < first. Falling: sum + bias > first, that is -sum - bias + first < 0.
    offset = np.where(change.rising, bias - change.first, change.first - bias)
    return ConstantOp.of(offset.astype(np.int32), i32)


def _float_bias(change: Signs) -> ConstantOp:
    """The same for floats: a difference is negative exactly where its first number is smaller."""
    return ConstantOp.of(_offsets(change), f32)


def _offsets(change: Signs) -> Array:
    first = float_at(change.first)
    return np.where(change.rising, -first, first).astype(np.float32)


def compared(value: SSAValue, change: Signs) -> list[Operation]:
    """The sign of a float that changes at a number of its channel."""
    shape = shape_of(value)
    binary = TensorType(BIN, shape)
    if change.rising.all() and not change.first.any():
        return [make(QuantizeOp, [value], binary)]
    channels = shape[-1]
    image = shape if len(shape) == 4 else (1, 1, int(np.prod(shape[:-1])), channels)
    ops: list[Operation] = []

    def reshaped(it: SSAValue, to: TensorType[Attribute]) -> SSAValue:
        if it.type != to:
            ops.append(make(ReshapeOp, [it], to))
        return ops[-1].results[0] if it.type != to else it

    source = reshaped(value, TensorType(f32, image))
    weights = ConstantOp.of(~change.rising.reshape(1, 1, 1, channels), BIN)
    bias = _float_bias(change)
    layer = make(
        DepthwiseConv2DOp,
        [source, weights.output, bias.output],
        TensorType(BIN, image),
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers([0, 0, 0, 0]),
    )
    ops.extend([weights, bias, layer])
    reshaped(layer.output, binary)
    return ops
