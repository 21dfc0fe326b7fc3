"""Rewrites of convolutions, and what all layers with weights share."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr, TensorType, f32, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.convolution import Conv2DOp, DepthwiseConv2DOp
from nnc.dialects.nn.dynamic import DynamicConv2DOp, DynamicDepthwiseConv2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import convolution as source
from nnc.dialects.types import element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, integer, integers
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.hybrid import hybrid_layer, is_hybrid, same_scales
from nnc.passes.tfl.lowering import Lowering, is_float, quantized, rewrite
from nnc.passes.tfl.padding import window_of


class Operands:
    """Input, weights and bias of a layer as its `nn` op wants them, and how it rounds."""

    def __init__(
        self,
        to: Lowering,
        input: SSAValue,
        weights: SSAValue,
        bias: SSAValue | None,
        result: Attribute,
    ):
        self.input, self.weights = input, weights
        self.bias = bias
        self.rounding: Rounding | None = None
        kinds = element_of(input), element_of(weights)
        if kinds == (f32, f32):
            if bias is not None and not is_float(bias):
                raise UnsupportedError(f"expected a float32 bias, got {element_of(bias)}")
            return
        self._check(result)
        if bias is not None:
            self.bias = to.stored(bias)
        self.rounding = Rounding.MB64 if self.accumulator == i64 else Rounding.DOUBLE

    @property
    def accumulator(self) -> Attribute:
        """The integer type in which a quantised layer accumulates."""
        if self.bias is not None:
            return element_of(self.bias)
        return i64 if quantized(self.input, 8, 16).storage.width.data == 16 else i32

    @property
    def wide(self) -> bool:
        """Whether the activations have 16 bits."""
        kind = element_of(self.input)
        return isinstance(kind, UniformQuantizedType) and kind.storage.width.data == 16

    def _check(self, result: Attribute) -> None:
        activations, output = quantized(self.input, 8, 16), element_of(result)
        weights = element_of(self.weights)
        if not isinstance(weights, UniformQuantizedType):
            raise UnsupportedError(f"expected quantised weights, got {weights}")
        if not isinstance(output, UniformQuantizedType) or output.storage != activations.storage:
            raise UnsupportedError(
                f"expected a result quantised to {activations.storage}, got {output}"
            )
        if self.bias is not None and to_storage(element_of(self.bias)) not in (i32, i64):
            raise UnsupportedError(f"expected an int32 or int64 bias, got {element_of(self.bias)}")


def to_storage(element: Attribute) -> Attribute:
    """The plain integer type of a quantised type, any other type as it is."""
    return element.storage if isinstance(element, UniformQuantizedType) else element


def layer(
    to: Lowering,
    kind: type[AccumulatingOp],
    operands: Operands,
    result: TensorType[Attribute],
    activation: StringAttr,
    **properties: Attribute | None,
) -> SSAValue:
    """The `nn` op of a layer with its fused activation."""
    rounding = None if operands.rounding is None else RoundingAttr(operands.rounding)
    values = [operands.input, operands.weights, operands.bias]
    return activated(
        to,
        activation,
        result,
        lambda bounds: to.op(kind, values, result, rounding=rounding, **bounds, **properties),
    )


def spatial_weights(to: Lowering, weights: SSAValue, axis: int) -> SSAValue:
    """Weights of a convolution, whose per-channel or int8 zero points the kernels do not read."""
    kind = element_of(weights)
    if not isinstance(kind, UniformQuantizedType):
        return weights
    if kind.storage.width.data > 8:
        raise UnsupportedError(
            f"weights quantised to {kind.storage} are not supported", "int8 and int4 weights are"
        )
    if kind.axis not in (None, axis):
        raise UnsupportedError(f"expected weights quantised along axis {axis}, got {kind.axis}")
    if not kind.is_signed or not kind.zero_points.any():
        return weights
    to.remark("zero points of int8 weights are ignored, as in the reference kernels")
    return to.stored_as(weights, without_zero_points(kind))


def _bits(value: SSAValue) -> int:
    """The width of the stored integers of a quantised tensor, 0 of any other."""
    kind = element_of(value)
    return kind.storage.width.data if isinstance(kind, UniformQuantizedType) else 0


def without_zero_points(kind: UniformQuantizedType) -> UniformQuantizedType:
    """The same type with zero points of 0."""
    if kind.axis is None:
        return UniformQuantizedType.per_tensor(kind.storage, kind.scale)
    return UniformQuantizedType.per_axis(
        kind.storage, kind.axis, kind.scales, [0] * len(kind.scales)
    )


def _image(value: SSAValue) -> tuple[int, ...]:
    shape = shape_of(value)
    if len(shape) != 4:
        raise UnsupportedError(f"expected an image of 4 dimensions, got {len(shape)}")
    return shape


def remark_short_bias(to: Lowering, operands: Operands, bias_type: StringAttr) -> None:
    """16x8 layers whose int32 bias the reference kernels read as int64."""
    wide = quantized(operands.input, 8, 16).storage.width.data == 16
    short = operands.bias is not None and element_of(operands.bias) == i32
    if wide and short and bias_type.data != "INT32" and not to.micro:
        to.remark("the int32 bias is added as such; the reference kernels misread it as int64")


@rewrite(source.Conv2DOp)
def _conv2d(op: source.Conv2DOp, to: Lowering) -> SSAValue:
    input, weights = to.value(op.input), spatial_weights(to, to.value(op.filter), 0)
    batch, height, width, channels = _image(input)
    outputs, kernel_height, kernel_width, depth = _image(weights)
    strides = [op.stride_h.value.data, op.stride_w.value.data]
    dilations = [op.dilation_h_factor.value.data, op.dilation_w_factor.value.data]
    if channels % depth or outputs % (channels // depth):
        raise UnsupportedError(f"expected groups of {depth} of {channels} channels")
    extents, padding = window_of(
        op.padding.data, (height, width), (kernel_height, kernel_width), strides, dilations
    )
    result = to.result(op.output, [batch, *extents, outputs])
    properties: dict[str, Attribute] = {
        "strides": integers(strides),
        "dilations": integers(dilations),
        "padding": integers(padding),
        "groups": integer(channels // depth),
    }
    activation, bias = op.fused_activation_function, to.optional(op.bias)
    if is_hybrid(input, weights):
        single = channels == depth and same_scales(weights)
        return hybrid_layer(
            to,
            DynamicConv2DOp,
            input,
            weights,
            bias,
            result,
            activation,
            properties,
            asymmetric=not single,
            weight_scale_first=not single,
        )
    operands = Operands(to, input, weights, bias, result)
    if operands.rounding is not None:
        remark_short_bias(to, operands, op.quantized_bias_type)
    return layer(to, Conv2DOp, operands, result, activation, **properties)


@rewrite(source.DepthwiseConv2DOp)
def _depthwise_conv2d(op: source.DepthwiseConv2DOp, to: Lowering) -> SSAValue:
    input, weights = to.value(op.input), spatial_weights(to, to.value(op.filter), 3)
    batch, height, width, channels = _image(input)
    _, kernel_height, kernel_width, outputs = _image(weights)
    if outputs % channels:
        raise UnsupportedError(f"expected a multiple of {channels} filters, got {outputs}")
    strides = [op.stride_h.value.data, op.stride_w.value.data]
    dilations = [op.dilation_h_factor.value.data, op.dilation_w_factor.value.data]
    extents, padding = window_of(
        op.padding.data, (height, width), (kernel_height, kernel_width), strides, dilations
    )
    result = to.result(op.output, [batch, *extents, outputs])
    properties: dict[str, Attribute] = {
        "strides": integers(strides),
        "dilations": integers(dilations),
        "padding": integers(padding),
    }
    activation, bias = op.fused_activation_function, to.optional(op.bias)
    if is_hybrid(input, weights):
        kind = DynamicDepthwiseConv2DOp
        operands = (input, weights, bias, result, activation)
        return hybrid_layer(to, kind, *operands, properties, asymmetric=True)
    operands = Operands(to, input, weights, bias, result)
    if operands.wide and _bits(weights) == 4 and not to.micro:
        to.remark("int4 weights are read as such; the reference kernel misreads them as int8")
    return layer(to, DepthwiseConv2DOp, operands, result, activation, **properties)
