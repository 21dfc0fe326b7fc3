"""Single-operator models: elementwise operators of one, two and three operands."""

from __future__ import annotations

import math

import numpy as np
from support.arrays import integers
from support.draw import RANGES, Draw, Fill
from support.ops_registry import activation_type, listed
from support.oracle import Array
from support.tflite_builder import (
    NUMPY_TYPES,
    Option,
    Quantization,
    Tensor,
    TypeName,
    per_tensor,
)


def scaled(draw: Draw, dtype: TypeName, scale: float) -> Quantization | None:
    """A quantisation of the given scale, with a random zero point."""
    return None if dtype == "f32" else per_tensor(scale, draw.zero_point(dtype))


def operands(
    draw: Draw, dtype: TypeName, first: Quantization | None, second: Quantization | None
) -> tuple[list[Tensor], tuple[int, ...]]:
    """Two operands that broadcast together, in either order, and the shape of the result."""
    shape = draw.shape(1, 4)
    small = draw.broadcast(shape)
    if draw.chance(0.5):
        pair = [draw.input(shape, dtype, first), draw.operand(small, dtype, second)]
    else:
        pair = [draw.operand(small, dtype, first), draw.input(shape, dtype, second)]
    return pair, shape


def add_or_sub(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    first, second = draw.quantization(dtype), draw.quantization(dtype)
    inputs, shape = operands(draw, dtype, first, second)
    output = None
    if first is not None and second is not None:
        largest = max(first.scales[0], second.scales[0])
        output = scaled(draw, dtype, largest * draw.power(-1.5, 3))
    options: dict[str, Option] = {"fused_activation_function": draw.activation()}
    if dtype == "i16":
        options["pot_scale_int16"] = False
    draw.result(op, inputs, shape, dtype, output, **options)


def mul(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    first, second = draw.quantization(dtype), draw.quantization(dtype)
    inputs, shape = operands(draw, dtype, first, second)
    output = None
    if first is not None and second is not None:
        # An i16 product has no spare bits for a left shift; an 8-bit one has many.
        usual, fine = ((11, 17), (1, 11)) if dtype == "i16" else ((4, 10), (-2, 4))
        headroom = draw.power(*(fine if draw.chance(0.15) else usual))
        output = scaled(draw, dtype, first.scales[0] * second.scales[0] * headroom)
    draw.result(op, inputs, shape, dtype, output, fused_activation_function=draw.activation())


def squared_difference(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    first, second = draw.quantization(dtype), draw.quantization(dtype)
    inputs, shape = operands(draw, dtype, first, second)
    output = None
    if first is not None and second is not None:
        twice = 2 * max(first.scales[0], second.scales[0])
        output = scaled(draw, dtype, twice**2 * draw.power(-1, 7))
    draw.result(op, inputs, shape, dtype, output)


def maximum(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    quantization = draw.quantization(dtype)
    inputs, shape = operands(draw, dtype, quantization, quantization)
    draw.result(op, inputs, shape, dtype, quantization)


def compare(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    first, second = draw.quantization(dtype, -8, -0.01), draw.quantization(dtype, -8, -0.01)
    if dtype == "i16" or draw.chance(0.4):
        second = first
    shape = draw.shape(1, 4)
    narrow = draw.chance(0.7)

    def around(quantization: Quantization | None) -> Fill:
        """Few different values around zero, so that equality happens."""
        low, high = RANGES[dtype] if dtype in ("i8", "u8", "i1") else (-3, 3)
        if quantization is not None and narrow:
            middle = quantization.zero_points[0]
            low, high = max(low, middle - 3), min(high, middle + 3)
        return lambda rng, shape: integers(rng, low, high, shape).astype(NUMPY_TYPES[dtype])

    a = draw.input(shape, dtype, first, fill=around(first))
    b = draw.input(draw.broadcast(shape), dtype, second, fill=around(second))
    draw.result(op, [a, b], shape, "i1")


def logical(draw: Draw, op: str, flavour: str) -> None:
    inputs, shape = operands(draw, "i1", None, None)
    draw.result(op, inputs, shape, "i1")


def logical_not(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape()
    draw.result(op, [draw.input(shape, "i1")], shape, "i1")


def select(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    quantization = draw.quantization(dtype)
    inputs, shape = operands(draw, dtype, quantization, quantization)
    condition = draw.input(draw.broadcast(shape), "i1")
    draw.result(op, [condition, *inputs], shape, dtype, quantization)


def power_of(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape()
    bounds = (0.1, 4.0) if dtype == "f32" else (-4, 4)
    base = draw.input(shape, dtype, low=bounds[0], high=bounds[1])
    small = draw.broadcast(shape)
    exponent = draw.constant(small, dtype, low=-3 if dtype == "f32" else 0, high=4)
    draw.result(op, [base, exponent], shape, dtype)


def divide(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    activation = draw.activation()
    shape = draw.shape()
    small = draw.broadcast(shape)
    if dtype in ("f32", "i32"):
        a = draw.input(shape, dtype)
        b = draw.input(small, dtype, fill=lambda rng, shape: _nonzero(rng, shape, dtype))
        draw.result(op, [a, b], shape, dtype, fused_activation_function=activation)
        return
    first, second = draw.quantization(dtype), draw.quantization(dtype)
    assert first is not None and second is not None
    output = per_tensor(
        first.scales[0] / second.scales[0] * draw.power(-5, -1), draw.zero_point(dtype)
    )
    # The smallest numerator whose quotient the reference does not shift too far (C leaves shifts of
    # 32 and more undefined). The denominator's code must differ from its zero point, and from 0.
    least = _least_numerator(dtype, first, second, output)

    def numerator(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return _away_from(rng, shape, dtype, first.zero_points[0], least)

    def denominator(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        values = _away_from(rng, shape, dtype, second.zero_points[0], 1)
        other = 1 if second.zero_points[0] != 1 else 2
        return np.where(values == 0, other, values).astype(values.dtype)

    a = draw.input(shape, dtype, first, fill=numerator)
    b = draw.input(small, dtype, second, fill=denominator)
    draw.result(op, [a, b], shape, dtype, output, fused_activation_function=activation)


def _nonzero(rng: np.random.Generator, shape: tuple[int, ...], dtype: TypeName) -> Array:
    if dtype == "f32":
        return (rng.uniform(0.5, 4, shape) * rng.choice([-1, 1], shape)).astype(np.float32)
    return (integers(rng, 1, 50, shape) * rng.choice([-1, 1], shape)).astype(np.int32)


def _away_from(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: TypeName, point: int, distance: int
) -> Array:
    low, high = RANGES[dtype]
    codes = np.arange(low, high + 1)
    codes = codes[np.abs(codes - point) >= distance]
    return rng.choice(codes, shape).astype(NUMPY_TYPES[dtype])


def _least_numerator(
    dtype: TypeName, first: Quantization, second: Quantization, output: Quantization
) -> int:
    scales = [np.float32(q.scales[0]) for q in (first, second, output)]
    shift = math.frexp(float(scales[0] / (scales[1] * scales[2])))[1]
    largest = max(abs(end - second.zero_points[0]) for end in RANGES[dtype])
    # With b and n bits in the denominator and the numerator, the reference shifts right by
    # (b - 1) + (31 - n) - shift, of which 31 is the most.
    return 1 << max(0, largest.bit_length() - 1 - shift)


def unary_float_range(op: str) -> tuple[float | None, float | None]:
    """Where a float function is defined, finite, and exact in the reference."""
    if op in ("LOG", "RSQRT"):
        return 0.01, 20.0
    if op == "SQRT":
        return 0.0, 20.0
    if op in ("SIN", "COS"):
        return -6.0, 6.0
    # Further down the reference's own erfc is less exact than its results are small.
    if op == "GELU":
        return -3.0, 6.0
    return None, None


def _options(draw: Draw, op: str) -> dict[str, Option]:
    if op == "LEAKY_RELU":
        return {"alpha": draw.power(-6, -0.5)}
    return {"approximate": draw.chance(0.5)} if op == "GELU" else {}


def unary(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape()
    draw.optimised = op in ("ELU", "CEIL", "ROUND")
    if dtype not in ("i8", "u8", "i16"):
        low, high = unary_float_range(op) if dtype == "f32" else (None, None)
        x = draw.input(shape, dtype, low=low, high=high)
        draw.result(op, [x], shape, dtype, None, **_options(draw, op))
        return
    _QUANTISED_UNARY[op](draw, op, dtype, shape)


def _rescaling(draw: Draw, op: str, dtype: TypeName, shape: tuple[int, ...]) -> None:
    """Functions that rescale from any quantisation to any other."""
    source = draw.quantization(dtype)
    assert source is not None
    target = scaled(draw, dtype, source.scales[0] * draw.power(-3, 3))
    if op == "ABS" and draw.chance(0.3):
        target = source
    x = draw.input(shape, dtype, source)
    draw.result(op, [x], shape, dtype, target, **_options(draw, op))


def _table(draw: Draw, op: str, dtype: TypeName, shape: tuple[int, ...]) -> None:
    """Functions evaluated through a table; ranges keep their results within int32."""
    fine = dtype == "i16"
    low, high = (-15, -12) if fine else (-8, -4 if op == "EXP" else 0)
    point = draw.zero_point(dtype)
    if op == "LOG" and not fine and draw.chance(0.6):
        point = RANGES[dtype][0]
    source = per_tensor(draw.power(low, high), point)
    spans = {"LOG": (-6, -2)} if not fine else {}
    output = draw.power(*spans.get(op, (-15, -11) if fine else (-8, 0)))
    target = per_tensor(output, draw.zero_point(dtype))
    x = draw.input(shape, dtype, source)
    draw.result(op, [x], shape, dtype, target, **_options(draw, op))


def _sigmoid(draw: Draw, op: str, dtype: TypeName, shape: tuple[int, ...]) -> None:
    if dtype == "i16":
        scale = draw.pick(2.0**-12, 2.0**-11, draw.power(-15, -8))
        source, target = per_tensor(scale), per_tensor(2.0**-15)
    else:
        source = per_tensor(draw.power(-8, 0), draw.zero_point(dtype))
        fixed = 1 / 256 if op == "LOGISTIC" else draw.pick(1 / 128, draw.power(-9, -6))
        target = per_tensor(fixed, draw.zero_point(dtype))
    draw.result(op, [draw.input(shape, dtype, source)], shape, dtype, target)


def _from_zero(draw: Draw, op: str, dtype: TypeName, shape: tuple[int, ...]) -> None:
    """Roots: codes from the zero point on. The output scale keeps results around the range."""
    source = draw.quantization(dtype, -6, -2)
    assert source is not None
    point = source.zero_points[0]
    high = RANGES[dtype][1]
    real = (high - point + 1) * source.scales[0]
    reach = math.sqrt(real) if op == "SQRT" else 1 / math.sqrt(source.scales[0])
    output = reach / (30000 if dtype == "i16" else 200) * draw.power(-1, 1)
    target = per_tensor(output, draw.zero_point(dtype))
    x = draw.input(shape, dtype, source, low=point, high=high)
    draw.result(op, [x], shape, dtype, target)


def _hard_swish(draw: Draw, op: str, dtype: TypeName, shape: tuple[int, ...]) -> None:
    source = draw.quantization(dtype, -7, 0)
    assert source is not None
    target = per_tensor(source.scales[0] * draw.power(-4, 3), draw.zero_point(dtype))
    draw.result(op, [draw.input(shape, dtype, source)], shape, dtype, target)


def _raw(draw: Draw, op: str, dtype: TypeName, shape: tuple[int, ...]) -> None:
    """NEG negates the stored codes, so only symmetric quantisation makes sense."""
    quantization = per_tensor(draw.power(-8, 0))
    draw.result(op, [draw.input(shape, dtype, quantization)], shape, dtype, quantization)


_QUANTISED_UNARY = {
    "ABS": _rescaling,
    "ELU": _table,
    "EXP": _table,
    "GELU": _table,
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _rescaling,
    "LOG": _table,
    "LOGISTIC": _sigmoid,
    "NEG": _raw,
    "RELU": _rescaling,
    "RELU6": _rescaling,
    "RELU_0_TO_1": _rescaling,
    "RELU_N1_TO_1": _rescaling,
    "RSQRT": _from_zero,
    "SQRT": _from_zero,
    "TANH": _sigmoid,
}


def prelu(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.image(5, 6)
    source = draw.quantization(dtype)
    slopes = draw.broadcast(shape[1:])
    if dtype == "f32":
        alpha = draw.constant(slopes, "f32", low=-1, high=1)
    else:
        # The reference reads the slopes of a 16-bit PRELU as int8 as well.
        kind: TypeName = "i8" if dtype == "i16" else dtype
        alpha = draw.constant(slopes, kind, draw.quantization(kind, -9, -6))
    target = None if source is None else scaled(draw, dtype, source.scales[0] * draw.power(-2, 2))
    draw.result(op, [draw.input(shape, dtype, source), alpha], shape, dtype, target)


def quantize(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape()
    if dtype == "f32":
        other = draw.kind("i8", "u8", "i16")
        target = draw.quantization(other, -6, 0)
        draw.result(op, [draw.input(shape, "f32")], shape, other, target)
        return
    source = draw.quantization(dtype)
    assert source is not None
    others: dict[str, tuple[TypeName, ...]] = {
        "i8": ("i8", "u8", "i16"),
        "u8": ("i8", "u8"),
        "i16": ("i8", "i16"),
    }
    other = draw.kind(*others[dtype])
    wide = {"i16": 7, "i8": 0, "u8": 0}
    factor = draw.power(-3, 3) * 2.0 ** (wide[dtype] - wide[other])
    target = per_tensor(source.scales[0] * factor, draw.zero_point(other))
    draw.result(op, [draw.input(shape, dtype, source)], shape, other, target)


def dequantize(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape()
    draw.result(op, [draw.input(shape, dtype, draw.quantization(dtype))], shape, "f32")


def cast_between(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape()
    kinds: list[TypeName] = ["f32", "i8", "u8", "i16", "i32", "i64", "i1"]
    kinds.remove(dtype)
    other = draw.kind(*kinds)
    # A float or a wide integer that does not fit its target has no defined result.
    low, high = {"u8": (0, 127), "i1": (0, 1)}.get(other, (-100, 100))
    if dtype in ("u8", "i1"):
        low = 0
    x = draw.input(shape, dtype, low=low, high=1 if dtype == "i1" else high)
    draw.result(op, [x], shape, other, in_data_type=dtype, out_data_type=other)


GENERATORS = [
    *listed(add_or_sub, "f32 i8 u8 i16 i32", "ADD", "SUB"),
    *listed(mul, "f32 i8 u8 i16 i32", "MUL"),
    *listed(divide, "f32 i8 u8 i16 i32", "DIV"),
    *listed(squared_difference, "f32 i8 i32", "SQUARED_DIFFERENCE"),
    *listed(maximum, "f32 i8 u8 i16 i32 i64", "MAXIMUM", "MINIMUM"),
    *listed(compare, "f32 i8 u8 i16 i32 i64 i1", "EQUAL", "NOT_EQUAL"),
    *listed(compare, "f32 i8 u8 i16 i32 i64", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"),
    *listed(logical, "i1", "LOGICAL_AND", "LOGICAL_OR"),
    *listed(logical_not, "i1", "LOGICAL_NOT"),
    *listed(select, "f32 i8 u8 i16 i32 i64 i1", "SELECT_V2"),
    *listed(power_of, "f32 i32", "POW"),
    *listed(unary, "f32 i8 i16 i32", "ABS"),
    *listed(unary, "f32 i8 i16 i32 i64", "NEG"),
    *listed(unary, "f32", "CEIL", "COS", "FLOOR", "ROUND", "SIN", "SQUARE"),
    *listed(unary, "f32 i8", "ELU"),
    *listed(unary, "f32 i8 i16", "EXP", "LOG", "RSQRT", "SQRT"),
    *listed(unary, "f32 i8 u8 i16", "GELU", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6", "TANH"),
    *listed(unary, "f32 i8 u8", "HARD_SWISH", "RELU_0_TO_1", "RELU_N1_TO_1"),
    *listed(unary, "f32 i32 i64", "ZEROS_LIKE"),
    *listed(prelu, "f32 i8 u8 i16", "PRELU"),
    *listed(quantize, "f32 i8 u8 i16", "QUANTIZE"),
    *listed(dequantize, "i8 u8 i16", "DEQUANTIZE"),
    *listed(cast_between, "f32 i8 u8 i16 i32 i64 i1", "CAST"),
]
