"""
Between which bounds every element of a quantised network can lie, whatever its inputs are.

The bounds are those of stored values and hold for the arithmetic of the ops as they are: an op that
never decreases when an operand grows is evaluated at the smallest and at the largest operands, by
its own reference semantics, requantisation and clamp included. Sums of products take the smallest
operand where a weight is positive and the largest where it is negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.nn.conversion import ClampOp, ConstantOp, LookupOp, RequantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.movement import (
    BroadcastToOp,
    MirrorPadOp,
    SliceOp,
    TileOp,
    TransposeOp,
)
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.reduction import ReduceMaxOp, ReduceMeanOp
from nnc.dialects.nn.resize import ResizeNearestOp
from nnc.dialects.types import Array, element_of, numpy_dtype, quantization_of, shape_of
from nnc.dialects.utils import Rounding

_INCREASING = (
    *(MaxPool2DOp, AveragePool2DOp, ReduceMaxOp, ReduceMeanOp),
    *(ReshapeOp, PadOp, ConcatOp, SliceOp, TransposeOp, BroadcastToOp, TileOp, MirrorPadOp),
    *(ResizeNearestOp, RequantizeOp, ClampOp, AddOp, MaximumOp, MinimumOp),
)
"""Ops whose results never decrease when an operand grows."""

_PRODUCTS = (Conv2DOp, DepthwiseConv2DOp, DenseOp)
_KNOWN = {"strides", "dilations", "padding", "groups", "rounding", "min", "max", "f32_product"}
"""The properties of sums of products that are understood here."""


@dataclass(frozen=True)
class Interval:
    """The smallest and the largest stored value of each element, arrays of the tensor's shape."""

    low: Array
    high: Array

    @property
    def fixed(self) -> Array:
        """Where there is only one value."""
        return self.low == self.high


def intervals(function: FuncOp) -> dict[SSAValue, Interval]:
    """The interval of every value of a function that has integers as stored values."""
    found: dict[SSAValue, Interval] = {}
    for arg in function.body.block.args:
        _note(found, arg, _whole(arg))
    for op in function.body.block.ops:
        if isinstance(op, ConstantOp):
            known = None if op.is_elided else Interval(op.values, op.values)
            _note(found, op.output, known if _is_integral(op.output) else None)
        elif isinstance(op, NnOp):
            given = [found.get(operand) for operand in op.operands]
            operands = [interval for interval in given if interval is not None]
            results = _transfer(op, operands) if len(operands) == len(given) else None
            for number, result in enumerate(op.results):
                _note(found, result, _whole(result) if results is None else results[number])
    return found


def _note(found: dict[SSAValue, Interval], value: SSAValue, interval: Interval | None) -> None:
    if interval is not None:
        found[value] = interval


def _is_integral(value: SSAValue) -> bool:
    return numpy_dtype(element_of(value)).kind in "iu"


def _whole(value: SSAValue) -> Interval | None:
    """Everything that can be stored."""
    if not _is_integral(value):
        return None
    dtype, shape = numpy_dtype(element_of(value)), shape_of(value)
    limits = np.iinfo(str(dtype))
    return Interval(np.full(shape, limits.min, dtype), np.full(shape, limits.max, dtype))


def _transfer(op: NnOp, given: Sequence[Interval]) -> list[Interval] | None:
    """The intervals of the results; None where nothing is known of them."""
    if not all(map(_is_integral, op.results)):
        return None
    lows, highs = [it.low for it in given], [it.high for it in given]
    if isinstance(op, _INCREASING):
        return _between(op, lows, highs)
    match op:
        case LookupOp():
            return [_looked_up(given[0], given[1].low)]
        case SubOp():
            return _between(op, [lows[0], highs[1]], [highs[0], lows[1]])
        case MulOp():
            corners = [[a, b] for a in (lows[0], highs[0]) for b in (lows[1], highs[1])]
            results = [op.evaluate(*corner)[0] for corner in corners]
            return [Interval(np.minimum.reduce(results), np.maximum.reduce(results))]
        case Conv2DOp() | DepthwiseConv2DOp() | DenseOp():
            return _summed(op, given)
        case _:
            return None


def _between(op: NnOp, lows: Sequence[Array], highs: Sequence[Array]) -> list[Interval]:
    pairs = zip(op.evaluate(*lows), op.evaluate(*highs), strict=True)
    return [Interval(low, high) for low, high in pairs]


def _looked_up(codes: Interval, table: Array) -> Interval:
    """The smallest and the largest entry between two codes."""
    first = np.iinfo(str(codes.low.dtype)).min
    shape = (table.size, table.size)
    least, most = np.zeros(shape, table.dtype), np.zeros(shape, table.dtype)
    for start in range(table.size):
        least[start, start:] = np.minimum.accumulate(table[start:])
        most[start, start:] = np.maximum.accumulate(table[start:])
    low, high = (bound.astype(np.int64) - first for bound in (codes.low, codes.high))
    return Interval(least[low, high], most[low, high])


def is_plain_sum(op: AccumulatingOp) -> bool:
    """
    Whether an op is an int32 sum of products of constant weights that is requantised, with nothing
    about it that is not understood here.
    """
    constants = [op.weights, *([] if op.bias is None else [op.bias])]
    source, target = quantization_of(op.input), quantization_of(op.output)
    return (
        type(op) in _PRODUCTS
        and set(op.properties) - {"operandSegmentSizes"} <= _KNOWN
        and all(isinstance(it.owner, ConstantOp) and not it.owner.is_elided for it in constants)
        and str(op.accumulator) == "i32"
        and source is not None
        and source.axis is None
        and quantization_of(op.weights) is not None
        and target is not None
        and target.axis is None
    )


def _summed(op: AccumulatingOp, given: Sequence[Interval]) -> list[Interval] | None:
    """Sums of products, where no sum can leave 32 bits."""
    if not is_plain_sum(op):
        return None
    weights = op.numbers(given[1].low, op.weights)
    low, high = (op.numbers(bound, op.input) for bound in (given[0].low, given[0].high))
    rising, falling = np.maximum(weights, 0), np.minimum(weights, 0)
    least = op.sums(low, rising) + op.sums(high, falling)
    most = op.sums(high, rising) + op.sums(low, falling)
    bias = 0 if op.bias is None else given[2].low.astype(np.float64)
    largest = max(np.abs(least + bias).max(), np.abs(most + bias).max())
    largest = max(largest, np.abs(least).max(), np.abs(most).max())
    if largest * 2.0 ** _left_shift(op) >= 1 << 31:
        return None
    operands = [it.low for it in given]
    bounds = [op.finish(op.totals(total), operands)[0] for total in (least, most)]
    return [Interval(bounds[0], bounds[1])]


def _left_shift(op: AccumulatingOp) -> int:
    """By how many bits the requantisation shifts a sum to the left at most."""
    assert op.rounding is not None
    if op.rounding.data in (Rounding.F64, Rounding.F32):
        return 0
    _, shifts = fixed_point.quantize_multipliers(op.real_multipliers())
    return max(0, int(shifts.max()))
