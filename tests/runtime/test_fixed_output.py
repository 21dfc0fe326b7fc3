"""
Outputs by the upper word of one product: whatever constants are found give the contract's output
for everything that a kernel may accumulate, and for layers of usual scales some are found.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.arrays import integers

from nnc.dialects.nn.fixed_point import INT32_MAX
from nnc.dialects.utils import Rounding
from nnc.runtime.fixed_output import Accumulated, FixedOutput, fit_fixed_output
from nnc.runtime.requantize import Requantization

ROUNDINGS = (Rounding.DOUBLE, Rounding.SINGLE, Rounding.F64)


def check(contract: Requantization, source: Accumulated, found: FixedOutput) -> None:
    """All numbers that may be accumulated, without leaving 32 bits."""
    for channel in range(source.base.size):
        numbers = range(int(source.first[channel]), int(source.last[channel]) + 1)
        it = np.array(numbers, np.int64)
        sums = source.base[channel] + source.factor * it
        every = np.broadcast_to(it, (source.base.size, it.size))
        expected = contract.evaluate(np.broadcast_to(sums, every.shape))
        expected = np.broadcast_to(expected, every.shape)[channel]
        np.testing.assert_array_equal(found.evaluate(every)[channel], expected)
        shifted = it << found.left
        product = (shifted * found.multiplier[channel] + (1 << 31)) >> 32
        for offset in (found.offset[channel], found.offset[channel] + found.below[channel]):
            assert np.abs(product + offset).max() <= INT32_MAX
        assert np.abs(shifted).max() <= INT32_MAX
    assert np.abs(found.multiplier).max() <= INT32_MAX


@given(
    rounding=st.sampled_from(ROUNDINGS),
    exponent=st.floats(-9, 1),
    exact=st.booleans(),
    zero_point=st.sampled_from((-128, -3, 0, 127)),
    low=st.sampled_from((-128, -128, 5)),
    largest=st.integers(1, 3000),
    biases=st.lists(st.integers(-4000, 4000), min_size=1, max_size=3),
    counts=st.booleans(),
)
def test_equal_where_found(
    rounding: Rounding,
    exponent: float,
    exact: bool,
    zero_point: int,
    low: int,
    largest: int,
    biases: list[int],
    counts: bool,
) -> None:
    real = 2.0 ** (round(exponent) if exact else exponent)
    contract = Requantization(rounding, np.array([real]), zero_point, low, 127)
    bias = np.array(biases, np.int64)
    source = Accumulated.sums(bias.size, largest + int(np.abs(bias).max()), 16)
    if counts:
        limits = np.clip((largest + bias) // 2, -1, largest)
        base = largest + bias - 2 * (limits + 1)
        source = Accumulated(base, -2, -limits - 1, largest - limits - 1, 16, 12)
    found = fit_fixed_output(contract, source)
    if found is not None:
        check(contract, source, found)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_found_for_usual_layers(rounding: Rounding, spread: float) -> None:
    """Outputs over whose range the sums of a 3x3 convolution of 64 channels are spread."""
    rng = np.random.default_rng(5)
    real = rng.uniform(0.5, 1, 8) * spread / 60
    contract = Requantization(rounding, real, -5, -128, 127)
    assert fit_fixed_output(contract, Accumulated.sums(8, 576 * 128 + 4000, 16)) is not None
    limits = integers(rng, 200, 380, 8)
    contract = Requantization(rounding, real * 60, -5, -128, 127)
    base = 576 + (2 * limits - 576) - 2 * (limits + 1)
    counts = Accumulated(base, -2, -limits - 1, 576 - limits - 1, 16, 12)
    assert fit_fixed_output(contract, counts) is not None


def test_none_where_nothing_fits() -> None:
    """Multipliers that leave 32 bits, and sums that do."""
    contract = Requantization(Rounding.DOUBLE, np.array([0.9]), 0, -128, 127)
    assert fit_fixed_output(contract, Accumulated.sums(1, 1 << 20, 16)) is None
    assert fit_fixed_output(contract, Accumulated.sums(1, (1 << 31) - 1, 16)) is None
