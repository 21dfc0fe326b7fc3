"""
Cheap requantisation formulas, proven equal to the contract's.

An 8-bit output is a step function of its accumulator: at most 255 thresholds for each channel say
everything about it. Two formulas that do not decrease are equal on a range of accumulators if and
only if they start at the same value and have the same thresholds there. So a kernel may use any
cheap formula in place of the framework's (two roundings, a multiplication in double precision, ...)
wherever the thresholds agree, and the compiler finds the constants for which they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nnc.dialects.nn.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    IntLike,
    Ints,
    as_ints,
    quantize_multipliers,
    reduce_multiplier,
    requantize_double,
    requantize_f32,
    requantize_f64,
    requantize_mb64,
    requantize_single,
    saturate,
)
from nnc.dialects.utils import Rounding

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_MAX_SHIFT = 53
_IDLE_SHIFT = 40


class Formula(Protocol):
    """A way from int32 accumulators to clamped outputs, with parameters for each channel."""

    @property
    def low(self) -> int:
        """The smallest output, after the clamp."""
        ...

    @property
    def high(self) -> int:
        """The largest output, after the clamp."""
        ...

    def evaluate(self, acc: Ints) -> Ints:
        """The outputs for accumulators of shape `[channels, n]`."""
        ...

    def estimate(self, outputs: Ints) -> Doubles:
        """
        Roughly where each output is first reached, for outputs of shape `[1, n]`: accumulators of
        shape `[channels, n]`, infinite where they never are. Only the speed of `thresholds` depends
        on how good it is.
        """
        ...

    def is_monotone(self, acc_lo: Ints, acc_hi: Ints) -> Bools:
        """For each channel, whether outputs never decrease (nor overflow) on `[acc_lo, acc_hi]`."""
        ...


@dataclass(frozen=True)
class Requantization:
    """
    A contract: `clamp(round(acc * multiplier) + zero_point, low, high)`, rounded in a given way.

    `multipliers` are the real ones, float64 and not negative, one for each channel.
    """

    rounding: Rounding
    multipliers: Doubles
    zero_point: int
    low: int
    high: int

    @cached_property
    def fixed(self) -> tuple[Ints, Ints]:
        """The fixed-point multipliers and shifts, as columns."""
        q, shift = quantize_multipliers(self.multipliers)
        return q[:, np.newaxis], shift[:, np.newaxis]

    def evaluate(self, acc: Ints) -> Ints:
        return saturate(self._scaled(acc) + self.zero_point, self.low, self.high)

    def _scaled(self, acc: Ints) -> Ints:
        if self.rounding is Rounding.F64:
            return requantize_f64(acc, self.multipliers[:, np.newaxis])
        if self.rounding is Rounding.F32:
            return requantize_f32(acc, self.multipliers[:, np.newaxis])
        scale: Callable[[IntLike, IntLike, IntLike], Ints] = {
            Rounding.DOUBLE: requantize_double,
            Rounding.SINGLE: requantize_single,
            Rounding.MB64: requantize_mb64,
        }[self.rounding]
        return scale(acc, *self.fixed)

    @cached_property
    def effective(self) -> Doubles:
        """The multipliers that the formula really has, after they were cut to its precision."""
        if self.rounding in (Rounding.F64, Rounding.F32):
            return self.multipliers
        q, shift = (column[:, 0] for column in self.fixed)
        mantissa = reduce_multiplier(q) << 16 if self.rounding is Rounding.MB64 else q
        return mantissa * 2.0 ** (shift - 31)

    def estimate(self, outputs: Ints) -> Doubles:
        return _divide(outputs - self.zero_point - 0.5, self.effective[:, np.newaxis])

    def is_monotone(self, acc_lo: Ints, acc_hi: Ints) -> Bools:
        if self.rounding in (Rounding.F64, Rounding.F32):
            return np.ones(np.broadcast(self.multipliers, acc_lo).shape, np.bool_)
        # A left shift of the accumulator must stay within 32 bits, and so must the result.
        left = np.maximum(self.fixed[1][:, 0], 0)
        return (acc_lo << left >= INT32_MIN) & (acc_hi << left <= INT32_MAX)


@dataclass(frozen=True)
class Affine:
    """
    `clamp((acc * multiplier + constant) >> shift, low, high)` on 64 bits, for each channel.

    The constant holds the rounding and the zero point. `0 < multiplier < 2^31`,
    `1 <= shift <= 62`, and the sum stays within 64 bits for the accumulators it was made for.
    """

    multiplier: Ints
    constant: Ints
    shift: Ints
    low: int
    high: int

    def evaluate(self, acc: Ints) -> Ints:
        product = acc * self.multiplier[:, np.newaxis] + self.constant[:, np.newaxis]
        return saturate(product >> self.shift[:, np.newaxis], self.low, self.high)

    def estimate(self, outputs: Ints) -> Doubles:
        reached = outputs * 2.0 ** self.shift[:, np.newaxis] - self.constant[:, np.newaxis]
        return _divide(reached, self.multiplier[:, np.newaxis])

    def is_monotone(self, acc_lo: Ints, acc_hi: Ints) -> Bools:
        sums = (
            acc * self.multiplier.astype(np.float64) + self.constant for acc in (acc_lo, acc_hi)
        )
        fits = [np.abs(total) < 2.0**63 - 2.0**53 for total in sums]
        return (self.multiplier > 0) & fits[0] & fits[1]


def thresholds(formula: Formula, acc_lo: IntLike, acc_hi: IntLike, low: int | None = None) -> Ints:
    """
    The first accumulators at which a formula reaches each output above its smallest.

    The result has shape `[channels, high - low]`: column `j` is the smallest accumulator of
    `[acc_lo, acc_hi]` with an output of at least `low + 1 + j`, or `acc_hi + 1` where there is
    none. `acc_lo` and `acc_hi` are numbers or one for each channel; the formula must not decrease
    between them. `low` counts from another output than the formula's smallest.
    """
    low = formula.low if low is None else low
    outputs = np.arange(low + 1, formula.high + 1).reshape(1, -1)
    first, last = _columns(acc_lo, acc_hi)
    end = last + 1
    guess = np.ceil(np.clip(formula.estimate(outputs), first, end)).astype(np.int64)
    end, first = np.broadcast_to(end, guess.shape), np.broadcast_to(first, guess.shape)

    def reached(acc: Ints) -> Bools:
        return (acc >= end) | (formula.evaluate(np.minimum(acc, end - 1)) >= outputs)

    # The answer lies in [below + 1, above]: a bracket around the guess, widened where it misses.
    width = 2
    below, above = np.maximum(guess - width, first - 1), np.minimum(guess + width, end)
    while width < 1 << 33:
        too_high = (below >= first) & reached(np.maximum(below, first))
        too_low = ~reached(np.maximum(above, first))
        if not (too_high.any() or too_low.any()):
            break
        width <<= 6
        below = np.where(too_high, np.maximum(guess - width, first - 1), below)
        above = np.where(too_low, np.minimum(guess + width, end), above)
    while (above - below > 1).any():
        middle = (below + above + 1) >> 1
        hit = reached(middle)
        above = np.where(hit, middle, above)
        below = np.where(hit, below, middle)
    return above


def equal(one: Formula, other: Formula, acc_lo: IntLike, acc_hi: IntLike) -> Bools:
    """
    For each channel, whether two formulas give the same output on all of `[acc_lo, acc_hi]`.

    False also where one of them decreases or overflows in between: nothing is proven there.
    """
    first, last = _columns(acc_lo, acc_hi)
    low, high = min(one.low, other.low), max(one.high, other.high)
    steps = [_padded(formula, first, last, low, high) for formula in (one, other)]
    monotone = [f.is_monotone(first[:, 0], last[:, 0]) for f in (one, other)]
    return (steps[0] == steps[1]).all(axis=1) & monotone[0] & monotone[1]


def fit_affine(contract: Requantization, acc_lo: IntLike, acc_hi: IntLike) -> Affine | None:
    """
    An affine formula equal to the contract for all accumulators of `[acc_lo, acc_hi]`, or None.

    `acc_lo` and `acc_hi` are numbers or one for each channel, within int32. The search is complete:
    None means that some channel has no fit with a multiplier below 2^31 and a shift of at most 53
    (or that the contract itself overflows in that range). The constants are as near as possible to
    the plain ones, so channels with equal multipliers mostly get equal constants. Raises
    `ValueError` for outputs of more than 256 values and for ranges beyond int32.
    """
    if contract.high - contract.low > 255:
        raise ValueError(f"expected at most 256 output values, got {contract.low}..{contract.high}")
    first, last = (bound[:, 0] for bound in _columns(acc_lo, acc_hi))
    if (first < INT32_MIN).any() or (last > INT32_MAX).any() or (first > last).any():
        raise ValueError("expected a range of int32 accumulators")
    channels = max(contract.multipliers.size, first.size)
    first, last = (np.broadcast_to(bound, channels) for bound in (first, last))
    if not contract.is_monotone(first, last).all():
        return None
    steps = thresholds(contract, first, last)
    steps = np.broadcast_to(steps, (channels, steps.shape[1]))
    fits = _Fits.of(contract, steps, first, last)
    result = fits.best()
    return result if result is not None and result.is_monotone(first, last).all() else None


@dataclass
class _Fits:
    """The search for affine constants behind given thresholds; see `fit_affine`."""

    contract: Requantization
    steps: Ints
    first: Ints
    last: Ints
    outputs: Ints
    shift: Ints
    multiplier: Ints

    @staticmethod
    def of(contract: Requantization, steps: Ints, first: Ints, last: Ints) -> _Fits:
        """The natural candidates: multipliers of 31 bits, nearest to the contract's."""
        real = np.broadcast_to(contract.effective, steps.shape[:1])
        exponent = np.frexp(real)[1].astype(np.int64)
        shift = np.where(real == 0, _IDLE_SHIFT, np.clip(31 - exponent, 1, _MAX_SHIFT))
        multiplier = np.rint(real * 2.0**shift).clip(1, INT32_MAX).astype(np.int64)
        outputs = np.arange(contract.low + 1, contract.high + 1)
        return _Fits(contract, steps, first, last, outputs, shift, multiplier)

    def best(self) -> Affine | None:
        least, most = self._constants()
        for channel in np.flatnonzero(least > most).tolist():
            if not self._search(channel):
                return None
        least, most = self._constants()
        plain = (self.contract.zero_point << self.shift) + ((1 << self.shift) >> 1)
        constant = np.clip(plain, least, most)
        bounds = self.contract.low, self.contract.high
        return Affine(self.multiplier, constant, self.shift, *bounds)

    def _constants(self) -> tuple[Ints, Ints]:
        """The least and the most that each channel's constant may be, given the multiplier."""
        multiplier, shift = self.multiplier[:, np.newaxis], self.shift[:, np.newaxis]
        at_step = (self.outputs << shift) - self.steps * multiplier
        reached = self.steps <= self.last[:, np.newaxis]
        missed = self.steps > self.first[:, np.newaxis]
        limit = np.int64(1 << 62)
        least = np.where(reached, at_step, -limit).max(axis=1, initial=-limit)
        most = np.where(missed, at_step + multiplier - 1, limit).min(axis=1, initial=limit)
        return least, most

    def _search(self, channel: int) -> bool:
        """Find another multiplier for a channel whose nearest one fails."""
        shift = int(self.shift[channel])
        for candidate in (shift, shift + 1, shift - 1):
            if not 1 <= candidate <= _MAX_SHIFT:
                continue
            low, high = self._multipliers(channel, candidate)
            low, high = max(low, 1), min(high, INT32_MAX)
            if low <= high:
                wanted = self.multiplier[channel] * 2.0 ** (candidate - shift)
                self.shift[channel] = candidate
                self.multiplier[channel] = min(max(round(wanted), low), high)
                return True
        return False

    def _multipliers(self, channel: int, shift: int) -> tuple[int, int]:
        """
        All multipliers that some constant goes with: each pair of a threshold that must be reached
        and one that must not be, one accumulator earlier, bounds the slope between them.
        """
        steps = self.steps[channel]
        reached = steps <= self.last[channel]
        missed = steps > self.first[channel]
        run = (steps[missed] - 1)[np.newaxis, :] - steps[reached][:, np.newaxis]
        rise = (self.outputs[missed][np.newaxis, :] - self.outputs[reached][:, np.newaxis]) << shift
        if ((run == 0) & (rise < 1)).any():
            return 1, 0
        right, left = run > 0, run < 0
        at_most = (rise[right] - 1) // run[right]
        at_least = -((rise[left] - 1) // -run[left])
        return int(at_least.max(initial=1)), int(at_most.min(initial=INT32_MAX))


def reachable(
    weights: npt.NDArray[np.integer[npt.NBitBase]], bias: IntLike, low: int, high: int
) -> tuple[Ints, Ints]:
    """
    The smallest and largest accumulator of each output channel.

    `weights` has shape `[channels, inputs]`, `bias` one number for each channel; `low` and `high`
    bound the numbers that the weights are multiplied with (zero point already subtracted).
    """
    wide = as_ints(weights)
    positive = np.maximum(wide, 0).sum(axis=1)
    negative = np.minimum(wide, 0).sum(axis=1)
    return (
        as_ints(bias) + positive * low + negative * high,
        as_ints(bias) + positive * high + negative * low,
    )


def _columns(acc_lo: IntLike, acc_hi: IntLike) -> tuple[Ints, Ints]:
    """Both ends of the range as columns of equal height."""
    first, last = np.broadcast_arrays(*(np.atleast_1d(as_ints(b)) for b in (acc_lo, acc_hi)))
    return first.reshape(-1, 1), last.reshape(-1, 1)


def _divide(numerator: Doubles, denominator: Doubles | Ints) -> Doubles:
    """The quotient, infinite where the denominator is 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return numerator / denominator


def _padded(formula: Formula, first: Ints, last: Ints, low: int, high: int) -> Ints:
    """Thresholds of outputs `low + 1` to `high`, of which the formula may reach fewer."""
    inner = thresholds(formula, first, last, low)
    never = np.broadcast_to(last + 1, (inner.shape[0], high - formula.high))
    return np.concatenate([inner, never], axis=1)
