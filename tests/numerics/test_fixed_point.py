"""The fixed-point functions against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.dialects.nn import fixed_point as fp

int32 = st.integers(fp.INT32_MIN, fp.INT32_MAX)


def nearest_away(value: Fraction) -> int:
    return int(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)


def nearest_up(value: Fraction) -> int:
    return (value + Fraction(1, 2)).__floor__()


@given(int32, int32)
def test_high_mul(a: int, b: int) -> None:
    expected = min(nearest_up(Fraction(a * b, 1 << 31)), fp.INT32_MAX)
    assert int(fp.srdhm(a, b)) == expected


@given(int32, st.integers(0, 62))
def test_division_by_a_power_of_two(x: int, exponent: int) -> None:
    assert int(fp.rdbp(x, exponent)) == nearest_away(Fraction(x, 1 << exponent))


@given(int32, st.integers(0, fp.INT32_MAX), st.integers(-31, 31))
def test_double_rounding(x: int, multiplier: int, shift: int) -> None:
    shifted = int(fp.wrap32(x << max(shift, 0)))
    high = nearest_up(Fraction(shifted * multiplier, 1 << 31))
    expected = nearest_away(Fraction(high, 1 << max(-shift, 0)))
    assert int(fp.requantize_double(x, multiplier, shift)) == expected


@given(int32, st.integers(0, fp.INT32_MAX), st.integers(-31, 30))
def test_single_rounding(x: int, multiplier: int, shift: int) -> None:
    exact = Fraction(x * multiplier) * Fraction(2) ** (shift - 31)
    assert int(fp.requantize_single(x, multiplier, shift)) == nearest_up(exact)


@given(
    st.integers(-(1 << 47), (1 << 47) - 1),
    st.integers(1 << 30, fp.INT32_MAX),
    st.integers(-31, 7),
)
def test_rounding_of_long_accumulators(x: int, multiplier: int, shift: int) -> None:
    reduced = min(nearest_up(Fraction(multiplier, 1 << 16)), 0x7FFF)
    exact = nearest_up(Fraction(x * reduced) * Fraction(2) ** (shift - 15))
    assert int(fp.requantize_mb64(x, multiplier, shift)) == int(fp.wrap32(exact % (1 << 32)))


@given(st.floats(2.0**-40, 2.0**30))
def test_multiplier_is_within_half_a_unit(multiplier: float) -> None:
    q, shift = fp.quantize_multiplier(multiplier)
    if q == 0:
        assert multiplier < 2.0**-32
        return
    assert 1 << 30 <= q < 1 << 31
    error = abs(Fraction(multiplier) - Fraction(q) * Fraction(2) ** (shift - 31))
    assert error <= Fraction(2) ** (shift - 32)


@pytest.mark.parametrize(
    ("multiplier", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (1 - 2.0**-40, (1 << 30, 1)),
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (-0.75, (-3 << 29, 0)),
        (1e-320, (0, 0)),
    ],
)
def test_multipliers_at_the_edges(multiplier: float, expected: tuple[int, int]) -> None:
    assert fp.quantize_multiplier(multiplier) == expected


def test_multipliers_of_an_array_are_those_of_its_elements() -> None:
    generator = np.random.default_rng(0)
    values = generator.choice([-1, 1], 500) * 2.0 ** generator.uniform(-40, 20, 500)
    values[:4] = 0, 1, 1 - 2.0**-40, 2.0**-33
    q, shift = fp.quantize_multipliers(values)
    assert list(zip(q.tolist(), shift.tolist(), strict=True)) == [
        fp.quantize_multiplier(value) for value in values.tolist()
    ]


def test_multipliers_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        fp.quantize_multiplier(float("nan"))
    with pytest.raises(ValueError, match="finite"):
        fp.quantize_multipliers(np.asarray([1.0, np.inf]))


def test_rounding_of_floats_is_exact() -> None:
    below_half = np.asarray([0.49999999999999994, -0.49999999999999994, 2.0**52 + 1])
    assert fp.round_half_away(below_half).tolist() == [0, 0, 2.0**52 + 1]
    ties = np.asarray([0.5, -0.5, 1.5, -2.5], np.float32)
    assert fp.round_half_away(ties).tolist() == [1, -1, 2, -3]
    assert fp.round_half_away(ties).dtype == np.float32


def test_conversion_to_integers_saturates() -> None:
    values = np.asarray([np.inf, -np.inf, np.nan, 1e30, -3.0])
    assert fp.float_to_int(values).tolist() == [fp.INT32_MAX, fp.INT32_MIN, 0, fp.INT32_MAX, -3]


def test_per_channel_multipliers_broadcast() -> None:
    acc = np.arange(-6, 6).reshape(4, 3)
    multipliers, shifts = fp.quantize_multipliers(np.asarray([0.5, 1.0, 3.0]))
    expected = [[-3, -5, -12], [-1, -2, -3], [0, 1, 6], [2, 4, 15]]
    assert fp.requantize_double(acc, multipliers, shifts).tolist() == expected


def test_activation_bounds_stay_within_the_storage() -> None:
    assert fp.activation_bounds(None, None, 0.1, 3, (-128, 127)) == (-128, 127)
    assert fp.activation_bounds(0.0, 6.0, 0.5, -3, (-128, 127)) == (-3, 9)
    assert fp.activation_bounds(-1.0, 1.0, 0.001, 0, (-128, 127)) == (-128, 127)
    assert fp.activation_bounds(0.0, 6.0, 1e-12, 0, (-128, 127)) == (0, 127)
