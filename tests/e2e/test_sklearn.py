"""
Estimators of scikit-learn, through the C that they become, against what scikit-learn says of rows.

`benchmarks/sklearn_models.py` trains them, `tests/fixtures/make_sklearn.py` keeps some small ones
with a few rows of the test set of each.
"""

from __future__ import annotations

import io
import lzma
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.compiled import How, run_all, run_on_core
from support.onnx_models import Array
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from nnc.dialects.nn.interpreter import Run
from nnc.dialects.nn.labels import NAMES, texts_of
from nnc.dialects.nn.states import NAME
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_verify_contract import NnVerifyContractPass
from nnc.passes.onnx_to_nn import OnnxToNnPass
from nnc.pipeline import context

FILE = Path(__file__).parents[1] / "fixtures/sklearn.npz.xz"
ON_CORE = (
    "gradient_boosting_classifier",
    "k_neighbors_classifier",
    "logistic_regression",
    "svc_probability",
)

POORLY_CONDITIONED = {"svc_probability": 1e-4}
"""
The estimators whose scores are computed to less than the digits of float32: the coupling of
probabilities ends where they are within 0.005 of the best.
"""

WHOLE = How(simplify=True, kernels="portable", flags=("-O0",))


@cache
def estimators() -> dict[str, dict[str, Array]]:
    """The arrays of each estimator: its model, rows, labels and scores."""
    found: dict[str, dict[str, Array]] = {}
    with np.load(io.BytesIO(lzma.decompress(FILE.read_bytes()))) as arrays:
        for entry in arrays.files:
            name, part = entry.split("/")
            found.setdefault(name, {})[part] = arrays[entry]
    return found


def lowered(model: bytes) -> ModuleOp:
    module = import_onnx(model)
    for step in (OnnxToNnPass(), NnVerifyContractPass()):
        step.apply(context(), module)
    return module


def results(module: ModuleOp, runs: list[Run]) -> dict[str, Array]:
    """The outputs of all rows by name, texts instead of their numbers."""
    function = next(op for op in module.body.block.ops if isinstance(op, FuncOp))
    assert function.res_attrs is not None
    found: dict[str, Array] = {}
    for number, entry in enumerate(function.res_attrs):
        values = np.concatenate([run.outputs[number].reshape(1, -1) for run in runs])
        names = texts_of(entry.data, NAMES)
        found[entry.data[NAME].data] = np.asarray(names)[values] if names else values
    return found


def wrong(name: str, module: ModuleOp, runs: list[Run]) -> list[str]:
    """What differs from scikit-learn."""
    wanted, problems = estimators()[name], list[str]()
    outputs = results(module, runs)
    label = outputs.pop("label", None)
    if label is not None and not np.array_equal(label.ravel(), wanted["label"].ravel()):
        problems.append(f"{name}: labels {label.ravel()}, expected {wanted['label']}")
    (scores,) = outputs.values()
    right = wanted["scores"].reshape(len(scores), -1)
    if right.shape[1] == 1 and scores.shape[1] == 2:
        # scikit-learn's decision of two classes is the score of the second one.
        scores = scores[:, 1:]
    room = POORLY_CONDITIONED.get(name, 1e-5) * float(np.abs(right).max())
    if scores.shape != right.shape or not np.allclose(scores, right, rtol=0, atol=room):
        problems.append(f"{name}: scores {scores[:2]}, expected {right[:2]}")
    return problems


def test_estimators() -> None:
    modules = {name: lowered(it["model"].tobytes()) for name, it in estimators().items()}
    cases = [
        (module, [[row[None]] for row in estimators()[name]["x"]])
        for name, module in modules.items()
    ]
    problems: list[str] = []
    for (name, module), runs in zip(modules.items(), run_all(cases, WHOLE), strict=True):
        problems += wrong(name, module, runs)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", ON_CORE)
def test_estimators_on_a_core(name: str) -> None:
    estimator = estimators()[name]
    module = lowered(estimator["model"].tobytes())
    samples = [[row[None]] for row in estimator["x"][:4]]
    how = How(simplify=True, kernels="portable")
    runs, _ = run_on_core(module, samples, "cortex-m4", how, hook=False)
    estimators()[name] |= {"label": estimator["label"][:4], "scores": estimator["scores"][:4]}
    assert not wrong(name, module, runs)
