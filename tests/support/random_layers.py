"""
Random layers that kernels can run: for every row of `nnc.runtime.registry` a few of its kind.

`LAYERS` are functions that add one layer, with inputs of its own, to a network. Their numbers
are drawn so that outputs spread over their whole range: zero points at the ends, scales that are
powers of two, narrow clamps and borders of all widths are frequent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from support.arrays import integers as whole_numbers
from support.nn_networks import tensor
from support.random_nn import RandomNetwork
from support.random_trees import random_trees
from xdsl.dialects.builtin import (
    IntegerAttr,
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
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Region, SSAValue

from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp
from nnc.dialects.nn.base import NnOp, RoundingAttr
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp, PoolOp
from nnc.dialects.nn.recurrent import SvdfOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.nn.trees import TreeEnsembleOp, make_ensemble
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, Array, quantization_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import flag, integer, integers, real


class RandomLayers(RandomNetwork):
    """Independent layers, every result of which is an output."""

    def finish(self) -> ModuleOp:
        """The network."""
        self.builder.location = UnknownLoc()
        self.builder.insert(ReturnOp(*self.results))
        types = list(self.block.arg_types), [value.type for value in self.results]
        module = ModuleOp([FuncOp("main", types, Region(self.block))])
        module.verify()
        return module

    @property
    def results(self) -> list[SSAValue]:
        """The results of the layers."""
        return [v for v in self.values if isinstance(v.owner, NnOp)]

    def layer(
        self,
        kind: type[NnOp],
        operands: Sequence[SSAValue | None],
        *results: Attribute,
        **properties: Attribute | None,
    ) -> None:
        """Adds one layer of several results."""
        self._layers += 1
        self.builder.location = NameLoc(StringAttr(f"layer{self._layers}"), NoneAttr())
        first = self.builder.op(kind, operands, *results, **properties)
        self.values += list(first.owner.results) if isinstance(first.owner, NnOp) else [first]

    # Types.

    def scale(self, low: float, high: float) -> float:
        """A float32 scale, a power of two in one of four cases."""
        exponent = self.random.uniform(low, high)
        return float(np.float32(2.0 ** (round(exponent) if self.chance(0.25) else exponent)))

    def activations(self, storage: IntegerType, scale: float | None = None) -> UniformQuantizedType:
        """The type of activations; those of 16 bits have no zero point."""
        scale = self.scale(-8, 0) if scale is None else scale
        zero_point = 0
        if storage == i8:
            zero_point = self.pick(-128, 127, 0, self.integer(-128, 127))
        return UniformQuantizedType.per_tensor(storage, scale, zero_point)

    def weights(self, axis: int, shape: Sequence[int], single: bool = False) -> SSAValue:
        """Constant symmetric int8 weights of a scale for each channel, or of one."""
        channels, storage = shape[axis], i8
        if single or self.chance(0.3):
            kind = UniformQuantizedType.per_tensor(storage, self.scale(-9, -5))
        else:
            scales = [self.scale(-9, -5) for _ in range(channels)]
            kind = UniformQuantizedType.per_axis(storage, axis, scales, [0] * channels)
        limit = self.pick(127, 127, 127, 7)
        values = whole_numbers(self.numbers, -limit, limit, shape).astype(np.int8)
        return self.builder.constant(values, kind)

    def result_type(self, x: SSAValue, weights: SSAValue, terms: int) -> UniformQuantizedType:
        """An output type in whose range most sums of so many products lie."""
        source, kind = quantized(x), quantized(weights)
        wide = source.storage == i16
        spread = (18900 if wide else 74) * 73 * math.sqrt(terms)
        units = self.random.choice((0.3, 1, 3)) * (8000 if wide else 50)
        scale = source.scale * float(kind.scales.max()) * spread / units
        if self.chance(0.2):
            scale = 2.0 ** round(math.log2(scale))
        return self.activations(source.storage, float(np.float32(scale)))

    def bounds(self, kind: UniformQuantizedType) -> dict[str, IntegerAttr]:
        """A clamp in stored units, often none."""
        if self.chance(0.5):
            return {}
        low = self.integer(kind.storage_min, kind.storage_max - 1)
        high = self.integer(low + 1, kind.storage_max)
        given = {"min": integer(low), "max": integer(high)}
        return {name: given[name] for name in self.pick(("min",), ("max",), ("min", "max"))}

    def bias(self, channels: int, terms: int, element: Attribute, needed: bool) -> SSAValue | None:
        """A bias about as large as the sums, or none."""
        if not needed and self.chance(0.2):
            return None
        limit = int(5000 * math.sqrt(terms)) * (200 if element == i64 else 1)
        values = whole_numbers(self.numbers, -limit, limit, channels)
        dtype = np.int64 if element == i64 else np.int32
        return self.builder.constant(values.astype(dtype), element)


def quantized(value: SSAValue) -> UniformQuantizedType:
    """The element type of a quantised tensor."""
    kind = quantization_of(value)
    assert kind is not None
    return kind


Layer = Callable[[RandomLayers], None]


# Convolutions.


class _Axis:
    """One axis of a window: what TFLite makes of SAME or VALID, or any border."""

    def __init__(self, net: RandomLayers, largest: int, kernel: int, dilation: int = 1):
        self.extent = net.pick(1, net.integer(1, largest), net.integer(1, largest))
        self.kernel, self.dilation = kernel, dilation
        self.stride = net.pick(1, 1, net.integer(1, 3))
        reach = (kernel - 1) * dilation + 1
        self.before = self.after = 0
        style = net.pick("same", "valid", "any")
        if style == "any":
            self.before, self.after = net.integer(0, reach - 1), net.integer(0, reach - 1)
        if style == "same" or self.extent + self.before + self.after < reach:
            outputs = -(-self.extent // self.stride)
            total = max(0, (outputs - 1) * self.stride + reach - self.extent)
            self.before, self.after = total // 2, total - total // 2
        self.output = (self.extent + self.before + self.after - reach) // self.stride + 1


def _window(net: RandomLayers, axes: Sequence[_Axis], dilated: bool = True) -> dict[str, Attribute]:
    properties: dict[str, Attribute] = {
        "strides": integers([axis.stride for axis in axes]),
        "padding": integers([pad for axis in axes for pad in (axis.before, axis.after)]),
    }
    if dilated:
        properties["dilations"] = integers([axis.dilation for axis in axes])
    return properties


def _axes(net: RandomLayers, largest: int = 8) -> list[_Axis]:
    dilations = (1, 1) if net.chance(0.8) else (net.integer(1, 3), net.integer(1, 3))
    if net.chance(0.25):
        rows, columns = _Axis(net, 1, 1), _Axis(net, 16, net.integer(1, 5))
        return [rows, columns]
    kernels = net.pick((1, 1), (3, 3), (net.integer(1, 4), net.integer(1, 4)))
    return [
        _Axis(net, largest, kernel, dilation)
        for kernel, dilation in zip(kernels, dilations, strict=True)
    ]


def _epilogue(
    net: RandomLayers,
    kind: type[NnOp],
    x: SSAValue,
    w: SSAValue,
    shape: Sequence[int],
    terms: int,
    accumulator: Attribute = i32,
    **properties: Attribute | None,
) -> None:
    """Adds a layer with a bias, a clamp and the rounding of its accumulator."""
    result = net.result_type(x, w, terms)
    wide = quantized(x).storage == i16
    bias = net.bias(shape[-1], terms, accumulator, wide and accumulator == i32)
    rounding = Rounding.MB64 if accumulator == i64 else Rounding.DOUBLE
    given = {"rounding": RoundingAttr(rounding), **properties, **net.bounds(result)}
    net.layer(kind, [x, w, bias], tensor(result, *shape), **given)


def _convolve(storage: IntegerType, row: bool = False, grouped: bool = True) -> Layer:
    """
    `row`: images of one row, and of as many channels as CMSIS-NN has a path of its own for. Groups
    only if `grouped`.
    """

    def layer(net: RandomLayers) -> None:
        axes = [_Axis(net, 1, 1), _Axis(net, 16, net.integer(1, 5))] if row else _axes(net)
        groups = net.pick(1, 1, 2, 3) if storage == i8 and grouped and not row else 1
        depth = 4 if row else net.integer(1, 9 if grouped else 20)
        outputs = groups * net.integer(1, 6)
        batch = net.integer(1, 2)
        source = (batch, axes[0].extent, axes[1].extent, depth * groups)
        x = net.input(net.activations(storage), source)
        shape = (outputs, axes[0].kernel, axes[1].kernel, depth)
        w = net.weights(0, shape)
        accumulator = i32 if storage == i8 else net.pick(i32, i64)
        properties = {**_window(net, axes), "groups": integer(groups)}
        result = (batch, axes[0].output, axes[1].output, outputs)
        _epilogue(net, Conv2DOp, x, w, result, math.prod(shape[1:]), accumulator, **properties)

    return layer


def _depthwise(storage: IntegerType, single: bool = False) -> Layer:
    """`single`: one output for each channel."""

    def layer(net: RandomLayers) -> None:
        axes = _axes(net)
        depth, multiple = net.pick(1, net.integer(1, 20)), net.pick(1, 1, net.integer(1, 4))
        multiple = 1 if single else multiple
        outputs, batch = depth * multiple, net.pick(1, 1, 2)
        source = (batch, axes[0].extent, axes[1].extent, depth)
        x = net.input(net.activations(storage), source)
        shape = (1, axes[0].kernel, axes[1].kernel, outputs)
        w = net.weights(3, shape)
        accumulator = i32 if storage == i8 else i64
        result = (batch, axes[0].output, axes[1].output, outputs)
        terms = shape[1] * shape[2]
        _epilogue(net, DepthwiseConv2DOp, x, w, result, terms, accumulator, **_window(net, axes))

    return layer


def _transpose_conv(net: RandomLayers) -> None:
    depth, outputs, batch = net.pick(18, net.integer(1, 8)), net.integer(1, 6), net.integer(1, 2)
    kernel = net.integer(1, 4), net.integer(1, 4)
    strides = net.integer(1, 3), net.integer(1, 3)
    source = net.integer(1, 5), net.integer(1, 5)
    padding, extents = list[int](), list[int]()
    for k in range(2):
        overlap = max(0, kernel[k] - strides[k])
        before = overlap // 2 if net.chance(0.5) and kernel[k] > 1 else 0
        padding.append(before)
        extents.append(max(1, source[k] * strides[k] + overlap - 2 * before))
    x = net.input(net.activations(i8), (batch, *source, depth))
    w = net.weights(0, (outputs, *kernel, depth))
    _epilogue(
        net,
        ConvTranspose2DOp,
        x,
        w,
        (batch, *extents, outputs),
        depth * max(1, math.prod(kernel) // math.prod(strides)),
        strides=integers(strides),
        padding=integers(padding),
    )


# Binary convolutions.


def _binary_conv(output: str, source_bits: int = 1, scaled: float = 1.0) -> Layer:
    """
    Of all sizes of tables, blocks in rows and in bands, and ragged words. `scaled` makes the scale
    of int8 outputs unusual.
    """

    def layer(net: RandomLayers) -> None:
        axes = [_Axis(net, 6, net.integer(1, 4)), _Axis(net, 20, net.integer(1, 5))]
        if net.chance(0.3):
            axes = _axes(net, 10)
        groups = net.pick(1, 1, 1, 2, 3)
        depth = 16 * net.integer(1, 3) if groups > 1 else net.pick(1, 3, 16, 33, 70, 300)
        depth = net.pick(depth, depth, net.integer(1, 140)) if groups == 1 else depth
        depth = net.integer(1, 9) if groups == 1 and net.chance(0.2) else depth
        if net.chance(0.3):
            axes = [_Axis(net, 6, net.integer(1, 4)), _Axis(net, 20, 3)]
            depth = 32 * net.integer(1, 4)
        outputs, batch = groups * net.integer(1, 70 // groups), net.integer(1, 2)
        source = (batch, axes[0].extent, axes[1].extent, depth * groups)
        x = net.input(BIN if source_bits == 1 else net.activations(i8), source)
        shape = (outputs, axes[0].kernel, axes[1].kernel, depth)
        w = net.constant(BIN, shape)
        terms = math.prod(shape[1:])
        pad_value = net.pick(None, None, integer(1), integer(-1))
        _binary_epilogue(
            net,
            Conv2DOp,
            [x, w],
            (batch, axes[0].output, axes[1].output, outputs),
            (output, terms, 1.0 if source_bits == 1 else 74.0),
            scaled,
            groups=integer(groups),
            pad_value=pad_value if source_bits == 1 else None,
            **_window(net, axes),
        )

    return layer


def _binary_depthwise(output: str, scaled: float = 1.0) -> Layer:
    def layer(net: RandomLayers) -> None:
        axes = _axes(net)
        channels, batch = net.pick(32, 33, net.integer(1, 70)), net.pick(1, 1, 2)
        x = net.input(BIN, (batch, axes[0].extent, axes[1].extent, channels))
        w = net.constant(BIN, (1, axes[0].kernel, axes[1].kernel, channels))
        terms = axes[0].kernel * axes[1].kernel
        _binary_epilogue(
            net,
            DepthwiseConv2DOp,
            [x, w],
            (batch, axes[0].output, axes[1].output, channels),
            (output, terms, 1.0),
            scaled,
            pad_value=net.pick(None, None, integer(1), integer(-1)),
            **_window(net, axes),
        )

    return layer


def _binary_epilogue(
    net: RandomLayers,
    kind: type[NnOp],
    operands: Sequence[SSAValue],
    shape: Sequence[int],
    sums: tuple[str, int, float],
    scaled: float = 1.0,
    **properties: Attribute | None,
) -> None:
    """Adds a layer whose output is "bin", "i8" or "f32", of `terms` products of some size."""
    output, terms, size = sums
    bias = None
    if net.chance(0.7):
        limit = int(2 * size * math.sqrt(terms)) + 1
        values = whole_numbers(net.numbers, -limit, limit, shape[-1])
        bias = net.builder.constant(values.astype(np.int32), i32)
    element: Attribute = {"bin": BIN, "f32": f32, "i8": f32}[output]
    if output == "i8":
        source = quantization_of(operands[0])
        scale = size * math.sqrt(terms) / 50 * net.random.uniform(0.3, 3)
        scale = scaled * (max(scale, 0.5) if source is None else scale * source.scale)
        element = net.activations(i8, float(np.float32(scale)))
        roundings = (Rounding.DOUBLE, Rounding.SINGLE, *[Rounding.F64][: int(scaled == 1)])
        rounding = net.pick(*roundings)
        properties = {**properties, "rounding": RoundingAttr(rounding), **net.bounds(element)}
    elif output == "f32" and net.chance(0.5):
        low, high = sorted(net.random.uniform(-terms, terms) for _ in range(2))
        properties = {**properties, "min": real(low), "max": real(high)}
    net.layer(kind, [*operands, bias], tensor(element, *shape), **properties)


def _binary_dense(output: str, few: bool = False) -> Layer:
    """`few`: at most 16 outputs, else more."""

    def layer(net: RandomLayers) -> None:
        rows = net.integer(1, 3)
        outputs = net.integer(1, 16) if few else net.integer(17, 100)
        depth = net.pick(1, 31, 32, 33, 512, net.integer(1, 700))
        operands = [net.input(BIN, (rows, depth)), net.constant(BIN, (outputs, depth))]
        _binary_epilogue(net, DenseOp, operands, (rows, outputs), (output, depth, 1.0))

    return layer


def _int8_binary_dense(output: str) -> Layer:
    """Of one table and of several."""

    def layer(net: RandomLayers) -> None:
        rows, outputs = net.integer(1, 3), net.integer(1, 70)
        depth = net.pick(1, 31, 32, 33, 1024, net.integer(1, 300), net.integer(1025, 2100))
        operands = [
            net.input(net.activations(i8), (rows, depth)),
            net.constant(BIN, (outputs, depth)),
        ]
        _binary_epilogue(net, DenseOp, operands, (rows, outputs), (output, depth, 74.0))

    return layer


# Dense layers.


def _dense(
    storage: IntegerType, *, single: bool, rounding: Rounding | None = None, huge: bool = False
) -> Layer:
    """`huge`: sums may leave the range of int32, by the bias, where no formula is proven."""

    def layer(net: RandomLayers) -> None:
        rows, depth, outputs = net.integer(1, 3), net.integer(1, 60), net.integer(1, 13)
        outputs = outputs if single else outputs + 1
        x = net.input(net.activations(storage), (rows, depth))
        w = net.weights(0, (outputs, depth), single)
        if not single and quantized(w).axis is None:
            scales = [net.scale(-9, -5) for _ in range(outputs)]
            kind = UniformQuantizedType.per_axis(i8, 0, scales, [0] * outputs)
            w = net.builder.stored_as(w, kind)
        accumulator = i32 if storage == i8 else i64
        result, bias = net.result_type(x, w, depth), net.bias(outputs, depth, accumulator, huge)
        if huge:
            limits = np.asarray([-(1 << 31), (1 << 31) - 1], np.int32)
            bias = net.builder.constant(np.resize(limits, outputs), i32)
            scale = quantized(x).scale * quantized(w).scale * net.random.uniform(1e7, 4e7)
            result = net.activations(i8, float(np.float32(scale)))
        found = rounding or (Rounding.DOUBLE if storage == i8 else Rounding.MB64)
        net.layer(
            DenseOp,
            [x, w, bias],
            tensor(result, rows, outputs),
            rounding=RoundingAttr(found),
            f32_product=flag(rounding is None and single),
            **net.bounds(result),
        )

    return layer


# Layers without weights.


def _pool(kind: type[PoolOp], storage: IntegerType) -> Layer:
    def layer(net: RandomLayers) -> None:
        axes = [_Axis(net, 9, net.integer(1, 4)) for _ in range(2)]
        batch, channels = net.integer(1, 2), net.integer(1, 20)
        element = net.activations(storage)
        x = net.input(element, (batch, axes[0].extent, axes[1].extent, channels))
        result = tensor(element, batch, axes[0].output, axes[1].output, channels)
        kernel = integers([axis.kernel for axis in axes])
        window = _window(net, axes, dilated=False)
        net.layer(kind, [x], result, kernel=kernel, **window, **net.bounds(element))

    return layer


def _softmax(source: IntegerType, target: IntegerType, longest: int) -> Layer:
    def layer(net: RandomLayers) -> None:
        shape = (net.integer(1, 3), net.pick(1, longest, net.integer(2, longest)))
        low = -16 if source == i16 else -7
        x = net.input(net.activations(source, net.scale(low, low + 7)), shape)
        bits = target.width.data
        zero_point = 0 if source == i16 else -(1 << (bits - 1))
        scale = 2.0 ** (-15 if source == i16 else -bits)
        result = UniformQuantizedType.per_tensor(target, scale, zero_point)
        net.layer(SoftmaxOp, [x], tensor(result, *shape), beta=real(net.pick(1.0, 1.0, 0.5)))

    return layer


def _arithmetic(kind: type[BinaryOp], storage: IntegerType) -> Layer:
    def layer(net: RandomLayers) -> None:
        shape = [net.integer(1, 7) for _ in range(net.integer(1, 4))]
        lhs, rhs = net.activations(storage), net.activations(storage)
        common = net.chance(0.5)
        if common:
            rhs = net.activations(storage, lhs.scale * net.pick(1.0, 0.5, 0.9))
        spread = 100 if storage == i8 else 20000
        product = lhs.scale * rhs.scale * spread / 2
        scale = product if kind is MulOp else max(lhs.scale, rhs.scale)
        output = net.activations(storage, float(np.float32(scale * net.random.uniform(0.4, 2))))
        wide = integer(15) if storage == i16 and kind is AddOp else None
        net.layer(
            kind,
            [net.input(lhs, shape), net.input(rhs, shape)],
            tensor(output, *shape),
            rounding=RoundingAttr(Rounding.DOUBLE),
            left_shift=wide,
            f32_multiplier=flag(kind is MulOp and net.chance(0.5)),
            **net.bounds(output),
        )

    return layer


def _extremum(kind: type[BinaryOp]) -> Layer:
    def layer(net: RandomLayers) -> None:
        shape = [net.integer(1, 5) for _ in range(net.integer(1, 5))]
        other = list(shape)
        style = net.pick("same", "scalar", "some", "some")
        if style == "scalar":
            other = [1] * net.integer(1, len(shape))
        elif style == "some":
            first, last = sorted((net.integer(0, len(shape)), net.integer(0, len(shape))))
            other = [1 if first <= k < last else extent for k, extent in enumerate(shape)]
        element = net.pick(i8, net.activations(i8))
        operands = [net.input(element, shape), net.input(element, other)]
        net.random.shuffle(operands)
        net.layer(kind, operands, tensor(element, *shape))

    return layer


def _bytes(net: RandomLayers) -> Attribute:
    unsigned = IntegerType(8, Signedness.UNSIGNED)
    return net.pick(i8, net.activations(i8), unsigned, i1)


def _transpose(net: RandomLayers) -> None:
    shape = [net.integer(1, 6) for _ in range(net.integer(1, 5))]
    order = list(range(len(shape)))
    if net.chance(0.3):
        order = order[1:] + order[:1]
    elif net.chance(0.9):
        net.random.shuffle(order)
    element = _bytes(net)
    result = tensor(element, *(shape[axis] for axis in order))
    net.layer(TransposeOp, [net.input(element, shape)], result, permutation=integers(order))


def _pad(net: RandomLayers) -> None:
    shape = [net.integer(1, 5) for _ in range(net.integer(1, 5))]
    before = [net.pick(0, net.integer(0, 3)) for _ in shape]
    after = [0 if first == 0 and net.chance(0.7) else net.integer(0, 3) for first in before]
    if all(before):
        before[-1] = after[-1] = 0
    element = _bytes(net)
    total = [sum(axis) for axis in zip(shape, before, after, strict=True)]
    values: Array = net.array(element, (1,))
    net.layer(
        PadOp,
        [net.input(element, shape)],
        tensor(element, *total),
        before=integers(before),
        value=integer(int(values[0])),
    )


def _svdf(storage: IntegerType) -> Layer:
    def layer(net: RandomLayers) -> None:
        rank, units, steps = net.integer(1, 3), net.integer(1, 6), net.integer(1, 9)
        batch, depth, filters = net.integer(1, 2), net.integer(1, 20), rank * units
        wide = storage == i16
        x = net.input(net.activations(i8), (batch, depth))
        feature = net.weights(0, (filters, depth), single=True)
        inner = quantized(x).scale * quantized(feature).scale * 5000 * math.sqrt(depth)
        state = net.activations(storage, float(np.float32(inner / (9000 if wide else 60))))
        state = UniformQuantizedType.per_tensor(storage, state.scale)
        time = UniformQuantizedType.per_tensor(storage, net.scale(-15, -12))
        outer = state.scale * time.scale * (1e8 if wide else 5000) * math.sqrt(rank * steps)
        output = net.activations(i8, float(np.float32(outer / 60)))
        bias = None
        if net.chance(0.7):
            limit = 10**8 if wide else 10**4
            values = whole_numbers(net.numbers, -limit, limit, units)
            bias = net.builder.constant(values.astype(np.int32), i32)
        weights = net.constant(time, (filters, steps))
        held = net.input(state, (batch, filters * steps))
        net.layer(
            SvdfOp,
            [x, feature, weights, bias, held],
            tensor(output, batch, units),
            tensor(state, batch, filters * steps),
            rank=integer(rank),
        )

    return layer


def _trees(net: RandomLayers) -> None:
    elements = (f32, i8, i16, i32, IntegerType(8, Signedness.UNSIGNED))
    element: Attribute = elements[net.integer(0, len(elements) - 1)]
    rows, features, targets = net.integer(1, 2), net.integer(1, 6), net.integer(1, 3)
    votes, single = net.chance(0.5), net.chance(0.5)
    missing = element == f32 and net.chance(0.5)
    trees = random_trees(
        net.numbers, element, features, targets, votes=votes, single=single, missing=missing
    )
    aggregate = "sum" if votes else ("sum", "min", "max")[net.integer(0, 2)]
    x = net.input(element, (rows, features))
    made = make_ensemble(x, trees, targets, aggregate)
    net.layer(TreeEnsembleOp, [x], made.output.type, **made.properties)


LAYERS: dict[str, Layer] = {
    "arm_convolve_wrapper_s8": _convolve(i8),
    "arm_depthwise_conv_wrapper_s8": _depthwise(i8),
    "arm_transpose_conv_wrapper_s8": _transpose_conv,
    "arm_convolve_wrapper_s16": _convolve(i16),
    "arm_depthwise_conv_wrapper_s16": _depthwise(i16),
    "arm_fully_connected_s8": _dense(i8, single=True),
    "arm_fully_connected_per_channel_s8": _dense(i8, single=False),
    "arm_fully_connected_s16": _dense(i16, single=True),
    "arm_avgpool_s8": _pool(AveragePool2DOp, i8),
    "arm_max_pool_s8": _pool(MaxPool2DOp, i8),
    "arm_avgpool_s16": _pool(AveragePool2DOp, i16),
    "arm_max_pool_s16": _pool(MaxPool2DOp, i16),
    "arm_softmax_s8": _softmax(i8, i8, 40),
    "arm_softmax_s8_s16": _softmax(i8, i16, 40),
    "arm_softmax_s16": _softmax(i16, i16, 40),
    "arm_elementwise_add_s8": _arithmetic(AddOp, i8),
    "arm_elementwise_mul_s8": _arithmetic(MulOp, i8),
    "arm_elementwise_add_s16": _arithmetic(AddOp, i16),
    "arm_elementwise_mul_s16": _arithmetic(MulOp, i16),
    "arm_minimum_s8": _extremum(MinimumOp),
    "arm_maximum_s8": _extremum(MaximumOp),
    "arm_transpose_s8": _transpose,
    "arm_pad_s8": _pad,
    "arm_svdf_s8": _svdf(i8),
    "arm_svdf_state_s16_s8": _svdf(i16),
    "nnc_conv_s8": _convolve(i8, grouped=False),
    "nnc_depthwise_s8": _depthwise(i8, single=True),
    "nnc_dense_pairs_s8": _dense(i8, single=False, rounding=Rounding.F64),
    "nnc_dense_s8": _dense(i8, single=False, rounding=Rounding.F64),
    "nnc_bin_conv_bin": _binary_conv("bin"),
    "nnc_bin_conv_fixed": _binary_conv("i8"),
    "nnc_bin_conv_s8": _binary_conv("i8", scaled=2.0**-6),
    "nnc_bin_conv_f32": _binary_conv("f32"),
    "nnc_i8bin_conv_bin": _binary_conv("bin", 8),
    "nnc_i8bin_conv_fixed": _binary_conv("i8", 8),
    "nnc_i8bin_conv_s8": _binary_conv("i8", 8, 2.0**-12),
    "nnc_i8bin_conv_f32": _binary_conv("f32", 8),
    "nnc_bin_rows_bin": _binary_dense("bin", few=True),
    "nnc_bin_rows_s8": _binary_dense("i8", few=True),
    "nnc_bin_rows_f32": _binary_dense("f32", few=True),
    "nnc_bin_depthwise_bin": _binary_depthwise("bin"),
    "nnc_bin_depthwise_fixed": _binary_depthwise("i8"),
    "nnc_bin_depthwise_s8": _binary_depthwise("i8", 2.0**-20),
    "nnc_bin_depthwise_f32": _binary_depthwise("f32"),
    "nnc_i8bin_dense_bin": _int8_binary_dense("bin"),
    "nnc_i8bin_dense_s8": _int8_binary_dense("i8"),
    "nnc_i8bin_dense_f32": _int8_binary_dense("f32"),
    "nnc_bin_dense_bin": _binary_dense("bin"),
    "nnc_bin_dense_s8": _binary_dense("i8"),
    "nnc_bin_dense_f32": _binary_dense("f32"),
    "nnc_bin_dense_ct_bin": _binary_dense("bin"),
    "nnc_bin_dense_ct_s8": _binary_dense("i8"),
    "nnc_bin_dense_ct_f32": _binary_dense("f32"),
    "tree_code": _trees,
    "nnc_dense_f64_s8": _dense(i8, single=True, rounding=Rounding.F64, huge=True),
}
"""A layer for each kernel; sometimes another runs it, because the layer happens to be special."""

ONE_ROW = _convolve(i8, row=True)
"""A convolution of images of one row."""


def random_layers(name: str, seed: int, count: int) -> RandomLayers:
    """A network of so many layers for a kernel."""
    net = RandomLayers(seed)
    for _ in range(count):
        LAYERS[name](net)
    return net
