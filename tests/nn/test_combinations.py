"""
The 27 combinations of binary, int8 and float32 input, weights and output, as C and as `evaluate`.

Beside both stands a model of its own, written from the definition: products of decoded numbers,
summed over the window, in exact integers or float64, and the three epilogues. Where an accumulation
is float, it must be exact on data whose partial sums are all representable, and else within
(K + c) * 2^-24 * sum |x * w| of the real number; what is rounded or compared after it must be right
wherever that leaves no doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.arrays import integers as whole_numbers
from support.compiled import LOOPS, SANITIZED, WHOLE, run_all, run_on_core
from support.nn_networks import network, tensor
from support.sample_network import needs_boards
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp, f32, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import NnBuilder, integer, integers

Array = npt.NDArray[Any]
KINDS = ("bin", "i8", "f32")
COMBINATIONS = tuple(product(KINDS, KINDS, KINDS))
CHANNELS = (1, 2, 3, 4, 6, 8, 31, 32, 33, 40, 64, 65)
ROUNDINGS = (Rounding.DOUBLE, Rounding.SINGLE, Rounding.F64)
SAMPLES = 2

FAST = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)


@dataclass(frozen=True)
class Quantization:
    """Scales and zero points, one or one for each output channel."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    @property
    def type(self) -> Attribute:
        """The element type."""
        if self.axis is None:
            return UniformQuantizedType.per_tensor(i8, self.scales[0], self.zero_points[0])
        return UniformQuantizedType.per_axis(i8, self.axis, self.scales, self.zero_points)


NONE = Quantization((1.0,), (0,))


@dataclass(frozen=True)
class Layer:
    """
    One layer with all its numbers. `kinds` are those of input, weights and output; `exact` says
    that float sums are exact, `constant` that weights are a constant and not an input. `around` is
    what surrounds a binary input. Geometry is that of a convolution, which a dense layer has too.
    """

    op: str
    kinds: tuple[str, str, str]
    exact: bool
    image: tuple[int, int, int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: tuple[int, int, int, int]
    groups: int
    outputs: int
    rounding: Rounding
    quantized: tuple[Quantization, Quantization, Quantization]
    clamp: tuple[float | None, float | None]
    constant: bool
    around: int
    bias: Array | None = field(repr=False)
    weights: Array = field(repr=False)
    samples: list[Array] = field(default_factory=list[Array], repr=False)

    @property
    def integer(self) -> bool:
        """Whether the accumulation is one of integers."""
        return "f32" not in self.kinds[:2]

    @property
    def spatial(self) -> tuple[int, int]:
        """Height and width of the output."""
        _, height, width, _ = self.image
        top, bottom, left, right = self.padding
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        return (
            (height + top + bottom - reach[0]) // self.strides[0] + 1,
            (width + left + right - reach[1]) // self.strides[1] + 1,
        )


# --- drawing layers ---------------------------------------------------------------------------


@st.composite
def layers(draw: st.DrawFn, op: str, kinds: tuple[str, str, str]) -> Layer:
    """A random layer, with random data made from a drawn seed."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    exact = draw(st.booleans())
    if op == "dense":
        image = (draw(st.integers(1, 3)), 1, 1, draw(st.sampled_from(CHANNELS)))
        kernel = strides = dilations = (1, 1)
        padding = (0, 0, 0, 0)
    else:
        kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
        padding = draw(st.tuples(*[st.integers(0, 2)] * 4))
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        least = [
            max(1, reach[0] - padding[0] - padding[1]),
            max(1, reach[1] - padding[2] - padding[3]),
        ]
        size = [low + draw(st.integers(0, 3)) for low in least]
        image = (draw(st.integers(1, 2)), size[0], size[1], draw(st.sampled_from(CHANNELS)))
    channels = image[3]
    groups, outputs = 1, draw(st.sampled_from(CHANNELS[:10]))
    if op == "depthwise":
        groups, outputs = channels, channels * draw(st.integers(1, 3))
    elif op == "conv":
        groups = draw(st.sampled_from([g for g in (1, 1, 2, 3, 4, 8, 11) if channels % g == 0]))
        outputs = groups * max(1, outputs // groups)
    shape = (outputs, *kernel, channels // groups)
    weights = _values(rng, kinds[1], shape, exact)
    quantized = _quantization(draw, rng, op, kinds, exact, math.prod(shape[1:]), outputs)
    bias = _bias(draw, rng, kinds, outputs)
    clamp = _clamp(draw, kinds[2])
    layer = Layer(
        op,
        kinds,
        exact,
        image,
        kernel,
        strides,
        dilations,
        padding,
        groups,
        outputs,
        draw(st.sampled_from(ROUNDINGS)),
        quantized,
        clamp,
        draw(st.booleans()),
        draw(st.sampled_from((0, -1, 1))) if kinds[0] == "bin" and op != "dense" else 0,
        bias,
        weights,
    )
    for _ in range(SAMPLES):
        layer.samples.append(_values(rng, kinds[0], image, exact))
    return layer


def _values(rng: np.random.Generator, kind: str, shape: Sequence[int], exact: bool) -> Array:
    """Stored values; floats are small integers where sums are to be exact."""
    match kind:
        case "bin":
            return rng.random(shape) < 0.5
        case "i8":
            low, high = (-128, 127) if rng.random() < 0.5 else (-12, 12)
            return whole_numbers(rng, low, high, shape).astype(np.int8)
        case _ if exact:
            return whole_numbers(rng, -8, 8, shape).astype(np.float32)
        case _:
            return np.asarray(rng.normal(0, 2, shape), np.float32)


def _quantization(
    draw: st.DrawFn,
    rng: np.random.Generator,
    op: str,
    kinds: tuple[str, str, str],
    exact: bool,
    depth: int,
    outputs: int,
) -> tuple[Quantization, Quantization, Quantization]:
    """Types of input, weights and output, the last so that results use its range."""
    zero_points = st.sampled_from((0, -128, 127, -3, 77))

    def scale() -> float:
        return 2.0 ** draw(st.integers(-6, 0)) if exact else float(np.float32(rng.uniform(0.01, 1)))

    source = Quantization((scale(),), (draw(zero_points),)) if kinds[0] == "i8" else NONE
    weights = NONE
    if kinds[1] == "i8":
        per_axis = draw(st.booleans())
        count = outputs if per_axis else 1
        zeros = tuple(int(z) for z in whole_numbers(rng, -128, 127, count))
        zeros = zeros if draw(st.integers(0, 3)) == 0 else (0,) * count
        axis = (3 if op == "depthwise" else 0) if per_axis else None
        weights = Quantization(tuple(scale() for _ in range(count)), zeros, axis)
    if kinds[2] != "i8":
        return source, weights, NONE
    magnitude = {"bin": 1.0, "i8": 80.0, "f32": 4.0}
    real = math.sqrt(depth) * source.scales[0] * weights.scales[0]
    real *= magnitude[kinds[0]] * magnitude[kinds[1]] * float(rng.uniform(0.3, 3)) / 64
    spread = 2.0 ** round(math.log2(real)) if exact else float(np.float32(real))
    return source, weights, Quantization((spread,), (draw(zero_points),))


def _bias(
    draw: st.DrawFn, rng: np.random.Generator, kinds: tuple[str, str, str], outputs: int
) -> Array | None:
    if not draw(st.booleans()):
        return None
    whole = whole_numbers(rng, -300, 300, outputs)
    return whole.astype(np.float32 if "f32" in kinds[:2] else np.int32)


def _clamp(draw: st.DrawFn, kind: str) -> tuple[float | None, float | None]:
    if kind == "bin":
        return None, None
    low, high = draw(st.sampled_from(((None, None), (-20, 90), (0, None), (None, 6))))
    return low, high


# --- the model --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """The output, and where it may be off by one step (a tie, a threshold) or by how much."""

    values: Array
    doubtful: Array
    tolerance: Array | None = None


def decoded(values: Array, kind: str, quantization: Quantization) -> Array:
    """Stored values as numbers; per-channel zero points are those of the first axis."""
    if kind == "bin":
        return np.where(values, -1.0, 1.0)
    if kind == "f32":
        return values.astype(np.float64)
    zeros = np.array(quantization.zero_points, np.float64)
    return values - zeros.reshape(-1, *[1] * (values.ndim - 1))


def sums(layer: Layer, x: Array, w: Array, around: int = 0) -> Array:
    """Products summed over every window; positions outside the image count as `around`."""
    batch, height, width, channels = layer.image
    out_height, out_width = layer.spatial
    depth, per_group = channels // layer.groups, layer.outputs // layer.groups
    result = np.zeros((batch, out_height, out_width, layer.outputs))
    for oy, ox in product(range(out_height), range(out_width)):
        for ky, kx in product(range(layer.kernel[0]), range(layer.kernel[1])):
            y = oy * layer.strides[0] + ky * layer.dilations[0] - layer.padding[0]
            z = ox * layer.strides[1] + kx * layer.dilations[1] - layer.padding[2]
            inside = 0 <= y < height and 0 <= z < width
            pixels = x[:, y, z] if inside else np.full((batch, channels), around)
            for g in range(layer.groups):
                rows = slice(g * per_group, (g + 1) * per_group)
                pixel = pixels[:, g * depth : (g + 1) * depth]
                result[:, oy, ox, rows] += pixel @ w[rows, ky, kx].T
    return result


def model(layer: Layer, sample: Array) -> Expected:
    """What the layer must give for a sample."""
    x = decoded(sample, layer.kinds[0], layer.quantized[0])
    w = decoded(layer.weights, layer.kinds[1], layer.quantized[1])
    total = sums(layer, x, w, layer.around)
    if layer.integer:
        assert np.abs(total).max() < 1 << 31
        return integer_epilogue(layer, total.astype(np.int64))
    magnitude = sums(layer, np.abs(x), np.abs(w), abs(layer.around))
    return float_epilogue(layer, total, magnitude)


def unit(layer: Layer) -> Array:
    """What one accumulated unit stands for, one or one for each output channel."""
    return np.array(layer.quantized[0].scales) * np.array(layer.quantized[1].scales)


def integer_epilogue(layer: Layer, total: Array) -> Expected:
    """Bias, then requantisation, scaling or sign; nothing is in doubt."""
    total = total if layer.bias is None else total + layer.bias
    sure = np.zeros(total.shape, np.bool_)
    if layer.kinds[2] == "bin":
        return Expected(total < 0, sure)
    if layer.kinds[2] == "f32":
        real = total.astype(np.float32) * unit(layer).astype(np.float32)
        return Expected(np.clip(real, *layer.clamp) if layer.clamp != (None, None) else real, sure)
    output = layer.quantized[2]
    multipliers = np.broadcast_to(unit(layer) / output.scales[0], (layer.outputs,))
    scaled = np.stack(
        [requantized(total[..., c], multipliers[c], layer.rounding) for c in range(layer.outputs)],
        axis=-1,
    )
    return Expected(stored(layer, scaled), sure)


def stored(layer: Layer, steps: Array) -> Array:
    """Steps of the output's scale as it stores them."""
    low, high = layer.clamp
    low, high = -128 if low is None else low, 127 if high is None else high
    return np.clip(steps + layer.quantized[2].zero_points[0], low, high).astype(np.int8)


def requantized(total: Array, real: float, rounding: Rounding) -> Array:
    """The definitions of the three roundings, in integers that do not overflow."""
    if rounding is Rounding.F64:
        scaled = total.astype(np.float64) * real
        return (np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)).astype(np.int64)
    fraction, exponent = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 1 << 31:
        multiplier, exponent = 1 << 30, exponent + 1
    if rounding is Rounding.SINGLE:
        shift = 31 - exponent
        return (total * multiplier + (1 << (shift - 1))) >> shift
    high = ((total << max(exponent, 0)) * multiplier + (1 << 30)) >> 31
    divisor = 1 << max(-exponent, 0)
    return np.sign(high) * ((np.abs(high) + divisor // 2) // divisor)


def float_epilogue(layer: Layer, total: Array, magnitude: Array) -> Expected:
    """Scale, bias, then rounding, clamping or sign of a sum that may be inexact."""
    bias = 0.0 if layer.bias is None else layer.bias.astype(np.float64)
    real = total * unit(layer) + bias
    error = np.zeros(real.shape)
    if not layer.exact:
        depth = math.prod(layer.weights.shape[1:])
        error = (depth + 4) * 2.0**-24 * (magnitude * unit(layer) + np.abs(bias))
    if layer.kinds[2] == "bin":
        return Expected(real < 0, np.abs(real) < error)
    if layer.kinds[2] == "f32":
        low, high = layer.clamp
        real = np.clip(real, low, high) if layer.clamp != (None, None) else real
        return Expected(real.astype(np.float32), np.zeros(real.shape, np.bool_), error)
    steps = real / layer.quantized[2].scales[0]
    nearest = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    distance = np.abs(np.abs(steps - np.trunc(steps)) - 0.5)
    doubt = error / layer.quantized[2].scales[0] + np.abs(steps) * 2.0**-23
    return Expected(stored(layer, nearest), distance < (0 if layer.exact else doubt))


# --- the network ------------------------------------------------------------------------------


def elements_of(layer: Layer) -> list[Attribute]:
    """The element types of input, weights and output."""
    return [
        {"bin": BIN, "i8": quantization.type, "f32": f32}[kind]
        for kind, quantization in zip(layer.kinds, layer.quantized, strict=True)
    ]


def built(b: NnBuilder, layer: Layer, args: Sequence[SSAValue]) -> SSAValue:
    """The layer's op, of an input and, where they are no constant, weights."""
    elements, (_, weights, output_shape) = elements_of(layer), _arrangement(layer)
    operands: list[SSAValue | None] = [args[0], None, None]
    operands[1] = b.constant(weights, elements[1]) if layer.constant else args[1]
    if layer.bias is not None:
        operands[2] = b.constant(layer.bias, i32 if layer.integer else f32)
    properties: dict[str, Attribute] = {}
    if layer.integer and layer.kinds[2] == "i8":
        properties["rounding"] = RoundingAttr(layer.rounding)
    for name, bound in zip(("min", "max"), layer.clamp, strict=True):
        if bound is not None:
            whole = layer.kinds[2] == "i8"
            properties[name] = IntegerAttr(int(bound), i64) if whole else FloatAttr(bound, f32)
    output = tensor(elements[2], *output_shape)
    if layer.op == "dense":
        return b.op(DenseOp, operands, output, **properties)
    properties["strides"] = integers(layer.strides)
    properties["dilations"] = integers(layer.dilations)
    properties["padding"] = integers(layer.padding)
    if layer.around:
        properties["pad_value"] = integer(layer.around)
    if layer.op == "depthwise":
        return b.op(DepthwiseConv2DOp, operands, output, **properties)
    properties["groups"] = integer(layer.groups)
    return b.op(Conv2DOp, operands, output, **properties)


def module_of(layer: Layer) -> ModuleOp:
    """The layer as a network."""
    elements, (shape, weights, _) = elements_of(layer), _arrangement(layer)
    inputs = [tensor(elements[0], *shape), tensor(elements[1], *weights.shape)]
    given = inputs[:1] if layer.constant else inputs
    return network(given, lambda b, args: [built(b, layer, args)])


def _arrangement(layer: Layer) -> tuple[tuple[int, ...], Array, tuple[int, ...]]:
    """The shape of the input, the weights as the op wants them, and the shape of the output."""
    batch, _, _, channels = layer.image
    if layer.op == "dense":
        return (batch, channels), layer.weights.reshape(layer.outputs, -1), (batch, layer.outputs)
    output = (batch, *layer.spatial, layer.outputs)
    if layer.op == "depthwise":
        return layer.image, layer.weights.transpose(3, 1, 2, 0), output
    return layer.image, layer.weights, output


def check(layer: Layer, sample: Array, actual: Array, who: str) -> None:
    """Compares one output with the model's."""
    expected = model(layer, sample)
    values = expected.values.reshape(actual.shape)
    what = f"{who} of {layer}"
    assert actual.dtype == values.dtype, what
    if expected.tolerance is not None and not layer.exact:
        error = np.abs(actual.astype(np.float64) - values)
        assert (error <= expected.tolerance.reshape(actual.shape)).all(), what
        return
    wrong = (actual != values) & ~expected.doubtful.reshape(actual.shape)
    assert not wrong.any(), what


def inputs_of(layer: Layer) -> list[list[Array]]:
    """The samples in the shape of the network's inputs."""
    shape, weights, _ = _arrangement(layer)
    others = [] if layer.constant else [weights]
    return [[sample.reshape(shape), *others] for sample in layer.samples]


def check_all(drawn: Sequence[Layer], *, sanitized: bool = False) -> None:
    """All layers, as C and as `evaluate`."""
    modules = [module_of(layer) for layer in drawn]
    inputs = [inputs_of(layer) for layer in drawn]
    how = SANITIZED if sanitized else LOOPS
    compiled = run_all(list(zip(modules, inputs, strict=True)), how)
    for layer, module, samples, runs in zip(drawn, modules, inputs, compiled, strict=True):
        for stored_sample, sample, result in zip(layer.samples, samples, runs, strict=True):
            check(layer, stored_sample, run(module, sample).outputs[0], "evaluate")
            check(layer, stored_sample, result.outputs[0], "C")


def all_combinations(op: str) -> st.SearchStrategy[tuple[Layer, ...]]:
    """One layer of each combination."""
    return st.tuples(*(layers(op, kinds) for kinds in COMBINATIONS))


@FAST
@given(all_combinations("conv"))
def test_conv2d(drawn: tuple[Layer, ...]) -> None:
    check_all(drawn)


@FAST
@given(all_combinations("depthwise"))
def test_depthwise_conv2d(drawn: tuple[Layer, ...]) -> None:
    check_all(drawn)


@FAST
@given(all_combinations("dense"))
def test_dense(drawn: tuple[Layer, ...]) -> None:
    check_all(drawn)


# Two examples, because the first is the smallest that there is.


@settings(FAST, max_examples=2)
@pytest.mark.parametrize("op", ["conv", "depthwise", "dense"])
@given(data=st.data())
def test_sanitized(op: str, data: st.DataObject) -> None:
    check_all(data.draw(all_combinations(op)), sanitized=True)


def every_case() -> list[tuple[tuple[str, str, str], bool, bool]]:
    """All combinations, of int8 weights with one scale and with many, without and with a bias."""
    return [
        (kinds, per_axis, biased)
        for kinds in COMBINATIONS
        for per_axis in ((False, True) if kinds[1] == "i8" else (False,))
        for biased in (False, True)
    ]


def made(op: str, kinds: tuple[str, str, str], per_axis: bool, biased: bool) -> Layer:
    """A layer of that kind, whose window is 2 x 3, padded and strided, over 33 channels."""
    rng = np.random.default_rng([len(op), COMBINATIONS.index(kinds), per_axis, biased])
    channels, outputs = 33, 33 if op == "depthwise" else 5
    image, kernel = ((3, 1, 1, channels), (1, 1)) if op == "dense" else ((1, 4, 5, 33), (2, 3))
    flat = op == "dense"
    shape = (outputs, *kernel, 1 if op == "depthwise" else channels)
    count = outputs if per_axis else 1
    axis = (3 if op == "depthwise" else 0) if per_axis else None
    scales = tuple(float(it) for it in rng.uniform(0.01, 0.05, count).astype(np.float32))
    source = Quantization((0.0625,), (-3,)) if kinds[0] == "i8" else NONE
    weights = Quantization(scales, (0,) * count, axis) if kinds[1] == "i8" else NONE
    result = Quantization((0.75,), (7,)) if kinds[2] == "i8" else NONE
    bias = None
    if biased:
        whole = "f32" not in kinds[:2]
        bias = whole_numbers(rng, -300, 300, outputs).astype(np.int32 if whole else np.float32)
    layer = Layer(
        op,
        kinds,
        False,
        image,
        kernel,
        (1, 1) if flat else (1, 2),
        (1, 1),
        (0, 0, 0, 0) if flat else (1, 0, 1, 1),
        channels if op == "depthwise" else 1,
        outputs,
        Rounding.F64 if flat else Rounding.DOUBLE,
        (source, weights, result),
        (None, None),
        True,
        0,
        bias,
        _values(rng, kinds[1], shape, False),
    )
    shared = np.random.default_rng([len(op), KINDS.index(kinds[0])])
    layer.samples.append(_values(shared, kinds[0], image, False))
    return layer


@pytest.mark.parametrize("op", ["conv", "depthwise", "dense"])
def test_every_combination_with_one_scale_and_many_with_and_without_a_bias(op: str) -> None:
    """Nothing drawn: 72 layers of each, sanitized."""
    cases = every_case()
    assert len(cases) == 72
    check_all([made(op, *case) for case in cases], sanitized=True)


def side_by_side(layers: Sequence[Layer]) -> ModuleOp:
    """One network of layers, of which those with inputs of one type read the same input."""
    kinds = {layer.kinds[0]: layer for layer in layers}
    types = [tensor(elements_of(it)[0], *_arrangement(it)[0]) for it in kinds.values()]

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        given = dict(zip(kinds, args, strict=True))
        return [built(b, layer, [given[layer.kinds[0]]]) for layer in layers]

    return network(types, build)


@needs_boards
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("op", ["conv", "depthwise", "dense"])
def test_every_combination_on_core(op: str, core: str) -> None:
    """All 27 in one network, by the kernels of the core; with a scale for each channel on one."""
    chosen = [
        made(op, kinds, per_axis=core == "cortex-m4" and kinds[1] == "i8", biased=True)
        for kinds in COMBINATIONS
    ]
    firsts = {layer.kinds[0]: layer for layer in chosen}
    inputs = [it.samples[0].reshape(_arrangement(it)[0]) for it in firsts.values()]
    runs, _ = run_on_core(side_by_side(chosen), [inputs], core, WHOLE)
    for layer, output in zip(chosen, runs[0].outputs, strict=True):
        check(layer, layer.samples[0], output, core)


@needs_boards
@settings(FAST, max_examples=2)
@pytest.mark.parametrize(
    ("op", "core", "kinds"),
    [
        ("conv", "cortex-m0", ("bin", "bin", "bin")),
        ("dense", "cortex-m0", ("f32", "i8", "i8")),
        ("conv", "cortex-m4", ("bin", "i8", "bin")),
        ("depthwise", "cortex-m4", ("f32", "bin", "f32")),
        ("dense", "cortex-m55", ("bin", "bin", "i8")),
    ],
)
@given(data=st.data())
def test_on_core(op: str, core: str, kinds: tuple[str, str, str], data: st.DataObject) -> None:
    layer = data.draw(layers(op, kinds))
    runs, _ = run_on_core(module_of(layer), inputs_of(layer), core)
    for sample, result in zip(layer.samples, runs, strict=True):
        check(layer, sample, result.outputs[0], core)
