"""Rewrites of pooling."""

from __future__ import annotations

from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import convolution as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.lowering import Lowering, rewrite
from nnc.passes.tfl.padding import window_of


@rewrite(source.AveragePool2DOp)
def _average_pool(op: source.AveragePool2DOp, to: Lowering) -> SSAValue:
    return _pool(op, to, AveragePool2DOp)


@rewrite(source.MaxPool2DOp)
def _max_pool(op: source.MaxPool2DOp, to: Lowering) -> SSAValue:
    return _pool(op, to, MaxPool2DOp)


def _pool(
    op: source.AveragePool2DOp | source.MaxPool2DOp, to: Lowering, kind: type[NnOp]
) -> SSAValue:
    input = to.value(op.input)
    batch, height, width, channels = shape_of(input)
    kernel = [op.filter_height.value.data, op.filter_width.value.data]
    strides = [op.stride_h.value.data, op.stride_w.value.data]
    extents, padding = window_of(op.padding.data, (height, width), kernel, strides)
    result = to.result(op.output, [batch, *extents, channels])
    input = _same_quantization(to, input, result.element_type)
    return activated(
        to,
        op.fused_activation_function,
        result,
        lambda bounds: to.op(
            kind,
            [input],
            result,
            kernel=integers(kernel),
            strides=integers(strides),
            padding=integers(padding),
            **bounds,
        ),
    )


def _same_quantization(to: Lowering, input: SSAValue, element: Attribute) -> SSAValue:
    """Pooling works on stored values, whatever the file says of the input's scale."""
    given = element_of(input)
    quantized = isinstance(given, UniformQuantizedType), isinstance(element, UniformQuantizedType)
    if quantized[0] != quantized[1]:
        raise UnsupportedError(f"expected a result of {given}, got {element}")
    return to.stored_as(input, element)
