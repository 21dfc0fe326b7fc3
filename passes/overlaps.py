"""
How closely a layer's output may follow its input in memory, when its loops are those of `nn`.

The loops of most ops walk the output in row-major order, element by element (of a binary tensor
word by word), and read anew for each element; that fixes the distances.
"""

from __future__ import annotations

from xdsl.dialects.builtin import i8
from xdsl.ir import SSAValue

from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import ConvolutionOp, DepthwiseOp
from nnc.dialects.nn.pooling import PoolOp
from nnc.dialects.nn.program import ProgramOp
from nnc.dialects.nn.window import Window
from nnc.dialects.types import (
    BinType,
    element_bytes,
    element_of,
    memory_bytes,
    memory_type,
    shape_of,
)
from nnc.passes.memory.distance import window_distance
from nnc.passes.memory.walk import Axis, walk_distance
from nnc.passes.product_reads import Lines
from nnc.passes.reads import reads_of

Overlap = tuple[int, int, int]
"""Input number, output number, and the distance that the output's start must keep."""


def overlaps(op: NnOp) -> list[Overlap]:
    """The inputs that the loops of an op may overwrite with its output."""
    return [found for found in _overlaps(op) if _may_alias(op.operands[found[0]], op.results[0])]


def _may_alias(source: SSAValue, target: SSAValue) -> bool:
    """
    Whether C lets a function reach the same bytes as elements of both: of one type, or of one that
    is a character's.
    """
    kinds = {memory_type(value.type).element_type for value in (source, target)}
    return len(kinds) == 1 or i8 in kinds


def _overlaps(op: NnOp) -> list[Overlap]:
    match op:
        case ConvolutionOp():
            return [(0, 0, _window(op, op.window(), op.groups.value.data))]
        case DepthwiseOp() | PoolOp():
            return [(0, 0, _window(op, op.window(), shape_of(op.input)[3]))]
        case _ if len(op.results) == 1:
            return _walks(op)
        case _:
            return []


def same_places(op: NnOp) -> list[tuple[int, int]]:
    """Pairs of an input and an output that may be at exactly the same place."""
    return list(op.overwrites()) if isinstance(op, ProgramOp) else []


def share_memory(layer: KernelOp, op: NnOp) -> None:
    """Lets a layer that runs an op as its own loops do write over its inputs as far as they may."""
    layer.set_overlaps(overlaps(op))
    layer.set_same_places(same_places(op))


def _window(op: NnOp, window: Window, groups: int) -> int:
    source, target = op.operands[0], op.results[0]
    if any(isinstance(element_of(value), BinType) for value in (source, target)):
        # A word of channels is read and written at once.
        groups = 1
    axes = window.height, window.width
    in_shape = memory_type(source.type).get_shape()
    out_shape = memory_type(target.type).get_shape()
    return window_distance(
        (in_shape[0], in_shape[1], in_shape[2], in_shape[3]),
        (out_shape[0], out_shape[1], out_shape[2], out_shape[3]),
        (axes[0].kernel, axes[1].kernel),
        (axes[0].stride, axes[1].stride),
        (axes[0].before, axes[1].before),
        (axes[0].dilation, axes[1].dilation),
        groups=groups,
        in_size=element_bytes(element_of(source)),
        out_size=element_bytes(element_of(target)),
        writes="element",
    )


def _walks(op: NnOp) -> list[Overlap]:
    found: list[Overlap] = []
    for number, operand in enumerate(op.operands):
        lines = reads_of(op, number)
        if lines is not None:
            found.append((number, 0, _distance(operand, op.results[0], lines)))
    return found


def _distance(source: SSAValue, target: SSAValue, lines: Lines) -> int:
    memory = memory_type(target.type)
    size = element_bytes(element_of(source))
    axes: list[Axis] = []
    step = element_bytes(memory.element_type)
    for line, extent in zip(reversed(lines), reversed(memory.get_shape()), strict=True):
        first = tuple(None if span is None else span[0] * size for span in line)
        last = tuple(None if span is None else span[1] * size for span in line)
        axes.insert(0, Axis(first, last, step))
        step *= extent
    written = element_bytes(memory.element_type)
    return walk_distance(axes, size, written, memory_bytes(memory_type(source.type)))
