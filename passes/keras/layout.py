"""Images and sequences of either order as images of `nn`, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from nnc.dialects.keras.layout import Layout
from nnc.dialects.types import shape_of
from nnc.passes.keras.lowering import Lowering


@dataclass(frozen=True)
class Images:
    """
    A layer's input as images NHWC; a sequence is one of a single row, so that its steps are next
    to each other. `layout` is that of the input, and of the result.
    """

    to: Lowering
    layout: Layout
    value: SSAValue

    @staticmethod
    def of(to: Lowering, value: SSAValue, layout: Layout) -> Images:
        """The input of a layer over one or two spatial axes."""
        rank = len(layout.spatial)
        if layout.first:
            value = to.transpose(value, [0, *range(2, rank + 2), 1])
        spatial = layout.spatial if rank == 2 else (1, *layout.spatial)
        image = to.reshape(value, [layout.batch, *spatial, layout.channels])
        return Images(to, layout, image)

    def back(self, image: SSAValue) -> SSAValue:
        """The result of a layer in the order of its input."""
        rank = len(self.layout.spatial)
        batch, height, width, channels = shape_of(image)
        spatial = [height, width] if rank == 2 else [width]
        value = self.to.reshape(image, [batch, *spatial, channels])
        order = [0, rank + 1, *range(1, rank + 1)]
        return self.to.transpose(value, order) if self.layout.first else value

    @staticmethod
    def pair(values: Sequence[int], before: int = 1) -> list[int]:
        """A number for rows and columns, from one for each spatial axis."""
        return list(values) if len(values) == 2 else [before, *values]


def padding_of(
    padding: str, extent: int, kernel: int, stride: int, dilation: int
) -> tuple[int, int]:
    """
    The positions before and after an axis that a window reaches. What cannot be divided evenly goes
    to the end. Source: `tf.nn.convolution` ("SAME"), `_compute_causal_padding` of Keras.
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return reach - 1, 0
    output = -(-extent // stride)
    total = max((output - 1) * stride + reach - extent, 0)
    return total // 2, total - total // 2
