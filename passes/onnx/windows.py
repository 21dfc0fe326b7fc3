"""
The geometry of windows as ONNX describes it, for one to three spatial axes.

`nn` has windows over planes. A single axis is a plane of height 1; of three axes the first, depth,
is taken apart from the plane of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.lowering import Lowering, Node


@dataclass(frozen=True)
class Geometry:
    """
    Windows over spatial axes: for each axis the kernel, stride, dilation, the paddings before and
    after, and the extent of the result.
    """

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    before: list[int]
    after: list[int]
    extents: list[int]

    @property
    def padding(self) -> list[int]:
        """[top, bottom, left, right], or the first two for one axis."""
        return [pad for pair in zip(self.before, self.after, strict=True) for pad in pair]

    def as_image(self) -> Geometry:
        """The same with two axes: before a single one, an axis of extent 1."""
        if len(self.kernel) == 2:
            return self
        assert len(self.kernel) == 1
        ones, zeros = [1], [0]
        return Geometry(
            ones + self.kernel,
            ones + self.strides,
            ones + self.dilations,
            zeros + self.before,
            zeros + self.after,
            ones + self.extents,
        )

    def only(self, axes: slice) -> Geometry:
        """The same over some of the axes."""
        every = (self.kernel, self.strides, self.dilations, self.before, self.after, self.extents)
        return Geometry(*(values[axes] for values in every))

    def unpadded(self) -> Geometry:
        """The same windows over a tensor that has the padding inside."""
        none = [0] * len(self.kernel)
        return replace(self, before=none, after=none)


def check_spatial(rank: int) -> None:
    """One to three spatial axes. Raises `UnsupportedError`."""
    if rank not in (1, 2, 3):
        raise UnsupportedError(f"expected one to three spatial axes, got {rank}")


def geometry(node: Node, spatial: Sequence[int], kernel: Sequence[int]) -> Geometry:
    """
    The windows of Conv, pooling and the like over axes of these extents.

    Source: the specifications of Conv, MaxPool and AveragePool (`auto_pad`, `pads`, `ceil_mode`).
    """
    rank = len(spatial)
    check_spatial(rank)
    strides = node.ints("strides") or [1] * rank
    dilations = node.ints("dilations") or [1] * rank
    pads = node.ints("pads") or [0] * (2 * rank)
    if not len(kernel) == len(strides) == len(dilations) == rank or len(pads) != 2 * rank:
        raise UnsupportedError(f"expected a kernel, strides, dilations and pads for {rank} axes")
    if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
        raise UnsupportedError("expected positive kernels, strides and dilations, pads from 0")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    auto, ceil = node.string("auto_pad", "NOTSET"), node.int("ceil_mode")
    extents: list[int] = []
    before, after = pads[:rank], pads[rank:]
    for axis, extent in enumerate(spatial):
        stride = strides[axis]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            count = -(-extent // stride)
            total = max(0, (count - 1) * stride + reach[axis] - extent)
            small, large = total // 2, total - total // 2
            upper = auto == "SAME_UPPER"
            before[axis], after[axis] = (small, large) if upper else (large, small)
        else:
            if auto == "VALID":
                before[axis] = after[axis] = 0
            room = extent + before[axis] + after[axis] - reach[axis]
            if room < 0:
                raise UnsupportedError(f"expected an axis of {reach[axis]} or more, got {extent}")
            count = room // stride + 1
            # A window that starts beyond the input and its padding at the start is left out.
            if ceil and room % stride and count * stride < extent + before[axis]:
                count += 1
        extents.append(count)
    return Geometry(list(kernel), strides, dilations, before, after, extents)


def closed(geometry: Geometry, spatial: Sequence[int]) -> Geometry:
    """The same windows with a padding at the end that reaches as far as the last window does."""
    after: list[int] = []
    for axis, extent in enumerate(spatial):
        reach = (geometry.kernel[axis] - 1) * geometry.dilations[axis] + 1
        last = (geometry.extents[axis] - 1) * geometry.strides[axis] + reach
        after.append(max(0, last - extent - geometry.before[axis]))
    return replace(geometry, after=after)


def as_image(to: Lowering, value: SSAValue) -> SSAValue:
    """[N, C, L] or [N, C, H, W] as [N, H, W, C], the height of the former 1."""
    last = to.channels_last(value)
    shape = shape_of(last)
    return last if len(shape) == 4 else to.reshape(last, [shape[0], 1, *shape[1:]])


def from_image(to: Lowering, value: SSAValue, rank: int) -> SSAValue:
    """[N, H, W, C] as [N, C, H, W], or as [N, C, L] where the rank is 3."""
    shape = shape_of(value)
    if rank == 3:
        value = to.reshape(value, [shape[0], *shape[2:]])
    return to.channels_first(value)
