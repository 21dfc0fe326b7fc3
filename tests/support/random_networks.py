"""
Random networks of many layers, whose every tensor the reference interpreter can compute.

Layers are appended to a pool of tensors: each takes one or two of them and adds its results, so the
graphs have branches, joins and several outputs. `ops` restricts the operators, so that a test can
ask for what is supported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
from support.draw import ACTIVATIONS, Case, Draw
from support.oracle import TensorInfo, random_inputs, smooth_inputs
from support.tflite_builder import (
    NUMPY_TYPES,
    Option,
    Quantization,
    Tensor,
    TypeName,
    per_axis,
    per_tensor,
)

MOST_ELEMENTS = 3000


class Network:
    """A network under construction: the pool of tensors that layers may take."""

    def __init__(self, draw: Draw, dtype: TypeName, ops: Collection[str]) -> None:
        self.draw = draw
        self.dtype: TypeName = dtype
        self.ops = ops
        self.pool: list[Tensor] = []
        self._taken: set[int] = set()

    @property
    def quantised(self) -> bool:
        """Whether the activations are integers."""
        return self.dtype != "f32"

    def start(self) -> None:
        """Add an input: an image most of the time."""
        draw = self.draw
        shape = (
            (1, draw.integer(4, 12), draw.integer(4, 12), draw.integer(1, 4))
            if draw.chance(0.8)
            else (1, draw.integer(4, 24))
        )
        quantization = draw.quantization(self.dtype, -7, -4)
        self.pool.append(draw.input(shape, self.dtype, quantization))

    def take(self) -> Tensor:
        """One of the tensors, a late one more likely."""
        count = len(self.pool)
        start = max(0, count - 3) if self.draw.chance(0.7) else 0
        return self.draw.pick(*self.pool[start:])

    def partner(self, x: Tensor, *, same_scale: bool) -> Tensor:
        """Another operand for a tensor: one of the pool with its shape, or a constant."""
        alike = [
            other
            for other in self.pool
            if other.shape == x.shape and (not same_scale or other.quantization == x.quantization)
        ]
        if self.draw.chance(0.7):
            return self.draw.pick(*alike)
        shape = self.draw.pick(x.shape, x.shape[-1:], (1,))
        own = x.quantization if same_scale else self.draw.quantization(self.dtype, -7, -4)
        return self.draw.constant(shape, self.dtype, own)

    def scaled(self, scale: float) -> Quantization | None:
        """The quantisation of a result of about the given scale."""
        if not self.quantised:
            return None
        return per_tensor(scale * self.draw.power(-1.5, 1), self.draw.zero_point(self.dtype))

    def rescaled(self, x: Tensor, factor: float = 1.0) -> Quantization | None:
        """The quantisation of a result whose scale is a multiple of that of its operand."""
        return self.scaled(x.scale * factor) if self.quantised else None

    def weights(
        self, shape: Sequence[int], axis: int, x: Tensor, terms: int
    ) -> tuple[Tensor, Tensor, Quantization | None]:
        """Weights, bias and the quantisation of the result of a layer with `terms` products."""
        draw, channels = self.draw, shape[axis]
        if not self.quantised:
            limit = math.sqrt(3 / terms)
            weights = draw.constant(shape, "f32", low=-limit, high=limit)
            return weights, draw.constant((channels,), "f32", low=-1, high=1), None
        scales = [draw.power(-9, -6) for _ in range(channels)]
        one = draw.chance(0.2)
        quantization = per_tensor(scales[0]) if one else per_axis(axis, scales)
        weights = draw.constant(shape, "i8", quantization, low=-127)
        products = [x.scale * scale for scale in quantization.scales]
        units = per_tensor(products[0]) if one else per_axis(0, products)
        reach = terms * (500 if self.dtype == "i8" else 100_000)
        kind: TypeName = "i32" if self.dtype == "i8" else "i64"
        bias = draw.constant((channels,), kind, units, low=-reach, high=reach)
        return weights, bias, self.scaled(max(products) * math.sqrt(terms) * 40)

    def add(
        self,
        op: str,
        inputs: Sequence[Tensor],
        shape: Sequence[int],
        quantization: Quantization | None,
        **options: Option,
    ) -> bool:
        """Append an operator with one result, unless that would be too large."""
        if math.prod(shape) > MOST_ELEMENTS:
            return False
        model = self.draw.model
        result = model.output_of(op, inputs, shape, self.dtype, quantization, **options)
        self.pool.append(result)
        self._taken.update(tensor.index for tensor in inputs)
        return True

    def add_parts(
        self, op: str, inputs: Sequence[Tensor], parts: Sequence[Tensor], **options: Option
    ) -> bool:
        """Append an operator with several results."""
        self.draw.model.op(op, inputs, parts, **options)
        self.pool.extend(parts)
        self._taken.update(tensor.index for tensor in inputs)
        return True

    def finish(self) -> None:
        """Make every tensor that nothing takes an output."""
        given = self._taken.union(tensor.index for tensor in self.draw.model.inputs)
        leaves = [tensor for tensor in self.pool if tensor.index not in given]
        self.draw.model.output(*leaves)


Layer = Callable[[Network, Tensor, str], bool]
"""Appends an operator that takes a tensor of the pool; False where it cannot."""


def _windowed(net: Network, x: Tensor) -> tuple[list[int], list[int], list[int], bool, list[int]]:
    """Filter, stride, dilation, SAME padding and the size of the result."""
    draw = net.draw
    filters = [draw.integer(1, 3), draw.integer(1, 3)]
    strides = [draw.pick(1, 1, 2), draw.pick(1, 1, 2)]
    dilations = [1, 1]
    if draw.chance(0.15):
        strides, dilations = [1, 1], [draw.integer(1, 2), draw.integer(1, 2)]
    reach = [(f - 1) * d + 1 for f, d in zip(filters, dilations, strict=True)]
    sizes = x.shape[1:3]
    same = any(r > size for r, size in zip(reach, sizes, strict=True)) or draw.chance(0.6)
    spans = [size if same else size - r + 1 for size, r in zip(sizes, reach, strict=True)]
    output = [-(-span // stride) for span, stride in zip(spans, strides, strict=True)]
    return filters, strides, dilations, same, output


def _activation(net: Network) -> str:
    return net.draw.pick("NONE", "NONE", *ACTIVATIONS)


def _convolution(net: Network, x: Tensor, op: str) -> bool:
    if len(x.shape) != 4:
        return False
    draw, channels = net.draw, x.shape[3]
    filters, strides, dilations, same, output = _windowed(net, x)
    options: dict[str, Option] = {
        "padding": "SAME" if same else "VALID",
        "stride_h": strides[0],
        "stride_w": strides[1],
        "dilation_h_factor": dilations[0],
        "dilation_w_factor": dilations[1],
        "fused_activation_function": _activation(net),
    }
    if op == "DEPTHWISE_CONV_2D":
        times = draw.pick(1, 1, 1, 2)
        shape, axis, terms = (1, *filters, channels * times), 3, math.prod(filters)
        options["depth_multiplier"] = times
    else:
        grouped = net.dtype != "i16" and channels % 2 == 0 and draw.chance(0.2)
        groups = 2 if grouped else 1
        outputs = draw.integer(1, 8) * groups
        terms = math.prod(filters) * channels // groups
        shape, axis = (outputs, *filters, channels // groups), 0
    weights, bias, quantization = net.weights(shape, axis, x, terms)
    result = (x.shape[0], *output, shape[axis])
    return net.add(op, [x, weights, bias], result, quantization, **options)


def _dense(net: Network, x: Tensor, op: str) -> bool:
    outputs, features = net.draw.integer(1, 12), x.shape[-1]
    weights, bias, quantization = net.weights((outputs, features), 0, x, features)
    return net.add(
        op,
        [x, weights, bias],
        (*x.shape[:-1], outputs),
        quantization,
        keep_num_dims=len(x.shape) > 2,
        fused_activation_function=_activation(net),
    )


def _arithmetic(net: Network, x: Tensor, op: str) -> bool:
    other = net.partner(x, same_scale=False)
    quantization = None
    if net.quantised:
        wide = 127 if net.dtype == "i8" else 32767
        product = x.scale * other.scale * wide
        quantization = net.scaled(product if op == "MUL" else max(x.scale, other.scale))
    options: dict[str, Option] = {"fused_activation_function": _activation(net)}
    if net.dtype == "i16" and op != "MUL":
        options["pot_scale_int16"] = False
    return net.add(op, [x, other], x.shape, quantization, **options)


def _extremum(net: Network, x: Tensor, op: str) -> bool:
    return net.add(op, [x, net.partner(x, same_scale=True)], x.shape, x.quantization)


def _pool(net: Network, x: Tensor, op: str) -> bool:
    if len(x.shape) != 4:
        return False
    filters, strides, dilations, same, output = _windowed(net, x)
    if dilations != [1, 1]:
        return False
    return net.add(
        op,
        [x],
        (x.shape[0], *output, x.shape[3]),
        x.quantization,
        padding="SAME" if same else "VALID",
        stride_h=strides[0],
        stride_w=strides[1],
        filter_height=filters[0],
        filter_width=filters[1],
        fused_activation_function=_activation(net),
    )


def _mean(net: Network, x: Tensor, op: str) -> bool:
    if len(x.shape) != 4:
        return False
    keep = net.draw.chance(0.5)
    shape = (x.shape[0], 1, 1, x.shape[3]) if keep else (x.shape[0], x.shape[3])
    axes = net.draw.integers([1, 2])
    quantization = net.rescaled(x, 0.5) if op == "MEAN" else x.quantization
    return net.add(op, [x, axes], shape, quantization, keep_dims=keep)


def _rescaling(net: Network, x: Tensor, op: str) -> bool:
    options: dict[str, Option] = {}
    if op == "LEAKY_RELU":
        options["alpha"] = net.draw.power(-5, -1)
    return net.add(op, [x], x.shape, net.rescaled(x), **options)


def _prelu(net: Network, x: Tensor, op: str) -> bool:
    draw, shape = net.draw, x.shape[-1:]
    if net.quantised:
        slopes = draw.constant(shape, "i8", draw.quantization("i8", -9, -7))
    else:
        slopes = draw.constant(shape, "f32", low=-0.5, high=0.5)
    return net.add(op, [x, slopes], x.shape, net.rescaled(x))


def _bounded(net: Network, x: Tensor, op: str) -> bool:
    """Functions whose result has a fixed quantisation."""
    fixed: dict[tuple[str, str], Quantization] = {
        ("LOGISTIC", "i8"): per_tensor(1 / 256, -128),
        ("TANH", "i8"): per_tensor(1 / 128, 0),
        ("SOFTMAX", "i8"): per_tensor(1 / 256, -128),
        ("L2_NORMALIZATION", "i8"): per_tensor(1 / 128, 0),
        ("LOGISTIC", "i16"): per_tensor(1 / 32768),
        ("TANH", "i16"): per_tensor(1 / 32768),
        ("SOFTMAX", "i16"): per_tensor(1 / 32768),
    }
    if net.quantised and (op, net.dtype) not in fixed:
        return False
    # Above a scale of 1 the reference's 16-bit functions overflow.
    if net.dtype == "i16" and x.scale > 1:
        return False
    # The reference aborts when 512 equal numbers go through an int8 softmax.
    if op == "SOFTMAX" and x.shape[-1] >= 512:
        return False
    options: dict[str, Option] = {"beta": 1.0} if op == "SOFTMAX" else {}
    return net.add(op, [x], x.shape, fixed.get((op, net.dtype)), **options)


def _hard_swish(net: Network, x: Tensor, op: str) -> bool:
    if net.dtype == "i16":
        return False
    return net.add(op, [x], x.shape, net.rescaled(x))


def _requantize(net: Network, x: Tensor, op: str) -> bool:
    return net.quantised and net.add(op, [x], x.shape, net.rescaled(x))


def _pad(net: Network, x: Tensor, op: str) -> bool:
    draw = net.draw
    amounts = [[0, 0]] + [[draw.integer(0, 2), draw.integer(0, 2)] for _ in x.shape[1:]]
    shape = [size + sum(pair) for size, pair in zip(x.shape, amounts, strict=True)]
    if op == "MIRROR_PAD":
        amounts = [[min(a, n), min(b, n)] for (a, b), n in zip(amounts, x.shape, strict=True)]
        shape = [size + sum(pair) for size, pair in zip(x.shape, amounts, strict=True)]
    paddings = draw.model.constant(amounts, "i32")
    options: dict[str, Option] = {"mode": "SYMMETRIC"} if op == "MIRROR_PAD" else {}
    return net.add(op, [x, paddings], shape, x.quantization, **options)


def _concatenation(net: Network, x: Tensor, op: str) -> bool:
    axis = net.draw.integer(1, len(x.shape) - 1)

    def rest(tensor: Tensor) -> tuple[int, ...]:
        return tensor.shape[:axis] + tensor.shape[axis + 1 :]

    alike = [
        other
        for other in net.pool
        if len(other.shape) == len(x.shape)
        and rest(other) == rest(x)
        and other.quantization == x.quantization
    ]
    parts = [x, *(net.draw.pick(*alike) for _ in range(net.draw.integer(1, 2)))]
    shape = list(x.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    signed = axis - len(shape) if net.draw.chance(0.5) else axis
    return net.add(op, parts, shape, x.quantization, axis=signed)


def _reshape(net: Network, x: Tensor, op: str) -> bool:
    draw = net.draw
    sizes = list(x.shape[1:])
    if len(sizes) == 3:
        h, w, c = sizes
        sizes = draw.pick([h * w * c], [h * w, c], [w, h, c], [h, w * c])
    elif sizes[0] % 2 == 0:
        sizes = draw.pick([sizes[0] // 2, 2, *sizes[1:]], [math.prod(sizes)])
    shape = [x.shape[0], *sizes]
    if len(shape) > 4:
        return False
    return net.add(op, [x, draw.integers(shape)], shape, x.quantization, new_shape=shape)


def _transpose(net: Network, x: Tensor, op: str) -> bool:
    order = list(range(1, len(x.shape)))
    net.draw.random.shuffle(order)
    order = [0, *order]
    shape = [x.shape[axis] for axis in order]
    return net.add(op, [x, net.draw.integers(order)], shape, x.quantization)


def _resize(net: Network, x: Tensor, op: str) -> bool:
    if len(x.shape) != 4:
        return False
    draw = net.draw
    size = [draw.integer(1, 12), draw.integer(1, 12)]
    align = draw.chance(0.3)
    shape = (x.shape[0], *size, x.shape[3])
    half = not align and draw.chance(0.5)
    return net.add(
        op,
        [x, draw.integers(size)],
        shape,
        x.quantization,
        align_corners=align,
        half_pixel_centers=half,
    )


def _split(net: Network, x: Tensor, op: str) -> bool:
    axis = net.draw.integer(1, len(x.shape) - 1)
    count = net.draw.pick(2, 3)
    if x.shape[axis] % count:
        return False
    shape = list(x.shape)
    shape[axis] //= count
    model = net.draw.model
    parts = [model.tensor(shape, net.dtype, x.quantization) for _ in range(count)]
    return net.add_parts(op, [net.draw.integers(axis), x], parts, num_splits=count)


def _slice(net: Network, x: Tensor, op: str) -> bool:
    draw = net.draw
    begin = [0, *(draw.integer(0, size // 2) for size in x.shape[1:])]
    end = [draw.integer(first + 1, size) for first, size in zip(begin, x.shape, strict=True)]
    end[0] = x.shape[0]
    if op == "SLICE":
        shape = [last - first for first, last in zip(begin, end, strict=True)]
        inputs = [x, draw.integers(begin), draw.integers(shape)]
    else:
        strides = [1, *(draw.pick(1, 2) for _ in x.shape[1:])]
        rows = zip(begin, end, strides, strict=True)
        shape = [len(range(*row)) for row in rows]
        inputs = [x, *(draw.integers(row) for row in (begin, end, strides))]
    return net.add(op, inputs, shape, x.quantization)


def _blocks(net: Network, x: Tensor, op: str) -> bool:
    if len(x.shape) != 4 or net.dtype == "i16":
        return False
    n, h, w, c = x.shape
    if op == "DEPTH_TO_SPACE":
        fits, shape = c % 4 == 0, (n, 2 * h, 2 * w, c // 4)
    else:
        fits, shape = h % 2 == 0 and w % 2 == 0, (n, h // 2, w // 2, 4 * c)
    return fits and net.add(op, [x], shape, x.quantization, block_size=2)


LAYERS: dict[str, Layer] = {
    "ABS": _rescaling,
    "ADD": _arithmetic,
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEPTH_TO_SPACE": _blocks,
    "FULLY_CONNECTED": _dense,
    "HARD_SWISH": _hard_swish,
    "L2_NORMALIZATION": _bounded,
    "LEAKY_RELU": _rescaling,
    "LOGISTIC": _bounded,
    "MAXIMUM": _extremum,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MINIMUM": _extremum,
    "MIRROR_PAD": _pad,
    "MUL": _arithmetic,
    "PAD": _pad,
    "PRELU": _prelu,
    "QUANTIZE": _requantize,
    "REDUCE_MAX": _mean,
    "RELU": _rescaling,
    "RELU6": _rescaling,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SLICE": _slice,
    "SOFTMAX": _bounded,
    "SPACE_TO_DEPTH": _blocks,
    "SPLIT": _split,
    "STRIDED_SLICE": _slice,
    "SUB": _arithmetic,
    "TANH": _bounded,
    "TRANSPOSE": _transpose,
}
"""What each operator needs and makes, by name."""

NETWORK_OPS: tuple[str, ...] = tuple(LAYERS)
"""All operators that random networks are made of."""

_FREQUENT = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "FULLY_CONNECTED")


def random_network(
    seed: int,
    dtype: TypeName = "i8",
    ops: Collection[str] = NETWORK_OPS,
    layers: tuple[int, int] = (3, 12),
) -> Case:
    """
    The network that a seed stands for, of operators of `ops` only, with two samples of inputs.

    `dtype` is that of all activations: `f32`, `i8` or `i16` (weights are int8 then). `layers`
    bounds the count of layers. Raises `ValueError` for an operator that networks are not made of.
    """
    unknown = sorted(set(ops) - LAYERS.keys())
    if unknown:
        raise ValueError(f"expected operators of NETWORK_OPS, got {', '.join(unknown)}")
    draw = Draw(f"network {dtype} {seed}")
    network = Network(draw, dtype, ops)
    for _ in range(draw.pick(1, 1, 1, 2)):
        network.start()
    choices = sorted(ops) + [op for op in _FREQUENT if op in ops] * max(1, len(ops) // 8)
    for _ in range(draw.integer(*layers)):
        order = draw.random.sample(choices, len(choices))
        any(LAYERS[op](network, network.take(), op) for op in order)
    network.finish()
    infos = [_info(tensor) for tensor in draw.model.inputs]
    samples = random_inputs(infos, seed, 1) + smooth_inputs(infos, seed, 1)
    return Case(f"network-{dtype}-{seed}", draw.model.build(), samples)


def _info(tensor: Tensor) -> TensorInfo:
    quantization = tensor.quantization or Quantization((), ())
    return TensorInfo(
        tensor.index,
        tensor.name,
        tensor.shape,
        np.dtype(NUMPY_TYPES[tensor.dtype]),
        quantization.scales,
        quantization.zero_points,
    )
