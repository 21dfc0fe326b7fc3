"""Rewrites of slices, and what all operators that move elements share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import (
    TensorType,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import movement
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import indexing as source
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.tfl.lowering import (
    Lowering,
    rewrite,
)


def moved(to: Lowering, value: SSAValue, result: TensorType[Attribute]) -> SSAValue:
    """A tensor whose stored values are only moved, with the element type that its result has."""
    given, wanted = element_of(value), result.element_type
    quantized = isinstance(given, UniformQuantizedType), isinstance(wanted, UniformQuantizedType)
    if quantized[0] != quantized[1] or numpy_dtype(given) != numpy_dtype(wanted):
        raise UnsupportedError(f"expected a result of {given}, got {wanted}")
    return to.stored_as(value, wanted)


def sliced(
    to: Lowering,
    value: SSAValue,
    begin: Sequence[int],
    strides: Sequence[int],
    extents: Sequence[int],
) -> SSAValue:
    """The elements from `begin` on in steps of `strides`; the value itself where that is all."""
    shape = shape_of(value)
    if tuple(extents) == shape and not any(begin) and all(step == 1 for step in strides):
        return value
    for first, step, extent, count in zip(begin, strides, shape, extents, strict=True):
        last = first + (count - 1) * step
        if count < 1:
            raise UnsupportedError(f"expected a slice with elements, got {list(extents)}")
        if not (0 <= first < extent and 0 <= last < extent):
            raise UnsupportedError(
                f"expected a slice within {list(shape)}, got {list(extents)} from {list(begin)} on"
            )
    return to.op(
        movement.SliceOp,
        [value],
        TensorType(element_of(value), list(extents)),
        begin=integers(begin),
        strides=integers(strides),
    )


@rewrite(source.SliceOp)
def _slice(op: source.SliceOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    begin = to.known_ints(to.value(op.begin), "the begin of a slice")
    size = to.known_ints(to.value(op.size), "the size of a slice")
    shape = shape_of(input)
    if not len(begin) == len(size) == len(shape):
        raise UnsupportedError(f"expected {len(shape)} begins and sizes")
    size = [n - b if s == -1 else s for b, s, n in zip(begin, size, shape, strict=True)]
    result = to.result(op.output, size)
    return sliced(to, moved(to, input, result), begin, [1] * len(shape), size)


@dataclass
class _Axis:
    """One axis of a strided slice, an axis of the input unless it is `new`."""

    begin: int = 0
    count: int = 1
    stride: int = 1
    new: bool = False
    shrink: bool = False


@rewrite(source.StridedSliceOp)
def _strided_slice(op: source.StridedSliceOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    axes = _strided_axes(op, to, shape_of(input))
    taken = [axis for axis in axes if not axis.new]
    result = to.result(op.output, [axis.count for axis in axes if not axis.shrink])
    value = sliced(
        to,
        moved(to, input, result),
        [axis.begin for axis in taken],
        [axis.stride for axis in taken],
        [axis.count for axis in taken],
    )
    return to.reshape(value, result.get_shape())


def _strided_axes(op: source.StridedSliceOp, to: Lowering, shape: Sequence[int]) -> list[_Axis]:
    """The axes that the specification means, in order (`StridedSlice` in TensorFlow's terms)."""
    begin, end, strides = (
        to.known_ints(to.value(value), f"the {what} of a slice")
        for value, what in ((op.begin, "begin"), (op.end, "end"), (op.strides, "strides"))
    )
    if not len(begin) == len(end) == len(strides):
        raise UnsupportedError("expected as many begins as ends and strides")
    ellipsis, new = op.ellipsis_mask.value.data, op.new_axis_mask.value.data
    given = [place for place in range(len(begin)) if not (ellipsis >> place) & 1]
    consumed = sum(1 for place in given if not (new >> place) & 1)
    if consumed > len(shape):
        raise UnsupportedError(f"expected at most {len(shape)} axes, got {consumed}")
    axes: list[_Axis] = []
    rest = iter(shape)
    for place in range(len(begin)):
        if (ellipsis >> place) & 1:
            axes.extend(_Axis(count=next(rest)) for _ in range(len(shape) - consumed))
            consumed = len(shape)
        elif (new >> place) & 1:
            axes.append(_Axis(new=True))
        else:
            axes.append(_one_axis(op, place, begin[place], end[place], strides[place], next(rest)))
    return axes + [_Axis(count=extent) for extent in rest]


def _one_axis(
    op: source.StridedSliceOp, place: int, begin: int, end: int, stride: int, extent: int
) -> _Axis:
    """Source: `StartForAxis` and `EndForAxis` in TFLite's `internal/strided_slice_logic.h`."""
    if stride == 0:
        raise UnsupportedError("expected strides other than 0")
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    start = min(max(begin + extent if begin < 0 else begin, low), high)
    if (op.begin_mask.value.data >> place) & 1:
        start = 0 if stride > 0 else extent - 1
    if (op.shrink_axis_mask.value.data >> place) & 1:
        return _Axis(start, 1, 1, shrink=True)
    if op.offset.value.data:
        end += start
    stop = min(max(end + extent if end < 0 else end, low), high)
    if (op.end_mask.value.data >> place) & 1:
        stop = extent if stride > 0 else -1
    return _Axis(start, len(range(start, stop, stride)), stride)
