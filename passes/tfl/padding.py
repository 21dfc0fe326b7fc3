"""Padding schemes as numbers."""

from __future__ import annotations

from collections.abc import Sequence

from nnc.passes.nn_builder import UnsupportedError


def output_and_padding(
    padding: str, extent: int, kernel: int, stride: int, dilation: int = 1
) -> tuple[int, int, int]:
    """
    The output extent of one spatial axis and the padding before and after the input.

    What cannot be divided evenly goes to the end. Raises `UnsupportedError` for a window larger
    than an unpadded input. Source: `ComputePaddingHeightWidth` in TFLite's `kernels/padding.h`.
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "VALID":
        if reach > extent:
            raise UnsupportedError(f"expected a window within {extent} positions, got {reach}")
        return (extent - reach) // stride + 1, 0, 0
    output = -(-extent // stride)
    total = max((output - 1) * stride + reach - extent, 0)
    return output, total // 2, total - total // 2


def window_of(
    padding: str,
    image: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int] = (1, 1),
) -> tuple[list[int], list[int]]:
    """Output extents and [top, bottom, left, right] of a window over height and width."""
    axes = [
        output_and_padding(padding, extent, taps, stride, dilation)
        for extent, taps, stride, dilation in zip(image, kernel, strides, dilations, strict=True)
    ]
    return [axis[0] for axis in axes], [pad for axis in axes for pad in axis[1:]]
