"""Dense layers of binary activations with binary weights, as rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, TensorType, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    BIN,
    BITS_PER_WORD,
    Array,
    BinType,
    element_of,
    pack_bits,
    shape_of,
)
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

DEEPEST = 32767
"""Inputs whose numbers are listed in 16 bits and counted in 16 planes."""

KNOWN = frozenset({"rounding", "min", "max", "f32_product"})
"""The properties of a layer that these rows understand."""

Ints = npt.NDArray[np.int64]


def pack(bits: Array) -> npt.NDArray[np.int32]:
    """
    Weights `[outputs, inputs]` as `[outputs / 32, inputs + 1]` words of 32 outputs: inputs are
    rounded up to a multiple of 32, and the last word is zero.
    """
    outputs, depth = bits.shape
    rows = -(-outputs // BITS_PER_WORD)
    columns = -(-depth // BITS_PER_WORD) * BITS_PER_WORD + 1
    whole = np.zeros((rows * BITS_PER_WORD, columns), np.bool_)
    whole[:outputs, :depth] = bits
    words = pack_bits(whole.reshape(rows, BITS_PER_WORD, columns).transpose(0, 2, 1))
    return words.reshape(rows, columns)


def planes(numbers: Ints, count: int) -> npt.NDArray[np.int32]:
    """Numbers as two's complement: for each 32 of them `count` words, the lowest bits first."""
    rows = -(-numbers.size // BITS_PER_WORD)
    whole = np.zeros(rows * BITS_PER_WORD, np.int64)
    whole[: numbers.size] = numbers
    bits = whole.reshape(rows, 1, BITS_PER_WORD) >> np.arange(count).reshape(1, count, 1) & 1
    return pack_bits(bits.astype(np.bool_)).reshape(rows, count)


class BinaryDense(Kernel, ABC):
    """
    Weights of set inputs, added up for 32 outputs at a time. The epilogue's constants are the
    inputs after the weights. In constant time all weights are read and masked.
    """

    headers = ("nnc_bin_dense.h",)
    OUTPUT: type[Attribute]

    def __init__(self, kind: str, constant_time: bool):
        self.constant_time = constant_time
        self.name = f"nnc_bin_dense_{'ct_' if constant_time else ''}{kind}"
        self.sources = ("nnc_bin_planes.c", f"nnc_bin_dense_{kind}.c")

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or not isinstance(element_of(op.output), self.OUTPUT):
            return ""
        if any(not isinstance(element_of(it), BinType) for it in (op.input, op.weights)):
            return ""
        if target.constant_time != self.constant_time:
            return ""
        depth = shape_of(op.input)[1]
        if depth > DEEPEST:
            return f"it has {depth} inputs, more than {DEEPEST}"
        return (
            epilogues.unknown_parts(op, KNOWN)
            or epilogues.operands_problem(op)
            or epilogues.range_problem(op, 5 * depth)
            or self.epilogue_problem(op)
        )

    def epilogue_problem(self, op: DenseOp) -> str | None:
        """Why the function's epilogue is not the layer's."""
        return None

    @abstractmethod
    def constants(
        self, op: DenseOp, ones: Ints, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants of the epilogue and its numbers; `ones` are the set weights' numbers."""

    @abstractmethod
    def conclude(
        self, call: CallOp, b: LoopBuilder, sums: tuple[IRScalar, IRScalar], channel: IRScalar
    ) -> IRScalar:
        """The output from the numbers of set inputs and of those whose weight is set too."""

    @abstractmethod
    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        """Statements before the call, and what the function takes as its epilogue."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, DenseOp)
        return () if self.constant_time else (2 * (shape_of(op.input)[1] // 2) + 64,)

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        weights = constant_values(op.weights)
        assert weights is not None
        rows, depth = shape_of(op.input)
        packed = lowering.constant(pack(weights), i32, "weights")
        ones = weights.astype(np.int64).sum(axis=1)
        constants, numbers = self.constants(op, ones, lowering)
        most = depth if self.constant_time else depth // 2
        parameters: dict[str, Parameter] = {
            "rows": rows,
            "depth": depth,
            "channels": len(weights),
            "count_planes": max(5, most.bit_length()),
            **numbers,
        }
        inputs = [lowering.buffer(op.input), packed, *constants]
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        rows, depth, outputs = (call.number(name) for name in ("rows", "depth", "channels"))
        x = Operand(b.inputs[0].memory, TensorType(BIN, [rows, depth]))

        def element(index: list[IRScalar]) -> IRScalar:
            n, channel = index
            word, lane = channel // BITS_PER_WORD, (channel % BITS_PER_WORD).to(i32)

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                weight = (b.load(b.inputs[1], [word, at[0]]) >> lane) & 1
                return total + (b.load(x, [n, at[0]]).to(i32) & weight)

            zero, bounds = b.constant(0, i32), [(0, depth)]
            both = b.reduce(bounds, zero, tap, ("k",))
            ones = b.reduce(bounds, zero, lambda so_far, at: so_far + b.load(x, [n, *at]).to(i32))
            return self.conclude(call, b, (ones, both), channel)

        output = b.outputs[0]
        if self.OUTPUT is BinType:
            output = Operand(output.memory, TensorType(BIN, [rows, outputs]))
        b.produce(output, element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, *constants = arguments[: len(call.inputs)]
        written = ", ".join(arguments[len(call.inputs) :])
        statements, epilogue = self.arguments(call, constants)
        names = ("rows", "depth", "channels", "count_planes")
        numbers = [*(call.number(name) for name in names), self.limit_planes(call)]
        return [
            f"static const nnc_bin_dense layer = {{{', '.join(map(str, numbers))}}};",
            *statements,
            f"{self.name}(&layer, {source}, {weights}, {epilogue}, {written});",
            "return 0;",
        ]

    def limit_planes(self, call: CallOp) -> int:
        """How many bits the limits have, if there are any."""
        return 0


class BinaryDenseBin(BinaryDense):
    """`nnc_bin_dense_bin`: binary outputs, compared with limits for 32 outputs at once."""

    OUTPUT = BinType

    def constants(
        self, op: DenseOp, ones: Ints, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        depth = shape_of(op.input)[1]
        # The output is -1 if more inputs mismatch than (depth + bias) / 2.
        most = np.clip((depth + epilogues.bias_values(op)) // 2, -1, depth)
        count = (4 * depth + 2).bit_length() + 1
        limits = [planes(ones - most, count), planes(ones + most, count)]
        return [lowering.constant(np.stack(limits), i32, "limits")], {"limit_planes": count}

    def conclude(
        self, call: CallOp, b: LoopBuilder, sums: tuple[IRScalar, IRScalar], channel: IRScalar
    ) -> IRScalar:
        ones, both = sums
        count = call.number("limit_planes")
        word, lane = channel // BITS_PER_WORD, (channel % BITS_PER_WORD).to(i32)

        def bit(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            plane = b.load(b.inputs[2], [b.index(0), word, at[0]])
            return total + (((plane >> lane) & 1) << at[0].to(i32))

        unsigned = b.reduce([(0, count)], b.constant(0, i32), bit, ("plane",))
        limit = unsigned - (unsigned >> (count - 1) << count)
        return limit + ones - 1 - both * 2 >= 0

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return [], constants[0]

    def limit_planes(self, call: CallOp) -> int:
        return call.number("limit_planes")


class BinaryDenseNumbers(BinaryDense, ABC):
    """Outputs that are made of the sum itself: `base - 2 * ones + 4 * both`."""

    def constants(
        self, op: DenseOp, ones: Ints, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        base = shape_of(op.input)[1] + epilogues.bias_values(op)
        values = np.stack([base - 2 * ones, base + 2 * ones]).astype(np.int32)
        constants, numbers = self.further(op, lowering)
        return [lowering.constant(values, i32, "base"), *constants], numbers

    @abstractmethod
    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants after the base, and numbers."""

    def conclude(
        self, call: CallOp, b: LoopBuilder, sums: tuple[IRScalar, IRScalar], channel: IRScalar
    ) -> IRScalar:
        ones, both = sums
        total = b.load(b.inputs[2], [b.index(0), channel]) - ones * 2 + both * 4
        return self.number(call, b, total, channel)

    @abstractmethod
    def number(self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar) -> IRScalar:
        """The output from the sum."""


class BinaryDenseS8(BinaryDenseNumbers):
    """`nnc_bin_dense_s8`: int8 outputs, requantised by one multiplication of 64 bits."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: DenseOp) -> str | None:
        return epilogues.requantization_problem(op, shape_of(op.input)[1])

    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.requantization_constants(op, shape_of(op.input)[1], lowering)

    def number(self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar) -> IRScalar:
        return epilogues.requantized(call, b, 3, total, channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.requantization_text(call, constants[0], constants[1:]), "&requantization"


class BinaryDenseF32(BinaryDenseNumbers):
    """`nnc_bin_dense_f32`: float outputs."""

    OUTPUT = Float32Type

    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.real_constants(op, lowering)

    def number(self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar) -> IRScalar:
        return epilogues.real(call, b, 3, total, channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.real_text(call, constants[0], constants[1:]), "&scaling"


KERNELS: tuple[Kernel, ...] = tuple(
    row
    for constant_time in (False, True)
    for row in (
        BinaryDenseBin("bin", constant_time),
        BinaryDenseS8("s8", constant_time),
        BinaryDenseF32("f32", constant_time),
    )
)
