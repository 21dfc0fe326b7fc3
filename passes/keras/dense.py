"""Layers that multiply with, or look up, a matrix."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.ir import SSAValue

from nnc.dialects.keras import dense as source
from nnc.dialects.nn.conversion import CastOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.movement import GatherOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.keras.activation import activate
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.nn_builder import UnsupportedError, integer


@rewrite(source.DenseOp)
def _dense(op: source.DenseOp, to: Lowering) -> SSAValue:
    kernel, bias = to.needed(op, "kernel"), to.weight(op, "bias")
    shape = shape_of(op.input)
    depth, units = kernel.shape
    rows = 1
    for size in shape[:-1]:
        rows *= size
    matrix = to.reshape(to.value(op.input), [rows, depth])
    weights = to.number(kernel.T)
    operands = [matrix, weights, None if bias is None else to.number(bias)]
    value = to.op(DenseOp, operands, floats([rows, units]))
    return activate(to, to.reshape(value, [*shape[:-1], units]), op.activation)


@rewrite(source.EmbeddingOp)
def _embedding(op: source.EmbeddingOp, to: Lowering) -> SSAValue:
    if op.mask_zero.value.data:
        raise UnsupportedError("masks are not supported", "mask_zero=False works")
    indices = to.value(op.input)
    if element_of(indices) != i32:
        indices = to.op(CastOp, [indices], TensorType(i32, shape_of(indices)))
    table = to.number(to.needed(op, "embeddings"))
    shape = [*shape_of(indices), shape_of(table)[1]]
    return to.op(
        GatherOp, [table, indices], TensorType(f32, shape), axis=integer(0), batch_dims=integer(0)
    )
