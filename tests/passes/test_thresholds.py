"""
Thresholds against the arithmetic that they replace: every sign, at sums far and near.

Layers, factors and summands are random; summands are also put exactly on sums, where a threshold
that is off by one unit, or by one unit in the last place of a float, shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.compiled import LOOPS, run_all
from support.nn_networks import network, tensor
from xdsl.context import Context
from xdsl.dialects.builtin import FloatAttr, ModuleOp, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import DivOp
from nnc.dialects.nn.conversion import ClampOp, QuantizeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.functions import SignOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, shape_of
from nnc.passes import load_pass
from nnc.passes.nn_builder import NnBuilder, integer, integers, real

Array = npt.NDArray[Any]
QUICK = settings(max_examples=25, deadline=None, derandomize=True, database=None)


class Maker:
    """Builds one layer and what follows it from a seed."""

    def __init__(self, seed: int, kind: str, source: str, weights: str):
        self.rng = np.random.default_rng(seed)
        self.kind, self.source, self.weights = kind, source, weights
        self.channels = int(self.rng.choice([1, 3, 8, 33]))
        self.outputs = self.channels if kind == "depthwise" else int(self.rng.choice([1, 5, 32]))
        self.pools = False

    def module(self, *, pooled: bool) -> ModuleOp:
        """The network."""
        quantized = UniformQuantizedType.per_tensor(i8, 0.37, 5)
        element = {"bin": BIN, "i8": quantized, "f32": f32}[self.source]
        shape = [1, self.channels] if self.kind == "dense" else [1, 5, 4, self.channels]
        return network([tensor(element, *shape)], lambda b, args: [self.signs(b, args[0], pooled)])

    def constant(self, b: NnBuilder, values: Array) -> SSAValue:
        """A float constant."""
        return b.constant(np.asarray(values, np.float32), f32)

    def signs(self, b: NnBuilder, x: SSAValue, pooled: bool) -> SSAValue:
        """The layer, a chain of steps, and the sign."""
        value = self.layer(b, x)
        kind = value.type
        for _ in range(self.rng.integers(0, 4)):
            value = self.step(b, value, kind)
        if pooled:
            batch, height, width, channels = shape_of(value)
            kind = tensor(f32, batch, height - 1, width - 1, channels)
            value = b.op(
                MaxPool2DOp,
                [value],
                kind,
                kernel=integers([2, 2]),
                strides=integers([1, 1]),
                padding=integers([0, 0, 0, 0]),
            )
            for _ in range(self.rng.integers(0, 3)):
                value = self.step(b, value, kind)
        return b.op(QuantizeOp, [value], tensor(BIN, *shape_of(value)))

    def step(self, b: NnBuilder, value: SSAValue, kind: Attribute) -> SSAValue:
        """One operation with a constant."""
        rng, outputs = self.rng, self.outputs
        match rng.integers(0, 5):
            case 0:
                factors = rng.normal(0, 1, outputs) * (rng.random(outputs) < 0.9)
                return b.op(MulOp, [value, self.constant(b, factors)], kind)
            case 1:
                summands = np.round(rng.normal(0, 4, outputs) * 2) / 2
                return b.op(AddOp, [value, self.constant(b, summands)], kind)
            case 2:
                return b.op(SubOp, [self.constant(b, rng.normal(0, 3, 1)), value], kind)
            case 3:
                return b.op(DivOp, [value, self.constant(b, rng.normal(0, 1, outputs) + 0.1)], kind)
            case _:
                return b.op(ClampOp, [value], kind, min=real(-2.5), max=FloatAttr(4.0, f32))

    def layer(self, b: NnBuilder, x: SSAValue) -> SSAValue:
        """A layer with an integer sum and a float result."""
        rng, channels, outputs = self.rng, self.channels, self.outputs
        shape = {
            "dense": (outputs, channels),
            "conv": (outputs, 2, 3, channels),
            "depthwise": (1, 2, 3, channels),
            "transposed": (outputs, 2, 3, channels),
        }[self.kind]
        if self.weights == "bin":
            weights = b.constant(rng.random(shape) < 0.5, BIN)
        elif self.weights == "f32":
            weights = self.constant(b, np.round(rng.normal(0, 2, shape) * 4) / 4)
        else:
            axis = 3 if self.kind == "depthwise" else 0
            scales = rng.uniform(0.01, 0.1, outputs).astype(np.float32)
            values = rng.integers(-127, 128, shape).astype(np.int8)
            element = UniformQuantizedType.per_axis(i8, axis, scales, [0] * outputs)
            weights = b.constant(values, element)
        bias = None
        if rng.random() < 0.5:
            whole = "f32" not in (self.source, self.weights)
            numbers = rng.integers(-9, 9, outputs)
            bias = b.constant(
                numbers.astype(np.int32 if whole else np.float32), i32 if whole else f32
            )
        operands: Sequence[SSAValue | None] = [x, weights, bias]
        low = real(0) if rng.random() < 0.3 else None
        spatial = {"strides": integers([1, 1]), "padding": integers([1, 0, 1, 1])}
        result = tensor(f32, 1, 5, 4, outputs)
        match self.kind:
            case "dense":
                return b.op(DenseOp, operands, tensor(f32, 1, outputs), min=low)
            case "conv":
                spatial["dilations"] = integers([1, 1])
                return b.op(Conv2DOp, operands, result, groups=integer(1), min=low, **spatial)
            case "depthwise":
                spatial["dilations"] = integers([1, 1])
                return b.op(DepthwiseConv2DOp, operands, result, min=low, **spatial)
            case _:
                spatial["padding"] = integers([0, 1])
                return b.op(ConvTranspose2DOp, operands, result, min=low, **spatial)

    def samples(self) -> list[list[Array]]:
        """Inputs."""
        shape = (1, self.channels) if self.kind == "dense" else (1, 5, 4, self.channels)
        if self.source == "bin":
            return [[self.rng.random(shape) < 0.5] for _ in range(3)]
        if self.source == "f32":
            numbers = np.round(self.rng.normal(0, 2, (3, *shape)) * 2) / 2
            return [[it.astype(np.float32)] for it in numbers]
        return [[self.rng.integers(-128, 128, shape).astype(np.int8)] for _ in range(3)]


def fused(module: ModuleOp) -> ModuleOp:
    """A copy of the module behind the pass."""
    copy = module.clone()
    load_pass("nn-fuse-thresholds")().apply(Context(), copy)
    copy.verify()
    return copy


def layers(module: ModuleOp) -> list[str]:
    """The operations but for constants."""
    return [op.kind for op in module.walk() if isinstance(op, NnOp)]


@QUICK
@given(
    st.integers(0, 1 << 32),
    st.sampled_from(["dense", "conv", "depthwise", "transposed"]),
    st.sampled_from(["bin", "i8"]),
    st.sampled_from(["bin", "i8"]),
)
def test_signs_stay(seed: int, kind: str, source: str, weights: str) -> None:
    maker = Maker(seed, kind, source, weights)
    module = maker.module(pooled=False)
    copy = fused(module)
    assert len(layers(copy)) == 1
    for sample in maker.samples():
        before, after = run(module, sample).outputs[0], run(copy, sample).outputs[0]
        np.testing.assert_array_equal(before, after)


@QUICK
@given(
    st.integers(0, 1 << 32),
    st.sampled_from(["dense", "conv", "depthwise", "transposed"]),
    st.sampled_from([("f32", "bin"), ("f32", "f32"), ("bin", "f32")]),
)
def test_signs_of_float_sums_stay(seed: int, kind: str, types: tuple[str, str]) -> None:
    maker = Maker(seed, kind, *types)
    module = maker.module(pooled=False)
    copy = fused(module)
    for sample in maker.samples():
        before, after = run(module, sample).outputs[0], run(copy, sample).outputs[0]
        np.testing.assert_array_equal(before, after)


@QUICK
@given(
    st.integers(0, 1 << 32),
    st.sampled_from(["conv", "depthwise"]),
    st.sampled_from([("bin", "bin"), ("i8", "bin"), ("f32", "bin")]),
)
def test_maxima_of_signs(seed: int, kind: str, types: tuple[str, str]) -> None:
    maker = Maker(seed, kind, *types)
    module = maker.module(pooled=True)
    copy = fused(module)
    if "f32" not in types:
        assert layers(copy)[1:] in (["max_pool2d"], ["max_pool2d", "mul"])
    for sample in maker.samples():
        before, after = run(module, sample).outputs[0], run(copy, sample).outputs[0]
        np.testing.assert_array_equal(before, after)


def test_maxima_of_opposite_signs_and_back() -> None:
    """Two maxima with falling steps between and behind them; every direction in some channel."""
    maker = Maker(3, "conv", "bin", "bin")
    maker.outputs = 32
    rng = np.random.default_rng(8)

    def signs(b: NnBuilder, x: SSAValue, _: bool) -> SSAValue:
        value, size = maker.layer(b, x), 5
        for _ in range(2):
            factors = maker.constant(b, rng.normal(0, 1, 32))
            value = b.op(MulOp, [value, factors], value.type)
            value = b.op(AddOp, [value, maker.constant(b, rng.normal(0, 1, 32))], value.type)
            size -= 1
            value = b.op(
                MaxPool2DOp,
                [value],
                tensor(f32, 1, size, size - 1, 32),
                kernel=integers([2, 2]),
                strides=integers([1, 1]),
                padding=integers([0, 0, 0, 0]),
            )
        value = b.op(MulOp, [value, maker.constant(b, rng.normal(0, 1, 32))], value.type)
        return b.op(QuantizeOp, [value], tensor(BIN, *shape_of(value)))

    maker.signs = signs
    module = maker.module(pooled=True)
    copy = fused(module)
    assert layers(copy) == ["conv2d", "max_pool2d", "mul", "max_pool2d", "mul"]
    samples = maker.samples()
    (compiled,) = run_all([(copy, samples)], LOOPS)
    for sample, result in zip(samples, compiled, strict=True):
        expected = run(module, sample).outputs[0]
        np.testing.assert_array_equal(run(copy, sample).outputs[0], expected)
        np.testing.assert_array_equal(result.outputs[0], expected)


SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38, -3.4e38)


@pytest.mark.parametrize("shape", [(32,), (3, 32), (2, 3, 32), (1, 2, 3, 32)])
def test_floats_of_no_layer(shape: tuple[int, ...]) -> None:
    """Whether a sign changes at the same float, at its neighbours, and what no number is."""
    rng = np.random.default_rng(len(shape))
    factors = rng.normal(0, 1, 32).astype(np.float32)
    summands = np.round(rng.normal(0, 2, 32) * 2).astype(np.float32) / 2
    factors[5], summands[5] = 0, 1

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        value = b.op(MulOp, [args[0], b.constant(factors, f32)], args[0].type)
        value = b.op(AddOp, [value, b.constant(summands, f32)], args[0].type)
        return [b.op(QuantizeOp, [value], tensor(BIN, *shape))]

    module = network([tensor(f32, *shape)], build)
    copy = fused(module)
    assert layers(copy) in (["depthwise_conv2d"], ["reshape", "depthwise_conv2d", "reshape"])
    with np.errstate(divide="ignore"):
        places = -summands / factors
    samples = [np.broadcast_to(places, shape).astype(np.float32)]
    for toward in (np.inf, -np.inf):
        place = places
        for _ in range(3):
            place = np.nextafter(place, np.float32(toward))
            samples.append(np.broadcast_to(place, shape).astype(np.float32))
    samples.extend(np.full(shape, it, np.float32) for it in SPECIAL)
    (compiled,) = run_all([(copy, [[sample] for sample in samples])], LOOPS)
    for sample, result in zip(samples, compiled, strict=True):
        expected = run(module, [sample]).outputs[0]
        np.testing.assert_array_equal(run(copy, [sample]).outputs[0], expected)
        np.testing.assert_array_equal(result.outputs[0], expected)


def test_a_sign_that_changes_at_zero_is_the_sign() -> None:
    """What the converter of the Larq compute engine makes of a sign: that of a sign and a tenth."""

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        value = b.op(SignOp, [args[0]], args[0].type)
        value = b.op(AddOp, [value, b.constant(np.float32([0.1]), f32)], args[0].type)
        return [b.op(QuantizeOp, [value], tensor(BIN, len(SPECIAL)))]

    module = network([tensor(f32, len(SPECIAL))], build)
    copy = fused(module)
    assert layers(copy) == ["quantize"]
    sample = [np.array(SPECIAL, np.float32)]
    np.testing.assert_array_equal(run(copy, sample).outputs[0], run(module, sample).outputs[0])


@pytest.mark.parametrize("kind", ["dense", "conv", "depthwise", "transposed"])
def test_every_sum_and_its_neighbours(kind: str) -> None:
    """Summands at exactly minus a sum, and a unit in the last place beside."""
    maker = Maker(5, kind, "bin", "bin")
    maker.outputs = maker.channels = 32
    steps = np.arange(32) - 16.0

    def step(b: NnBuilder, value: SSAValue, kind: Attribute) -> SSAValue:
        toward = np.where(np.arange(32) % 3 == 0, np.inf, -np.inf)
        summands = np.where(np.arange(32) % 3 == 1, steps, np.nextafter(np.float32(steps), toward))
        return b.op(AddOp, [value, maker.constant(b, summands)], kind)

    maker.step = step
    module = maker.module(pooled=False)
    copy = fused(module)
    samples = maker.samples()
    (compiled,) = run_all([(copy, samples)], LOOPS)
    for sample, result in zip(samples, compiled, strict=True):
        expected = run(module, sample).outputs[0]
        np.testing.assert_array_equal(run(copy, sample).outputs[0], expected)
        np.testing.assert_array_equal(result.outputs[0], expected)
