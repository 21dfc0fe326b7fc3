"""Rewrites of matrix products and transposed convolutions."""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.dynamic import DynamicDenseOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import convolution as source
from nnc.dialects.types import element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, flag, integers
from nnc.passes.tfl.convolution import (
    Operands,
    layer,
    remark_short_bias,
    spatial_weights,
    without_zero_points,
)
from nnc.passes.tfl.hybrid import hybrid_layer, is_hybrid
from nnc.passes.tfl.lowering import (
    Lowering,
    check_one_type,
    is_quantized,
    quantized,
    rewrite,
)
from nnc.passes.tfl.padding import output_and_padding


@rewrite(source.BatchMatMulOp)
def _batch_matmul(op: source.BatchMatMulOp, to: Lowering) -> SSAValue:
    x, y = to.value(op.x), to.value(op.y)
    adjoint_x, adjoint_y = bool(op.adj_x.value.data), bool(op.adj_y.value.data)
    *outer_x, rows, depth = shape_of(x)
    *outer_y, height, columns = shape_of(y)
    if adjoint_x:
        rows, depth = depth, rows
    if adjoint_y:
        height, columns = columns, height
    try:
        outer = np.broadcast_shapes(tuple(outer_x), tuple(outer_y))
    except ValueError:
        raise UnsupportedError(
            f"expected batches that broadcast, got {outer_x}, {outer_y}"
        ) from None
    if depth != height:
        raise UnsupportedError(f"expected matrices of one depth, got {depth} and {height}")
    result = to.result(op.output, [*outer, rows, columns])
    if is_hybrid(x, y):
        weights = _columns(to, y, adjoint_y)
        matrix = to.reshape(_transposed(to, x) if adjoint_x else x, [prod(outer_x) * rows, depth])
        flat = TensorType(f32, [prod(outer_x) * rows, columns])
        if sum(extent > 1 for extent in outer_x) > 1:
            to.remark("the reference kernel takes wrong scales for batches along several axes")
        asymmetric = bool(op.asymmetric_quantize_inputs.value.data)
        operands = (matrix, weights, None, flat, StringAttr("NONE"))
        value = hybrid_layer(to, DynamicDenseOp, *operands, {}, asymmetric=asymmetric)
        return to.reshape(value, result.get_shape())
    rounding = None
    if is_quantized(x):
        wide = quantized(x, 8, 16).storage.width.data == 16
        quantized(y, 8, 16)
        check_one_type((), (8, 16), element_of(x), result.element_type)
        rounding = RoundingAttr(Rounding.MB64 if wide else Rounding.DOUBLE)
    else:
        check_one_type((f32,), (), element_of(x), element_of(y), result.element_type)
    return to.op(
        MatMulOp,
        [x, y, None],
        result,
        rounding=rounding,
        f32_product=flag(rounding is not None),
        transpose_input=flag(adjoint_x),
        transpose_weights=flag(adjoint_y),
    )


def _columns(to: Lowering, y: SSAValue, adjoint: bool) -> SSAValue:
    """The constant right matrix of a hybrid product with its columns as rows."""
    *outer, _, _ = shape_of(y)
    kind = element_of(y)
    if prod(outer) != 1:
        raise UnsupportedError("a batch of int8 matrices beside float32 ones is not supported")
    if not isinstance(kind, UniformQuantizedType) or kind.axis is not None:
        raise UnsupportedError(f"expected a matrix quantised with one scale, got {kind}")
    values = to.known(y, "the int8 matrix beside a float32 one")
    matrix = values.reshape(shape_of(y)[-2:])
    return to.constant(matrix if adjoint else matrix.T, without_zero_points(kind))


def _transposed(to: Lowering, value: SSAValue) -> SSAValue:
    """The value with its last two axes exchanged."""
    rank = len(shape_of(value))
    permutation = [*range(rank - 2), rank - 1, rank - 2]
    shape = [shape_of(value)[axis] for axis in permutation]
    kind = TensorType(element_of(value), shape)
    return to.op(TransposeOp, [value], kind, permutation=integers(permutation))


@rewrite(source.TransposeConvOp)
def _transpose_conv(op: source.TransposeConvOp, to: Lowering) -> SSAValue:
    input, weights = to.value(op.input), spatial_weights(to, to.value(op.weights), 0)
    shape = to.known_ints(to.value(op.output_shape), "the output shape")
    result = to.result(op.output, shape)
    strides = [op.stride_h.value.data, op.stride_w.value.data]
    kernel = shape_of(weights)[1:3]
    padding: list[int] = []
    for axis in range(2):
        # The input is what a convolution of the output would give.
        window = output_and_padding(op.padding.data, shape[1 + axis], kernel[axis], strides[axis])
        if window[0] != shape_of(input)[1 + axis]:
            raise UnsupportedError(
                f"expected {window[0]} input positions for {shape[1 + axis]} output positions, "
                f"got {shape_of(input)[1 + axis]}"
            )
        padding.append(window[1])
    operands = Operands(to, input, weights, to.optional(op.bias), result)
    if operands.rounding is not None:
        remark_short_bias(to, operands, op.quantized_bias_type)
    return layer(
        to,
        ConvTranspose2DOp,
        operands,
        result,
        op.fused_activation_function,
        strides=integers(strides),
        padding=integers(padding),
    )
