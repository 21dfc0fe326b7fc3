"""The fixed-point functions against the reference interpreter, one operator at a time."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pytest
from support.arrays import integers
from support.oracle import Array, Reference
from support.tflite_builder import (
    ModelBuilder,
    Option,
    Quantization,
    TypeName,
    per_axis,
    per_tensor,
)

from nnc.dialects.nn import gemmlowp, tables
from nnc.dialects.nn.fixed_point import (
    Ints,
    activation_bounds,
    mean_multiplier,
    quantize_multiplier,
    quantize_multipliers,
    requantize_double,
    requantize_f64,
    requantize_mb64,
    requantize_sum_f32,
    saturate,
)

CHANNELS = 512
CODES = {"i8": np.arange(-128, 128), "u8": np.arange(256), "i16": np.arange(-32768, 32768)}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def unary(
    builtin: str,
    x: npt.NDArray[np.int64],
    dtype: TypeName,
    source: Quantization,
    target: Quantization,
    *,
    output: TypeName | None = None,
    optimised: bool = False,
    options: Mapping[str, Option] | None = None,
) -> Ints:
    """The interpreter's result of a one-input operator that keeps the shape."""
    model = ModelBuilder()
    entry = model.input("x", x.shape, dtype, source)
    model.output(
        model.output_of(builtin, [entry], x.shape, output or dtype, target, **(options or {}))
    )
    outputs = Reference(model.build(), optimised=optimised).run_outputs([x])
    return outputs[0].astype(np.int64)


def accumulators(
    builtin: str, activations: TypeName, output: Quantization, **options: Option
) -> tuple[Array, Ints, npt.NDArray[np.float64]]:
    """
    A layer with one input channel and 512 output channels, each with its own scale and bias.

    Returns the interpreter's output over many input codes, the accumulators behind it, and
    input scale * weight scale / output scale for each channel.
    """
    generator = rng(len(builtin) + len(activations))
    codes = CODES["i8"] if activations == "i8" else integers(generator, -32768, 32767, 256)
    scales = 2.0 ** generator.uniform(-22, -3, CHANNELS)
    scales[:8] = 2.0 ** -np.arange(3, 11)
    scales = scales.astype(np.float32).astype(np.float64)
    weights = integers(generator, -127, 127, CHANNELS)
    real = 0.5 * scales / float(np.float32(output.scales[0]))
    bias = (generator.uniform(-150, 150, CHANNELS) / real).clip(-(2**29), 2**29).astype(np.int64)

    model = ModelBuilder()
    shape = (1, len(codes), 1, 1) if builtin == "CONV_2D" else (len(codes), 1)
    kernel = (CHANNELS, 1, 1, 1) if builtin == "CONV_2D" else (CHANNELS, 1)
    x = model.input("x", shape, activations, per_tensor(0.5, 3 if activations == "i8" else 0))
    w = model.constant(weights.reshape(kernel), "i8", per_axis(0, list(scales)))
    b = model.constant(
        bias, "i32" if activations == "i8" else "i64", per_axis(0, list(0.5 * scales))
    )
    y = model.output_of(builtin, [x, w, b], (*shape[:-1], CHANNELS), activations, output, **options)
    model.output(y)
    result = Reference(model.build()).run_outputs([codes.reshape(shape)])[0]
    centred = (codes - x.zero_point).reshape(-1, 1)
    return result.reshape(-1, CHANNELS), centred * weights + bias, real


def test_convolution_rounds_twice() -> None:
    output, acc, real = accumulators(
        "CONV_2D", "i8", per_tensor(0.1, -5), padding="VALID", stride_w=1, stride_h=1
    )
    expected = saturate(requantize_double(acc, *quantize_multipliers(real)) - 5, -128, 127)
    assert output.size > 100_000 and np.array_equal(output, expected)


def test_16x8_convolution_has_a_16_bit_multiplier() -> None:
    output, acc, real = accumulators(
        "CONV_2D", "i16", per_tensor(0.01), padding="VALID", stride_w=1, stride_h=1
    )
    expected = saturate(requantize_mb64(acc, *quantize_multipliers(real)), -32768, 32767)
    assert output.size > 100_000 and np.array_equal(output, expected)


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("NONE", None, None), ("RELU", 0, None), ("RELU6", 0, 6)]
)
def test_dense_layer_requantises_in_double_precision(
    activation: str, low: float | None, high: float | None
) -> None:
    target = per_tensor(0.07, 11)
    output, acc, real = accumulators(
        "FULLY_CONNECTED", "i8", target, fused_activation_function=activation
    )
    bounds = activation_bounds(low, high, target.scales[0], 11, (-128, 127))
    assert output.size > 100_000
    assert np.array_equal(output, saturate(requantize_f64(acc, real) + 11, *bounds))


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0**-3, 0.9999999, 7.0, 0.0001])
def test_quantize_of_a_quantised_tensor(scale: float) -> None:
    source, target = per_tensor(scale), per_tensor(0.0625, 9)
    output = unary("QUANTIZE", CODES["i16"], "i16", source, target, output="i8")
    multiplier = float(np.float32(scale)) / 0.0625
    scaled = requantize_double(CODES["i16"], *quantize_multiplier(multiplier))
    assert np.array_equal(output, saturate(scaled + 9, -128, 127))


@pytest.mark.parametrize("count", [1, 2, 7, 49, 64, 300, 1000])
@pytest.mark.parametrize("scale", [0.3, 0.5, 1.7])
def test_mean(count: int, scale: float) -> None:
    x = integers(rng(count), -128, 127, (200, count))
    model = ModelBuilder()
    entry = model.input("x", x.shape, "i8", per_tensor(scale, -7))
    axis = model.constant([1], "i32")
    model.output(model.output_of("MEAN", [entry, axis], (200,), "i8", per_tensor(0.5, 5)))
    output = Reference(model.build()).run_outputs([x])[0]
    total = x.sum(axis=1) + 7 * count
    mean = requantize_double(total, *mean_multiplier(float(np.float32(scale)) / 0.5, count))
    assert np.array_equal(output, saturate(mean + 5, -128, 127))


@pytest.mark.parametrize("dtype", ["i8", "i16"])
@pytest.mark.parametrize("count", [1, 2, 7, 49, 300])
@pytest.mark.parametrize("scale", [0.3, 0.5, 1.7, 0.00064037])
def test_sum(dtype: TypeName, count: int, scale: float) -> None:
    low, high = (-128, 127) if dtype == "i8" else (-32768, 32767)
    points = (-7, 5) if dtype == "i8" else (0, 0)
    x = integers(rng(count), low, high, (1000, count))
    target = 0.7 * scale * count**0.5
    model = ModelBuilder()
    entry = model.input("x", x.shape, dtype, per_tensor(scale, points[0]))
    axis = model.constant([1], "i32")
    model.output(
        model.output_of("SUM", [entry, axis], (1000,), dtype, per_tensor(target, points[1]))
    )
    output = Reference(model.build(), optimised=True).run_outputs([x])[0]
    total = requantize_sum_f32(x.sum(axis=1), count, scale, points[0], target)
    assert np.array_equal(output, saturate(total + points[1], low, high))


@pytest.mark.parametrize("scale", [0.01, 0.1, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("beta", [1.0, 0.7])
def test_softmax_of_int8(scale: float, beta: float) -> None:
    generator = rng(3)
    for depth in (1, 2, 10, 77):
        x = integers(generator, -128, 127, (10_000 // depth, depth))
        source = per_tensor(scale, 4)
        output = unary(
            "SOFTMAX", x, "i8", source, per_tensor(1 / 256, -128), options={"beta": beta}
        )
        given = float(np.float32(scale)), float(np.float32(beta))
        assert np.array_equal(output, gemmlowp.softmax_int8(x, *given))


@pytest.mark.parametrize(("dtype", "low"), [("i16", -32768), ("u8", 0)])
def test_softmax_of_8_bits_with_other_results(dtype: TypeName, low: int) -> None:
    source: TypeName = "i8" if dtype == "i16" else "u8"
    x = rng(4).choice(CODES[source], (500, 21))
    bits = 16 if dtype == "i16" else 8
    target = per_tensor(2.0**-bits, low)
    output = unary(
        "SOFTMAX", x, source, per_tensor(0.11), target, output=dtype, options={"beta": 1.0}
    )
    expected = gemmlowp.softmax_int8(x, float(np.float32(0.11)), 1.0, storage_min=low, bits=bits)
    assert np.array_equal(output, expected)


@pytest.mark.parametrize("scale", [0.0001, 0.0005, 0.003, 1 / 128])
def test_softmax_of_int16(scale: float) -> None:
    x = integers(rng(5), -32768, 32767, (1500, 23))
    output = unary(
        "SOFTMAX", x, "i16", per_tensor(scale), per_tensor(2.0**-15), options={"beta": 1.0}
    )
    assert np.array_equal(output, tables.softmax_int16(x, float(np.float32(scale)), 1.0))


@pytest.mark.parametrize("scale", [0.01, 0.1, 0.5, 3.0])
def test_log_softmax(scale: float) -> None:
    for depth in (1, 3, 60, 900):
        x = integers(rng(depth), -128, 127, (40_000 // depth, depth))
        output = unary("LOG_SOFTMAX", x, "i8", per_tensor(scale, -9), per_tensor(1 / 16, 127))
        assert np.array_equal(output, gemmlowp.log_softmax_int8(x, float(np.float32(scale))))


@pytest.mark.parametrize("zero_point", [-128, 0, 17, 127])
def test_l2_normalization(zero_point: int) -> None:
    for depth in (1, 2, 64, 3000):
        x = integers(rng(depth), -128, 127, (60_000 // depth, depth))
        x[0] = zero_point
        output = unary(
            "L2_NORMALIZATION", x, "i8", per_tensor(0.1, zero_point), per_tensor(1 / 128)
        )
        assert np.array_equal(output, gemmlowp.l2_normalization_int8(x, zero_point))


def test_reciprocal_square_root_of_int8() -> None:
    generator = rng(6)
    for _ in range(60):
        scales = (2.0 ** generator.uniform(-8, 2, 2)).astype(np.float32).astype(float)
        zero_in, zero_out = (int(z) for z in integers(generator, -128, 127, 2))
        x = np.arange(zero_in, 128)
        output = unary(
            "RSQRT", x, "i8", per_tensor(scales[0], zero_in), per_tensor(scales[1], zero_out)
        )
        expected = gemmlowp.rsqrt_int8(x, scales[0], zero_in, scales[1], zero_out)
        assert np.array_equal(output, expected)


@pytest.mark.parametrize(("dtype", "low"), [("i8", -128), ("u8", 0)])
def test_hard_swish(dtype: TypeName, low: int) -> None:
    generator = rng(7)
    for _ in range(150):
        scales = (2.0 ** generator.uniform([-9, -6], [1, 1])).astype(np.float32).astype(float)
        # The reference refuses a quotient of 1; below 2^-15 it shifts 16-bit numbers too far.
        if not 2.0**-15 < scales[0] / 128 / scales[1] < 1:
            continue
        points = [int(z) for z in integers(generator, low, low + 255, 2)]
        source, target = (per_tensor(s, z) for s, z in zip(scales, points, strict=True))
        output = unary("HARD_SWISH", CODES[dtype], dtype, source, target)
        expected = gemmlowp.hard_swish_int8(
            CODES[dtype], scales[0], points[0], scales[1], points[1], storage_min=low
        )
        assert np.array_equal(output, expected)


def test_division() -> None:
    generator = rng(8)
    for _ in range(20):
        scales = (2.0 ** generator.uniform(-4, 2, 3)).astype(np.float32)
        points = [int(z) for z in integers(generator, -60, 59, 3)]
        a, b = integers(generator, -128, 127, (2, 5000))
        # The reference refuses the code of zero, and shifts too far for tiny quotients.
        keep = (b != points[1]) & (b != 0) & (a != points[0])
        a, b = a[keep], b[keep]
        multiplier, shift = quantize_multiplier(float(scales[0] / (scales[1] * scales[2])))
        _, recip = gemmlowp.get_reciprocal(np.abs(b - points[1]), 31)
        headroom = 31 - gemmlowp.bit_length(np.abs(a - points[0]))
        keep = shift - recip - headroom > -31
        a, b = a[keep], b[keep]
        model = ModelBuilder()
        entries = [
            model.input(name, a.shape, "i8", per_tensor(float(s), z))
            for name, s, z in zip("ab", scales, points, strict=False)
        ]
        target = per_tensor(float(scales[2]), points[2])
        model.output(model.output_of("DIV", entries, a.shape, "i8", target))
        output = Reference(model.build()).run_outputs([a, b])[0]
        quotient = gemmlowp.divide(a - points[0], b - points[1], multiplier, shift)
        assert np.array_equal(output, saturate(quotient + points[2], -128, 127))


@pytest.mark.parametrize(
    ("builtin", "function", "span", "output_span"),
    [
        ("TANH", tables.tanh32, (-8, 1), (-9, 0)),
        ("EXP", tables.exp32, (-9, -4), (-6, 3)),
        ("GELU", tables.gelu32, (-9, 0), (-8, 0)),
        ("ELU", tables.elu32, (-9, 0), (-8, 0)),
    ],
)
def test_tables_of_int8(
    builtin: str,
    function: tables.FloatFunction,
    span: tuple[int, int],
    output_span: tuple[int, int],
) -> None:
    generator = rng(9)
    for _ in range(400):
        scale = float(np.float32(2.0 ** generator.uniform(*span)))
        output_scale = float(np.float32(2.0 ** generator.uniform(*output_span)))
        points = [int(z) for z in integers(generator, -128, 127, 2)]
        output = unary(
            builtin,
            CODES["i8"],
            "i8",
            per_tensor(scale, points[0]),
            per_tensor(output_scale, points[1]),
            optimised=builtin == "ELU",
        )
        expected = tables.lut8(function, scale, points[0], output_scale, points[1])
        assert np.array_equal(output, expected)


@pytest.mark.parametrize(("dtype", "low"), [("i8", -128), ("u8", 0)])
def test_logistic_of_8_bits(dtype: TypeName, low: int) -> None:
    generator = rng(10)
    for _ in range(200):
        scale = float(np.float32(2.0 ** generator.uniform(-8, 2)))
        points = [int(z) for z in integers(generator, low, low + 255, 2)]
        source, target = per_tensor(scale, points[0]), per_tensor(1 / 256, points[1])
        output = unary("LOGISTIC", CODES[dtype], dtype, source, target)
        expected = tables.lut8(
            tables.logistic32, scale, points[0], 1 / 256, points[1], storage_min=low
        )
        assert np.array_equal(output, expected)


@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 2.0**-13, 0.0003, 0.001, 0.01, 1.0])
@pytest.mark.parametrize(
    ("builtin", "function"),
    [("LOGISTIC", tables.logistic_int16), ("TANH", tables.tanh_int16)],
)
def test_logistic_and_tanh_of_int16(
    builtin: str, function: Callable[[Ints, float], Ints], scale: float
) -> None:
    output = unary(builtin, CODES["i16"], "i16", per_tensor(scale), per_tensor(2.0**-15))
    assert np.array_equal(output, function(CODES["i16"], float(np.float32(scale))))


@pytest.mark.parametrize(
    ("builtin", "function", "approximate"),
    [
        ("EXP", tables.exp32, None),
        ("GELU", tables.gelu32, False),
        ("GELU", tables.gelu_tanh32, True),
    ],
)
def test_interpolated_tables_of_int16(
    builtin: str, function: tables.FloatFunction, approximate: bool | None
) -> None:
    options: dict[str, Option] = {} if approximate is None else {"approximate": approximate}
    generator = rng(11)
    for _ in range(20):
        scale = float(np.float32(2.0 ** generator.uniform(-15, -12)))
        output_scale = float(np.float32(2.0 ** generator.uniform(-15, -12)))
        source, target = per_tensor(scale), per_tensor(output_scale)
        output = unary(builtin, CODES["i16"], "i16", source, target, options=options)
        table = tables.lut16(function, scale, output_scale)
        assert np.array_equal(output, tables.lookup16(CODES["i16"], table))
