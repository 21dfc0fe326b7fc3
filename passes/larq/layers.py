"""
Rewrites of Larq's layers: those of Keras, between quantised activations and quantised weights.

Where both are whole numbers the sum is an integer, exact, and a bias or a factor follows in
float32; where either is float32, so is the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType, f32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.keras.convolution import WindowOp
from nnc.dialects.larq import layers as source
from nnc.dialects.larq.quantizers import QUANTIZER_OPS, quantizer_of
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import AddOp, MulOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, BinType, element_of, shape_of
from nnc.passes.keras.activation import activate
from nnc.passes.keras.convolution import dilated, over_images
from nnc.passes.keras.layout import Images, padding_of
from nnc.passes.keras.lowering import Lowering, floats
from nnc.passes.larq.quantizers import (
    LAYER_REWRITES,
    Weights,
    numbers_of,
    quantized,
    quantized_weights,
    rewrite_quantizer,
)
from nnc.passes.nn_builder import UnsupportedError, integer, integers

LAYER_REWRITES.update((kind, rewrite_quantizer) for kind in QUANTIZER_OPS)


def _layer(
    to: Lowering,
    kind: type[AccumulatingOp],
    value: SSAValue,
    weights: Weights,
    arrange: Callable[[Array], Array],
    bias: Array | None,
    result: Sequence[int],
    **properties: Attribute | None,
) -> SSAValue:
    """A layer with its factors and its bias; `weights.factors` is for output channels here."""
    constant, output = weights.constant(to, arrange), floats(result)
    whole = f32 not in (element_of(value), weights.element)
    apart = whole or weights.factors is not None
    inside = None if bias is None or apart else to.number(bias)
    result_value = to.op(kind, [value, constant, inside], output, **properties)
    if weights.factors is not None:
        result_value = to.op(MulOp, [result_value, to.number(weights.factors)], output)
    if bias is not None and apart:
        result_value = to.op(AddOp, [result_value, to.number(bias)], output)
    return result_value


def _images(op: WindowOp, to: Lowering) -> Images:
    """The quantised input as images."""
    assert isinstance(op, source.QuantOp)
    value = quantized(to, to.value(op.input), quantizer_of(op.input_quantizer))
    return Images.of(to, value, op.layout(shape_of(op.input)))


def _padding(op: WindowOp, images: Images) -> list[int]:
    """[top, bottom, left, right]."""
    axes = zip(images.layout.spatial, op.kernel, op.steps, op.dilations, strict=True)
    pads = [pad for axis in axes for pad in padding_of(op.padding.data, *axis)]
    return pads if len(pads) == 4 else [0, 0, *pads]


def _surrounded(
    op: WindowOp, to: Lowering, images: Images, around: float
) -> tuple[SSAValue, dict[str, Attribute]]:
    """
    The input of a convolution and the properties that say how it is padded: with 0 or a sign by
    the convolution, with another number by a pad in front of it.
    """
    value, pads = images.value, _padding(op, images)
    padding: dict[str, Attribute] = {"padding": integers(pads)}
    if not around or not any(pads):
        return value, padding
    if op.padding.data == "causal":
        raise UnsupportedError("causal padding with pad_values is not supported", "0 works")
    if isinstance(element_of(value), BinType) and around in (-1, 1):
        return value, {**padding, "pad_value": integer(int(around))}
    value, stored = _storable(to, value, around)
    batch, height, width, channels = shape_of(value)
    shape = [batch, height + pads[0] + pads[1], width + pads[2] + pads[3], channels]
    padded = to.op(
        PadOp,
        [value],
        TensorType(element_of(value), shape),
        before=integers([0, pads[0], pads[2], 0]),
        value=stored,
    )
    return padded, {"padding": integers([0] * 4)}


def _storable(to: Lowering, value: SSAValue, number: float) -> tuple[SSAValue, Attribute]:
    """A tensor whose type has a number, and how that is stored in it."""
    element = element_of(value)
    if isinstance(element, UniformQuantizedType):
        place = round(number / element.scale) + element.zero_point
        near = abs((place - element.zero_point) * element.scale - number) < element.scale * 1e-4
        if near and element.storage_min <= place <= element.storage_max:
            return value, IntegerAttr(place, i64)
    return numbers_of(to, value), FloatAttr(number, f32)


def _window(op: WindowOp) -> dict[str, Attribute]:
    return {
        "strides": integers(Images.pair(op.steps)),
        "dilations": integers(Images.pair(op.dilations)),
    }


def _convolution(op: source.QuantConvOp, to: Lowering) -> SSAValue:
    images = _images(op, to)
    kernel = over_images(to.needed(op, "kernel"))
    weights = quantized_weights(to, kernel, quantizer_of(op.kernel_quantizer))
    value, padding = _surrounded(op, to, images, op.pad_values.value.data)
    extents = Images.pair(op.spatial(images.layout.spatial))
    value = _layer(
        to,
        Conv2DOp,
        value,
        weights,
        lambda it: it.transpose(3, 0, 1, 2),
        to.weight(op, "bias"),
        [images.layout.batch, *extents, kernel.shape[3]],
        groups=integer(op.groups.value.data),
        **_window(op),
        **padding,
    )
    return images.back(activate(to, value, op.activation))


def _depthwise_part(
    op: source.QuantDepthwiseConv2DOp | source.QuantSeparableOp,
    to: Lowering,
    images: Images,
    bias: Array | None,
) -> SSAValue:
    kernel = over_images(to.needed(op, "depthwise_kernel"))
    weights = quantized_weights(to, kernel, quantizer_of(op.depthwise_quantizer))
    height, width, channels, multiplier = kernel.shape
    if weights.factors is not None:
        # One factor for each multiple of a channel; multiples of a channel lie side by side.
        factors = np.tile(weights.factors, channels)
        weights = Weights(weights.numbers, weights.element, factors)
    value, padding = _surrounded(op, to, images, op.pad_values.value.data)
    extents = Images.pair(op.spatial(images.layout.spatial))
    return _layer(
        to,
        DepthwiseConv2DOp,
        value,
        weights,
        lambda it: it.reshape(1, height, width, channels * multiplier),
        bias,
        [images.layout.batch, *extents, channels * multiplier],
        **_window(op),
        **padding,
    )


def _depthwise(op: source.QuantDepthwiseConv2DOp, to: Lowering) -> SSAValue:
    _check_one_group(op.groups.value.data)
    images = _images(op, to)
    value = _depthwise_part(op, to, images, to.weight(op, "bias"))
    return images.back(activate(to, value, op.activation))


def _separable(op: source.QuantSeparableOp, to: Lowering) -> SSAValue:
    _check_one_group(op.groups.value.data)
    images = _images(op, to)
    between = _depthwise_part(op, to, images, None)
    kernel = over_images(to.needed(op, "pointwise_kernel"))
    batch, height, width, _ = shape_of(between)
    value = _layer(
        to,
        Conv2DOp,
        between,
        quantized_weights(to, kernel, quantizer_of(op.pointwise_quantizer)),
        lambda it: it.transpose(3, 0, 1, 2),
        to.weight(op, "bias"),
        [batch, height, width, kernel.shape[3]],
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers([0, 0, 0, 0]),
        groups=integer(1),
    )
    return images.back(activate(to, value, op.activation))


def _transposed(op: source.QuantConv2DTransposeOp, to: Lowering) -> SSAValue:
    _check_one_group(op.groups.value.data)
    images = _images(op, to)
    kernel = to.needed(op, "kernel")
    # Factors are for the last axis, which has the input's channels here.
    weights = quantized_weights(to, kernel, quantizer_of(op.kernel_quantizer)).multiplied()
    weights = weights.with_zeros() if max(op.dilations) > 1 else weights
    extents = op.spatial(images.layout.spatial)
    axes = zip(extents, op.kernel, op.steps, op.dilations, strict=True)
    cut = [padding_of(op.padding.data, *axis)[0] for axis in axes]
    value = _layer(
        to,
        ConvTranspose2DOp,
        images.value,
        weights,
        lambda it: dilated(it, op.dilations).transpose(2, 0, 1, 3),
        to.weight(op, "bias"),
        [images.layout.batch, *extents, kernel.shape[2]],
        strides=integers(op.steps),
        padding=integers(cut),
    )
    return images.back(activate(to, value, op.activation))


def _dense(op: source.QuantDenseOp, to: Lowering) -> SSAValue:
    kernel, shape = to.needed(op, "kernel"), shape_of(op.input)
    value = quantized(to, to.value(op.input), quantizer_of(op.input_quantizer))
    weights = quantized_weights(to, kernel, quantizer_of(op.kernel_quantizer))
    depth, units = kernel.shape
    rows = int(np.prod(shape[:-1]))
    matrix = to.reshape(value, [rows, depth])
    bias = to.weight(op, "bias")
    value = _layer(to, DenseOp, matrix, weights, lambda it: it.T, bias, [rows, units])
    return activate(to, to.reshape(value, [*shape[:-1], units]), op.activation)


def _check_one_group(groups: int) -> None:
    if groups != 1:
        raise UnsupportedError(f"expected 1 group, got {groups}")


LAYER_REWRITES.update(
    {
        source.QuantConv1DOp: _convolution,
        source.QuantConv2DOp: _convolution,
        source.QuantConv2DTransposeOp: _transposed,
        source.QuantDepthwiseConv2DOp: _depthwise,
        source.QuantSeparableConv1DOp: _separable,
        source.QuantSeparableConv2DOp: _separable,
        source.QuantDenseOp: _dense,
    }
)
