"""
The places of what MaxPool finds, and MaxUnpool, which puts numbers back to such places.

A place is the number of an element in the input as the model has it, channels first.
"""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.nn.binary import DivOp, FloorModOp
from nnc.dialects.nn.pooling import ArgMaxPool2DOp
from nnc.dialects.nn.scatter import ScatterNdOp
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.onnx.common import add, cast, check_elements, combined, mul, padded, scalar
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.windows import Geometry, check_spatial


def places_of_largest(to: Lowering, last: SSAValue, window: Geometry, columns: bool) -> SSAValue:
    """
    The places (int64) of the largest numbers of windows over [N, *spatial, C], the first of equals;
    with `columns`, places count along the first spatial axis first.

    Source: the specification of MaxPool (`Indices`, `storage_order`).
    """
    batch, *spatial, channels = shape_of(last)
    if len(spatial) > 2:
        reason = "the indices of the maxima over three spatial axes are not supported"
        raise UnsupportedError(reason, "values alone work")
    height, width = [1, *spatial][-2:]
    flat = window.as_image()
    place = to.op(
        ArgMaxPool2DOp,
        [to.reshape(last, [batch, height, width, channels])],
        TensorType(i32, [batch, *flat.extents, channels]),
        kernel=integers(flat.kernel),
        strides=integers(flat.strides),
        padding=integers(flat.padding),
        dilations=integers(flat.dilations) if flat.dilations != [1, 1] else None,
    )
    if columns and len(spatial) == 2:
        across = scalar(to, width, place)
        row, column = (combined(to, kind, place, across) for kind in (DivOp, FloorModOp))
        place = add(to, row, mul(to, column, scalar(to, height, place)))
    area = height * width
    for axis, first in ((3, np.arange(channels) * area), (0, np.arange(batch) * area * channels)):
        if first.size > 1:
            place = add(to, place, _along(to, first, 4, axis))
    return cast(to, to.reshape(place, [batch, *window.extents, channels]), i64)


def _along(to: Lowering, numbers: Array, rank: int, axis: int) -> SSAValue:
    """A constant of int32 that runs along one axis."""
    shape = [1] * rank
    shape[axis] = -1
    return to.constant(numbers.astype(np.int32).reshape(shape), i32)


@rewrite("MaxUnpool")
def _max_unpool(node: Node, to: Lowering) -> SSAValue:
    """Numbers at their places among zeros; a larger `output_shape` has zeros behind them."""
    input, places, wanted = node.value(0), node.value(1), node.optional(2)
    batch, channels, *spatial = shape_of(input)
    rank = len(spatial)
    check_spatial(rank)
    kernel = node.ints("kernel_shape") or []
    strides, pads = node.ints("strides") or [1] * rank, node.ints("pads") or [0] * (2 * rank)
    if not len(kernel) == len(strides) == rank or len(pads) != 2 * rank:
        raise UnsupportedError(f"expected a kernel, strides and pads for {rank} axes")
    if shape_of(places) != shape_of(input):
        raise UnsupportedError(f"expected a place for each number, got {shape_of(places)}")
    shape = [batch, channels]
    for axis, extent in enumerate(spatial):
        cut = pads[axis] + pads[rank + axis]
        shape.append((extent - 1) * strides[axis] - cut + kernel[axis])
    check_elements(shape)
    count = prod(shape_of(input))
    nothing = to.constant(
        np.zeros([prod(shape)], numpy_dtype(element_of(input))), element_of(input)
    )
    operands = [nothing, to.reshape(places, [count, 1]), to.reshape(input, [count])]
    value = to.op(ScatterNdOp, operands, nothing.type, reduction=StringAttr("none"))
    value = to.reshape(value, shape)
    final = shape if wanted is None else to.known_ints(wanted, "its output_shape")
    after = [new - old for new, old in zip(final, shape, strict=False)]
    if len(final) != len(shape) or min(after) < 0:
        raise UnsupportedError(f"expected an output_shape of at least {shape}, got {final}")
    node.result(final)
    return padded(to, value, [0] * len(shape), after, 0)
