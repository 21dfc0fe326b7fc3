"""
The quantised operators of ONNX in plain numpy: the authority that integer layers are tested with.

Each function takes stored integers and gives stored integers. Sums of products are exact integers,
which are then scaled by a float32 multiplier and rounded to the nearest integer, ties to even, as
ONNX Runtime's `MlasRequantizeOutput` does. Sums, products and functions of tensors are what the
definitions of DequantizeLinear and QuantizeLinear spell out in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
F = np.float32


@dataclass(frozen=True)
class Scale:
    """Scales and zero points: one of each, or one for each index along an axis."""

    scale: Array
    zero: Array
    storage: str

    @staticmethod
    def of(scale: float, zero: int, storage: str) -> Scale:
        """One scale and one zero point."""
        return Scale(np.asarray(scale, F), np.asarray(zero, storage), storage)

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest stored value."""
        info = np.iinfo(self.storage)
        return int(info.min), int(info.max)

    def numbers(self, codes: Array, axis: int = 0) -> Array:
        """Stored values less their zero points, int64."""
        return codes.astype(np.int64) - along(self.zero.astype(np.int64), codes.ndim, axis)

    def real(self, codes: Array, axis: int = 0) -> Array:
        """DequantizeLinear: the product of a scale and a number, in float32."""
        return self.numbers(codes, axis).astype(F) * along(self.scale, codes.ndim, axis)

    def store(self, numbers: Array) -> Array:
        """Whole numbers plus the zero point, saturated."""
        whole = np.nan_to_num(numbers.astype(np.float64)) + int(self.zero)
        return np.clip(whole, *self.limits).astype(self.storage)

    def quantize(self, real: Array) -> Array:
        """QuantizeLinear: a quotient in float32, rounded to the nearest integer, ties to even."""
        return self.store(np.rint(real.astype(F) / self.scale))


def along(values: Array, rank: int, axis: int) -> Array:
    """A number for each index along an axis, to broadcast; a single one as it is."""
    if values.ndim == 0:
        return values
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


def scaled(total: Array, x: Scale, w: Scale, y: Scale, axis: int) -> Array:
    """Sums of products in units of the output, stored."""
    factor = (x.scale * w.scale).astype(F) / y.scale
    return y.store(np.rint(total.astype(F) * along(factor, total.ndim, axis)))


def products(
    x: Array,
    w: Array,
    pads: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int,
) -> Array:
    """The sums of a convolution of whole numbers, NCHW and OIHW; what is around the image is 0."""
    top, left, bottom, right = pads
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    outputs, depth, kernel_h, kernel_w = w.shape
    height = (x.shape[2] - (kernel_h - 1) * dilations[0] - 1) // strides[0] + 1
    width = (x.shape[3] - (kernel_w - 1) * dilations[1] - 1) // strides[1] + 1
    total = np.zeros((x.shape[0], outputs, height, width), np.int64)
    per_group = outputs // groups
    for o in range(outputs):
        first = o // per_group * depth
        for i in range(depth):
            for ky in range(kernel_h):
                for kx in range(kernel_w):
                    rows = slice(ky * dilations[0], ky * dilations[0] + height * strides[0], None)
                    columns = slice(kx * dilations[1], kx * dilations[1] + width * strides[1], None)
                    part = x[:, first + i, rows, columns][:, :: strides[0], :: strides[1]]
                    total[:, o] += part[:, :height, :width] * w[o, i, ky, kx]
    return total


def conv(
    x: Array,
    xs: Scale,
    w: Array,
    ws: Scale,
    ys: Scale,
    bias: Array | None = None,
    *,
    pads: Sequence[int] = (0, 0, 0, 0),
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Array:
    """QLinearConv."""
    total = products(xs.numbers(x), ws.numbers(w, 0), pads, strides, dilations, groups)
    if bias is not None:
        total = total + along(bias.astype(np.int64), 4, 1)
    return scaled(total, xs, ws, ys, 1)


def matmul(a: Array, s: Scale, b: Array, bs: Scale, ys: Scale, bias: Array | None = None) -> Array:
    """QLinearMatMul, and QGemm where there is a bias; scales of `b` may be one for each column."""
    total = s.numbers(a) @ bs.numbers(b, b.ndim - 1)
    if bias is not None:
        total = total + bias.astype(np.int64)
    return scaled(total, s, bs, ys, total.ndim - 1)


def add(a: Array, s: Scale, b: Array, bs: Scale, ys: Scale) -> Array:
    """QLinearAdd."""
    return ys.quantize(s.real(a) + bs.real(b))


def mul(a: Array, s: Scale, b: Array, bs: Scale, ys: Scale) -> Array:
    """QLinearMul."""
    return ys.quantize(s.real(a) * bs.real(b))


def function(compute: Callable[[Array], Array]) -> Callable[[Array, Scale, Scale], Array]:
    """A function of one tensor, float64 inside, float32 before and behind it."""

    def apply(x: Array, s: Scale, ys: Scale) -> Array:
        with np.errstate(over="ignore"):
            return ys.quantize(compute(s.real(x).astype(np.float64)).astype(F))

    return apply


sigmoid = function(lambda x: 1 / (1 + np.exp(-x)))
"""QLinearSigmoid."""


def leaky_relu(x: Array, s: Scale, ys: Scale, alpha: float) -> Array:
    """QLinearLeakyRelu."""
    real = s.real(x)
    return ys.quantize(np.where(real < 0, real * F(alpha), real))


def softmax(x: Array, s: Scale, ys: Scale) -> Array:
    """QLinearSoftmax over the last axis: shares in float64, rounded once."""
    real = s.real(x).astype(np.float64)
    powers = np.exp(real - real.max(axis=-1, keepdims=True))
    return ys.quantize((powers / powers.sum(axis=-1, keepdims=True)).astype(F))


def concat(parts: Sequence[Array], scales: Sequence[Scale], ys: Scale, axis: int) -> Array:
    """QLinearConcat."""
    each = [ys.quantize(s.real(x)) for x, s in zip(parts, scales, strict=True)]
    return np.concatenate(each, axis)


def average_pool(
    x: Array, s: Scale, ys: Scale, kernel: Sequence[int], strides: Sequence[int]
) -> Array:
    """
    QLinearAveragePool without padding: sums of whole numbers, scaled in float32. ONNX Runtime adds
    the zero point before it rounds.
    """
    ones = np.ones((x.shape[1], 1, *kernel), np.int64)
    total = products(s.numbers(x), ones, (0, 0, 0, 0), strides, (1, 1), x.shape[1])
    factor = s.scale / (ys.scale * F(int(np.prod(kernel))))
    zero = F(int(ys.zero))
    return ys.store(np.rint(total.astype(F) * factor + zero) - zero)


def global_average_pool(x: Array, s: Scale, ys: Scale) -> Array:
    """QLinearGlobalAveragePool."""
    total = s.numbers(x).sum((2, 3), keepdims=True)
    factor = s.scale / (ys.scale * F(x.shape[2] * x.shape[3]))
    return ys.store(np.rint(total.astype(F) * factor))


def conv_integer(x: Array, x_zero: int, w: Array, w_zero: int, pads: Sequence[int]) -> Array:
    """ConvInteger."""
    numbers = x.astype(np.int64) - x_zero, w.astype(np.int64) - w_zero
    return products(*numbers, pads, (1, 1), (1, 1), 1).astype(np.int32)


def matmul_integer(a: Array, a_zero: int, b: Array, b_zero: Array | int) -> Array:
    """MatMulInteger."""
    return ((a.astype(np.int64) - a_zero) @ (b.astype(np.int64) - b_zero)).astype(np.int32)


def dynamic_quantize(x: Array) -> tuple[Array, Array, Array]:
    """DynamicQuantizeLinear: uint8 codes, their scale and their zero point."""
    low, high = F(min(0, x.min())), F(max(0, x.max()))
    scale = (high - low) / F(255)
    scale = scale if scale else F(1)
    zero = np.clip(np.rint(-low / scale), 0, 255).astype(np.uint8)
    return Scale(np.asarray(scale), zero, "uint8").quantize(x), np.asarray(scale), zero
