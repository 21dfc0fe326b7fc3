"""
Every kind of layer against what Keras computed: the models and numbers of `tests/fixtures/keras`.

`tests/fixtures/make_keras.py` made them with both generations of Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nnc.agreement import disagreements
from nnc.dialects.nn import interpreter
from nnc.dialects.types import Array
from nnc.pipeline import load, run_passes

FOLDER = Path(__file__).parents[1] / "fixtures/keras"
MODELS = sorted(path for path in FOLDER.iterdir() if path.suffix in (".h5", ".keras"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_every_output_agrees_with_keras(path: Path) -> None:
    module = run_passes(load(path), "keras-to-nn,nn-verify-contract")
    with np.load(path.with_suffix(".npz")) as stored:
        inputs = [stored[f"input{k}"] for k in range(sum("input" in it for it in stored.files))]
        expected = [stored[f"output{k}"] for k in range(sum("output" in it for it in stored.files))]
        again = [stored[f"again{k}"] for k in range(sum("again" in it for it in stored.files))]
    result = interpreter.run(module, inputs)
    check(result.outputs, expected)
    if again:
        check(interpreter.run(module, inputs, result.states).outputs, again)


def check(outputs: Sequence[Array], expected: Sequence[Array]) -> None:
    """All outputs, as floats agree."""
    assert [it.shape for it in outputs] == [it.shape for it in expected]
    wrong = [
        (number, float(np.abs(actual - wanted).max()))
        for number, (actual, wanted) in enumerate(zip(outputs, expected, strict=True))
        if disagreements(actual, wanted, absolute=False).any()
    ]
    assert wrong == []
