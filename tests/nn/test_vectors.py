"""Decisions of pairs of classes and the coupling of their probabilities."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.compiled import SANITIZED, parse, run_all
from support.onnx_models import Array
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.nn.interpreter import run


def coupling(rows: int, classes: int) -> ModuleOp:
    pairs = classes * (classes - 1) // 2
    kinds = f"tensor<{rows}x{pairs}xf32>", f"tensor<{rows}x{classes}xf32>"
    return parse(
        f"func.func @main(%r: {kinds[0]}) -> {kinds[1]} {{\n"
        f"%p = nn.couple_pairs %r : ({kinds[0]}) -> {kinds[1]}\n"
        f"func.return %p : {kinds[1]}\n}}"
    )


def pairwise(chances: Array) -> Array:
    """What pairs of classes say that are exactly as likely as these chances, [N, K]."""
    pairs = combinations(range(chances.shape[1]), 2)
    columns = [chances[:, i] / (chances[:, i] + chances[:, j]) for i, j in pairs]
    return np.stack(columns, axis=1).astype(np.float32)


@given(st.integers(1, 3), st.integers(2, 7), st.integers(0, 1 << 30))
@settings(deadline=None)
def test_coupling_finds_the_chances_that_pairs_agree_on(rows: int, classes: int, seed: int) -> None:
    chances = np.random.default_rng(seed).uniform(0.02, 1, (rows, classes))
    chances /= chances.sum(axis=1, keepdims=True)
    (found,) = run(coupling(rows, classes), [pairwise(chances)]).outputs
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    # The steps end where each class is within 0.005 / K of the optimum of the quadratic form.
    assert np.abs(found - chances).max() < 0.02


def test_loops_end_where_the_reference_does() -> None:
    cases: list[tuple[ModuleOp, list[list[Array]]]] = []
    for classes in (2, 3, 5, 8):
        pairs = classes * (classes - 1) // 2
        # Pairs that contradict each other, some of them certain: many steps, or all of them.
        drawn = np.random.default_rng(classes).uniform(-0.3, 1.3, (4, 2, pairs))
        samples = np.clip(drawn, 1e-7, 1 - 1e-7).astype(np.float32)
        cases.append((coupling(2, classes), [[sample] for sample in samples]))
    for (module, samples), runs in zip(cases, run_all(cases, SANITIZED), strict=True):
        for sample, compiled in zip(samples, runs, strict=True):
            (right,) = run(module, sample).outputs
            assert np.allclose(compiled.outputs[0], right, atol=1e-4)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=5), st.integers(0, 1 << 30))
@settings(deadline=None)
def test_decisions_of_pairs(counts: list[int], seed: int) -> None:
    """Against libsvm's definition, with classes that have no vectors among them."""
    counts[0] = max(1, counts[0])
    classes, vectors = len(counts), sum(counts)
    pairs = list(combinations(range(classes), 2))
    rng = np.random.default_rng(seed)
    kernel, coefficients, bias = (
        rng.normal(0, 1, shape).astype(np.float32)
        for shape in ((2, vectors), (classes - 1, vectors), (len(pairs),))
    )
    kinds = [f"tensor<2x{vectors}xf32>", f"tensor<{classes - 1}x{vectors}xf32>"]
    kinds += [f"tensor<{len(pairs)}xf32>"]
    result = f"tensor<2x{len(pairs)}xf32>"
    module = parse(
        f"func.func @main(%k: {kinds[0]}, %c: {kinds[1]}, %b: {kinds[2]}) -> {result} {{\n"
        f"%d = nn.one_against_one %k, %c, %b "
        f"{{vectors_per_class = array<i64: {', '.join(map(str, counts))}>}} : "
        f"({', '.join(kinds)}) -> {result}\nfunc.return %d : {result}\n}}"
    )
    owner = np.repeat(np.arange(classes), counts)
    for number, (first, second) in enumerate(pairs):
        right = np.full(2, float(bias[number]))
        for vector, own in enumerate(owner):
            if own == first:
                right += coefficients[second - 1, vector] * kernel[:, vector]
            if own == second:
                right += coefficients[first, vector] * kernel[:, vector]
        found = run(module, [kernel, coefficients, bias]).outputs[0][:, number]
        assert np.allclose(found, right, atol=1e-5)
