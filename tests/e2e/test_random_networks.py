"""Random networks as C give what the reference interpreter gives, in every tensor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.compiled import LOOPS, SANITIZED, WHOLE, How
from support.random_networks import random_network
from support.tflite_builder import TypeName
from support.tflite_compiled import check_all


def check_networks(seeds: range, dtype: TypeName, how: How = LOOPS) -> None:
    """The networks of those seeds, in one program."""
    cases = [random_network(seed, dtype) for seed in seeds]
    check_all([(case.model, case.samples) for case in cases], how)


@pytest.mark.parametrize("start", range(0, 40, 20))
@pytest.mark.parametrize("dtype", ["i8", "f32", "i16"])
def test_networks(dtype: TypeName, start: int) -> None:
    check_networks(range(start, start + 20), dtype)


@pytest.mark.parametrize("dtype", ["i8", "f32", "i16"])
def test_all_passes_and_kernels(dtype: TypeName) -> None:
    check_networks(range(100, 130), dtype, WHOLE)


@pytest.mark.parametrize("how", [SANITIZED, replace(WHOLE, sanitize=True)], ids=["loops", "whole"])
@pytest.mark.parametrize("dtype", ["i8", "f32", "i16"])
def test_sanitized(dtype: TypeName, how: How) -> None:
    check_networks(range(1000, 1006), dtype, how)
