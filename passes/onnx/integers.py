"""
Rewrites of products of plain integers: ConvInteger and MatMulInteger.

Their operands are quantised tensors whose scale is 1, so the layers are those of integers. A zero
point that is only known at run time is subtracted from what is multiplied, or, times the sums of
the weights, from the products.
"""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import IntegerType, TensorType, i16, i32
from xdsl.ir import SSAValue

from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import cast, mul, sub
from nnc.passes.onnx.convolution import convolved
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.matmul import matmul
from nnc.passes.onnx.quantization import centred, shifted


def _zeros(node: Node, to: Lowering, number: int) -> Array | None:
    """The zero points that an operand says, flat; None where they are known at run time only."""
    operand = node.optional(number)
    if operand is None:
        return np.zeros(1, np.int64)
    known = to.folded(operand)
    return None if known is None else known.astype(np.int64).ravel()


def _storage(value: SSAValue) -> IntegerType:
    storage = element_of(value)
    if not isinstance(storage, IntegerType) or storage.width.data != 8:
        raise UnsupportedError(f"expected integers of 8 bits, got {storage}")
    return storage


def _typed(to: Lowering, value: SSAValue, zeros: Array, axis: int) -> SSAValue:
    """Integers as a tensor whose scale is 1; constants as int8."""
    storage = _storage(value)
    kind = UniformQuantizedType.per_tensor(storage, 1.0, int(zeros[0]))
    if zeros.size > 1:
        if zeros.size != shape_of(value)[axis]:
            raise UnsupportedError(f"expected a zero point for each index, got {zeros.size}")
        ones = np.ones(zeros.size, np.float32)
        kind = UniformQuantizedType.per_axis(storage, axis, ones, zeros)
    known = to.folded(value)
    if known is not None:
        return to.constant(*centred(known, kind))
    return shifted(to, to.stored_as(value, kind))


@rewrite("ConvInteger")
def _conv_integer(node: Node, to: Lowering) -> SSAValue:
    """Padding is with the zero point."""
    input, weights = node.value(0), node.value(1)
    zeros, weight_zeros = _zeros(node, to, 2), _zeros(node, to, 3)
    if weight_zeros is None or (weight_zeros.size > 1 and to.folded(weights) is None):
        raise UnsupportedError("expected constant weights with constant zero points")
    kernel = _typed(to, weights, weight_zeros, 0)
    if zeros is None:
        wide = cast(to, input, i16)
        point = cast(to, node.value(2), i16)
        image = sub(to, wide, to.reshape(point, [1] * len(shape_of(input))))
    elif zeros.size == 1:
        image = _typed(to, input, zeros, 0)
    else:
        raise UnsupportedError("expected one zero point of the input")
    return convolved(node, to, image, kernel, None, i32)


@rewrite("MatMulInteger")
def _matmul_integer(node: Node, to: Lowering) -> SSAValue:
    a, b = node.value(0), node.value(1)
    zeros, other = _zeros(node, to, 2), _zeros(node, to, 3)
    point = node.optional(2)
    one = zeros.size == 1 if zeros is not None else point is not None and _is_one(point)
    known = to.folded(b)
    if one and known is not None and other is not None and len(shape_of(b)) == 2 and shape_of(a):
        return _dense(node, to, zeros, other)
    plain = [it is not None and it.size == 1 for it in (zeros, other)]
    if all(plain) and min(len(shape_of(a)), len(shape_of(b))) >= 2:
        assert zeros is not None and other is not None
        left, right = _typed(to, a, zeros, 0), _typed(to, b, other, 0)
        outer = np.broadcast_shapes(shape_of(a)[:-2], shape_of(b)[:-2])
        shape = node.result([*outer, shape_of(a)[-2], shape_of(b)[-1]]).get_shape()
        return to.op(MatMulOp, [left, right, None], TensorType(i32, shape))
    return _generic(node, to)


def _is_one(value: SSAValue) -> bool:
    return prod(shape_of(value)) == 1


def _dense(node: Node, to: Lowering, zeros: Array | None, other: Array) -> SSAValue:
    """A product with a constant matrix [depth, columns]."""
    a, b = node.value(0), node.value(1)
    *outer, depth = shape_of(a)
    if depth != shape_of(b)[0]:
        raise UnsupportedError(
            f"expected matrices that multiply, got {shape_of(a)} and {shape_of(b)}"
        )
    columns = shape_of(b)[1]
    known = to.known(b, "its matrix").astype(np.int64) - other
    weights = _typed(to, to.transposed(b, [1, 0]), other, 0)
    given = np.zeros(1, np.int64) if zeros is None else zeros
    flat = to.reshape(_typed(to, a, given, 0), [prod(outer), depth])
    value = to.op(DenseOp, [flat, weights, None], TensorType(i32, [prod(outer), columns]))
    if zeros is None:
        sums = to.constant(known.sum(axis=0, keepdims=True).astype(np.int32), i32)
        point = to.reshape(cast(to, node.value(2), i32), [1, 1])
        value = sub(to, value, mul(to, sums, point))
    return to.reshape(value, node.result([*outer, columns]).get_shape())


def _generic(node: Node, to: Lowering) -> SSAValue:
    """Whatever the operands are: products of numbers of 32 bits."""
    operands: list[SSAValue] = []
    for number in (0, 1):
        value, zero = cast(to, node.value(number), i32), node.optional(number + 2)
        if zero is not None:
            wide, shape = cast(to, zero, i32), shape_of(zero)
            if len(shape) == 1 and number == 0 and shape[0] > 1:
                wide = to.reshape(wide, [*shape, 1])
            value = sub(to, value, wide)
        operands.append(value)
    return matmul(to, node, *operands)
