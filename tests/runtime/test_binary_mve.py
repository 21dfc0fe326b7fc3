"""
The rows for Helium: on an emulated Cortex-M55, in plain C on the host, and as the loops that they
say they stand for, random layers must be what the `nn` op is, bit for bit.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from support.arrays import integers as whole_numbers
from support.compiled import How, planned, run_all, run_on_core
from support.nn_networks import network, tensor
from support.random_layers import RandomLayers
from support.sample_network import needs_boards
from xdsl.dialects.builtin import ModuleOp, f32, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.boards import core
from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import NnOp, RoundingAttr
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp
from nnc.dialects.nn.interpreter import Run, run
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, Array, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import NnBuilder, integer, integers, real
from nnc.runtime import binary_dense_mve, binary_mve
from nnc.runtime.binary_mve import LONGEST_STEPS, passes
from nnc.runtime.registry import Target

M55 = "cortex-m55"
CALLS = How(kernels="portable", target=M55, sanitize=True)
EXPANDED = How(kernels="portable", target=M55, expand=True)
KERNELS = (*binary_mve.KERNELS, *binary_dense_mve.KERNELS)
ROWS = {row.name: row for row in KERNELS}
INT8 = UniformQuantizedType.per_tensor(i8, 0.5, 3)
CASES = {
    ("conv", "bin", "bin"): "nnc_bin_conv_mve_bin",
    ("conv", "bin", "i8"): "nnc_bin_conv_mve_s8",
    ("conv", "bin", "f32"): "nnc_bin_conv_mve_f32",
    ("conv", "i8", "bin"): "nnc_i8bin_conv_mve_bin",
    ("conv", "i8", "i8"): "nnc_i8bin_conv_mve_s8",
    ("conv", "i8", "f32"): "nnc_i8bin_conv_mve_f32",
    ("dense", "bin", "bin"): "nnc_bin_dense_mve_bin",
    ("dense", "bin", "i8"): "nnc_bin_dense_mve_s8",
    ("dense", "bin", "f32"): "nnc_bin_dense_mve_f32",
    ("dense", "i8", "bin"): "nnc_i8bin_dense_mve_bin",
    ("dense", "i8", "i8"): "nnc_i8bin_dense_mve_s8",
    ("dense", "i8", "f32"): "nnc_i8bin_dense_mve_f32",
}
"""The function for each layer and kind of input and output."""

COUNT = 8
"""Layers of each kind."""

Kinds = tuple[str, str, str]


class Layers(RandomLayers):
    """Layers with binary weights."""

    def convolution(self, source: str, output: str) -> None:
        """Adds one with a kind of input and of output."""
        kernel = self.pick((1, 1), (3, 3), (3, 3), (self.integer(1, 5), self.integer(1, 6)))
        strides = self.pick((1, 1), (1, 1), (2, 2), (self.integer(1, 3), self.integer(1, 3)))
        dilations = self.pick((1, 1), (1, 1), (1, 1), (2, 3))
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        border = self.pick(0, 1)
        pads = [border * (r // 2) for r in reach for _ in range(2)]
        pads[1] += self.pick(0, border)
        out = self.pick((4, 16), (8, 8), (self.integer(2, 9), self.integer(9, 21)))
        image = [
            max(1, (o - 1) * s + r - pads[2 * k] - pads[2 * k + 1])
            for k, (o, s, r) in enumerate(zip(out, strides, reach, strict=True))
        ]
        out = [
            (image[k] + pads[2 * k] + pads[2 * k + 1] - reach[k]) // strides[k] + 1 for k in (0, 1)
        ]
        depth = self.pick(32, 64, 3, self.integer(1, 140))
        outputs, batch = self.pick(32, 16, self.integer(1, 70)), self.pick(1, 1, 2)
        kind = BIN if source == "bin" else self.activations(i8)
        x = self.input(kind, (batch, *image, depth))
        w = self.constant(BIN, (outputs, *kernel, depth))
        properties: dict[str, Attribute | None] = {
            "strides": integers(strides),
            "dilations": integers(dilations),
            "padding": integers(pads),
            "pad_value": self.pick(None, integer(1), integer(-1)) if source == "bin" else None,
            "groups": integer(1),
        }
        result = (batch, *out, outputs)
        self.finished(Conv2DOp, x, w, output, result, **properties)

    def dense(self, source: str, output: str) -> None:
        """Adds a dense layer with a kind of input and of output."""
        rows, depth = self.pick(1, 1, 3), self.pick(8, 64, self.integer(1, 400))
        outputs = self.pick(128, 256, self.integer(32, 300))
        element = BIN if source == "bin" else self.activations(i8)
        x, w = self.input(element, (rows, depth)), self.constant(BIN, (outputs, depth))
        self.finished(DenseOp, x, w, output, (rows, outputs))

    def finished(
        self,
        kind: type[NnOp],
        x: SSAValue,
        w: SSAValue,
        output: str,
        shape: tuple[int, ...],
        **properties: Attribute | None,
    ) -> None:
        """Adds a layer with a bias, and what becomes of its sums."""
        terms, source = math.prod(shape_of(w)[1:]), quantization_of(x)
        bias = self.offset(terms if source is None else 5000 * terms, shape[-1])
        element: Attribute = BIN if output == "bin" else f32
        if output == "i8":
            scale = math.sqrt(terms) / 50 * self.random.uniform(0.3, 3)
            scale *= 1 if source is None else 90 * source.scale
            element = self.activations(i8, float(np.float32(scale)))
            rounding = self.pick(Rounding.DOUBLE, Rounding.SINGLE, Rounding.F64)
            properties |= {"rounding": RoundingAttr(rounding), **self.bounds(element)}
        elif output == "f32" and self.chance(0.5):
            properties |= {"min": real(-terms / 9), "max": real(terms / 7)}
        self.layer(kind, [x, w, bias], tensor(element, *shape), **properties)

    def far_apart(self) -> None:
        """Adds one of more bytes than the offsets of a vector reach."""
        x, w = self.input(INT8, (1, 9, 37, 200)), self.constant(BIN, (5, 3, 3, 200))
        window: dict[str, Attribute] = {
            "strides": integers([1, 2]),
            "dilations": integers([1, 1]),
            "padding": integers([1, 1, 1, 1]),
            "groups": integer(1),
        }
        result = tensor(f32, 1, 9, 19, 5)
        self.layer(Conv2DOp, [x, w, None], result, **window)

    def offset(self, terms: int, outputs: int) -> SSAValue | None:
        """A bias as large as the sums, or for some channels beyond all of them, or none."""
        if self.chance(0.3):
            return None
        values = whole_numbers(self.numbers, -2 * int(math.sqrt(terms)), terms, outputs)
        if self.chance(0.3):
            values[::3] *= 1_000_000
        return self.builder.constant(values.astype(np.int32), i32)


@functools.cache
def case(kinds: Kinds) -> tuple[ModuleOp, list[list[Array]]]:
    net = Layers(list(CASES).index(kinds))
    layer, source, output = kinds
    for _ in range(COUNT):
        if layer == "dense":
            net.dense(source, output)
        else:
            net.convolution(source, output)
    if kinds == ("conv", "i8", "i8"):
        net.far_apart()
    return net.finish(), net.samples(2)


@functools.cache
def expected(kinds: Kinds) -> list[Run]:
    module, samples = case(kinds)
    return [run(module, sample) for sample in samples]


def check(kinds: Kinds, found: Sequence[Run]) -> None:
    for want, have in zip(expected(kinds), found, strict=True):
        for number, (a, b) in enumerate(zip(want.outputs, have.outputs, strict=True)):
            np.testing.assert_array_equal(b, a, err_msg=f"layer {number}")


@pytest.mark.parametrize("how", [CALLS, EXPANDED], ids=["calls", "expanded"])
def test_host(how: How) -> None:
    for kinds, found in zip(CASES, run_all([case(it) for it in CASES], how), strict=True):
        check(kinds, found)


@needs_boards
@pytest.mark.parametrize("kinds", CASES)
def test_on_core(kinds: Kinds) -> None:
    module, samples = case(kinds)
    how = How(kernels="portable", target=M55)
    check(kinds, run_on_core(module, samples, M55, how, hook=False)[0])


@pytest.mark.parametrize("kinds", CASES)
def test_called(kinds: Kinds) -> None:
    calls = [op for op in planned(case(kinds)[0], CALLS).walk() if isinstance(op, CallOp)]
    assert Counter(call.callee.data for call in calls)[CASES[kinds]] >= COUNT - 1


@pytest.mark.parametrize("kinds", CASES)
def test_not_without_helium(kinds: Kinds) -> None:
    module, _ = case(kinds)
    for op in (op for op in module.walk() if isinstance(op, Conv2DOp | DenseOp)):
        assert [row.legal(op, Target(core("cortex-m4"))) for row in KERNELS] == [""] * len(KERNELS)


@pytest.mark.parametrize("width", range(1, 9))
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2), (5, 1)])
@pytest.mark.parametrize("words", [1, 2, 5])
def test_passes(width: int, stride: int, dilation: int, words: int) -> None:
    """Every weight passes once, by the words of the pixels that it is for."""
    seen: list[tuple[int, int]] = []
    for one in passes(width, stride, dilation, words):
        assert 1 <= len(one.steps) <= LONGEST_STEPS
        assert len(one.numbers()) == 16
        columns = [column for half in one.halves for column in half.columns]
        for step in one.steps:
            wanted = [step.kx * dilation + pixel * stride for pixel in range(4)]
            assert columns[step.place : step.place + 4] == wanted
            for word in (step.place, step.place + 3):
                assert one.halves[word // 4].word == step.word
            seen.append((step.kx, step.word))
    assert sorted(seen) == [(kx, word) for kx in range(width) for word in range(words)]


def test_columns_share_words() -> None:
    assert [one.numbers()[:5] for one in passes(3, 1, 1, 1)] == [[3, 0, 4, 8, 2]]
    assert [one.numbers()[:7] for one in passes(1, 1, 1, 3)] == [
        *([2, 0, 16, 0, 2, 0, 1], [1, 0, 0, 0, 1, 2, 0]),
    ]


def conv(
    output: Attribute,
    *,
    source: Attribute = BIN,
    image: tuple[int, int, int] = (4, 16, 8),
    kernel: tuple[int, int] = (1, 1),
    bias: int = 0,
    **properties: Attribute,
) -> Conv2DOp:
    """A layer of 8 output channels, without a border."""
    groups = properties.pop("groups", integer(1))
    spatial = image[0] - kernel[0] + 1, image[1] - kernel[1] + 1

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        depth = image[2] // int(str(groups).split()[0])
        w = b.constant(np.zeros((8, *kernel, depth), np.bool_), BIN)
        kind = i64 if bias < 0 else i32
        values = b.constant(np.full(8, abs(bias), np.int64 if bias < 0 else np.int32), kind)
        window: dict[str, Attribute] = {
            "strides": integers([1, 1]),
            "dilations": integers([1, 1]),
            "padding": integers([0, 0, 0, 0]),
            "groups": groups,
        }
        result = tensor(output, 1, *spatial, 8)
        return [b.op(Conv2DOp, [args[0], w, values], result, **window, **properties)]

    module = network([tensor(source, 1, *image)], build)
    (op,) = (op for op in module.walk() if isinstance(op, Conv2DOp))
    return op


def dense(outputs: int) -> DenseOp:
    """A layer of so many outputs."""

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        w = b.constant(np.zeros((outputs, 40), np.bool_), BIN)
        return [b.op(DenseOp, [args[0], w, None], tensor(BIN, 1, outputs))]

    module = network([tensor(BIN, 1, 40)], build)
    (op,) = (op for op in module.walk() if isinstance(op, DenseOp))
    return op


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (lambda: conv(BIN), None),
        (lambda: conv(BIN, groups=integer(2)), "it has 2 groups"),
        (lambda: dense(31), "it has only 31 outputs"),
        (lambda: dense(32), None),
        (lambda: conv(BIN, bias=-1), "its accumulator is i64, not i32"),
        (lambda: conv(BIN, image=(1, 20, 8)), "it has too few pixels: 5 strips, a tile takes 16"),
        (lambda: conv(BIN, image=(4, 16, 16383), bias=1), None),
        (
            lambda: conv(BIN, image=(4, 16, 16384), bias=1),
            "it sums up to 16384 products, more than 16383",
        ),
        (lambda: conv(BIN, image=(4, 16, 32767)), None),
        (
            lambda: conv(BIN, image=(4, 16, 32768)),
            "it sums up to 32768 products, more than 32767",
        ),
        (lambda: conv(f32, image=(4, 16, 32767), bias=9), None),
        (lambda: conv(BIN, max=real(1)), "its output is clamped"),
        (lambda: conv(BIN, source=INT8, image=(4, 16, 4095)), None),
        (
            lambda: conv(BIN, source=INT8, image=(4, 1, 1)),
            "it has too few pixels: 1 strips, a tile takes 8",
        ),
        (
            lambda: conv(BIN, source=INT8, image=(2, 9000, 8)),
            "a row of its input is longer than 65535 bytes",
        ),
        (
            lambda: conv(BIN, source=INT8, image=(4, 16, 16), bias=2**31 - 1),
            "its sums may leave 32 bits",
        ),
    ],
)
def test_legal(op: Callable[[], NnOp], reason: str | None) -> None:
    answers = [row.legal(op(), Target(core(M55))) for row in KERNELS]
    assert [answer for answer in answers if answer != ""] == [reason]


def test_what_is_not_known_is_refused() -> None:
    op = conv(BIN)
    op.properties["surprise"] = integer(1)
    assert ROWS["nnc_bin_conv_mve_bin"].legal(op, Target(core(M55))) == "it has surprise"
