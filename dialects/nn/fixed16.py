"""
Gemmlowp's sigmoid and hyperbolic tangent of 16-bit numbers, as scalar programs on `i32`.

A number with k integer bits is `raw / 2^(15 - k)`. Constants are gemmlowp's 32-bit ones, rounded
to 16 bits. Source: gemmlowp's `fixedpoint/fixedpoint.h`, used on 16 bits by the integer LSTM
(TFLite `reference/portable_tensor_utils.cc`).
"""

from __future__ import annotations

from nnc.dialects.nn.base import S
from nnc.dialects.nn.fixed_point import rdbp

_LARGEST, _SMALLEST = (1 << 15) - 1, -(1 << 15)

# exp(-2^k) for k = -2, -1, ... 4, and the numbers of the polynomial and of Newton's method.
_EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_OF_MINUS_EIGHTH, _ONE_THIRD = 1895147668, 715827883
_FORTY_EIGHT_17THS, _MINUS_THIRTY_TWO_17THS = 1515870810, -1010580540


def logistic(x: S) -> S:
    """`1 / (1 + exp(-x))` of a number with 3 integer bits, as one without."""
    magnitude = (x > 0).select(0 - x, x)
    positive = _shift_saturating(_reciprocal(exp_on_negative(magnitude, 3)), 1)
    value = (x > 0).select(positive, _LARGEST - positive)
    return x.eq(0).select(1 << 14, value)


def tanh(x: S, integer_bits: int) -> S:
    """The hyperbolic tangent of a number with that many integer bits, as one without."""
    magnitude = (x < 0).select(x, 0 - x)
    inverse = _reciprocal(exp_on_negative(magnitude, integer_bits + 1))
    positive = _shift_saturating(inverse - (1 << 13), 2)
    return x.eq(0).select(0, (x < 0).select(0 - positive, positive))


def exp_on_negative(x: S, integer_bits: int) -> S:
    """`exp(x)` without integer bits of `x <= 0` with so many."""
    fraction_bits = 15 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder = (x & (quarter - 1)) - quarter
    result = _exp_in_last_quarter(_shift_saturating(remainder, integer_bits))
    rest = remainder - x
    for position, factor in enumerate(_EXP_FACTORS, start=-2):
        if position < integer_bits:
            selected = (rest & (1 << (fraction_bits + position))).ne(0)
            result = selected.select(_high_mul(result, _constant(factor)), result)
    if integer_bits > 5:
        result = (x < -(1 << (20 - integer_bits))).select(0, result)
    return x.eq(0).select(_LARGEST, result)


def _exp_in_last_quarter(x: S) -> S:
    x = x + (1 << 12)
    x2 = _high_mul(x, x)
    x3 = _high_mul(x2, x)
    x4 = _high_mul(x2, x2)
    tail = _high_mul(x4.rdbp(x.lift(2)) + x3, _constant(_ONE_THIRD)) + x2
    constant = _constant(_EXP_OF_MINUS_EIGHTH)
    result = _high_mul(x + tail.rdbp(x.lift(1)), constant) + constant
    return result.clamp(_SMALLEST, _LARGEST)


def _reciprocal(x: S) -> S:
    """`2 / (1 + x)` with 2 integer bits of a number of [0, 1], by three Newton steps."""
    half = (x + (1 << 15)) >> 1
    estimate = _high_mul(half, _constant(_MINUS_THIRTY_TWO_17THS)) + _constant(_FORTY_EIGHT_17THS)
    for _ in range(3):
        error = (1 << 13) - _high_mul(half, estimate)
        estimate = estimate + _shift_saturating(_high_mul(estimate, error), 2)
    return estimate


def _high_mul(a: S, b: S | int) -> S:
    """The upper half of twice a product; its one saturating case does not occur here."""
    return (a * b + (1 << 14)) >> 15


def _shift_saturating(x: S, amount: int) -> S:
    return (x << amount).clamp(_SMALLEST, _LARGEST)


def _constant(raw: int) -> int:
    return int(rdbp(raw, 16))
