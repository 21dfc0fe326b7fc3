"""Rewrites of products of matrices of floats."""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.reduction import ReduceSumOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import add, cast, check_rank, check_type, is_float, mul, reduced
from nnc.passes.onnx.lowering import Lowering, Node, rewrite


@rewrite("Gemm")
def _gemm(node: Node, to: Lowering) -> SSAValue:
    for value in (node.value(0), node.value(1)):
        check_type(value, f32)
    return gemm(node, to, node.value(0), node.value(1), node.optional(2))


def gemm(node: Node, to: Lowering, a: SSAValue, b: SSAValue, c: SSAValue | None) -> SSAValue:
    """A product of matrices of floats with the attributes of a node."""
    for value in (a, b):
        check_rank(value, 2)
    if node.int("transA"):
        a = to.transposed(a, [1, 0])
    # Dense layers want [outputs, depth].
    b = b if node.int("transB") else to.transposed(b, [1, 0])
    alpha, beta = node.float("alpha", 1.0), node.float("beta", 1.0)
    if alpha != 1.0:
        b = scaled(to, b, alpha)
    if c is not None and beta != 1.0:
        c = scaled(to, c, beta)
    rows, depth = shape_of(a)
    outputs, height = shape_of(b)
    if depth != height:
        raise UnsupportedError(f"expected matrices of one depth, got {depth} and {height}")
    result = TensorType(f32, node.result([rows, outputs]).get_shape())
    bias = None
    if c is not None and shape_of(c) in ((outputs,), (1, outputs)):
        bias, c = to.reshape(c, [outputs]), None
    value = to.op(DenseOp, [a, b, bias], result)
    return value if c is None else add(to, value, c)


def scaled(to: Lowering, value: SSAValue, factor: float) -> SSAValue:
    """A tensor times a number, at compile time where it is constant."""
    if isinstance(value.owner, ConstantOp):
        return to.numbers(value.owner.values * np.float32(factor))
    return mul(to, value, to.numbers(np.full([1] * len(shape_of(value)), factor)))


@rewrite("MatMul")
def _matmul(node: Node, to: Lowering) -> SSAValue:
    a, b = node.value(0), node.value(1)
    return matmul(to, node, a, b)


def matmul(to: Lowering, node: Node, a: SSAValue, b: SSAValue) -> SSAValue:
    """The product as numpy's `matmul` defines it; constant matrices make a dense layer."""
    first, second = shape_of(a), shape_of(b)
    if not first or not second:
        raise UnsupportedError("expected matrices or vectors, got a number")
    left = to.reshape(a, [1, *first]) if len(first) == 1 else a
    right = to.reshape(b, [*second, 1]) if len(second) == 1 else b
    *outer_a, rows, depth = shape_of(left)
    *outer_b, height, columns = shape_of(right)
    try:
        outer = np.broadcast_shapes(tuple(outer_a), tuple(outer_b))
    except ValueError:
        outer = None
    if depth != height or outer is None:
        raise UnsupportedError(f"expected matrices that multiply, got {first} and {second}")
    shape = [*outer, rows, columns]
    final = (
        list(outer) + ([rows] if len(first) > 1 else []) + ([columns] if len(second) > 1 else [])
    )
    result = node.result(final)
    if not is_float(a):
        return to.reshape(_whole(to, left, right), final)
    if to.folded(right) is not None and prod(outer_b) == 1:
        matrix = to.reshape(right, [depth, columns])
        flat = to.reshape(left, [prod(outer_a) * rows, depth])
        kind = TensorType(f32, [prod(outer_a) * rows, columns])
        value = to.op(DenseOp, [flat, to.transposed(matrix, [1, 0]), None], kind)
    else:
        value = to.op(MatMulOp, [left, right, None], TensorType(f32, shape))
    return to.reshape(value, result.get_shape())


def _whole(to: Lowering, left: SSAValue, right: SSAValue) -> SSAValue:
    """A product of integer matrices, which wraps: products summed along a new axis."""
    *outer_a, rows, depth = shape_of(left)
    *outer_b, _, columns = shape_of(right)
    rank = max(len(outer_a), len(outer_b))
    ones_a, ones_b = [1] * (rank - len(outer_a)), [1] * (rank - len(outer_b))
    one = to.reshape(left, [*ones_a, *outer_a, rows, depth, 1])
    other = to.reshape(right, [*ones_b, *outer_b, 1, depth, columns])
    return reduced(to, ReduceSumOp, mul(to, one, other), [rank + 1])


@rewrite("Einsum")
def _einsum(node: Node, to: Lowering) -> SSAValue:
    """Products of all operands over all letters, summed over those that the result lacks."""
    values, text = node.values(), node.string("equation").replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(values):
        raise UnsupportedError(f"expected {len(terms)} operands, got {len(values)}")
    ranks = [
        len(shape_of(value)) - len(term.replace("...", ""))
        for term, value in zip(terms, values, strict=True)
    ]
    most = max(ranks)
    if min(ranks) < 0 or any(rank and "..." not in t for rank, t in zip(ranks, terms, strict=True)):
        raise UnsupportedError(f"expected operands of the ranks that '{text}' says")
    # The axes of an ellipsis become letters of their own, counted from the last one.
    spare = "".join(chr(0x100 + k) for k in range(most))
    terms = [
        term.replace("...", spare[most - rank :]) for term, rank in zip(terms, ranks, strict=True)
    ]
    letters = "".join(terms)
    if not arrow:
        once = sorted(c for c in set(letters) - set(spare) if letters.count(c) == 1)
        output = "..." + "".join(once)
    output = output.replace("...", spare)
    every = output + "".join(sorted(set(letters) - set(output)))
    if set(output) - set(letters) or len(set(output)) < len(output):
        raise UnsupportedError(f"expected a result of letters of the operands, got '{text}'")
    if any(len(set(term)) < len(term) for term in terms):
        raise UnsupportedError("diagonals are not supported")
    parts: list[SSAValue] = []
    for term, value in zip(terms, values, strict=True):
        order = [term.index(letter) for letter in every if letter in term]
        moved = to.transposed(value, order)
        sizes = iter(shape_of(moved))
        parts.append(to.reshape(moved, [next(sizes) if c in term else 1 for c in every]))
    total = parts[0]
    for part in parts[1:]:
        total = mul(to, total, part)
    total = reduced(to, ReduceSumOp, total, list(range(len(output), len(every))))
    result = node.result(shape_of(total)[: len(output)])
    return to.reshape(cast(to, total, element_of(values[0])), result.get_shape())
