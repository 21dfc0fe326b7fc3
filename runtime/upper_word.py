"""
Requantisation by the upper word of one 64-bit product, which Cortex-M has in a register at once.

The accumulator is doubled first, so that a multiplier of 31 bits and a product's upper word give
what the doubling multiplications of gemmlowp and CMSIS-NN give. Where the contract rounds twice,
ties of negative numbers go the other way in the second rounding: subtracting 1 from the upper word
of a negative accumulator does that. Whatever the form, it is only used where it is proven equal to
the contract by its thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from nnc.dialects.nn.fixed_point import Ints, saturate
from nnc.dialects.utils import Rounding
from nnc.runtime.requantize import Requantization, equal, fit_affine

LARGEST = (1 << 30) - 1
"""The largest accumulator that can be doubled."""


@dataclass(frozen=True)
class UpperWord:
    """
    `clamp((((2 * acc * multiplier + constant) >> 32) - below) >> shift, low, high)` for each
    channel, where `below` is 1 if `fix` is set, the accumulator negative and the shift not 0.
    """

    multiplier: Ints
    constant: Ints
    shift: Ints
    fix: bool
    low: int
    high: int

    @cached_property
    def _corrections(self) -> Ints:
        return (self.fix & (self.shift > 0)).astype(np.int64)[:, np.newaxis]

    def evaluate(self, acc: Ints) -> Ints:
        product = 2 * acc * self.multiplier[:, np.newaxis] + self.constant[:, np.newaxis]
        upper = (product >> 32) - np.where(acc < 0, self._corrections, 0)
        return saturate(upper >> self.shift[:, np.newaxis], self.low, self.high)

    def estimate(self, outputs: Ints) -> npt.NDArray[np.float64]:
        reached = outputs * 2.0 ** (32 + self.shift[:, np.newaxis]) - self.constant[:, np.newaxis]
        with np.errstate(divide="ignore"):
            return reached / (2.0 * self.multiplier[:, np.newaxis])

    def is_monotone(self, acc_lo: Ints, acc_hi: Ints) -> npt.NDArray[np.bool_]:
        sums = [2.0 * acc * self.multiplier + self.constant for acc in (acc_lo, acc_hi)]
        fits = [np.abs(total) < 2.0**63 - 2.0**53 for total in sums]
        small = (acc_lo >= -LARGEST) & (acc_hi <= LARGEST)
        return (self.multiplier > 0) & small & fits[0] & fits[1]


def fit_upper_word(contract: Requantization, acc_lo: Ints, acc_hi: Ints) -> UpperWord | None:
    """
    A form equal to the contract for all accumulators of `[acc_lo, acc_hi]`, one pair of bounds for
    each channel, or None. Forms without correction come first, as they are shorter.
    """
    if acc_lo.min() < -LARGEST or acc_hi.max() > LARGEST:
        return None
    found = _affine(contract, acc_lo, acc_hi)
    if found is None and contract.rounding is Rounding.DOUBLE:
        found = _double(contract, acc_lo.size)
    proven = found is not None and equal(contract, found, acc_lo, acc_hi).all()
    return found if proven else None


def _affine(contract: Requantization, acc_lo: Ints, acc_hi: Ints) -> UpperWord | None:
    form = fit_affine(contract, acc_lo, acc_hi)
    # A shift of 31 is that of the upper word, as the accumulator is doubled.
    if form is None or form.shift.min() < 31:
        return None
    return UpperWord(
        form.multiplier, 2 * form.constant, form.shift - 31, False, form.low, form.high
    )


def _double(contract: Requantization, channels: int) -> UpperWord | None:
    multiplier, shift = (np.broadcast_to(it[:, 0], channels) for it in contract.fixed)
    if shift.max() > 0:
        return None
    right = -shift
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    rounding = half + (contract.zero_point << right)
    constant = (rounding << 32) + (1 << 31)
    return UpperWord(multiplier, constant, right, True, contract.low, contract.high)
