"""Convolutions of binary activations with binary weights, as rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import Float32Type, IntegerAttr, TensorType, i1, i16, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.hints import isa

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, BITS_PER_WORD, BinType, element_of, pack_bits
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_tables import Entry, Geometry, Tables, geometry_text, tables_problem
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

LONGEST_COUNT = 32767
"""The most that 16 bits hold beside the bit that is the output."""

LANE_REACH = 255
"""The most that a lane of 8 bits counts."""

KNOWN = frozenset(
    {
        *("strides", "dilations", "padding", "groups", "pad_value"),
        *("rounding", "min", "max", "f32_product"),
    }
)
"""The properties of a layer that these rows understand."""


Tap = Callable[[IRScalar, list[IRScalar]], IRScalar]


def pad_value(op: Conv2DOp) -> int:
    """What a padded position counts as: 0, -1 or +1."""
    value = op.properties.get("pad_value")
    if not isa(value, IntegerAttr) or not any(op.padding.get_values()):
        return 0
    return value.value.data


def unit_of(op: Conv2DOp) -> int:
    """What a mismatch counts, so that half of a padded position's is a whole number."""
    zeros = any(op.padding.get_values()) and pad_value(op) == 0
    return 2 if zeros and Geometry.of(op).depth % 2 else 1


def tables_of(op: Conv2DOp) -> Tables:
    """The tables of a layer for which they are legal."""
    layer = Geometry.of(op)
    return Tables(layer, Entry.of(layer), 4, LANE_REACH // unit_of(op))


class BinaryConvolution(Kernel, ABC):
    """
    Counts of mismatches by tables. The epilogue's constants are the inputs after the weights.
    """

    headers = ("nnc_bin.h",)
    OUTPUT: type[Attribute]

    def __init__(self, name: str):
        self.name = name
        self.sources = ("nnc_bin_lut.c", f"{name}.c")

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, Conv2DOp) or not isinstance(element_of(op.output), self.OUTPUT):
            return ""
        if any(not isinstance(element_of(it), BinType) for it in (op.input, op.weights)):
            return ""
        layer = Geometry.of(op)
        return (
            epilogues.unknown_parts(op, KNOWN)
            or epilogues.operands_problem(op)
            or counts_problem(op)
            or tables_problem(layer, Entry.of(layer))
            or epilogues.range_problem(op, layer.products)
            or self.epilogue_problem(op)
        )

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        """Why the function's epilogue is not the layer's."""
        return None

    @abstractmethod
    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants of the epilogue and its numbers."""

    @abstractmethod
    def conclude(
        self, call: CallOp, b: LoopBuilder, count: IRScalar, channel: IRScalar
    ) -> IRScalar:
        """The output from a count of mismatches, in units."""

    @abstractmethod
    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        """Statements before the call, and what the function takes as its epilogue."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, Conv2DOp)
        tables = tables_of(op)
        return tables.table_bytes, tables.accumulator_bytes

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, Conv2DOp)
        weights, tables = constant_values(op.weights), tables_of(op)
        assert weights is not None
        packed = lowering.constant(tables.pack(weights), i32, "weights")
        constants, numbers = self.constants(op, lowering)
        parameters: dict[str, Parameter] = {
            **tables.parameters(),
            "pad_value": pad_value(op),
            "unit": unit_of(op),
            **numbers,
        }
        inputs = [lowering.buffer(op.input), packed, *constants]
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        counts = _Counts(call, b)

        def element(index: list[IRScalar]) -> IRScalar:
            return self.conclude(call, b, counts.count(index), index[-1])

        shape = call.numbers("output_shape")
        if self.OUTPUT is BinType:
            b.produce(_packed(b, b.outputs[0], shape), element)
        else:
            b.produce(b.reshaped(b.outputs[0], shape), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, *constants = arguments[: len(call.inputs)]
        output, *scratch = arguments[len(call.inputs) :]
        pad = call.number("pad_value")
        padding = pack_bits(np.full(call.number("depth"), pad < 0)).tobytes() if pad else None
        statements, epilogue = self.arguments(call, constants)
        return [
            *geometry_text(call, call.numbers("input_shape")[3:], 1, padding),
            *statements,
            f"{self.name}{call.number('entry')}(&geometry, {source}, {weights}, {epilogue},",
            f"    {output}, {', '.join(scratch)});",
            "return 0;",
        ]


def counts_problem(op: Conv2DOp) -> str | None:
    """Why the mismatches of a layer may be too many for a lane of 16 bits."""
    most = Geometry.of(op).products * unit_of(op)
    return f"it counts to {most}, more than {LONGEST_COUNT}" if most > LONGEST_COUNT else None


def _packed(b: LoopBuilder, operand: Operand, shape: Sequence[int]) -> Operand:
    """Words of bits as a binary tensor of a shape."""
    words = (*shape[:-1], -(-shape[-1] // BITS_PER_WORD))
    return Operand(b.reshaped(operand, words).memory, TensorType(BIN, list(shape)))


class _Counts:
    """The loops that count what a call counts, from its own packed weights."""

    def __init__(self, call: CallOp, b: LoopBuilder):
        self.call = call
        self.b = b
        self.source = call.numbers("input_shape")
        self.output = call.numbers("output_shape")
        self.kernel = call.numbers("kernel")
        self.x = _packed(b, b.inputs[0], self.source)
        self.w = b.inputs[1]

    def window(self) -> Window:
        """The window of the convolution."""
        top, bottom, left, right = self.call.numbers("padding")
        strides, dilations = self.call.numbers("strides"), self.call.numbers("dilations")
        sizes = zip(
            self.source[1:3], self.output[1:3], self.kernel, strides, dilations, strict=True
        )
        height, width = list(sizes)
        return Window(Axis(*height, top, bottom), Axis(*width, left, right))

    def count(self, index: list[IRScalar]) -> IRScalar:
        """The mismatches of an output, in units; half of those that are padded with 0."""
        call, b, window = self.call, self.b, self.window()
        depth, chunk = call.number("depth"), call.number("chunk")
        rows: tuple[IRScalar | int, IRScalar | int] = (0, self.kernel[0])
        columns: tuple[IRScalar | int, IRScalar | int] = (0, self.kernel[1])
        total = b.constant(0, i32)
        if call.number("pad_value") == 0:
            rows, columns = window.height.inside(b, index[1]), window.width.inside(b, index[2])
            half = depth * call.number("unit") // 2
            high, wide = (b.as_index(it[1]) - b.as_index(it[0]) for it in (rows, columns))
            outside = b.index(self.kernel[0] * self.kernel[1]) - high.max(0) * wide.max(0)
            total = outside.to(i32) * half
        for first in range(0, depth, chunk):
            channels = min(chunk, depth - first)
            bounds = [rows, columns, (0, channels)]
            total = b.reduce(bounds, total, self._tap(index, first, channels), ("ky", "kx", "k"))
        return total

    def _tap(self, index: list[IRScalar], first: int, channels: int) -> Tap:
        call, b, window = self.call, self.b, self.window()
        depth, groups = call.number("depth"), call.number("groups")
        outputs = self.output[3] // groups
        words = -(-channels // BITS_PER_WORD)
        taps = self.kernel[0] * self.kernel[1] * outputs
        full = -(-depth // BITS_PER_WORD)
        n, oy, ox, oc = index
        start = oc // outputs * (full * taps) + first // BITS_PER_WORD * taps

        def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            ky, kx, k = at
            place = ((ky * outputs + oc % outputs) * self.kernel[1] + kx) * words
            word = b.load(self.w, [start + place + k // BITS_PER_WORD])
            weight = (word >> (k % BITS_PER_WORD).to(i32)) & 1
            iy, ix = window.height.coordinate(oy, ky), window.width.coordinate(ox, kx)
            value = self._value([n, iy, ix, oc // outputs * depth + first + k])
            return total + (value.to(i32) ^ weight) * call.number("unit")

        return tap

    def _value(self, index: list[IRScalar]) -> IRScalar:
        b, pad = self.b, self.call.number("pad_value")
        if pad == 0:
            return b.load(self.x, index)
        _, y, x, _ = index
        inside = (y >= 0) & (y < self.source[1]) & (x >= 0) & (x < self.source[2])
        return b.choose(inside, lambda: b.load(self.x, index), lambda: b.constant(int(pad < 0), i1))


class BinConvBin(BinaryConvolution):
    """`nnc_bin_conv_bin`: a binary output, the top bit of a count that starts where it decides."""

    OUTPUT = BinType

    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        unit, products = unit_of(op), Geometry.of(op).products
        # The output is -1 if products + bias - 2 * mismatches < 0.
        limits = (products + epilogues.bias_values(op)) * unit // 2
        starts = LONGEST_COUNT - np.clip(limits, -1, products * unit)
        values = starts.astype(np.uint16).view(np.int16)
        return [lowering.constant(values, i16, "start")], {}

    def conclude(
        self, call: CallOp, b: LoopBuilder, count: IRScalar, channel: IRScalar
    ) -> IRScalar:
        start = b.load(b.inputs[2], [channel]).to(i32) & 0xFFFF
        return start + count > LONGEST_COUNT

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return [], constants[0]


class BinConvNumbers(BinaryConvolution, ABC):
    """Outputs that are made of the sum itself: `base - 2 * mismatches`."""

    def base(self, op: Conv2DOp, lowering: Lowering) -> SSAValue:
        """The sum without mismatches."""
        values = Geometry.of(op).products + epilogues.bias_values(op)
        return lowering.constant(values.astype(np.int32), i32, "base")

    def total(self, call: CallOp, b: LoopBuilder, count: IRScalar, channel: IRScalar) -> IRScalar:
        """The sum."""
        return b.load(b.inputs[2], [channel]) - count * (2 // call.number("unit"))

    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        base = self.base(op, lowering)
        constants, numbers = self.further(op, lowering)
        return [base, *constants], numbers

    @abstractmethod
    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants after the base, and numbers."""


class BinConvS8(BinConvNumbers):
    """`nnc_bin_conv_s8`: int8 outputs, requantised by one multiplication of 64 bits."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        return epilogues.requantization_problem(op, Geometry.of(op).products)

    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.requantization_constants(op, Geometry.of(op).products, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, count: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.requantized(call, b, 3, self.total(call, b, count, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.requantization_text(call, constants[0], constants[1:]), "&requantization"


class BinConvF32(BinConvNumbers):
    """`nnc_bin_conv_f32`: float outputs."""

    OUTPUT = Float32Type

    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.real_constants(op, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, count: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.real(call, b, 3, self.total(call, b, count, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.real_text(call, constants[0], constants[1:]), "&scaling"


KERNELS: tuple[Kernel, ...] = (
    BinConvBin("nnc_bin_conv_bin"),
    BinConvS8("nnc_bin_conv_s8"),
    BinConvF32("nnc_bin_conv_f32"),
)
