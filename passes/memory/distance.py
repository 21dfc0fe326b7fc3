"""
The distances of the kernels that we have: windows, elements and strided access.

See `nnc.passes.memory.walk` for what a distance is. All are for a kernel that walks its output in
row-major order, or from its end with `backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nnc.passes.memory.walk import Axis, negated, walk_distance

Shape4 = tuple[int, int, int, int]
"""Batch, height, width, channels."""

Writes = Literal["pixel", "element"]
"""
Whether a kernel has read all it needs for a pixel before it writes the first of its channels
("pixel"), or reads anew for each channel ("element").
"""


def window_axis(
    in_extent: int,
    out_extent: int,
    kernel: int,
    stride: int,
    pad: int,
    dilation: int,
    strides: tuple[int, int],
) -> Axis:
    """
    One spatial axis of a convolution or pooling, `pad` being the padding before the first element
    and `strides` the bytes from one index to the next in the input and in the output.
    """
    first: list[int | None] = []
    last: list[int | None] = []
    for index in range(out_extent):
        taps = range(index * stride - pad, index * stride - pad + kernel * dilation, dilation)
        inside = [tap for tap in taps if 0 <= tap < in_extent]
        first.append(inside[0] * strides[0] if inside else None)
        last.append(inside[-1] * strides[0] if inside else None)
    return Axis(tuple(first), tuple(last), strides[1])


def window_distance(
    in_shape: Shape4,
    out_shape: Shape4,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    pad: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    *,
    groups: int = 1,
    in_size: int = 1,
    out_size: int = 1,
    writes: Writes = "pixel",
    row_buffer: bool = False,
    backward: bool = False,
) -> int:
    """
    The distance for a convolution or pooling over NHWC tensors that walks the output pixels in
    row-major order; `in_size` and `out_size` are bytes per element, `pad` is (top, left).

    `groups=1` is a convolution (or a dense layer, with a 1x1 kernel), `groups=channels` a depthwise
    convolution or a pooling. With `row_buffer` the kernel first copies every input row up to the
    last that an output row needs into scratch, and reads nothing but the copies, of which
    `row_buffer_rows` are alive at a time.
    """
    batch, height, width, channels = in_shape
    out_height, out_width, out_channels = out_shape[1:]
    in_pixel, out_pixel = channels * in_size, out_channels * out_size
    in_row, out_row = width * in_pixel, out_width * out_pixel
    in_bytes = batch * height * in_row
    rows = window_axis(
        height, out_height, kernel[0], stride[0], pad[0], dilation[0], (in_row, out_row)
    )
    images = tuple(image * height * in_row for image in range(batch))
    outer = Axis(images, images, out_height * out_row)
    if row_buffer:
        rows = _unread(rows, in_row, backward)
        return walk_distance([outer, rows], in_row, out_row, in_bytes, backward=backward)
    columns = window_axis(
        width, out_width, kernel[1], stride[1], pad[1], dilation[1], (in_pixel, out_pixel)
    )
    if writes == "pixel":
        axes = [outer, rows, columns]
        return walk_distance(axes, in_pixel, out_pixel, in_bytes, backward=backward)
    group = in_pixel // groups
    starts = tuple(c * groups // out_channels * group for c in range(out_channels))
    ends = tuple(start + group - in_size for start in starts)
    axes = [outer, rows, columns, Axis(starts, ends, out_size)]
    return walk_distance(axes, in_size, out_size, in_bytes, backward=backward)


def _unread(rows: Axis, in_row: int, backward: bool) -> Axis:
    """
    The input rows that are new to the buffer at each output row: up to the last that this one
    needs, from the first that this one or a later one does.
    """
    if backward:
        mirrored = Axis(negated(rows.last), negated(rows.first), 0)
        unread = _unread(mirrored, in_row, False)
        return Axis(negated(unread.last), negated(unread.first), rows.out_stride)
    first: list[int | None] = []
    last: list[int | None] = []
    copied: int | None = None
    for index, end in enumerate(rows.last):
        start = min((need for need in rows.first[index:] if need is not None), default=None)
        if copied is not None and start is not None:
            start = max(start, copied + in_row)
        if start is None or end is None or start > end:
            first.append(None)
            last.append(None)
            continue
        first.append(start)
        last.append(end)
        copied = end
    return Axis(tuple(first), tuple(last), rows.out_stride)


def row_buffer_rows(kernel: int, dilation: int = 1) -> int:
    """How many input rows a kernel with a row buffer keeps at a time."""
    return (kernel - 1) * dilation + 1


def elementwise_distance(
    elements: int, in_size: int, out_size: int, *, backward: bool = False
) -> int:
    """
    The distance for a kernel that maps element k to element k, of `in_size` and `out_size` bytes.

    An output of the same or a smaller element size may start where the input does; a larger one
    may when the kernel walks backward.
    """
    growth = in_size - out_size if backward else out_size - in_size
    if elements < 2:
        return -elements * (out_size if backward else in_size)
    return growth * (elements - 1) if growth > 0 else growth


def strided_distance(
    shape: Sequence[int],
    in_strides: Sequence[int],
    in_bytes: int,
    in_size: int,
    out_size: int,
    *,
    in_offset: int = 0,
    backward: bool = False,
) -> int:
    """
    The distance for a kernel that computes each element of its contiguous output, in row-major
    order, from one element of the input, found at `in_offset` plus index times `in_strides` bytes:
    slices, transposes and broadcasts (stride 0), and functions of them.
    """
    axes: list[Axis] = []
    out_stride = out_size
    for extent, in_stride in zip(reversed(shape), reversed(in_strides), strict=True):
        addresses = tuple(index * in_stride for index in range(extent))
        axes.insert(0, Axis(addresses, addresses, out_stride))
        out_stride *= extent
    start = Axis((in_offset,), (in_offset,), 0)
    return walk_distance([start, *axes], in_size, out_size, in_bytes, backward=backward)
