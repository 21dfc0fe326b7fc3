"""
Operators on quantised tensors, whose scales and zero points are operands.

Those of the domain `com.microsoft` are ONNX Runtime's (`docs/ContribOperators.md`); its quantiser
writes them, and skl2onnx the one for distances.
"""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

RUNTIME_DOMAIN = "com.microsoft"

QUANTIZATION_OPS = operators("""
ConvInteger(x, w, x_zero_point?, w_zero_point?; auto_pad: s, dilations: is, group: i,
    kernel_shape: is, pads: is, strides: is) -> y
DequantizeLinear(x, x_scale, x_zero_point?; axis: i, block_size: i, output_dtype: i) -> y
DynamicQuantizeLinear(x) -> y, y_scale, y_zero_point
MatMulInteger(A, B, a_zero_point?, b_zero_point?) -> Y
QLinearConv(x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B?;
    auto_pad: s, dilations: is, group: i, kernel_shape: is, pads: is, strides: is) -> y
QLinearMatMul(a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point) -> y
QuantizeLinear(x, y_scale, y_zero_point?; axis: i, block_size: i, output_dtype: i, precision: i,
    saturate: i) -> y
""")

RUNTIME_OPS = operators(
    """
CDist(A, B; metric: s) -> C
QGemm(A, a_scale, a_zero_point, B, b_scale, b_zero_point, C?, y_scale?, y_zero_point?; alpha: f,
    transA: i, transB: i) -> Y
QLinearAdd(A, A_scale, A_zero_point?, B, B_scale, B_zero_point?, C_scale, C_zero_point?) -> C
QLinearAveragePool(X, x_scale, x_zero_point?, y_scale, y_zero_point?; auto_pad: s, ceil_mode: i,
    channels_last: i, count_include_pad: i, kernel_shape: is, pads: is, strides: is) -> Y
QLinearConcat(Y_scale, Y_zero_point, inputs*; axis: i) -> Y
QLinearGlobalAveragePool(X, x_scale, x_zero_point, y_scale, y_zero_point; channels_last: i) -> Y
QLinearLeakyRelu(X, X_scale, X_zero_point?, Y_scale, Y_zero_point?; alpha: f) -> Y
QLinearMul(A, A_scale, A_zero_point?, B, B_scale, B_zero_point?, C_scale, C_zero_point?) -> C
QLinearSigmoid(X, X_scale, X_zero_point?, Y_scale, Y_zero_point?) -> Y
QLinearSoftmax(X, X_scale, x_zero_point?, y_scale, y_zero_point; axis: i, opset: i) -> Y
""",
    RUNTIME_DOMAIN,
)
