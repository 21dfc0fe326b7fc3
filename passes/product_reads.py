"""Which elements of an operand products of matrices and windows read for each of their results."""

from __future__ import annotations

from math import prod

from xdsl.ir import SSAValue

from nnc.dialects.nn.convolution import FullyConnectedOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.types import memory_type, shape_of

Span = tuple[int, int] | None
"""The first and the last element that are read; None if none is."""

Lines = list[list[Span]]
"""For each axis of the result the spans at its indices; positions along the axes add up."""


def strides_of(value: SSAValue) -> list[int]:
    """Elements from one index to the next, along each axis in memory."""
    shape = memory_type(value.type).get_shape()
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def row_reads(op: FullyConnectedOp) -> Lines:
    """A whole row of the input for each element of a row of the result."""
    depth = memory_type(op.input.type).get_shape()[1]
    rows, outputs = memory_type(op.output.type).get_shape()
    return [[(n * depth, (n + 1) * depth - 1) for n in range(rows)], [(0, 0)] * outputs]


def matrix_reads(op: MatMulOp, number: int) -> Lines:
    """A row of the first operand or a column of the second; the axes before these broadcast."""
    operand, result = op.operands[number], op.results[0]
    shape, strides = shape_of(operand), strides_of(operand)
    lines: Lines = []
    outer = len(shape_of(result)) - len(shape)
    for axis, extent in enumerate(shape_of(result)[:-2]):
        own = axis - outer
        step = strides[own] if own >= 0 and shape[own] != 1 else 0
        lines.append([(i * step, i * step) for i in range(extent)])
    _, depth, _ = op.matrices()
    transposed = (op.transpose_input, op.transpose_weights)[number] is not None
    along, across = strides[-2:] if transposed == (number == 0) else strides[-2:][::-1]
    taken = [(i * across, i * across + (depth - 1) * along) for i in range(_extent(op, number))]
    rest: list[Span] = [(0, 0)] * shape_of(result)[-1 if number == 0 else -2]
    return [*lines, list(taken), rest] if number == 0 else [*lines, rest, list(taken)]


def _extent(op: MatMulOp, number: int) -> int:
    return shape_of(op.output)[-2 if number == 0 else -1]


def reached_reads(op: ConvTranspose2DOp) -> Lines:
    """The pixels of the input whose kernel reaches an element."""
    batch, height, width, depth = shape_of(op.input)
    _, kernel_height, kernel_width, _ = shape_of(op.weights)
    whole = shape_of(op.output)
    pixel, row = depth, width * depth

    def line(axis: int, extent: int, kernel: int, step: int) -> list[Span]:
        stride, before = op.strides.get_values()[axis - 1], op.padding.get_values()[axis - 1]
        spans: list[Span] = []
        for place in range(before, before + whole[axis]):
            taken = [k for k in range(extent) if 0 <= place - k * stride < kernel]
            spans.append((taken[0] * step, taken[-1] * step) if taken else None)
        return spans

    return [
        [(n * height * row, n * height * row) for n in range(batch)],
        line(1, height, kernel_height, row),
        line(2, width, kernel_width, pixel),
        [(0, depth - 1)] * whole[3],
    ]
