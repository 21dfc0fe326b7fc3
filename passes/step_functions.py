"""
What follows a sum, or any float, until its sign is taken, as a step function of it.

Each step is a float32 operation with constants that is monotone, rounding included. So the sign of
the end result changes at most once over the sums that a layer can reach, and the place of the
change is found by bisection with the very arithmetic that it replaces. Sums are whole numbers, or
floats by their place in the order of all floats (`place_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, f32, i32
from xdsl.ir import SSAValue

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.algebra import INDEX, NumpyScalar
from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp, SubOp
from nnc.dialects.nn.base import ElementwiseOp, NumpyElements
from nnc.dialects.nn.binary import DivOp, MaximumOp, MinimumOp, PreluOp
from nnc.dialects.nn.conversion import ClampOp, ConstantOp
from nnc.dialects.nn.functions import SignOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, BinType, element_of, scalar_type, shape_of

_EITHER_SIDE = AddOp | SubOp | MulOp | MaximumOp | MinimumOp
_RIGHT_SIDE = DivOp | PreluOp

Sums = npt.NDArray[np.int64]
"""One sum for each channel: a whole number, or the place of a float."""

_INFINITY = 0x7F800000
"""The place of the largest float, infinity."""


@dataclass(frozen=True)
class Step:
    """A monotone operation of one value; `constant` is its other operand, for each channel."""

    op: ElementwiseOp
    constant: Array | None = None
    constant_first: bool = False

    def apply(self, value: NumpyScalar) -> NumpyScalar:
        """The result for values whose last axis is the channel."""
        context = NumpyElements(self.op, [])
        if self.constant is None:
            return self.op.body(context, value)
        other = NumpyScalar(self.constant, f32)
        pair = (other, value) if self.constant_first else (value, other)
        return self.op.body(context, *pair)


def step_of(op: object, channels: int) -> tuple[Step, SSAValue] | None:
    """An operation as a step and the value that it is applied to; None where it is none."""
    if isinstance(op, ClampOp | SignOp) and element_of(op.output) == f32:
        return Step(op), op.input
    if not isinstance(op, _EITHER_SIDE | _RIGHT_SIDE) or element_of(op.output) != f32:
        return None
    right = _constant(op.rhs, channels)
    if right is not None:
        usable = _is_monotone(op, right) and shape_of(op.lhs) == shape_of(op.output)
        return (Step(op, right), op.lhs) if usable else None
    left = _constant(op.lhs, channels) if isinstance(op, _EITHER_SIDE) else None
    if left is None or shape_of(op.rhs) != shape_of(op.output):
        return None
    return Step(op, left, constant_first=True), op.rhs


def _is_monotone(op: BinaryOp, constant: Array) -> bool:
    if isinstance(op, DivOp):
        return bool((constant != 0).all())
    return not isinstance(op, PreluOp) or bool((constant >= 0).all())


def _constant(value: SSAValue, channels: int) -> Array | None:
    """A finite float constant for each channel, along the last axis."""
    owner = value.owner
    if not isinstance(owner, ConstantOp) or owner.is_elided:
        return None
    values = owner.values
    last = values.shape[-1] if values.ndim else 1
    if values.size not in (1, channels) or last != values.size or not np.isfinite(values).all():
        return None
    return np.broadcast_to(values.reshape(-1), (channels,))


@dataclass(frozen=True)
class Signs:
    """
    The sign of what becomes of a layer's sums. For each channel, where `rising`, it is negative for
    sums below `first`; elsewhere for sums above `first`. It may be `constant`, and then rises.
    """

    first: Sums
    rising: npt.NDArray[np.bool_]
    constant: npt.NDArray[np.bool_]

    def inverted(self, channels: npt.NDArray[np.bool_]) -> Signs:
        """The opposite signs for some channels, none of them constant."""
        # Negative below `first` is not negative above `first - 1`, and the other way round.
        first = self.first + np.where(channels, np.where(self.rising, -1, 1), 0)
        return replace(self, first=first, rising=self.rising ^ channels)


def place_of(values: Array) -> Sums:
    """The places of floats in the order of all floats, 0 of both zeros."""
    bits = np.asarray(values, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def float_at(places: Sums) -> Array:
    """The floats at these places."""
    bits = np.where(places < 0, -places | 0x80000000, places)
    return bits.astype(np.uint32).view(np.float32)


def every_float(channels: int) -> Sums:
    """The largest magnitude of a sum of floats, as a place."""
    return np.full(channels, _INFINITY, np.int64)


def is_float_sum(layer: AccumulatingOp | None) -> bool:
    """Whether sums are floats: those of a float layer, or those of no layer, which are floats."""
    return layer is None or layer.accumulator == f32


def reach(layer: AccumulatingOp) -> Sums | None:
    """
    The largest magnitude of a layer's sum with its bias, for each channel; None where it is not
    known, or where a sum could wrap. Of floats: infinity.
    """
    outputs = shape_of(layer.output)[-1]
    if layer.accumulator == f32:
        return _float_reach(layer, outputs)
    products = np.prod(shape_of(layer.weights), dtype=np.int64) // outputs
    bias = np.zeros(outputs, np.int64)
    if layer.bias is not None:
        owner = layer.bias.owner
        if not isinstance(owner, ConstantOp) or owner.is_elided:
            return None
        bias = owner.values.astype(np.int64)
    inputs, weights = _magnitude(layer.input), _magnitude(layer.weights)
    if inputs is None or weights is None:
        return None
    most = int(products) * inputs * weights + np.abs(bias)
    return most if int(most.max()) < 1 << 30 else None


def _float_reach(layer: AccumulatingOp, outputs: int) -> Sums | None:
    """Infinity, where a bias is all that a sum is changed by before it becomes a result."""
    known = layer.bias is None or (
        isinstance(layer.bias.owner, ConstantOp)
        and not layer.bias.owner.is_elided
        and bool(np.isfinite(layer.bias.owner.values).all())
    )
    plain = bool((layer.channel_scales() == 1).all())
    return every_float(outputs) if known and plain else None


def _magnitude(value: SSAValue) -> int | None:
    """The largest magnitude of a number of the accumulation."""
    match element_of(value):
        case BinType():
            return 1
        case UniformQuantizedType() as kind:
            low, high = int(kind.zero_points.min()), int(kind.zero_points.max())
            return max(kind.storage_max - low, high - kind.storage_min)
        case _:
            return None


def signs(layer: AccumulatingOp | None, steps: Sequence[Step], most: Sums) -> Signs | None:
    """
    Where the sign of a layer's result after `steps` changes, over sums of magnitudes up to `most`;
    None where a result of whole numbers is not finite on the way, or that of a float is no number
    at the end. Without a layer, it is that of a float after `steps`.
    """
    low, high = -most, most.copy()
    ends = [results(layer, steps, sums) for sums in (low, high)]
    floats = is_float_sum(layer)
    finite = all(np.isfinite(value).all() for found in ends for value in found)
    if not finite and not (floats and _is_positive_without_ends(layer, steps, most, ends)):
        return None
    at_low, at_high = (found[-1] < 0 for found in ends)
    rising = at_low | ~at_high
    below, above = low.copy(), high.copy()
    while (above - below > 1).any():
        middle = (below + above) // 2
        same = (results(layer, steps, middle)[-1] < 0) == at_low
        below, above = np.where(same, middle, below), np.where(same, above, middle)
    always, never = at_low & at_high, ~at_low & ~at_high
    if floats and always.any():
        # There is no float above infinity to compare with.
        return None
    # Rising: negative below `above`. Falling: negative above `below`.
    first = np.where(rising, above, below)
    first = np.where(always, high + 1, first)
    return Signs(np.where(never, low, first), rising, always | never)


def _is_positive_without_ends(
    layer: AccumulatingOp | None, steps: Sequence[Step], most: Sums, ends: Sequence[Sequence[Array]]
) -> bool:
    """
    Whether, where infinity gives no number (as 0 times it does), nothing finite gives a negative
    one: what is no number is not negative either.
    """
    unknown = np.isnan(ends[0][-1]) | np.isnan(ends[1][-1])
    finite = [results(layer, steps, sums)[-1] for sums in (1 - most, most - 1)]
    return bool((~unknown | ((finite[0] >= 0) & (finite[1] >= 0))).all())


def results(layer: AccumulatingOp | None, steps: Sequence[Step], sums: Sums) -> list[Array]:
    """The layer's result and that of each step, for one sum of each channel."""
    value = NumpyScalar(float_at(sums), f32) if is_float_sum(layer) else None
    if layer is not None:
        context = NumpyElements(layer, [])
        channels = NumpyScalar(np.arange(sums.size), INDEX)
        # A whole sum has the bias in it.
        bias = None if value is None or layer.bias is None else layer.bias.owner
        added = NumpyScalar(bias.values, f32) if isinstance(bias, ConstantOp) else None
        total = NumpyScalar(sums.astype(np.int32), i32) if value is None else value
        value = layer.epilogue(context, total, added, channels)
    assert value is not None
    found = [value.array]
    for step in steps:
        value = step.apply(value)
        found.append(value.array)
    return [np.broadcast_to(result, sums.shape) for result in found]


def negated(value: SSAValue) -> Array | None:
    """The weights with the opposite sign, as stored; None where they are not of that kind."""
    owner = value.owner
    if not isinstance(owner, ConstantOp) or owner.is_elided:
        return None
    element, values = element_of(value), owner.values
    if isinstance(element, BinType):
        return ~values
    if isinstance(element, Float32Type):
        return -values
    if not isinstance(element, UniformQuantizedType) or element.zero_points.any():
        return None
    if values.min(initial=0) <= element.storage_min:
        return None
    assert scalar_type(element) != f32
    return -values
