"""Layers with weights in all widths of activations, weights and bias, beside the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from support.arrays import integers
from support.compiled import run_all
from support.oracle import Array, Reference, random_inputs
from support.tflite_builder import (
    ModelBuilder,
    Option,
    Tensor,
    TypeName,
    per_axis,
    per_tensor,
)
from support.tflite_nn import import_model, main_function, relative_error

from nnc.dialects.nn.interpreter import run
from nnc.frontends.errors import FrontendError

REACH = {"i4": 7, "i8": 127, "i16": 32767}
OUTPUTS = 12


@dataclass(frozen=True)
class Layer:
    """A layer with these types; its weights have a scale for each channel, or one for all."""

    op: str
    activations: TypeName
    weights: TypeName
    bias: TypeName | None
    per_channel: bool
    weight_zero: int = 0
    bias_option: bool = True
    computed: bool = False

    def build(self, size: tuple[int, ...] = (1, 9, 9, 8)) -> bytes:
        """The model, whose outputs fill their range without leaving it too often."""
        random = np.random.default_rng(11)
        model = ModelBuilder()
        wide = self.activations == "i16"
        source = float(random.uniform(0.001, 0.01) if wide else random.uniform(0.01, 0.1))
        x = model.input("x", size, self.activations, per_tensor(source, 0 if wide else -17))
        shape, axis = self._weight_shape(size[-1])
        outputs = shape[axis]
        scales = [float(s) for s in random.uniform(0.003, 0.02, outputs if self.per_channel else 1)]
        quantization = per_axis(axis, scales)
        if not self.per_channel:
            quantization = per_tensor(scales[0], self.weight_zero)
        reach = REACH[self.weights]
        values = integers(random, -reach, reach, shape)
        if self.computed:
            w = model.input("w", shape, self.weights, quantization)
        else:
            w = model.constant(values, self.weights, quantization)
        bias = self._bias(model, random, source, scales, outputs)
        terms = int(np.prod(shape)) // outputs
        spread = source * max(scales) * reach * 0.6 * np.sqrt(terms)
        target = spread * (18000 / 32767 if wide else 0.6)
        y = per_tensor(float(target), 0 if wide else 21)
        inputs, result, options = self._operands(model, x, w, bias, size, outputs)
        model.output(model.output_of(self.op, inputs, result, self.activations, y, **options))
        return model.build()

    def _weight_shape(self, depth: int) -> tuple[tuple[int, ...], int]:
        if self.op == "FULLY_CONNECTED":
            return (OUTPUTS, depth), 0
        if self.op == "DEPTHWISE_CONV_2D":
            return (1, 3, 3, depth), 3
        return (OUTPUTS, 3, 3, depth), 0

    def _bias(
        self,
        model: ModelBuilder,
        random: np.random.Generator,
        source: float,
        scales: list[float],
        outputs: int,
    ) -> Tensor | None:
        if self.bias is None:
            return None
        reach = 1 << (20 if self.activations == "i16" else 12)
        units = [source * scale for scale in scales]
        quantization = per_axis(0, units) if self.per_channel else per_tensor(units[0])
        return model.constant(integers(random, -reach, reach, outputs), self.bias, quantization)

    def _operands(
        self,
        model: ModelBuilder,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        size: tuple[int, ...],
        outputs: int,
    ) -> tuple[list[Tensor | None], tuple[int, ...], dict[str, Option]]:
        """Operands, the shape of the result, and the options."""
        inputs: list[Tensor | None] = [x, w, bias]
        options: dict[str, Option] = {}
        if self.bias_option and self.bias is not None and self.op != "DEPTHWISE_CONV_2D":
            options["quantized_bias_type"] = self.bias
        if self.op == "FULLY_CONNECTED":
            return inputs, (*size[:-1], outputs), {**options, "keep_num_dims": True}
        # The kernels of the others tell a bias by the number of operands.
        trailing = [] if bias is None else [bias]
        step = 2 if self.op == "TRANSPOSE_CONV" else 1
        options |= {"padding": "SAME", "stride_h": step, "stride_w": step}
        if self.op == "TRANSPOSE_CONV":
            shape = (size[0], 2 * size[1], 2 * size[2], outputs)
            return [model.constant(shape, "i32"), w, x, *trailing], shape, options
        options |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
        if self.op == "DEPTHWISE_CONV_2D":
            options["depth_multiplier"] = 1
        return [x, w, *trailing], (*size[:-1], outputs), options


def layers() -> list[Layer]:
    """The combinations that the reference kernels run and do not misread."""
    found: list[Layer] = []
    for per_channel in (False, True):
        for weights in ("i8", "i4"):
            for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
                found.append(Layer(op, "i8", weights, "i32", per_channel))
        for op in ("DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
            found.append(Layer(op, "i8", "i8", None, per_channel))
            found.append(Layer(op, "i16", "i8", None, per_channel))
        for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
            found.append(Layer(op, "i16", "i8", "i64", per_channel))
        for op in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
            found.append(Layer(op, "i16", "i8", "i32", per_channel))
        for op in ("CONV_2D", "FULLY_CONNECTED"):
            found.append(Layer(op, "i16", "i4", "i64", per_channel))
        found.append(Layer("FULLY_CONNECTED", "i16", "i16", "i64", per_channel))
        found.append(Layer("FULLY_CONNECTED", "i16", "i16", "i32", per_channel))
    found.append(Layer("FULLY_CONNECTED", "i8", "i8", "i32", False, weight_zero=7))
    found.append(Layer("FULLY_CONNECTED", "i8", "i8", "i32", False, computed=True))
    found.append(Layer("FULLY_CONNECTED", "i8", "i8", None, False, weight_zero=3, computed=True))
    return found


def check(names: list[str], models: list[bytes], count: int, tolerance: float = 0.0) -> int:
    """Numpy and C beside the reference; returns how many elements there were."""
    references = [Reference(model) for model in models]
    samples = [random_inputs(reference.inputs, 5, count) for reference in references]
    compiled = run_all(list(zip(models, samples, strict=True)))
    elements = 0
    for name, model, reference, inputs, runs in zip(
        names, models, references, samples, compiled, strict=True
    ):
        module = import_model(model)
        for sample, result in zip(inputs, runs, strict=True):
            (expected,) = reference.run_outputs(sample)
            elements += expected.size
            for actual in (run(module, sample).outputs[0], result.outputs[0]):
                check_one(name, actual, expected, tolerance)
    return elements


def check_one(name: str, actual: Array, expected: Array, tolerance: float) -> None:
    if expected.dtype == np.float32:
        assert relative_error(actual, expected) <= tolerance, name
    else:
        assert np.array_equal(actual, expected), name


def test_every_width() -> None:
    known = layers()
    names, models = [str(layer) for layer in known], [layer.build() for layer in known]
    assert check(names, models, 3) > 100_000


@pytest.mark.parametrize(
    ("layer", "remark"),
    [
        (Layer("CONV_2D", "i16", "i8", "i32", True, bias_option=False), "misread it as int64"),
        (Layer("DEPTHWISE_CONV_2D", "i16", "i4", "i64", True), "misreads them as int8"),
        (
            Layer("FULLY_CONNECTED", "i16", "i16", "i64", True, bias_option=False),
            "misreads it as int32",
        ),
    ],
)
def test_what_the_reference_kernels_misread(layer: Layer, remark: str) -> None:
    """It compiles to what the file says, and the user is told."""
    function = main_function(import_model(layer.build()))
    assert remark in str(function.attributes["nn.remarks"])


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"])
def test_int16_weights_of_convolutions(op: str) -> None:
    with pytest.raises(FrontendError, match="weights quantised to i16 are not supported"):
        import_model(Layer(op, "i16", "i16", "i64", False).build())


def float_dense(*, computed: bool, bias: bool) -> bytes:
    model = ModelBuilder()
    x = model.input("x", (5, 9), "f32")
    shape = (4, 9)
    w = model.input("w", shape, "f32") if computed else model.constant(np.ones(shape), "f32")
    b = model.input("b", (4,), "f32") if bias else None
    model.output(model.output_of("FULLY_CONNECTED", [x, w, b], (5, 4), "f32"))
    return model.build()


def product(left: TypeName, right: TypeName, *, adjoint: bool, batches: int = 1) -> bytes:
    """Matrix products in a batch; the right one is constant where it is hybrid."""
    model = ModelBuilder()
    quantized = left != "f32"
    scales = (0.003, 0.01, 1.3) if left == "i16" else (0.05, 0.02, 0.4)
    zero = 0 if left == "i16" else -7
    x_shape, y_shape = (
        ((batches, 3, 8, 5) if adjoint else (batches, 3, 5, 8)),
        ((6, 8) if adjoint else (8, 6)),
    )
    x = model.input("x", x_shape, left, per_tensor(scales[0], zero) if quantized else None)
    y_zero = 0 if right == "i16" or left == "i16" else 5
    if left == "f32" and right == "i8":
        values = integers(np.random.default_rng(0), -127, 127, y_shape)
        y = model.constant(values, "i8", per_tensor(0.02))
    else:
        y_scale = per_tensor(scales[1], y_zero) if right != "f32" else None
        y = model.input("y", y_shape, right, y_scale)
    target = per_tensor(scales[2], zero) if quantized else None
    result = model.output_of(
        "BATCH_MATMUL", [x, y], (batches, 3, 5, 6), left, target, adj_x=adjoint, adj_y=adjoint
    )
    model.output(result)
    return model.build()


@pytest.mark.parametrize("adjoint", [False, True])
def test_products(adjoint: bool) -> None:
    types: list[tuple[TypeName, TypeName]] = [
        ("f32", "f32"),
        ("f32", "i8"),
        ("i8", "i8"),
        ("i16", "i16"),
        ("i16", "i8"),
    ]
    models = [
        product(*pair, adjoint=adjoint, batches=1 if pair == ("f32", "i8") else 2) for pair in types
    ]
    check([str(pair) for pair in types], models, 4, 1e-5)


def test_a_hybrid_product_of_which_the_reference_takes_the_wrong_scales() -> None:
    function = main_function(import_model(product("f32", "i8", adjoint=False, batches=2)))
    assert "takes wrong scales" in str(function.attributes["nn.remarks"])


@pytest.mark.parametrize("bias", [False, True])
def test_float_weights_that_are_computed(bias: bool) -> None:
    check(["computed weights"], [float_dense(computed=True, bias=bias)], 3, 1e-5)
