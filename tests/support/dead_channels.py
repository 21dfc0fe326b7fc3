"""
Random int8 networks in which channels are dead or constant.

Filters are zero, saturate, or are cut off by a clamp at a value that is not the zero point; weights
on some channels are zero. What is behind them mixes, keeps, joins and flattens channels.
"""

from __future__ import annotations

import numpy as np
from support.arrays import integers as whole_numbers
from support.nn_networks import tensor
from support.random_nn import DOUBLE, U8, RandomNetwork
from xdsl.dialects.builtin import IntegerType, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import binary, placement, pooling, reduction
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.conversion import ClampOp, LookupOp, RequantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.resize import ResizeNearestOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, quantization_of, shape_of
from nnc.passes.nn_builder import integer, integers

SATURATING = 1 << 22


def dead_channels(net: RandomNetwork) -> None:
    """Layers of dead and constant channels, and what reads them."""
    storage = net.pick(i8, i8, i8, U8)
    shape = [net.pick(1, 1, 2), net.integer(1, 4), net.integer(1, 4), net.integer(1, 3)]
    _convolution(net, net.input(net.quantized(storage), shape))
    steps = (_convolution, _convolution, _depthwise, _depthwise, _pool, _join, _arithmetic, _table)
    for _ in range(net.integer(2, 6)):
        net.pick(*steps, _requantized, _bordered, _enlarged)(net, net.take())
    if net.chance(0.3):
        _mean(net, net.values[-1])
    if net.chance(0.5):
        _dense(net, net.values[-1])
    elif net.chance(0.7):
        _convolution(net, net.values[-1])


def _storage(value: SSAValue) -> IntegerType:
    kind = quantization_of(value)
    assert kind is not None
    return kind.storage


def _like(value: SSAValue, *shape: int) -> Attribute:
    return tensor(element_of(value), *shape)


def _filters(
    net: RandomNetwork, x: SSAValue, shape: list[int], axis: int
) -> tuple[UniformQuantizedType, SSAValue, SSAValue | None, dict[str, Attribute]]:
    """The type of a result, weights, perhaps a bias, and bounds; `axis` has the output channels."""
    source, target = quantization_of(x), net.quantized(_storage(x))
    assert source is not None
    outputs = shape[axis]
    scale = target.scale / source.scale * 2.0 ** -net.integer(3, 8)
    weights = whole_numbers(net.numbers, -127, 127, shape)
    bias = whole_numbers(net.numbers, -2000, 2000, (outputs,))
    for channel in range(outputs):
        filter_ = np.moveaxis(weights, axis, 0)[channel]
        match net.pick("alive", "alive", "dead", "saturated", "thin"):
            case "dead":
                filter_[...] = 0
            case "saturated":
                bias[channel] = net.pick(-SATURATING, SATURATING)
            case "thin":
                filter_[..., : net.integer(0, filter_.shape[-1])] = 0
            case _:
                pass
    if net.chance(0.3):
        np.moveaxis(weights, -1, 0)[net.integer(0, shape[-1] - 1)] = 0
    if net.chance(0.5):
        scales = [scale * net.random.uniform(0.5, 1.5) for _ in range(outputs)]
        kind = UniformQuantizedType.per_axis(i8, axis, scales, [0] * outputs)
    else:
        kind = UniformQuantizedType.per_tensor(i8, scale)
    low, high = sorted(
        int(it) for it in whole_numbers(net.numbers, target.storage_min, target.storage_max, (2,))
    )
    bounds: dict[str, Attribute] = {"min": integer(low)} if net.chance(0.4) else {}
    bounds |= {"max": integer(high)} if net.chance(0.2) else {}
    return (
        target,
        net.builder.constant(weights.astype(np.int8), kind),
        net.builder.constant(bias.astype(np.int32), i32) if net.chance(0.8) else None,
        bounds,
    )


def _window(net: RandomNetwork, shape: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Kernel, padding, and the extents of the result of stride 1."""
    kernel = [net.integer(1, min(3, n)) for n in shape[1:3]]
    padding = [net.integer(0, k - 1) for k in kernel for _ in range(2)]
    extents = [
        n + sum(padding[2 * k : 2 * k + 2]) - kernel[k] + 1 for k, n in enumerate(shape[1:3])
    ]
    return kernel, padding, extents


def _convolution(net: RandomNetwork, x: SSAValue) -> None:
    batch, *_, channels = shape = list(shape_of(x))
    kernel, padding, extents = _window(net, shape)
    outputs = net.integer(1, 5)
    target, weights, bias, bounds = _filters(net, x, [outputs, *kernel, channels], 0)
    net.op(
        Conv2DOp,
        [x, weights, bias],
        tensor(target, batch, *extents, outputs),
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers(padding),
        groups=integer(1),
        rounding=DOUBLE,
        **bounds,
    )


def _depthwise(net: RandomNetwork, x: SSAValue) -> None:
    batch, *_, channels = shape = list(shape_of(x))
    kernel, padding, extents = _window(net, shape)
    outputs = channels * net.pick(1, 1, 2)
    target, weights, bias, bounds = _filters(net, x, [1, *kernel, outputs], 3)
    net.op(
        DepthwiseConv2DOp,
        [x, weights, bias],
        tensor(target, batch, *extents, outputs),
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers(padding),
        rounding=DOUBLE,
        **bounds,
    )


def _dense(net: RandomNetwork, x: SSAValue) -> None:
    batch, *rest = shape_of(x)
    depth = int(np.prod(rest))
    row = net.op(ReshapeOp, [x], _like(x, batch, depth))
    outputs = net.integer(1, 4)
    target, weights, bias, bounds = _filters(net, x, [outputs, depth], 0)
    result = tensor(target, batch, outputs)
    net.op(DenseOp, [row, weights, bias], result, rounding=DOUBLE, **bounds)


def _pool(net: RandomNetwork, x: SSAValue) -> None:
    batch, height, width, channels = shape_of(x)
    if min(height, width) < 2:
        return
    net.op(
        net.pick(pooling.MaxPool2DOp, pooling.AveragePool2DOp),
        [x],
        _like(x, batch, height // 2, width // 2, channels),
        kernel=integers([2, 2]),
        strides=integers([2, 2]),
        padding=integers([0, 0, 0, 0]),
    )


def _join(net: RandomNetwork, x: SSAValue) -> None:
    others = [y for y in net.values if y.type == x.type]
    parts = [x, net.pick(*others)] if net.chance(0.8) else [x, _constant(net, x)]
    net.random.shuffle(parts)
    axis = net.pick(3, 3, 1)
    shape = list(shape_of(x))
    shape[axis] *= 2
    net.op(placement.ConcatOp, [parts], _like(x, *shape), axis=integer(axis))


def _constant(net: RandomNetwork, like: SSAValue) -> SSAValue:
    return net.constant(element_of(like), shape_of(like))


def _arithmetic(net: RandomNetwork, x: SSAValue) -> None:
    kind = net.pick(AddOp, AddOp, SubOp, MulOp, binary.MaximumOp)
    alike = [y for y in net.values if shape_of(y) == shape_of(x)]
    alike = [y for y in alike if element_of(y) == element_of(x) or kind is not binary.MaximumOp]
    element = element_of(x)
    wide = net.constant(element, shape_of(x)[-1:])
    other = net.pick(net.pick(*alike), wide, net.uniform(element, (1,)))
    rounding = None if kind is binary.MaximumOp else DOUBLE
    net.op(kind, [x, other], x.type, rounding=rounding)


def _table(net: RandomNetwork, x: SSAValue) -> None:
    if net.chance(0.5):
        net.op(ClampOp, [x], x.type, min=integer(net.integer(0, 60)))
        return
    target = net.quantized(_storage(x))
    values: Array = net.array(target, (256,))
    table = net.builder.constant(np.sort(values) if net.chance(0.5) else values, target)
    net.op(LookupOp, [x, table], tensor(target, *shape_of(x)))


def _requantized(net: RandomNetwork, x: SSAValue) -> None:
    target = net.quantized(_storage(x))
    net.op(RequantizeOp, [x], tensor(target, *shape_of(x)), rounding=DOUBLE)


def _bordered(net: RandomNetwork, x: SSAValue) -> None:
    batch, height, width, channels = shape_of(x)
    if max(height, width) > 4:
        return
    kind = quantization_of(x)
    assert kind is not None
    more = net.pick(0, 0, 0, 1)
    net.op(
        placement.PadOp,
        [x],
        _like(x, batch, height + 1, width + 2, channels + more),
        before=integers([0, 0, 1, 0]),
        value=integer(net.pick(kind.zero_point, kind.storage_max)),
    )


def _enlarged(net: RandomNetwork, x: SSAValue) -> None:
    batch, height, width, channels = shape_of(x)
    if max(height, width) > 3:
        return
    net.op(
        ResizeNearestOp,
        [x],
        _like(x, batch, 2 * height, 2 * width, channels),
        rows=integers([row // 2 for row in range(2 * height)]),
        columns=integers([column // 2 for column in range(2 * width)]),
    )


def _mean(net: RandomNetwork, x: SSAValue) -> None:
    batch, *_, channels = shape_of(x)
    target = net.quantized(_storage(x))
    result = tensor(target, batch, 1, 1, channels)
    net.op(reduction.ReduceMeanOp, [x], result, axes=integers([1, 2]), rounding=DOUBLE)
