"""Rewrites of dense layers."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.conversion import CastOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.dynamic import DynamicDenseOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import convolution as source
from nnc.dialects.types import element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, flag
from nnc.passes.tfl.convolution import Operands, layer, spatial_weights, without_zero_points
from nnc.passes.tfl.hybrid import hybrid_layer, is_hybrid
from nnc.passes.tfl.lowering import Lowering, rewrite


@rewrite(source.FullyConnectedOp)
def _fully_connected(op: source.FullyConnectedOp, to: Lowering) -> SSAValue:
    if op.weights_format.data != "DEFAULT":
        raise UnsupportedError("shuffled weights are not supported", "the default format is")
    input, weights, bias = to.value(op.input), to.value(op.weights), to.optional(op.bias)
    shape = shape_of(input)
    units, depth = shape_of(weights)
    elements = 1
    for extent in shape:
        elements *= extent
    if elements % depth:
        raise UnsupportedError(f"expected rows of {depth} elements, got {elements} elements")
    rows = elements // depth
    keep = bool(op.keep_num_dims.value.data)
    if keep and shape[-1] != depth:
        raise UnsupportedError(f"expected a last axis of {depth}, got {shape[-1]}")
    result = to.result(op.output, [*shape[:-1], units] if keep else [rows, units])
    flat = TensorType(result.element_type, [rows, units])
    if bias is not None:
        bias = to.reshape(bias, [units])
    matrix = to.reshape(input, [rows, depth])
    activation = op.fused_activation_function
    if is_hybrid(input, weights):
        weights = spatial_weights(to, weights, 0)
        asymmetric = bool(op.asymmetric_quantize_inputs.value.data)
        operands = (matrix, weights, bias, flat, activation)
        value = hybrid_layer(to, DynamicDenseOp, *operands, {}, asymmetric=asymmetric)
    else:
        operands = Operands(to, matrix, weights, bias, flat)
        single = _dense_rounding(to, operands, op.quantized_bias_type)
        value = layer(to, DenseOp, operands, flat, activation, f32_product=single)
    return to.reshape(value, result.get_shape())


def _dense_rounding(to: Lowering, operands: Operands, bias_type: StringAttr) -> Attribute | None:
    """Settles how a dense layer rounds; returns the flag for a float32 product of scales."""
    weights = element_of(operands.weights)
    if operands.rounding is None or not isinstance(weights, UniformQuantizedType):
        return None
    if weights.axis is not None and weights.axis != 0:
        raise UnsupportedError(f"expected weights quantised along axis 0, got {weights.axis}")
    if weights.axis is not None and weights.zero_points.any():
        to.remark("zero points of per-channel weights are ignored, as in the reference kernels")
        operands.weights = to.stored_as(operands.weights, without_zero_points(weights))
    wide_weights = weights.storage.width.data == 16
    if wide_weights and not operands.wide:
        raise UnsupportedError("int16 weights need int16 activations", "int8 weights work")
    if wide_weights:
        _long_bias(to, operands, bias_type)
    if to.micro or wide_weights:
        return flag(weights.axis is None)
    operands.rounding = Rounding.F64
    return None


def _long_bias(to: Lowering, operands: Operands, bias_type: StringAttr) -> None:
    """The sums of 16-bit products have 64 bits, whatever the bias has."""
    operands.rounding = Rounding.MB64
    bias = operands.bias
    if bias is None:
        return
    if element_of(bias) == i64:
        if bias_type.data != "INT64" and not to.micro:
            to.remark("the int64 bias is added as such; the reference kernel misreads it as int32")
        return
    values = to.folded(bias)
    if values is not None:
        operands.bias = to.constant(values.astype(np.int64), i64)
    else:
        operands.bias = to.op(CastOp, [bias], TensorType(i64, shape_of(bias)))
