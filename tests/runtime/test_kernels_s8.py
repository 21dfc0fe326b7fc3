"""Our dense int8 kernels against exact integer arithmetic."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.arrays import integers
from support.c_library import VARIANTS, pointer, runtime
from support.guarded import guarded

Array = npt.NDArray[Any]


@pytest.fixture(params=list(VARIANTS))
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    return runtime(str(request.param))


def drawn(
    generator: np.random.Generator, batches: int, depth: int, outputs: int
) -> tuple[Array, Array, Array, Array]:
    """Inputs, weights, bias, and the sums that they make."""
    x, weights = (
        guarded(integers(generator, -128, 127, shape).astype(np.int8))
        for shape in ((batches, depth), (outputs, depth))
    )
    bias = guarded(integers(generator, -100000, 100000, outputs).astype(np.int32))
    sums = x.astype(np.int64) @ weights.T.astype(np.int64) + bias
    return x, weights, bias, sums


SHAPES = [(1, 1, 1), (1, 7, 3), (2, 16, 4), (3, 33, 9), (1, 100, 17)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [0, 1])
def test_dense(library: ctypes.CDLL, shape: tuple[int, int, int], step: int) -> None:
    generator = np.random.default_rng(sum(shape))
    x, weights, bias, sums = drawn(generator, *shape)
    entries = shape[2] if step else 1
    shift = integers(generator, 36, 44, entries)
    constant = (1 << (shift - 1)) + (-5 << shift)
    tables = (
        guarded(integers(generator, 1 << 30, (1 << 31) - 1, entries).astype(np.int32)),
        guarded(constant),
        guarded(shift.astype(np.int32)),
    )
    found = guarded(np.zeros((shape[0], shape[2]), np.int8))
    library.nnc_dense_s8(
        pointer(x),
        *shape,
        *map(pointer, (weights, bias, *tables)),
        step,
        -100,
        90,
        pointer(found),
    )
    scaled = (sums * tables[0].astype(np.int64) + constant) >> shift
    np.testing.assert_array_equal(found, np.clip(scaled, -100, 90))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [0, 1])
def test_dense_f64(library: ctypes.CDLL, shape: tuple[int, int, int], step: int) -> None:
    """Half of the factors are powers of two, which make ties."""
    generator = np.random.default_rng(sum(shape))
    x, weights, bias, sums = drawn(generator, *shape)
    factors = guarded(np.exp2(-generator.uniform(6, 14, shape[2] if step else 1)))
    factors[::2] = np.exp2(np.rint(np.log2(factors[::2])))
    found = guarded(np.zeros((shape[0], shape[2]), np.int8))
    library.nnc_dense_f64_s8(
        pointer(x),
        *shape,
        *map(pointer, (weights, bias, factors)),
        step,
        7,
        -128,
        127,
        pointer(found),
    )
    product = sums.astype(np.float64) * factors
    rounded = np.sign(product) * np.floor(np.abs(product) + 0.5)
    np.testing.assert_array_equal(found, np.clip(rounded + 7, -128, 127))
