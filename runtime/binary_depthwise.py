"""Depthwise convolutions of binary activations with binary weights, as rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np
from xdsl.dialects.builtin import Float32Type, IntegerAttr, TensorType, i1, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.hints import isa

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DepthwiseConv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, BITS_PER_WORD, BinType, element_of, pack_bits, shape_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_dense import planes
from nnc.runtime.fixed_output import Accumulated, FixedOutput, fit_fixed_output
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

FRACTION = 12
"""Bits after the point of what `nnc_bin_depthwise_fixed` makes outputs of."""

LONGEST_COUNT = 32767
"""The most mismatches of a sum: their bits are in 15 planes."""

KNOWN = frozenset(
    {
        *("strides", "dilations", "padding", "pad_value"),
        *("rounding", "min", "max", "f32_product"),
    }
)
"""The properties of a layer that these rows understand."""


def products_of(op: DepthwiseConv2DOp) -> int:
    """Products of a sum, padded ones included."""
    return prod(shape_of(op.weights)[1:3])


class BinaryDepthwise(Kernel, ABC):
    """
    Mismatches of 32 channels at once, in constant time. The epilogue's constants are the inputs
    after the weights.
    """

    headers = ("nnc_bin_depthwise.h",)
    OUTPUT: type[Attribute]

    def __init__(self, kind: str):
        self.name = f"nnc_bin_depthwise_{kind}"
        self.sources = (f"{self.name}.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DepthwiseConv2DOp):
            return ""
        elements = [element_of(it) for it in (op.input, op.weights)]
        binary = all(isinstance(it, BinType) for it in elements)
        if not binary or not isinstance(element_of(op.output), self.OUTPUT):
            return ""
        if op.multiplier != 1:
            return f"it has {op.multiplier} outputs for each channel"
        if products_of(op) > LONGEST_COUNT:
            return f"it counts to {products_of(op)}, more than {LONGEST_COUNT}"
        return (
            epilogues.unknown_parts(op, KNOWN)
            or epilogues.operands_problem(op)
            or epilogues.range_problem(op, products_of(op))
            or self.epilogue_problem(op)
        )

    def epilogue_problem(self, op: DepthwiseConv2DOp) -> str | None:
        """Why the function's epilogue is not the layer's."""
        return None

    @abstractmethod
    def constants(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants of the epilogue and its numbers."""

    @abstractmethod
    def conclude(
        self, call: CallOp, b: LoopBuilder, products: IRScalar, channel: IRScalar
    ) -> IRScalar:
        """The output from the sum of the products."""

    @abstractmethod
    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        """Statements before the call, and what the function takes as its epilogue."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return ()

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DepthwiseConv2DOp)
        weights = constant_values(op.weights)
        assert weights is not None
        packed = lowering.constant(pack_bits(weights), i32, "weights")
        constants, numbers = self.constants(op, lowering)
        padded = any(op.padding.get_values()) and isa(op.pad_value, IntegerAttr)
        parameters: dict[str, Parameter] = {
            "input_shape": shape_of(op.input),
            "output_shape": shape_of(op.output),
            "kernel": shape_of(op.weights)[1:3],
            "strides": tuple(op.strides.get_values()),
            "dilations": tuple(op.dilations.get_values()),
            "padding": tuple(op.padding.get_values()),
            "pad_value": op.outside if padded else 0,
            "count_planes": products_of(op).bit_length(),
            **numbers,
        }
        inputs = [lowering.buffer(op.input), packed, *constants]
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        source, target = call.numbers("input_shape"), call.numbers("output_shape")
        kernel, pad = call.numbers("kernel"), call.number("pad_value")
        top, bottom, left, right = call.numbers("padding")
        height, width = zip(
            source[1:3],
            target[1:3],
            kernel,
            call.numbers("strides"),
            call.numbers("dilations"),
            strict=True,
        )
        window = Window(Axis(*height, top, bottom), Axis(*width, left, right))
        x = Operand(b.inputs[0].memory, TensorType(BIN, list(source)))
        w = Operand(b.inputs[1].memory, TensorType(BIN, [1, *kernel, source[3]]))

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                inside = (iy >= 0) & (iy < source[1]) & (ix >= 0) & (ix < source[2])
                bit = b.choose(
                    inside,
                    lambda: b.load(x, [n, iy, ix, c]),
                    lambda: b.constant(int(pad < 0), i1),
                )
                differ = bit.to(i32) ^ b.load(w, [b.index(0), *at, c]).to(i32)
                return total + 1 - (differ << 1)

            bounds = [(0, kernel[0]), (0, kernel[1])]
            if pad == 0:
                bounds = [window.height.inside(b, oy), window.width.inside(b, ox)]
            total = b.reduce(bounds, b.constant(0, i32), tap, ("ky", "kx"))
            return self.conclude(call, b, total, c)

        output = b.outputs[0]
        if self.OUTPUT is BinType:
            output = Operand(output.memory, TensorType(BIN, list(target)))
        b.produce(output, element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, *constants = arguments[: len(call.inputs)]
        (output,) = arguments[len(call.inputs) :]
        statements, epilogue = self.arguments(call, constants)
        fields = [
            *call.numbers("input_shape"),
            *call.numbers("output_shape")[1:3],
            *call.numbers("kernel"),
            *call.numbers("strides"),
            *call.numbers("dilations"),
            *call.numbers("padding")[::2],
            call.number("pad_value"),
            call.number("count_planes"),
            self.limit_planes(call),
        ]
        return [
            f"static const nnc_bin_depthwise layer = {{{', '.join(map(str, fields))}}};",
            *statements,
            f"{self.name}(&layer, {source}, {weights}, {epilogue}, {output});",
            "return 0;",
        ]

    def limit_planes(self, call: CallOp) -> int:
        """How many bits the limits have, if there are any."""
        return 0


class BinaryDepthwiseBin(BinaryDepthwise):
    """`nnc_bin_depthwise_bin`: binary outputs, compared for 32 channels at once."""

    OUTPUT = BinType

    def constants(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        most = products_of(op)
        # A larger bias decides all by itself.
        limits = np.clip(epilogues.bias_values(op), -most - 1, most)
        # Three times the products, and one more, is the largest of what is compared.
        count = (3 * most + 1).bit_length() + 1
        table = planes(limits, count)
        return [lowering.constant(table, i32, "limits")], {"limit_planes": count}

    def conclude(
        self, call: CallOp, b: LoopBuilder, products: IRScalar, channel: IRScalar
    ) -> IRScalar:
        count = call.number("limit_planes")
        word, lane = channel // BITS_PER_WORD, (channel % BITS_PER_WORD).to(i32)

        def bit(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            plane = b.load(b.inputs[2], [word, at[0]])
            return total + (((plane >> lane) & 1) << at[0].to(i32))

        unsigned = b.reduce([(0, count)], b.constant(0, i32), bit, ("plane",))
        limit = unsigned - (unsigned >> (count - 1) << count)
        return limit + products < 0

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return [], constants[0]

    def limit_planes(self, call: CallOp) -> int:
        return call.number("limit_planes")


class BinaryDepthwiseNumbers(BinaryDepthwise, ABC):
    """Outputs that are made of the sum itself; the first constant is the bias."""

    def constants(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        bias = epilogues.bias_values(op).astype(np.int32)
        constants, numbers = self.further(op, lowering)
        return [lowering.constant(bias, i32, "base"), *constants], numbers

    @abstractmethod
    def further(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants after the bias, and numbers."""

    def total(self, b: LoopBuilder, products: IRScalar, channel: IRScalar) -> IRScalar:
        """The sum with the bias."""
        return b.load(b.inputs[2], [channel]) + products


@lru_cache(maxsize=16)
def formula(op: DepthwiseConv2DOp) -> FixedOutput | None:
    """The formula of `nnc_bin_depthwise_fixed` that requantises as the layer does, if any."""
    bias = epilogues.bias_values(op)
    largest = int(np.abs(bias).max()) + products_of(op)
    source = Accumulated.sums(bias.size, largest, FRACTION)
    return fit_fixed_output(epilogues.contract_of(op), source)


class BinaryDepthwiseFixed(BinaryDepthwiseNumbers):
    """`nnc_bin_depthwise_fixed`: int8 outputs, requantised by the upper word of one product."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: DepthwiseConv2DOp) -> str | None:
        if not epilogues.is_int8(op):
            return "its output is not int8"
        return epilogues.fixed_problem(op, formula(op))

    def further(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        found = formula(op)
        assert found is not None
        return epilogues.fixed_constants(found, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, products: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.fixed(call, b, 3, self.total(b, products, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        base, table = constants
        return epilogues.fixed_text(call, base, "NULL", table), "&requantization"


class BinaryDepthwiseS8(BinaryDepthwiseNumbers):
    """`nnc_bin_depthwise_s8`: int8 outputs, requantised by one multiplication of 64 bits."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: DepthwiseConv2DOp) -> str | None:
        return epilogues.requantization_problem(op, products_of(op))

    def further(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.requantization_constants(op, products_of(op), lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, products: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.requantized(call, b, 3, self.total(b, products, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.requantization_text(call, constants[0], constants[1:]), "&requantization"


class BinaryDepthwiseF32(BinaryDepthwiseNumbers):
    """`nnc_bin_depthwise_f32`: float outputs."""

    OUTPUT = Float32Type

    def further(
        self, op: DepthwiseConv2DOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.real_constants(op, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, products: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.real(call, b, 3, self.total(b, products, channel), channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.real_text(call, constants[0], constants[1:]), "&scaling"


KERNELS: tuple[Kernel, ...] = (
    BinaryDepthwiseBin("bin"),
    BinaryDepthwiseFixed("fixed"),
    BinaryDepthwiseS8("s8"),
    BinaryDepthwiseF32("f32"),
)
