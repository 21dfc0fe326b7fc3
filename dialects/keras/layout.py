"""
Where the channels are, and how far windows reach: what layers over sequences and images share.

Source: `keras/src/ops/operation_utils.py` (`compute_conv_output_shape`,
`compute_conv_transpose_output_shape`, `compute_pooling_output_shape`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import StringAttr
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import Shape, check_rank
from nnc.dialects.keras.options import Ints, text_option


def data_format_option() -> StringAttr:
    """Where the channels are: behind the spatial axes, or before them."""
    return text_option("channels_last", "channels_first", default="channels_last")


@dataclass(frozen=True)
class Layout:
    """A tensor of a batch, spatial axes and channels, in either order."""

    batch: int
    spatial: tuple[int, ...]
    channels: int
    first: bool

    @staticmethod
    def of(shape: Shape, rank: int, data_format: StringAttr) -> Layout:
        """A shape with `rank` spatial axes. Raises VerifyException for another number of axes."""
        check_rank(shape, rank + 2)
        if data_format.data == "channels_first":
            return Layout(shape[0], shape[2:], shape[1], True)
        return Layout(shape[0], shape[1:-1], shape[-1], False)

    def shape(self, spatial: Sequence[int], channels: int | None = None) -> Shape:
        """A shape in the same order with other sizes."""
        channels = self.channels if channels is None else channels
        if self.first:
            return (self.batch, channels, *spatial)
        return (self.batch, *spatial, channels)


def per_axis(option: Ints, rank: int, what: str, least: int = 1) -> list[int]:
    """
    A number for each spatial axis; one for all of them may be given once. Raises VerifyException.
    """
    values = [int(value) for value in option.get_values()]
    values = values * rank if len(values) == 1 else values
    if len(values) != rank or min(values) < least:
        raise VerifyException(f"expected {what} as {rank} numbers from {least}, got {values}")
    return values


def window_extent(extent: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """The positions of a window along an axis. Raises VerifyException where it does not fit."""
    if padding != "valid":
        return -(-extent // stride)
    reach = (kernel - 1) * dilation + 1
    if reach > extent:
        raise VerifyException(f"expected a window within {extent} positions, got {reach}")
    return (extent - reach) // stride + 1


def transposed_extent(
    extent: int, kernel: int, stride: int, dilation: int, padding: str, extra: int | None
) -> int:
    """The positions along an axis from which a window would give `extent`."""
    reach = (kernel - 1) * dilation + 1
    if extra is None:
        return extent * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    around = reach // 2 if padding == "same" else 0
    return (extent - 1) * stride + reach - 2 * around + extra
