"""
Tables in place of functions: how TFLite evaluates one-input functions of quantised tensors.

An 8-bit function is a table of 256 results computed in float32; a 16-bit one is a table of 513
values with linear interpolation between them, or for logistic and tanh a table of the sigmoid.
The float32 steps are part of the meaning, so they are reproduced here one rounding at a time.
Transcendental functions are evaluated in double precision and rounded to float32, which does not
depend on the machine's own float32 library.

Source: `LUTPopulate` and `LUTLookup` in TFLite's `kernels/internal/common.h`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nnc.dialects.nn.fixed_point import (
    IntLike,
    Ints,
    as_ints,
    float_to_int,
    quantize_multiplier,
    requantize_double,
    round_half_away,
    saturate,
)
from nnc.dialects.nn.gemmlowp import bit_length

AnyFloats = npt.NDArray[np.floating[Any]]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
FloatFunction = Callable[[Floats], Floats]


def lut8(
    function: FloatFunction,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    *,
    storage_min: int = -128,
) -> Ints:
    """
    The results for the 256 codes from `storage_min` on, as codes of the same storage type.

    A result beyond the range of int32 saturates. The table of code `c` is at `c - storage_min`.
    """
    codes = np.arange(storage_min, storage_min + 256)
    real = np.float32(input_scale) * (codes - input_zero_point).astype(np.float32)
    inverse = np.float32(1) / np.float32(output_scale)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = round_half_away(function(real) * inverse) + np.float32(output_zero_point)
    return saturate(float_to_int(np.trunc(rounded)), storage_min, storage_min + 255)


def lut16(function: FloatFunction, input_scale: float, output_scale: float) -> Ints:
    """
    The 513 values that `lookup16` interpolates, for zero points 0, computed in float32.

    Each value is moved by half the error that interpolation makes in the middle of its interval.
    """
    bounds = np.asarray([-32768, 32767], np.float32)
    inputs, outputs = np.float32(input_scale) * bounds, np.float32(output_scale) * bounds
    return _interpolation_table(function, inputs, outputs)


def lut16_double(
    function: Callable[[Doubles], Doubles], low: float, high: float, output_scale: float
) -> Ints:
    """`lut16` computed in double precision, for inputs over the real interval `[low, high]`."""
    bounds = np.asarray([-32768, 32767], np.float64)
    return _interpolation_table(function, np.asarray([low, high]), output_scale * bounds)


def _interpolation_table(
    function: Callable[[Any], AnyFloats], inputs: AnyFloats, outputs: AnyFloats
) -> Ints:
    """The table between the real bounds of the inputs and of the outputs, in their precision."""
    low, step = inputs[:1], (inputs[1:] - inputs[:1]) / 512
    # A bare 65536 would not fit a 16-bit integer, and so make numpy leave float32.
    inverse = np.asarray([65536], inputs.dtype) / (outputs[1:] - outputs[:1])
    index = np.arange(513).astype(inputs.dtype)
    starts = np.concatenate([low + index[:512] * step, inputs[1:]])
    with np.errstate(over="ignore", invalid="ignore"):
        values = round_half_away(function(starts) * inverse)
        nexts = function(low + index[1:] * step) * inverse
        middles = round_half_away(function(low + index[:512] * step + step / 2) * inverse)
        interpolated = round_half_away((nexts + values[:512]) / 2)
        bias = round_half_away((interpolated - middles) / 2)
        corrected = np.concatenate([values[:512] - bias, values[512:]])
    return saturate(float_to_int(corrected), -32768, 32767)


def lookup16(codes: IntLike, table: Ints) -> Ints:
    """Interpolated values of a 513-entry table at int16 codes."""
    codes = as_ints(codes)
    index = 256 + (codes >> 7)
    base = table[index]
    slope = ((table[index + 1] - base + 32768) & 0xFFFF) - 32768
    return base + ((slope * (codes & 0x7F) + 64) >> 7)


def softmax_int16_tables() -> tuple[Ints, Ints]:
    """The exponential of numbers of [-10, 0] and `1 / (1 + x)` of [0, 1], for `lookup16`."""
    return (
        lut16_double(np.exp, *_double_range(10.0, 32767), 2.0 / 65535),
        lut16_double(_one_over_one_plus, *_double_range(1.0, -32768), 2.0 / 65535),
    )


def softmax_int16_scaling(input_scale: float, beta: float) -> float:
    """A difference of codes in units of the table of exponentials; the product is float32."""
    return float(np.float32(input_scale) * np.float32(beta)) / (10.0 / 65535.0)


def softmax_int16(codes: IntLike, input_scale: float, beta: float) -> Ints:
    """
    Softmax over the last axis of int16 codes; result scale 2^-15, zero points 0.

    Source: `SoftmaxInt16` in `reference/softmax.h`, `SoftmaxPrepare` in `kernels/activations.cc`.
    """
    codes = as_ints(codes)
    exp_table, reciprocals = softmax_int16_tables()
    scaling = quantize_multiplier(softmax_int16_scaling(input_scale, beta))
    diff = requantize_double(codes - codes.max(axis=-1, keepdims=True), *scaling)
    exps = lookup16(saturate(diff + 32767, -32768, 32767), exp_table)
    sums = exps.sum(axis=-1, keepdims=True)
    headroom = 32 - bit_length(sums)
    shifted = ((sums << (headroom - 1)) + (1 << 13)) >> 14
    scale = lookup16(saturate(shifted - 3 * (1 << 15), -32768, 32767), reciprocals)
    right = 31 - headroom
    output = (exps * scale + (np.int64(1) << (right - 1))) >> right
    return saturate(output, 0, 32767)


def _double_range(span: float, zero_point: int) -> tuple[float, float]:
    scale = span / 65535
    return scale * (-32768 - zero_point), scale * (32767 - zero_point)


def _one_over_one_plus(x: Doubles) -> Doubles:
    return 1.0 / (1.0 + x)


# fmt: off
# Where TFLite's table is one above the rounded sigmoid.
_SIGMOID_RAISED = [
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40,
    41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
]
# fmt: on


def _sigmoid_table() -> Ints:
    """`65536 * sigmoid(i / 24)`, the values of `sigmoid_table_uint16` in TFLite's `common.h`."""
    exact = 65536.0 / (1.0 + np.exp(-np.arange(256) / 24.0))
    table = round_half_away(exact).astype(np.int64)
    table[_SIGMOID_RAISED] += 1
    return table


SIGMOID_TABLE = _sigmoid_table()


def sigmoid_scaling(input_scale: float, exact_shifts: tuple[int, ...]) -> tuple[int, int]:
    """
    `(multiplier, shift)`: `(code * multiplier + (2^shift >> 1)) >> shift` is a code on the scale of
    the table, 1 / (3 * 4096). `exact_shifts` are the powers of two that are kept exact.

    Source: `SigmoidPrepare` and `TanhPrepare` in TFLite's `kernels/activations.cc`.
    """
    logarithm = np.float32(np.log(np.float32(input_scale))) * np.float32(1 / np.log(np.float32(2)))
    nearest = round_half_away(np.asarray([logarithm], np.float32))[0]
    shift = 12 + int(nearest)
    if abs(logarithm - nearest) < np.float32(1e-3) and shift in exact_shifts:
        return 3 << shift, 0
    multiplier, shift = float(np.float32(input_scale)) * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        shift += 1
        multiplier *= 2.0
    return int(multiplier), shift


def _table_input(codes: Ints, input_scale: float, exact_shifts: tuple[int, ...]) -> Ints:
    multiplier, shift = sigmoid_scaling(input_scale, exact_shifts)
    return (codes * multiplier + ((1 << shift) >> 1)) >> shift


def logistic_int16(codes: IntLike, input_scale: float) -> Ints:
    """
    Logistic function of int16 codes; result scale 2^-15, zero points 0.

    Source: the int16 `Logistic` in `reference/integer_ops/logistic.h`, `SigmoidPrepare`.
    """
    scaled = _table_input(as_ints(codes), input_scale, (0,))
    magnitude = np.abs(scaled)
    index = np.minimum(magnitude >> 9, 254)
    base = SIGMOID_TABLE[index]
    value = (base << 9) + (magnitude & 0x1FF) * (SIGMOID_TABLE[index + 1] - base)
    value = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, value)
    mirrored = (1 << 25) - value + (1 << 9) - 1
    return np.where(scaled >= 0, value + (1 << 9), mirrored) >> 10


def tanh_int16(codes: IntLike, input_scale: float) -> Ints:
    """
    Hyperbolic tangent of int16 codes; result scale 2^-15, zero points 0.

    Source: the int16 `Tanh` in `reference/integer_ops/tanh.h`, `TanhPrepare`.
    """
    scaled = _table_input(as_ints(codes), input_scale, (0, 1))
    magnitude = np.abs(scaled)
    index = np.minimum(magnitude >> 8, 254)
    base = SIGMOID_TABLE[index]
    value = (base << 8) + (magnitude & 0xFF) * (SIGMOID_TABLE[index + 1] - base)
    value = np.where(magnitude >> 8 >= 255, 0xFFFF << 8, value)
    mirrored = -value + (1 << 23) + (1 << 7) - 1
    return np.where(scaled >= 0, value - (1 << 23) + (1 << 7), mirrored) >> 8


def in_float32(function: Callable[[Doubles], Doubles]) -> FloatFunction:
    """A function evaluated in double precision, its argument and result float32."""

    def evaluate(x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return function(x.astype(np.float64)).astype(np.float32)

    return evaluate


def _erfc(x: Doubles) -> Doubles:
    return np.asarray([math.erfc(value) for value in x.ravel()], np.float64).reshape(x.shape)


exp32 = in_float32(np.exp)
tanh32 = in_float32(np.tanh)
expm132 = in_float32(np.expm1)
erfc32 = in_float32(_erfc)


def logistic32(x: Floats) -> Floats:
    """`1 / (1 + exp(-x))` in float32 steps, as `SigmoidPrepare` in `activations.cc` has it."""
    return np.float32(1) / (np.float32(1) + exp32(-x))


def elu32(x: Floats) -> Floats:
    """`x`, or `exp(x) - 1` below zero, as `EluPrepare` in `activations.cc` has it."""
    return np.where(x < 0, expm132(x), x)


def gelu32(x: Floats) -> Floats:
    """`x * Phi(x)` through `erfc`, as `GeluTransform` in `reference/gelu.h` has it."""
    return np.float32(0.5) * x * erfc32(x * np.float32(-math.sqrt(0.5)))


def gelu_tanh32(x: Floats) -> Floats:
    """The tanh approximation of `x * Phi(x)`, as `GeluTransformApproximate` has it."""
    inner = np.float32(2 / math.sqrt(math.pi) * math.sqrt(0.5)) * (
        x + np.float32(0.044715) * x * x * x
    )
    return np.float32(0.5) * x * (np.float32(1) + tanh32(inner))
