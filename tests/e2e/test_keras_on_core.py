"""
Networks from Keras files on emulated cores, with and without floating point in hardware.

`tests/fixtures/make_keras.py` made them and ran them in Keras.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.compiled import run_on_core
from support.project import ROOT
from support.sample_network import needs_boards

from nnc.agreement import disagreements
from nnc.pipeline import SIMPLIFICATIONS, load, run_passes

FOLDER = ROOT / "tests/fixtures/keras"
PASSES = ",".join(["keras-to-nn", "nn-fold-batch-norm", "nn-verify-contract", *SIMPLIFICATIONS])


@needs_boards
@pytest.mark.parametrize(
    ("core", "name"),
    [
        ("cortex-m0", "graph_2.h5"),
        ("cortex-m0", "cells_3.keras"),
        ("cortex-m4", "convolution_3.keras"),
        ("cortex-m4", "attention_2.h5"),
        ("cortex-m55", "pooling_3.keras"),
        ("cortex-m55", "recurrent_2.h5"),
    ],
)
def test_every_output_agrees_with_keras(core: str, name: str) -> None:
    """Two inferences, so that what is kept between them counts where Keras keeps it as well."""
    path = FOLDER / name
    module = run_passes(load(path), PASSES)
    with np.load(path.with_suffix(".npz")) as stored:
        inputs = [stored[f"input{k}"] for k in range(sum("input" in it for it in stored.files))]
        count = sum("output" in it for it in stored.files)
        first = [stored[f"output{k}"] for k in range(count)]
        second = [stored[f"again{k}"] if "again0" in stored else first[k] for k in range(count)]
    runs, _ = run_on_core(module, [inputs, inputs], core)
    for run, expected in zip(runs, (first, second), strict=True):
        for actual, wanted in zip(run.outputs, expected, strict=True):
            assert not disagreements(actual.reshape(wanted.shape), wanted, absolute=False).any()
