"""Rewrites of operators that put something around a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import movement, placement
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import movement as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, integer, integers, real
from nnc.passes.tfl.lowering import (
    Lowering,
    is_float,
    rewrite,
)
from nnc.passes.tfl.slicing import moved


def _paddings(
    op: source.PadOp | source.Padv2Op | source.MirrorPadOp, to: Lowering, input: SSAValue
) -> tuple[list[int], list[int]]:
    """What goes before each axis, and the extents of the result."""
    pairs = to.known(to.value(op.paddings), "the paddings")
    shape = shape_of(input)
    if pairs.shape != (len(shape), 2) or (pairs < 0).any():
        raise UnsupportedError(f"expected {len(shape)} pairs of paddings, got {pairs.tolist()}")
    before = [int(pair[0]) for pair in pairs]
    extents = [n + int(pair.sum()) for n, pair in zip(shape, pairs, strict=True)]
    return before, extents


def padded(
    to: Lowering,
    value: SSAValue,
    before: Sequence[int],
    extents: Sequence[int],
    fill: Attribute,
) -> SSAValue:
    """A tensor with `fill` around it; itself where nothing is added."""
    if tuple(extents) == shape_of(value):
        return value
    kind = TensorType(element_of(value), list(extents))
    return to.op(placement.PadOp, [value], kind, before=integers(before), value=fill)


def zero(element: Attribute) -> IntegerAttr | FloatAttr:
    """The stored value that stands for 0."""
    if element == f32:
        return real(0.0)
    return integer(element.zero_point if isinstance(element, UniformQuantizedType) else 0)


@rewrite(source.PadOp)
def _pad(op: source.PadOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    before, extents = _paddings(op, to, input)
    result = to.result(op.output, extents)
    fill = zero(result.element_type)
    return padded(to, moved(to, input, result), before, extents, fill)


@rewrite(source.Padv2Op)
def _padv2(op: source.Padv2Op, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    before, extents = _paddings(op, to, input)
    result = to.result(op.output, extents)
    values = to.known(to.value(op.constant_values), "the padding value")
    number = values.ravel()[0]
    fill = real(float(number)) if is_float(input) else integer(int(number))
    return padded(to, moved(to, input, result), before, extents, fill)


@rewrite(source.MirrorPadOp)
def _mirror_pad(op: source.MirrorPadOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    before, extents = _paddings(op, to, input)
    result = to.result(op.output, extents)
    symmetric = op.mode.data == "SYMMETRIC"
    for extent, first, total in zip(shape_of(input), before, extents, strict=True):
        most = extent if symmetric else extent - 1
        if max(first, total - extent - first) > most:
            raise UnsupportedError(f"expected at most {most} mirrored elements")
    value = moved(to, input, result)
    if tuple(extents) == shape_of(input):
        return value
    return to.op(
        movement.MirrorPadOp,
        [value],
        result,
        before=integers(before),
        symmetric=flag(symmetric),
    )
