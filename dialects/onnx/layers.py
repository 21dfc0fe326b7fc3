"""Operators with weights or windows: convolutions, matrix products, pooling, normalisation."""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

LAYERS_OPS = operators("""
AveragePool(X; auto_pad: s, ceil_mode: i, count_include_pad: i, dilations: is, kernel_shape: is,
    pads: is, strides: is) -> Y
BatchNormalization(X, scale, B, input_mean, input_var; epsilon: f, momentum: f, spatial: i,
    training_mode: i) -> Y, mean?, var?, saved_mean?, saved_var?
Conv(X, W, B?; auto_pad: s, dilations: is, group: i, kernel_shape: is, pads: is, strides: is) ->
    Y
ConvTranspose(X, W, B?; auto_pad: s, dilations: is, group: i, kernel_shape: is, output_padding:
    is, output_shape: is, pads: is, strides: is) -> Y
Einsum(Inputs*; equation: s) -> Output
Gemm(A, B, C?; alpha: f, beta: f, transA: i, transB: i) -> Y
GlobalAveragePool(X) -> Y
GlobalLpPool(X; p: i) -> Y
GlobalMaxPool(X) -> Y
GroupNormalization(X, scale, bias; epsilon: f, num_groups: i, stash_type: i) -> Y
Hardmax(input; axis: i) -> output
InstanceNormalization(input, scale, B; epsilon: f) -> output
LRN(X; alpha: f, beta: f, bias: f, size: i) -> Y
LayerNormalization(X, Scale, B?; axis: i, epsilon: f, stash_type: i) -> Y, Mean?, InvStdDev?
LogSoftmax(input; axis: i) -> output
LpNormalization(input; axis: i, p: i) -> output
LpPool(X; auto_pad: s, ceil_mode: i, dilations: is, kernel_shape: is, p: i, pads: is, strides:
    is) -> Y
MatMul(A, B) -> Y
MaxPool(X; auto_pad: s, ceil_mode: i, dilations: is, kernel_shape: is, pads: is, storage_order:
    i, strides: is) -> Y, Indices?
MaxUnpool(X, I, output_shape?; kernel_shape: is, pads: is, strides: is) -> output
MeanVarianceNormalization(X; axes: is) -> Y
RMSNormalization(X, scale; axis: i, epsilon: f, stash_type: i) -> Y
Softmax(input; axis: i) -> output
""")
