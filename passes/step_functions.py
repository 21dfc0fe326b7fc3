"""
What follows an integer sum until its sign is taken, as a step function of the sum.

Each step is a float32 operation with constants that is monotone, rounding included. So the sign of
the end result changes at most once over the sums that a layer can reach, and the place of the
change is found by bisection with the very arithmetic that it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.algebra import INDEX, NumpyScalar
from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp, SubOp
from nnc.dialects.nn.base import ElementwiseOp, NumpyElements
from nnc.dialects.nn.binary import DivOp, MaximumOp, MinimumOp, PreluOp
from nnc.dialects.nn.conversion import ClampOp, ConstantOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, BinType, element_of, scalar_type, shape_of

_EITHER_SIDE = AddOp | SubOp | MulOp | MaximumOp | MinimumOp
_RIGHT_SIDE = DivOp | PreluOp

Sums = npt.NDArray[np.int64]


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
    if isinstance(op, ClampOp) and element_of(op.output) == f32:
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


def reach(layer: AccumulatingOp) -> Sums | None:
    """
    The largest magnitude of a layer's sum with its bias, for each channel; None where it is not
    known, or where a sum could wrap.
    """
    outputs = shape_of(layer.output)[-1]
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


def signs(layer: AccumulatingOp, steps: Sequence[Step], most: Sums) -> Signs | None:
    """
    Where the sign of a layer's result after `steps` changes, over sums of magnitudes up to `most`;
    None where a result on the way is not finite.
    """
    low, high = -most, most.copy()
    ends = [results(layer, steps, sums) for sums in (low, high)]
    if not all(np.isfinite(value).all() for found in ends for value in found):
        return None
    at_low, at_high = (found[-1] < 0 for found in ends)
    rising = at_low | ~at_high
    below, above = low.copy(), high.copy()
    while (above - below > 1).any():
        middle = (below + above) // 2
        same = (results(layer, steps, middle)[-1] < 0) == at_low
        below, above = np.where(same, middle, below), np.where(same, above, middle)
    always, never = at_low & at_high, ~at_low & ~at_high
    # Rising: negative below `above`. Falling: negative above `below`.
    first = np.where(rising, above, below)
    first = np.where(always, high + 1, first)
    return Signs(np.where(never, low, first), rising, always | never)


def results(layer: AccumulatingOp, steps: Sequence[Step], sums: Sums) -> list[Array]:
    """The layer's result and that of each step, for one sum of each channel."""
    context = NumpyElements(layer, [])
    channels = NumpyScalar(np.arange(sums.size), INDEX)
    total = NumpyScalar(sums.astype(np.int32), i32)
    value = layer.epilogue(context, total, None, channels)
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
    if not isinstance(element, UniformQuantizedType) or element.zero_points.any():
        return None
    if values.min(initial=0) <= element.storage_min:
        return None
    assert scalar_type(element) != f32
    return -values
