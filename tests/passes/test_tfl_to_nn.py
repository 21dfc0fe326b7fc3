"""Whole models at the `nn` level give what the reference interpreter gives, tensor by tensor."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.oracle import Reference, edge_inputs, random_inputs, smooth_inputs
from support.tflite_builder import ModelBuilder, per_axis, per_tensor
from support.tflite_nn import check_model, import_model, main_function
from xdsl.context import Context
from xdsl.utils.exceptions import DiagnosticException

from nnc.compiler import build
from nnc.dialects.nn.interpreter import run
from nnc.frontends.errors import FrontendError
from nnc.frontends.tflite import import_tflite
from nnc.options import Options
from nnc.passes.diagnostics import describe
from nnc.passes.tfl_to_nn import TflToNnPass

ROOT = Path(__file__).parents[2]
MODELS = (
    *(f"mlperf_tiny/{name}.tflite" for name in ("ad_float", "ad_int8", "kws_int8", "sww_int8")),
    *(f"mlperf_tiny/{name}_float.tflite" for name in ("resnet8", "vww")),
    *(f"mlperf_tiny/{name}_int8.tflite" for name in ("resnet8", "vww")),
    *(f"tflm/hello_world_{kind}.tflite" for kind in ("float", "int8")),
    "tflm/micro_speech_int8.tflite",
)


def model_file(name: str) -> Path:
    folder = os.environ.get("NNC_MODELS")
    if folder is None:
        pytest.skip("set NNC_MODELS to the folder of the public reference models")
    return Path(folder) / name


def check_file(path: Path) -> None:
    data = path.read_bytes()
    inputs = Reference(data).inputs
    samples = [*random_inputs(inputs, 1, 1), *smooth_inputs(inputs, 2, 2), *edge_inputs(inputs)]
    # Float differences add up over the layers, in the reference as much as here.
    check_model(data, samples, layer_tolerance=5e-5, output_tolerance=2e-5)


@pytest.mark.parametrize("name", ["digits_float.tflite", "digits_int8.tflite"])
def test_example(name: str) -> None:
    check_file(ROOT / "examples" / "digits" / name)


@pytest.mark.parametrize("name", MODELS)
def test_public_model(name: str) -> None:
    check_file(model_file(name))


def test_another_batch_than_in_the_file() -> None:
    data = model_file("mlperf_tiny/kws_int8.tflite").read_bytes()
    (entry,) = Reference(data).inputs
    shape = (3, *entry.shape[1:])
    module = import_tflite(data, shapes={entry.name: shape})
    TflToNnPass().apply(Context(), module)
    module.verify()
    codes = random_inputs([replace(entry, shape=shape)], 4, 1)[0]
    batch = run(module, codes).outputs[0]
    one = import_model(data)
    each = [run(one, [image[np.newaxis]]).outputs[0] for image in codes[0]]
    assert np.array_equal(batch, np.concatenate(each))


def test_inputs_and_outputs_are_named() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    y = model.output_of("ADD", [x, x], (1, 4), "f32")
    model.output(y)
    plain = main_function(import_model(model.build()))
    assert '"x"' in str(plain.arg_attrs) and f'"{y.name}"' in str(plain.res_attrs)


def test_all_problems_are_reported_at_once() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 8, 8, 4), "f32")
    weights = model.constant([[[[1] * 4]]], "u8", per_tensor(0.5))
    bias = model.constant([0.0], "f32")
    hybrid = model.output_of(
        "CONV_2D", [x, weights, bias], (1, 8, 8, 1), "f32", padding="SAME", stride_w=1, stride_h=1
    )
    after = model.output_of("WHERE", [hybrid], (3, 4), "i64")
    beside = model.output_of("WHERE", [x], (3, 4), "i64")
    model.output(after, beside)
    with pytest.raises(FrontendError) as failure:
        import_model(model.build())
    lines = str(failure.value).splitlines()
    assert len(lines) == 3 and all("layer" in line for line in lines)


def test_a_reference_bug_is_remarked() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 2, 2, 1), "i16", per_tensor(0.5))
    weights = model.constant([[[[1]]]], "i8", per_axis(0, [0.5]))
    bias = model.constant([3], "i32", per_tensor(0.25))
    y = model.output_of(
        "CONV_2D",
        [x, weights, bias],
        (1, 2, 2, 1),
        "i16",
        per_tensor(0.5),
        padding="SAME",
        stride_w=1,
        stride_h=1,
    )
    model.output(y)
    assert "int32 bias" in str(main_function(import_model(model.build())).attributes)


def test_shapes_are_integers() -> None:
    model = ModelBuilder()
    x = model.input("x", (4,), "f32")
    model.output(model.output_of("RESHAPE", [x, model.constant([np.nan], "f32")], (4,), "f32"))
    with pytest.raises(FrontendError, match="expected the shape to be integers, got f32"):
        import_model(model.build())


@pytest.mark.parametrize("bounds", [(0, 2_000_000_000, 1), (0, 5, 0), (5, 0, 1)])
def test_ranges_of_no_use(bounds: tuple[int, int, int]) -> None:
    model = ModelBuilder()
    output = model.tensor((1,), "i32", shape_signature=(-1,))
    model.op("RANGE", [model.constant(np.asarray(it), "i32") for it in bounds], [output])
    model.output(output)
    with pytest.raises(FrontendError, match="RANGE: expected a range of"):
        import_model(model.build())


@pytest.mark.parametrize("op", ["LEAKY_RELU", "SOFTMAX"])
def test_numbers_without_arithmetic_are_refused(op: str) -> None:
    """The quotient of two scales that is no float32; exponentials of nothing but zeros."""
    model = ModelBuilder()
    x = model.input("x", (1, 4), "i8", per_tensor(1e30))
    scale = per_tensor(1e-30) if op == "LEAKY_RELU" else per_tensor(1 / 256, -128)
    options = {"alpha": 0.1} if op == "LEAKY_RELU" else {"beta": 0.0}
    model.output(model.output_of(op, [x], (1, 4), "i8", scale, **options))
    with pytest.raises(DiagnosticException) as failure:
        build(model.build(), Options("cortex-m4"))
    (line,) = describe(failure.value).splitlines()
    assert line.startswith(f"layer \"t1\": 'nn.{op.lower()}': ") and "expected a" in line
