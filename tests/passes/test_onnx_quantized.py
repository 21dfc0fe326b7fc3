"""
Quantised ONNX models: integer layers of pairs and of operators that have scales as operands.

The authority are ONNX's own definitions, which spell out float arithmetic: every layer must be
within one unit of it when both get the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from support.compiled import WHOLE, run_all
from support.onnx_models import Array, model, node, reference, value
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, ModuleOp, TensorType
from xdsl.ir import SSAValue

from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_fuse_qdq import NnFuseQdqPass
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.onnx_to_nn import OnnxToNnPass

SHAPE = (1, 4, 6, 6)
MOST_DIFFERENT = 0.01
"""The share of elements that may differ by one, but for layers that round twice."""

ROUND_TWICE = {"average_pool": 0.35}
"""A mean of stored integers is rounded, and again where its scale changes."""


class Pairs:
    """Builds a model of dequantisations and quantisations."""

    def __init__(self, storage: str):
        self.storage = storage
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.rng: Any = np.random.default_rng(7)

    def scale(self, name: str, scale: float, zero: int) -> list[str]:
        self.constants[f"{name}_scale"] = np.asarray(scale, np.float32)
        self.constants[f"{name}_zero"] = np.asarray(zero, self.storage)
        return [f"{name}_scale", f"{name}_zero"]

    def input(self, name: str, scale: float, zero: int) -> str:
        """An input of integers, dequantised."""
        self.nodes.append(
            node("DequantizeLinear", [name, *self.scale(name, scale, zero)], [f"{name}_real"])
        )
        return f"{name}_real"

    def weights(self, name: str, shape: Sequence[int], axis: int, per_axis: bool = True) -> str:
        """Constant weights of int8, dequantised."""
        count = shape[axis] if per_axis else 1
        scales = self.rng.uniform(0.01, 0.03, count).astype(np.float32)
        zeros = np.zeros(count, np.int8)
        codes = self.rng.integers(-127, 128, shape).astype(np.int8)
        self.constants |= {f"{name}": codes, f"{name}_scale": scales, f"{name}_zero": zeros}
        if not per_axis:
            self.constants[f"{name}_scale"] = scales.reshape([])
            self.constants[f"{name}_zero"] = zeros.reshape([])
        operands = [name, f"{name}_scale", f"{name}_zero"]
        self.nodes.append(node("DequantizeLinear", operands, [f"{name}_real"], axis=axis))
        return f"{name}_real"

    def bias(self, name: str, weights: str, input: str, count: int) -> str:
        """A constant bias of int32 in units of the products."""
        unit = self.constants[f"{input}_scale"] * self.constants[f"{weights}_scale"]
        self.constants[name] = self.rng.integers(-500, 500, count).astype(np.int32)
        self.constants[f"{name}_scale"] = unit.astype(np.float32)
        self.nodes.append(
            node("DequantizeLinear", [name, f"{name}_scale"], [f"{name}_real"], axis=0)
        )
        return f"{name}_real"

    def output(self, real: str, scale: float, zero: int) -> None:
        """The output y of integers."""
        self.nodes.append(node("QuantizeLinear", [real, *self.scale("y", scale, zero)], ["y"]))

    def model(self, inputs: dict[str, Sequence[int]]) -> onnx.ModelProto:
        kind = "u8" if self.storage == "uint8" else "i8"
        given = [value(name, list(shape), kind) for name, shape in inputs.items()]
        return model(self.nodes, given, ["y"], self.constants)


def conv(storage: str) -> onnx.ModelProto:
    it = Pairs(storage)
    x = it.input("x", 0.0473, 3)
    w = it.weights("w", (6, 4, 3, 3), 0)
    b = it.bias("b", "w", "x", 6)
    it.nodes.append(node("Conv", [x, w, b], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]))
    it.nodes.append(node("Relu", ["c"], ["r"]))
    it.output("r", 0.04, 10)
    return it.model({"x": SHAPE})


def depthwise(storage: str) -> onnx.ModelProto:
    it = Pairs(storage)
    x, w = it.input("x", 0.0473, 3), it.weights("w", (4, 1, 3, 3), 0)
    it.nodes.append(node("Conv", [x, w], ["c"], group=4, pads=[1, 1, 1, 1]))
    it.output("c", 0.05, 10)
    return it.model({"x": SHAPE})


def dense(storage: str) -> onnx.ModelProto:
    it = Pairs(storage)
    x = it.input("x", 0.0473, 3)
    w = it.weights("w", (5, 144), 0, per_axis=False)
    b = it.bias("b", "w", "x", 5)
    it.nodes.append(node("Flatten", [x], ["f"]))
    it.nodes.append(node("Gemm", ["f", w, b], ["g"], transB=1))
    it.output("g", 0.3, 10)
    return it.model({"x": SHAPE})


def arithmetic(operator: str) -> Callable[[str], onnx.ModelProto]:
    def make(storage: str) -> onnx.ModelProto:
        it = Pairs(storage)
        a, b = it.input("x", 0.0473, 3), it.input("z", 0.0211, 20)
        it.nodes.append(node(operator, [a, b], ["s"]))
        it.output("s", 0.0589, 5)
        return it.model({"x": SHAPE, "z": SHAPE})

    return make


def single(operator: str, **attributes: object) -> Callable[[str], onnx.ModelProto]:
    def make(storage: str) -> onnx.ModelProto:
        it = Pairs(storage)
        it.nodes.append(node(operator, [it.input("x", 0.0473, 3)], ["s"], **attributes))
        it.output("s", 0.0473 if operator == "MaxPool" else 0.0317, 3)
        return it.model({"x": SHAPE})

    return make


def concat(storage: str) -> onnx.ModelProto:
    it = Pairs(storage)
    a, b = it.input("x", 0.0473, 3), it.input("z", 0.0211, 20)
    it.nodes.append(node("Concat", [a, b], ["s"], axis=1))
    it.output("s", 0.0473, 3)
    return it.model({"x": SHAPE, "z": SHAPE})


LAYERS: dict[str, Callable[[str], onnx.ModelProto]] = {
    "conv": conv,
    "depthwise": depthwise,
    "dense": dense,
    "add": arithmetic("Add"),
    "sub": arithmetic("Sub"),
    "mul": arithmetic("Mul"),
    "concat": concat,
    "max_pool": single("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
    "average_pool": single("AveragePool", kernel_shape=[2, 2], strides=[2, 2]),
    "global_average_pool": single("GlobalAveragePool"),
    "sigmoid": single("Sigmoid"),
    "leaky_relu": single("LeakyRelu", alpha=0.1),
}
STORAGES: tuple[str, ...] = ("int8", "uint8")


def lowered(proto: onnx.ModelProto) -> ModuleOp:
    module = import_onnx(proto.SerializeToString())
    for step in (OnnxToNnPass(), NnSinkTransposesPass("kept"), NnFuseQdqPass()):
        step.apply(Context(), module)
        module.verify()
    return module


def is_float(it: SSAValue) -> bool:
    return isinstance(it.type, TensorType) and isinstance(it.type.element_type, Float32Type)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_of_integers(name: str) -> None:
    floats = [
        op.name
        for op in lowered(LAYERS[name]("int8")).walk()
        if any(is_float(it) for it in op.results) and not isinstance(op, DequantizeOp | QuantizeOp)
    ]
    assert floats == (
        ["nn.logistic"] if name == "sigmoid" else [f"nn.{name}"] * (name == "leaky_relu")
    )


def test_layers_are_within_one_unit_of_their_definition() -> None:
    rng: Any = np.random.default_rng(11)
    names = [(name, storage) for name in LAYERS for storage in STORAGES]
    cases: list[tuple[ModuleOp, list[list[Array]]]] = []
    wanted: list[list[Array]] = []
    for name, storage in names:
        proto = LAYERS[name](storage)
        info = np.iinfo(storage)
        samples = [
            [rng.integers(info.min, info.max + 1, SHAPE).astype(storage) for _ in proto.graph.input]
            for _ in range(4)
        ]
        cases.append((lowered(proto), samples))
        wanted.append([reference(proto, sample)[0] for sample in samples])
    different: dict[str, list[float]] = {}
    for (name, _), runs, expected in zip(names, run_all(cases, WHOLE), wanted, strict=True):
        for run, right in zip(runs, expected, strict=True):
            error = np.abs(run.outputs[0].astype(int) - right.astype(int))
            assert error.max() <= 1, name
            different.setdefault(name, []).append(float((error > 0).mean()))
    shares = {name: float(np.mean(parts)) for name, parts in different.items()}
    most = {name: ROUND_TWICE.get(name, MOST_DIFFERENT) for name in shares}
    assert {name: share for name, share in shares.items() if share > most[name]} == {}


def test_operators_with_scales_become_the_same() -> None:
    pairs = conv("int8")
    # Without the activation, which QLinearConv has not.
    nodes = [it for it in pairs.graph.node if it.op_type != "Relu"]
    del pairs.graph.node[:]
    pairs.graph.node.extend(nodes)
    pairs.graph.node[-1].input[0] = "c"
    qlinear = onnx.ModelProto()
    qlinear.CopyFrom(pairs)
    del qlinear.graph.node[:]
    operands = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "b"]
    qlinear.graph.node.append(
        node("QLinearConv", operands, ["y"], pads=[1, 1, 1, 1], strides=[2, 2])
    )
    one, other = (
        [(op.name, op.properties, [it.type for it in op.results]) for op in lowered(it).walk()]
        for it in (pairs, qlinear)
    )
    assert one[2:] == other[2:]


def test_operators_of_onnx_runtime() -> None:
    """The domain `com.microsoft`: what they mean as pairs, computed by hand."""
    rng: Any = np.random.default_rng(3)
    x = rng.integers(-128, 128, SHAPE).astype(np.int8)
    scale, zero = np.asarray(0.05, np.float32), np.asarray(3, np.int8)
    constants: dict[str, Array] = {
        "s": scale,
        "z": zero,
        "w": rng.integers(-127, 128, (144, 5)).astype(np.int8),
        "ws": np.asarray(0.01, np.float32),
        "wz": np.asarray(0, np.int8),
        "b": rng.integers(-900, 900, 5).astype(np.int32),
        "ys": np.asarray(0.7, np.float32),
    }
    own = {"domain": "com.microsoft"}
    nodes = [
        node("QLinearAdd", ["x", "s", "z", "x", "s", "z", "s", "z"], ["sum"], **own),
        node("QLinearGlobalAveragePool", ["x", "s", "z", "s", "z"], ["mean"], **own),
        node("Flatten", ["x"], ["flat"]),
        node("QGemm", ["flat", "s", "z", "w", "ws", "wz", "b", "ys", "z"], ["y"], **own),
    ]
    given = [value("x", list(SHAPE), "i8")]
    proto = model(nodes, given, ["sum", "mean", "y"], constants, domains={"com.microsoft": 1})
    module = lowered(proto)
    (run,) = run_all([(module, [[x]])], WHOLE)
    numbers = (x.astype(np.float64) - 3) * 0.05
    product = numbers.reshape(1, 144) @ (constants["w"] * 0.01) + constants["b"] * 0.0005
    wanted = [numbers * 2 / 0.05, numbers.mean((2, 3), keepdims=True) / 0.05, product / 0.7]
    for found, real in zip(run[0].outputs, wanted, strict=True):
        right = np.clip(np.rint(real) + 3, -128, 127)
        assert np.abs(found.astype(int) - right).max() <= 1
    names = {op.name for op in module.walk()}
    assert {"nn.dense", "nn.reduce_mean", "nn.add"} <= names
    assert "nn.dequantize" not in names
