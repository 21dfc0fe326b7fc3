"""
Requantisation to numbers with bits after the point, by one multiplication and no other rounding.

What kernels accumulate for binary weights does not fill 32 bits. So it is shifted to the left as
far as it goes, and the upper word of its product with the multiplier has enough bits below the
output's unit for an offset to place every threshold where the contract has it. Zero point and
rounding are in the offset, and what else is added to what was accumulated. Where the contract
rounds twice, away from zero, negative and other sums have offsets of their own. An offset is only
found where every threshold fits, which is the proof that the outputs are the contract's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnc.dialects.nn.fixed_point import INT32_MAX, Ints, saturate
from nnc.runtime.requantize import Requantization, thresholds

Bools = npt.NDArray[np.bool_]

FREE = 1 << 30
"""What bounds an offset that nothing else does."""


@dataclass(frozen=True)
class Accumulated:
    """
    What a kernel accumulates: for each channel numbers of `[first, last]`, of which
    `base + factor * it` is the sum; it is shifted `left`, and outputs have `fraction` bits after
    the point.
    """

    base: Ints
    factor: int
    first: Ints
    last: Ints
    left: int
    fraction: int

    @staticmethod
    def sums(channels: int, largest: int, fraction: int) -> Accumulated:
        """Whole sums of at most a size, which are shifted as far as 32 bits allow."""
        left = 31 - max(largest, 1).bit_length()
        most = np.full(channels, largest, np.int64)
        return Accumulated(np.zeros(channels, np.int64), 1, -most, most, left, fraction)


@dataclass(frozen=True)
class FixedOutput:
    """
    `clamp((round((it << left) * multiplier / 2^32) + offset + (below if it < 0)) >> fraction,
    low, high)` for what was accumulated in each channel, rounded half up, on 32 bits but for the
    product.
    """

    multiplier: Ints
    offset: Ints
    below: Ints
    left: int
    fraction: int
    low: int
    high: int

    @property
    def parts(self) -> bool:
        """Whether negative numbers have an offset of their own."""
        return bool(self.below.any())

    def evaluate(self, accumulated: Ints) -> Ints:
        """The outputs for numbers of shape `[channels, n]`."""
        total = _scaled(accumulated, self.left, self.multiplier) + self.offset[:, np.newaxis]
        total += np.where(accumulated < 0, self.below[:, np.newaxis], 0)
        return saturate(total >> self.fraction, self.low, self.high)


def fit_fixed_output(contract: Requantization, source: Accumulated) -> FixedOutput | None:
    """
    A form equal to the contract for everything that may be accumulated, or None where none was
    found; all channels part negative numbers from others, or none does.
    """
    channels = source.base.size
    ends = [source.base + source.factor * it for it in (source.first, source.last)]
    first, last = np.minimum(*ends), np.maximum(*ends)
    if max(-int(first.min()), int(last.max())) > INT32_MAX:
        return None
    if not contract.is_monotone(first, last).all():
        return None
    steps = thresholds(contract, first, last)
    search = _Search(
        source,
        np.broadcast_to(steps, (channels, steps.shape[1])),
        np.arange(contract.low + 1, contract.high + 1),
    )
    real = np.broadcast_to(contract.effective, channels) * source.factor
    nearest = np.rint(real * 2.0 ** (32 + source.fraction - source.left)).clip(-(2.0**32), 2.0**32)
    for parted in (False, True):
        found = search.constants(nearest.astype(np.int64), parted)
        if found is not None:
            return FixedOutput(*found, source.left, source.fraction, contract.low, contract.high)
    return None


@dataclass(frozen=True)
class _Search:
    """Constants behind given thresholds, which are sums `[channels, outputs]`."""

    source: Accumulated
    steps: Ints
    outputs: Ints

    def constants(self, nearest: Ints, parted: bool) -> tuple[Ints, Ints, Ints] | None:
        """Multipliers, as near to the given ones as they have to be, offsets, and those below 0."""
        multiplier = nearest.copy()
        sides = [True, False] if parted else [None]
        bounds = [self._offsets(multiplier, side) for side in sides]
        wrong = np.any([least > most for least, most in bounds], axis=0)
        for channel in np.flatnonzero(wrong).tolist():
            multiplier[channel] = self._multiplier(channel, int(nearest[channel]), sides)
        bounds = [self._offsets(multiplier, side) for side in sides]
        if not all((least <= most).all() for least, most in bounds):
            return None
        offsets = [(least + most) >> 1 for least, most in bounds]
        if not self._in_words(multiplier, offsets):
            return None
        return multiplier, offsets[0], offsets[-1] - offsets[0]

    def _neighbours(self, positive: bool | None) -> tuple[tuple[Ints, Bools], tuple[Ints, Bools]]:
        """
        The last numbers on both sides of each threshold, where it is reached and where it is not,
        and whether they can be accumulated; only those of one sign, if it is given.
        """
        distance = self.steps - self.source.base[:, np.newaxis]
        if self.source.factor > 0:
            reached = -(-distance // self.source.factor)
            missed = reached - 1
        else:
            reached = distance // self.source.factor
            missed = reached + 1
        first, last = self.source.first[:, np.newaxis], self.source.last[:, np.newaxis]
        if positive is not None:
            first = np.maximum(first, 0) if positive else first
            last = last if positive else np.minimum(last, -1)
        # The nearest numbers of this sign, where there are any.
        ascending = self.source.factor > 0
        low, high = (reached, missed) if ascending else (missed, reached)
        low, high = np.maximum(low, first), np.minimum(high, last)
        reached, missed = (low, high) if ascending else (high, low)
        exists = [(it >= first) & (it <= last) for it in (reached, missed)]
        return (reached, exists[0]), (missed, exists[1])

    def _offsets(self, multiplier: Ints, positive: bool | None) -> tuple[Ints, Ints]:
        """The least and the most that each channel's offset may be."""
        (reached, can_reach), (missed, can_miss) = self._neighbours(positive)
        unit = self.outputs << self.source.fraction
        at_reached, at_missed = (
            _scaled(it, self.source.left, multiplier) for it in (reached, missed)
        )
        least = np.where(can_reach, unit - at_reached, -FREE).max(axis=1, initial=-FREE)
        most = np.where(can_miss, unit - 1 - at_missed, FREE).min(axis=1, initial=FREE)
        return least, most

    def _multiplier(self, channel: int, nearest: int, sides: list[bool] | list[None]) -> int:
        """
        One that is well between the slopes that thresholds allow: each pair of a number at which an
        output is reached and one at which another is not bounds the slope between them.
        """
        least, most = -INT32_MAX, INT32_MAX
        for side in sides:
            (reached, can_reach), (missed, can_miss) = self._neighbours(side)
            to, at = can_miss[channel], can_reach[channel]
            run = missed[channel, to][np.newaxis, :] - reached[channel, at][:, np.newaxis]
            rise = self.outputs[to][np.newaxis, :] - self.outputs[at][:, np.newaxis]
            rise = rise.astype(np.int64) << (32 + self.source.fraction - self.source.left)
            up, down = run > 0, run < 0
            most = min(most, int(((rise[up] - 1) // run[up]).min(initial=most)))
            least = max(least, -int(((rise[down] - 1) // -run[down]).min(initial=-least)))
        margin = max(most - least, 0) // 4
        return min(max(nearest, least + margin), most - margin)

    def _in_words(self, multiplier: Ints, offsets: list[Ints]) -> bool:
        """Whether nothing leaves 32 bits."""
        ends = np.stack([self.source.first, self.source.last], axis=1)
        widest = np.abs(_scaled(ends, self.source.left, multiplier)).max(axis=1)
        offset = np.max([np.abs(it) for it in offsets], axis=0)
        fits = (np.abs(multiplier) <= INT32_MAX) & (widest + 2 * offset <= INT32_MAX)
        return bool(fits.all()) and int(np.abs(ends).max()) << self.source.left <= INT32_MAX


def _scaled(accumulated: Ints, left: int, multiplier: Ints) -> Ints:
    """The upper words of the products, rounded."""
    return ((accumulated << left) * multiplier[:, np.newaxis] + (1 << 31)) >> 32
