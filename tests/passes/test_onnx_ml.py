"""
Operators of classical machine learning against ONNX Runtime, through the generated C.

What ONNX Runtime computes is in tests/data/onnx_ml, written by the script beside it.
"""

from __future__ import annotations

import io
import lzma
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.compiled import How, run_all
from support.onnx_models import Array, model, node
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.nn.interpreter import run
from nnc.dialects.nn.labels import CLASSES, NAMES, texts_of
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_verify_contract import NnVerifyContractPass
from nnc.passes.onnx_to_nn import OnnxToNnPass
from nnc.pipeline import context

ML = "ai.onnx.ml"
CASES = Path(__file__).parents[1] / "data/onnx_ml/operators.npz.xz"


@cache
def stored() -> dict[str, dict[str, Array]]:
    """The arrays of each case: its model, inputs and outputs."""
    cases: dict[str, dict[str, Array]] = {}
    with np.load(io.BytesIO(lzma.decompress(CASES.read_bytes()))) as arrays:
        for entry in arrays.files:
            name, part = entry.split("/")
            cases.setdefault(name, {})[part] = arrays[entry]
    return cases


def lowered(data: bytes) -> ModuleOp:
    module = import_onnx(data)
    OnnxToNnPass().apply(context(), module)
    NnVerifyContractPass().apply(context(), module)
    return module


def results(module: ModuleOp, key: str) -> list[tuple[str, ...]]:
    """What the numbers of each result stand for."""
    function = next(op for op in module.body.block.ops if isinstance(op, FuncOp))
    assert function.res_attrs is not None
    return [texts_of(entry.data, key) for entry in function.res_attrs]


def of_kind(case: Mapping[str, Array], kind: str) -> list[Array]:
    return [case[name] for name in sorted(case) if name.startswith(kind)]


def difference(
    found: Array, right: Array, names: tuple[str, ...], tolerance: float = 1e-5
) -> str | None:
    """What is wrong with a result."""
    if right.dtype.kind == "U":
        found = np.asarray(names)[found]
    elif found.dtype != right.dtype:
        return f"{found.dtype}, expected {right.dtype}"
    if found.shape != right.shape:
        return f"{found.shape}, expected {right.shape}"
    if right.dtype.kind != "f":
        return None if np.array_equal(found, right) else f"{found}, expected {right}"
    room = tolerance * max(1e-6, float(np.nanmax(np.abs(right))))
    close = np.allclose(found, right, rtol=0, atol=room, equal_nan=True)
    return None if close else f"off by {np.nanmax(np.abs(found - right)):.3g} of {right}"


def tolerance_of(name: str) -> float:
    """Relative to the largest number; near 1/2 the inverse error function takes a difference."""
    return 1e-4 if "PROBIT" in name else 1e-5


def test_operators() -> None:
    cases = stored()
    assert len(cases) > 120
    modules = {name: lowered(case["model"].tobytes()) for name, case in cases.items()}
    samples = [(modules[name], [of_kind(case, "input")]) for name, case in cases.items()]
    runs, wrong = run_all(samples, How(flags=("-O0",))), list[str]()
    for (name, case), run_ in zip(cases.items(), runs, strict=True):
        names = results(modules[name], NAMES)
        expected = of_kind(case, "output")
        for found, right, texts in zip(run_[0].outputs, expected, names, strict=True):
            problem = difference(found, right, texts, tolerance_of(name))
            wrong += [f"{name}: {problem}"] if problem else []
    assert not wrong, "\n".join(wrong)


def test_reference_semantics() -> None:
    wrong: list[str] = []
    for name, case in stored().items():
        module = lowered(case["model"].tobytes())
        found = run(module, of_kind(case, "input")).outputs
        triples = zip(found, of_kind(case, "output"), results(module, NAMES), strict=True)
        problems = (difference(*triple, tolerance_of(name)) for triple in triples)
        wrong += [f"{name}: {problem}" for problem in problems if problem]
    assert not wrong, "\n".join(wrong)


def classifier(operator: str, count: int = 2, **attributes: Any) -> onnx.ModelProto:
    """A classifier of rows of three features."""
    given: dict[str, Any] = {"classlabels_strings": ["no", "yes", "maybe"][:count]}
    if operator == "LinearClassifier":
        given |= {"coefficients": [1.0] * 6, "intercepts": [0.0] * 2}
    given = {name: value for name, value in {**given, **attributes}.items() if value is not None}
    nodes = [node(operator, ["x"], ["label", "scores"], domain=ML, **given)]
    return model(nodes, {"x": [1, 3]}, ["label", "scores"], domains={ML: 3})


def test_scores_have_the_classes_that_they_are_of() -> None:
    module = lowered(classifier("LinearClassifier").SerializeToString())
    assert results(module, NAMES) == [("no", "yes"), ()]
    assert results(module, CLASSES) == [(), ("no", "yes")]


ONE: dict[str, Any] = {"coefficients": [1.0] * 3, "intercepts": [0.0]}
SVM: dict[str, Any] = {
    "rho": [0.5],
    "kernel_params": [0.0, 0.0, 0.0],
    "vectors_per_class": [1, 1],
    "support_vectors": [1.0] * 6,
    "coefficients": [1.0, -1.0],
}


@pytest.mark.parametrize(
    ("operator", "count", "attributes", "reason"),
    [
        ("LinearClassifier", 3, ONE, "expected 2 labels for one score, got 3"),
        ("LinearClassifier", 3, {}, "expected 2 labels, got 3"),
        ("LinearClassifier", 2, {"coefficients": [1.0] * 5}, "coefficients for 3 features"),
        ("LinearClassifier", 2, {"intercepts": [1.0]}, "expected 2 intercepts, got 1"),
        ("LinearClassifier", 2, {"intercepts": None}, "expected intercepts, got none; zeros work"),
        ("LinearClassifier", 2, {**ONE, "post_transform": "PROBIT"}, "PROBIT of one score"),
        ("LinearClassifier", 2, {"post_transform": "TANH"}, "expected a post_transform of NONE"),
        (
            "SVMClassifier",
            2,
            {**SVM, "kernel_params": [0.0, 0.0, np.inf]},
            "3 finite kernel_params",
        ),
        ("SVMClassifier", 2, {**SVM, "rho": None}, "expected 1 numbers rho, got 0"),
        ("SVMClassifier", 2, {**SVM, "kernel_type": "CUBE"}, "expected a kernel LINEAR, POLY"),
        ("SVMClassifier", 2, {**SVM, "vectors_per_class": [2]}, "expected vectors_per_class of 2"),
        ("SVMClassifier", 2, {**SVM, "support_vectors": [1.0] * 3}, "2 support vectors, got 1"),
        ("SVMClassifier", 2, {**SVM, "prob_a": [1.0]}, "prob_a and prob_b, got 1 and 0"),
    ],
)
def test_refused_classifiers(
    operator: str, count: int, attributes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DiagnosticException) as caught:
        lowered(classifier(operator, count, **attributes).SerializeToString())
    assert reason in str(caught.value)


MACHINE = {"coefficients": [1.0], "rho": [0.0], "n_supports": 2, "support_vectors": [1.0] * 3}


@pytest.mark.parametrize(
    ("operator", "attributes", "reason"),
    [
        ("Normalizer", {"norm": "L3"}, "expected a norm MAX, L1 or L2, got L3"),
        ("Scaler", {"scale": [1.0, 2.0]}, "expected a scale of 1 or 3 numbers, got 2"),
        ("Imputer", {"imputed_value_int64s": [1]}, "expected values to impute for f32, got none"),
        ("OneHotEncoder", {"cats_int64s": [1, 1]}, "expected different categories"),
        ("OneHotEncoder", {"cats_strings": ["a"]}, "expected different categories"),
        ("LabelEncoder", {"keys_floats": [1.0], "values_floats": [1.0, 2.0]}, "expected 1 values"),
        ("FeatureVectorizer", {"inputdimensions": [1, 2]}, "expected 1 inputdimensions"),
        ("SVMRegressor", MACHINE, "expected 2 support vectors, got 1"),
        ("LinearRegressor", {"coefficients": [1.0] * 3, "targets": 2}, "coefficients of 2 targets"),
    ],
)
def test_refused_operators(operator: str, attributes: dict[str, Any], reason: str) -> None:
    nodes = [node(operator, ["x"], ["y"], domain=ML, **attributes)]
    with pytest.raises(DiagnosticException) as caught:
        lowered(model(nodes, {"x": [1, 3]}, ["y"], domains={ML: 2}).SerializeToString())
    assert reason in str(caught.value)


def test_what_does_nothing_is_remarked() -> None:
    attributes = {"coefficients": [1.0] * 3, "post_transform": "LOGISTIC"}
    nodes = [node("LinearRegressor", ["x"], ["y"], domain=ML, **attributes)]
    module = lowered(model(nodes, {"x": [1, 3]}, ["y"], domains={ML: 3}).SerializeToString())
    function = next(op for op in module.body.block.ops if isinstance(op, FuncOp))
    remark = "its post_transform LOGISTIC leaves one score as it is, as in ONNX Runtime"
    assert remark in str(function.attributes["nn.remarks"])


def test_maps_and_doubles_are_refused() -> None:
    number = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    kind = helper.make_map_type_proto(TensorProto.STRING, number)
    nodes = [node("DictVectorizer", ["x"], ["y"], domain=ML, string_vocabulary=["a", "b"])]
    mapped = model(nodes, [helper.make_value_info("x", kind)], ["y"], domains={ML: 3})
    nodes = [node("Scaler", ["x"], ["y"], domain=ML, scale=[1.0], offset=[0.0])]
    inputs = [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1, 2])]
    double = model(nodes, inputs, ["y"], domains={ML: 3})
    reasons = {
        "DictVectorizer (operator set ai.onnx.ml 3): maps are not supported; a model that": mapped,
        "inputs in double precision are not supported; a model that takes float32": double,
    }
    for reason, proto in reasons.items():
        with pytest.raises(DiagnosticException) as caught:
            lowered(proto.SerializeToString())
        assert reason in str(caught.value)


WHOLE = ("int16", "int32", "int64")


@pytest.mark.parametrize("last", [6, -6000], ids=["close", "far"])
@pytest.mark.parametrize("value", [*WHOLE, "float32"])
@pytest.mark.parametrize("key", [*WHOLE, "float32"])
def test_labels_of_every_type(key: str, value: str, last: int) -> None:
    keys, values = np.asarray([2, 4, last], key), np.asarray([20, 40, 60], value)
    tensors = {
        "keys_tensor": onnx.numpy_helper.from_array(keys),
        "values_tensor": onnx.numpy_helper.from_array(values),
        "default_tensor": onnx.numpy_helper.from_array(np.asarray([-7], value)),
    }
    x = np.asarray([[2, 4, 5, 6, -6000, -32768, 32767]], key)
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    nodes = [node("LabelEncoder", ["x"], ["y"], domain=ML, **tensors)]
    inputs = [helper.make_tensor_value_info("x", kind, x.shape)]
    module = lowered(model(nodes, inputs, ["y"], domains={ML: 4}).SerializeToString())
    (found,) = run(module, [x]).outputs
    known = dict(zip(keys.tolist(), values.tolist(), strict=True))
    assert found.dtype == value
    assert found.tolist() == [[known.get(it, -7) for it in x[0].tolist()]]


@pytest.mark.parametrize(
    ("threshold", "right"), [(2.5, [0, 0, 1]), (2.0, [0, 0, 1]), (-1e9, [1] * 3)]
)
@pytest.mark.parametrize("kind", ["int32", "int64"])
def test_integers_above_a_threshold(kind: str, threshold: float, right: list[int]) -> None:
    x = np.asarray([[-5, 2, 3]], kind)
    nodes = [node("Binarizer", ["x"], ["y"], domain=ML, threshold=threshold)]
    element = helper.np_dtype_to_tensor_dtype(x.dtype)
    inputs = [helper.make_tensor_value_info("x", element, x.shape)]
    module = lowered(model(nodes, inputs, ["y"], domains={ML: 1}).SerializeToString())
    (found,) = run(module, [x]).outputs
    assert (found.dtype.name, found.tolist()) == (kind, [right])


@pytest.mark.parametrize("missing", [3, 1 << 40])
def test_a_missing_integer(missing: int) -> None:
    attributes = {"imputed_value_int64s": [7], "replaced_value_int64": missing}
    nodes = [node("Imputer", ["x"], ["y"], domain=ML, **attributes)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.INT32, [1, 3])]
    module = lowered(model(nodes, inputs, ["y"], domains={ML: 1}).SerializeToString())
    (found,) = run(module, [np.asarray([[1, 3, 4]], np.int32)]).outputs
    assert found.tolist() == [[1, 7 if missing == 3 else 3, 4]]


def test_numbers_that_a_type_has_not() -> None:
    attributes = {"imputed_value_int64s": [1 << 40], "replaced_value_int64": 3}
    nodes = [node("Imputer", ["x"], ["y"], domain=ML, **attributes)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.INT32, [1, 3])]
    with pytest.raises(DiagnosticException, match="expected numbers of i32"):
        lowered(model(nodes, inputs, ["y"], domains={ML: 1}).SerializeToString())
