"""Rewrites of pooling."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.arithmetic import MulOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.functions import SqrtOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import convolution as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.functions import clamped
from nnc.passes.tfl.lowering import Lowering, check_one_type, check_type, rewrite
from nnc.passes.tfl.padding import window_of


@rewrite(source.AveragePool2DOp)
def _average_pool(op: source.AveragePool2DOp, to: Lowering) -> SSAValue:
    return _pool(op, to, AveragePool2DOp)


@rewrite(source.L2Pool2DOp)
def _l2_pool(op: source.L2Pool2DOp, to: Lowering) -> SSAValue:
    """The root of the mean of the squares."""
    input = to.value(op.input)
    check_type(element_of(input), f32)
    square = to.op(MulOp, [input, input], TensorType(f32, shape_of(input)))
    kernel, strides, extents, padding = _geometry(op, input)
    batch, _, _, channels = shape_of(input)
    result = to.result(op.output, [batch, *extents, channels])
    mean = to.op(
        AveragePool2DOp,
        [square],
        result,
        kernel=integers(kernel),
        strides=integers(strides),
        padding=integers(padding),
    )
    root = to.op(SqrtOp, [mean], result)
    activation = op.fused_activation_function
    return activated(
        to,
        activation,
        result,
        lambda bounds: clamped(to, root, result, activation.data) if bounds else root,
    )


def _geometry(
    op: source.AveragePool2DOp | source.MaxPool2DOp | source.L2Pool2DOp, input: SSAValue
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Kernel, strides, the extents of the result, and the padding."""
    _, height, width, _ = shape_of(input)
    kernel = [op.filter_height.value.data, op.filter_width.value.data]
    strides = [op.stride_h.value.data, op.stride_w.value.data]
    extents, padding = window_of(op.padding.data, (height, width), kernel, strides)
    return kernel, strides, extents, padding


@rewrite(source.MaxPool2DOp)
def _max_pool(op: source.MaxPool2DOp, to: Lowering) -> SSAValue:
    return _pool(op, to, MaxPool2DOp)


def _pool(
    op: source.AveragePool2DOp | source.MaxPool2DOp, to: Lowering, kind: type[NnOp]
) -> SSAValue:
    input = to.value(op.input)
    batch, _, _, channels = shape_of(input)
    kernel, strides, extents, padding = _geometry(op, input)
    result = to.result(op.output, [batch, *extents, channels])
    check_one_type((f32,), (8, 16), element_of(input), result.element_type)
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
