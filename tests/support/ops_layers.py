"""Single-operator models: convolutions, dense layers and matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence

from support.draw import Draw
from support.ops_registry import activation_type, listed
from support.tflite_builder import Option, Quantization, Tensor, TypeName, per_axis, per_tensor


class Layer:
    """
    The types, scales and tensors of a layer with weights, in one of its flavours.

    `terms` is how many products an accumulator adds up; the output scale is chosen so that outputs
    fill their range more or less, which includes too much and too little.
    """

    def __init__(self, draw: Draw, op: str, flavour: str, terms: int) -> None:
        self.draw = draw
        self.op = op
        self.flavour = flavour
        self.dtype: TypeName = activation_type(flavour)
        self.terms = terms
        self.input_quantization = draw.quantization(self.dtype)
        self.weights: Quantization | None = None
        self.output_quantization: Quantization | None = None

    def make_weights(self, shape: Sequence[int], axis: int) -> Tensor:
        """The constant weights; `axis` is that of the output channels."""
        draw = self.draw
        if self.flavour == "f32":
            return draw.constant(shape, "f32", low=-1, high=1)
        self.weights = self._weight_quantization(axis, shape[axis])
        if self.input_quantization is not None:
            self._choose_output(self.input_quantization, self.weights)
        if self.flavour == "u8":
            return draw.constant(shape, "u8", self.weights)
        if self.flavour == "i4":
            return draw.constant(shape, "i4", self.weights, low=-7)
        return draw.constant(shape, "i8", self.weights, low=-127)

    def _weight_quantization(self, axis: int, channels: int) -> Quantization:
        draw = self.draw
        if self.flavour == "u8":
            return per_tensor(draw.power(-9, -4), draw.zero_point("u8"))
        if self.flavour == "hybrid" and self.op == "CONV_2D":
            return per_tensor(draw.power(-9, -4))
        if self.flavour in ("hybrid_asymmetric", "i4") and self.op != "FULLY_CONNECTED":
            return per_axis(axis, [draw.power(-9, -4) for _ in range(channels)])
        return draw.weight_quantization(axis, channels)

    def _choose_output(self, source: Quantization, weights: Quantization) -> None:
        draw = self.draw
        typical = max(weights.scales) * source.scales[0] * math.sqrt(self.terms)
        spread = {"i8": 100.0, "u8": 100.0 * math.sqrt(self.terms), "i16": 60.0, "i4": 8.0}
        # Now and then outputs are finer than accumulators: a multiplier above 1.
        factor = draw.power(-9, -4) if draw.chance(0.1) else draw.power(-2, 2)
        scale = typical * spread[self.flavour] * factor
        self.output_quantization = per_tensor(scale, draw.zero_point(self.dtype))

    def make_bias(self, channels: int) -> Tensor:
        """The bias, in units of the accumulator where that is an integer."""
        draw = self.draw
        if self.dtype == "f32":
            return draw.constant((channels,), "f32")
        assert self.input_quantization is not None and self.weights is not None
        source = self.input_quantization.scales[0]
        scales = [source * scale for scale in self.weights.scales]
        quantization = per_tensor(scales[0]) if len(scales) == 1 else per_axis(0, scales)
        reach = {"i4": 30, "i16": 50_000}.get(self.flavour, 500) * self.terms
        kind: TypeName = "i64" if self.dtype == "i16" else "i32"
        return draw.constant((channels,), kind, quantization, low=-reach, high=reach)

    def input(self, shape: Sequence[int]) -> Tensor:
        """The activations."""
        return self.draw.input(shape, self.dtype, self.input_quantization)

    def result(
        self, inputs: Sequence[Tensor | None], shape: Sequence[int], **options: Option
    ) -> Tensor:
        """The layer itself."""
        quantization = self.output_quantization
        return self.draw.result(self.op, inputs, shape, self.dtype, quantization, **options)


class Window:
    """The geometry of a two-dimensional window: filter, stride, dilation and padding."""

    def __init__(self, draw: Draw, sizes: Sequence[int]) -> None:
        self.filter = [draw.integer(1, 4), draw.integer(1, 4)]
        self.stride = [draw.integer(1, 3), draw.integer(1, 3)]
        self.dilation = [1, 1]
        if draw.chance(0.3):
            self.stride, self.dilation = [1, 1], [draw.integer(1, 3), draw.integer(1, 3)]
        reach = [(f - 1) * d + 1 for f, d in zip(self.filter, self.dilation, strict=True)]
        fits = all(r <= size for r, size in zip(reach, sizes, strict=True))
        self.same = not fits or draw.chance(0.5)
        spans = [size if self.same else size - r + 1 for size, r in zip(sizes, reach, strict=True)]
        self.output = [-(-span // s) for span, s in zip(spans, self.stride, strict=True)]

    def options(self, draw: Draw) -> dict[str, Option]:
        """The options of CONV_2D and DEPTHWISE_CONV_2D."""
        return {
            "padding": "SAME" if self.same else "VALID",
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "dilation_h_factor": self.dilation[0],
            "dilation_w_factor": self.dilation[1],
            "fused_activation_function": draw.activation(),
        }


def convolution(draw: Draw, op: str, flavour: str) -> None:
    batch, height, width, channels = draw.image()
    window = Window(draw, (height, width))
    groups = 1
    # Hybrid grouped convolutions with one scale for all channels are refused.
    if flavour in ("f32", "i8") and draw.chance(0.3):
        groups = draw.integer(2, 3)
    channels *= groups
    outputs = draw.integer(1, 6) * groups
    layer = Layer(draw, op, flavour, math.prod(window.filter) * channels // groups)
    x = layer.input((batch, height, width, channels))
    weights = layer.make_weights((outputs, *window.filter, channels // groups), 0)
    options = window.options(draw)
    bias = layer.make_bias(outputs)
    layer.result([x, weights, bias], (batch, *window.output, outputs), **options)


def depthwise(draw: Draw, op: str, flavour: str) -> None:
    batch, height, width, channels = draw.image()
    window = Window(draw, (height, width))
    times = draw.pick(1, 1, 1, 2, 3)
    outputs = channels * times
    layer = Layer(draw, op, flavour, math.prod(window.filter))
    x = layer.input((batch, height, width, channels))
    weights = layer.make_weights((1, *window.filter, outputs), 3)
    options = window.options(draw)
    bias = layer.make_bias(outputs)
    layer.result(
        [x, weights, bias],
        (batch, *window.output, outputs),
        depth_multiplier=times,
        **options,
    )


def dense(draw: Draw, op: str, flavour: str) -> None:
    rows = draw.shape(1, 3, 4)
    features, outputs = draw.integer(1, 40), draw.integer(1, 12)
    layer = Layer(draw, op, flavour, features)
    x = layer.input((*rows, features))
    weights = layer.make_weights((outputs, features), 0)
    bias = layer.make_bias(outputs) if draw.chance(0.75) else None
    keep = draw.chance(0.5)
    shape = (*rows, outputs) if keep else (math.prod(rows), outputs)
    options: dict[str, Option] = {
        "fused_activation_function": draw.activation(),
        "keep_num_dims": keep,
        "asymmetric_quantize_inputs": flavour == "hybrid_asymmetric",
    }
    layer.result([x, weights, bias], shape, **options)


def transpose_convolution(draw: Draw, op: str, flavour: str) -> None:
    batch, height, width, channels = draw.image(5, 5)
    filters = [draw.integer(1, 4), draw.integer(1, 4)]
    strides = [draw.integer(1, 3), draw.integer(1, 3)]
    same = draw.chance(0.5)
    sizes = [
        size * s if same else size * s + max(f - s, 0)
        for size, s, f in zip((height, width), strides, filters, strict=True)
    ]
    outputs = draw.integer(1, 5)
    layer = Layer(draw, op, flavour, channels * max(1, math.prod(filters) // math.prod(strides)))
    x = layer.input((batch, height, width, channels))
    weights = layer.make_weights((outputs, *filters, channels), 0)
    shape = (batch, *sizes, outputs)
    inputs: list[Tensor | None] = [draw.integers(shape), weights, x]
    if draw.chance(0.7):
        inputs.append(layer.make_bias(outputs))
    layer.result(
        inputs,
        shape,
        padding="SAME" if same else "VALID",
        stride_h=strides[0],
        stride_w=strides[1],
    )


def batch_matmul(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    batch = list(draw.shape(0, 2, 3))
    rows, inner, columns = (draw.integer(1, 8) for _ in range(3))
    adjoint = {"adj_x": draw.chance(0.4), "adj_y": draw.chance(0.4)}
    left = [1 if draw.chance(0.3) else size for size in batch]
    right = [1 if draw.chance(0.3) else size for size in batch]
    outer = [max(a, b) for a, b in zip(left, right, strict=True)]
    left += [inner, rows] if adjoint["adj_x"] else [rows, inner]
    right += [columns, inner] if adjoint["adj_y"] else [inner, columns]
    first, second = draw.quantization(dtype), draw.quantization(dtype)
    target = None
    if first is not None and second is not None:
        typical = first.scales[0] * second.scales[0] * math.sqrt(inner)
        spread = 20_000 if dtype == "i16" else 100
        target = per_tensor(typical * spread * draw.power(-2, 2), draw.zero_point(dtype))
    inputs = [draw.input(left, dtype, first), draw.operand(right, dtype, second)]
    draw.result(op, inputs, [*outer, rows, columns], dtype, target, **adjoint)


GENERATORS = [
    *listed(convolution, "f32 i8 u8 i16 i4 hybrid hybrid_asymmetric", "CONV_2D"),
    *listed(depthwise, "f32 i8 u8 i16 i4 hybrid_asymmetric", "DEPTHWISE_CONV_2D"),
    *listed(dense, "f32 i8 u8 i16 i4 hybrid hybrid_asymmetric", "FULLY_CONNECTED"),
    *listed(transpose_convolution, "f32 i8 i16", "TRANSPOSE_CONV"),
    *listed(batch_matmul, "f32 i8 i16", "BATCH_MATMUL"),
]
