"""Ensembles that scikit-learn trained: what it predicts, for every sample of its data sets."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.onnx_models import Array
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from nnc.compiler import build_module
from nnc.dialects.nn.interpreter import run
from nnc.dialects.nn.labels import NAMES, texts_of
from nnc.emulator import run_program
from nnc.execution import built
from nnc.frontends.onnx import import_onnx
from nnc.options import Options
from nnc.passes.onnx_to_nn import OnnxToNnPass

FILE = Path(__file__).parents[1] / "fixtures" / "onnx" / "trees.npz"
CASES = (
    *("cancer", "cancer_boosting", "diabetes_boosting", "diabetes_histograms", "diabetes_two"),
    *("digits", "digits_shallow", "iris_ada", "iris_boosting", "iris_histograms"),
    *("iris_isolation", "iris_names", "iris_tree"),
)


@cache
def arrays() -> dict[str, Array]:
    with np.load(FILE) as file:
        return dict(file)


def model_of(name: str) -> bytes:
    return arrays()[f"{name}/model"].tobytes()


def lowered(model: bytes, rows: Array) -> ModuleOp:
    module = import_onnx(model, shapes={"X": rows.shape})
    OnnxToNnPass().apply(Context(), module)
    module.verify()
    return module


def names_of(module: ModuleOp) -> tuple[str, ...]:
    """What the numbers of the first result stand for."""
    function = next(op for op in module.body.block.ops if isinstance(op, FuncOp))
    assert function.res_attrs is not None
    return texts_of(function.res_attrs.data[0].data, NAMES)


def compare(name: str, module: ModuleOp, found: list[Array]) -> None:
    wanted = [arrays()[f"{name}/output{k}"] for k in range(len(found))]
    if len(found) == 2:
        names = names_of(module)
        labels = np.asarray(names)[found[0]] if names else found[0]
        assert (labels.ravel() == wanted[0].ravel()).all()
    scores = wanted[-1]
    assert found[-1].shape == scores.shape
    assert np.abs(found[-1] - scores).max() <= 1e-5 * max(1, np.abs(scores).max())


def test_no_case_is_forgotten() -> None:
    assert {key.partition("/")[0] for key in arrays()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_sample(name: str) -> None:
    rows = arrays()[f"{name}/input"]
    module = lowered(model_of(name), rows)
    compare(name, module, list(run(module, [rows]).outputs))


def with_bytes(model: bytes) -> bytes:
    """The model with an input of uint8, which it makes float32 numbers of."""
    proto = onnx.ModelProto.FromString(model)
    graph = proto.graph
    for node in graph.node:
        node.input[:] = ["floats" if name == "X" else name for name in node.input]
    graph.node.insert(0, helper.make_node("Cast", ["X"], ["floats"], to=TensorProto.FLOAT))
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return proto.SerializeToString()


def test_inputs_of_bytes() -> None:
    rows = arrays()["digits/input"].astype(np.uint8)
    module = lowered(with_bytes(model_of("digits")), rows)
    compare("digits", module, list(run(module, [rows]).outputs))


@pytest.mark.parametrize("optimize", ["balanced", "flash"])
def test_on_an_emulated_core(optimize: str) -> None:
    """As code and as tables, some of the digits on a Cortex-M4."""
    rows = arrays()["digits/input"][::30].astype(np.uint8)
    module = import_onnx(with_bytes(model_of("digits")))
    network = build_module(module, Options("cortex-m4", optimize=optimize, kernels="portable"))
    kernels = {layer.op: layer.kernel for layer in network.report.layers}
    assert kernels["tree_ensemble"] == ("tree_code" if optimize == "balanced" else "loops")
    with built(network, "cortex-m4") as program:
        result = run_program(program, ([row.tobytes()] for row in rows))
    labels = [np.frombuffer(sample[0], "<i8")[0] for sample in result.outputs]
    shares = np.stack([np.frombuffer(sample[1], "<f4") for sample in result.outputs])
    assert labels == list(arrays()["digits/output0"][::30])
    assert (shares == arrays()["digits/output1"][::30]).all()
