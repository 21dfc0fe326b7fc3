"""Ensembles of trees against ONNX's reference implementation, in numpy and through C."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from support.compiled import SANITIZED, run_all
from support.onnx_models import Array, model, node, reference, tensor, value
from support.tree_models import ML, classifier, regressor, samples
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.nn.interpreter import run
from nnc.frontends.onnx import import_onnx
from nnc.passes.onnx.forests import at_most, below
from nnc.passes.onnx_to_nn import OnnxToNnPass

F32 = np.float32
ROWS = 8


def lowered(proto: onnx.ModelProto, rows: int = ROWS) -> ModuleOp:
    module = import_onnx(proto.SerializeToString(), shapes={"x": (rows, 4)})
    OnnxToNnPass().apply(Context(), module)
    module.verify()
    return module


def unequal(proto: onnx.ModelProto) -> bool:
    """Whether a question is for what is unequal: of NaN, the reference itself disagrees."""
    names = (it for it in proto.graph.node[0].attribute if it.name == "nodes_modes")
    return any(b"BRANCH_NEQ" in it.strings for it in names)


def inputs(proto: onnx.ModelProto, seed: int) -> Array:
    rows = samples(seed, ROWS)
    return np.nan_to_num(rows, nan=0.25) if unequal(proto) else rows


def check(proto: onnx.ModelProto, rows: Array, found: list[Array]) -> None:
    with np.errstate(all="ignore"):
        wanted = reference(proto, [rows])
    scores = np.asarray(wanted[-1], F32)
    assert found[-1].shape == scores.shape
    assert np.allclose(found[-1], scores, 1e-5, 1e-5 * max(1, np.abs(scores).max()))
    if len(found) == 2:
        # Two scores may be the same number once transformed.
        ordered = np.sort(scores, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > 1e-5
        assert (found[0] == wanted[0])[clear].all()


@settings(max_examples=60)
@given(seed=st.integers(0, 1 << 30), kind=st.sampled_from([classifier, regressor]))
def test_reference_semantics(seed: int, kind: Callable[[int], onnx.ModelProto]) -> None:
    proto = kind(seed)
    rows = inputs(proto, seed)
    check(proto, rows, list(run(lowered(proto), [rows]).outputs))


def test_c() -> None:
    protos = [kind(seed) for seed in range(12) for kind in (classifier, regressor)]
    rows = [inputs(proto, seed // 2) for seed, proto in enumerate(protos)]
    cases = [(lowered(proto), [[x]]) for proto, x in zip(protos, rows, strict=True)]
    runs = run_all(cases, SANITIZED)
    for proto, x, found in zip(protos, rows, runs, strict=True):
        check(proto, x, list(found[0].outputs))


@given(value=st.floats(allow_nan=False))
def test_splits_in_double_precision(value: float) -> None:
    """The nearest float32 numbers on both sides are compared as the double is."""
    with np.errstate(over="ignore"):
        near = F32(value)
    around = [np.nextafter(near, F32(sign * np.inf), dtype=F32) for sign in (-1, 1)]
    for x in (F32(it) for it in (near, *around, -np.inf, np.inf, 0.0, -0.0)):
        assert (x <= at_most(value)) == (float(x) <= value)
        assert (x <= below(value)) == (float(x) < value)


def unified(**changes: object) -> onnx.ModelProto:
    """A TreeEnsemble: is the first element of {0, 2, 3}, else is the second at most 1.5?"""
    attributes: dict[str, object] = {
        "n_targets": 2,
        "aggregate_function": 1,
        "nodes_featureids": [0, 1],
        "nodes_modes": tensor("m", TensorProto.UINT8, [2], [6, 0]),
        "nodes_splits": tensor("s", TensorProto.FLOAT, [2], [0.0, 1.5]),
        "membership_values": tensor("v", TensorProto.FLOAT, [4], [3, 0, 2, np.nan]),
        "nodes_truenodeids": [0, 1],
        "nodes_trueleafs": [1, 1],
        "nodes_falsenodeids": [1, 2],
        "nodes_falseleafs": [0, 1],
        "leaf_targetids": [0, 1, 0],
        "leaf_weights": tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 4.0]),
        "tree_roots": [0, 0],
    }
    attributes.update(changes)
    nodes = [node("TreeEnsemble", ["x"], ["y"], domain=ML, **attributes)]
    return model(nodes, [value("x", ["N", 4])], ["y"], domains={ML: 5})


def answers(proto: onnx.ModelProto, rows: object) -> list[list[float]]:
    x = np.zeros((len(np.asarray(rows)), 4), F32)
    x[:, :2] = rows
    found = run(lowered(proto, len(x)), [x]).outputs[0]
    return [[float(score) for score in row] for row in found]


def test_members_of_sets() -> None:
    rows = [[0, 9], [2, 9], [3, 9], [1, 1.5], [np.nan, 2], [-0.0, 0], [np.inf, 0]]
    first, second, third = [2.0, 0.0], [0.0, 4.0], [8.0, 0.0]
    assert answers(unified(), rows) == [first, first, first, second, third, first, second]


def test_missing_members() -> None:
    proto = unified(nodes_missing_value_tracks_true=[1, 0])
    assert answers(proto, [[np.nan, 9]]) == [[2.0, 0.0]]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, [[1.0, 0.0]]), (1, [[2.0, 0.0]]), (2, [[1.0, F32(np.finfo(F32).max)]])],
)
def test_aggregates_of_the_unified_operator(number: int, expected: list[list[float]]) -> None:
    assert answers(unified(aggregate_function=number), [[0, 9]]) == expected


def problem(proto: onnx.ModelProto) -> str:
    with pytest.raises(DiagnosticException) as caught:
        lowered(proto)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes_falsenodeids": [0, 2]}, "a node that leads back to itself"),
        ({"nodes_falsenodeids": [7, 2]}, "expected nodes and leaves below 2, got the number 7"),
        ({"nodes_featureids": [0, 9]}, "expected numbers of 4 elements in a row, got 9"),
        ({"leaf_targetids": [0, 2, 0]}, "expected 2 targets, got the number 2"),
        ({"tree_roots": [2]}, "expected roots below 2"),
        ({"nodes_trueleafs": [1]}, "must have 2 elements"),
        ({"membership_values": tensor("v", 1, [1], [np.nan])}, ""),
        ({"membership_values": tensor("v", 1, [0], [])}, "membership values"),
        ({"aggregate_function": 4}, "expected aggregate_function below 4, got 4"),
    ],
)
def test_what_are_no_trees(changes: dict[str, object], said: str) -> None:
    proto = unified(**changes)
    if not said:
        assert answers(proto, [[0, 0]]) == [[0.0, 4.0]]
        return
    assert said in problem(proto)


def test_doubles_are_refused() -> None:
    proto = unified()
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    for attribute in proto.graph.node[0].attribute:
        if attribute.name in ("nodes_splits", "leaf_weights", "membership_values"):
            values = list(attribute.t.float_data)
            attribute.t.CopyFrom(tensor("d", TensorProto.DOUBLE, [len(values)], values))
    assert "double precision are not supported" in problem(proto)
