"""Layers that merge several tensors."""

from __future__ import annotations

from xdsl.ir import SSAValue

from nnc.dialects.keras import merging as source
from nnc.dialects.nn import arithmetic, binary
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.placement import ConcatOp
from nnc.dialects.types import shape_of
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.keras.normalization import unit_length
from nnc.passes.nn_builder import integer

_KINDS: dict[type[source.MergeOp], type[NnOp]] = {
    source.AddOp: arithmetic.AddOp,
    source.SubtractOp: arithmetic.SubOp,
    source.MultiplyOp: arithmetic.MulOp,
    source.AverageOp: arithmetic.AddOp,
    source.MaximumOp: binary.MaximumOp,
    source.MinimumOp: binary.MinimumOp,
}


@rewrite(*_KINDS)
def _merge(op: source.MergeOp, to: Lowering) -> SSAValue:
    """From left to right, as Keras does."""
    rank = max(len(shape_of(value)) for value in op.inputs)
    values = [
        to.reshape(to.value(value), source.aligned(shape_of(value), rank)) for value in op.inputs
    ]
    total = values[0]
    for value in values[1:]:
        total = to.binary(_KINDS[type(op)], total, value)
    if isinstance(op, source.AverageOp) and len(values) > 1:
        return to.binary(binary.DivOp, total, float(len(values)))
    return total


@rewrite(source.ConcatenateOp)
def _concatenate(op: source.ConcatenateOp, to: Lowering) -> SSAValue:
    values = [to.value(value) for value in op.inputs]
    if len(values) == 1:
        return values[0]
    axis = op.axis.value.data % len(shape_of(values[0]))
    (shape,) = op.result_shapes([shape_of(value) for value in values])
    return to.op(ConcatOp, [values], floats(shape), axis=integer(axis))


@rewrite(source.DotOp)
def _dot(op: source.DotOp, to: Lowering) -> SSAValue:
    """A product of matrices for each sample: the kept axes of each input as one."""
    shapes = [shape_of(value) for value in op.inputs]
    axes = op.summed(shapes)
    matrices: list[SSAValue] = []
    for value, shape, axis in zip(op.inputs, shapes, axes, strict=True):
        tensor = to.value(value)
        if op.normalize.value.data:
            tensor = unit_length(to, tensor, [axis])
        kept = [it for it in range(1, len(shape)) if it != axis]
        moved = to.transpose(tensor, [0, *kept, axis])
        rows = 1
        for it in kept:
            rows *= shape[it]
        matrices.append(to.reshape(moved, [shape[0], rows, shape[axis]]))
    (result,) = op.result_shapes(shapes)
    left, right = matrices
    rows, columns = shape_of(left)[1], shape_of(right)[1]
    right = to.transpose(right, [0, 2, 1])
    value = to.op(MatMulOp, [left, right, None], floats([result[0], rows, columns]))
    return to.reshape(value, result)
