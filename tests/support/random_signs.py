"""Themes of random networks (`support.random_nn`) in which numbers become signs and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.nn_networks import tensor
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, f32, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.conversion import ClampOp, DequantizeOp, QuantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp
from nnc.dialects.nn.functions import SignOp
from nnc.dialects.nn.movement import SliceOp, TransposeOp
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.reduction import ReduceMeanOp
from nnc.dialects.types import BIN, element_of, shape_of
from nnc.passes.nn_builder import integer, integers, real

if TYPE_CHECKING:
    from support.random_nn import RandomNetwork


def signs(net: RandomNetwork) -> None:
    """Elements moved on both sides of signs that are taken and given back."""
    value = net.input(net.pick(f32, f32, BIN), (1, 4, 4, net.pick(1, 3, 33)))
    for _ in range(net.integer(2, 6)):
        value = _moved(net, value) if net.chance(0.6) else _converted(net, value)
    value = value if element_of(value) == f32 else _converted(net, value)
    if net.chance(0.3):
        mean = tensor(f32, *(1 if axis in (1, 2) else n for axis, n in enumerate(shape_of(value))))
        net.op(ReduceMeanOp, [value], mean, axes=integers([1, 2]))
    value = _converted(net, value)
    if net.chance(0.5):
        value = _converted(net, value)
        size = 1
        for extent in shape_of(value):
            size *= extent
        row = net.op(ReshapeOp, [value], tensor(f32, 1, size))
        net.op(DenseOp, [row, net.constant(f32, (3, size)), None], tensor(f32, 1, 3))


def _converted(net: RandomNetwork, value: SSAValue) -> SSAValue:
    if element_of(value) == BIN:
        return net.op(DequantizeOp, [value], tensor(f32, *shape_of(value)))
    return net.op(QuantizeOp, [value], tensor(BIN, *shape_of(value)))


def _moved(net: RandomNetwork, value: SSAValue) -> SSAValue:
    element, (batch, height, width, channels) = element_of(value), shape_of(value)
    match net.integer(0, 7 if element == f32 else 5):
        case 6:
            return net.op(net.pick(AddOp, SubOp), [value, value], tensor(element, *shape_of(value)))
        case 7:
            return net.op(ClampOp, [value], value.type, min=real(net.pick(0.0, -1.5)))
        case 0:
            return net.op(
                MaxPool2DOp,
                [value],
                tensor(element, batch, height, width, channels),
                kernel=integers([2, 2]),
                strides=integers([1, 1]),
                padding=integers([1, 0, 0, 1]),
            )
        case 1:
            around: Attribute = FloatAttr(net.pick(-1.0, 1.0, 0.0, 2.0), f32)
            if element == BIN:
                around = IntegerAttr(net.integer(0, 1), i64)
            result = tensor(element, batch, height + 1, width + 2, channels)
            return net.op(PadOp, [value], result, before=integers([0, 0, 1, 0]), value=around)
        case 2:
            result = tensor(element, batch, width, height, channels)
            return net.op(TransposeOp, [value], result, permutation=integers([0, 2, 1, 3]))
        case 3:
            last = tensor(element, batch, height, width, 1)
            return net.op(
                SliceOp, [value], last, begin=integers([0] * 4), strides=integers([1] * 4)
            )
        case 4:
            result = tensor(element, batch, height, width, 2 * channels)
            return net.op(ConcatOp, [[value, value]], result, axis=integer(3))
        case _:
            return net.op(ReshapeOp, [value], tensor(element, batch, width, height, channels))


def sums(net: RandomNetwork) -> None:
    """Sums of signs, cut off, moved, averaged, and read by layers of whole and other weights."""
    shape = (1, 4, 4, net.pick(1, 3, 33))
    parts = [_converted(net, net.input(BIN, shape)) for _ in range(net.integer(1, 3))]
    value = parts[0]
    for _ in range(net.integer(1, 9)):
        kind = tensor(f32, *shape)
        match net.integer(0, 3):
            case 0:
                value = net.op(ClampOp, [value], kind, min=real(net.pick(0.0, -1.5)))
            case 1:
                value = net.op(TransposeOp, [value], kind, permutation=integers([0, 2, 1, 3]))
            case _:
                value = net.op(net.pick(AddOp, SubOp), [value, net.pick(value, *parts)], kind)
    pooled = net.op(
        AveragePool2DOp,
        [value],
        tensor(f32, 1, 2, 4, shape[3]),
        kernel=integers([2, 3]),
        strides=integers([2, 1]),
        padding=integers([0, 0, 1, 1]),
    )
    net.op(ReduceMeanOp, [value], tensor(f32, 1, 1, 1, shape[3]), axes=integers([1, 2]))
    source = net.pick(value, pooled)
    net.op(QuantizeOp, [source], tensor(BIN, *shape_of(source)))
    _summed_up(net, value)


def _summed_up(net: RandomNetwork, value: SSAValue) -> None:
    """A layer with float weights, whole or not, or with signs."""
    (batch, height, width, channels), outputs = shape_of(value), net.pick(1, 5)
    weights = net.constant(net.pick(f32, BIN), (outputs, 1, 1, channels))
    if element_of(weights) == f32 and net.chance(0.7):
        weights = net.op(SignOp, [weights], weights.type)
    net.op(
        Conv2DOp,
        [value, weights, net.constant(f32, (outputs,)) if net.chance(0.5) else None],
        tensor(f32, batch, height, width, outputs),
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers([0, 0, 0, 0]),
        groups=integer(1),
        min=real(0.0) if net.chance(0.3) else None,
    )


def thresholds(net: RandomNetwork) -> None:
    """Layers of signs with factors, summands and maxima behind them."""
    value = net.input(BIN, (1, 4, 5, net.pick(1, 3, 33)))
    for _ in range(net.integer(1, 2)):
        value = _normalized(net, value, net.pick(1, 4, 32))


def _normalized(net: RandomNetwork, value: SSAValue, outputs: int) -> SSAValue:
    batch, height, width, channels = shape_of(value)
    kind = tensor(f32, batch, height, width, outputs)
    value = net.op(
        Conv2DOp,
        [
            value,
            net.constant(BIN, (outputs, 3, 3, channels)),
            net.constant(i32, (outputs,)) if net.chance(0.3) else None,
        ],
        kind,
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers([1, 1, 1, 1]),
        groups=integer(1),
        pad_value=integer(net.pick(-1, 1)) if net.chance(0.5) else None,
    )
    for _ in range(net.integer(0, 4)):
        match net.integer(0, 3):
            case 0:
                value = net.op(MulOp, [value, net.constant(f32, (outputs,))], kind)
            case 1:
                value = net.op(AddOp, [value, net.constant(f32, (outputs,))], kind)
            case 2:
                value = net.op(ClampOp, [value], kind, min=real(0.0))
            case _:
                value = net.op(
                    MaxPool2DOp,
                    [value],
                    kind,
                    kernel=integers([2, 2]),
                    strides=integers([1, 1]),
                    padding=integers([0, 1, 0, 1]),
                )
    return net.op(QuantizeOp, [value], tensor(BIN, batch, height, width, outputs))
