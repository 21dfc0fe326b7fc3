"""
Fixed-point requantisation, exactly as the frameworks' integer kernels do it.

The reference meaning of every quantised op and the compiler's proofs about cheaper formulas need
the same handful of integer functions, bit for bit. They live here once, over numpy arrays: `int64`
in and out, operands broadcast, so that per-channel multipliers are arrays along the last axis.

The arithmetic is gemmlowp's (`fixedpoint/fixedpoint.h`) as used by TFLite's reference kernels
(`tflite/kernels/internal/common.cc`, `quantization_util.cc`, `kernel_util.cc`).
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from xdsl.utils.exceptions import DiagnosticException

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
IntLike = npt.NDArray[np.integer[Any]] | int
FloatT = TypeVar("FloatT", bound=np.floating[Any])

INT32_MIN = -(1 << 31)
INT32_MAX = (1 << 31) - 1


class RangeError(DiagnosticException, ValueError):
    """A number of a model, such as the quotient of two scales, for which there is no arithmetic."""


def as_ints(values: IntLike) -> Ints:
    """The same numbers as int64, without a copy where they already are."""
    return np.asarray(values, np.int64)


def wrap32(values: IntLike) -> Ints:
    """The low 32 bits of each value, read as a signed number."""
    return ((as_ints(values) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def saturate(values: IntLike, low: int, high: int) -> Ints:
    """Each value clamped to `[low, high]`."""
    return np.clip(as_ints(values), low, high)


def round_half_away(values: npt.NDArray[FloatT]) -> npt.NDArray[FloatT]:
    """
    Nearest integer, ties away from zero (C's `round`), in the precision of `values`.

    Unlike `trunc(x + 0.5)` this is exact just below one half and above 2^52.
    """
    whole = np.trunc(values)
    carry = np.abs(values - whole) >= 0.5
    return np.where(carry, whole + np.copysign(values.dtype.type(1), values), whole)


def float_to_int(values: npt.NDArray[np.floating[Any]]) -> Ints:
    """
    Integral floats as int64, saturated to the range of int32; NaN gives 0.

    C leaves a conversion that does not fit undefined; saturation is what Arm's conversions do.
    """
    return np.nan_to_num(np.clip(values.astype(np.float64), INT32_MIN, INT32_MAX)).astype(np.int64)


def quantize_multiplier(multiplier: float) -> tuple[int, int]:
    """
    `(q, shift)` with `multiplier` close to `q * 2^(shift - 31)`, `2^30 <= |q| < 2^31`.

    A multiplier below about 2^-32 becomes `(0, 0)`. Source: `QuantizeMultiplier` in TFLite's
    `quantization_util.cc`. Raises `RangeError` for a NaN or an infinity.
    """
    if not math.isfinite(multiplier):
        raise RangeError(f"expected a finite multiplier of scales, got {multiplier}")
    fraction, shift = math.frexp(abs(multiplier))
    q = math.floor(fraction * (1 << 31) + 0.5)
    if q == 1 << 31:
        q >>= 1
        shift += 1
    if q == 0 or shift < -31:
        return 0, 0
    return (q if multiplier > 0 else -q), shift


def quantize_multipliers(multipliers: Doubles) -> tuple[Ints, Ints]:
    """`quantize_multiplier` of each element: the arrays of multipliers and of shifts."""
    if not np.isfinite(multipliers).all():
        raise RangeError("expected finite multipliers of scales")
    fraction, exponent = np.frexp(np.abs(multipliers))
    q = np.floor(fraction * (1 << 31) + 0.5).astype(np.int64)
    shift = exponent.astype(np.int64)
    carry = q == 1 << 31
    q = np.where(carry, q >> 1, q)
    shift = np.where(carry, shift + 1, shift)
    zero = (q == 0) | (shift < -31)
    return np.where(zero, 0, np.where(multipliers < 0, -q, q)), np.where(zero, 0, shift)


def srdhm(a: IntLike, b: IntLike) -> Ints:
    """
    High half of `2 * a * b`, rounded to nearest with ties towards plus infinity, saturating.

    Operands are int32 values. Source: gemmlowp's `SaturatingRoundingDoublingHighMul`, whose
    truncating division with a sign-dependent nudge is the same function.
    """
    product = (as_ints(a) * as_ints(b) + (1 << 30)) >> 31
    return np.minimum(product, INT32_MAX)


def rdbp(values: IntLike, exponent: IntLike) -> Ints:
    """
    `values / 2^exponent`, rounded to nearest with ties away from zero; exponents 0 to 62.

    Source: gemmlowp's `RoundingDivideByPOT`.
    """
    values, exponent = as_ints(values), as_ints(exponent)
    half = (np.int64(1) << exponent) >> 1
    nudge = half - ((values < 0) & (half > 0))
    return as_ints((values + nudge) >> exponent)


def requantize_double(values: IntLike, multiplier: IntLike, shift: IntLike) -> Ints:
    """
    `values * multiplier * 2^(shift - 31)` with gemmlowp's two roundings; shifts -31 to 31.

    `values` are int32 values; a left shift wraps as it does in 32 bits. Source:
    `MultiplyByQuantizedMultiplier(int32_t, ...)` in TFLite's `common.cc`.
    """
    shift = as_ints(shift)
    left = np.maximum(shift, 0)
    high = srdhm(wrap32(as_ints(values) << left), multiplier)
    return rdbp(high, left - shift)


def requantize_single(values: IntLike, multiplier: IntLike, shift: IntLike) -> Ints:
    """
    `values * multiplier * 2^(shift - 31)` rounded once, ties towards plus infinity.

    `values` are int32 values, shifts -31 to 30. Source: the `TFLITE_SINGLE_ROUNDING` variant of
    `MultiplyByQuantizedMultiplier` and CMSIS-NN's `CMSIS_NN_USE_SINGLE_ROUNDING`.
    """
    total = 31 - as_ints(shift)
    half = np.int64(1) << (total - 1)
    return (as_ints(values) * as_ints(multiplier) + half) >> total


def reduce_multiplier(multiplier: IntLike) -> Ints:
    """The 16-bit multiplier that the 64-bit accumulators of 16x8 layers are scaled by."""
    multiplier = as_ints(multiplier)
    return np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)


def requantize_mb64(values: IntLike, multiplier: IntLike, shift: IntLike) -> Ints:
    """
    `values * multiplier * 2^(shift - 31)` for accumulators of up to 48 bits, rounded once.

    The multiplier is first cut to 16 bits. Shifts are -31 to 7. Source:
    `MultiplyByQuantizedMultiplier(int64_t, ...)` in TFLite's `common.cc` (result wrapped to
    32 bits), `arm_nn_requantize_s64` in CMSIS-NN.
    """
    total = 15 - as_ints(shift)
    half = np.int64(1) << (total - 1)
    return wrap32((as_ints(values) * reduce_multiplier(multiplier) + half) >> total)


def requantize_f64(values: IntLike, multiplier: Doubles | float) -> Ints:
    """
    `values * multiplier` computed in double precision, rounded half away from zero.

    Source: the floating-point `FullyConnectedPerChannel` in TFLite's
    `reference/integer_ops/fully_connected.h`.
    """
    scaled = as_ints(values).astype(np.float64) * np.asarray(multiplier, np.float64)
    return float_to_int(round_half_away(scaled))


def requantize_f32(values: IntLike, multiplier: Doubles | float) -> Ints:
    """
    `values * multiplier` computed in float32, rounded to the nearest integer, ties to even.

    Source: `MlasRequantizeOutput` in ONNX Runtime's `mlas/lib/quantize.cpp`.
    """
    scaled = as_ints(values).astype(np.float32) * np.asarray(multiplier, np.float32)
    return float_to_int(np.rint(scaled))


def mean_multiplier(multiplier: float, count: int) -> tuple[int, int]:
    """
    `(q, shift)` that divides a sum of `count` elements by the count while it rescales.

    `multiplier` is input scale / output scale. The quotient is truncated after as many spare bits
    as fit were gained, so this is not `quantize_multiplier(multiplier / count)`. Source:
    `QuantizedMeanOrSum` in TFLite's `reference/reduce.h`.
    """
    if count < 1:
        raise ValueError(f"expected at least one element, got {count}")
    q, shift = quantize_multiplier(multiplier)
    spare = min(count.bit_length() - 1, 32, 31 + shift)
    return (q << spare) // count, shift - spare


def requantize_sum_f32(
    totals: IntLike, count: int, input_scale: float, input_zero_point: int, output_scale: float
) -> Ints:
    """
    Sums of `count` stored values, rescaled in float32 and rounded half away from zero.

    The output zero point is not yet added. Source: `QuantizedMeanOrSum` in TFLite's
    `optimized/reduce.h`, which is how SUM of int8 and int16 tensors works; the reference kernel
    reads their bytes as uint8.
    """
    scale = np.float32(input_scale) / np.float32(output_scale)
    bias = np.float32(-input_zero_point) * scale * np.float32(count)
    return float_to_int(round_half_away(as_ints(totals).astype(np.float32) * scale + bias))


def activation_bounds(
    low: float | None, high: float | None, scale: float, zero_point: int, storage: tuple[int, int]
) -> tuple[int, int]:
    """
    The stored values that a fused activation clamps to, within the range of the storage type.

    `low` and `high` are the real bounds (None: none), `scale` the float32 output scale. Source:
    `CalculateActivationRangeQuantized` in TFLite's `kernel_util.cc`: the quotient is float32.
    """
    lower, upper = storage
    if low is not None:
        lower = max(lower, zero_point + _quantize_bound(low, scale))
    if high is not None:
        upper = min(upper, zero_point + _quantize_bound(high, scale))
    return lower, upper


def _quantize_bound(value: float, scale: float) -> int:
    quotient = np.asarray([value], np.float32) / np.float32(scale)
    return int(float_to_int(round_half_away(quotient))[0])
