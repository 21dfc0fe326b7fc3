"""
Attention, and sums by letters.

Source of the formulas: `keras/src/layers/attention` and `layers/core/einsum_dense.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.ir import SSAValue

from nnc.dialects.keras import attention as source
from nnc.dialects.nn import functions
from nnc.dialects.nn.arithmetic import AddOp, MulOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.reduction import ReduceSumOp
from nnc.dialects.types import Array, shape_of
from nnc.passes.keras.activation import activate, softmax
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.nn_builder import UnsupportedError, flag


def _product(to: Lowering, left: SSAValue, right: SSAValue, *, turned: bool) -> SSAValue:
    """Matrices times matrices, the second one `turned`."""
    *outer, rows, _ = shape_of(left)
    columns = shape_of(right)[-2 if turned else -1]
    result = floats([*outer, rows, columns])
    return to.op(MatMulOp, [left, right, None], result, transpose_weights=flag(turned))


def _sums(to: Lowering, query: SSAValue, key: SSAValue, factor: Array | None) -> SSAValue:
    """`factor * tanh(q + k)`, summed over their width, for every pair of steps."""
    batch, steps, width = shape_of(query)
    others = shape_of(key)[1]
    left = to.reshape(query, [batch, steps, 1, width])
    right = to.reshape(key, [batch, 1, others, width])
    value = to.unary(functions.TanhOp, to.binary(AddOp, left, right))
    if factor is not None:
        value = to.binary(MulOp, value, to.number(factor))
    return to.reshape(to.reduce(ReduceSumOp, value, [3]), [batch, steps, others])


def _operands(op: source.WeighingOp | source.MultiHeadAttentionOp, to: Lowering) -> list[SSAValue]:
    """Query, value and key."""
    given = [to.value(value) for value in op.inputs]
    return [*given, given[1]][:3]


@rewrite(source.AttentionOp)
def _attention(op: source.AttentionOp, to: Lowering) -> SSAValue:
    query, value, key = _operands(op, to)
    scale, outer = to.weight(op, "scale"), to.weight(op, "concat_score_weight")
    if outer is None:
        scores = _product(to, query, key, turned=True)
        scores = scores if scale is None else to.binary(MulOp, scores, to.number(scale))
    else:
        if scale is not None:
            query, key = (to.binary(MulOp, it, to.number(scale)) for it in (query, key))
        scores = to.binary(MulOp, _sums(to, query, key, None), to.number(outer))
    return _product(to, softmax(to, scores), value, turned=False)


@rewrite(source.AdditiveAttentionOp)
def _additive(op: source.AdditiveAttentionOp, to: Lowering) -> SSAValue:
    query, value, key = _operands(op, to)
    scores = _sums(to, query, key, to.weight(op, "scale"))
    return _product(to, softmax(to, scores), value, turned=False)


def projected(to: Lowering, value: SSAValue, kernel: Array, summed: int) -> SSAValue:
    """
    An input times a kernel, over the last `summed` axes of the one and the first of the other.
    """
    shape = shape_of(value)
    kept, new = shape[: len(shape) - summed], kernel.shape[summed:]
    rows, depth, units = math.prod(kept), math.prod(kernel.shape[:summed]), math.prod(new)
    matrix = to.reshape(value, [rows, depth])
    weights = to.number(kernel.reshape(depth, units).T)
    result = to.op(DenseOp, [matrix, weights, None], floats([rows, units]))
    return to.reshape(result, [*kept, *new])


@rewrite(source.MultiHeadAttentionOp)
def _multi_head(op: source.MultiHeadAttentionOp, to: Lowering) -> SSAValue:
    if op.use_gate.value.data or op.sliding_window is not None:
        raise UnsupportedError(
            "gates and windows of attention are not supported", "attention without them works"
        )
    query, value, key = _operands(op, to)
    width = op.widths[1]

    def part(name: str, given: SSAValue, summed: int) -> SSAValue:
        result = projected(to, given, to.needed(op, f"{name}_kernel"), summed)
        bias = to.weight(op, f"{name}_bias")
        return result if bias is None else to.binary(AddOp, result, to.number(bias))

    def heads(name: str, given: SSAValue) -> SSAValue:
        return to.transpose(part(name, given, 1), [0, 2, 1, 3])

    scaled = to.binary(MulOp, heads("query", query), 1.0 / math.sqrt(width))
    scores = _product(to, scaled, heads("key", key), turned=True)
    weighed = _product(to, softmax(to, scores), heads("value", value), turned=False)
    return part("output", to.transpose(weighed, [0, 2, 1, 3]), 2)


@rewrite(source.EinsumDenseOp)
def _einsum(op: source.EinsumDenseOp, to: Lowering) -> SSAValue:
    """As a product of matrices: what is summed last in the input and first in the kernel."""
    letters = op.letters(shape_of(op.input))
    summed, made = letters.summed, letters.kept + letters.new
    value = to.transpose(to.value(op.input), _order(letters.left, letters.kept + summed))
    kernel = to.needed(op, "kernel").transpose(_order(letters.kernel, summed + letters.new))
    result = to.transpose(projected(to, value, kernel, len(summed)), _order(made, letters.result))
    bias = to.weight(op, "bias")
    result = result if bias is None else to.binary(AddOp, result, to.number(bias))
    return activate(to, result, op.activation)


def _order(have: str, wanted: str) -> Sequence[int]:
    return [have.index(letter) for letter in wanted]
