"""
Random networks of `nn` ops in which there is something to simplify.

Importers seldom produce what the exact passes look for, so these networks are made for them: layers
with clamps behind and pads before, conversions in a row, elements moved to and fro. A theme is
a function that adds a few ops of one kind.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from support.arrays import integers as whole_numbers
from support.nn_networks import tensor
from support.random_signs import signs, sums, thresholds
from xdsl.dialects.builtin import (
    Float32Type,
    IntegerType,
    ModuleOp,
    NameLoc,
    NoneAttr,
    Signedness,
    StringAttr,
    UnknownLoc,
    f32,
    i1,
    i8,
    i16,
    i32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from nnc.dialects.nn import binary, functions, logic, movement, placement, pooling
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.base import NnOp, RoundingAttr
from nnc.dialects.nn.conversion import (
    CastOp,
    ClampOp,
    DequantizeOp,
    QuantizeOp,
    RequantizeOp,
    ReshapeOp,
)
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.quantized import stored_range
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, Array, element_of, numpy_dtype, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import NnBuilder, flag, integer, integers, real

T = TypeVar("T")
DOUBLE = RoundingAttr(Rounding.DOUBLE)
U8 = IntegerType(8, Signedness.UNSIGNED)


class RandomNetwork:
    """A network under construction and the source of every decision about it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.block = Block()
        self.builder = NnBuilder(self.block)
        self.values: list[SSAValue] = []
        self._layers = 0

    # Decisions.

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random.random() < probability

    def integer(self, low: int, high: int) -> int:
        """A uniform integer of `[low, high]`."""
        return self.random.randint(low, high)

    def pick(self, *options: T) -> T:
        """One of the options."""
        return self.random.choice(options)

    def quantized(self, storage: IntegerType | None = None) -> UniformQuantizedType:
        """A quantised type of 8 bits, or of the given ones; its scale is often a power of two."""
        storage = self.pick(i8, i8, U8) if storage is None else storage
        scale = 2.0 ** self.integer(-7, 1)
        if self.chance(0.5):
            scale = float(np.float32(scale * self.random.uniform(0.5, 1.5)))
        low, high = stored_range(storage)
        wide = storage.width.data > 8
        zero_point = 0 if wide else self.pick(low, 0 if low else 128, self.integer(low, high))
        return UniformQuantizedType.per_tensor(storage, scale, zero_point)

    def array(self, element: Attribute, shape: Sequence[int]) -> Array:
        """Random stored values; those of floats have few bits, so that sums of them are exact."""
        if isinstance(element, Float32Type):
            return (whole_numbers(self.numbers, -32, 32, shape) / 8).astype(np.float32)
        if element in (BIN, i1):
            return whole_numbers(self.numbers, 0, 1, shape).astype(np.bool_)
        low, high = (-100, 100) if element == i32 else stored_range(element)
        return whole_numbers(self.numbers, low, high, shape).astype(numpy_dtype(element))

    # Values.

    def input(self, element: Attribute, shape: Sequence[int]) -> SSAValue:
        """A new input of the network."""
        arg = self.block.insert_arg(tensor(element, *shape), len(self.block.args))
        self.values.append(arg)
        return arg

    def constant(self, element: Attribute, shape: Sequence[int]) -> SSAValue:
        """A new constant."""
        return self.builder.constant(self.array(element, shape), element)

    def uniform(self, element: Attribute, shape: Sequence[int]) -> SSAValue:
        """A new constant of one value."""
        values = np.broadcast_to(self.array(element, (1,)), shape)
        return self.builder.constant(np.array(values), element)

    def op(
        self,
        kind: type[NnOp],
        operands: Sequence[SSAValue | Sequence[SSAValue] | None],
        result: Attribute,
        **properties: Attribute | None,
    ) -> SSAValue:
        """A new value; sometimes a layer has several ops."""
        if self.chance(0.8) or not self._layers:
            self._layers += 1
            self.builder.location = NameLoc(StringAttr(f"model:{self._layers}"), NoneAttr())
        value = self.builder.op(kind, operands, result, **properties)
        self.values.append(value)
        return value

    def take(self) -> SSAValue:
        """A value, a late one most of the time."""
        return self.values[-1] if self.chance(0.8) else self.pick(*self.values)

    def finish(self) -> ModuleOp:
        """The network; its outputs are the last value and perhaps others."""
        outputs = [self.values[-1]]
        outputs += [value for value in self.values[:-1] if self.chance(0.15)]
        self.builder.location = UnknownLoc()
        self.builder.insert(ReturnOp(*outputs))
        types = list(self.block.arg_types), [value.type for value in outputs]
        module = ModuleOp([FuncOp("main", types, Region(self.block))])
        module.verify()
        return module

    def samples(self, count: int) -> list[list[Array]]:
        """Inputs."""
        args = list(self.block.args)
        return [[self.array(element_of(a), shape_of(a)) for a in args] for _ in range(count)]


# Elements moved to and fro.


def moved(net: RandomNetwork) -> None:
    """Reshapes, transposes, slices, pads, concatenations."""
    element = net.pick(f32, i8, i16, BIN, net.quantized())
    shape = [net.integer(1, 4) for _ in range(net.integer(1, 4))]
    if element == BIN:
        shape[-1] = net.pick(1, 3, 32, 33, 64)
    net.input(element, shape)
    steps = (_reshape, _transpose, _transpose, _slice, _slices, _pad, _repeat, _concat)
    for _ in range(net.integer(3, 9)):
        net.pick(*steps)(net, net.take())


def joined(net: RandomNetwork) -> None:
    """Values that are computed, cut and joined again along the first axes, so that they share."""
    element = net.pick(f32, i8, i16, BIN, net.quantized())
    shape = [*[1] * net.integer(0, 2), net.integer(1, 3), net.integer(1, 3), net.integer(1, 3)]
    if element == BIN:
        shape[-1] = net.pick(3, 32, 64)
    net.input(element, shape)
    for _ in range(net.integer(5, 10)):
        x = net.take()
        net.pick(_changed, _changed, _rows, _joined, _joined, _reshape)(net, x)


def _changed(net: RandomNetwork, x: SSAValue) -> None:
    element, shape = element_of(x), shape_of(x)
    if element == BIN:
        _cut(net, x, [extent - 1 for extent in shape], [-1] * len(shape), shape)
    elif element in (i8, i16):
        net.op(logic.NotOp, [x], x.type)
    else:
        _bound(net, x)


def _first(shape: Sequence[int]) -> int:
    """The outermost axis of more than one index."""
    return next((axis for axis, extent in enumerate(shape) if extent > 1), 0)


def _rows(net: RandomNetwork, x: SSAValue) -> None:
    shape = list(shape_of(x))
    axis = _first(shape)
    count = net.integer(1, shape[axis])
    begin = [0] * len(shape)
    begin[axis] = net.integer(0, shape[axis] - count)
    shape[axis] = count
    _cut(net, x, begin, [1] * len(shape), shape)


def _joined(net: RandomNetwork, x: SSAValue) -> None:
    if int(np.prod(shape_of(x))) > 400:
        return
    axis = net.pick(_first(shape_of(x)), 0)

    def rest(value: SSAValue) -> tuple[int, ...]:
        shape = shape_of(value)
        return (*shape[:axis], *shape[axis + 1 :])

    alike = [value for value in net.values if rest(value) == rest(x)]
    parts = [x, *(net.pick(*alike) for _ in range(net.integer(1, 2)))]
    net.random.shuffle(parts)
    shape = list(shape_of(x))
    shape[axis] = sum(shape_of(part)[axis] for part in parts)
    net.op(placement.ConcatOp, [parts], _like(x, shape), axis=integer(axis))


def _like(value: SSAValue, shape: Sequence[int]) -> Attribute:
    return tensor(element_of(value), *shape)


def _reshape(net: RandomNetwork, x: SSAValue) -> None:
    count, shape = int(np.prod(shape_of(x))), list[int]()
    while len(shape) < 3:
        shape.append(net.pick(*(d for d in range(1, count + 1) if count % d == 0)))
        count //= shape[-1]
    shape.append(count)
    net.random.shuffle(shape)
    net.op(ReshapeOp, [x], _like(x, shape))


def _transpose(net: RandomNetwork, x: SSAValue) -> None:
    shape = shape_of(x)
    permutation = list(range(len(shape)))
    net.random.shuffle(permutation)
    result = _like(x, [shape[axis] for axis in permutation])
    net.op(movement.TransposeOp, [x], result, permutation=integers(permutation))


def _slice(net: RandomNetwork, x: SSAValue) -> None:
    begin, strides, counts = list[int](), list[int](), list[int]()
    for extent in shape_of(x):
        count = net.pick(extent, net.integer(1, extent))
        stride = net.integer(1, (extent - 1) // max(1, count - 1)) if count > 1 else 1
        reach = (count - 1) * stride
        first = net.integer(0, extent - 1 - reach)
        backward = net.chance(0.2)
        begin.append(first + reach if backward else first)
        strides.append(-stride if backward else stride)
        counts.append(count)
    _cut(net, x, begin, strides, counts)


def _cut(
    net: RandomNetwork,
    x: SSAValue,
    begin: Sequence[int],
    strides: Sequence[int],
    counts: Sequence[int],
) -> SSAValue:
    result = _like(x, counts)
    properties = {"begin": integers(begin), "strides": integers(strides)}
    return net.op(movement.SliceOp, [x], result, **properties)


def _slices(net: RandomNetwork, x: SSAValue) -> None:
    """A tensor cut into pieces, some of which are put together again."""
    shape = list(shape_of(x))
    axis = net.integer(0, len(shape) - 1)
    pieces: list[SSAValue] = []
    start = 0
    while start < shape[axis]:
        count = net.integer(1, shape[axis] - start)
        begin, counts = [0] * len(shape), list(shape)
        begin[axis], counts[axis] = start, count
        pieces.append(_cut(net, x, begin, [1] * len(shape), counts))
        start += count
    if net.chance(0.3):
        net.random.shuffle(pieces)
    kept = pieces if net.chance(0.5) else pieces[: net.integer(1, len(pieces))]
    shape[axis] = sum(shape_of(piece)[axis] for piece in kept)
    net.op(placement.ConcatOp, [kept], _like(x, shape), axis=integer(axis))


def _pad(net: RandomNetwork, x: SSAValue) -> None:
    element, shape = element_of(x), shape_of(x)
    if int(np.prod(shape)) > 200:
        return
    before = [net.pick(0, 0, 1, 2) for _ in shape]
    result = [n + b + net.pick(0, 0, 1) for n, b in zip(shape, before, strict=True)]
    value = real(net.pick(0.0, 1.5)) if element == f32 else integer(net.pick(0, 1))
    net.op(placement.PadOp, [x], _like(x, result), before=integers(before), value=value)


def _repeat(net: RandomNetwork, x: SSAValue) -> None:
    shape = shape_of(x)
    times = [net.pick(1, 1, 1, 2) if int(np.prod(shape)) < 200 else 1 for _ in shape]
    result = [n * t for n, t in zip(shape, times, strict=True)]
    stretches = all(n == 1 or t == 1 for n, t in zip(shape, times, strict=True))
    kind = net.pick(movement.TileOp, movement.BroadcastToOp) if stretches else movement.TileOp
    net.op(kind, [x], _like(x, result))


def _concat(net: RandomNetwork, x: SSAValue) -> None:
    shape = list(shape_of(x))
    alike = [value for value in net.values if value.type == x.type]
    if int(np.prod(shape)) > 200:
        return
    parts = [x, *(net.pick(*alike) for _ in range(net.integer(0, 2)))]
    axis = net.integer(0, len(shape) - 1)
    shape[axis] *= len(parts)
    net.op(placement.ConcatOp, [parts], _like(x, shape), axis=integer(axis))


# Layers with clamps behind them and pads before them.


def clamped(net: RandomNetwork) -> None:
    """Layers that can clamp their result, and clamps, maxima and minima behind them."""
    element = net.pick(f32, i16, i32, net.quantized(), net.quantized(i16))
    x = net.input(element, (1, net.integer(2, 4), net.integer(2, 4), net.integer(1, 3)))
    if net.chance(0.5) and element not in (i16, i32):
        _layer(net, x)
    for _ in range(net.integer(2, 6)):
        net.pick(_bound, _bound, _extreme, _sum, _pool, _flat)(net, net.take())


def padded(net: RandomNetwork) -> None:
    """Pads of an image before a layer that slides a window over it."""
    element = net.pick(f32, net.quantized(), net.quantized(i16))
    x = net.input(element, (1, net.integer(2, 5), net.integer(2, 5), net.integer(1, 3)))
    if net.chance(0.4):
        _bound(net, x)
    layer = net.pick(_layer, _layer, _pool)
    lowest = -np.inf if layer is _pool else 0.0
    for _ in range(net.integer(1, 2)):
        _border(net, net.values[-1], lowest)
    layer(net, net.values[-1])


def _border(net: RandomNetwork, x: SSAValue, lowest: float) -> None:
    element, shape = element_of(x), shape_of(x)
    before = [0, net.integer(0, 2), net.integer(0, 2), 0 if net.chance(0.9) else 1]
    result = [n + b for n, b in zip(shape, before, strict=True)]
    result = [result[0], result[1] + net.integer(0, 2), result[2] + net.integer(0, 2), result[3]]
    if isinstance(element, UniformQuantizedType):
        value = integer(net.pick(element.zero_point, element.zero_point, element.storage_min))
    else:
        value = real(net.pick(0.0, lowest, 1.0))
    net.op(placement.PadOp, [x], _like(x, result), before=integers(before), value=value)


def _bounds(net: RandomNetwork, element: Attribute) -> dict[str, Attribute]:
    if isinstance(element, Float32Type):
        low, high = sorted(net.integer(-16, 16) / 4 for _ in range(2))
        named = {"min": real(low), "max": real(high)}
    else:
        limits = (-100, 100) if element in (i16, i32) else stored_range(element)
        least, most = sorted(net.integer(*limits) for _ in range(2))
        named = {"min": integer(least), "max": integer(most)}
    return {name: value for name, value in named.items() if net.chance(0.7)}


def _bound(net: RandomNetwork, x: SSAValue) -> None:
    net.op(ClampOp, [x], x.type, **_bounds(net, element_of(x)))


def _extreme(net: RandomNetwork, x: SSAValue) -> None:
    shape = net.pick(shape_of(x), shape_of(x)[-1:], (1,))
    operands = [x, net.uniform(element_of(x), shape)]
    net.random.shuffle(operands)
    kind = net.pick(binary.MaximumOp, binary.MinimumOp)
    net.op(kind, operands, x.type, **_bounds(net, element_of(x)))


def _rounding(element: Attribute) -> RoundingAttr | None:
    return DOUBLE if isinstance(element, UniformQuantizedType) else None


def _sum(net: RandomNetwork, x: SSAValue) -> None:
    element = element_of(x)
    other = net.pick(x, net.constant(element, shape_of(x)), net.uniform(element, (1,)))
    wide = isinstance(element, UniformQuantizedType) and element.storage == i16
    kind = MulOp if wide else net.pick(AddOp, SubOp, MulOp)
    bounds = _bounds(net, element) if net.chance(0.3) else {}
    net.op(kind, [x, other], x.type, rounding=_rounding(element), **bounds)


def _flat(net: RandomNetwork, x: SSAValue) -> None:
    shape = shape_of(x)
    net.op(ReshapeOp, [x], _like(x, [*shape[:2], shape[3], shape[2]]))


def _pool(net: RandomNetwork, x: SSAValue) -> None:
    element, (batch, height, width, channels) = element_of(x), shape_of(x)
    if element in (i16, i32) or min(height, width) < 2:
        return
    result = [batch, height // 2, width // 2, channels]
    net.op(
        net.pick(pooling.MaxPool2DOp, pooling.MaxPool2DOp, pooling.AveragePool2DOp),
        [x],
        _like(x, result),
        kernel=integers([2, 2]),
        strides=integers([2, 2]),
        padding=integers([0, 0, 0, 0]),
        **_bounds(net, element),
    )


def _layer(net: RandomNetwork, x: SSAValue) -> None:
    """A convolution, a depthwise one or a dense layer."""
    element, (batch, height, width, channels) = element_of(x), shape_of(x)
    bounds = _bounds(net, element) if net.chance(0.3) else {}
    quantised = isinstance(element, UniformQuantizedType)
    wide = isinstance(element, UniformQuantizedType) and element.storage == i16
    weight = UniformQuantizedType.per_tensor(i8, 0.01) if quantised else f32
    kernel = [min(2, height), min(3, width)]
    result = [batch, height - kernel[0] + 1, width - kernel[1] + 1]
    rounding = RoundingAttr(Rounding.MB64 if wide else Rounding.DOUBLE) if quantised else None
    properties = {**bounds, "rounding": rounding}
    window: dict[str, Attribute] = {
        "strides": integers([1, 1]),
        "dilations": integers([1, 1]),
        "padding": integers([0, 0, 0, 0]),
    }
    match net.integer(0, 2):
        case 0:
            weights = net.constant(weight, [2, *kernel, channels])
            properties |= {"groups": integer(1), **window}
            net.op(Conv2DOp, [x, weights, None], _like(x, [*result, 2]), **properties)
        case 1:
            weights = net.constant(weight, [1, *kernel, channels])
            net.op(
                DepthwiseConv2DOp,
                [x, weights, None],
                _like(x, [*result, channels]),
                **window,
                **properties,
            )
        case _:
            depth = height * width * channels
            row = net.op(ReshapeOp, [x], _like(x, [batch, depth]))
            weights = net.constant(weight, [4, depth])
            flat = net.op(DenseOp, [row, weights, None], _like(x, [batch, 4]), **properties)
            net.op(ReshapeOp, [flat], _like(x, [batch, 2, 2, 1]))


# Conversions and functions of single elements.


def converted(net: RandomNetwork) -> None:
    """Conversions between quantised types, some of which are undone at once."""
    types: list[Attribute] = [net.quantized(), net.quantized(), net.quantized(i16), f32]
    x = net.input(net.pick(*types[:3]), (net.integer(1, 5), 3))
    for _ in range(net.integer(2, 5)):
        x = net.take()
        target = net.pick(*types)
        result, bounds = _like_element(x, target), dict[str, Attribute]()
        if net.chance(0.3) and target != f32:
            bounds = _bounds(net, target)
        match element_of(x), target:
            case (Float32Type(), Float32Type()):
                net.op(CastOp, [x], result)
            case (Float32Type(), _):
                net.op(QuantizeOp, [x], result)
            case (_, Float32Type()):
                net.op(DequantizeOp, [x], result)
            case _:
                single = flag(net.chance(0.3))
                net.op(RequantizeOp, [x], result, rounding=DOUBLE, f32_multiplier=single, **bounds)


def _like_element(value: SSAValue, element: Attribute) -> Attribute:
    return tensor(element, *shape_of(value))


_FUNCTIONS: tuple[type[NnOp], ...] = (
    functions.AbsOp,
    functions.LogisticOp,
    functions.TanhOp,
    functions.NegOp,
)


def tabulated(net: RandomNetwork) -> None:
    """Functions of single elements of 8 bits, sums with constants, paths that meet again."""
    shape = (2, net.integer(1, 4), 3)
    net.input(net.quantized(i8), shape)
    if net.chance(0.3):
        net.input(net.quantized(i8), shape)
    for _ in range(net.integer(2, 6)):
        x, target = _short(net), net.quantized(i8)
        result = _like_element(x, target)
        match net.integer(0, 5):
            case 0:
                net.op(RequantizeOp, [x], result, rounding=DOUBLE, **_bounds(net, target))
            case 1:
                y = net.op(DequantizeOp, [x], _like_element(x, f32))
                y = net.op(functions.TanhOp, [y], y.type)
                net.op(QuantizeOp, [y], result)
            case 2:
                other = net.uniform(net.quantized(i8), net.pick(shape, (1,), (3,)))
                net.op(net.pick(AddOp, MulOp), [x, other], result, rounding=DOUBLE)
            case 3:
                net.op(MulOp, [x, _short(net)], result, rounding=DOUBLE)
            case _:
                net.op(net.pick(*_FUNCTIONS), [x], result)


def _short(net: RandomNetwork) -> SSAValue:
    """A value of 8 bits."""
    values = [v for v in net.values if element_of(v) != f32]
    return values[-1] if net.chance(0.8) else net.pick(*values)


def folded(net: RandomNetwork) -> None:
    """Constants that are computed from constants, beside what is not."""
    element = net.pick(f32, i32, net.quantized())
    shape = (1, 2, 3, 2)
    net.input(element, shape)
    net.values += [net.constant(element, shape) for _ in range(2)]
    for _ in range(net.integer(3, 8)):
        net.pick(_bound, _sum, _flat, _transpose_square, _extreme)(net, net.pick(*net.values))
    net.op(binary.MaximumOp, [net.block.args[0], _last_alike(net)], net.block.args[0].type)


def _transpose_square(net: RandomNetwork, x: SSAValue) -> None:
    _transpose(net, x)
    _reshape_to(net, net.values[-1], shape_of(x))


def _reshape_to(net: RandomNetwork, x: SSAValue, shape: Sequence[int]) -> None:
    net.op(ReshapeOp, [x], _like(x, shape))


def _last_alike(net: RandomNetwork) -> SSAValue:
    kind = net.block.args[0].type
    return next(value for value in reversed(net.values) if value.type == kind)


Theme = Callable[[RandomNetwork], None]

THEMES: dict[str, Theme] = {
    "nn-fold-constants": folded,
    "nn-fuse-activations": clamped,
    "nn-fuse-pads": padded,
    "nn-fuse-thresholds": thresholds,
    "nn-narrow-integers": sums,
    "nn-keep-binary": signs,
    "nn-merge-requantize": converted,
    "nn-simplify-shapes": moved,
    "nn-tabulate": tabulated,
}
"""For each exact pass what it is about."""


def random_nn(theme: Theme, seed: int, samples: int = 2) -> tuple[ModuleOp, list[list[Array]]]:
    """The network of a theme that a seed stands for, with inputs for it."""
    net = RandomNetwork(seed)
    theme(net)
    module = net.finish()
    return module, net.samples(samples)
