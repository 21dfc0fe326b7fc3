"""Convolutions of int8 activations with binary weights, as rows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, i8, i32
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BITS_PER_WORD, BinType, element_of, quantization_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_tables import Entry, Geometry, Tables
from nnc.runtime.fixed_output import Accumulated, FixedOutput, fit_fixed_output
from nnc.runtime.registry import Kernel, Lowering, constant_values
from nnc.runtime.table_conv import TableConvolution, TableSums

Ints = npt.NDArray[np.int64]

LANE_LIMIT = 32767
"""The largest sum that a lane of 16 bits holds."""


FRACTION = 16
"""Bits after the point of what `nnc_i8bin_conv_fixed` makes outputs of."""


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


def folded_bias(op: Conv2DOp) -> Ints:
    """The bias with the zero point of the activations in it."""
    return epilogues.bias_values(op) - zero_point_of(op) * signs(op).sum(axis=(1, 2, 3))


@lru_cache(maxsize=16)
def formula(op: Conv2DOp) -> FixedOutput | None:
    """The formula of `nnc_i8bin_conv_fixed` that requantises as the layer does, if there is one."""
    bias = folded_bias(op)
    largest = int(np.abs(bias).max()) + 128 * Geometry.of(op).products
    return fit_fixed_output(
        epilogues.contract_of(op), Accumulated.sums(bias.size, largest, FRACTION)
    )


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

    def layer(self, op: Conv2DOp) -> Geometry:
        whole = Geometry.of(op)
        return whole.patched or whole

    def tables(self, op: Conv2DOp) -> Tables:
        layer, whole = self.layer(op), Geometry.of(op)
        windows = whole if whole.patched is not None else None
        return Tables(layer, Entry.of(layer), 2, LANE_LIMIT // 128, windows)

    def numbers(self, op: Conv2DOp) -> dict[str, Parameter]:
        return {"unit": 1, "zero_point": zero_point_of(op)}

    def padding(self, call: CallOp) -> bytes | None:
        if not any(call.numbers("padding")):
            return None
        zero_point = call.number("zero_point") & 0xFF
        return bytes([zero_point]) * call.number("depth")

    def row_sums(self, op: Conv2DOp) -> npt.NDArray[np.int16] | None:
        if Geometry.of(op).patched is not None:
            return None
        window = op.window().height
        last = (window.output - 1) * window.stride - window.before + window.reach - 1
        if not window.before and last < window.extent:
            return None
        return np.ascontiguousarray(signs(op).sum(axis=(2, 3)).T.astype(np.int16))

    def sums(self, call: CallOp, b: LoopBuilder) -> TableSums:
        return _WindowSums(call, b) if call.numbers("patches") else _Sums(call, b)

    @abstractmethod
    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants after the bias, and numbers."""

    def constants(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        bias = lowering.constant(folded_bias(op).astype(np.int32), i32, "bias")
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


class _WindowSums(TableSums):
    """Sums of the numbers of windows, which are the channels of a pixel."""

    def __init__(self, call: CallOp, b: LoopBuilder):
        super().__init__(call, b)
        self.image = call.numbers("patches")
        self.x = b.reshaped(b.inputs[0], (self.source[0], *self.image[:3]))

    def total(self, index: list[IRScalar]) -> IRScalar:
        b = self.b
        channels, height, width = self.image[2:5]
        words = -(-self.call.number("depth") // BITS_PER_WORD)
        strides, dilations, padding = self.image[5:7], self.image[7:9], self.image[9:11]
        n, oy, ox, oc = index

        def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            place = [
                o * stride + k * dilation - before
                for o, k, stride, dilation, before in zip(
                    (oy, ox), at[:2], strides, dilations, padding, strict=True
                )
            ]
            k = (at[0] * width + at[1]) * channels + at[2]
            word = b.load(b.inputs[1], [oc * words + k // BITS_PER_WORD])
            weight = (word >> (k % BITS_PER_WORD).to(i32)) & 1
            return total + self.term([n, *place, at[2]], weight)

        return b.reduce(
            [(0, height), (0, width), (0, channels)], b.constant(0, i32), tap, ("ky", "kx", "k")
        )

    def term(self, place: list[IRScalar], weight: IRScalar) -> IRScalar:
        b = self.b
        _, y, x, _ = place
        inside = (y >= 0) & (y < self.image[0]) & (x >= 0) & (x < self.image[1])
        value = b.choose(
            inside,
            lambda: b.load(self.x, place).to(i32),
            lambda: b.constant(self.call.number("zero_point"), i32),
        )
        return value - value * weight * 2


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


class Int8ConvFixed(Int8Convolution):
    """`nnc_i8bin_conv_fixed`: int8 outputs, requantised by the upper word of one product."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: Conv2DOp) -> str | None:
        if not epilogues.is_int8(op):
            return "its output is not int8"
        return epilogues.fixed_problem(op, formula(op))

    def further(
        self, op: Conv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        found = formula(op)
        assert found is not None
        return epilogues.fixed_constants(found, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.fixed(call, b, 3, self.biased(b, accumulated, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        bias, table = constants
        return epilogues.fixed_text(call, bias, "NULL", table), "&requantization"


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
    Int8ConvFixed("nnc_i8bin_conv_fixed"),
    Int8ConvS8("nnc_i8bin_conv_s8"),
    Int8ConvF32("nnc_i8bin_conv_f32"),
)
