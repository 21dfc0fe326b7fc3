"""Hybrid layers: bit for bit what TFLite's reference kernels compute, in numpy and in C."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.arrays import integers
from support.compiled import How, run_all, run_compiled
from support.oracle import Array, Reference, random_inputs
from support.single_ops import single_op_case
from support.tflite_builder import (
    ModelBuilder,
    Option,
    Tensor,
    TypeName,
    per_axis,
    per_tensor,
)
from support.tflite_nn import check_model, import_model

from nnc.dialects.nn.interpreter import run

FUSING = How(flags=("-O2", "-ffp-contract=fast", "-mfma"))
"""A compiler that may fuse products with sums wherever the code lets it."""

HYBRID = [
    ("CONV_2D", "hybrid"),
    ("CONV_2D", "hybrid_asymmetric"),
    ("DEPTHWISE_CONV_2D", "hybrid_asymmetric"),
    ("FULLY_CONNECTED", "hybrid"),
    ("FULLY_CONNECTED", "hybrid_asymmetric"),
]


def differing_bits(actual: Array, expected: Array) -> int:
    assert actual.shape == expected.shape and actual.dtype == expected.dtype == np.float32
    return int((actual.view(np.int32) != expected.view(np.int32)).sum())


def weights_of(
    model: ModelBuilder,
    shape: tuple[int, ...],
    axis: int,
    per_channel: bool,
    dtype: TypeName = "i8",
) -> Tensor:
    random = np.random.default_rng(len(shape) + axis)
    scales = random.uniform(0.001, 0.02, shape[axis])
    quantization = per_axis(axis, list(scales)) if per_channel else per_tensor(0.0123)
    reach = 7 if dtype == "i4" else 127
    return model.constant(integers(random, -reach, reach, shape), dtype, quantization)


def convolution(per_channel: bool, groups: int = 1, dtype: TypeName = "i8") -> bytes:
    model = ModelBuilder()
    x = model.input("x", (2, 17, 15, 8), "f32")
    w = weights_of(model, (24, 3, 3, 8 // groups), 0, per_channel, dtype)
    b = model.constant(np.linspace(-3, 3, 24), "f32")
    options: dict[str, Option] = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    options |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
    model.output(model.output_of("CONV_2D", [x, w, b], (2, 17, 15, 24), "f32", None, **options))
    return model.build()


def depthwise() -> bytes:
    model = ModelBuilder()
    x = model.input("x", (2, 17, 15, 24), "f32")
    w = weights_of(model, (1, 3, 3, 24), 3, True)
    b = model.constant(np.linspace(-3, 3, 24), "f32")
    options: dict[str, Option] = {
        "padding": "SAME",
        "stride_h": 1,
        "stride_w": 1,
        "depth_multiplier": 1,
    }
    options |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
    output = model.output_of(
        "DEPTHWISE_CONV_2D", [x, w, b], (2, 17, 15, 24), "f32", None, **options
    )
    model.output(output)
    return model.build()


def dense(per_channel: bool, asymmetric: bool, dtype: TypeName = "i8") -> bytes:
    model = ModelBuilder()
    x = model.input("x", (61, 45), "f32")
    w = weights_of(model, (120, 45), 0, per_channel, dtype)
    b = model.constant(np.linspace(-3, 3, 120), "f32")
    y = model.output_of(
        "FULLY_CONNECTED", [x, w, b], (61, 120), "f32", asymmetric_quantize_inputs=asymmetric
    )
    model.output(y)
    return model.build()


LARGE: dict[str, Callable[[], bytes]] = {
    "convolution, one scale": lambda: convolution(False),
    "convolution, int4": lambda: convolution(True, dtype="i4"),
    "convolution": lambda: convolution(True),
    "convolution, groups": lambda: convolution(True, groups=2),
    "depthwise": depthwise,
    "dense, one scale": lambda: dense(False, False),
    "dense": lambda: dense(True, False),
    "dense, asymmetric, one scale": lambda: dense(False, True),
    "dense, asymmetric": lambda: dense(True, True),
    "dense, int4": lambda: dense(True, False, "i4"),
}


def test_no_bit_of_large_layers_differs() -> None:
    """In numpy and in C: the products of scales are associated as in each kernel, none is fused."""
    models = [make() for make in LARGE.values()]
    references = [Reference(model) for model in models]
    samples = [random_inputs(reference.inputs, 7, 2) for reference in references]
    compiled = run_all(list(zip(models, samples, strict=True)), FUSING)
    elements = 0
    for name, model, reference, inputs, runs in zip(
        LARGE, models, references, samples, compiled, strict=True
    ):
        module = import_model(model)
        for sample, result in zip(inputs, runs, strict=True):
            (expected,) = reference.run_outputs(sample)
            elements += expected.size
            assert differing_bits(run(module, sample).outputs[0], expected) == 0, name
            assert differing_bits(result.outputs[0], expected) == 0, name
    assert elements > 100_000


@pytest.mark.parametrize(("op", "flavour"), HYBRID)
def test_random_layers(op: str, flavour: str) -> None:
    cases = [single_op_case(op, flavour, seed) for seed in range(8)]
    compiled = run_all([(case.model, case.samples) for case in cases])
    for case, runs in zip(cases, compiled, strict=True):
        reference, module = Reference(case.model), import_model(case.model)
        for sample, result in zip(case.samples, runs, strict=True):
            (expected,) = reference.run_outputs(sample)
            assert differing_bits(run(module, sample).outputs[0], expected) == 0, case.name
            assert differing_bits(result.outputs[0], expected) == 0, case.name


def identity(size: int, asymmetric: bool) -> bytes:
    """A dense layer that shows its quantised input: scale * (code - zero point)."""
    model = ModelBuilder()
    x = model.input("x", (40, size), "f32")
    w = model.constant(np.eye(size), "i8", per_tensor(1.0))
    y = model.output_of(
        "FULLY_CONNECTED", [x, w, None], (40, size), "f32", asymmetric_quantize_inputs=asymmetric
    )
    model.output(y)
    return model.build()


@pytest.mark.parametrize("asymmetric", [False, True])
def test_quantised_activations(asymmetric: bool) -> None:
    """Rows of zeros, of one sign, with ties and with values just below one half."""
    size = 21
    model = identity(size, asymmetric)
    random = np.random.default_rng(3)
    x = random.normal(0, 1, (40, size)).astype(np.float32)
    x[0] = 0
    x[1], x[2] = np.abs(x[1]), -np.abs(x[2])
    # The scale is 1 (or near it): halves, and the float32 below one half that rounds up to 1.
    below = np.float32(np.nextafter(np.float32(0.5), np.float32(0)))
    x[3:20] = integers(random, -100, 100, (17, size)) + np.float32(0.5)
    x[10:20, ::2] = below
    x[3:20, 0], x[3:20, 1] = 127, -128 if asymmetric else -127
    (expected,) = Reference(model).run_outputs([x])
    assert differing_bits(run(import_model(model), [x]).outputs[0], expected) == 0
    (result,) = run_compiled(model, [[x]])
    assert differing_bits(result.outputs[0], expected) == 0


MODELS = os.environ.get("NNC_MODELS")


@pytest.mark.skipif(MODELS is None, reason="set NNC_MODELS to the folder of the reference models")
def test_keyword_spotting() -> None:
    """Every tensor of a whole hybrid network, in numpy and in C."""
    assert MODELS is not None
    data = (Path(MODELS) / "mlperf_tiny" / "kws_hybrid.tflite").read_bytes()
    reference = Reference(data)
    samples = [
        [array * np.float32(20) for array in sample]
        for sample in random_inputs(reference.inputs, 0, 2)
    ]
    check_model(data, samples)
    for sample, result in zip(samples, run_compiled(data, samples), strict=True):
        tensors = reference.run(sample)
        seen = 0
        for info in reference.tensors:
            if info.name in result.layers and info.dtype == np.float32:
                actual = result.layers[info.name].reshape(info.shape)
                expected = tensors[info.index]
                assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max(), info.name
                seen += 1
        assert seen > 10
