"""
What the rows of convolutions by tables share: their weights pass by tables of the activations, and
the sums become outputs in one of three ways.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, i16, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import BIN, BITS_PER_WORD, BinType, element_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_tables import Entry, Geometry, Tables, geometry_text, tables_problem
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

KNOWN = frozenset(
    {
        *("strides", "dilations", "padding", "groups", "pad_value"),
        *("rounding", "min", "max", "f32_product"),
    }
)
"""The properties of a layer that these rows understand."""

Bounds = tuple[IRScalar | int, IRScalar | int]
Tap = Callable[[IRScalar, list[IRScalar]], IRScalar]


class TableConvolution(Kernel, ABC):
    """
    Sums of products with binary weights by tables. The epilogue's constants are the inputs after
    the weights, then those for rows outside the image.
    """

    headers = ("nnc_bin.h",)
    OUTPUT: type[Attribute]
    CHANNEL_BITS: int
    """Of the input."""

    def __init__(self, name: str):
        self.name = name
        lut = "nnc_bin_lut.c" if self.CHANNEL_BITS == 1 else "nnc_i8bin_lut.c"
        self.sources = (lut, f"{name}.c")

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, Conv2DOp) or not isinstance(element_of(op.output), self.OUTPUT):
            return ""
        if not isinstance(element_of(op.weights), BinType) or not self.concerns(op):
            return ""
        layer = self.layer(op)
        return (
            epilogues.unknown_parts(op, KNOWN)
            or epilogues.operands_problem(op)
            or self.activations_problem(op)
            or tables_problem(layer, Entry.of(layer))
            or epilogues.range_problem(op, self.largest(op))
            or self.epilogue_problem(op)
        )

    def layer(self, op: Conv2DOp) -> Geometry:
        """The convolution that the function runs."""
        return Geometry.of(op)

    @abstractmethod
    def concerns(self, op: Conv2DOp) -> bool:
        """Whether the layer's activations are of the function's kind."""

    @abstractmethod
    def activations_problem(self, op: Conv2DOp) -> str | None:
        """Why the function's lanes do not hold what the layer sums up."""

    @abstractmethod
    def largest(self, op: Conv2DOp) -> int:
        """The size of the largest sum without the bias."""

    @abstractmethod
    def tables(self, op: Conv2DOp) -> Tables:
        """The tables of a layer."""

    @abstractmethod
    def numbers(self, op: Conv2DOp) -> dict[str, Parameter]:
        """What a call has to know of the activations."""

    @abstractmethod
    def padding(self, call: CallOp) -> bytes | None:
        """The channels of a group around the image, or None where nothing is added for them."""

    def row_sums(self, op: Conv2DOp) -> npt.NDArray[np.int16] | None:
        """
        The sums of the weights of each row of the kernel for each output channel, where they are
        needed because the row may be outside the image.
        """
        return None

    @abstractmethod
    def sums(self, call: CallOp, b: LoopBuilder) -> TableSums:
        """The loops that sum up."""

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
        self, call: CallOp, b: LoopBuilder, accumulated: IRScalar, channel: IRScalar
    ) -> IRScalar:
        """The output from what was accumulated."""

    @abstractmethod
    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        """Statements before the call, and what the function takes as its epilogue."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, Conv2DOp)
        tables = self.tables(op)
        return tables.table_bytes, tables.accumulator_bytes

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, Conv2DOp)
        weights, tables = constant_values(op.weights), self.tables(op)
        assert weights is not None
        packed = lowering.constant(tables.pack(weights), i32, "weights")
        constants, numbers = self.constants(op, lowering)
        sums = self.row_sums(op)
        if sums is not None:
            constants = [*constants, lowering.constant(sums, i16, "row_sums")]
        numbers = {**numbers, "has_sums": int(sums is not None)}
        parameters = {**tables.parameters(), **self.numbers(op), **numbers}
        inputs = [lowering.buffer(op.input), packed, *constants]
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        sums = self.sums(call, b)

        def element(index: list[IRScalar]) -> IRScalar:
            return self.conclude(call, b, sums.total(index), index[-1])

        shape = call.numbers("output_shape")
        if self.OUTPUT is BinType:
            b.produce(packed_operand(b, b.outputs[0], shape), element)
        else:
            b.produce(b.reshaped(b.outputs[0], shape), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, *constants = arguments[: len(call.inputs)]
        output, *scratch = arguments[len(call.inputs) :]
        sums = constants.pop() if call.number("has_sums") else "NULL"
        statements, epilogue = self.arguments(call, constants)
        size = f"{call.number('entry')}{'x3' if call.number('three_columns') else ''}"
        size = "patch" if call.numbers("patches") else size
        return [
            *geometry_text(call, self.CHANNEL_BITS, self.padding(call), sums),
            *statements,
            f"{self.name}_{size}(&geometry, {source}, {weights}, {epilogue},",
            f"    {output}, {', '.join(scratch)});",
            "return 0;",
        ]


def packed_operand(b: LoopBuilder, operand: Operand, shape: Sequence[int]) -> Operand:
    """Words of bits as a binary tensor of a shape."""
    words = (*shape[:-1], -(-shape[-1] // BITS_PER_WORD))
    return Operand(b.reshaped(operand, words).memory, TensorType(BIN, list(shape)))


class TableSums(ABC):
    """The loops that a call stands for, with its own packed weights."""

    def __init__(self, call: CallOp, b: LoopBuilder):
        self.call = call
        self.b = b
        self.source = call.numbers("input_shape")
        self.output = call.numbers("output_shape")
        self.kernel = call.numbers("kernel")

    @property
    def window(self) -> Window:
        """The window of the convolution."""
        top, bottom, left, right = self.call.numbers("padding")
        strides, dilations = self.call.numbers("strides"), self.call.numbers("dilations")
        sizes = zip(
            self.source[1:3], self.output[1:3], self.kernel, strides, dilations, strict=True
        )
        height, width = list(sizes)
        return Window(Axis(*height, top, bottom), Axis(*width, left, right))

    def inside(self, index: list[IRScalar]) -> tuple[Bounds, Bounds]:
        """The rows and columns of the kernel that lie in the image."""
        window = self.window
        return window.height.inside(self.b, index[1]), window.width.inside(self.b, index[2])

    @abstractmethod
    def total(self, index: list[IRScalar]) -> IRScalar:
        """What is accumulated for an output."""

    @abstractmethod
    def term(self, place: list[IRScalar], weight: IRScalar) -> IRScalar:
        """What is added for an element of the input (which may be padded) and a weight's bit."""

    def reduce(self, index: list[IRScalar], bounds: Sequence[Bounds], total: IRScalar) -> IRScalar:
        """Adds the terms of some rows and columns of the kernel."""
        depth, chunk = self.call.number("depth"), self.call.number("chunk")
        for first in range(0, depth, chunk):
            channels = min(chunk, depth - first)
            tap = self._tap(index, first, channels)
            total = self.b.reduce([*bounds, (0, channels)], total, tap, ("ky", "kx", "k"))
        return total

    def _tap(self, index: list[IRScalar], first: int, channels: int) -> Tap:
        call, b, window = self.call, self.b, self.window
        depth, groups = call.number("depth"), call.number("groups")
        outputs = self.output[3] // groups
        words = -(-channels // BITS_PER_WORD)
        taps = self.kernel[0] * self.kernel[1] * outputs
        full = -(-depth // BITS_PER_WORD)
        n, oy, ox, oc = index
        start = oc // outputs * (full * taps) + first // BITS_PER_WORD * taps

        def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            ky, kx, k = at
            row, word_of_row = (ky * outputs + oc % outputs), k // BITS_PER_WORD
            if call.number("three_columns"):
                place = (row * words + word_of_row) * self.kernel[1] + kx
            else:
                place = (row * self.kernel[1] + kx) * words + word_of_row
            word = b.load(b.inputs[1], [start + place])
            weight = (word >> (k % BITS_PER_WORD).to(i32)) & 1
            iy, ix = window.height.coordinate(oy, ky), window.width.coordinate(ox, kx)
            return total + self.term([n, iy, ix, oc // outputs * depth + first + k], weight)

        return tap
