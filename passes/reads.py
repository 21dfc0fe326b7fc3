"""
Which elements of an operand the loops of an op read for each element of its result.

For most ops that is a sum over the axes of the result: an index along one of them adds so much to
the position of the first and of the last element that is read. Elements are those of memory, so a
binary tensor has words of 32 channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.nn.base import ElementwiseOp, NnOp
from nnc.dialects.nn.conversion import Lookup16Op, LookupOp
from nnc.dialects.nn.convolution import FullyConnectedOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.movement import (
    BroadcastToOp,
    MirrorPadOp,
    SliceOp,
    TileOp,
    TransposeOp,
)
from nnc.dialects.nn.normalization import LocalResponseNormalizationOp, RowOp
from nnc.dialects.nn.placement import UpdateSliceOp
from nnc.dialects.nn.reduction import ArgOp, CumsumOp, ReduceOp
from nnc.dialects.nn.resize import ResizeBilinearOp, ResizeNearestOp, neighbours
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.types import (
    BITS_PER_WORD,
    Array,
    BinType,
    element_of,
    memory_type,
    shape_of,
)
from nnc.passes.product_reads import (
    Lines,
    Span,
    matrix_reads,
    reached_reads,
    row_reads,
    strides_of,
)


def reads_of(op: NnOp, number: int) -> Lines | None:
    """
    What is read of an operand; None where that is no such sum, or where a result is written in
    another order than row by row.
    """
    packed = any(isinstance(element_of(v), BinType) for v in (*op.operands, *op.results))
    match op:
        case LookupOp() | Lookup16Op():
            return _aligned(op, 0) if number == 0 else None
        case ElementwiseOp() | BroadcastToOp():
            return _aligned(op, number)
        case FullyConnectedOp() if number == 0:
            return row_reads(op)
        case _ if packed:
            return None
        case MatMulOp() if number < 2:
            return matrix_reads(op, number)
        case _ if number != 0:
            return None
        case ConvTranspose2DOp():
            return reached_reads(op)
        case _:
            return _of_one(op)


def _of_one(op: NnOp) -> Lines | None:
    """Ops that read one operand, of whole elements."""
    match op:
        case LocalResponseNormalizationOp():
            *outer, last = _aligned(op, 0)
            before, after = op.before.value.data, op.after.value.data
            end = len(last) - 1
            return [*outer, [(max(c - before, 0), min(c + after, end)) for c in range(len(last))]]
        case RowOp() | SoftmaxOp() | UpdateSliceOp():
            return _aligned(op, 0)
        case CumsumOp() if op.reverse is None and prod(_after(op)) == 1:
            return _aligned(op, 0)
        case ReduceOp():
            return _reduced(op, op.axes.get_values())
        case ArgOp():
            return _reduced(op, [op.axis.value.data])
        case _:
            moved = _moved(op)
            if moved is None:
                return None
            strides = strides_of(op.operands[0])
            return [
                [(a * stride, z * stride) for a, z in line]
                for line, stride in zip(moved[0], (strides[axis] for axis in moved[1]), strict=True)
            ]


def _moved(op: NnOp) -> tuple[list[list[tuple[int, int]]], Sequence[int]] | None:
    """
    Ops that put elements elsewhere: along each axis of the result, where in an axis of the input
    the elements come from, and which axis that is.
    """
    shape = shape_of(op.results[0])
    axes = range(len(shape))
    match op:
        case TransposeOp():
            return [_each(range(n)) for n in shape], op.permutation.get_values()
        case SliceOp():
            cuts = zip(shape, op.begin.get_values(), op.strides.get_values(), strict=True)
            return [_each(first + i * step for i in range(n)) for n, first, step in cuts], axes
        case TileOp():
            extents = zip(shape, shape_of(op.input), strict=True)
            return [_each(i % extent for i in range(n)) for n, extent in extents], axes
        case MirrorPadOp():
            repeated = "symmetric" if op.symmetric is not None else "reflect"
            pads = zip(shape, shape_of(op.input), op.before.get_values(), strict=True)
            return [
                _each(np.pad(np.arange(n), (b, total - n - b), repeated).tolist())
                for total, n, b in pads
            ], axes
        case ResizeNearestOp():
            rows, columns = op.rows.get_values(), op.columns.get_values()
            whole = [range(shape[0]), rows, columns, range(shape[3])]
            return [_each(line) for line in whole], axes
        case ResizeBilinearOp():
            places = zip((op.rows, op.columns), shape_of(op.input)[1:3], strict=True)
            sides = [_between(*neighbours(given, extent)[:2]) for given, extent in places]
            return [_each(range(shape[0])), *sides, _each(range(shape[3]))], axes
        case _:
            return None


def _each(positions: Iterable[int]) -> list[tuple[int, int]]:
    return [(position, position) for position in positions]


def _between(first: Array, last: Array) -> list[tuple[int, int]]:
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _after(op: CumsumOp) -> Sequence[int]:
    return shape_of(op.input)[op.axis.value.data + 1 :]


def _aligned(op: NnOp, number: int) -> Lines:
    """An operand that is stretched to the shape of the result, axes aligned at the end."""
    operand, result = op.operands[number], op.results[0]
    shape, whole = shape_of(operand), shape_of(result)
    strides = strides_of(operand)
    lines: Lines = []
    for axis, extent in enumerate(whole):
        own = axis - (len(whole) - len(shape))
        if own < 0 or shape[own] == 1:
            lines.append([(0, 0)] * memory_type(result.type).get_shape()[axis])
        elif axis == len(whole) - 1:
            lines.append(_channels(operand, result, extent))
        else:
            lines.append([(i * strides[own], i * strides[own]) for i in range(extent)])
    return lines


def _channels(operand: SSAValue, result: SSAValue, extent: int) -> list[Span]:
    """The last axis, on which either side may be packed into words."""
    packed = [isinstance(element_of(value), BinType) for value in (operand, result)]
    size = BITS_PER_WORD if packed[1] else 1
    spans = [(first, min(first + size, extent) - 1) for first in range(0, extent, size)]
    if not packed[0]:
        return list(spans)
    return [(first // BITS_PER_WORD, last // BITS_PER_WORD) for first, last in spans]


def _reduced(op: NnOp, axes: Sequence[int]) -> Lines:
    """All indices along some axes of the input, which have extent 1 in the result."""
    shape, strides = shape_of(op.operands[0]), strides_of(op.operands[0])
    return [
        [(0, (extent - 1) * stride)]
        if axis in axes
        else [(i * stride, i * stride) for i in range(extent)]
        for axis, (extent, stride) in enumerate(zip(shape, strides, strict=True))
    ]
