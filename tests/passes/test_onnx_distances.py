"""Distances of vectors in ONNX: CDist, the Scan that stands for it, and targets in doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.compiled import LOOPS, run_compiled
from support.onnx_models import Array, model, node, reference
from xdsl.dialects.builtin import Float64Type, ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.nn.movement import GatherOp
from nnc.dialects.nn.vectors import SquaredDistanceOp
from nnc.dialects.types import element_of
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_verify_contract import NnVerifyContractPass
from nnc.passes.onnx_to_nn import OnnxToNnPass
from nnc.pipeline import context


def lowered(proto: onnx.ModelProto) -> ModuleOp:
    module = import_onnx(proto.SerializeToString())
    for step in (OnnxToNnPass(), NnVerifyContractPass()):
        step.apply(context(), module)
    return module


def rows(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)


def distances(module: ModuleOp) -> int:
    return sum(isinstance(op, SquaredDistanceOp) for op in module.walk())


def scan(*body: onnx.NodeProto, **attributes: Any) -> onnx.ModelProto:
    """A Scan over vectors, with the rows as its state, as skl2onnx writes it."""
    names = ["state", "vector", "next", "found"]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    axes = cast(Any, numpy_helper).from_array(np.asarray([1]), "axes")
    graph = helper.make_graph(list(body), "body", infos[:2], infos[2:], [axes])
    nodes = [
        node("Scan", ["x", "vectors"], ["last", "y"], body=graph, num_scan_inputs=1, **attributes)
    ]
    return model(nodes, {"x": [2, 5]}, ["last", "y"], {"vectors": rows(1, 7, 5)})


SAME = node("Identity", ["state"], ["next"])
DIFFERENCE = node("Sub", ["state", "vector"], ["d"])
SQUARES = node("ReduceSumSquare", ["d", "axes"], ["s"], keepdims=0)
FOUND = node("Identity", ["s"], ["found"])

OTHERS = {
    "backwards": ((SAME, DIFFERENCE, SQUARES, FOUND), {"scan_input_directions": [1]}),
    "transposed": ((SAME, DIFFERENCE, SQUARES, FOUND), {"scan_output_axes": [1]}),
    "kept axes": (
        (SAME, DIFFERENCE, node("ReduceSumSquare", ["d", "axes"], ["found"], keepdims=1)),
        {},
    ),
    "sums": (
        (SAME, DIFFERENCE, node("ReduceSum", ["d", "axes"], ["found"], keepdims=0)),
        {},
    ),
    "products": ((SAME, node("Mul", ["state", "vector"], ["d"]), SQUARES, FOUND), {}),
    "another state": (
        (node("Neg", ["state"], ["next"]), DIFFERENCE, SQUARES, FOUND),
        {},
    ),
    "squares of one": ((SAME, node("Sub", ["state", "state"], ["d"]), SQUARES, FOUND), {}),
}


@pytest.mark.parametrize("operands", [["state", "vector"], ["vector", "state"]])
def test_a_scan_for_distances_is_one_layer(operands: list[str]) -> None:
    proto = scan(SAME, node("Sub", operands, ["d"]), SQUARES, FOUND)
    module = lowered(proto)
    assert distances(module) == 1
    x = rows(2, 2, 5)
    outputs = run_compiled(module, [[x]], LOOPS)[0].outputs
    for found, right in zip(outputs, reference(proto, [x]), strict=True):
        assert np.allclose(found, right, rtol=1e-6)


REARRANGED: dict[str, Callable[[Array], Array]] = {
    "backwards": lambda y: y[::-1],
    "transposed": np.transpose,
}
"""What ONNX's reference does not do with the distances."""


@pytest.mark.parametrize("name", OTHERS)
def test_another_scan_is_unrolled(name: str) -> None:
    body, attributes = OTHERS[name]
    module = lowered(scan(*body, **attributes))
    assert distances(module) == 0
    x = rows(2, 2, 5)
    last, found = run_compiled(module, [[x]], LOOPS)[0].outputs
    state, right = reference(scan(*body), [x])
    assert np.array_equal(last, state)
    right = REARRANGED.get(name, np.asarray)(right)
    assert np.allclose(found, right, rtol=1e-5, atol=1e-5)


def cdist(metric: str) -> onnx.ModelProto:
    nodes = [node("CDist", ["x", "vectors"], ["y"], domain="com.microsoft", metric=metric)]
    constants = {"vectors": rows(1, 7, 5)}
    return model(nodes, {"x": [2, 5]}, ["y"], constants, domains={"com.microsoft": 1})


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_cdist(metric: str) -> None:
    x, vectors = rows(2, 2, 5), rows(1, 7, 5)
    squares = np.square(x[:, None] - vectors[None]).sum(-1)
    (found,) = run_compiled(lowered(cdist(metric)), [[x]], LOOPS)[0].outputs
    right = squares if metric == "sqeuclidean" else np.sqrt(squares)
    assert np.allclose(found, right, rtol=1e-6)


def test_another_metric_is_refused() -> None:
    with pytest.raises(DiagnosticException, match="expected a metric euclidean or sqeuclidean"):
        lowered(cdist("cosine"))


def test_targets_in_doubles() -> None:
    targets = np.random.default_rng(3).normal(0, 1e3, 9)
    nodes = [
        node("Gather", ["targets", "i"], ["picked"]),
        node("Reshape", ["picked", "shape"], ["moved"]),
        node("Cast", ["moved"], ["y"], to=TensorProto.FLOAT),
    ]
    inputs = [helper.make_tensor_value_info("i", TensorProto.INT64, [4])]
    proto = model(nodes, inputs, ["y"], {"targets": targets, "shape": np.asarray([2, 2])})
    module = lowered(proto)
    gathers = [op for op in module.walk() if isinstance(op, GatherOp)]
    assert len(gathers) == 1 and not isinstance(element_of(gathers[0].output), Float64Type)
    places = np.asarray([8, 0, 3, 3])
    (found,) = run_compiled(module, [[places]], LOOPS)[0].outputs
    assert np.array_equal(found, targets[places].astype(np.float32).reshape(2, 2))
