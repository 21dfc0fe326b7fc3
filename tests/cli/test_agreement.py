"""What counts as agreement between two tensors."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.agreement import Agreement


def compared(
    actual: object, expected: object, *, zero_point: int = 0, absolute: bool = False
) -> Agreement:
    agreement = Agreement(absolute=absolute)
    agreement.add(np.asarray(actual), np.asarray(expected), zero_point)
    return agreement


def test_equal_integers() -> None:
    same = compared(np.array([1, -128, 127], np.int8), np.array([1, -128, 127], np.int8))
    assert (same.elements, same.mismatches, same.max_error) == (3, 0, 0)
    assert (same.rmse, same.mae, same.l2r, same.cosine) == (0, 0, 0, 1)


def test_integers_may_not_differ_by_one() -> None:
    apart = compared(np.array([-128, 7, 3, 3], np.int8), np.array([127, 7, 3, 4], np.int8))
    assert (apart.mismatches, apart.max_error) == (2, 255)
    assert apart.mae == 64
    assert apart.rmse == pytest.approx(((255**2 + 1) / 4) ** 0.5)


def test_ratios_are_those_of_real_values() -> None:
    stored = compared(np.array([110, 90], np.int8), np.array([110, 100], np.int8), zero_point=100)
    real = compared(np.array([10, -10], np.float32), np.array([10, 0], np.float32))
    assert (stored.l2r, stored.cosine) == (real.l2r, real.cosine) == (1, pytest.approx(0.5**0.5))


def test_samples_add_up() -> None:
    agreement = Agreement()
    for value in (1, 2, 3):
        agreement.add(np.array([value], np.int32), np.array([2], np.int32))
    assert (agreement.elements, agreement.mismatches, agreement.max_error) == (3, 2, 1)


@pytest.mark.parametrize(
    ("actual", "mismatches"), [([1.0, 100.0009], 0), ([1.0009, 100.0], 0), ([1.0, 100.002], 1)]
)
def test_floats_agree_within_their_largest(actual: list[float], mismatches: int) -> None:
    assert (
        compared(np.array(actual, np.float32), np.array([1, 100], np.float32)).mismatches
        == mismatches
    )


@pytest.mark.parametrize(
    ("chance", "error", "mismatches"),
    [(0.5, 5e-6, 0), (0.5, 7e-6, 1), (1e-4, 9e-7, 0), (1e-4, 1.2e-6, 1), (0.999, 1.5e-6, 1)],
)
def test_probabilities_agree_as_their_slope_says(
    chance: float, error: float, mismatches: int
) -> None:
    """Whatever the largest of them is; among floats of any kind each of these would agree."""
    expected = np.array([chance, 0.99999], np.float32)
    actual = np.array([chance + error, 0.99999], np.float32)
    assert compared(actual, expected).mismatches == 0
    assert compared(actual, expected, absolute=True).mismatches == mismatches


def test_probabilities_never_agree_less_strictly_than_floats() -> None:
    expected = np.array([0.2, 0.2], np.float32)
    actual = np.array([0.2, 0.200003], np.float32)
    assert compared(actual, expected).mismatches == 1
    assert compared(actual, expected, absolute=True).mismatches == 1


def test_nan_and_infinity_must_be_in_the_same_places() -> None:
    nan, inf = float("nan"), float("inf")
    expected = np.array([nan, inf, -inf, 1, 1], np.float32)
    assert compared(expected, expected).mismatches == 0
    assert compared(np.array([nan, inf, inf, nan, inf], np.float32), expected).mismatches == 3
    assert compared(np.array([1, 1, 1, 1, 1], np.float32), expected).mismatches == 3


def test_a_reference_of_zeros_has_no_ratio() -> None:
    apart = compared(np.array([1.0], np.float32), np.array([0.0], np.float32))
    assert (apart.l2r, apart.cosine) == (None, None)
