"""Random networks as C give what the reference interpreter gives, in every tensor."""

from __future__ import annotations

import pytest
from support.compiled import LOOPS, SANITIZED, How
from support.random_networks import NETWORK_OPS, random_network
from support.tflite_builder import TypeName
from support.tflite_compiled import check_all

from nnc.passes.tfl import REWRITES

_KNOWN = {kind.name.removeprefix("tfl.").upper() for kind in REWRITES}
SUPPORTED = tuple(op for op in NETWORK_OPS if op in _KNOWN)


def check_networks(seeds: range, dtype: TypeName, how: How = LOOPS) -> None:
    """The networks of those seeds, in one program."""
    cases = [random_network(seed, dtype, SUPPORTED) for seed in seeds]
    check_all([(case.model, case.samples) for case in cases], how)


@pytest.mark.parametrize("start", range(0, 60, 20))
@pytest.mark.parametrize("dtype", ["i8", "f32", "i16"])
def test_networks(dtype: TypeName, start: int) -> None:
    check_networks(range(start, start + 20), dtype)


@pytest.mark.parametrize("dtype", ["i8", "f32", "i16"])
def test_sanitized(dtype: TypeName) -> None:
    check_networks(range(1000, 1008), dtype, SANITIZED)
