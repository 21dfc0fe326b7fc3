"""`nnc validate` of a model of the Larq compute engine."""

from __future__ import annotations

import os
import sys

import pytest
from support.nnc_command import Nnc
from support.project import ROOT

from nnc.frontends.keras_python import PYTHON
from nnc.reference import lce_python

MODEL = ROOT / "tests/data/lce/network.tflite"


def test_without_its_interpreter(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    """TFLite's cannot run such a model; the compiler's own semantics can."""
    monkeypatch.setenv(PYTHON, sys.executable)
    if lce_python() is not None:
        pytest.skip("this Python has the Larq compute engine")
    outcome = nnc("validate", MODEL, "--on", "host", "--inputs", "random:1:2")
    assert outcome.code == 0, outcome.errors
    assert f"no Larq compute engine to compare with: {PYTHON} may name a Python" in outcome.errors
    assert "the reference semantics of the nn dialect" in outcome.output
    assert "no mismatch in" in outcome.output


@pytest.mark.skipif(
    not os.environ.get(PYTHON) or lce_python() is None,
    reason=f"set {PYTHON} to a Python that has larq-compute-engine",
)
def test_with_its_interpreter(nnc: Nnc) -> None:
    outcome = nnc("validate", MODEL, "--on", "host", "--inputs", "random:1:2")
    assert outcome.code == 0, outcome.errors
    assert "the interpreter of the Larq compute engine" in outcome.output
    assert "no mismatch in 0 layers and 1 output" in outcome.output
