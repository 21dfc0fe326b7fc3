"""`nnc validate` of ONNX models: against ONNX's reference implementation and ONNX Runtime."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support.nnc_command import Nnc
from support.onnx_models import Array, model, node, random_weights, reference

from nnc import onnx_reference
from nnc.frontends.onnx_model import self_contained

to_proto: Any = cast(Any, numpy_helper).from_array


def cube() -> onnx.ModelProto:
    """Images whose sizes say nothing of the order of axes: 4 channels of 4x4."""
    weights = random_weights(1)
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["first"], pads=[1, 1, 1, 1]),
        node("Relu", ["first"], ["active"]),
        node("Conv", ["active", "w2"], ["second"], pads=[1, 1, 1, 1], group=4),
        node("Add", ["second", "active"], ["sum"]),
        node("Conv", ["sum", "w3"], ["third"], pads=[1, 1, 1, 1]),
        node("Sigmoid", ["third"], ["y"]),
    ]
    constants = {
        "w1": weights(4, 4, 3, 3),
        "b1": weights(4),
        "w2": weights(4, 1, 3, 3),
        "w3": weights(4, 4, 3, 3),
    }
    return model(nodes, {"x": [1, 4, 4, 4]}, ["y"], constants)


def signal() -> onnx.ModelProto:
    """One spatial axis."""
    weights = random_weights(2)
    nodes = [
        node("Conv", ["x", "w1"], ["c1"], pads=[1, 1]),
        node("Tanh", ["c1"], ["t"]),
        node("MaxPool", ["t"], ["p"], kernel_shape=[2], strides=[2]),
        node("Conv", ["p", "w2"], ["y"], pads=[1, 1]),
    ]
    return model(nodes, {"x": [1, 8, 8]}, ["y"], {"w1": weights(8, 8, 3), "w2": weights(4, 8, 3)})


def quantized() -> onnx.ModelProto:
    """Convolutions between pairs of QuantizeLinear and DequantizeLinear."""
    rng = np.random.default_rng(3)
    nodes = [
        node("QuantizeLinear", ["x", "sx", "zx"], ["xq"]),
        node("DequantizeLinear", ["xq", "sx", "zx"], ["xd"]),
        node("DequantizeLinear", ["w1", "sw", "zw"], ["w1d"]),
        node("Conv", ["xd", "w1d"], ["c1"], pads=[1, 1, 1, 1]),
        node("QuantizeLinear", ["c1", "sc", "zx"], ["c1q"]),
        node("DequantizeLinear", ["c1q", "sc", "zx"], ["c1d"]),
        node("DequantizeLinear", ["w2", "sw", "zw"], ["w2d"]),
        node("Conv", ["c1d", "w2d"], ["c2"], pads=[1, 1, 1, 1]),
        node("QuantizeLinear", ["c2", "sc", "zx"], ["c2q"]),
        node("DequantizeLinear", ["c2q", "sc", "zx"], ["y"]),
    ]
    constants = {
        "sx": np.float32(0.03),
        "sc": np.float32(0.05),
        "sw": np.float32(0.01),
        "zx": np.int8(3),
        "zw": np.int8(0),
        "w1": rng.integers(-127, 128, (6, 3, 3, 3)).astype(np.int8),
        "w2": rng.integers(-127, 128, (6, 6, 3, 3)).astype(np.int8),
    }
    return model(
        nodes, {"x": [1, 3, 6, 5]}, ["y"], {name: np.asarray(it) for name, it in constants.items()}
    )


def labels() -> onnx.ModelProto:
    """A classifier as skl2onnx writes it: a label that is a text, a map of scores."""
    names, domain = ["cat", "dog", "cow"], "ai.onnx.ml"
    nodes = [
        node("MatMul", ["x", "w"], ["scores"]),
        node("Softmax", ["scores"], ["p"], axis=1),
        node("ArgMax", ["p"], ["i"], axis=1),
        node("ArrayFeatureExtractor", ["names", "i"], ["picked"], domain=domain),
        node("Reshape", ["picked", "shape"], ["label"]),
        node("ZipMap", ["p"], ["map"], domain=domain, classlabels_strings=names),
    ]
    constants = {"w": random_weights(4)(4, 3), "shape": np.asarray([-1])}
    proto = model(nodes, {"x": [1, 4]}, ["label", "map"], constants, domains={domain: 1})
    texts = onnx.helper.make_tensor("names", onnx.TensorProto.STRING, [3], names)
    proto.graph.initializer.append(texts)
    number = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [])
    kind = onnx.helper.make_map_type_proto(onnx.TensorProto.STRING, number)
    outputs = {
        "label": onnx.helper.make_tensor_type_proto(onnx.TensorProto.STRING, [None]),
        "map": onnx.helper.make_sequence_type_proto(kind),
    }
    for value in proto.graph.output:
        value.CopyFrom(onnx.helper.make_value_info(value.name, outputs[value.name]))
    return proto


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "cube": cube,
    "signal": signal,
    "quantized": quantized,
    "labels": labels,
}


def saved(name: str, folder: Path) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(NETWORKS[name]().SerializeToString())
    return path


@pytest.fixture(autouse=True)
def own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNC_REFERENCE_PYTHON", raising=False)


@pytest.fixture
def without_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.onnx_reference.has_module", lambda *_: False)


@pytest.mark.parametrize("layout", ["last", "kept"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_agrees_with_the_reference_implementation(
    nnc: Nnc, name: str, layout: str, tmp_path: Path, without_runtime: None
) -> None:
    words = ("--on", "host", "--json", tmp_path / "v.json", "--io-layout", layout)
    outcome = nnc("validate", saved(name, tmp_path), *words)
    assert outcome.code == 0, outcome.errors + outcome.output
    assert f"against the reference implementation of ONNX {onnx.__version__}" in outcome.output
    result = json.loads((tmp_path / "v.json").read_text())
    # Of a tensor of texts the network has numbers.
    unmatched = [it for it in result["unmatched"] if it != "picked"]
    edges = [it for it in unmatched if not it.endswith("/transpose")]
    assert (result["mismatches"], edges if layout == "kept" else unmatched) == (0, [])
    assert len(result["layers"]) >= 3


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="no onnxruntime")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_agrees_with_the_runtime(nnc: Nnc, name: str, tmp_path: Path) -> None:
    outcome = nnc("validate", saved(name, tmp_path), "--on", "host")
    assert outcome.code == 0, outcome.errors + outcome.output
    assert "against ONNX Runtime" in outcome.output
    assert "note" not in outcome.errors


@pytest.mark.parametrize(
    ("name", "weights", "layer"),
    [("cube", "w2", "second"), ("signal", "w2", "y"), ("quantized", "w2", "c2q")],
)
def test_another_model_is_noticed_where_it_differs(
    nnc: Nnc,
    name: str,
    weights: str,
    layer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_runtime: None,
) -> None:
    """And nowhere else: what is behind that layer gets what the network computed."""

    def changed(data: bytes, path: Path | None) -> onnx.ModelProto:
        proto = self_contained(data, path)
        for tensor in proto.graph.initializer:
            if tensor.name == weights:
                array = np.array(cast(Any, numpy_helper).to_array(tensor))
                array.flat[-1] = -array.flat[-1]
                tensor.CopyFrom(to_proto(array, weights))
        return proto

    monkeypatch.setattr(onnx_reference, "self_contained", changed)
    words = ("--on", "host", "--json", tmp_path / "v.json")
    outcome = nnc("validate", saved(name, tmp_path), *words)
    assert outcome.code == 1
    rows = json.loads((tmp_path / "v.json").read_text())["layers"]
    assert [row["name"] for row in rows if row["mismatches"]] == [layer]


def test_what_nobody_can_run_is_compared_with_nn(
    nnc: Nnc, tmp_path: Path, without_runtime: None
) -> None:
    weights = [np.asarray(it) for it in (np.float32(0.1), np.int8(0))]
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("QLinearAdd", ["q", "s", "z", "q", "s", "z", "s", "z"], ["t"], domain="com.microsoft"),
        node("DequantizeLinear", ["t", "s", "z"], ["y"]),
    ]
    constants = dict(zip(("s", "z"), weights, strict=True))
    proto = model(nodes, {"x": [1, 8]}, ["y"], constants, domains={"com.microsoft": 1})
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    outcome = nnc("validate", path, "--on", "host")
    assert outcome.code == 0, outcome.errors
    assert "against the reference semantics of the nn" in outcome.output
    assert "note: ONNX's reference implementation failed: " in outcome.errors


def test_what_the_reference_implementation_gets_wrong_is_not_asked(
    nnc: Nnc, tmp_path: Path, without_runtime: None
) -> None:
    statistics = {name: np.full(2, 0.5, np.float32) for name in ("scale", "b", "mean", "var")}
    old = model(
        [node("BatchNormalization", ["x", *statistics], ["y"])],
        {"x": [1, 2, 3, 3]},
        ["y"],
        statistics,
        opset=9,
    )
    grouped = model(
        [node("ConvTranspose", ["x", "w"], ["y"], group=2)],
        {"x": [1, 4, 3, 3]},
        ["y"],
        {"w": random_weights(1)(4, 1, 2, 2)},
    )
    for number, proto in enumerate((old, grouped)):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(proto.SerializeToString())
        outcome = nnc("validate", path, "--on", "host", "--inputs", "random:1:1")
        assert outcome.code == 0, outcome.output
        assert "note: ONNX's reference implementation computes " in outcome.errors
        assert "against the reference semantics of the nn" in outcome.output


def store(folder: Path, **arrays: Array) -> None:
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        (folder / f"{name}.pb").write_bytes(to_proto(array).SerializeToString())


@pytest.mark.parametrize(
    ("verb", "layout"),
    [("validate", "last"), ("validate", "kept"), ("run", "last"), ("bench", "kept")],
)
def test_test_data_of_the_model_zoo(
    nnc: Nnc, verb: str, layout: str, tmp_path: Path, without_runtime: None
) -> None:
    path, data = saved("cube", tmp_path), tmp_path / "data"
    wanted: list[Array] = []
    for number in range(2):
        x = random_weights(number)(1, 4, 4, 4)
        wanted += reference(cube(), [x])
        store(data / f"test_data_set_{number}", input_0=x, output_0=wanted[-1])
    words: list[object] = ["--on", "cortex-m4" if verb == "bench" else "host", "--inputs", data]
    words += ["-o", tmp_path / "y.npz"] if verb == "run" else []
    outcome = nnc(verb, path, *words, "--io-layout", layout)
    assert outcome.code == 0, outcome.errors
    if verb == "validate":
        assert [it for it in outcome.output.splitlines() if it.startswith(" stored y ")]
    if verb == "run":
        with np.load(tmp_path / "y.npz") as arrays:
            np.testing.assert_allclose(arrays["y"], np.concatenate(wanted), rtol=1e-4)


def test_stored_outputs_that_are_not_its_own(
    nnc: Nnc, tmp_path: Path, without_runtime: None
) -> None:
    x = random_weights(0)(1, 4, 4, 4)
    (y,) = reference(cube(), [x])
    store(tmp_path / "data", input_0=x, output_0=y.transpose(0, 1, 3, 2))
    words = ("--on", "host", "--inputs", tmp_path / "data")
    outcome = nnc("validate", saved("cube", tmp_path), *words)
    assert outcome.code == 1
    assert "first in 'y'" in outcome.output


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "expected input_0.pb, ... or folders test_data_set_0, ..., got none"),
        ({"input_1": 1}, "expected input_0.pb and the following numbers, got [1]"),
        ({"input_0": 1, "input_1": 1}, "expected 1 inputs, got 2"),
        ({"input_0": 0}, "input_0.pb: expected a tensor, got something else: "),
    ],
)
def test_folders_that_are_no_test_data(
    nnc: Nnc, files: dict[str, int], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    array = to_proto(np.zeros((1, 4, 4, 4), np.float32)).SerializeToString()
    for name, good in files.items():
        (folder / f"{name}.pb").write_bytes(array if good else b"\xff\xff")
    words = ("--on", "host", "--inputs", folder)
    outcome = nnc("validate", saved("cube", tmp_path), *words)
    assert outcome.code == 1
    assert message in outcome.errors
    assert len(outcome.errors.strip().splitlines()) == 1
