"""Convolutions of binary activations with binary weights, as rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, IntegerAttr, i1, i16, i32
from xdsl.ir import SSAValue
from xdsl.utils.hints import isa

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BinType, element_of, pack_bits
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_tables import Entry, Geometry, Tables
from nnc.runtime.fixed_output import Accumulated, FixedOutput, fit_fixed_output
from nnc.runtime.registry import Kernel, Lowering
from nnc.runtime.table_conv import TableConvolution, TableSums, packed_operand

Ints = npt.NDArray[np.int64]

LONGEST_COUNT = 32767
"""The most that 16 bits hold beside the bit that is the output."""

LANE_REACH = 255
"""The most that a lane of 8 bits counts."""


FRACTION = 12
"""Bits after the point of what `nnc_bin_conv_fixed` makes outputs of."""


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


def limits(op: Conv2DOp) -> Ints:
    """The most mismatches, in units, with which each channel's sum is not negative; -1 is none."""
    unit, products = unit_of(op), Geometry.of(op).products
    # products + bias - 2 * mismatches / unit >= 0
    most = (products + epilogues.bias_values(op)) * unit // 2
    return np.clip(most, -1, products * unit)


def starts(op: Conv2DOp) -> npt.NDArray[np.int16]:
    """Where counts start so that bit 15 is set where the sum is negative."""
    return (LONGEST_COUNT - limits(op)).astype(np.uint16).view(np.int16)


@lru_cache(maxsize=16)
def formula(op: Conv2DOp) -> FixedOutput | None:
    """The formula of `nnc_bin_conv_fixed` that requantises as the layer does, if there is one."""
    products, unit = Geometry.of(op).products, unit_of(op)
    first = -limits(op) - 1
    base = products + epilogues.bias_values(op) + 2 // unit * first
    # Counts of 16 bits are shifted to the upper half of a word.
    counts = Accumulated(base, -2 // unit, first, first + products * unit, 16, FRACTION)
    return fit_fixed_output(epilogues.contract_of(op), counts)


class BinaryConvolution(TableConvolution, ABC):
    """Counts of mismatches, in four lanes of 8 bits."""

    CHANNEL_BITS = 1

    def concerns(self, op: Conv2DOp) -> bool:
        return isinstance(element_of(op.input), BinType)

    def activations_problem(self, op: Conv2DOp) -> str | None:
        most = Geometry.of(op).products * unit_of(op)
        return f"it counts to {most}, more than {LONGEST_COUNT}" if most > LONGEST_COUNT else None

    def largest(self, op: Conv2DOp) -> int:
        return Geometry.of(op).products

    def tables(self, op: Conv2DOp) -> Tables:
        layer = Geometry.of(op)
        return Tables(layer, Entry.of(layer), 4, LANE_REACH // unit_of(op))

    def numbers(self, op: Conv2DOp) -> dict[str, Parameter]:
        return {"pad_value": pad_value(op), "unit": unit_of(op), "zero_point": 0}

    def padding(self, call: CallOp) -> bytes | None:
        pad = call.number("pad_value")
        return pack_bits(np.full(call.number("depth"), pad < 0)).tobytes() if pad else None

    def sums(self, call: CallOp, b: LoopBuilder) -> TableSums:
        return _Counts(call, b)


class _Counts(TableSums):
    """Mismatches, in units."""

    def __init__(self, call: CallOp, b: LoopBuilder):
        super().__init__(call, b)
        self.x = packed_operand(b, b.inputs[0], self.source)

    def total(self, index: list[IRScalar]) -> IRScalar:
        call, b, (height, width) = self.call, self.b, self.kernel
        if call.number("pad_value"):
            return self.reduce(index, [(0, height), (0, width)], b.constant(0, i32))
        rows, columns = self.inside(index)
        high, wide = (b.as_index(it[1]) - b.as_index(it[0]) for it in (rows, columns))
        outside = b.index(height * width) - high.max(0) * wide.max(0)
        half = call.number("depth") * call.number("unit") // 2
        return self.reduce(index, [rows, columns], outside.to(i32) * half)

    def term(self, place: list[IRScalar], weight: IRScalar) -> IRScalar:
        return (self.value(place).to(i32) ^ weight) * self.call.number("unit")

    def value(self, place: list[IRScalar]) -> IRScalar:
        """A bit of the input, or what is around it."""
        b, pad = self.b, self.call.number("pad_value")
        if pad == 0:
            return b.load(self.x, place)
        _, y, x, _ = place
        inside = (y >= 0) & (y < self.source[1]) & (x >= 0) & (x < self.source[2])
        return b.choose(inside, lambda: b.load(self.x, place), lambda: b.constant(int(pad < 0), i1))


class BinConvBin(BinaryConvolution):
    """`nnc_bin_conv_bin`: a binary output, the top bit of a count that starts where it decides."""

    OUTPUT = BinType

    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return [lowering.constant(starts(op), i16, "start")], {}

    def conclude(
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        start = b.load(b.inputs[2], [channel]).to(i32) & 0xFFFF
        return start + accumulated > LONGEST_COUNT

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


class BinConvFixed(BinaryConvolution):
    """`nnc_bin_conv_fixed`: int8 outputs, requantised by the upper word of one product."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        if not epilogues.is_int8(op):
            return "its output is not int8"
        return epilogues.fixed_problem(op, formula(op))

    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        found = formula(op)
        assert found is not None
        constants, numbers = epilogues.fixed_constants(found, lowering)
        return [lowering.constant(starts(op), i16, "start"), *constants], numbers

    def conclude(
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        start = b.load(b.inputs[2], [channel]).to(i32) & 0xFFFF
        count = start + accumulated - (LONGEST_COUNT + 1)
        return epilogues.fixed(call, b, 3, count, channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        start, table = constants
        return epilogues.fixed_text(call, "NULL", start, table), "&requantization"


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
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.requantized(call, b, 3, self.total(call, b, accumulated, channel), channel)

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
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.real(call, b, 3, self.total(call, b, accumulated, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.real_text(call, constants[0], constants[1:]), "&scaling"


KERNELS: tuple[Kernel, ...] = (
    BinConvBin("nnc_bin_conv_bin"),
    BinConvFixed("nnc_bin_conv_fixed"),
    BinConvS8("nnc_bin_conv_s8"),
    BinConvF32("nnc_bin_conv_f32"),
)
