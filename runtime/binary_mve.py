"""
Convolutions of binary activations with binary weights on cores with Helium, as rows.

What the functions in runtime/nnc_bin_conv_mve.c must not decide while they run is decided here:
which tables each row of the kernel needs, what each table holds, and in which order the weights
pass by it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, TensorType, f32, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    BIN,
    BITS_PER_WORD,
    Array,
    BinType,
    element_of,
    pack_bits,
    quantization_of,
    shape_of,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.requantize import Affine, Requantization, fit_affine

Ints = npt.NDArray[np.int64]

STRIP = 4
"""Output pixels beside each other that share a table's words."""

TILE = 16
"""Strips of a tile."""

FEWEST_STRIPS = 6
"""A layer of fewer would leave most of a tile empty."""

LONGEST_STEPS = 3
"""Words of weights between flushes: their sums are at most 96, and must fit a signed byte."""

TABLE_BYTES = 16384
STRIPS_BYTES = 320
CHANNEL_BYTES = 128
"""Bytes of scratch for each output channel: 64 sums of 16 bits."""

LONGEST_SUM = 32767

KNOWN = frozenset(
    {
        *("strides", "dilations", "padding", "groups", "pad_value"),
        *("rounding", "min", "max", "f32_product"),
    }
)
"""The properties of a layer that these rows understand."""


@dataclass(frozen=True)
class Step:
    """A word of weights that passes by a table: that of a kernel column and a word of channels."""

    kx: int
    word: int
    place: int
    """The word of an entry where its four words start."""


@dataclass(frozen=True)
class Half:
    """Four words of a table's entries: the input columns of each, all of one word of channels."""

    word: int
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Pass:
    """A table, and what passes by it."""

    steps: tuple[Step, ...]
    halves: tuple[Half, ...]

    def numbers(self) -> list[int]:
        """The members of `nnc_bin_mve_pass`."""
        places = [4 * step.place for step in self.steps] + [0] * (3 - len(self.steps))
        words = [half.word for half in self.halves] + [0] * (2 - len(self.halves))
        columns = [column for half in self.halves for column in half.columns]
        columns += [0] * (8 - len(columns))
        return [len(self.steps), *places, len(self.halves), *words, 0, *columns]


def passes(kernel_width: int, stride: int, dilation: int, words: int) -> list[Pass]:
    """The tables of one row of the kernel; columns whose pixels coincide share words."""
    found: list[Pass] = []
    for word in range(words):
        left = list(range(kernel_width))
        while left:
            steps, columns = _share(left, stride, dilation, word)
            columns += columns[-1:] * (-len(columns) % 4)
            halves = [Half(word, tuple(columns[at : at + 4])) for at in range(0, len(columns), 4)]
            found.append(Pass(tuple(steps), tuple(halves)))
            left = [kx for kx in left if kx not in [step.kx for step in steps]]
    return _paired(found)


def _share(left: list[int], stride: int, dilation: int, word: int) -> tuple[list[Step], list[int]]:
    """As many columns of the kernel as eight words serve, and the input columns of these."""
    steps: list[Step] = []
    columns: list[int] = []
    for kx in left:
        needed = [kx * dilation + pixel * stride for pixel in range(STRIP)]
        for place in range(len(columns) + 1):
            shared = columns[place:]
            if needed[: len(shared)] == shared[:STRIP] and place + STRIP <= 8:
                columns = columns[:place] + needed if len(shared) < STRIP else columns
                steps.append(Step(kx, word, place))
                break
        if len(steps) == LONGEST_STEPS:
            break
    return steps, columns


def _paired(found: Sequence[Pass]) -> list[Pass]:
    """Tables of one half share a table where their steps do not become too many."""
    result: list[Pass] = []
    for one in found:
        last = result[-1] if result else None
        fits = last is not None and len(last.steps) + len(one.steps) <= LONGEST_STEPS
        if last is None or not fits or len(last.halves) + len(one.halves) > 2:
            result.append(one)
            continue
        moved = tuple(Step(step.kx, step.word, step.place + 4) for step in one.steps)
        result[-1] = Pass(last.steps + moved, last.halves + one.halves)
    return result


@dataclass(frozen=True)
class Geometry:
    """The shapes of a convolution: NHWC, OHWI, and its window."""

    source: tuple[int, ...]
    kernel: tuple[int, ...]
    output: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: tuple[int, ...]

    @staticmethod
    def of(op: Conv2DOp) -> Geometry:
        """Of a layer; one whose pixels are independent is one of a single row."""
        found = Geometry(
            shape_of(op.input),
            shape_of(op.weights),
            shape_of(op.output),
            tuple(op.strides.get_values()),
            tuple(op.dilations.get_values()),
            tuple(op.padding.get_values()),
        )
        if found.kernel[1:3] != (1, 1) or found.strides != (1, 1) or any(found.padding):
            return found
        pixels = prod(found.source[:3])
        source, output = (1, 1, pixels, found.source[3]), (1, 1, pixels, found.output[3])
        return Geometry(source, found.kernel, output, (1, 1), (1, 1), (0, 0, 0, 0))

    @property
    def words(self) -> int:
        """Words of an input pixel."""
        return ceil(self.source[3] / BITS_PER_WORD)

    @property
    def strips(self) -> int:
        """Groups of pixels that a tile has 16 of."""
        return self.output[0] * self.output[1] * ceil(self.output[2] / STRIP)

    @property
    def products(self) -> int:
        """Products of one sum, padded ones included."""
        return prod(self.kernel[1:])

    @property
    def beside(self) -> int:
        """
        How many strips of a tile are beside each other, 0 if they just follow each other. Tiles of
        several rows use a row of their tables for several rows of the kernel, but fill less well.
        """
        batches, height, width, _ = self.output
        strips = ceil(width / STRIP)
        shapes = {
            beside: batches * ceil(strips / beside) * ceil(height / (TILE // beside))
            for beside in (4, 2, 1)
        }
        best = min(shapes, key=lambda beside: shapes[beside])
        tiles = ceil(self.strips / TILE)
        return best if self.kernel[1] > 1 and shapes[best] <= tiles * 5 / 4 else 0

    def passes(self) -> list[Pass]:
        """The tables of each row of the kernel."""
        return passes(self.kernel[2], self.strides[1], self.dilations[1], self.words)

    def pack(self, bits: Array) -> npt.NDArray[np.int32]:
        """The words of OHWI weights in the order of passes, kernel rows, outputs, steps."""
        words = pack_bits(bits)
        parts = [
            np.stack([words[:, ky, step.kx, step.word] for step in one.steps], axis=1).reshape(-1)
            for one in self.passes()
            for ky in range(self.kernel[1])
        ]
        return np.concatenate(parts)


def outside(op: Conv2DOp) -> int:
    """What a padded position counts as: 0, -1 or +1."""
    return op.outside if any(op.padding.get_values()) else 0


def bias_of(op: Conv2DOp) -> Ints | None:
    """The bias of each output channel, None where it is not constant."""
    channels = shape_of(op.output)[3]
    if op.bias is None:
        return np.zeros(channels, np.int64)
    values = constant_values(op.bias)
    return None if values is None else values.astype(np.int64)


class BinaryConvMve(Kernel, ABC):
    """Dot products by tables. The constants of the epilogue are the inputs after the weights."""

    headers = ("nnc_bin_mve.h",)
    sources = ("nnc_bin_conv_mve.c",)
    OUTPUT: type[Attribute]

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not target.core.has_mve or not isinstance(op, Conv2DOp):
            return ""
        operands = element_of(op.input), element_of(op.weights)
        if not all(isinstance(it, BinType) for it in operands):
            return ""
        return self.problem(op) if isinstance(element_of(op.output), self.OUTPUT) else ""

    def problem(self, op: Conv2DOp) -> str | None:
        """Why the function cannot run a binary convolution with this kind of output."""
        unknown = sorted(op.properties.keys() - KNOWN)
        if unknown:
            return f"it has {', '.join(unknown)}"
        layer, bias = Geometry.of(op), bias_of(op)
        if constant_values(op.weights) is None or bias is None:
            return "its weights or bias are not constant"
        if op.accumulator != i32:
            return f"its accumulator is {op.accumulator}, not i32"
        if op.groups.value.data != 1:
            return f"it has {op.groups.value.data} groups"
        if layer.strips < FEWEST_STRIPS:
            return f"it has too few pixels: {layer.strips} strips, a tile takes {TILE}"
        farthest = (layer.kernel[2] - 1) * layer.dilations[1] + 3 * layer.strides[1]
        if farthest > LONGEST_SUM:
            return "its windows are too wide"
        if layer.products > self.longest(bias):
            return f"it sums up to {layer.products} products, more than {self.longest(bias)}"
        return self.epilogue_problem(op)

    def longest(self, bias: Ints) -> int:
        """The most products that a sum may have."""
        return LONGEST_SUM

    @abstractmethod
    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        """Why the function's epilogue is not the layer's."""

    @abstractmethod
    def constants(self, op: Conv2DOp, lowering: Lowering) -> list[SSAValue]:
        """The constants of the epilogue."""

    def numbers(self, op: Conv2DOp) -> dict[str, Parameter]:
        """The parameters of the epilogue."""
        return {}

    @abstractmethod
    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        """The output from a dot product."""

    @abstractmethod
    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        """What the function takes between the weights and the output."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return TABLE_BYTES, STRIPS_BYTES, CHANNEL_BYTES * shape_of(op.results[0])[3]

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, Conv2DOp)
        weights, layer = constant_values(op.weights), Geometry.of(op)
        assert weights is not None
        tables = np.array([one.numbers() for one in layer.passes()], np.int16).reshape(-1)
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(tables, i16, "passes"),
            lowering.constant(layer.pack(weights), i32, "weights"),
            *self.constants(op, lowering),
        ]
        parameters: dict[str, Parameter] = {
            "input_shape": layer.source,
            "output_shape": layer.output,
            "kernel": layer.kernel[1:3],
            "strides": layer.strides,
            "dilations": layer.dilations,
            "padding": layer.padding,
            "outside": outside(op),
            "beside": layer.beside,
            **self.numbers(op),
        }
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        sums = _Sums(call, b)

        def element(index: list[IRScalar]) -> IRScalar:
            return self.conclude(call, b, sums.total(index), index[-1])

        b.produce(_shaped(b, b.outputs[0], self.OUTPUT, call.numbers("output_shape")), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        count = len(call.inputs)
        source, tables, weights = arguments[:3]
        target, *scratch = arguments[count:]
        batches, in_height, in_width, in_channels = call.numbers("input_shape")
        _, out_height, out_width, out_channels = call.numbers("output_shape")
        strides, padding = call.numbers("strides"), call.numbers("padding")
        width, words = call.numbers("kernel")[1], ceil(in_channels / BITS_PER_WORD)
        found = passes(width, strides[1], call.numbers("dilations")[1], words)
        members = [
            *(batches, in_height, in_width, in_channels, out_height, out_width, out_channels),
            *(call.numbers("kernel")[0], *strides, call.numbers("dilations")[0]),
            *(padding[0], padding[2], call.number("outside"), len(found), call.number("beside")),
        ]
        return [
            "static const nnc_bin_mve_geometry geometry = {",
            f"    {', '.join(map(str, members))}",
            "};",
            f"{self.name}(&geometry, {tables}, {source}, {weights},",
            f"    {', '.join(self.epilogue(call, arguments[3:count]))}, {target},",
            f"    {', '.join(scratch)});",
            "return 0;",
        ]


def _shaped(
    b: LoopBuilder, operand: Operand, element: type[Attribute], shape: Sequence[int]
) -> Operand:
    """A buffer in the shape that the call gives it."""
    if element is not BinType:
        return b.reshaped(operand, shape)
    memory = b.reshaped(operand, [*shape[:3], ceil(shape[3] / BITS_PER_WORD)]).memory
    return Operand(memory, TensorType(BIN, list(shape)))


class _Sums:
    """The dot products that a call stands for, from its own packed weights."""

    def __init__(self, call: CallOp, b: LoopBuilder):
        self.b = b
        self.source = call.numbers("input_shape")
        self.outputs = call.numbers("output_shape")
        self.kernel = call.numbers("kernel")
        self.outside = call.number("outside")
        self.x = _shaped(b, b.inputs[0], BinType, self.source)
        strides, dilations = call.numbers("strides"), call.numbers("dilations")
        top, bottom, left, right = call.numbers("padding")
        height, width = zip(self.source[1:3], self.outputs[1:3], self.kernel, strict=True)
        self.window = Window(
            Axis(*height, strides[0], dilations[0], top, bottom),
            Axis(*width, strides[1], dilations[1], left, right),
        )
        self.words = ceil(self.source[3] / BITS_PER_WORD)
        found = passes(self.kernel[1], strides[1], dilations[1], self.words)
        # For each kernel column and word of channels: words of weights before the pass, words of an
        # output channel in it, and the number of the step.
        places = np.zeros((self.kernel[1], self.words, 3), np.int32)
        before = 0
        for one in found:
            for number, step in enumerate(one.steps):
                places[step.kx, step.word] = before, len(one.steps), number
            before += len(one.steps)
        self.places = b.table(places, i32)

    def total(self, index: list[IRScalar]) -> IRScalar:
        """The dot product of an output element, as an `i32`."""
        n, oy, ox, oc = index
        b, axes = self.b, (self.window.height, self.window.width)
        bounds: list[tuple[IRScalar | int, IRScalar | int]] = [
            axis.inside(b, at) for axis, at in zip(axes, (oy, ox), strict=True)
        ]
        if self.outside:
            bounds = [(0, extent) for extent in self.kernel]

        def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            ky, kx, ic = at
            y, x = axes[0].coordinate(oy, ky), axes[1].coordinate(ox, kx)
            sign = b.constant(1, i32) - (self.weight(oc, ky, kx, ic) << 1)
            return total + self.number([n, y, x, ic]) * sign

        zero = b.constant(0, i32)
        return b.reduce([*bounds, (0, self.source[3])], zero, tap, ("ky", "kx", "k"))

    def number(self, index: list[IRScalar]) -> IRScalar:
        """An input as -1 or +1, or what a padded one counts as."""

        def stored() -> IRScalar:
            return self.b.constant(1, i32) - (self.b.load(self.x, index).to(i32) << 1)

        if not self.outside:
            return stored()
        rows, columns = self.source[1:3]
        y, x = index[1], index[2]
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
        return self.b.choose(inside, stored, lambda: self.b.constant(self.outside, i32))

    def weight(self, oc: IRScalar, ky: IRScalar, kx: IRScalar, ic: IRScalar) -> IRScalar:
        """The bit of a weight."""
        b, channels = self.b, self.outputs[3]
        word, bit = ic // BITS_PER_WORD, (ic % BITS_PER_WORD).to(i32)
        before, count, number = (b.load(self.places, [kx, word, b.index(k)]) for k in range(3))
        row = before * self.kernel[0] + ky.to(i32) * count
        place = row * channels + oc.to(i32) * count + number
        return (b.load(b.inputs[2], [place.to(ky.type)]) >> bit) & 1


class BinaryConvMveBin(BinaryConvMve):
    """`nnc_bin_conv_mve_bin`: binary outputs, the sign of a dot product and a bias."""

    name = "nnc_bin_conv_mve_bin"
    OUTPUT = BinType

    def longest(self, bias: Ints) -> int:
        return LONGEST_SUM // 2 if bias.any() else LONGEST_SUM

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        return None if op.min is None and op.max is None else "its output is clamped"

    def constants(self, op: Conv2DOp, lowering: Lowering) -> list[SSAValue]:
        bias, most = bias_of(op), Geometry.of(op).products
        assert bias is not None
        # A bias beyond all sums has the same sign as the one next to them.
        start = np.clip(bias, -most - 1, most + 1) if bias.any() else bias
        return [lowering.constant(start.astype(np.int16), i16, "start")]

    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        return total + b.load(b.inputs[3], [oc]).to(i32) < 0

    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        return [constants[0]]


class BinaryConvMveS8(BinaryConvMve):
    """
    `nnc_bin_conv_mve_s8`: int8 outputs, requantised by one 64-bit multiplication that the compiler
    has proven equal to what the contract says.
    """

    name = "nnc_bin_conv_mve_s8"
    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        kind = quantization_of(op.output)
        assert kind is not None
        if kind.storage != i8 or not kind.is_signed or kind.axis is not None:
            return "its output is not int8"
        return (
            None if self.formula(op) is not None else "no affine formula equals its requantisation"
        )

    def formula(self, op: Conv2DOp) -> Affine | None:
        """What equals the layer's requantisation on every sum that it can have."""
        kind, bias, most = quantization_of(op.output), bias_of(op), Geometry.of(op).products
        assert kind is not None and op.rounding is not None and bias is not None
        first, last = bias - most, bias + most
        if first.min() < -(1 << 31) or last.max() >= 1 << 31:
            return None
        low, high = op.stored_bounds()
        multipliers = np.broadcast_to(op.real_multipliers(), bias.shape)
        contract = Requantization(op.rounding.data, multipliers, kind.zero_point, low, high)
        return fit_affine(contract, first, last)

    def constants(self, op: Conv2DOp, lowering: Lowering) -> list[SSAValue]:
        formula, bias = self.formula(op), bias_of(op)
        assert formula is not None and bias is not None
        return [
            lowering.constant(bias.astype(np.int32), i32, "bias"),
            lowering.constant(formula.multiplier.astype(np.int32), i32, "multiplier"),
            lowering.constant(formula.constant, i64, "constant"),
            lowering.constant(formula.shift.astype(np.int32), i32, "shift"),
        ]

    def numbers(self, op: Conv2DOp) -> dict[str, Parameter]:
        return {"clamp": op.stored_bounds()}

    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        bias, multiplier, constant, shift = (b.load(it, [oc]) for it in b.inputs[3:7])
        product = (total + bias).to(i64) * multiplier.to(i64) + constant
        return (product >> shift.to(i64)).to(i32).clamp(*call.numbers("clamp")).to(i8)

    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        low, high = call.numbers("clamp")
        return [*constants, str(low), str(high)]


class BinaryConvMveF32(BinaryConvMve):
    """`nnc_bin_conv_mve_f32`: float outputs, which are whole numbers before they are clamped."""

    name = "nnc_bin_conv_mve_f32"
    OUTPUT = Float32Type

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        return None

    def constants(self, op: Conv2DOp, lowering: Lowering) -> list[SSAValue]:
        bias, (low, high) = bias_of(op), op.clamp_bounds()
        assert bias is not None
        largest = float(np.finfo(np.float32).max)
        clamp = [-largest if low is None else low, largest if high is None else high]
        return [
            lowering.constant(bias.astype(np.int32), i32, "bias"),
            lowering.constant(np.array(clamp, np.float32), f32, "clamp"),
        ]

    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        real = (total + b.load(b.inputs[3], [oc])).to(f32)
        low, high = (b.load(b.inputs[4], [b.index(k)]) for k in range(2))
        return real.max(low).min(high)

    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        return list(constants)


KERNELS: tuple[Kernel, ...] = (BinaryConvMveBin(), BinaryConvMveS8(), BinaryConvMveF32())
