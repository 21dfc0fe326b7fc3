"""Labels of classifiers: strings as numbers, maps as their values, and what says what they mean."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.onnx_models import Array, model, node, value
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from nnc.compiler import build_module
from nnc.dialects.nn.interpreter import run
from nnc.frontends.onnx import import_onnx
from nnc.options import Options
from nnc.passes.onnx_to_nn import OnnxToNnPass
from nnc.pipeline import context

ML = "ai.onnx.ml"
NAMES = ["cat", "dog", 'c"ow']


def map_type(key: int = TensorProto.STRING) -> onnx.TypeProto:
    number = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    return helper.make_sequence_type_proto(helper.make_map_type_proto(key, number))


def classifier() -> onnx.ModelProto:
    """What skl2onnx makes around a classifier: labels that are strings, and a map of scores."""
    nodes = [
        node("Softmax", ["x"], ["p"], axis=1),
        node("ArgMax", ["p"], ["i"], axis=1),
        node("ArrayFeatureExtractor", ["names", "i"], ["picked"], domain=ML),
        node("Reshape", ["picked", "shape"], ["label"]),
        node("ZipMap", ["p"], ["scores"], domain=ML, classlabels_strings=NAMES),
    ]
    constants = {"shape": np.asarray([-1])}
    proto = model(nodes, {"x": [None, 3]}, ["label", "scores"], constants, domains={ML: 1})
    proto.graph.initializer.append(
        onnx.TensorProto(
            name="names",
            data_type=TensorProto.STRING,
            dims=[3],
            string_data=[name.encode() for name in NAMES],
        )
    )
    proto.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("label", TensorProto.STRING, [None])
    )
    proto.graph.output[1].CopyFrom(helper.make_value_info("scores", map_type()))
    return proto


def lowered(proto: onnx.ModelProto) -> ModuleOp:
    module = import_onnx(proto.SerializeToString())
    OnnxToNnPass().apply(context(), module)
    return module


def problem(proto: onnx.ModelProto) -> str:
    with pytest.raises(DiagnosticException) as caught:
        lowered(proto)
    return str(caught.value)


def test_labels_and_scores() -> None:
    module = import_onnx(classifier().SerializeToString())
    OnnxToNnPass().apply(context(), module)
    x: Array = np.asarray([[0.5, 3.0, 1.0]], np.float32)
    label, scores = run(module, [x]).outputs
    assert (label.tolist(), scores.shape) == ([1], (1, 3))
    assert np.allclose(scores, np.exp(x) / np.exp(x).sum())


def test_tables_in_the_header_and_the_report() -> None:
    network = build_module(import_onnx(classifier().SerializeToString()), Options("cortex-m4"))
    assert "extern const char *const net_output_label_names[3];" in network.files["net.h"]
    assert "extern const char *const net_output_scores_classes[3];" in network.files["net.h"]
    assert '    "c\\042ow",' in network.files["net.c"]
    label, scores = network.report.outputs
    assert (label.names, label.classes) == (tuple(NAMES), ())
    assert (scores.names, scores.classes) == ((), tuple(NAMES))
    assert "- `label`: its numbers are cat, dog" in network.files["report.md"]


def test_an_operator_set_may_be_given_twice() -> None:
    proto = classifier()
    proto.opset_import.append(proto.opset_import[0])
    lowered(proto)
    proto.opset_import.append(helper.make_opsetid(ML, 3))
    assert "expected one operator set of ai.onnx.ml, got 1 and 3" in problem(proto)


def test_strings_are_not_taken() -> None:
    proto = model([node("Identity", ["x"], ["y"])], {"x": [2]}, ["y"])
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.STRING, [2]))
    assert problem(proto) == (
        'layer "x": input: strings are not supported; a model that takes numbers works'
    )


def test_strings_are_no_numbers() -> None:
    proto = model([node("StringNormalizer", ["n"], ["y"])], [], ["y"])
    proto.graph.node.insert(0, node("Constant", [], ["n"], value_strings=["a", "b"]))
    assert "this operator is not supported" in problem(proto)
    proto.graph.node[1].CopyFrom(node("Cast", ["n"], ["y"], to=TensorProto.FLOAT))
    assert "expected numbers, got strings" in problem(proto)


def test_strings_of_several_lists() -> None:
    nodes = [
        node("Constant", [], ["a"], value_strings=["cat", "dog"]),
        node("Constant", [], ["b"], value_strings=["dog", "cow"]),
        node("Concat", ["a", "b"], ["y"], axis=0),
    ]
    assert "expected strings of one list" in problem(model(nodes, [], ["y"]))


def test_maps_of_other_sizes() -> None:
    proto = model(
        [node("ZipMap", ["x"], ["y"], domain=ML, classlabels_int64s=[1, 2])],
        {"x": [1, 3]},
        [],
        domains={ML: 1},
    )
    proto.graph.output.append(helper.make_value_info("y", map_type(TensorProto.INT64)))
    assert "expected 3 labels, got 2" in problem(proto)


def test_a_sequence_that_is_no_map() -> None:
    proto = model([node("SequenceConstruct", ["x"], ["y"])], [value("x", [2])], ["y"])
    assert "SequenceConstruct" in problem(proto)
