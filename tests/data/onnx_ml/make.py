"""
Operators of classical machine learning as ONNX Runtime computes them.

    python tests/data/onnx_ml/make.py

writes operators.npz.xz beside it: for each case its model, inputs and outputs. It needs onnx and
onnxruntime (1.32); everything is drawn from fixed seeds.
"""

from __future__ import annotations

import io
import lzma
import zipfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

ML = "ai.onnx.ml"
TYPES = {
    "float32": TensorProto.FLOAT,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}
TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT")
KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")
FOLDER = Path(__file__).parent

CASES: dict[str, tuple[onnx.ModelProto, list[np.ndarray]]] = {}


def node(operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    """A node of the domain of classical machine learning."""
    given = {name: value for name, value in attributes.items() if value is not None}
    return helper.make_node(operator, inputs, outputs, domain=ML, **given)


def case(
    name: str, nodes: list[Any], inputs: list[np.ndarray], outputs: list[str], opset: int = 3
) -> None:
    """Notes a model; its inputs are called a, b, ..."""
    named = [
        helper.make_tensor_value_info(chr(97 + k), TYPES[str(array.dtype)], array.shape)
        for k, array in enumerate(inputs)
    ]
    results = [onnx.ValueInfoProto(name=output) for output in outputs]
    graph = helper.make_graph(nodes, "graph", named, results)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(ML, opset)]
    assert name not in CASES
    CASES[name] = helper.make_model(graph, opset_imports=opsets, ir_version=10), inputs


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def labels_of(kind: str, count: int) -> dict[str, Any]:
    if kind == "texts":
        return {"classlabels_strings": ["cat", "dog", "cow", "hen"][:count]}
    if kind == "numbers":
        return {"classlabels_ints": [7, -2, 5, 40][:count]}
    return {"classlabels_ints": list(range(count))}


def linear_cases() -> None:
    x = numbers(1, 6, 4)
    for transform, kind in product(TRANSFORMS, ("texts", "numbers", "places")):
        weights, bias = numbers(2, 3, 4), numbers(3, 3)
        if transform == "PROBIT":
            weights, bias = np.tanh(weights) / 10, np.full(3, 0.5)
        attributes = dict(
            coefficients=weights.ravel().tolist(),
            intercepts=bias.tolist(),
            post_transform=transform,
            **labels_of(kind, 3),
        )
        case(
            f"LinearClassifier {transform} {kind}",
            [node("LinearClassifier", ["a"], ["y", "z"], **attributes)],
            [x],
            ["y", "z"],
        )
    for kind, count, transform in product(("texts", "numbers"), (2,), TRANSFORMS[:4]):
        attributes = dict(
            coefficients=numbers(4, 4).tolist(),
            intercepts=[0.1],
            multi_class=1,
            post_transform=transform,
            **labels_of(kind, count),
        )
        case(
            f"LinearClassifier one score {transform} {kind} {count}",
            [node("LinearClassifier", ["a"], ["y", "z"], **attributes)],
            [x],
            ["y", "z"],
        )
    for dtype, shape in (("int64", (6, 4)), ("int32", (6, 4)), ("float32", (4,))):
        attributes = dict(
            coefficients=numbers(2, 3, 4).ravel().tolist(),
            intercepts=numbers(3, 3).tolist(),
            **labels_of("numbers", 3),
        )
        case(
            f"LinearClassifier of {dtype} {len(shape)}",
            [node("LinearClassifier", ["a"], ["y", "z"], **attributes)],
            [(numbers(5, *shape) * 4).astype(dtype)],
            ["y", "z"],
        )
    for targets, transform in product((1, 3), TRANSFORMS):
        weights, bias = numbers(6, targets, 4), numbers(7, targets)
        if transform == "PROBIT":
            weights, bias = np.tanh(weights) / 10, np.full(targets, 0.5)
        attributes = dict(
            coefficients=weights.ravel().tolist(),
            intercepts=bias.tolist() if transform != "SOFTMAX" else None,
            targets=targets,
            post_transform=transform,
        )
        case(
            f"LinearRegressor {targets} {transform}",
            [node("LinearRegressor", ["a"], ["y"], **attributes)],
            [x],
            ["y"],
        )


def svm(classes: int, kernel: str, seed: int, **more: Any) -> dict[str, Any]:
    """Attributes of a classifier with support vectors of so many classes."""
    counts = [3, 1, 4, 2][:classes]
    total, pairs = sum(counts), classes * (classes - 1) // 2
    return dict(
        coefficients=numbers(seed, classes - 1, total).ravel().tolist(),
        kernel_params=[0.3, 0.2 if kernel != "RBF" else 0.0, 3.0],
        kernel_type=kernel,
        rho=numbers(seed + 1, pairs).tolist(),
        support_vectors=numbers(seed + 2, total, 4).ravel().tolist(),
        vectors_per_class=counts,
        **more,
    )


def svm_cases() -> None:
    x = numbers(10, 8, 4)

    def classifier(name: str, attributes: dict[str, Any], x: np.ndarray = x) -> None:
        nodes = [node("SVMClassifier", ["a"], ["y", "z"], **attributes)]
        case(f"SVMClassifier {name}", nodes, [x], ["y", "z"])

    for kernel, classes in product(KERNELS, (2, 3, 4)):
        kind = ("texts", "numbers", "places")[classes - 2]
        classifier(f"{kernel} {classes}", svm(classes, kernel, 20, **labels_of(kind, classes)))
    for degree in (1.0, 2.0, 4.0, 2.5):
        attributes = svm(3, "POLY", 20, **labels_of("numbers", 3))
        attributes["kernel_params"] = [0.2, 3.0, degree]
        classifier(f"POLY degree {degree}", attributes, np.abs(x) / 10)
    for classes, kernel in product((2, 3, 4), ("LINEAR", "RBF")):
        pairs = classes * (classes - 1) // 2
        chances = dict(
            prob_a=(-1 - np.abs(numbers(30, pairs))).tolist(), prob_b=numbers(31, pairs).tolist()
        )
        attributes = svm(classes, kernel, 33, **chances, **labels_of("numbers", classes))
        classifier(f"chances {kernel} {classes}", attributes)
    for transform, classes in product(TRANSFORMS[1:4], (2, 3)):
        attributes = svm(
            classes, "LINEAR", 20, post_transform=transform, **labels_of("texts", classes)
        )
        classifier(f"{transform} {classes}", attributes)
    for classes, positive in product((2, 3), (False, True)):
        weights = numbers(40, classes, 4)
        attributes = dict(
            coefficients=(np.abs(weights) if positive else weights).ravel().tolist(),
            kernel_params=[0.0, 0.0, 0.0],
            rho=[0.2],
            **labels_of("numbers", classes),
        )
        classifier(f"without vectors {classes} {'positive' if positive else 'mixed'}", attributes)
    classifier("of int64", svm(3, "RBF", 20, **labels_of("places", 3)), (x * 2).astype(np.int64))
    for kernel, one_class in product(KERNELS, (0, 1)):
        attributes = dict(
            coefficients=numbers(50, 5).tolist(),
            kernel_params=[0.3, 0.2 if kernel != "RBF" else 0.0, 2.0],
            kernel_type=kernel,
            n_supports=5,
            one_class=one_class,
            rho=[0.1],
            support_vectors=numbers(51, 5, 4).ravel().tolist(),
        )
        nodes = [node("SVMRegressor", ["a"], ["y"], **attributes)]
        case(f"SVMRegressor {kernel} {'one class' if one_class else ''}".strip(), nodes, [x], ["y"])
    attributes = dict(
        coefficients=numbers(52, 4).tolist(), kernel_params=[0.0, 0.0, 0.0], rho=[0.1]
    )
    nodes = [node("SVMRegressor", ["a"], ["y"], **attributes)]
    case("SVMRegressor without vectors", nodes, [x], ["y"])


def scaling_cases() -> None:
    x = numbers(60, 5, 3)
    x[2] = 0
    x[3] = -np.abs(x[3])
    for length, dtype in product((1, 3), ("float32", "int32", "int64")):
        attributes = dict(offset=numbers(61, length).tolist(), scale=numbers(62, length).tolist())
        nodes = [node("Scaler", ["a"], ["y"], **attributes)]
        case(f"Scaler {length} {dtype}", nodes, [(x * 9).astype(dtype)], ["y"])
    case(
        "Scaler of a vector",
        [node("Scaler", ["a"], ["y"], offset=[1.0, 2.0, 3.0], scale=[0.5, 2.0, 3.0])],
        [x[0]],
        ["y"],
    )
    for norm, dtype in product(("MAX", "L1", "L2"), ("float32", "int64", "int32")):
        nodes = [node("Normalizer", ["a"], ["y"], norm=norm)]
        case(f"Normalizer {norm} {dtype}", nodes, [(x * 5).astype(dtype)], ["y"])
    case("Normalizer of a vector", [node("Normalizer", ["a"], ["y"], norm="L2")], [x[1]], ["y"])
    gaps = x.copy()
    gaps[0, 1] = gaps[3, 2] = np.nan
    for value, length in product((np.nan, 0.0), (1, 3)):
        attributes = dict(
            imputed_value_floats=numbers(63, length).tolist(), replaced_value_float=float(value)
        )
        nodes = [node("Imputer", ["a"], ["y"], **attributes)]
        case(f"Imputer {value} {length}", nodes, [gaps], ["y"])
    attributes = dict(imputed_value_int64s=[5, 1 << 40, -3], replaced_value_int64=-1)
    whole = np.asarray([[-1, -1, 4], [3, -1, -1]], np.int64)
    case("Imputer int64", [node("Imputer", ["a"], ["y"], **attributes)], [whole], ["y"])
    case("Binarizer", [node("Binarizer", ["a"], ["y"], threshold=0.25)], [x], ["y"])
    for dtype in ("float32", "int64", "int32"):
        parts = [(part * 7).astype(dtype) for part in (x, x, x[:, :2])]
        nodes = [node("FeatureVectorizer", ["a", "b", "c"], ["y"], inputdimensions=[2, 3, 4])]
        case(f"FeatureVectorizer {dtype}", nodes, parts, ["y"])


def encoding_cases() -> None:
    keys = {
        "close": ("keys_int64s", [3, 1, 4, 1, 5], np.asarray([[1, 2, 3], [5, 9, -(1 << 50)]])),
        "far": (
            "keys_int64s",
            [3, 1 << 40, -4000, 7, 3],
            np.asarray([[3, 1 << 40, 0], [-4000, 7, 1 << 41]]),
        ),
        "least": (
            "keys_int64s",
            [-(1 << 63), 1 - (1 << 63), 5 - (1 << 63), 4 - (1 << 63), 9 - (1 << 63)],
            np.asarray([[-(1 << 63), 1 - (1 << 63)], [0, 4 - (1 << 63)]]),
        ),
        "floats": (
            "keys_floats",
            [0.5, -1.0, 3.0, 0.5, 8.0],
            np.asarray([0.5, 3.0, 8.0, 7.0, np.nan], np.float32),
        ),
    }
    values = {
        "int64": dict(values_int64s=[10, 1 << 40, -3, 7, 0], default_int64=-9),
        "floats": dict(values_floats=[0.5, 1.5, -2.0, 4.0, 9.0], default_float=0.25),
        "texts": dict(values_strings=["a", "b", "a", "d", "e"], default_string="none"),
    }
    for (key, (name, list_, x)), (value, given) in product(keys.items(), values.items()):
        nodes = [node("LabelEncoder", ["a"], ["y"], **{name: list_}, **given)]
        case(f"LabelEncoder {key} {value}", nodes, [x], ["y"], opset=2)
    gap = [float("nan"), 2.0, 0.5]
    nodes = [node("LabelEncoder", ["a"], ["y"], keys_floats=gap, values_int64s=[4, 5, 6])]
    x = np.asarray([[np.nan, 0.5], [2.0, 1.0]], np.float32)
    for opset in (2, 4):
        case(f"LabelEncoder NaN {opset}", nodes, [x], ["y"], opset=opset)
    tensors = dict(
        keys_tensor=helper.make_tensor("keys", TensorProto.INT64, [3], [2, 4, 6]),
        values_tensor=helper.make_tensor("values", TensorProto.INT64, [3], [20, 40, 60]),
        default_tensor=helper.make_tensor("default", TensorProto.INT64, [1], [-7]),
    )
    nodes = [node("LabelEncoder", ["a"], ["y"], **tensors)]
    case("LabelEncoder tensors", nodes, [np.arange(8)], ["y"], opset=4)
    animals = dict(cats_strings=["cat", "dog", "cow"], cats_int64s=[4, 9, 2])
    to_text = node("CategoryMapper", ["a"], ["text"], default_string="hen", **animals)
    x = np.asarray([[4, 2, 9], [0, 9, 4]])
    case("CategoryMapper", [to_text], [x], ["text"])
    after = {
        "CategoryMapper back": node("CategoryMapper", ["text"], ["y"], default_int64=-5, **animals),
        "LabelEncoder of texts int64": node(
            "LabelEncoder",
            ["text"],
            ["y"],
            keys_strings=["cow", "hen", "hen"],
            values_int64s=[3, 8, 9],
            default_int64=-2,
        ),
        "LabelEncoder of texts floats": node(
            "LabelEncoder", ["text"], ["y"], keys_strings=["dog", "cow"], values_floats=[0.5, 2.0]
        ),
        "LabelEncoder of texts texts": node(
            "LabelEncoder",
            ["text"],
            ["y"],
            keys_strings=["cat", "cow"],
            values_strings=["meow", "moo"],
            default_string="?",
        ),
        "OneHotEncoder of texts": node(
            "OneHotEncoder", ["text"], ["y"], cats_strings=["hen", "cat"]
        ),
    }
    for name, second in after.items():
        case(name, [to_text, second], [x], ["y"], opset=2)
    for version, name in ((1, "int64"), (1, "texts")):
        words = ["cat", "dog", "cow"]
        encode = node("LabelEncoder", ["text"], ["y"], classes_strings=words, default_int64=-3)
        decode = node("LabelEncoder", ["a"], ["y"], classes_strings=words, default_string="none")
        nodes = [to_text, encode] if name == "int64" else [decode]
        inputs = [x] if name == "int64" else [np.asarray([2, 0, 7, -1])]
        case(f"LabelEncoder 1 {name}", nodes, inputs, ["y"], opset=version)
    for dtype, shape in (("int64", (2, 3)), ("float32", (6,))):
        nodes = [node("OneHotEncoder", ["a"], ["y"], cats_int64s=[9, 4, 3], zeros=1)]
        case(f"OneHotEncoder {dtype}", nodes, [x.reshape(shape).astype(dtype)], ["y"])


def main() -> None:
    linear_cases()
    svm_cases()
    scaling_cases()
    encoding_cases()
    arrays: dict[str, np.ndarray] = {}
    for name, (model, inputs) in CASES.items():
        data = model.SerializeToString()
        try:
            session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
            feeds = {chr(97 + k): array for k, array in enumerate(inputs)}
            outputs = session.run(None, feeds)
        except Exception as error:
            print(f"{name}: {error}")
            continue
        arrays[f"{name}/model"] = np.frombuffer(data, np.uint8)
        for kind, several in (("input", inputs), ("output", outputs)):
            for number, array in enumerate(several):
                texts = np.asarray(array).dtype == object
                arrays[f"{name}/{kind}{number}"] = np.asarray(array, np.str_ if texts else None)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, array in sorted(arrays.items()):
            stream = io.BytesIO()
            np.save(stream, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), stream.getvalue())
    (FOLDER / "operators.npz.xz").write_bytes(lzma.compress(whole.getvalue(), preset=9))
    print(f"{len(CASES)} cases")


if __name__ == "__main__":
    main()
