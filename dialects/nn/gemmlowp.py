"""
Gemmlowp's fixed-point functions, and the int8 operators of TFLite that are built from them.

Softmax, log-softmax, division, normalisation, reciprocal square root and hard-swish of quantised
tensors are defined by these 32-bit integer algorithms rather than by real arithmetic; their results
differ from correctly rounded ones now and then. A number here is an int32 value held in int64,
together with a count of integer bits: a "Qk" number is `raw / 2^(31 - k)`.

Sources: gemmlowp's `fixedpoint/fixedpoint.h`, TFLite's `kernels/internal/common.h` and, for each
operator, the file under `kernels/internal/reference` that its docstring names.
"""

from __future__ import annotations

import math

import numpy as np

from nnc.dialects.nn.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    IntLike,
    Ints,
    RangeError,
    as_ints,
    quantize_multiplier,
    rdbp,
    requantize_double,
    saturate,
    srdhm,
    wrap32,
)

_SOFTMAX_INPUT_BITS = 5
_SOFTMAX_SUM_BITS = 12

# exp(-2^k) in Q0 for k = -2, -1, ... 4.
_EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def bit_length(values: IntLike) -> Ints:
    """Bits needed for each value of at least 0 (0 for 0), as Python's `int.bit_length`."""
    return np.frexp(as_ints(values).astype(np.float64))[1].astype(np.int64)


def rescale(values: IntLike, from_bits: int, to_bits: int) -> Ints:
    """The same number with another count of integer bits: rounded, or saturated."""
    if to_bits >= from_bits:
        return rdbp(values, to_bits - from_bits)
    return shift_saturating(values, from_bits - to_bits)


def shift_saturating(values: IntLike, amount: IntLike) -> Ints:
    """`values << amount`, clamped to int32; amounts 0 to 31."""
    return saturate(as_ints(values) << as_ints(amount), INT32_MIN, INT32_MAX)


def exp_on_negative(values: IntLike, integer_bits: int) -> Ints:
    """`exp(x)` in Q0 for `x <= 0` with the given count of integer bits."""
    values = as_ints(values)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder = (values & (quarter - 1)) - quarter
    result = _exp_in_last_quarter(shift_saturating(remainder, integer_bits))
    rest = remainder - values
    for position, factor in enumerate(_EXP_FACTORS, start=-2):
        if position < integer_bits:
            selected = (rest & (1 << (fraction_bits + position))) != 0
            result = np.where(selected, srdhm(result, factor), result)
    if integer_bits > _SOFTMAX_INPUT_BITS:
        floor = -(1 << (fraction_bits + _SOFTMAX_INPUT_BITS))
        result = np.where(values < floor, 0, result)
    return np.where(values == 0, INT32_MAX, result)


def _exp_in_last_quarter(values: Ints) -> Ints:
    """`exp(x)` in Q0 for Q0 numbers in [-1/4, 0): a Taylor polynomial around -1/8."""
    exp_of_minus_eighth, one_third = 1895147668, 715827883
    x = values + (1 << 28)
    x2 = srdhm(x, x)
    x3 = srdhm(x2, x)
    x4 = srdhm(x2, x2)
    tail = srdhm(rdbp(x4, 2) + x3, one_third) + x2
    return exp_of_minus_eighth + srdhm(exp_of_minus_eighth, x + rdbp(tail, 1))


def reciprocal_of_one_plus(values: IntLike) -> Ints:
    """`1 / (1 + x)` in Q0 for Q0 numbers in [0, 1], by three Newton steps."""
    half_denominator = rdbp(as_ints(values) + INT32_MAX, 1)
    x = 1515870810 + srdhm(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - srdhm(half_denominator, x)
        x = x + shift_saturating(srdhm(x, error), 2)
    return shift_saturating(x, 1)


def difference_over_sum_with_one(values: IntLike) -> Ints:
    """`(1 - x) / (1 + x)` in Q0 for Q0 numbers in [0, 1], by three Newton steps."""
    half_denominator = rdbp(as_ints(values) + INT32_MAX, 1)
    x = 1515870810 + srdhm(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - srdhm(half_denominator, x)
        x = x + shift_saturating(srdhm(x, error), 2)
    return shift_saturating(x - (1 << 29), 2)


def logistic(values: IntLike, integer_bits: int) -> Ints:
    """`1 / (1 + exp(-x))` in Q0 of numbers with the given count of integer bits."""
    values = as_ints(values)
    positive = reciprocal_of_one_plus(exp_on_negative(-np.abs(values), integer_bits))
    result = np.where(values > 0, positive, INT32_MAX - positive)
    return np.where(values == 0, 1 << 30, result)


def tanh(values: IntLike, integer_bits: int) -> Ints:
    """The hyperbolic tangent in Q0 of numbers with the given count of integer bits."""
    values = as_ints(values)
    # With one integer bit more, the same bits stand for twice the number.
    magnitude = difference_over_sum_with_one(exp_on_negative(-np.abs(values), integer_bits + 1))
    return np.where(values == 0, 0, np.where(values < 0, -magnitude, magnitude))


def logistic_int8(codes: IntLike, input_scale: float, input_zero_point: int) -> Ints:
    """
    TFLite Micro's logistic function of int8 codes; result scale 1/256, zero point -128.

    Source: `reference/integer_ops/logistic.h`, `CalculateArithmeticOpDataLogistic` in TFLite
    Micro's `logistic_common.cc`.
    """
    number, scaled, radius = _q4(codes, input_scale, input_zero_point)
    output = saturate(rdbp(logistic(scaled, 4), 23) - 128, -128, 127)
    return np.where(number <= -radius, -128, np.where(number >= radius, 127, output))


def tanh_int8(codes: IntLike, input_scale: float, input_zero_point: int) -> Ints:
    """
    TFLite Micro's hyperbolic tangent of int8 codes; result scale 1/128, zero point 0.

    Source: `reference/integer_ops/tanh.h`, `CalculateArithmeticOpData` in TFLite Micro's `tanh.cc`.
    """
    number, scaled, radius = _q4(codes, input_scale, input_zero_point)
    output = saturate(rdbp(tanh(scaled, 4), 24), -128, 127)
    return np.where(number <= -radius, -128, np.where(number >= radius, 127, output))


def _q4(codes: IntLike, scale: float, zero_point: int) -> tuple[Ints, Ints, int]:
    """Numbers, the same in Q4, and the magnitude from which on they count as infinite."""
    number = as_ints(codes) - zero_point
    multiplier, shift = quantize_multiplier(float(scale) * (1 << 27))
    radius = math.floor(15.0 * (1 << 27) / 2.0**shift)
    inside = np.clip(number, -radius, radius)
    return number, requantize_double(inside, multiplier, shift), radius


def get_reciprocal(values: IntLike, integer_bits: int) -> tuple[Ints, Ints]:
    """
    `(scale, bits)` with `1 / x` close to `scale * 2^(-31 - bits)`, for `0 < x < 2^31`.

    Source: `GetReciprocal` in `common.h`.
    """
    values = as_ints(values)
    headroom = 32 - bit_length(values)
    fraction = ((values << headroom) & 0xFFFFFFFF) - (1 << 31)
    return reciprocal_of_one_plus(fraction), integer_bits - headroom


def log_of_at_least_one(values: IntLike, from_bits: int, to_bits: int) -> Ints:
    """
    `log(x)` for `x >= 1`; `from_bits` and `to_bits` are the integer bits of input and result.

    Source: `log_x_for_x_greater_than_or_equal_to_1` in `common.h`.
    """
    sum_bits = to_bits + 1
    log_2, sqrt_half, sqrt_sqrt_half = 1488522236, 1518500250, 1805811301
    alpha_n, alpha_d, alpha_i, alpha_f = 117049297, 127690142, 1057819769, 638450708
    quarter = rdbp(1 << 29, sum_bits)
    z = as_ints(values)

    # The exponent is chosen from z itself and from z / sqrt(2), whichever is nearer to one.
    leading = 32 - bit_length(z)
    mantissa_a = shift_saturating(srdhm(shift_saturating(z, leading - 1), sqrt_half), 1)
    power_a = shift_saturating(from_bits - leading, 31 - sum_bits) + quarter
    headroom = 31 - bit_length(srdhm(z, sqrt_half))
    mantissa_b = shift_saturating(z, headroom)
    power_b = shift_saturating(from_bits - headroom, 31 - sum_bits) - quarter
    r = np.minimum(mantissa_a, mantissa_b)
    power = saturate(np.maximum(power_a, power_b), INT32_MIN, INT32_MAX)

    # A rational approximation of log(r) around the fourth root of one half.
    p = rdbp(r + sqrt_sqrt_half, 1)
    q = 2 * (r - sqrt_sqrt_half)
    q2 = srdhm(q, q)
    numerator = srdhm(q, r) + srdhm(srdhm(q, q2), alpha_n)
    denominator = srdhm(p, alpha_i + q + srdhm(alpha_d, q2)) + srdhm(alpha_f, q)
    quotient = srdhm(rdbp(numerator, sum_bits), reciprocal_of_one_plus(denominator))
    return shift_saturating(srdhm(power, log_2) + quotient, 1)


def inverse_sqrt(values: IntLike) -> tuple[Ints, Ints]:
    """
    `(multiplier, shift)`: `1 / sqrt(x)` as `requantize_double` takes it, for `x >= 0` (0 as 1).

    Source: `GetInvSqrtQuantizedMultiplierExp` in `common.h`, reverse shift -1.
    """
    values = as_ints(values)
    tiny = values <= 1
    x = np.maximum(values, 2)
    shift = np.full_like(x, 11)
    for _ in range(2):
        large = x >= 1 << 29
        x = np.where(large, x >> 2, x)
        shift = np.where(large, shift + 1, shift)
    pairs = (31 - bit_length(x)) // 2 - 1
    shift = shift - pairs
    half = rdbp((x << (2 * pairs)) >> 1, 1)
    root = np.full_like(x, 1 << 28)
    for _ in range(5):
        cube = rescale(srdhm(srdhm(root, root), root), 9, 3)
        root = rescale(srdhm((1 << 28) + (1 << 27), root) - srdhm(half, cube), 6, 3)
    root = srdhm(root, 1518500250) << np.maximum(-shift, 0)
    shift = np.maximum(shift, 0)
    return np.where(tiny, INT32_MAX, root), np.where(tiny, 0, -shift)


def softmax_scaling(input_scale: float, beta: float) -> tuple[int, int, int]:
    """
    `(multiplier, shift, diff_min)` that bring code differences to Q5 numbers.

    Differences below `diff_min` count as minus infinity. Raises `RangeError` when scale times
    beta is at most 2^-26. Source: `PreprocessSoftmaxScaling`, `CalculateInputRadius`.
    """
    real = min(float(beta) * float(input_scale) * (1 << (31 - _SOFTMAX_INPUT_BITS)), 2.0**31 - 1)
    if real <= 1:
        raise RangeError(f"expected a softmax scale above 2^-26, got {input_scale} * {beta}")
    multiplier, shift = quantize_multiplier(real)
    radius = 31.0 * (1 << (31 - _SOFTMAX_INPUT_BITS)) / (1 << shift)
    return multiplier, shift, -math.floor(radius)


def _exponentials(codes: Ints, input_scale: float, beta: float) -> tuple[Ints, Ints, Ints]:
    """Q5 differences to the largest code of each row, their exponentials in Q0, and the sums."""
    multiplier, shift, diff_min = softmax_scaling(input_scale, beta)
    diff = codes - codes.max(axis=-1, keepdims=True)
    scaled = srdhm(wrap32(diff << shift), multiplier)
    exps = exp_on_negative(np.where(diff >= diff_min, scaled, 0), _SOFTMAX_INPUT_BITS)
    terms = np.where(diff >= diff_min, rescale(exps, 0, _SOFTMAX_SUM_BITS), 0)
    return scaled, exps, terms.sum(axis=-1, keepdims=True)


def softmax_int8(
    codes: IntLike, input_scale: float, beta: float, *, storage_min: int = -128, bits: int = 8
) -> Ints:
    """
    Softmax over the last axis of 8-bit codes; the result has scale 2^-bits and zero point
    `storage_min`, and is an int8 (`-128, 8`), uint8 (`0, 8`) or int16 (`-32768, 16`).

    The sum of a row's exponentials must stay below 512, where the reference aborts.
    Source: `reference/softmax.h`.
    """
    codes = as_ints(codes)
    _, _, diff_min = softmax_scaling(input_scale, beta)
    _, exps, sums = _exponentials(codes, input_scale, beta)
    scale, bits_over_unit = get_reciprocal(sums, _SOFTMAX_SUM_BITS)
    output = rdbp(srdhm(scale, exps), bits_over_unit + 31 - bits) + storage_min
    output = saturate(output, storage_min, storage_min + (1 << bits) - 1)
    negligible = codes - codes.max(axis=-1, keepdims=True) < diff_min
    return np.where(negligible, storage_min, output)


def log_softmax_int8(codes: IntLike, input_scale: float) -> Ints:
    """
    Log-softmax over the last axis of int8 codes; the result has scale 1/16 and zero point 127.

    Source: `reference/integer_ops/log_softmax.h`.
    """
    codes = as_ints(codes)
    multiplier, shift, diff_min = softmax_scaling(input_scale, 1.0)
    scaled, _, sums = _exponentials(codes, input_scale, 1.0)
    log_sum = log_of_at_least_one(sums, _SOFTMAX_SUM_BITS, _SOFTMAX_INPUT_BITS)
    reverse = quantize_multiplier((1 << (31 - shift)) / float(multiplier))
    lowest = np.maximum(diff_min - 1, requantize_double(log_sum + INT32_MIN, *reverse))
    output = saturate(rdbp(scaled - log_sum, 22) + 127, -128, 127)
    diff = codes - codes.max(axis=-1, keepdims=True)
    return np.where(diff > lowest, output, -128)


def l2_normalization_int8(codes: IntLike, zero_point: int) -> Ints:
    """
    Int8 codes divided by the Euclidean norm along the last axis; result scale 1/128, zero point 0.

    Source: `reference/integer_ops/l2normalization.h`.
    """
    centred = as_ints(codes) - zero_point
    squares = wrap32((centred * centred).sum(axis=-1, keepdims=True))
    multiplier, shift = inverse_sqrt(squares)
    return saturate(requantize_double(centred, multiplier, shift + 7), -128, 127)


def l2_normalization_uint8(codes: IntLike, zero_point: int) -> Ints:
    """
    Uint8 codes divided by the Euclidean norm along the last axis; result scale 1/128, zero point
    128.

    Source: the uint8 `L2Normalization` in `reference/l2normalization.h`.
    """
    centred = as_ints(codes) - zero_point
    squares = wrap32((centred * centred).sum(axis=-1, keepdims=True))
    multiplier, shift = inverse_sqrt(squares)
    return saturate(requantize_double(128 * centred, multiplier, shift) + 128, 0, 255)


def rsqrt_int8(
    codes: IntLike,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
) -> Ints:
    """
    `1 / sqrt(x)` of int8 codes; a code at the zero point gives 127.

    Raises `RangeError` for a code below the zero point, which the reference refuses as well.
    Source: `RsqrtEvalQuantizedInt8` in `kernels/elementwise.cc`.
    """
    centred = as_ints(codes) - input_zero_point
    if (centred < 0).any():
        raise RangeError("expected no negative numbers under a reciprocal square root")
    root = np.sqrt(np.float32(input_scale)) * np.float32(output_scale)
    multiplier, shift = quantize_multiplier(1.0 / float(root))
    inverse, inverse_shift = inverse_sqrt(centred)
    data = requantize_double(1, inverse, inverse_shift + 20)
    output = requantize_double(data, multiplier, shift - 20) + output_zero_point
    return np.where(centred == 0, 127, saturate(output, -128, 127))


def divide(numerator: IntLike, denominator: IntLike, multiplier: IntLike, shift: IntLike) -> Ints:
    """
    `numerator / denominator`, rescaled; operands are codes less their zero points.

    `(multiplier, shift)` is `quantize_multiplier` of the float32 scale1 / (scale2 * output scale).
    The denominator must not be 0. Quotients below about 2^-31 round to 0; the reference shifts by
    more than 31 there, which C leaves undefined. Source: `DivElementwise` in `reference/div.h`.
    """
    numerator, denominator = as_ints(numerator), as_ints(denominator)
    if (denominator == 0).any():
        raise RangeError("expected no division by a code that stands for zero")
    numerator = np.where(denominator < 0, -numerator, numerator)
    inverse, recip_shift = get_reciprocal(np.abs(denominator), 31)
    # -1 and 0 have 31 redundant sign bits, -2^31 has none.
    headroom = 31 - bit_length(np.where(numerator < 0, ~numerator, numerator))
    quotient = srdhm(wrap32(numerator << headroom), inverse)
    total = as_ints(shift) - recip_shift - headroom
    return rdbp(srdhm(quotient, multiplier), np.minimum(-total, 62))


def hard_swish_int8(
    codes: IntLike,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    *,
    storage_min: int = -128,
) -> Ints:
    """
    `x * min(max(x + 3, 0), 6) / 6` of 8-bit codes, in 16-bit fixed point.

    Raises `RangeError` when input scale / (128 * output scale) reaches 1, as the reference does;
    below 2^-16 the reference shifts 16-bit numbers by more than 15, which has no meaning.
    Source: `reference/hard_swish.h`, `HardSwishPrepare` in `kernels/activations.cc` (the
    multipliers are quotients of float32 numbers).
    """
    fine = np.float32(1 / 128) * np.float32(input_scale)
    output_q, output_shift = quantize_multiplier(float(fine / np.float32(output_scale)))
    relu_q, relu_shift = quantize_multiplier(float(fine / np.float32(3.0 / 32768.0)))
    if output_shift > 0:
        raise RangeError(
            f"expected an output scale above 1/128 of the input scale {input_scale}, "
            f"got {output_scale}"
        )
    value = (as_ints(codes) - input_zero_point) << 7
    preshift = _high_mul_16(value, _to_16_bits(output_q))
    gate = _shift_saturating_16(value, max(relu_shift - 1, 0))
    gate = _high_mul_16(gate, _to_16_bits(relu_q))
    gate = _shift_saturating_16(gate, 1) if relu_shift > 0 else rdbp(gate, -relu_shift)
    gate = (gate + (1 << 15)) >> 1
    product = gate * preshift
    truncated = np.where(product < 0, -(-product >> 15), product >> 15)
    output = rdbp(truncated, -output_shift) + output_zero_point
    return saturate(output, storage_min, storage_min + 255)


def _to_16_bits(multiplier: int) -> int:
    if multiplier >= INT32_MAX - (1 << 15):
        return (1 << 15) - 1
    return (multiplier + (1 << 15)) >> 16


def _high_mul_16(values: Ints, multiplier: int) -> Ints:
    return np.minimum((values * multiplier + (1 << 14)) >> 15, (1 << 15) - 1)


def _shift_saturating_16(values: Ints, amount: int) -> Ints:
    return saturate(values << amount, -(1 << 15), (1 << 15) - 1)
