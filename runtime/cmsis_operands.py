"""
Why: CMSIS-NN has its functions once for int8 and once for int16 activations, with the same
questions about a layer before either can run it.

The functions' numbers (multipliers, offsets, clamps) all come from the compiler; what they decide
by themselves is how they round: twice where they accumulate in 32 bits, once and with a multiplier
of 16 bits where they accumulate in 64. A layer is legal for a function when the contract asks for
just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, MemRefType, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.loops import IRScalar
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of, storage_type
from nnc.dialects.utils import Rounding
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.registry import Lowering, constant_values

Sums = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Width:
    """The functions whose activations have so many bits."""

    bits: int

    @property
    def storage(self) -> IntegerType:
        """What one activation is in memory."""
        return IntegerType(self.bits)

    @property
    def name(self) -> str:
        """What one activation is called."""
        return f"int{self.bits}"

    def holds(self, value: SSAValue) -> bool:
        """Whether a tensor is quantised to signed activations of this width and its full range."""
        kind = quantization_of(value)
        if kind is None or not kind.is_signed or kind.storage.width.data != self.bits:
            return False
        return kind.storage_max - kind.storage_min == (1 << self.bits) - 1

    def concerns(self, value: SSAValue) -> bool:
        """
        Whether a layer with this input is one of these functions'. Every layer that is not int16 is
        the int8 functions', so that one of them says why there is none for it.
        """
        return self.holds(value) or (self is S8 and not S16.holds(value))

    def problem(self, *values: tuple[str, SSAValue]) -> str | None:
        """Why one of several tensors, each with its name, is no activation of these functions."""
        for name, value in values:
            if not self.holds(value):
                return f"its {name} is not {self.name}"
            kind = quantization_of(value)
            if self is S16 and kind is not None and kind.zero_point:
                return f"its {name} has a zero point"
        return None


S8 = Width(8)
S16 = Width(16)


def rounding_of(accumulator: Attribute) -> Rounding:
    """How the functions requantise an accumulator of `i32` or `i64`."""
    return Rounding.MB64 if accumulator == i64 else Rounding.DOUBLE


def rounding_problem(found: Rounding | None, accumulator: Attribute = i32) -> str | None:
    """Why a contract that rounds like this is not that of the functions."""
    expected = rounding_of(accumulator)
    if found is expected:
        return None
    name = "not at all" if found is None else f"as {found.value}"
    return f"the numeric contract rounds it {name}, CMSIS-NN as {expected.value}"


def operands_problem(
    op: AccumulatingOp, width: Width, accumulators: Sequence[Attribute] = (i32,)
) -> str | None:
    """Why a layer is not activations times symmetric int8 weights into one of the accumulators."""
    problem = width.problem(("input", op.input), ("output", op.output))
    if problem is not None:
        return problem
    weights = element_of(op.weights)
    if not isinstance(weights, UniformQuantizedType) or weights.storage.width.data > 8:
        return "its weights are not int8"
    if not weights.is_signed:
        return "its weights are unsigned"
    if weights.zero_points.any():
        return "its weights have a zero point"
    if op.accumulator not in accumulators:
        wanted = " or ".join(map(str, accumulators))
        return f"its accumulator is {op.accumulator}, not {wanted}"
    return None


def layer_problem(
    op: AccumulatingOp, width: Width, accumulators: Sequence[Attribute] = (i32,)
) -> str | None:
    """Why a layer is not what the functions compute: its operands or how it is rounded."""
    problem = operands_problem(op, width, accumulators)
    if problem is not None:
        return problem
    assert op.rounding is not None
    return rounding_problem(op.rounding.data, op.accumulator)


def weight_sums(op: AccumulatingOp) -> Sums:
    """The sum of the absolute weights of each output channel, or the most that it can be."""
    shape, axis = shape_of(op.weights), op.weight_axis
    values = constant_values(op.weights)
    if values is None:
        return np.full(shape[axis], 128 * (np.prod(shape) // shape[axis]), np.int64)
    channels = np.moveaxis(values, axis, 0).reshape(shape[axis], -1)
    return np.abs(channels.astype(np.int64)).sum(axis=1)


def s64_problem(op: AccumulatingOp) -> str | None:
    """Why the library's requantisation of 64-bit accumulators may be wrong for an int16 layer."""
    if op.accumulator != i64:
        return None
    bias: npt.NDArray[np.int64] | None = np.zeros(1, np.int64)
    if op.bias is not None:
        values = constant_values(op.bias)
        bias = None if values is None else values.astype(np.int64)
    if bias is None:
        return "its bias is not constant, so its results may need more than 31 bits"
    largest = np.abs(bias) + 32768 * weight_sums(op)
    multipliers, shifts = fixed_point.quantize_multipliers(op.real_multipliers())
    reduced = fixed_point.reduce_multiplier(multipliers)
    rows = np.broadcast_arrays(largest, reduced, shifts)
    for accumulator, multiplier, shift in zip(*(row.tolist() for row in rows), strict=True):
        problem = limits.requantize_s64(accumulator, multiplier, shift)
        if problem is not None:
            return problem
    return None


def memory_element(buffer: SSAValue) -> Attribute:
    """What a buffer holds."""
    assert isinstance(buffer.type, MemRefType)
    return buffer.type.element_type


def is_bytes(value: SSAValue) -> bool:
    """Whether memory holds one byte for each element of a tensor."""
    return storage_type(element_of(value)) == IntegerType(8)


def bias_of(op: AccumulatingOp, lowering: Lowering) -> SSAValue:
    """The layer's bias, zeros where it has none: the library's scalar paths want one."""
    if op.bias is not None:
        return lowering.buffer(op.bias)
    dtype = np.int64 if op.accumulator == i64 else np.int32
    return lowering.constant(np.zeros(shape_of(op.output)[-1], dtype), op.accumulator, "bias")


def requantization(op: AccumulatingOp, lowering: Lowering) -> list[SSAValue]:
    """The per-channel multipliers and shifts of a layer, as two constants."""
    multipliers, shifts = fixed_point.quantize_multipliers(op.real_multipliers())
    channels = shape_of(op.output)[-1]
    return [
        lowering.constant(np.broadcast_to(values, channels).astype(np.int32), i32, hint)
        for values, hint in ((multipliers, "multiplier"), (shifts, "shift"))
    ]


def requantized(total: IRScalar, multiplier: IRScalar, shift: IRScalar) -> IRScalar:
    """An accumulator in units of the output, as the functions round it."""
    return total.requantize(multiplier, shift, rounding_of(total.type))


def stored_clamp(
    kind: UniformQuantizedType, low: float | None, high: float | None
) -> tuple[int, int]:
    """The bounds of a quantised output, its type's own where they are None."""
    return (
        kind.storage_min if low is None else int(low),
        kind.storage_max if high is None else int(high),
    )
