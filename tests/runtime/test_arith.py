"""nnc_arith.h against exact arithmetic on Python's integers and fractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.arrays import integers
from support.c_library import VARIANTS, load, pointer

Array = npt.NDArray[Any]

EXPORTS = Path(__file__).parent / "arith_exports.c"
MIN, MAX = -(1 << 31), (1 << 31) - 1
NEGATIVE_EDGES = (MIN, MIN + 1, -(1 << 30) - 1, -(1 << 30), -129, -128, -2, -1)
EDGES = (*NEGATIVE_EDGES, 0, 1, 2, 127, 128, (1 << 30) - 1, 1 << 30, MAX - 1, MAX)
RANDOM = 4000


@pytest.fixture(params=list(VARIANTS))
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def wrapped(value: int, bits: int = 32) -> int:
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def saturated(value: int) -> int:
    return min(max(value, MIN), MAX)


def nearest_away(value: Fraction) -> int:
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


def nearest_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def operands(seed: int, low: int, high: int, count: int) -> list[int]:
    """`count` lists of integers: edges within the range first, then random ones of all sizes."""
    generator = np.random.default_rng(seed)
    edges = [edge for edge in EDGES if low <= edge <= high]
    uniform = integers(generator, low, high, count)
    small = uniform >> integers(generator, 0, 30, count)
    return [*edges, *uniform.tolist(), *small.tolist()]


def pairs(seed: int) -> tuple[list[int], list[int]]:
    """All pairs of edges, then random pairs."""
    left = [edge for edge in EDGES for _ in EDGES] + operands(seed, MIN, MAX, RANDOM)
    right = list(EDGES) * len(EDGES) + operands(seed + 1, MIN, MAX, RANDOM)
    return left, right


def run(variant: str, name: str, *arguments: Array, result: type[np.generic] = np.int32) -> Array:
    output = np.zeros(arguments[0].size, result)
    function = getattr(load((EXPORTS,), variant), f"each_{name}")
    function(*map(pointer, arguments), pointer(output), arguments[0].size)
    return output


def int32(values: list[int]) -> Array:
    return np.array(values, np.int32)


BINARY: dict[str, Callable[[int, int], int]] = {
    "wrap_add32": lambda a, b: wrapped(a + b),
    "wrap_sub32": lambda a, b: wrapped(a - b),
    "wrap_mul32": lambda a, b: wrapped(a * b),
    "min32": min,
    "max32": max,
    "srdhm": lambda a, b: saturated(nearest_up(Fraction(a * b, 1 << 31))),
}


@pytest.mark.parametrize("name", BINARY)
def test_binary(variant: str, name: str) -> None:
    left, right = pairs(1)
    expected = [BINARY[name](a, b) for a, b in zip(left, right, strict=True)]
    assert run(variant, name, int32(left), int32(right)).tolist() == expected


BINARY64: dict[str, Callable[[int, int], int]] = {
    "wrap_add64": lambda a, b: wrapped(a + b, 64),
    "wrap_sub64": lambda a, b: wrapped(a - b, 64),
    "wrap_mul64": lambda a, b: wrapped(a * b, 64),
}


@pytest.mark.parametrize("name", BINARY64)
def test_binary64(variant: str, name: str) -> None:
    left, right = ([wrapped(v * v * v * v, 64) for v in values] for values in pairs(2))
    expected = [BINARY64[name](a, b) for a, b in zip(left, right, strict=True)]
    found = run(variant, name, np.array(left, np.int64), np.array(right, np.int64), result=np.int64)
    assert found.tolist() == expected


@pytest.mark.parametrize("name", ["rdbp", "wrap_shl32"])
def test_powers_of_two(variant: str, name: str) -> None:
    values = operands(3, MIN, MAX, 300)
    left = [value for value in values for _ in range(32)]
    right = list(range(32)) * len(values)
    expected = [
        nearest_away(Fraction(x, 1 << e)) if name == "rdbp" else wrapped(x << e)
        for x, e in zip(left, right, strict=True)
    ]
    assert run(variant, name, int32(left), int32(right)).tolist() == expected


def double_rounding(x: int, multiplier: int, shift: int) -> int:
    high = nearest_up(Fraction(wrapped(x << max(shift, 0)) * multiplier, 1 << 31))
    return nearest_away(Fraction(high, 1 << max(-shift, 0)))


def single_rounding(x: int, multiplier: int, shift: int) -> int:
    return wrapped(nearest_up(Fraction(x * multiplier, 1) / (Fraction(2) ** (31 - shift))))


def wide_rounding(x: int, multiplier: int, shift: int) -> int:
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    return wrapped(nearest_up(Fraction(x * reduced, 1) / (Fraction(2) ** (15 - shift))))


def multipliers(seed: int, count: int) -> list[int]:
    """Normal multipliers, the ends of their range, zero, and some negative ones."""
    generator = np.random.default_rng(seed)
    values = integers(generator, 1 << 30, MAX, count).tolist()
    special = [1 << 30, MAX, 0, -(1 << 30), -MAX, 0x7FFF0000, 0x7FFEFFFF]
    return [special[i] if i < len(special) else v if i % 7 else -v for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("name", "expected", "largest_shift"),
    [
        ("requantize_double", double_rounding, 31),
        ("requantize_single", single_rounding, 30),
    ],
)
def test_requantize(
    variant: str, name: str, expected: Callable[[int, int, int], int], largest_shift: int
) -> None:
    x = operands(4, MIN, MAX, RANDOM)
    multiplier = multipliers(5, len(x))
    generator = np.random.default_rng(6)
    shift = integers(generator, -31, largest_shift, len(x)).tolist()
    found = run(variant, name, int32(x), int32(multiplier), int32(shift))
    assert found.tolist() == list(map(expected, x, multiplier, shift))


def test_requantize_ties(variant: str) -> None:
    """Multiplier 2^30 is one half: every odd number is a tie, of both signs."""
    x = list(range(-2000, 2001))
    for shift in (0, -1, -5, 1):
        many = [1 << 30] * len(x), [shift] * len(x)
        found = run(variant, "requantize_double", int32(x), *map(int32, many))
        assert found.tolist() == list(map(double_rounding, x, *many))


def test_requantize_wide(variant: str) -> None:
    generator = np.random.default_rng(7)
    x = integers(generator, -(1 << 47), (1 << 47) - 1, RANDOM)
    x >>= integers(generator, 0, 46, RANDOM)
    x[:4] = (1 << 47) - 1, -(1 << 47), 0, -1
    multiplier = [abs(value) for value in multipliers(8, RANDOM)]
    shift = integers(generator, -31, 7, RANDOM).tolist()
    found = run(variant, "requantize_mb64", x, int32(multiplier), int32(shift))
    assert found.tolist() == list(map(wide_rounding, x.tolist(), multiplier, shift))


def test_requantize_affine(variant: str) -> None:
    acc = operands(9, MIN, MAX, RANDOM)
    generator = np.random.default_rng(10)
    multiplier = integers(generator, 1, MAX, len(acc)).tolist()
    shift = integers(generator, 1, 62, len(acc)).tolist()
    constant = [
        (1 << (s - 1)) + wrapped(a * 77, 7) * (1 << min(s, 54))
        for a, s in zip(acc, shift, strict=True)
    ]
    expected = [
        wrapped((a * m + c) >> s)
        for a, m, c, s in zip(acc, multiplier, constant, shift, strict=True)
    ]
    found = run(
        variant,
        "requantize_affine",
        int32(acc),
        int32(multiplier),
        np.array(constant, np.int64),
        int32(shift),
    )
    assert found.tolist() == expected


def test_saturated(variant: str) -> None:
    values = operands(11, MIN, MAX, RANDOM)
    output = np.zeros((len(values), 7), np.int32)
    load((EXPORTS,), variant).each_saturated(pointer(int32(values)), pointer(output), len(values))
    expected = [
        [
            min(max(x, -128), 127),
            min(max(x, 0), 255),
            min(max(x, -32768), 32767),
            saturated(3 * x),
            min(max(x, -3), 100),
            min(max(x, -300), 1000),
            32 - (x & 0xFFFFFFFF).bit_length(),
        ]
        for x in values
    ]
    assert output.tolist() == expected


ROUND: dict[str, Callable[[float], int]] = {
    "round_away": lambda x: nearest_away(Fraction(x)),
    "round_even": lambda x: round(Fraction(x)),
    "trunc": math.trunc,
}


def floats(kind: type[np.floating[Any]]) -> Array:
    """Ties, their neighbours, the ends of int32, tiny, huge, infinite and random numbers."""
    generator = np.random.default_rng(12)
    ties = np.arange(-300, 300) + 0.5
    powers = [2.0**exponent for exponent in (23, 24, 31, 52, 62)]
    ends = np.array([0, -0.0, 2**23 + 1, 2**31 - 128, 2**31 + 256, *powers])
    random = generator.standard_normal(RANDOM) * 2.0 ** integers(generator, -30, 33, RANDOM)
    values = np.concatenate([ties, ends, -ends, random, [1e-40, 1e30, -1e30, np.inf, -np.inf]])
    if kind is np.float64:
        values = np.concatenate([values, [2**31 - 0.5, 2**31 - 0.75, -(2**31) - 0.5, 2**52 - 0.5]])
    values = values.astype(kind)
    neighbours = [np.nextafter(values, kind(np.inf)), np.nextafter(values, kind(-np.inf))]
    return np.concatenate([values, *neighbours])


def rounded(operation: Callable[[float], int], value: float) -> int:
    if math.isinf(value):
        return MAX if value > 0 else MIN
    return saturated(operation(value))


@pytest.mark.parametrize("name", ROUND)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rounding(variant: str, name: str, kind: type[np.floating[Any]]) -> None:
    values = floats(kind)
    found = run(variant, f"{name}_f{32 if kind is np.float32 else 64}", values)
    assert found.tolist() == [rounded(ROUND[name], float(value)) for value in values]
    not_a_number = np.array([np.nan, -np.nan], kind)
    assert not run(variant, f"{name}_f{32 if kind is np.float32 else 64}", not_a_number).any()


@pytest.mark.parametrize("name", ["requantize_f64", "requantize_f64_i64"])
def test_requantize_f64(variant: str, name: str) -> None:
    """The product is rounded to double before it is rounded to an integer."""
    acc = operands(13, MIN, MAX, RANDOM)
    if name == "requantize_f64_i64":
        acc = [wrapped(value * 0x12345, 48) for value in acc]
    generator = np.random.default_rng(14)
    factor = np.exp2(-generator.uniform(0, 30, len(acc)))
    factor[::3] = 0.5
    factor[1::7] = 1.25
    expected = [
        rounded(ROUND["round_away"], float(a) * float(f)) for a, f in zip(acc, factor, strict=True)
    ]
    kind = np.int64 if name == "requantize_f64_i64" else np.int32
    assert run(variant, name, np.array(acc, kind), factor).tolist() == expected


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_products_stay_separate(variant: str, kind: type[np.floating[Any]]) -> None:
    """x * y - round(x * y) is zero, but for a fused multiply-add."""
    generator = np.random.default_rng(15)
    x, y = (generator.standard_normal(RANDOM).astype(kind) for _ in range(2))
    bits = 32 if kind is np.float32 else 64
    assert not run(variant, f"separate_f{bits}", x, y, -(x * y), result=kind).any()


def test_unaligned_words(variant: str) -> None:
    data = integers(np.random.default_rng(16), 0, 255, 64).astype(np.uint8)
    copy = np.zeros(16, np.uint8)
    assert load((EXPORTS,), variant).words_survive(pointer(data), pointer(copy), data.size) == 0
