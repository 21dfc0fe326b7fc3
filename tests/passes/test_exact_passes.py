"""The passes that simplify `nn` exactly change no bit of any result, at no level."""

from __future__ import annotations

import numpy as np
import pytest
from support.compiled import run_all
from support.dead_channels import dead_channels
from support.random_nn import THEMES as OTHER_THEMES
from support.random_nn import random_nn
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.nn.interpreter import Run, run
from nnc.dialects.types import Array
from nnc.passes import load_pass
from nnc.passes.channel_liveness import Mixing
from nnc.pipeline import SIMPLIFICATIONS

THEMES = OTHER_THEMES | {"nn-eliminate-channels": dead_channels}
TESTED_ALONE = {"nn-encode-splits"}
"""Passes whose networks are made of trees."""

SEEDS = range(40)
COMPILED = 15


def applied(module: ModuleOp, *names: str) -> ModuleOp:
    """A copy of a module after some passes."""
    result = module.clone()
    for name in names:
        load_pass(name)().apply(Context(), result)
        result.verify()
    return result


def check(before: Run, after: Run) -> None:
    """Equal outputs; what is still called by a name is still the same, in the channels left."""
    for expected, actual in zip(before.outputs, after.outputs, strict=True):
        assert_same(actual, expected)
    for name, actual in after.layers.items():
        if name.startswith("model:") and "/" not in name and name in before.layers:
            expected = after.like(name, before.layers[name])
            assert_same(actual, expected.reshape(actual.shape))


def assert_same(actual: Array, expected: Array) -> None:
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    assert np.array_equal(actual, expected, equal_nan=actual.dtype.kind == "f")


@pytest.mark.parametrize("name", THEMES)
def test_pass(name: str) -> None:
    changed = 0
    cases: list[tuple[ModuleOp, list[list[Array]]]] = []
    for seed in SEEDS:
        module, samples = random_nn(THEMES[name], seed)
        simplified = applied(module, name)
        assert str(applied(simplified, name)) == str(simplified), f"seed {seed}: not idempotent"
        changed += str(simplified) != str(module)
        for sample in samples:
            check(run(module, sample), run(simplified, sample))
        if len(cases) < 2 * COMPILED:
            cases += [(module, samples), (simplified, samples)]
    assert changed > len(SEEDS) / 3
    compiled = run_all(cases)
    for before, after in zip(compiled[::2], compiled[1::2], strict=True):
        for expected, actual in zip(before, after, strict=True):
            check(expected, actual)


@pytest.mark.parametrize("theme", THEMES)
def test_all_together(theme: str) -> None:
    for seed in SEEDS:
        module, samples = random_nn(THEMES[theme], 1000 + seed)
        simplified = applied(module, *SIMPLIFICATIONS)
        for sample in samples:
            check(run(module, sample), run(simplified, sample))


def test_the_pipeline_has_every_exact_pass() -> None:
    assert set(SIMPLIFICATIONS) == set(THEMES) | TESTED_ALONE


def test_what_a_constant_channel_adds_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """These networks find it out if biases do not take over what constant channels are worth."""

    class Forgetful(Mixing):
        def __init__(self, free: Array, parts: Array):
            super().__init__(free, np.zeros_like(parts))

    monkeypatch.setattr("nnc.passes.channel_liveness.Mixing", Forgetful)
    wrong = 0
    for seed in SEEDS:
        module, (sample, _) = random_nn(dead_channels, seed)
        before = run(module, sample)
        after = run(applied(module, "nn-eliminate-channels"), sample)
        wrong += any(map(np.any, map(np.not_equal, before.outputs, after.outputs)))
    assert wrong
