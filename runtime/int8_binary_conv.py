"""Convolutions of int8 activations with binary weights, as rows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, i8, i32
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BinType, element_of, quantization_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_tables import Entry, Geometry, Tables
from nnc.runtime.registry import Kernel, Lowering, constant_values
from nnc.runtime.table_conv import TableConvolution, TableSums

Ints = npt.NDArray[np.int64]

LANE_LIMIT = 32767
"""The largest sum that a lane of 16 bits holds."""


def zero_point_of(op: Conv2DOp) -> int:
    """The zero point of the activations."""
    kind = quantization_of(op.input)
    assert kind is not None
    return kind.zero_point


def signs(op: Conv2DOp) -> Ints:
    """The weights as -1 and +1."""
    values = constant_values(op.weights)
    assert values is not None
    return 1 - 2 * values.astype(np.int64)


class Int8Convolution(TableConvolution, ABC):
    """Sums of activations, in two lanes of 16 bits."""

    CHANNEL_BITS = 8

    def concerns(self, op: Conv2DOp) -> bool:
        return isinstance(element_of(op.input), UniformQuantizedType)

    def activations_problem(self, op: Conv2DOp) -> str | None:
        kind = quantization_of(op.input)
        if kind is None or kind.storage != i8:
            return "its input is not int8"
        row = math.prod(Geometry.of(op).kernel[2:])
        if row > LANE_LIMIT:
            return f"a row of its kernel has {row} products, more than {LANE_LIMIT}"
        return None

    def largest(self, op: Conv2DOp) -> int:
        return Geometry.of(op).products * 255

    def tables(self, op: Conv2DOp) -> Tables:
        layer = Geometry.of(op)
        return Tables(layer, Entry.of(layer), 2, LANE_LIMIT // 128)

    def numbers(self, op: Conv2DOp) -> dict[str, Parameter]:
        return {"unit": 1, "zero_point": zero_point_of(op)}

    def padding(self, call: CallOp) -> bytes | None:
        zero_point = call.number("zero_point") & 0xFF
        return bytes([zero_point]) * call.number("depth")

    def row_sums(self, op: Conv2DOp) -> npt.NDArray[np.int16] | None:
        window = op.window().height
        last = (window.output - 1) * window.stride - window.before + window.reach - 1
        if not window.before and last < window.extent:
            return None
        return np.ascontiguousarray(signs(op).sum(axis=(2, 3)).T.astype(np.int16))

    def sums(self, call: CallOp, b: LoopBuilder) -> TableSums:
        return _Sums(call, b)

    @abstractmethod
    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants after the bias, and numbers."""

    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        sums = signs(op).sum(axis=(1, 2, 3))
        folded = epilogues.bias_values(op) - zero_point_of(op) * sums
        bias = lowering.constant(folded.astype(np.int32), i32, "bias")
        constants, numbers = self.further(op, lowering)
        return [bias, *constants], numbers

    def biased(self, b: LoopBuilder, total: IRScalar, channel: IRScalar) -> IRScalar:
        """The sum with the bias."""
        return b.load(b.inputs[2], [channel]) + total


class _Sums(TableSums):
    """Sums of stored activations, which are their zero point around the image."""

    def __init__(self, call: CallOp, b: LoopBuilder):
        super().__init__(call, b)
        self.x = b.reshaped(b.inputs[0], self.source)

    def total(self, index: list[IRScalar]) -> IRScalar:
        height, width = self.kernel
        return self.reduce(index, [(0, height), (0, width)], self.b.constant(0, i32))

    def term(self, place: list[IRScalar], weight: IRScalar) -> IRScalar:
        value = self.value(place)
        return value - value * weight * 2

    def value(self, place: list[IRScalar]) -> IRScalar:
        """An element of the input, or what is around it."""
        b, zero_point = self.b, self.call.number("zero_point")
        if not any(self.call.numbers("padding")):
            return b.load(self.x, place).to(i32)
        _, y, x, _ = place
        inside = (y >= 0) & (y < self.source[1]) & (x >= 0) & (x < self.source[2])
        return b.choose(
            inside,
            lambda: b.load(self.x, place).to(i32),
            lambda: b.constant(zero_point, i32),
        )


class Int8ConvBin(Int8Convolution):
    """`nnc_i8bin_conv_bin`: a binary output, the sign of a sum that starts at the bias."""

    OUTPUT = BinType

    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return [], {}

    def conclude(
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return self.biased(b, accumulated, channel) < 0

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return [], constants[0]


class Int8ConvS8(Int8Convolution):
    """`nnc_i8bin_conv_s8`: int8 outputs, requantised by one multiplication of 64 bits."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        return epilogues.requantization_problem(op, self.largest(op))

    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.requantization_constants(op, self.largest(op), lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.requantized(call, b, 3, self.biased(b, accumulated, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.requantization_text(call, constants[0], constants[1:]), "&requantization"


class Int8ConvF32(Int8Convolution):
    """`nnc_i8bin_conv_f32`: float outputs."""

    OUTPUT = Float32Type

    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.real_constants(op, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.real(call, b, 3, self.biased(b, accumulated, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.real_text(call, constants[0], constants[1:]), "&scaling"


KERNELS: tuple[Kernel, ...] = (
    Int8ConvBin("nnc_i8bin_conv_bin"),
    Int8ConvS8("nnc_i8bin_conv_s8"),
    Int8ConvF32("nnc_i8bin_conv_f32"),
)
