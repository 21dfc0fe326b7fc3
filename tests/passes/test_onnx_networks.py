"""
Networks with channels first against ONNX's reference implementation, through the generated C, and
without a transpose left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import onnx
import pytest
from support.compiled import WHOLE, How, run_all
from support.onnx_models import Array, model, node, random_weights, reference, value
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from nnc.dialects.nn.layout import layout_of
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.types import shape_of
from nnc.frontends.errors import FrontendError
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_sink_transposes import Io, NnSinkTransposesPass
from nnc.passes.onnx_to_nn import OnnxToNnPass


def residual() -> onnx.ModelProto:
    """Normalised input, depthwise convolutions, batch normalisation, a residual, attention."""
    weights = random_weights(1)
    nodes = [
        node("Sub", ["x", "mean"], ["centred"]),
        node("Conv", ["centred", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2"], ["c2"], auto_pad="SAME_LOWER", group=8),
        node("BatchNormalization", ["c2", "scale", "shift", "average", "variance"], ["bn"]),
        node("Clip", ["bn", "low", "high"], ["clipped"]),
        node("Conv", ["clipped", "w3"], ["c3"]),
        node("Add", ["c3", "r1"], ["sum"]),
        node("GlobalAveragePool", ["sum"], ["pooled"]),
        node("Conv", ["pooled", "down"], ["s1"]),
        node("Conv", ["s1", "up"], ["s2"]),
        node("Sigmoid", ["s2"], ["gate"]),
        node("Mul", ["sum", "gate"], ["gated"]),
        node("MaxPool", ["gated"], ["small"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        node("Concat", ["small", "small"], ["twice"], axis=1),
        node("Pad", ["twice", "pads"], ["padded"]),
        node("AveragePool", ["padded"], ["mean4"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["mean4"], ["flat"]),
        node("Relu", ["flat"], ["flat_relu"]),
        node("Gemm", ["flat_relu", "fc", "fcb"], ["logits"]),
        node("Softmax", ["logits"], ["y"]),
    ]
    constants = {
        "mean": weights(1, 3, 1, 1),
        "w1": weights(8, 3, 3, 3),
        "b1": weights(8),
        "w2": weights(8, 1, 2, 2),
        "scale": weights(8),
        "shift": weights(8),
        "average": weights(8),
        "variance": np.abs(weights(8)) + np.float32(0.5),
        "low": np.asarray(0, np.float32),
        "high": np.asarray(6, np.float32),
        "w3": weights(8, 8, 1, 1),
        "down": weights(4, 8, 1, 1),
        "up": weights(8, 4, 1, 1),
        "pads": np.asarray([0, 0, 1, 0, 0, 0, 1, 0], np.int64),
        "fc": weights(16 * 3 * 4, 10),
        "fcb": weights(10),
    }
    return model(nodes, {"x": [1, 3, 8, 16]}, ["y"], constants)


def decoder() -> onnx.ModelProto:
    """Transposed convolutions, resizing, instance normalisation, an image out."""
    weights = random_weights(2)
    nodes = [
        node("ConvTranspose", ["x", "w1"], ["t1"], strides=[2, 2], pads=[1, 0, 0, 1]),
        node("InstanceNormalization", ["t1", "scale", "shift"], ["n"], epsilon=1e-3),
        node("LeakyRelu", ["n"], ["l"], alpha=0.2),
        node("Resize", ["l", "", "scales"], ["up"], mode="nearest"),
        node("Resize", ["up", "", "scales"], ["up2"], mode="linear"),
        node("Conv", ["up2", "w2"], ["c"], dilations=[2, 1]),
        node("PRelu", ["c", "slope"], ["y"]),
    ]
    constants = {
        "w1": weights(3, 4, 3, 3),
        "scale": weights(4),
        "shift": weights(4),
        "scales": np.asarray([1, 1, 2, 2], np.float32),
        "w2": weights(2, 4, 2, 2),
        "slope": weights(2, 1, 1),
    }
    return model(nodes, {"x": [1, 3, 5, 4]}, ["y"], constants)


def signal() -> onnx.ModelProto:
    """One spatial axis, and a reshape between channels and groups of them."""
    weights = random_weights(3)
    nodes = [
        node("Conv", ["x", "w1"], ["c1"], strides=[2], pads=[2, 1]),
        node("Tanh", ["c1"], ["t"]),
        node("MaxPool", ["t"], ["p"], kernel_shape=[2], strides=[2]),
        node("Conv", ["p", "w2"], ["c2"], group=2),
        node("ReduceMean", ["c2", "axes"], ["m"], keepdims=0),
        node("MatMul", ["m", "fc"], ["y"]),
    ]
    constants = {
        "w1": weights(4, 3, 3),
        "w2": weights(6, 2, 3),
        "axes": np.asarray([2], np.int64),
        "fc": weights(6, 2),
    }
    return model(nodes, {"x": [1, 3, 32]}, ["y"], constants)


def matlab() -> onnx.ModelProto:
    """An old operator set, initializers that are inputs, softmax between transposes."""
    weights = random_weights(4)
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], auto_pad="NOTSET"),
        node("Relu", ["c"], ["r"]),
        node("Transpose", ["r"], ["last"], perm=[0, 2, 3, 1]),
        node("Softmax", ["last"], ["s"], axis=-1),
        node("Transpose", ["s"], ["y"], perm=[0, 3, 1, 2]),
    ]
    inputs = {"x": ["BatchSize", 2, 6, 5], "w": [4, 2, 3, 3]}
    return model(nodes, inputs, ["y"], {"w": weights(4, 2, 3, 3)}, opset=9)


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "residual": residual,
    "decoder": decoder,
    "signal": signal,
    "matlab": matlab,
}


def lowered(proto: onnx.ModelProto, io: Io) -> ModuleOp:
    module = import_onnx(proto.SerializeToString())
    for step in (OnnxToNnPass(), NnSinkTransposesPass(io)):
        step.apply(Context(), module)
        module.verify()
    return module


def function_of(module: ModuleOp) -> FuncOp:
    return next(op for op in module.body.block.ops if isinstance(op, FuncOp))


def transposes(module: ModuleOp) -> int:
    return sum(isinstance(op, TransposeOp) for op in module.walk())


def in_layout(array: Array, entry: object, back: bool = False) -> Array:
    order = layout_of(getattr(entry, "data", {}))
    if order is None:
        return array
    return np.ascontiguousarray(array.transpose(np.argsort(order) if back else order))


def check(actual: Array, expected: Array) -> None:
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= 1e-5 * max(1e-6, np.abs(expected).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_no_transpose_is_left(name: str) -> None:
    assert transposes(lowered(NETWORKS[name](), "last")) == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_edges_are_left_with_the_layout_kept(name: str) -> None:
    module = lowered(NETWORKS[name](), "kept")
    assert transposes(module) <= 2
    function = function_of(module)
    shape = next(it for it in NETWORKS[name]().graph.input if it.name == "x")
    sizes = [dim.dim_value or 1 for dim in shape.type.tensor_type.shape.dim]
    assert list(shape_of(function.body.block.args[0])) == sizes


@pytest.mark.parametrize("how", [How(), WHOLE], ids=["loops", "whole"])
def test_results_are_those_of_the_reference(how: How) -> None:
    protos = [make() for make in NETWORKS.values()]
    cases: list[tuple[ModuleOp, list[list[Array]]]] = []
    wanted: list[Array] = []
    for number, proto in enumerate(protos):
        shape = [dim.dim_value or 1 for dim in proto.graph.input[0].type.tensor_type.shape.dim]
        x = random_weights(100 + number)(*shape) * 3
        module = lowered(proto, "last")
        wanted.append(reference(proto, [x])[0])
        arguments = function_of(module).arg_attrs
        assert arguments is not None
        cases.append((module, [[in_layout(x, arguments.data[0])]]))
    for (module, _), run, expected in zip(cases, run_all(cases, how), wanted, strict=True):
        results = function_of(module).res_attrs
        assert results is not None
        check(in_layout(run[0].outputs[0], results.data[0], back=True), expected)


def test_chains_longer_than_the_stack() -> None:
    """What is asked of the last of many layers is asked of all before."""
    names = ["x", *(f"n{number}" for number in range(1500))]
    nodes = [node("Neg", [a], [b]) for a, b in pairwise(names)]
    nodes.append(node("Transpose", [names[-1]], ["y"], perm=[1, 0]))
    module = lowered(model(nodes, {"x": [2, 3]}, ["y"]), "kept")
    assert transposes(module) == 1


def old(opset: int, operators: list[onnx.NodeProto], **constants: Array) -> onnx.ModelProto:
    """A model of an old operator set: everything has a type, and initializers are inputs."""
    shapes: dict[str, Sequence[int]] = {"x": [2, 3, 3]}
    shapes |= {name: array.shape for name, array in constants.items()}
    proto = model(operators, shapes, ["y"], constants, opset=opset)
    proto.ir_version = 3
    del proto.graph.output[:]
    proto.graph.output.append(value("y", [2, 3, 3]))
    return proto


def test_old_operator_sets() -> None:
    """Operands broadcast along an axis then, and slopes along the channels."""
    weights = random_weights(7)
    x, slope, bias = weights(2, 3, 3), weights(3), weights(3)
    nodes = [
        node("Add", ["x", "bias"], ["sum"], broadcast=1, axis=1),
        node("PRelu", ["sum", "slope"], ["y"]),
    ]
    module = lowered(old(6, nodes, bias=bias, slope=slope), "kept")
    total = x + bias[:, None]
    expected = np.where(total < 0, total * slope[:, None], total)
    (run,) = run_all([(module, [[x]])], How())
    check(run[0].outputs[0], expected)
    remarks = function_of(module).attributes["nn.remarks"]
    assert "operator set 6 was converted to 7" in str(remarks)


@pytest.mark.parametrize(
    ("opset", "said"),
    [
        (0, "expected an operator set from 1 to"),
        (99, "expected an operator set from 1 to"),
        (6, "its operator set cannot be converted to 7: "),
    ],
)
def test_operator_sets_that_are_refused(opset: int, said: str) -> None:
    with pytest.raises(FrontendError) as error:
        lowered(old(opset, [node("Frobnicate", ["x"], ["y"])]), "kept")
    assert said in str(error.value)
