"""
Integer layers of both forms of quantised ONNX against the numpy model of the QLinear operators.

Zero points at both ends of their range, asymmetric weights, scales for each channel, uint8, and
multipliers above 1 are drawn by Hypothesis and run by the reference semantics; a fixed number of
them also as C. Under `onnx-exact` layers equal the model, under `onnx` they are within one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import qlinear
from support.compiled import WHOLE, run_all
from support.onnx_models import Array, model, node, value
from support.qlinear import Scale
from support.qlinear_models import KINDS, Form, Graph, Layer
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, ModuleOp, TensorType

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.interpreter import run
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_fuse_qdq import NnFuseQdqPass
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.nn_tabulate import NnTabulatePass
from nnc.passes.onnx_to_nn import OnnxToNnPass
from nnc.passes.qdq.contract import Numerics

FORMS: tuple[Form, ...] = ("pairs", "operators")
STORAGES = (("int8", "int8"), ("uint8", "int8"), ("uint8", "uint8"))
"""Activations and weights: what `onnxruntime.quantization` calls S8S8, U8S8 and U8U8."""

WIDE = (("int16", "int8"), ("uint16", "int8"), ("int16", "uint8"))
"""Activations of 16 bits, which only pairs have."""

Draw = st.DrawFn


def zeros(draw: Draw, storage: str) -> int:
    """A zero point, mostly at an end of the range or at its middle."""
    info = np.iinfo(storage)
    ends = st.sampled_from([int(info.min), int(info.max), (int(info.min) + int(info.max) + 1) // 2])
    return draw(ends | st.integers(int(info.min), int(info.max)))


def activation(draw: Draw, storage: str, scale: float | None = None) -> Scale:
    """Scale and zero point of an activation."""
    number = draw(st.floats(2**-8, 0.25, width=32)) if scale is None else scale
    return Scale.of(number, zeros(draw, storage), storage)


def weight_scale(draw: Draw, storage: str, channels: int) -> Scale:
    """Scales and zero points of weights: one or one for each channel, symmetric or not."""
    count = channels if draw(st.booleans()) else 1
    rng: Any = np.random.default_rng(draw(st.integers(0, 1000)))
    scale = rng.uniform(0.002, 0.05, count).astype(np.float32)
    info = np.iinfo(storage)
    zero = np.full(count, (int(info.min) + int(info.max) + 1) // 2)
    if draw(st.booleans()):
        zero = rng.integers(info.min, info.max + 1, count)
    if count == 1 and draw(st.booleans()):
        return Scale(scale.reshape([]), zero.astype(storage).reshape([]), storage)
    return Scale(scale, zero.astype(storage), storage)


def codes(rng: Any, storage: str, shape: Sequence[int]) -> Array:
    info = np.iinfo(storage)
    return rng.integers(info.min, info.max + 1, shape).astype(storage)


def result_scale(draw: Draw, typical: float, storage: str) -> Scale:
    """
    The scale of a result that typically has numbers of this size: so that it uses its range, so
    that most saturates, or one so small that the multiplier is above 1.
    """
    factor = draw(st.sampled_from([1 / 60, 1 / 200, 1 / 2000, 1e-6]))
    return activation(draw, storage, float(np.float32(max(typical * factor, 1e-7))))


@st.composite
def convolutions(draw: Draw, storages: Sequence[tuple[str, str]] = STORAGES) -> Layer:
    storage, weights = draw(st.sampled_from(storages))
    rng: Any = np.random.default_rng(draw(st.integers(0, 10**6)))
    depthwise = draw(st.booleans())
    channels = draw(st.integers(1, 5)) + depthwise
    outputs = channels if depthwise else draw(st.integers(1, 5))
    groups = channels if depthwise else 1
    kernel = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    size = [draw(st.integers(3, 6)), draw(st.integers(3, 6))]
    window: dict[str, Any] = {
        "strides": [draw(st.integers(1, 2)), draw(st.integers(1, 2))],
        "pads": [draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)],
    }
    xs, ws = activation(draw, storage), weight_scale(draw, weights, outputs)
    w = codes(rng, weights, (outputs, channels // groups, *kernel))
    bias = rng.integers(-2000, 2000, outputs).astype(np.int32) if draw(st.booleans()) else None
    typical = float(xs.scale) * float(ws.scale.max()) * 7000 * np.sqrt(w[0].size)
    ys = result_scale(draw, typical, storage)

    def pairs(graph: Graph) -> str:
        operands = ["x_real", graph.stored("w", w, ws, 0)]
        if bias is not None:
            unit = np.broadcast_to(xs.scale * ws.scale.ravel(), outputs)
            operands.append(graph.bias("b", bias, unit))
        return graph.add("Conv", operands, "c", group=groups, **window)

    def operators(graph: Graph) -> None:
        graph.constants["w"] = w
        operands = ["x", *graph.scale("x", xs), "w", *graph.scale("w", ws), *graph.scale("y", ys)]
        if bias is not None:
            graph.constants["b"] = bias
            operands.append("b")
        graph.add("QLinearConv", operands, "y", group=groups, **window)

    return Layer(
        {"x": ((1, channels, *size), xs)},
        ys,
        lambda it: qlinear.conv(it[0], xs, w, ws, ys, bias, groups=groups, **window),
        pairs,
        operators,
    )


@st.composite
def products(draw: Draw, storages: Sequence[tuple[str, str]] = STORAGES) -> Layer:
    """MatMul with a constant matrix, Gemm with a bias, and the operators for both."""
    storage, weights = draw(st.sampled_from(storages))
    rng: Any = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows, depth, columns = (draw(st.integers(1, 6)) for _ in range(3))
    xs, ws = activation(draw, storage), weight_scale(draw, weights, columns)
    w = codes(rng, weights, (depth, columns))
    bias = rng.integers(-2000, 2000, columns).astype(np.int32) if draw(st.booleans()) else None
    typical = float(xs.scale) * float(ws.scale.max()) * 7000 * np.sqrt(depth)
    ys = result_scale(draw, typical, storage)
    added = draw(st.booleans())

    def pairs(graph: Graph) -> str:
        operands = ["x_real", graph.stored("w", w, ws, 1)]
        if bias is None:
            return graph.add("MatMul", operands, "c")
        unit = np.broadcast_to(xs.scale * ws.scale.ravel(), columns)
        b = graph.bias("b", bias, unit)
        if added:
            return graph.add("Add", [graph.add("MatMul", operands, "c"), b], "s")
        return graph.add("Gemm", [*operands, b], "c")

    def operators(graph: Graph) -> None:
        graph.constants["w"] = w
        operands = ["x", *graph.scale("x", xs), "w", *graph.scale("w", ws)]
        if bias is None:
            graph.add("QLinearMatMul", [*operands, *graph.scale("y", ys)], "y")
            return
        graph.constants["b"] = bias
        graph.own("QGemm", [*operands, "b", *graph.scale("y", ys)])

    return Layer(
        {"x": ((rows, depth), xs)},
        ys,
        lambda it: qlinear.matmul(it[0], xs, w, ws, ys, bias),
        pairs,
        operators,
    )


@st.composite
def sums(draw: Draw, storages: Sequence[str] = ("int8", "uint8")) -> Layer:
    """Add and Mul of two tensors of one shape, or of one that stretches."""
    storage = draw(st.sampled_from(storages))
    operator = draw(st.sampled_from(["Add", "Mul"]))
    xs, zs = activation(draw, storage), activation(draw, storage)
    typical = 120 * float(xs.scale + zs.scale)
    if operator == "Mul":
        typical = 7000 * float(xs.scale * zs.scale)
    # Sums have a contract only where the multiplier of their last step is below 1.
    ys = activation(draw, storage, typical / draw(st.sampled_from([100, 200, 1000])))
    shape = (1, 3, 4, 5)
    other = draw(st.sampled_from([shape, (1, 3, 1, 1)]))

    def operators(graph: Graph) -> None:
        operands = ["x", *graph.scale("x", xs), "z", *graph.scale("z", zs)]
        graph.own(f"QLinear{operator}", [*operands, *graph.scale("y", ys)])

    compute = qlinear.add if operator == "Add" else qlinear.mul
    return Layer(
        {"x": (shape, xs), "z": (other, zs)},
        ys,
        lambda it: compute(it[0], xs, it[1], zs, ys),
        lambda graph: graph.add(operator, ["x_real", "z_real"], "s"),
        operators,
    )


@st.composite
def functions(draw: Draw) -> Layer:
    """Functions of one tensor, pooling and joining."""
    storage = draw(st.sampled_from(["int8", "uint8"]))
    xs = activation(draw, storage)
    unit = draw(st.sampled_from([1 / 256, 1 / 255, 0.01]))
    low = int(np.iinfo(storage).min)
    name = draw(st.sampled_from(["Sigmoid", "LeakyRelu", "Softmax", "AveragePool", "Global"]))
    shape = (1, 3, 4, 6)
    operands = ["x_real"]
    if name == "Sigmoid":
        ys = Scale.of(unit, low, storage)

        def sigmoid(graph: Graph) -> None:
            graph.own("QLinearSigmoid", ["x", *graph.scale("x", xs), *graph.scale("y", ys)])

        return Layer(
            {"x": (shape, xs)},
            ys,
            lambda it: qlinear.sigmoid(it[0], xs, ys),
            lambda graph: graph.add("Sigmoid", operands, "s"),
            sigmoid,
        )
    if name == "LeakyRelu":
        ys = activation(draw, storage)

        def leaky(graph: Graph) -> None:
            given = ["x", *graph.scale("x", xs), *graph.scale("y", ys)]
            graph.own("QLinearLeakyRelu", given, alpha=0.1)

        return Layer(
            {"x": (shape, xs)},
            ys,
            lambda it: qlinear.leaky_relu(it[0], xs, ys, 0.1),
            lambda graph: graph.add("LeakyRelu", operands, "s", alpha=0.1),
            leaky,
        )
    if name == "Softmax":
        ys = Scale.of(unit, low, storage)

        def softmax(graph: Graph) -> None:
            given = ["x", *graph.scale("x", xs), *graph.scale("y", ys)]
            graph.own("QLinearSoftmax", given, axis=-1, opset=13)

        return Layer(
            {"x": ((3, draw(st.integers(1, 12))), xs)},
            ys,
            lambda it: qlinear.softmax(it[0], xs, ys),
            lambda graph: graph.add("Softmax", operands, "s"),
            softmax,
        )
    ys = activation(draw, storage, float(xs.scale) * draw(st.sampled_from([0.3, 0.9, 1.7])))
    if name == "Global":

        def everything(graph: Graph) -> None:
            given = ["x", *graph.scale("x", xs), *graph.scale("y", ys)]
            graph.own("QLinearGlobalAveragePool", given)

        return Layer(
            {"x": (shape, xs)},
            ys,
            lambda it: qlinear.global_average_pool(it[0], xs, ys),
            lambda graph: graph.add("GlobalAveragePool", operands, "s"),
            everything,
        )
    window: dict[str, Any] = {"kernel_shape": [2, 3], "strides": [1, 2]}

    def pool(graph: Graph) -> None:
        given = ["x", *graph.scale("x", xs), *graph.scale("y", ys)]
        graph.own("QLinearAveragePool", given, **window)

    return Layer(
        {"x": (shape, xs)},
        ys,
        lambda it: qlinear.average_pool(it[0], xs, ys, (2, 3), (1, 2)),
        lambda graph: graph.add("AveragePool", operands, "s", **window),
        pool,
    )


@st.composite
def joins(draw: Draw) -> Layer:
    storage = draw(st.sampled_from(["int8", "uint8"]))
    xs, zs, ys = (activation(draw, storage) for _ in range(3))

    def operators(graph: Graph) -> None:
        parts = ["x", *graph.scale("x", xs), "z", *graph.scale("z", zs)]
        graph.own("QLinearConcat", [*graph.scale("y", ys), *parts], axis=1)

    return Layer(
        {"x": ((1, 3, 2, 2), xs), "z": ((1, 2, 2, 2), zs)},
        ys,
        lambda it: qlinear.concat(it, [xs, zs], ys, 1),
        lambda graph: graph.add("Concat", ["x_real", "z_real"], "s", axis=1),
        operators,
    )


def lowered(layer: Layer, form: Form, numerics: Numerics = "onnx") -> ModuleOp:
    """The layer as integer ops."""
    module = import_onnx(layer.model(form).SerializeToString())
    for step in (OnnxToNnPass(), NnSinkTransposesPass("kept"), NnFuseQdqPass(numerics)):
        step.apply(Context(), module)
    NnTabulatePass().apply(Context(), module)
    module.verify()
    return module


def floats(module: ModuleOp) -> list[str]:
    """The ops with float results."""
    kinds = [
        (op.name, it.type) for op in module.walk() if isinstance(op, NnOp) for it in op.results
    ]
    return [
        name
        for name, kind in kinds
        if isinstance(kind, TensorType) and isinstance(kind.element_type, Float32Type)
    ]


def outputs(module: ModuleOp, samples: list[list[Array]]) -> list[Array]:
    return [run(module, sample).outputs[0] for sample in samples]


def check(layer: Layer, form: Form) -> None:
    samples = layer.samples(2)
    expected = [layer.expected(sample) for sample in samples]
    module = lowered(layer, form)
    assert floats(module) == []
    for found, right in zip(outputs(module, samples), expected, strict=True):
        assert np.abs(found.astype(int) - right.astype(int)).max() <= 1
        assert found.dtype == right.dtype


def check_exact(layer: Layer, form: Form) -> None:
    samples = layer.samples(2)
    module = lowered(layer, form, "onnx-exact")
    assert floats(module) == []
    for found, sample in zip(outputs(module, samples), samples, strict=True):
        np.testing.assert_array_equal(found, layer.expected(sample))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25)
@given(layer=convolutions() | products() | sums() | functions() | joins())
def test_layers_are_within_one_unit_of_the_model(form: Form, layer: Layer) -> None:
    check(layer, form)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25)
@given(layer=convolutions() | products() | sums() | functions() | joins())
def test_layers_are_within_one_unit_under_the_contract_of_tflm(form: Form, layer: Layer) -> None:
    samples, module = layer.samples(2), lowered(layer, form, "tflm")
    assert floats(module) == []
    for found, sample in zip(outputs(module, samples), samples, strict=True):
        error = np.abs(found.astype(int) - layer.expected(sample).astype(int))
        assert error.max() <= 1


@settings(max_examples=30)
@given(layer=convolutions(WIDE) | products(WIDE))
def test_layers_of_16_bits_are_within_two_units_of_the_model(layer: Layer) -> None:
    """Their multiplier has 16 bits: a large result is half a unit off before it is rounded."""
    samples = layer.samples(2)
    module, exact = (lowered(layer, "pairs", it) for it in ("onnx", "onnx-exact"))
    for it in (module, exact):
        assert floats(it) == []
    for sample, found, same in zip(
        samples, outputs(module, samples), outputs(exact, samples), strict=True
    ):
        right = layer.expected(sample)
        assert np.abs(found.astype(int) - right.astype(int)).max() <= 2
        np.testing.assert_array_equal(same, right)


@settings(max_examples=15)
@given(layer=sums(("int16", "uint16")))
def test_sums_of_16_bits(layer: Layer) -> None:
    samples = layer.samples(2)
    for found, sample in zip(outputs(lowered(layer, "pairs"), samples), samples, strict=True):
        error = np.abs(found.astype(int) - layer.expected(sample).astype(int))
        assert error.max() <= 2


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
def test_pairs_of_all_operator_sets(opset: int) -> None:
    """Before operator set 13 there is one scale for each tensor."""
    xs, ws = Scale.of(0.05, 3, "int8"), Scale.of(0.02, 0, "int8")
    if opset > 10:
        scales = np.linspace(0.01, 0.03, 4).astype(np.float32)
        ws = Scale(scales, np.zeros(4, np.int8), "int8")
    ys = Scale.of(0.4, -7, "int8")
    w = codes(np.random.default_rng(8), "int8", (4, 3, 2, 2))

    def pairs(graph: Graph) -> str:
        return graph.add("Conv", ["x_real", graph.stored("w", w, ws, 0)], "c")

    def expected(it: Sequence[Array]) -> Array:
        return qlinear.conv(it[0], xs, w, ws, ys)

    check(Layer({"x": ((1, 3, 4, 4), xs)}, ys, expected, pairs, opset=opset), "pairs")


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25)
@given(layer=convolutions() | products() | sums() | joins())
def test_layers_are_the_model_where_that_is_asked_for(form: Form, layer: Layer) -> None:
    check_exact(layer, form)


@settings(max_examples=15)
@given(layer=convolutions() | products() | sums() | functions() | joins())
def test_both_forms_are_the_same_layers(layer: Layer) -> None:
    one, other = (
        [
            (op.name, op.properties, [it.type for it in op.results])
            for op in lowered(layer, form).walk()
            if isinstance(op, NnOp)
        ]
        for form in FORMS
    )
    assert one == other


@st.composite
def integer_products(draw: Draw) -> tuple[bytes, list[Array], Array]:
    """A model of MatMulInteger or ConvInteger, its inputs and its result."""
    rng: Any = np.random.default_rng(draw(st.integers(0, 10**6)))
    storage = draw(st.sampled_from(["int8", "uint8"]))
    weights = draw(st.sampled_from(["int8", "uint8"]))
    zero, other = zeros(draw, storage), zeros(draw, weights)
    at_run_time, constant = draw(st.booleans()), draw(st.booleans())
    convolution = draw(st.booleans())
    graph = Graph()
    if convolution:
        x, w = codes(rng, storage, (1, 3, 4, 5)), codes(rng, weights, (4, 3, 2, 3))
        pads = [draw(st.integers(0, 1)) for _ in range(4)]
        graph.add("ConvInteger", ["x", "w", "x_zero", "w_zero"], "y", pads=pads)
        right = qlinear.conv_integer(x, zero, w, other, pads)
        constant = True
    else:
        x, w = codes(rng, storage, (2, 3, 6)), codes(rng, weights, (6, 4))
        graph.add("MatMulInteger", ["x", "w", "x_zero", "w_zero"], "y")
        points: Array = np.asarray(other)
        if draw(st.booleans()):
            points = codes(rng, weights, (4,)).astype(np.int64)
        graph.constants["w_zero"] = points.astype(weights)
        right = qlinear.matmul_integer(x, zero, w, points)
    graph.constants.setdefault("w_zero", np.asarray(other, weights))
    given = [value("x", list(x.shape), KINDS[storage])]
    inputs = [x]
    if at_run_time:
        given.append(value("x_zero", [], KINDS[storage]))
        inputs.append(np.asarray(zero, storage))
    else:
        graph.constants["x_zero"] = np.asarray(zero, storage)
    if constant:
        graph.constants["w"] = w
    else:
        given.append(value("w", list(w.shape), KINDS[weights]))
        inputs.append(w)
    return model(graph.nodes, given, ["y"], graph.constants).SerializeToString(), inputs, right


@settings(max_examples=40)
@given(case=integer_products())
def test_products_of_plain_integers_are_exact(
    case: tuple[bytes, list[Array], Array],
) -> None:
    proto, inputs, right = case
    module = import_onnx(proto)
    for step in (OnnxToNnPass(), NnSinkTransposesPass("kept"), NnFuseQdqPass()):
        step.apply(Context(), module)
    module.verify()
    (found,) = run(module, inputs).outputs
    np.testing.assert_array_equal(found, right)


def test_dynamic_quantisation_is_that_of_the_model() -> None:
    rng: Any = np.random.default_rng(4)
    graph = Graph()
    graph.nodes.append(node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]))
    graph.constants["w"] = codes(rng, "uint8", (6, 4))
    graph.constants["w_zero"] = np.asarray(131, np.uint8)
    graph.add("MatMulInteger", ["q", "w", "z", "w_zero"], "y")
    module = import_onnx(
        model(graph.nodes, {"x": [3, 6]}, ["y", "q", "s", "z"], graph.constants).SerializeToString()
    )
    for step in (OnnxToNnPass(), NnSinkTransposesPass("kept"), NnFuseQdqPass()):
        step.apply(Context(), module)
    samples = [[rng.normal(2, 3, (3, 6)).astype(np.float32)] for _ in range(3)]
    for sample, found in zip(samples, run_all([(module, samples)], WHOLE)[0], strict=True):
        stored, scale, zero = qlinear.dynamic_quantize(sample[0])
        right = qlinear.matmul_integer(stored, int(zero), graph.constants["w"], 131)
        for one, other in zip(found.outputs, (right, stored, scale, zero), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_is_along_its_axis(axis: int, opset: int) -> None:
    xs, ys = Scale.of(0.1, 3, "int8"), Scale.of(1 / 256, -128, "int8")
    shape = (2, 3, 4)

    def operators(graph: Graph) -> None:
        names = ["x", *graph.scale("x", xs), *graph.scale("y", ys)]
        graph.own("QLinearSoftmax", names, axis=axis, opset=opset)

    def expected(it: Sequence[Array]) -> Array:
        if opset < 13:
            flat = it[0].reshape(int(np.prod(shape[:axis])), -1)
            return qlinear.softmax(flat, xs, ys).reshape(shape)
        moved = np.moveaxis(it[0], axis, -1)
        return np.moveaxis(qlinear.softmax(moved, xs, ys), -1, axis)

    check(Layer({"x": (shape, xs)}, ys, expected, lambda _: "", operators), "operators")


@pytest.mark.parametrize("operator", ["QLinearAveragePool", "QLinearGlobalAveragePool"])
def test_pooling_takes_channels_last(operator: str) -> None:
    xs, ys = Scale.of(0.1, 3, "uint8"), Scale.of(0.07, 9, "uint8")
    window: dict[str, Any] = {}
    if operator == "QLinearAveragePool":
        window = {"kernel_shape": [2, 3], "strides": [1, 2]}

    def operators(graph: Graph) -> None:
        names = ["x", *graph.scale("x", xs), *graph.scale("y", ys)]
        graph.own(operator, names, channels_last=1, **window)

    def expected(it: Sequence[Array]) -> Array:
        first = it[0].transpose(0, 3, 1, 2)
        pooled = (
            qlinear.average_pool(first, xs, ys, (2, 3), (1, 2))
            if window
            else qlinear.global_average_pool(first, xs, ys)
        )
        return pooled.transpose(0, 2, 3, 1)

    check(Layer({"x": ((1, 4, 6, 3), xs)}, ys, expected, lambda _: "", operators), "operators")


def drawn(count: int) -> list[Layer]:
    """So many layers of all kinds, the same in every run."""
    layers: list[Layer] = []

    @settings(max_examples=count, database=None)
    @given(layer=convolutions() | products() | sums() | functions() | joins())
    def draw(layer: Layer) -> None:
        layers.append(layer)

    draw()
    return layers


@pytest.mark.parametrize("numerics", ["onnx", "onnx-exact", "tflm"])
def test_layers_are_the_same_as_c(numerics: Numerics) -> None:
    cases = [(layer, lowered(layer, "pairs", numerics)) for layer in drawn(16)]
    jobs = [(module, layer.samples(2)) for layer, module in cases]
    for (layer, module), runs in zip(cases, run_all(jobs, WHOLE), strict=True):
        for found, right in zip(runs, outputs(module, layer.samples(2)), strict=True):
            np.testing.assert_array_equal(found.outputs[0], right, str(layer.result))
