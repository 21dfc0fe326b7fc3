"""Affine requantisation formulas against the contracts that they stand for."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.arrays import integers
from support.oracle import Reference

from nnc.dialects.nn.fixed_point import INT32_MAX, INT32_MIN, Ints
from nnc.dialects.utils import Rounding
from nnc.runtime.requantize import (
    Affine,
    Formula,
    Requantization,
    equal,
    fit_affine,
    reachable,
    thresholds,
)

ONCE = [Rounding.SINGLE, Rounding.MB64, Rounding.F64]
INT8 = (-128, 127)


def contract(
    rounding: Rounding,
    *multipliers: float,
    zero_point: int = 0,
    bounds: tuple[int, int] = INT8,
) -> Requantization:
    return Requantization(rounding, np.asarray(multipliers, np.float64), zero_point, *bounds)


def float32_products(generator: np.random.Generator, count: int) -> list[float]:
    """Real multipliers as layers have them: quotients of float32 scales."""
    scales = 2.0 ** generator.uniform([[-7], [-10], [-6]], [[-2], [-4], [-1]], (3, count))
    product = scales.astype(np.float32).astype(np.float64)
    return (product[0] * product[1] / product[2]).tolist()


def assert_same(one: Formula, other: Formula, acc: Ints) -> None:
    assert np.array_equal(one.evaluate(acc), other.evaluate(acc))


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("zero_point", [-128, -3, 127])
def test_thresholds_are_where_the_outputs_change(rounding: Rounding, zero_point: int) -> None:
    reals = [0.0, 1e-12, 0.001, 0.03, 0.5, 0.9, 1.0, 1.7, 40.0]
    formula = contract(rounding, *reals, zero_point=zero_point)
    acc = np.arange(-5000, 4001)
    outputs = formula.evaluate(np.broadcast_to(acc, (len(reals), acc.size)))
    expected = [-5000 + np.searchsorted(row, np.arange(-127, 128)) for row in outputs]
    assert np.array_equal(thresholds(formula, -5000, 4000), expected)


@pytest.mark.parametrize("rounding", ONCE)
def test_fit_is_exact_for_every_accumulator(rounding: Rounding) -> None:
    generator = np.random.default_rng(1)
    for zero_point, bounds in [(-128, INT8), (-128, (-128, 0)), (127, INT8), (11, (11, 90))]:
        formula = contract(
            rounding, *float32_products(generator, 16), zero_point=zero_point, bounds=bounds
        )
        affine = fit_affine(formula, -200_000, 200_000)
        assert affine is not None
        assert_same(affine, formula, np.broadcast_to(np.arange(-200_000, 200_001), (16, 400_001)))


@pytest.mark.parametrize("rounding", ONCE)
def test_fit_over_wide_ranges(rounding: Rounding) -> None:
    generator = np.random.default_rng(2)
    formula = contract(rounding, *float32_products(generator, 200), zero_point=-7)
    low, high = -integers(generator, 1, 1 << 24, 200), integers(generator, 1, 1 << 24, 200)
    affine = fit_affine(formula, low, high)
    assert affine is not None
    assert equal(affine, formula, low, high).all()
    steps = thresholds(formula, low, high)
    near = np.concatenate([steps + offset for offset in (-2, -1, 0, 1)], axis=1)
    spread = integers(generator, 0, 1 << 40, (200, 2000)) % (high - low + 1)[:, np.newaxis]
    acc = np.concatenate([near, spread + low[:, np.newaxis]], axis=1)
    assert_same(affine, formula, np.clip(acc, low[:, np.newaxis], high[:, np.newaxis]))


@settings(max_examples=200)
@given(
    st.sampled_from(list(Rounding)),
    st.floats(2.0**-40, 16.0),
    st.integers(-128, 127),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)),
    st.integers(0, 20),
)
def test_whatever_fits_is_equal(
    rounding: Rounding,
    multiplier: float,
    zero_point: int,
    bounds: tuple[int, int],
    ends: tuple[int, int],
    scale: int,
) -> None:
    low, high = (end << scale for end in sorted(ends))
    bounds = min(bounds), max(bounds)
    formula = contract(rounding, multiplier, zero_point=zero_point, bounds=bounds)
    affine = fit_affine(formula, low, high)
    if affine is None:
        return
    acc = np.unique(np.linspace(low, high, 5000).astype(np.int64))
    steps = thresholds(formula, low, high)[0]
    acc = np.concatenate([acc, steps - 1, steps, [low, high]]).clip(low, high)
    assert_same(affine, formula, acc[np.newaxis])
    assert 0 < int(affine.multiplier[0]) <= INT32_MAX and 1 <= int(affine.shift[0]) <= 62
    ends_64 = [int(affine.multiplier[0]) * end + int(affine.constant[0]) for end in (low, high)]
    assert all(abs(total) < 1 << 63 for total in ends_64)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("multiplier", [0.0, 2.0**-40, 2.0**-33])
def test_a_vanishing_multiplier_gives_the_zero_point(rounding: Rounding, multiplier: float) -> None:
    formula = contract(rounding, multiplier, zero_point=-5)
    affine = fit_affine(formula, INT32_MIN, INT32_MAX)
    assert affine is not None
    assert affine.evaluate(np.asarray([[INT32_MIN, -1, 0, INT32_MAX]])).tolist() == [[-5] * 4]


@pytest.mark.parametrize("multiplier", [0.5, 0.75, 0.999, 1.0, 1.5, 7.3, 130.0])
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_multipliers_without_a_right_shift(multiplier: float, zero_point: int) -> None:
    for rounding in Rounding:
        formula = contract(rounding, multiplier, zero_point=zero_point)
        affine = fit_affine(formula, -3000, 3000)
        if affine is not None:
            assert_same(affine, formula, np.arange(-3000, 3001)[np.newaxis])
    assert fit_affine(contract(Rounding.SINGLE, multiplier), -3000, 3000) is not None


@pytest.mark.parametrize("exponent", [-12, -8, -5, -1, 0, 3])
@pytest.mark.parametrize("rounding", ONCE)
def test_ties_on_both_sides_of_zero(rounding: Rounding, exponent: int) -> None:
    formula = contract(rounding, 2.0**exponent)
    affine = fit_affine(formula, -300_000, 300_000)
    assert affine is not None
    assert_same(affine, formula, np.arange(-300_000, 300_001)[np.newaxis])


def test_two_roundings_fit_where_negative_numbers_are_clamped_away() -> None:
    generator = np.random.default_rng(3)
    formula = contract(Rounding.DOUBLE, *float32_products(generator, 64), zero_point=-128)
    affine = fit_affine(formula, -(1 << 20), 1 << 20)
    assert affine is not None
    assert equal(affine, formula, -(1 << 20), 1 << 20).all()


def test_two_roundings_make_the_middle_step_short_and_then_nothing_fits() -> None:
    formula = contract(Rounding.DOUBLE, 0.00397)
    steps = np.diff(thresholds(formula, -20_000, 20_000)[0])
    assert steps.max() - steps.min() > 1
    assert fit_affine(formula, -20_000, 20_000) is None


def test_a_contract_that_overflows_is_not_fitted() -> None:
    formula = contract(Rounding.DOUBLE, 4.0)
    assert fit_affine(formula, -(1 << 27), 1 << 27) is not None
    assert fit_affine(formula, -(1 << 30), 1 << 30) is None
    assert not equal(formula, formula, -(1 << 30), 1 << 30).any()


def test_equal_tells_channels_apart() -> None:
    formula = contract(Rounding.F64, 0.004, 0.005, 0.006)
    affine = fit_affine(formula, -40_000, 40_000)
    assert affine is not None
    wrong = affine.constant + np.asarray([0, 1 << int(affine.shift[1] - 3), 0])
    changed = Affine(affine.multiplier, wrong, affine.shift, affine.low, affine.high)
    assert equal(changed, formula, -20_000, 20_000).tolist() == [True, False, True]
    clamped = Affine(affine.multiplier, affine.constant, affine.shift, -128, 100)
    assert not equal(clamped, formula, -40_000, 40_000).any()
    assert equal(clamped, formula, -20_000, 10_000).all()


def test_equal_multipliers_get_equal_constants() -> None:
    formula = contract(Rounding.F64, *[0.00421] * 8, zero_point=3)
    high = np.arange(1000, 80_000, 10_000)
    affine = fit_affine(formula, -high, high)
    assert affine is not None
    assert len(set(zip(affine.multiplier.tolist(), affine.constant.tolist(), strict=True))) == 1


def test_wrong_questions_are_refused() -> None:
    wide = contract(Rounding.F64, 0.1, bounds=(-32768, 32767))
    with pytest.raises(ValueError, match="at most 256 output values"):
        fit_affine(wide, 0, 1)
    with pytest.raises(ValueError, match="int32"):
        fit_affine(contract(Rounding.F64, 0.1), 0, 1 << 32)


def test_reachable_is_the_exact_range() -> None:
    weights = np.asarray([[3, -2], [0, 0], [-1, -1]])
    low, high = reachable(weights, np.asarray([5, 6, 7]), -2, 10)
    assert low.tolist() == [-21, 6, -13] and high.tolist() == [39, 6, 11]


def test_every_dense_layer_of_the_anomaly_detector_fits() -> None:
    models = os.environ.get("NNC_MODELS")
    if models is None:
        pytest.skip("set NNC_MODELS to the folder of the reference models")
    reference = Reference((Path(models) / "mlperf_tiny" / "ad_int8.tflite").read_bytes())
    dense = reference.operations("FULLY_CONNECTED")
    assert len(dense) == 10
    for layer in dense:
        (x, weights, bias), (y,) = layer.inputs, layer.outputs
        assert x is not None and weights is not None and bias is not None
        product = np.asarray(x.scales) * np.asarray(weights.scales)
        formula = Requantization(Rounding.F64, product / y.scales[0], y.zero_point, *INT8)
        low, high = reachable(reference.constant(weights), reference.constant(bias), -255, 255)
        affine = fit_affine(formula, low, high)
        assert affine is not None
        assert equal(affine, formula, low, high).all()
