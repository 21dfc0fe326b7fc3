"""
Small versions of well-known binary networks, from Larq's files and from its converter's.

`tests/data/larq/networks.py` made them and ran them, in Larq and in the interpreter of its compute
engine. Beside the results it is looked at what lies between their layers: where a paper's network
has signs, there are no floats.
"""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import pytest
from support.compiled import SANITIZED, run_all, run_on_core
from support.project import ROOT
from support.sample_network import needs_boards
from support.tflite_nn import main_function, relative_error
from xdsl.dialects.builtin import ModuleOp, f32

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.types import BIN, element_of, shape_of
from nnc.pipeline import SIMPLIFICATIONS, load, run_passes

FOLDER = ROOT / "tests/data/larq/networks"
RESULTS = np.load(FOLDER.with_suffix(".npz"))
FILES = sorted(FOLDER.iterdir())
SAMPLES = [[sample[None]] for sample in RESULTS["x"]]


def name_of(path: Path) -> str:
    """The network and its format."""
    return path.name


@cache
def imported(path: Path) -> ModuleOp:
    """A network at the level of `nn`, as `nnc` imports it."""
    passes = "larq-to-nn,tfl-to-nn" if path.suffix == ".tflite" else "larq-to-nn,keras-to-nn"
    return run_passes(load(path), passes)


@cache
def simplified(path: Path) -> ModuleOp:
    """The same behind the passes that change no result."""
    folds = [] if path.suffix == ".tflite" else ["nn-fold-batch-norm"]
    return run_passes(imported(path).clone(), ",".join([*folds, *SIMPLIFICATIONS]))


def expected(path: Path) -> np.ndarray:
    """What the framework gave."""
    framework = "lce" if path.suffix == ".tflite" else "larq"
    return RESULTS[f"{framework}_{path.stem}"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_results(path: Path) -> None:
    """As floats agree: their last layers are float. All signs before them are those of Larq."""
    outputs = [run(imported(path), sample).outputs[0] for sample in SAMPLES]
    assert relative_error(np.concatenate(outputs), expected(path)) < 1e-5


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_passes_change_nothing(path: Path) -> None:
    module = imported(path).clone()
    if path.suffix != ".tflite":
        run_passes(module, "nn-fold-batch-norm")
    for sample in SAMPLES[:2]:
        before = run(module, sample).outputs[0]
        np.testing.assert_array_equal(run(simplified(path), sample).outputs[0], before)


def test_as_c() -> None:
    """All of them in one program, with sanitizers."""
    compiled = run_all([(simplified(path), SAMPLES) for path in FILES], SANITIZED)
    for path, results in zip(FILES, compiled, strict=True):
        outputs = np.concatenate([result.outputs[0] for result in results])
        assert relative_error(outputs, expected(path)) < 1e-5, path.name


def floats_between(path: Path) -> list[str]:
    """The ops that give more than a row of floats."""
    return [
        op.kind
        for op in main_function(simplified(path)).body.block.ops
        if isinstance(op, NnOp)
        and any(element_of(it) == f32 and prod(shape_of(it)[:-1]) > 1 for it in op.results)
    ]


BLOCK = ["conv2d", "mul", "add", "add"]
"""A convolution, its normalisation, and the shortcut around them."""


@pytest.mark.parametrize(
    ("name", "floats"),
    [
        ("binary_net.h5", []),
        ("binary_net.tflite", []),
        ("grouped_signs.h5", ["average_pool2d"]),
        ("grouped_signs.tflite", ["average_pool2d"]),
        ("sign_shortcuts.h5", ["average_pool2d", "conv2d", "mul", "add"]),
        ("sign_shortcuts.tflite", ["average_pool2d", "conv2d", "mul", "add"]),
        ("bi_real_net.tflite", ["conv2d", *BLOCK, "average_pool2d", "conv2d", *BLOCK, *BLOCK]),
        ("quick_net.h5", ["conv2d", "depthwise_conv2d", "conv2d", *BLOCK, *BLOCK]),
    ],
)
def test_floats_where_the_network_has_floats(name: str, floats: list[str]) -> None:
    """In order, those of the last float layers of QuickNet left out."""
    found = floats_between(FOLDER / name)
    assert found[: len(floats)] == floats
    if name != "quick_net.h5":
        assert len(found) == len(floats)


def test_groups_and_depthwise_layers_read_and_give_signs() -> None:
    """Also where they need a sign beside the one that others read."""
    ops = main_function(simplified(FOLDER / "grouped_signs.h5")).body.block.ops
    signs = [
        op.kind
        for op in ops
        if isinstance(op, NnOp)
        and {element_of(it) for it in (op.operands[0], *op.results)} == {BIN}
    ]
    binary = ["conv2d", "depthwise_conv2d", "concat", "conv2d", "max_pool2d", "mul"]
    assert signs == binary


@needs_boards
@pytest.mark.parametrize(
    ("core", "name"),
    [
        ("cortex-m0", "binary_net.tflite"),
        ("cortex-m4", "sign_shortcuts.h5"),
        ("cortex-m55", "grouped_signs.h5"),
    ],
)
def test_on_core(core: str, name: str) -> None:
    runs, _ = run_on_core(simplified(FOLDER / name), SAMPLES[:1], core)
    assert relative_error(runs[0].outputs[0], expected(FOLDER / name)[:1]) < 1e-5
