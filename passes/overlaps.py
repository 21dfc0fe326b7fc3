"""
How closely a layer's output may follow its input in memory, when its loops are those of `nn`.

The loop lowering of every op walks the output in row-major order, element by element, and reads
anew for each element; that fixes the distances.
"""

from __future__ import annotations

from nnc.dialects.nn.base import ElementwiseOp, NnOp
from nnc.dialects.nn.convolution import Conv2DOp, DepthwiseConv2DOp
from nnc.dialects.nn.pooling import PoolOp
from nnc.dialects.nn.program import ProgramOp
from nnc.dialects.nn.window import Window
from nnc.dialects.types import BinType, element_bytes, element_of, shape_of
from nnc.passes.memory.distance import elementwise_distance, window_distance

Overlap = tuple[int, int, int]
"""Input number, output number, and the distance that the output's start must keep."""


def overlaps(op: NnOp) -> list[Overlap]:
    """The inputs that the loops of an op may overwrite with its output."""
    if any(isinstance(element_of(value), BinType) for value in (*op.operands, *op.results)):
        return []
    match op:
        case ElementwiseOp():
            return _elementwise(op)
        case Conv2DOp():
            return [(0, 0, _window(op, op.window(), op.groups.value.data))]
        case DepthwiseConv2DOp() | PoolOp():
            return [(0, 0, _window(op, op.window(), shape_of(op.input)[3]))]
        case ProgramOp():
            return [(operand, result, 0) for operand, result in op.overwrites()]
        case _:
            return []


def _window(op: NnOp, window: Window, groups: int) -> int:
    source, target = op.operands[0], op.results[0]
    axes = window.height, window.width
    in_shape, out_shape = shape_of(source), shape_of(target)
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


def _elementwise(op: ElementwiseOp) -> list[Overlap]:
    (target,) = op.results
    shape = shape_of(target)
    elements = 1
    for extent in shape:
        elements *= extent
    return [
        (
            number,
            0,
            elementwise_distance(
                elements, element_bytes(element_of(operand)), element_bytes(element_of(target))
            ),
        )
        for number, operand in enumerate(op.operands)
        if shape_of(operand) == shape
    ]
