"""
Convolutions of binary or int8 activations with binary weights on cores with Helium, as rows.

What the functions in runtime/nnc_bin_conv_mve.c and runtime/nnc_i8bin_conv_mve.c must not decide
while they run is decided here: which tables each row of the kernel needs, what each table holds,
and in which order the weights pass by it.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, i16, i32

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import BITS_PER_WORD, Array, BinType, pack_bits, shape_of
from nnc.runtime.mve_outputs import (
    BINARY,
    INT8,
    BinaryMve,
    FloatOutput,
    Int8Output,
    SignOutput,
    shaped,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

STRIP = 4
"""Output pixels beside each other that share a table's words."""

ROWS = 4
"""Vectors of a table's entry."""

LONGEST_STEPS = 3
"""
Words of weights between flushes: sums of 96 binary products fit a signed byte, those of int8 ones
16 bits.
"""

TABLE_BYTES = 16384
STRIPS_BYTES = 320
CHANNEL_BYTES = 128
"""Bytes of scratch for each output channel: 64 sums of 16 bits or 32 of 32."""

FARTHEST = 32767
"""The largest distance of two input columns that a table's words are for."""

LARGEST_OFFSET = 65535
"""How far apart, in bytes, the pixels of a vector of int8 activations may be."""


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
    """The shapes of a convolution: NHWC, OHWI, its window, and the strips in a table's words."""

    lanes: int
    source: tuple[int, ...]
    kernel: tuple[int, ...]
    output: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: tuple[int, ...]

    @staticmethod
    def of(op: Conv2DOp, lanes: int) -> Geometry:
        """Of a layer; one whose pixels are independent is one of a single row."""
        found = Geometry(
            lanes,
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
        flat = Geometry(lanes, source, found.kernel, output, (1, 1), (1, 1), (0, 0, 0, 0))
        return flat if flat.in_reach else found

    @property
    def words(self) -> int:
        """Words of an input pixel."""
        return ceil(self.source[3] / BITS_PER_WORD)

    @property
    def strips(self) -> int:
        """How many strips the output has."""
        return self.output[0] * self.output[1] * ceil(self.output[2] / STRIP)

    @property
    def beside(self) -> int:
        """
        How many strips of a tile are beside each other, 0 if they just follow each other. Tiles of
        several rows use a row of their tables for several rows of the kernel, but fill less well.
        """
        if not self.in_reach:
            return self.lanes
        batches, height, width, _ = self.output
        strips = ceil(width / STRIP)
        shapes = {
            beside: batches * ceil(strips / beside) * ceil(height / (self.tile // beside))
            for beside in (4, 2, 1)
            if beside <= self.lanes
        }
        best = min(shapes, key=lambda beside: shapes[beside])
        tiles = ceil(self.strips / self.tile)
        return best if self.kernel[1] > 1 and shapes[best] <= tiles * 5 / 4 else 0

    @property
    def in_reach(self) -> bool:
        """Whether any pixels may be in one vector: binary ones are loaded one by one."""
        return self.lanes == BINARY.lanes or prod(self.source) <= LARGEST_OFFSET

    @property
    def tile(self) -> int:
        """Strips of a tile."""
        return ROWS * self.lanes

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


class BinaryConvMve(BinaryMve, ABC):
    """Dot products by tables."""

    KIND = Conv2DOp
    LAYER = "conv"
    FIRST = 3

    def geometry(self, op: Conv2DOp) -> Geometry:
        """The shapes of a layer."""
        return Geometry.of(op, self.activations.lanes)

    def shape_problem(self, op: AccumulatingOp) -> str | None:
        """Why the function cannot run a layer of such shapes."""
        assert isinstance(op, Conv2DOp)
        layer = self.geometry(op)
        if op.groups.value.data != 1:
            return f"it has {op.groups.value.data} groups"
        if 8 * layer.strips < 3 * layer.tile:
            return f"it has too few pixels: {layer.strips} strips, a tile takes {layer.tile}"
        farthest = (layer.kernel[2] - 1) * layer.dilations[1] + 3 * layer.strides[1]
        if farthest > FARTHEST:
            return "its windows are too wide"
        if not layer.in_reach and layer.source[2] * layer.source[3] > LARGEST_OFFSET:
            return f"a row of its input is longer than {LARGEST_OFFSET} bytes"
        return None

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return TABLE_BYTES, STRIPS_BYTES, CHANNEL_BYTES * shape_of(op.results[0])[3]

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, Conv2DOp)
        weights, layer = constant_values(op.weights), self.geometry(op)
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
            "outside": self.activations.outside(op),
            "beside": layer.beside,
            **self.numbers(op),
        }
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        sums = _Sums(call, b, self.activations.is_binary)

        def element(index: list[IRScalar]) -> IRScalar:
            return self.conclude(call, b, sums.total(index), index[-1])

        b.produce(shaped(b, b.outputs[0], self.OUTPUT, call.numbers("output_shape")), element)

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
            *self.output_statements(call, arguments[3:count]),
            f"{self.name}(&geometry, {tables}, {source}, {weights},",
            f"    {', '.join(self.epilogue(call, arguments[3:count]))}, {target},",
            f"    {', '.join(scratch)});",
            "return 0;",
        ]


class _Sums:
    """The dot products that a call stands for, from its own packed weights."""

    def __init__(self, call: CallOp, b: LoopBuilder, is_binary: bool):
        self.b = b
        self.is_binary = is_binary
        self.source = call.numbers("input_shape")
        self.outputs = call.numbers("output_shape")
        self.kernel = call.numbers("kernel")
        self.outside = call.number("outside")
        self.x = shaped(b, b.inputs[0], BinType if is_binary else IntegerType, self.source)
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
        """An input as a number (-1 or +1, or as it is stored), or what a padded one counts as."""

        def stored() -> IRScalar:
            value = self.b.load(self.x, index).to(i32)
            return self.b.constant(1, i32) - (value << 1) if self.is_binary else value

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


class SignConvMve(SignOutput, BinaryConvMve):
    """`nnc_bin_conv_mve_bin`, `nnc_i8bin_conv_mve_bin`."""


class Int8ConvMve(Int8Output, BinaryConvMve):
    """`nnc_bin_conv_mve_s8`, `nnc_i8bin_conv_mve_s8`."""


class FloatConvMve(FloatOutput, BinaryConvMve):
    """`nnc_bin_conv_mve_f32`, `nnc_i8bin_conv_mve_f32`."""


KERNELS: tuple[Kernel, ...] = tuple(
    kind(activations)
    for activations in (BINARY, INT8)
    for kind in (SignConvMve, Int8ConvMve, FloatConvMve)
)
