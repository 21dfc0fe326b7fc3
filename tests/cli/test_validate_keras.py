"""`nnc validate` of Keras models: against Keras where there is a Python that has it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from support.keras_models import needs_keras
from support.nnc_command import Nnc
from support.project import ROOT

from nnc.frontends.keras_python import PYTHON

DIGITS = ROOT / "examples/digits/digits.h5"
MODELS = os.environ.get("NNC_MODELS")
_PIXELS = {"resnet8": (255, (32, 32, 3)), "vww": (1, (96, 96, 3))}
"""The largest value and the shape of the images of a network."""


def test_without_tensorflow_it_is_compared_with_nn(
    nnc: Nnc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnc.validate.keras_python", lambda: None)
    outcome = nnc("validate", DIGITS, "--on", "host", "--inputs", "random:1:1")
    assert outcome.code == 0, outcome.errors
    assert "against the reference semantics of the nn dialect" in outcome.output
    assert f"note: there is no TensorFlow to compare with: {PYTHON} may" in outcome.errors


def test_a_python_without_tensorflow(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON, sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests/support/no_tensorflow"))
    outcome = nnc("validate", DIGITS, "--on", "host", "--inputs", "random:1:1")
    assert outcome.code == 1
    assert outcome.errors.startswith("error: Keras 2 failed: ")


def test_a_python_that_does_not_exist(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON, "/no/such/python")
    outcome = nnc("validate", DIGITS, "--on", "host", "--inputs", "random:1:1")
    assert outcome.code == 1
    assert outcome.errors.startswith("error: Keras 2 cannot be started: ")


@needs_keras
def test_every_layer_agrees_with_keras(nnc: Nnc, tmp_path: Path) -> None:
    words = ("--inputs", "random:1:2", "--json", tmp_path / "v.json")
    outcome = nnc("validate", DIGITS, "--on", "host", *words)
    assert outcome.code == 0, outcome.errors
    result = json.loads((tmp_path / "v.json").read_text())
    assert (result["reference"], result["mismatches"]) == ("Keras 2", 0)
    names = [row["name"] for row in result["layers"]]
    assert names == ["conv1", "depthwise", "pool1", "conv2", "pool2", "digit"]


@needs_keras
@pytest.mark.parametrize("model", ["graph_2.h5", "graph_3.keras"])
def test_layers_of_models_in_models_agree_with_keras(nnc: Nnc, tmp_path: Path, model: str) -> None:
    """Those of each call by themselves; a layer over all steps at once has no counterpart."""
    path = ROOT / "tests/fixtures/keras" / model
    words = ("--inputs", "random:1:2", "--json", tmp_path / "v.json")
    outcome = nnc("validate", path, "--on", "host", *words)
    assert outcome.code == 0, outcome.errors
    result = json.loads((tmp_path / "v.json").read_text())
    names = {row["name"] for row in result["layers"]}
    assert {"shared", "shared:1", "tower/conv2d_2", "tower:1/conv2d_2", "tower:2/conv2d_2"} <= names
    assert set(result["unmatched"]) == {"time_distributed/steps/conv1d", "whole/add"}


@needs_keras
@pytest.mark.skipif(MODELS is None, reason="set NNC_MODELS to the folder of the reference models")
@pytest.mark.parametrize("name", ["ad", "resnet8", "sww", "vww"])
def test_reference_models_agree_with_keras(nnc: Nnc, name: str, tmp_path: Path) -> None:
    """On samples in the range of those that the networks were trained with."""
    samples = "random:1:2"
    if name in _PIXELS:
        largest, shape = _PIXELS[name]
        images = np.random.default_rng(0).random((2, *shape), np.float32) * np.float32(largest)
        samples = str(tmp_path / "images.npy")
        np.save(samples, images)
    model = Path(MODELS or "", "mlperf_tiny", f"{name}.h5")
    outcome = nnc("validate", model, "--on", "host", "--inputs", samples)
    assert outcome.code == 0, outcome.errors + outcome.output
    assert "against Keras 2" in outcome.output
