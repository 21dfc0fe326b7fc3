"""
What CMSIS-NN's functions compute, in numpy and on 64 bits: no blocking, no tricks.

Images are NHWC. Every function gives accumulators or outputs as int64; requantisation is
`nnc.dialects.nn.fixed_point`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnc.dialects.nn import fixed_point

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Window:
    """Geometry of a convolution or pool, height first; `padding` is top and left."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    output: tuple[int, int]

    def patches(self, image: Array, border: int) -> Ints:
        """The inputs of every output: [n, out h, out w, kernel h, kernel w, c]."""
        n, height, width, channels = image.shape
        reach = [
            (self.output[i] - 1) * self.stride[i] + (self.kernel[i] - 1) * self.dilation[i] + 1
            for i in range(2)
        ]
        canvas = np.full(
            (n, *(max(reach[i], image.shape[i + 1] + self.padding[i]) for i in range(2)), channels),
            border,
            np.int64,
        )
        top, left = self.padding
        canvas[:, top : top + height, left : left + width] = image
        rows = self._coordinates(0)[:, None, :, None]
        columns = self._coordinates(1)[None, :, None, :]
        return canvas[:, rows, columns]

    def _coordinates(self, axis: int) -> Ints:
        outputs = np.arange(self.output[axis])[:, None] * self.stride[axis]
        return outputs + np.arange(self.kernel[axis]) * self.dilation[axis]


def convolve(image: Array, filters: Array, window: Window, groups: int) -> Ints:
    """Sums of an image whose zero point is already taken off."""
    patches = window.patches(image, 0)
    n, height, width = patches.shape[:3]
    depth, outputs = filters.shape[3], filters.shape[0] // groups
    sums = np.zeros((n, height, width, filters.shape[0]), np.int64)
    for group in range(groups):
        part = patches[..., group * depth : (group + 1) * depth].reshape(n, height, width, -1)
        chosen = slice(group * outputs, (group + 1) * outputs)
        sums[..., chosen] = part @ filters[chosen].reshape(outputs, -1).astype(np.int64).T
    return sums


def depthwise(image: Array, filters: Array, window: Window) -> Ints:
    """Sums of an image whose zero point is already taken off; filters are [h, w, outputs]."""
    patches = window.patches(image, 0)
    repeated = np.repeat(patches, filters.shape[2] // image.shape[3], axis=-1)
    return (repeated * filters.astype(np.int64)).sum(axis=(3, 4))


def transpose_convolve(image: Array, filters: Array, window: Window) -> Ints:
    """Every input adds its filter-shaped stamp to the output; stamps are cut at the borders."""
    n, height, width, _ = image.shape
    kernel_h, kernel_w = filters.shape[1:3]
    stride_h, stride_w = window.stride
    canvas = np.zeros(
        (
            n,
            max((height - 1) * stride_h + kernel_h, window.output[0] + window.padding[0]),
            max((width - 1) * stride_w + kernel_w, window.output[1] + window.padding[1]),
            filters.shape[0],
        ),
        np.int64,
    )
    columns = filters.transpose(3, 1, 2, 0).reshape(filters.shape[3], -1).astype(np.int64)
    stamps = (image @ columns).reshape(n, height, width, kernel_h, kernel_w, -1)
    for y in range(height):
        for x in range(width):
            top, left = y * stride_h, x * stride_w
            canvas[:, top : top + kernel_h, left : left + kernel_w] += stamps[:, y, x]
    top, left = window.padding
    return canvas[:, top : top + window.output[0], left : left + window.output[1]]


def average_pool(image: Array, window: Window) -> Ints:
    """Means of the pixels inside the input, ties away from zero."""
    sums = window.patches(image, 0).sum(axis=(3, 4))
    counts = window.patches(np.ones_like(image), 0).sum(axis=(3, 4))
    magnitude = (np.abs(sums) + counts // 2) // counts
    return np.sign(sums) * magnitude


def max_pool(image: Array, window: Window) -> Ints:
    """Maxima of the pixels inside the input."""
    return window.patches(image, -(1 << 20)).max(axis=(3, 4))


def output_s8(
    sums: Array, multiplier: Array, shift: Array, offset: int, clamp: Sequence[int]
) -> Ints:
    """Sums modulo 2^32, requantised with two roundings, moved and clamped."""
    wrapped = fixed_point.wrap32(sums)
    scaled = fixed_point.requantize_double(wrapped, multiplier, shift) + offset
    return np.clip(scaled, clamp[0], clamp[1])


def output_s16(sums: Array, multiplier: Array, shift: Array, clamp: Sequence[int]) -> Ints:
    """48-bit sums requantised with 16 bits of the multiplier, and clamped."""
    return np.clip(fixed_point.requantize_mb64(sums, multiplier, shift), clamp[0], clamp[1])


def interpolate(table: Array, x: Ints) -> Ints:
    """A table of 513 values over the 16-bit numbers, as TFLite's `LUTLookup` reads it."""
    values = table.astype(np.int64)
    index = 256 + (x >> 7)
    slope = values[index + 1] - values[index]
    return values[index] + ((slope * (x & 127) + 64) >> 7)


def softmax_s16(
    rows: Array, multiplier: int, shift: int, exponentials: Array, reciprocals: Array
) -> Ints:
    """TFLite's 16-bit softmax over the last axis."""
    diff = rows.astype(np.int64) - rows.max(axis=-1, keepdims=True)
    scaled = fixed_point.requantize_double(diff, multiplier, shift) + 32767
    exps = interpolate(exponentials, np.clip(scaled, -32768, 32767))
    sums = exps.sum(axis=-1, keepdims=True)
    headroom = 32 - np.vectorize(int.bit_length)(sums.astype(object)).astype(np.int64)
    normal = ((sums << (headroom - 1)) + (1 << 13)) >> 14
    reciprocal = interpolate(reciprocals, normal - 98304)
    return (((exps * reciprocal) >> (30 - headroom)) + 1) >> 1
