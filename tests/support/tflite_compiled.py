"""TFLite models as C, beside the reference interpreter, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from support.compiled import LOOPS, How, Samples, run_all
from support.oracle import Array, Reference
from support.tflite_nn import relative_error

from nnc.dialects.nn.interpreter import Run

TOLERANCE = 1e-5
"""How far floats may be from the reference, relative to the largest magnitude of their tensor."""


def check_all(
    cases: Sequence[tuple[bytes, Samples]],
    how: How = LOOPS,
    oracles: Sequence[Reference] | None = None,
) -> list[list[str]]:
    """
    Runs models as C and compares all outputs, and all layers that are tensors of the model.

    Gives the names of the layers of each model that are not. `oracles` are interpreters of the same
    models where theirs is another file.
    """
    references = oracles or [Reference(model) for model, _ in cases]
    results = run_all(cases, how)
    return [
        [
            name
            for run, sample in zip(runs, samples, strict=True)
            for name in check(run, ref, sample)
        ]
        for (_, samples), ref, runs in zip(cases, references, results, strict=True)
    ]


def check(run: Run, reference: Reference, sample: Sequence[Array]) -> list[str]:
    """Compares one run with the reference; gives the layers that have no tensor there."""
    tensors = reference.run(sample)
    names = {info.name: tensors[info.index] for info in reference.tensors if info.index in tensors}
    unknown: list[str] = []
    for name, array in run.layers.items():
        expected = names.get(name)
        expected = None if expected is None else run.like(name, expected)
        if expected is None or (expected.shape, expected.dtype) != (array.shape, array.dtype):
            unknown.append(name)
        else:
            check_tensor(name, array, expected)
    for info, array in zip(reference.outputs, run.outputs, strict=True):
        expected = tensors[info.index]
        assert (expected.shape, expected.dtype) == (array.shape, array.dtype), info.name
        check_tensor(info.name, array, expected)
    return unknown


def check_tensor(name: str, actual: Array, expected: Array) -> None:
    """Equal integers, or floats in agreement."""
    if actual.dtype.kind == "f":
        error = relative_error(actual, expected)
        assert error <= TOLERANCE, f"{name}: {error}"
        return
    differing = np.argwhere(actual != expected)
    assert not differing.size, (
        f"{name}: {len(differing)} of {actual.size} differ, at {differing[0]}"
    )
