"""
Gemmlowp's functions as scalar programs of 32-bit integers, beside `gemmlowp`, which has them in
numpy and says where they come from.
"""

from __future__ import annotations

from xdsl.dialects.builtin import i32, i64

from nnc.dialects.nn.algebra import Number
from nnc.dialects.nn.base import S

_MAX, _MIN = (1 << 31) - 1, -(1 << 31)


def shift_saturating(x: S, amount: S | int) -> S:
    """`x << amount`, clamped to 32 bits; amounts 0 to 31."""
    wide = x.to(i64) << (amount if isinstance(amount, int) else amount.to(i64))
    return wide.clamp(_MIN, _MAX).to(i32)


def rounded_half(x: S, addend: Number) -> S:
    """`(x + addend) / 2` for a sum that is not negative, a half rounded up."""
    return ((x.to(i64) + addend + 1) >> 1).to(i32)


def reciprocal_of_one_plus(x: S) -> S:
    """`1 / (1 + x)` in Q0 of a Q0 number of [0, 1]."""
    half = (x >> 1) + (1 << 30)
    estimate = x.lift(1515870810) + half.srdhm(x.lift(-1010580540))
    for _ in range(3):
        error = x.lift(1 << 29) - half.srdhm(estimate)
        estimate = estimate + (estimate.srdhm(error) << 2)
    return (estimate >= (1 << 30)).select(_MAX, estimate << 1)


def log_of_at_least_one(z: S, from_bits: int, to_bits: int) -> S:
    """`log(z)` for `z >= 1`; `from_bits` and `to_bits` are the integer bits of both numbers."""
    sum_bits = to_bits + 1
    log_2, sqrt_half, sqrt_sqrt_half = 1488522236, 1518500250, 1805811301
    alpha_n, alpha_d, alpha_i, alpha_f = 117049297, 127690142, 1057819769, 638450708
    quarter = 1 << (29 - sum_bits)

    leading = z.leading_zeros()
    mantissa_a = shift_saturating((z << (leading - 1)).srdhm(z.lift(sqrt_half)), 1)
    power_a = shift_saturating(from_bits - leading, 31 - sum_bits) + quarter
    headroom = z.srdhm(z.lift(sqrt_half)).leading_zeros() - 1
    mantissa_b = shift_saturating(z, headroom)
    power_b = shift_saturating(from_bits - headroom, 31 - sum_bits) - quarter
    r, power = mantissa_a.min(mantissa_b), power_a.max(power_b)

    p, q = rounded_half(r, sqrt_sqrt_half), (r - sqrt_sqrt_half) << 1
    q2 = q.srdhm(q)
    numerator = q.srdhm(r) + q.srdhm(q2).srdhm(z.lift(alpha_n))
    inner = q + alpha_i + z.lift(alpha_d).srdhm(q2)
    denominator = p.srdhm(inner) + z.lift(alpha_f).srdhm(q)
    scaled = numerator.rdbp(z.lift(sum_bits))
    quotient = scaled.srdhm(reciprocal_of_one_plus(denominator))
    return shift_saturating(power.srdhm(z.lift(log_2)) + quotient, 1)


def inverse_sqrt(x: S) -> tuple[S, S]:
    """`(multiplier, shift)` of `1 / sqrt(x)` for `x >= 0` (0 as 1), as `requantize` takes them."""
    tiny = x < 2
    value, shift = x.max(2), x.lift(11)
    for _ in range(2):
        large = value >= (1 << 29)
        value = large.select(value >> 2, value)
        shift = large.select(shift + 1, shift)
    pairs = ((value.leading_zeros() - 1) >> 1) - 1
    shift = shift - pairs
    half = ((value << (pairs << 1)) >> 1) + 1 >> 1
    root = x.lift(1 << 28)
    for _ in range(5):
        cube = shift_saturating(root.srdhm(root).srdhm(root), 6)
        step = x.lift((1 << 28) + (1 << 27)).srdhm(root) - half.srdhm(cube)
        root = shift_saturating(step, 3)
    root = root.srdhm(x.lift(1518500250)) << (0 - shift).max(0)
    return tiny.select(_MAX, root), tiny.select(0, 0 - shift.max(0))
