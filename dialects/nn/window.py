"""The geometry of a window that slides over the two spatial axes of an NHWC tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.loops import IRScalar, LoopBuilder

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Axis:
    """
    One spatial axis: `output` positions, each a window of `kernel` taps that are `dilation` apart
    and start at `position * stride - before` of an input of `extent` positions.
    """

    extent: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def reach(self) -> int:
        """Input positions that a window spans."""
        return (self.kernel - 1) * self.dilation + 1

    def verify(self, name: str) -> None:
        """Raises `VerifyException` unless the output extent follows from the rest."""
        padded = self.extent + self.before + self.after
        expected = (padded - self.reach) // self.stride + 1
        if self.reach > padded or self.output != expected:
            raise VerifyException(f"expected an output {name} of {expected}, got {self.output}")

    def inside(self, b: LoopBuilder, position: IRScalar) -> tuple[IRScalar | int, IRScalar | int]:
        """The range of taps that lie inside the input, at an output position."""
        first = -self.before
        last = (self.output - 1) * self.stride - self.before + self.reach - 1
        low: IRScalar | int = 0
        high: IRScalar | int = self.kernel
        if first < 0:
            outside = self.before - position * self.stride + (self.dilation - 1)
            low = outside.divide(self.dilation).max(0)
        if last >= self.extent:
            room = self.extent + self.before - position * self.stride + (self.dilation - 1)
            high = room.divide(self.dilation).min(self.kernel)
        return low, high

    def coordinate(self, position: IRScalar, tap: IRScalar) -> IRScalar:
        """The input position of a tap."""
        return position * self.stride + tap * self.dilation - self.before

    def reads(self) -> bool:
        """Whether each window has a tap inside the input."""
        taps = self.taps()
        return bool(((taps >= 0) & (taps < self.extent)).any(axis=1).all())

    def taps(self) -> npt.NDArray[np.int64]:
        """Input positions [output, kernel]; those outside the input are below 0 or too large."""
        starts = np.arange(self.output) * self.stride - self.before
        return starts[:, None] + np.arange(self.kernel) * self.dilation


@dataclass(frozen=True)
class Window:
    """A window over height and width."""

    height: Axis
    width: Axis

    def verify(self) -> None:
        """Raises `VerifyException` unless both output extents follow from the geometry."""
        self.height.verify("height")
        self.width.verify("width")

    def reads(self) -> bool:
        """Whether each window has a tap inside the input."""
        return self.height.reads() and self.width.reads()

    def patches(self, image: Array, outside: float) -> Array:
        """
        Every tap of every window: [N, OH, OW, KH, KW, C] of an [N, H, W, C] image; taps outside
        the image read `outside`.
        """
        rows, columns = self.height.taps(), self.width.taps()
        before = max(0, -int(rows.min())), max(0, -int(columns.min()))
        after = (
            max(0, int(rows.max()) + 1 - self.height.extent),
            max(0, int(columns.max()) + 1 - self.width.extent),
        )
        padded = np.pad(
            image,
            ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)),
            constant_values=outside,
        )
        y = (rows + before[0])[:, None, :, None]
        x = (columns + before[1])[None, :, None, :]
        return padded[:, y, x]
