"""The arithmetic of TFLite Micro, where it is not that of TFLite's reference kernels."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from support.tflite_builder import ModelBuilder, Option, per_axis, per_tensor
from support.tflite_nn import import_model, main_function
from xdsl.ir import Operation

from nnc.dialects.nn.fixed_point import quantize_multiplier, requantize_double, saturate
from nnc.dialects.nn.interpreter import run
from nnc.frontends.errors import FrontendError
from nnc.passes.tfl.lowering import Numerics

CODES = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)


def unary(op: str, scale: float, zero_point: int, output_scale: float, output_zero: int) -> bytes:
    model = ModelBuilder()
    x = model.input("x", (1, 256), "i8", per_tensor(scale, zero_point))
    target = per_tensor(output_scale, output_zero)
    model.output(model.output_of(op, [x], (1, 256), "i8", target))
    return model.build()


def last_op(model: bytes, numerics: Numerics) -> Operation:
    op = main_function(import_model(model, numerics)).body.block.last_op
    assert op is not None and isinstance(op.operands[0].owner, Operation)
    return op.operands[0].owner


@pytest.mark.parametrize(
    ("op", "scale", "zero_point", "checksum"),
    [("LOGISTIC", 1 / 256, -128, 0xD55E86F2), ("TANH", 1 / 128, 0, 0x990F1847)],
)
def test_fixed_point_sigmoids(op: str, scale: float, zero_point: int, checksum: int) -> None:
    """The checksum is that of the results of TFLite Micro's own kernels, built for a host."""
    results = b""
    for source in (0.001, 0.0078125, 0.05, 0.1, 0.3, 1.5):
        for zero in (-128, -5, 0, 77, 127):
            model = unary(op, source, zero, scale, zero_point)
            results += run(import_model(model, "tflm"), [CODES]).outputs[0].tobytes()
    assert zlib.crc32(results) == checksum


def test_dense_layers_round_twice_with_a_float32_product() -> None:
    scales = 0.0371, 0.0193, 0.11
    model = ModelBuilder()
    x = model.input("x", (256, 1), "i8", per_tensor(scales[0], 3))
    weights = model.constant([[90]], "i8", per_tensor(scales[1]))
    bias = model.constant([17], "i32", per_tensor(scales[0] * scales[1]))
    target = per_tensor(scales[2], -7)
    model.output(model.output_of("FULLY_CONNECTED", [x, weights, bias], (256, 1), "i8", target))
    data = model.build()
    codes = CODES.reshape(256, 1)
    product = np.float32(scales[0]) * np.float32(scales[1])
    real = float(product) / float(np.float32(scales[2]))
    scaled = requantize_double((codes.astype(np.int64) - 3) * 90 + 17, *quantize_multiplier(real))
    expected = saturate(scaled - 7, -128, 127)
    assert np.array_equal(run(import_model(data, "tflm"), [codes]).outputs[0], expected)


@pytest.mark.parametrize(
    ("op", "options"), [("MUL", {}), ("PRELU", {})], ids=lambda value: str(value)
)
def test_products_of_scales_are_exact(op: str, options: dict[str, Option]) -> None:
    model = ModelBuilder()
    x = model.input("x", (4,), "i8", per_tensor(0.1))
    y = model.constant([3], "i8", per_tensor(0.2))
    model.output(model.output_of(op, [x, y], (4,), "i8", per_tensor(0.3), **options))
    assert "f32_multiplier" in last_op(model.build(), "tflite").properties
    assert "f32_multiplier" not in last_op(model.build(), "tflm").properties


def test_sums_are_requantised() -> None:
    model = ModelBuilder()
    x = model.input("x", (4, 3), "i8", per_tensor(0.1))
    axis = model.constant([1], "i32")
    options: dict[str, Option] = {"keep_dims": True}
    model.output(model.output_of("SUM", [x, axis], (4, 1), "i8", per_tensor(0.3), **options))
    assert "rounding" in last_op(model.build(), "tflm").properties
    assert "in_f32" in last_op(model.build(), "tflite").properties


def test_16_bit_sums_take_the_general_path() -> None:
    model = ModelBuilder()
    x = model.input("x", (4,), "i16", per_tensor(2.0**-9))
    y = model.input("y", (4,), "i16", per_tensor(2.0**-11))
    model.output(
        model.output_of("ADD", [x, y], (4,), "i16", per_tensor(2.0**-9), pot_scale_int16=True)
    )
    assert "powers_of_two" in last_op(model.build(), "tflite").properties
    assert "powers_of_two" not in last_op(model.build(), "tflm").properties


def test_a_tanh_of_another_scale_is_refused() -> None:
    model = unary("TANH", 0.1, 0, 1 / 100, 0)
    assert import_model(model)
    with pytest.raises(FrontendError, match=r"expected a result of scale 2\^-7, got 0.01"):
        import_model(model, "tflm")


def test_16x8_dense_layers_have_a_16_bit_multiplier() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "i16", per_tensor(0.001))
    weights = model.constant(np.ones((2, 4)), "i8", per_axis(0, [0.1, 0.2]))
    model.output(
        model.output_of("FULLY_CONNECTED", [x, weights, None], (1, 2), "i16", per_tensor(0.01))
    )
    assert str(last_op(model.build(), "tflm").properties["rounding"]) == "#nn<rounding mb64>"
    assert str(last_op(model.build(), "tflite").properties["rounding"]) == "#nn<rounding f64>"
