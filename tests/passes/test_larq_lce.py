"""
Models of the Larq compute engine against what its own interpreter gave: every bit of every output.

`tests/data/lce/make.py` made the models and ran them.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.compiled import LOOPS, SANITIZED, WHOLE, How, run_all, run_on_core
from support.project import ROOT
from support.sample_network import needs_boards
from support.tflite_nn import relative_error
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.nn.interpreter import run
from nnc.pipeline import load, run_passes

DATA = ROOT / "tests/data/lce"
LAYERS = np.load(DATA / "layers.npz")
CASES = sorted(name.removeprefix("model_") for name in LAYERS.files if name.startswith("model_"))


def imported(name: str, numerics: str = "lce") -> ModuleOp:
    """The module of a layer's model at the level of `nn`."""
    module = load(LAYERS[f"model_{name}"].tobytes())
    return run_passes(module, f"larq-to-nn{{numerics={numerics}}},tfl-to-nn")


@pytest.mark.parametrize("name", CASES)
def test_layer(name: str) -> None:
    (output,) = run(imported(name), [LAYERS[f"x_{name}"]]).outputs
    expected = LAYERS[f"y_{name}"]
    assert output.dtype == expected.dtype
    np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("how", [LOOPS, WHOLE, SANITIZED], ids=["loops", "whole", "sanitized"])
def test_layers_as_c(how: How) -> None:
    runs = run_all([(imported(name), [[LAYERS[f"x_{name}"]]]) for name in CASES], how)
    for name, (result,) in zip(CASES, runs, strict=True):
        np.testing.assert_array_equal(result.outputs[0], LAYERS[f"y_{name}"], err_msg=name)


def test_device_rounds_ties_to_even() -> None:
    away = run(imported("i8_ties"), [LAYERS["x_i8_ties"]]).outputs[0].astype(int)
    even = run(imported("i8_ties", "lce-device"), [LAYERS["x_i8_ties"]]).outputs[0].astype(int)
    differs = away != even
    assert differs.any()
    assert (even[differs] % 2 == 0).all()
    assert (np.abs(away - even)[differs] == 1).all()


def test_network() -> None:
    """Its first and last layers are float, so agreement is that of floats."""
    module = load(DATA / "network.tflite")
    module = run_passes(module, "larq-to-nn,tfl-to-nn")
    samples = np.random.default_rng(7).normal(0, 1, (4, 12, 12, 3)).astype(np.float32)
    outputs = np.concatenate([run(module, [x[None]]).outputs[0] for x in samples])
    expected = np.load(DATA / "network.npz")["y"]
    assert relative_error(outputs, expected) < 1e-5
    (runs,) = run_all([(module, [[x[None]] for x in samples])], WHOLE)
    assert relative_error(np.concatenate([r.outputs[0] for r in runs]), expected) < 1e-5


@needs_boards
@pytest.mark.parametrize(
    ("core", "names"),
    [
        ("cortex-m0", ("i8_ties", "f32_zero_padding")),
        ("cortex-m4", ("i8_ties", "f32_relu6", "bin_ragged", "pool_same")),
        ("cortex-m55", ("i8_zero_padding", "bin_groups", "bin_to_int8")),
    ],
)
def test_layers_on_core(core: str, names: tuple[str, ...]) -> None:
    """The same bits on every core, ties included."""
    for name in names:
        runs, _ = run_on_core(imported(name), [[LAYERS[f"x_{name}"]]], core)
        np.testing.assert_array_equal(runs[0].outputs[0], LAYERS[f"y_{name}"], err_msg=name)
