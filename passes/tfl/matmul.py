"""Rewrites of matrix products and transposed convolutions."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.tfl import convolution as source
from nnc.dialects.types import element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, flag, integers
from nnc.passes.tfl.convolution import Operands, layer, remark_short_bias, spatial_weights
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
