"""
Networks as PyTorch exports them, and one as MATLAB does: what they compute, and that nothing is
moved that need not be.

`make_torch.py` and `make_matlab.py` in `tests/fixtures` made them; PyTorch computed the results.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.compiled import WHOLE, run_all
from support.onnx_models import Array, reference
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp

from nnc.codegen.network import network_of
from nnc.dialects.nn.layout import arranged, layout_of, rearranged
from nnc.options import Options
from nnc.pipeline import SIMPLIFICATIONS, folds, import_passes, load, run_passes

FIXTURES = Path(__file__).parents[1] / "fixtures"
PATHS = {path.stem: path for path in sorted((FIXTURES / "torch").glob("*.onnx"))}
MATLAB = FIXTURES / "matlab/classifier.onnx"

SHUFFLES = {"shuffled": 2, "shuffled_dynamo": 2}
"""Transposes that move elements of images: one for each shuffle of channels."""


def simplified(path: Path, layout: str = "last") -> ModuleOp:
    passes = [*import_passes(["onnx"], Options("cortex-m4", io_layout=layout)), *folds(["onnx"])]
    return run_passes(load(path), ",".join([*passes, *SIMPLIFICATIONS]))


def kinds(module: ModuleOp) -> list[str]:
    ops = [op.name for op in network_of(module).body.block.ops]
    return [name for name in ops if name not in ("nn.constant", "nn.reshape")]


def edge(module: ModuleOp, results: bool) -> DictionaryAttr:
    """What is said of the only input or output."""
    function = network_of(module)
    attributes = function.res_attrs if results else function.arg_attrs
    assert attributes is not None
    return attributes.data[0]


def fed(module: ModuleOp, x: Array) -> Array:
    layout = layout_of(edge(module, False).data)
    return x if layout is None else arranged(x, layout)


@pytest.mark.parametrize("name", PATHS)
def test_only_shuffles_move_anything(name: str) -> None:
    assert kinds(simplified(PATHS[name])).count("nn.transpose") == SHUFFLES.get(name, 0)


@pytest.mark.parametrize("name", ["mlp", "cnn", "shuffled"])
def test_both_exporters_lead_to_the_same_operations(name: str) -> None:
    old, new = simplified(PATHS[name]), simplified(PATHS[f"{name}_dynamo"])
    assert kinds(old) == kinds(new)


def test_normalisation_and_activations_are_in_the_convolutions() -> None:
    layers = ["nn.conv2d", "nn.conv2d", "nn.max_pool2d", "nn.dense", "func.return"]
    assert kinds(simplified(PATHS["cnn"])) == layers


@pytest.mark.parametrize("layout", ["last", "kept"])
def test_results_are_those_of_the_frameworks(layout: str) -> None:
    modules = [simplified(path, layout) for path in (*PATHS.values(), MATLAB)]
    samples: list[tuple[Array, Array]] = []
    for path in PATHS.values():
        with np.load(path.with_name(f"{path.stem.removesuffix('_dynamo')}.npz")) as arrays:
            samples.append((arrays["x"], arrays["y"]))
    x = np.random.default_rng(1).normal(size=(1, 1, 12, 12)).astype(np.float32)
    # ONNX's implementation of the older batch normalisation is that of training.
    matlab = onnx.load(MATLAB)
    matlab.opset_import[0].version = 15
    samples.append((x, reference(matlab, [x])[0]))
    cases = [(module, [[fed(module, x)]]) for module, (x, _) in zip(modules, samples, strict=True)]
    runs = run_all(cases, WHOLE)
    for (module, _), run, (_, expected), name in zip(
        cases, runs, samples, [*PATHS, "matlab"], strict=True
    ):
        order = layout_of(edge(module, True).data)
        actual = run[0].outputs[0]
        actual = actual if order is None else rearranged(actual, order)
        assert actual.shape == expected.shape, name
        assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max(), name


def test_a_network_of_matlab_has_nothing_that_moves() -> None:
    layers = ["nn.sub", "nn.conv2d", "nn.max_pool2d", "nn.conv2d", "nn.max_pool2d", "nn.conv2d"]
    assert kinds(simplified(MATLAB)) == [*layers, "nn.softmax", "func.return"]
