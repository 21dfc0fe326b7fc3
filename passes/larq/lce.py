"""
Rewrites of the Larq compute engine's operators: what its reference kernels compute, in `nn` ops.

LCE counts the bits `n` in which input and weights differ: 2n is K - dot, for K products, which is
the sum with negated weights and a bias of K. It clamps that integer, multiplies and adds in float32
(both factors made in double precision, a scale of int8 folded in), and rounds. Source:
`core/bconv2d/output_transform.h`, `core/bconv2d/reference.h` and `OneTimeSetup` of
`tflite/kernels/bconv2d.cc`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.larq import lce as source
from nnc.dialects.larq.lce import words_of
from nnc.dialects.nn.arithmetic import AddOp, MulOp
from nnc.dialects.nn.conversion import CastOp, DequantizeOp, QuantizeOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, BITS_PER_WORD, Array, element_of, shape_of
from nnc.passes.larq.lowering import Lowering, rewrite, static_type
from nnc.passes.nn_builder import UnsupportedError, flag, integer, integers, real
from nnc.passes.tfl.padding import window_of

_CLAMPS = {
    "NONE": (None, None),
    "RELU": (0, None),
    "RELU_N1_TO_1": (-1, 1),
    "RELU6": (0, 6),
}
"""The bounds of the integer sum."""

UNITS = UniformQuantizedType.per_tensor(i8, 1.0, 0)
"""int8 numbers that are stored as they are."""


@rewrite(source.LceQuantizeOp)
def _quantize(op: source.LceQuantizeOp, to: Lowering) -> SSAValue:
    return to.op(QuantizeOp, [op.input], TensorType(BIN, static_type(op.input).get_shape()))


@rewrite(source.LceDequantizeOp)
def _dequantize(op: source.LceDequantizeOp, to: Lowering) -> SSAValue:
    value = to.binary(op.input, "an input")
    result = TensorType(element_of(op.output), shape_of(value))
    given = static_type(op.output)
    if given != result:
        raise UnsupportedError(f"expected a result of {shape_of(value)}, the file says {given}")
    if isinstance(result.element_type, UniformQuantizedType):
        return to.op(QuantizeOp, [value], result)
    return to.op(DequantizeOp, [value], result)


@rewrite(source.LceBMaxPool2dOp)
def _max_pool(op: source.LceBMaxPool2dOp, to: Lowering) -> SSAValue:
    value = to.binary(op.input, "an input")
    batch, height, width, channels = shape_of(value)
    kernel = [op.filter_height.value.data, op.filter_width.value.data]
    strides = [op.stride_height.value.data, op.stride_width.value.data]
    extents, padding = window_of(op.padding.data, (height, width), kernel, strides)
    return to.op(
        MaxPool2DOp,
        [value],
        TensorType(BIN, [batch, *extents, channels]),
        kernel=integers(kernel),
        strides=integers(strides),
        padding=integers(padding),
    )


@dataclass
class _Convolution:
    """The geometry of a convolution and its weights as signs."""

    input: SSAValue
    weights: npt.NDArray[np.bool_]
    groups: int
    extents: list[int]
    properties: dict[str, Attribute]

    @property
    def products(self) -> int:
        """Products of one sum; padded ones count."""
        return int(np.prod(self.weights.shape[1:]))

    @property
    def outputs(self) -> int:
        """Output channels."""
        return self.weights.shape[0]

    def result(self, element: Attribute) -> TensorType[Attribute]:
        """The type of the result."""
        return TensorType(element, [shape_of(self.input)[0], *self.extents, self.outputs])


@rewrite(source.LceBconv2dOp)
def _bconv2d(op: source.LceBconv2dOp, to: Lowering) -> SSAValue:
    layer = _convolution(op, to)
    element = element_of(op.output)
    if element == i32:
        return _packed(op, to, layer)
    if element != f32 and not isinstance(element, UniformQuantizedType):
        raise UnsupportedError(f"expected a result of f32, int8 or packed signs, got {element}")
    if isinstance(element, UniformQuantizedType) and (
        element.storage != i8 or element.axis is not None
    ):
        raise UnsupportedError(f"expected a result of int8 with one scale, got {element}")
    return _numbers(op, to, layer, element)


def _convolution(op: source.LceBconv2dOp, to: Lowering) -> _Convolution:
    value = to.binary(op.input, "an input")
    words = to.array(op.filter, "a filter")
    _, height, width, channels = shape_of(value)
    if channels != op.channels_in.value.data:
        raise UnsupportedError(f"expected {op.channels_in.value.data} channels, got {channels}")
    depth_words = words.shape[3]
    groups = 1 if depth_words == words_of(channels) else words_of(channels) // max(1, depth_words)
    depth = channels // max(1, groups)
    whole = groups > 0 and groups * depth_words == words_of(channels) and channels % groups == 0
    if not whole or words.shape[0] % groups or (groups > 1 and depth % BITS_PER_WORD):
        raise UnsupportedError(
            f"expected groups of a multiple of {BITS_PER_WORD} of {channels} channels, got a "
            f"filter of shape {words.shape}"
        )
    strides = [op.stride_height.value.data, op.stride_width.value.data]
    dilations = [op.dilation_height_factor.value.data, op.dilation_width_factor.value.data]
    extents, padding = window_of(
        op.padding.data, (height, width), words.shape[1:3], strides, dilations
    )
    around = op.pad_values.value.data if any(padding) else 0
    if any(padding) and around == 0 and depth % 2:
        to.remarks.append(
            "odd channels around an input padded with 0 add nothing; LCE's reference kernel refuses"
            " them, and its optimised one corrects the result in float"
        )
    properties: dict[str, Attribute] = {
        "strides": integers(strides),
        "dilations": integers(dilations),
        "padding": integers(padding),
        "groups": integer(groups),
    }
    if around:
        properties["pad_value"] = integer(around)
    return _Convolution(value, unpacked(words, depth), groups, extents, properties)


def unpacked(words: Array, channels: int) -> npt.NDArray[np.bool_]:
    """The signs [..., channels], True for -1, of int32 words along the last axis."""
    raw = np.ascontiguousarray(words.astype("<i4", copy=False)).view(np.uint8)
    bits = np.unpackbits(raw, axis=-1, bitorder="little", count=channels)
    return bits.astype(np.bool_)


def _packed(op: source.LceBconv2dOp, to: Lowering, layer: _Convolution) -> SSAValue:
    """-1 where the differing bits are more than the threshold: where dot + 2t - K < 0."""
    thresholds = to.array(op.output_threshold, "a threshold").astype(np.int64)
    _check_channels("thresholds", thresholds, layer)
    # Thresholds beyond what the bits can count are always or never passed, as those at the ends.
    bias = 2 * np.clip(thresholds, -1, layer.products) - layer.products
    operands = [
        layer.input,
        to.constant(layer.weights, BIN),
        to.constant(bias.astype(np.int32), i32),
    ]
    return to.op(Conv2DOp, operands, layer.result(BIN), **layer.properties)


def _numbers(
    op: source.LceBconv2dOp, to: Lowering, layer: _Convolution, element: Attribute
) -> SSAValue:
    """2n as a float, clamped; times a multiplier, plus a bias; rounded if the result is int8."""
    quantized = element if isinstance(element, UniformQuantizedType) else None
    scale = 1.0 if quantized is None else quantized.scale
    zero_point = 0 if quantized is None else quantized.zero_point
    factors = to.array(op.post_activation_multiplier, "a multiplier").astype(np.float64)
    offsets = to.array(op.post_activation_bias, "a bias").astype(np.float64)
    _check_channels("multipliers", factors, layer)
    _check_channels("biases", offsets, layer)
    multiplier = (-factors / scale).astype(np.float32)
    bias = ((offsets + layer.products * factors) / scale + zero_point).astype(np.float32)
    operands = [
        layer.input,
        to.constant(~layer.weights, BIN),
        to.constant(np.full(layer.outputs, layer.products, np.int32), i32),
    ]
    kind = layer.result(f32)
    bounds = _bounds(op.fused_activation_function.data, layer.products)
    value = to.op(Conv2DOp, operands, kind, **bounds, **layer.properties)
    value = to.op(MulOp, [value, to.constant(multiplier, f32)], kind)
    value = to.op(AddOp, [value, to.constant(bias, f32)], kind)
    if quantized is None:
        return value
    ties_even = flag(to.numerics == "lce-device")
    value = to.op(QuantizeOp, [value], layer.result(UNITS), ties_even=ties_even)
    return value if quantized == UNITS else to.op(CastOp, [value], layer.result(quantized))


def _bounds(activation: str, products: int) -> dict[str, Attribute]:
    """The clamp of 2n that is the activation's clamp of the sum K - 2n."""
    low, high = _CLAMPS[activation]
    bounds: dict[str, Attribute] = {}
    if high is not None and high < products:
        bounds["min"] = real(products - high)
    if low is not None and low > -products:
        bounds["max"] = real(products - low)
    return bounds


def _check_channels(what: str, values: Array, layer: _Convolution) -> None:
    if values.shape != (layer.outputs,):
        raise UnsupportedError(f"expected {layer.outputs} {what}, got {values.size}")
