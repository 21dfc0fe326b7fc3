"""
What the rows for Helium share: which layers they are about, and what becomes of their sums.
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
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.fixed_point import quantize_multipliers
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    BIN,
    BITS_PER_WORD,
    BinType,
    element_of,
    quantization_of,
    shape_of,
)
from nnc.dialects.utils import Rounding
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.requantize import Affine, Requantization, fit_affine

Ints = npt.NDArray[np.int64]

LONGEST_SUM = 32767
"""The largest dot product of binary vectors that accumulators hold."""

LARGEST_SUM = (1 << 31) // 256
"""The most products of int8 inputs whose sum stays in 32 bits, whatever they are."""

KNOWN = frozenset(
    {
        *("strides", "dilations", "padding", "groups", "pad_value"),
        *("rounding", "min", "max", "f32_product"),
    }
)
"""The properties of a layer that these rows understand."""


def products(op: AccumulatingOp) -> int:
    """Products of one sum, padded ones included."""
    return prod(shape_of(op.weights)[1:])


@dataclass(frozen=True)
class Activations:
    """What is multiplied with the weights: `lanes` strips of it are in each word of a table."""

    prefix: str
    lanes: int

    @property
    def is_binary(self) -> bool:
        """Whether they are bits, and else int8."""
        return self.lanes == 4

    def holds(self, value: SSAValue) -> bool:
        """Whether a tensor is of such activations."""
        if self.is_binary:
            return isinstance(element_of(value), BinType)
        kind = quantization_of(value)
        return kind is not None and kind.storage == i8 and kind.is_signed and kind.axis is None

    def outside(self, op: Conv2DOp) -> int:
        """What a padded position counts as: 0, -1 or +1, or the zero point of stored values."""
        if not any(op.padding.get_values()):
            return 0
        return op.outside if self.is_binary else self.zero_point(op)

    def zero_point(self, op: AccumulatingOp) -> int:
        """The stored input that stands for 0."""
        kind = quantization_of(op.input)
        return 0 if kind is None else kind.zero_point

    def bias(self, op: AccumulatingOp) -> Ints:
        """The bias of each output channel, with the zero point folded in; both are constant."""
        weights = constant_values(op.weights)
        bias = np.zeros(1, np.int64) if op.bias is None else constant_values(op.bias)
        assert weights is not None and bias is not None
        sums = np.where(weights, -1, 1).sum(axis=tuple(range(1, weights.ndim)), dtype=np.int64)
        return bias.astype(np.int64) - self.zero_point(op) * sums

    def range(self, op: AccumulatingOp) -> tuple[Ints, Ints]:
        """The smallest and largest sum of each output channel, bias included."""
        products = prod(shape_of(op.weights)[1:])
        zero_point = self.zero_point(op)
        largest = 1 if self.is_binary else max(128 + zero_point, 127 - zero_point)
        plain = np.zeros(1, np.int64) if op.bias is None else constant_values(op.bias)
        assert plain is not None
        bias = np.broadcast_to(plain.astype(np.int64), shape_of(op.output)[-1:])
        return bias - largest * products, bias + largest * products


BINARY = Activations("nnc_bin", 4)
INT8 = Activations("nnc_i8bin", 2)


class BinaryMve(Kernel, ABC):
    """
    A layer with binary weights and sums of its own. The constants of the epilogue are the inputs
    from `FIRST` on.
    """

    headers = ("nnc_bin_mve.h",)
    KIND: type[AccumulatingOp]
    LAYER: str
    FIRST: int
    OUTPUT: type[Attribute]
    SUFFIX: str

    def __init__(self, activations: Activations):
        self.activations = activations
        layer = f"{activations.prefix}_{self.LAYER}_mve"
        self.name = f"{layer}_{self.SUFFIX}"
        self.sources = (f"{layer}.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not target.core.has_mve or not isinstance(op, self.KIND):
            return ""
        if not isinstance(element_of(op.weights), BinType) or not self.activations.holds(op.input):
            return ""
        return self.problem(op) if isinstance(element_of(op.output), self.OUTPUT) else ""

    def problem(self, op: AccumulatingOp) -> str | None:
        """Why the function cannot run a layer of such types."""
        unknown = sorted(op.properties.keys() - KNOWN)
        if unknown:
            return f"it has {', '.join(unknown)}"
        if constant_values(op.weights) is None:
            return "its weights are not constant"
        if op.bias is not None and constant_values(op.bias) is None:
            return "its bias is not constant"
        if op.accumulator != i32:
            return f"its accumulator is {op.accumulator}, not i32"
        first, last = self.activations.range(op)
        if first.min() < -(1 << 31) or last.max() >= 1 << 31:
            return "its sums may leave 32 bits"
        if products(op) > self.longest(op):
            return f"it sums up to {products(op)} products, more than {self.longest(op)}"
        return self.shape_problem(op) or self.epilogue_problem(op)

    @abstractmethod
    def shape_problem(self, op: AccumulatingOp) -> str | None:
        """Why the function cannot run a layer of such shapes."""

    def longest(self, op: AccumulatingOp) -> int:
        """The most products that a sum may have."""
        return LONGEST_SUM if self.activations.is_binary else LARGEST_SUM

    @abstractmethod
    def epilogue_problem(self, op: AccumulatingOp) -> str | None:
        """Why the function's epilogue is not the layer's."""

    @abstractmethod
    def constants(self, op: AccumulatingOp, lowering: Lowering) -> list[SSAValue]:
        """The constants of the epilogue."""

    def numbers(self, op: AccumulatingOp) -> dict[str, Parameter]:
        """The parameters of the epilogue."""
        return {}

    @abstractmethod
    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        """The output from a dot product."""

    @abstractmethod
    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        """What the function takes between the weights and the output."""

    def output_statements(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        """C statements before the call."""
        return []


class SignOutput(BinaryMve, ABC):
    """
    Binary outputs, the sign of a sum and a bias.
    """

    OUTPUT = BinType
    SUFFIX = "bin"

    def longest(self, op: AccumulatingOp) -> int:
        if not self.activations.is_binary:
            return LARGEST_SUM
        return LONGEST_SUM // 2 if self.activations.bias(op).any() else LONGEST_SUM

    def epilogue_problem(self, op: AccumulatingOp) -> str | None:
        return None if op.min is None and op.max is None else "its output is clamped"

    def constants(self, op: AccumulatingOp, lowering: Lowering) -> list[SSAValue]:
        bias, most = self.activations.bias(op), products(op)
        bias = np.broadcast_to(bias, shape_of(op.output)[-1:])
        if not self.activations.is_binary:
            return [lowering.constant(bias.astype(np.int32), i32, "bias")]
        # A bias beyond all sums has the same sign as the one next to them.
        start = np.clip(bias, -most - 1, most + 1) if bias.any() else bias
        return [lowering.constant(start.astype(np.int16), i16, "start")]

    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        return total + b.load(b.inputs[self.FIRST], [oc]).to(i32) < 0

    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        return list(constants)


class Int8Output(BinaryMve, ABC):
    """
    int8 outputs, rounded twice, or requantised by
    one 64-bit multiplication that the compiler has proven equal to what the contract says.
    """

    OUTPUT = UniformQuantizedType
    SUFFIX = "s8"

    def epilogue_problem(self, op: AccumulatingOp) -> str | None:
        kind = quantization_of(op.output)
        assert kind is not None
        if kind.storage != i8 or not kind.is_signed or kind.axis is not None:
            return "its output is not int8"
        if self.rounds_twice(op):
            first, last = self.activations.range(op)
            left = max(0, int(quantize_multipliers(op.real_multipliers())[1].max()))
            fits = max(-int(first.min()), int(last.max())) << left < 1 << 31
            return None if fits else "its multiplier shifts sums out of 32 bits"
        if self.formula(op) is None:
            return "no affine formula equals its requantisation"
        return None

    def rounds_twice(self, op: AccumulatingOp) -> bool:
        """Whether the contract's rounding is one that vectors have."""
        return op.rounding is not None and op.rounding.data is Rounding.DOUBLE

    def formula(self, op: AccumulatingOp) -> Affine | None:
        """What equals the layer's requantisation on every sum that it can have."""
        kind = quantization_of(op.output)
        assert kind is not None and op.rounding is not None
        first, last = self.activations.range(op)
        low, high = op.stored_bounds()
        multipliers = np.broadcast_to(op.real_multipliers(), first.shape)
        contract = Requantization(op.rounding.data, multipliers, kind.zero_point, low, high)
        return fit_affine(contract, first, last)

    def constants(self, op: AccumulatingOp, lowering: Lowering) -> list[SSAValue]:
        bias = np.broadcast_to(self.activations.bias(op), shape_of(op.output)[-1:])
        first = lowering.constant(bias.astype(np.int32), i32, "bias")
        if self.rounds_twice(op):
            fixed, shifts = quantize_multipliers(np.broadcast_to(op.real_multipliers(), bias.shape))
            return [
                first,
                lowering.constant(fixed.astype(np.int32), i32, "multiplier"),
                lowering.constant(shifts.astype(np.int32), i32, "shift"),
            ]
        formula = self.formula(op)
        assert formula is not None
        return [
            first,
            lowering.constant(formula.multiplier.astype(np.int32), i32, "multiplier"),
            lowering.constant(formula.shift.astype(np.int32), i32, "shift"),
            lowering.constant(formula.constant, i64, "constant"),
        ]

    def numbers(self, op: AccumulatingOp) -> dict[str, Parameter]:
        kind = quantization_of(op.output)
        assert kind is not None
        return {"zero_point": kind.zero_point, "clamp": op.stored_bounds()}

    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        bias, multiplier, shift, *constant = (b.load(it, [oc]) for it in b.inputs[self.FIRST :])
        total = total + bias
        if constant:
            product = total.to(i64) * multiplier.to(i64) + constant[0]
            scaled = (product >> shift.to(i64)).to(i32)
        else:
            scaled = total.requantize(multiplier, shift, Rounding.DOUBLE)
            scaled = scaled + call.number("zero_point")
        return scaled.clamp(*call.numbers("clamp")).to(i8)

    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        return [constants[0], "&requantization"]

    def output_statements(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        _, *tables = constants
        tables += ["NULL"] * (3 - len(tables))
        numbers = (call.number("zero_point"), *call.numbers("clamp"))
        return [
            "const nnc_bin_mve_requantization requantization = {",
            f"    {', '.join([*tables, *map(str, numbers)])}",
            "};",
        ]


class FloatOutput(BinaryMve, ABC):
    """
    Float outputs, a sum times the input's scale,
    clamped.
    """

    OUTPUT = Float32Type
    SUFFIX = "f32"

    def epilogue_problem(self, op: AccumulatingOp) -> str | None:
        return None

    def constants(self, op: AccumulatingOp, lowering: Lowering) -> list[SSAValue]:
        bias, (low, high) = self.activations.bias(op), op.clamp_bounds()
        bias = np.broadcast_to(bias, shape_of(op.output)[-1:])
        largest = float(np.finfo(np.float32).max)
        bounds = [-largest if low is None else low, largest if high is None else high]
        scaling = np.array([*bounds, op.channel_scales()[0]], np.float32)
        return [
            lowering.constant(bias.astype(np.int32), i32, "bias"),
            lowering.constant(scaling, f32, "scaling"),
        ]

    def conclude(self, call: CallOp, b: LoopBuilder, total: IRScalar, oc: IRScalar) -> IRScalar:
        low, high, scale = (b.load(b.inputs[self.FIRST + 1], [b.index(k)]) for k in range(3))
        real = (total + b.load(b.inputs[self.FIRST], [oc])).to(f32) * scale
        return real.max(low).min(high)

    def epilogue(self, call: CallOp, constants: Sequence[str]) -> list[str]:
        return list(constants)


def shaped(
    b: LoopBuilder, operand: Operand, element: type[Attribute], shape: Sequence[int]
) -> Operand:
    """A buffer in the shape that the call gives it."""
    if element is not BinType:
        return b.reshaped(operand, shape)
    memory = b.reshaped(operand, [*shape[:-1], ceil(shape[-1] / BITS_PER_WORD)]).memory
    return Operand(memory, TensorType(BIN, list(shape)))
