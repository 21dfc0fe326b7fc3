"""
Our portable CMSIS-NN functions against numpy, over random parameters and the ends of their ranges.

Arrays end where accessible memory ends, and one of the two builds stops at undefined behaviour.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import cmsis_model as model
from support.arrays import integers
from support.c_library import VARIANTS, Pointers, ints, pointer, runtime
from support.cmsis_model import Window
from support.guarded import guarded

from nnc.dialects.nn import fixed_point, gemmlowp

Array = npt.NDArray[Any]
SUCCESS, ARGUMENT_ERROR = 0, -1
NO_SCRATCH = (ctypes.c_void_p * 2)()
S8, S16 = (-128, 127), (-32768, 32767)
CASES = 25


@pytest.fixture(params=list(VARIANTS))
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    return runtime(str(request.param))


class Draw:
    """Random parameters; a few of every kind lie at the ends of their range."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def one(self, low: int, high: int) -> int:
        return int(integers(self.generator, low, high, 1)[0])

    def chance(self, n: int) -> bool:
        return self.one(1, n) == 1

    def array(self, kind: type[np.signedinteger[Any]], shape: Sequence[int]) -> Array:
        info = np.iinfo(kind)
        if self.chance(8):
            constant = info.min if self.chance(2) else info.max
            return guarded(np.full(shape, constant, kind))
        return guarded(integers(self.generator, info.min, info.max, shape).astype(kind))

    def zero_point(self) -> int:
        return [-128, 127, 0, self.one(-128, 127)][self.one(0, 3)]

    def clamp(self, least: int, most: int) -> tuple[int, int]:
        if self.chance(2):
            return least, most
        low = self.one(least, most)
        return low, self.one(low, most)

    def scales(self, channels: int, terms: int, bits: int) -> tuple[Array, Array]:
        """Multipliers and shifts that bring sums of `terms` products of `bits` bits into range,
        more or less; some factors exceed 1, some are exactly one half."""
        large = bits + terms.bit_length() // 2
        common = self.one(-large, 2)
        multiplier = integers(self.generator, 1 << 30, (1 << 31) - 1, channels).astype(np.int32)
        if self.chance(6):
            multiplier[:] = 1 << 30
        if self.chance(10):
            multiplier[:] = 0
        shift = common + integers(self.generator, -1, 1, channels)
        return guarded(multiplier), guarded(np.minimum(shift, 7).astype(np.int32))

    def window(self, dilated: bool) -> tuple[Window, tuple[int, int]]:
        """A window, and an image that it fits; paddings may exceed the kernel."""
        axes = [self._axis(dilated) for _ in range(2)]
        kernel, stride, dilation, padding, output, extent = (
            (axes[0][i], axes[1][i]) for i in range(6)
        )
        return Window(kernel, stride, dilation, padding, output), extent

    def _axis(self, dilated: bool) -> tuple[int, int, int, int, int, int]:
        kernel, stride = self.one(1, 4), self.one(1, 3)
        dilation = self.one(1, 3) if dilated else 1
        padding, extent = self.one(0, 3 if self.chance(4) else 1), self.one(1, 8)
        reach = (kernel - 1) * dilation + 1
        outputs = max(1, (extent + padding + self.one(0, 2) - reach) // stride + 1)
        return kernel, stride, dilation, padding, outputs, extent


def guarded_zeros(kind: type[np.signedinteger[Any]], shape: Sequence[int]) -> Array:
    return guarded(np.zeros(shape, kind))


def tile(pair: tuple[int, int]) -> tuple[int, int]:
    """`cmsis_nn_tile` has the width first."""
    return pair[1], pair[0]


def per_channel(scales: tuple[Array, Array]) -> Pointers:
    return Pointers(scales[0].ctypes.data, scales[1].ctypes.data)


@dataclass(frozen=True)
class Layer:
    """A drawn convolution: everything but its filter."""

    window: Window
    image: Array
    zero_point: int
    scales: tuple[Array, Array]
    offset: int
    clamp: tuple[int, int]

    def parameters(self, multiple: int | None = None) -> ctypes.Array[ctypes.c_int32]:
        """`cmsis_nn_conv_params`, or `cmsis_nn_dw_conv_params` with a channel multiplier."""
        w = self.window
        middle = () if multiple is None else (multiple,)
        tiles = (*tile(w.stride), *tile(w.padding), *tile(w.dilation))
        return ints(-self.zero_point, self.offset, *middle, *tiles, *self.clamp)

    @property
    def centred(self) -> Array:
        return self.image.astype(np.int64) - self.zero_point


def draw_layer(draw: Draw, wide: bool, depth: int, outputs: int, dilated: bool) -> Layer:
    window, extent = draw.window(dilated)
    terms = window.kernel[0] * window.kernel[1] * depth
    return Layer(
        window,
        draw.array(np.int16 if wide else np.int8, (draw.one(1, 2), *extent, depth)),
        0 if wide else draw.zero_point(),
        draw.scales(outputs, terms, 15 if wide else 8),
        0 if wide else draw.zero_point(),
        draw.clamp(*(S16 if wide else S8)),
    )


def bias_for(draw: Draw, kind: type[np.signedinteger[Any]], channels: int) -> Array | None:
    if draw.chance(4):
        return None
    return guarded(integers(draw.generator, -50000, 50000, channels).astype(kind))


def plus(sums: Array, bias: Array | None) -> Array:
    return sums if bias is None else sums + bias


@pytest.mark.parametrize("seed", range(CASES))
def test_convolve_s8(library: ctypes.CDLL, seed: int) -> None:
    draw = Draw(seed)
    groups = 1 if draw.chance(2) else draw.one(2, 3)
    depth, per_group = draw.one(1, 9), draw.one(1, 9)
    outputs = groups * per_group
    layer = draw_layer(draw, False, groups * depth, outputs, draw.chance(3))
    filters = draw.array(np.int8, (outputs, *layer.window.kernel, depth))
    bias = bias_for(draw, np.int32, outputs)
    shape = layer.image.shape[0], *layer.window.output, outputs
    found = guarded_zeros(np.int8, shape)
    status = library.nnc_cmsis_convolve_wrapper_s8(
        NO_SCRATCH,
        layer.parameters(),
        ctypes.byref(per_channel(layer.scales)),
        ints(*layer.image.shape),
        pointer(layer.image),
        ints(*filters.shape),
        pointer(filters),
        ints(1, 1, 1, outputs),
        pointer(bias),
        ints(*shape),
        pointer(found),
    )
    sums = plus(model.convolve(layer.centred, filters, layer.window, groups), bias)
    expected = model.output_s8(sums, *layer.scales, layer.offset, layer.clamp)
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("bias_bits", [32, 64])
def test_convolve_s16(library: ctypes.CDLL, seed: int, bias_bits: int) -> None:
    draw = Draw(1000 + seed)
    depth, outputs = draw.one(1, 9), draw.one(1, 9)
    layer = draw_layer(draw, True, depth, outputs, draw.chance(3))
    filters = draw.array(np.int8, (outputs, *layer.window.kernel, depth))
    bias = bias_for(draw, np.int32 if bias_bits == 32 else np.int64, outputs)
    shape = layer.image.shape[0], *layer.window.output, outputs
    found = guarded_zeros(np.int16, shape)
    bias_data = (ctypes.c_uint64 * 2)(0 if bias is None else bias.ctypes.data, bias_bits == 32)
    status = library.nnc_cmsis_convolve_wrapper_s16(
        NO_SCRATCH,
        layer.parameters(),
        ctypes.byref(per_channel(layer.scales)),
        ints(*layer.image.shape),
        pointer(layer.image),
        ints(*filters.shape),
        pointer(filters),
        ints(1, 1, 1, outputs),
        bias_data,
        ints(*shape),
        pointer(found),
    )
    sums = plus(model.convolve(layer.centred, filters, layer.window, 1), bias)
    expected = (
        model.output_s8(sums, *layer.scales, 0, layer.clamp)
        if bias_bits == 32
        else model.output_s16(sums, *layer.scales, layer.clamp)
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("wide", [False, True])
def test_depthwise(library: ctypes.CDLL, seed: int, wide: bool) -> None:
    draw = Draw(2000 + seed)
    multiple = 1 if draw.chance(2) else draw.one(2, 4)
    depth = draw.one(1, 11)
    outputs = depth * multiple
    layer = draw_layer(draw, wide, depth, outputs, draw.chance(3))
    filters = draw.array(np.int8, (*layer.window.kernel, outputs))
    bias = bias_for(draw, np.int64 if wide else np.int32, outputs)
    shape = layer.image.shape[0], *layer.window.output, outputs
    found = guarded_zeros(np.int16 if wide else np.int8, shape)
    status = getattr(library, f"nnc_cmsis_depthwise_conv_wrapper_s{16 if wide else 8}")(
        NO_SCRATCH,
        layer.parameters(multiple),
        ctypes.byref(per_channel(layer.scales)),
        ints(*layer.image.shape),
        pointer(layer.image),
        ints(1, *filters.shape),
        pointer(filters),
        ints(1, 1, 1, outputs),
        pointer(bias),
        ints(*shape),
        pointer(found),
    )
    sums = plus(model.depthwise(layer.centred, filters, layer.window), bias)
    expected = (
        model.output_s16(sums, *layer.scales, layer.clamp)
        if wide
        else model.output_s8(sums, *layer.scales, layer.offset, layer.clamp)
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(CASES))
def test_transpose_convolve(library: ctypes.CDLL, seed: int) -> None:
    draw = Draw(3000 + seed)
    depth, outputs = draw.one(1, 9), draw.one(1, 9)
    kernel, stride = ((draw.one(1, high), draw.one(1, high)) for high in (5, 3))
    padding, output = (draw.one(0, 2), draw.one(0, 2)), (draw.one(1, 12), draw.one(1, 12))
    window = Window(kernel, stride, (1, 1), padding, output)
    image = draw.array(np.int8, (draw.one(1, 2), draw.one(1, 5), draw.one(1, 5), depth))
    filters = draw.array(np.int8, (outputs, *kernel, depth))
    zero_point, offset, clamp = draw.zero_point(), draw.zero_point(), draw.clamp(*S8)
    scales = draw.scales(outputs, depth * kernel[0] * kernel[1], 8)
    bias = bias_for(draw, np.int32, outputs)
    shape = image.shape[0], *output, outputs
    found = guarded_zeros(np.int8, shape)
    tiles = (*tile(stride), *tile(padding), 0, 0, 1, 1)
    status = library.nnc_cmsis_transpose_conv_wrapper_s8(
        NO_SCRATCH,
        NO_SCRATCH,
        ints(-zero_point, offset, *tiles, *clamp),
        ctypes.byref(per_channel(scales)),
        ints(*image.shape),
        pointer(image),
        ints(*filters.shape),
        pointer(filters),
        ints(1, 1, 1, outputs),
        pointer(bias),
        ints(*shape),
        pointer(found),
    )
    centred = image.astype(np.int64) - zero_point
    sums = plus(model.transpose_convolve(centred, filters, window), bias)
    assert status == SUCCESS
    np.testing.assert_array_equal(found, model.output_s8(sums, *scales, offset, clamp))


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("function", ["", "_per_channel", "_wrapper"])
def test_fully_connected_s8(library: ctypes.CDLL, seed: int, function: str) -> None:
    draw = Draw(4000 + seed)
    batches, depth, outputs = draw.one(1, 3), draw.one(1, 40), draw.one(1, 11)
    image, filters = draw.array(np.int8, (batches, depth)), draw.array(np.int8, (outputs, depth))
    zero_point, offset, clamp = draw.zero_point(), draw.zero_point(), draw.clamp(*S8)
    filter_offset = -draw.zero_point() if draw.chance(2) else 0
    many = function == "_per_channel" or (function == "_wrapper" and draw.chance(2))
    scales = draw.scales(outputs if many else 1, depth, 8)
    quant: Any = ctypes.byref(per_channel(scales))
    if function == "":
        quant = ints(int(scales[0][0]), int(scales[1][0]))
    elif function == "_wrapper":
        quant = (ctypes.c_uint64 * 3)(scales[0].ctypes.data, scales[1].ctypes.data, many)
    bias = bias_for(draw, np.int32, outputs)
    found = guarded_zeros(np.int8, (batches, outputs))
    status = getattr(library, f"nnc_cmsis_fully_connected{function}_s8")(
        NO_SCRATCH,
        ints(-zero_point, filter_offset, offset, *clamp),
        quant,
        ints(batches, 1, 1, depth),
        pointer(image),
        ints(depth, 1, 1, outputs),
        pointer(filters),
        ints(1, 1, 1, outputs),
        pointer(bias),
        ints(batches, 1, 1, outputs),
        pointer(found),
    )
    centred = image.astype(np.int64) - zero_point
    sums = plus(centred @ (filters.astype(np.int64) + filter_offset).T, bias)
    assert status == SUCCESS
    np.testing.assert_array_equal(found, model.output_s8(sums, *scales, offset, clamp))


@pytest.mark.parametrize("seed", range(CASES))
def test_fully_connected_s16(library: ctypes.CDLL, seed: int) -> None:
    draw = Draw(5000 + seed)
    batches, depth, outputs = draw.one(1, 3), draw.one(1, 40), draw.one(1, 11)
    image, filters = draw.array(np.int16, (batches, depth)), draw.array(np.int8, (outputs, depth))
    clamp, scales = draw.clamp(*S16), draw.scales(1, depth, 15)
    bias = bias_for(draw, np.int64, outputs)
    found = guarded_zeros(np.int16, (batches, outputs))
    status = library.nnc_cmsis_fully_connected_s16(
        NO_SCRATCH,
        ints(0, 0, 0, *clamp),
        ints(int(scales[0][0]), int(scales[1][0])),
        ints(batches, 1, 1, depth),
        pointer(image),
        ints(depth, 1, 1, outputs),
        pointer(filters),
        ints(1, 1, 1, outputs),
        pointer(bias),
        ints(batches, 1, 1, outputs),
        pointer(found),
    )
    sums = plus(image.astype(np.int64) @ filters.astype(np.int64).T, bias)
    assert status == SUCCESS
    np.testing.assert_array_equal(found, model.output_s16(sums, *scales, clamp))


def test_vector_sum(library: ctypes.CDLL) -> None:
    draw = Draw(6)
    vectors, bias = draw.array(np.int8, (7, 30)), bias_for(draw, np.int32, 7)
    for left, right, start in ((5, 0, bias), (-127, 128, bias), (3, -4, None), (0, 9, bias)):
        found = guarded_zeros(np.int32, (7,))
        function = library.nnc_cmsis_vector_sum_s8
        assert function(pointer(found), 30, 7, pointer(vectors), left, right, pointer(start)) == 0
        sums = (vectors.astype(np.int64) + right).sum(axis=1) * left
        np.testing.assert_array_equal(found, plus(sums, start))


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("function", ["avgpool_s8", "avgpool_s16", "max_pool_s8", "max_pool_s16"])
def test_pool(library: ctypes.CDLL, seed: int, function: str) -> None:
    draw = Draw(7000 + seed)
    wide = function.endswith("16")
    window, extent = draw.window(False)
    image = draw.array(np.int16 if wide else np.int8, (draw.one(1, 2), *extent, draw.one(1, 9)))
    clamp = draw.clamp(*(S16 if wide else S8))
    shape = image.shape[0], *window.output, image.shape[3]
    found = guarded_zeros(np.int16 if wide else np.int8, shape)
    status = getattr(library, f"nnc_cmsis_{function}")(
        NO_SCRATCH,
        ints(*tile(window.stride), *tile(window.padding), *clamp),
        ints(*image.shape),
        pointer(image),
        ints(1, *window.kernel, 1),
        ints(*shape),
        pointer(found),
    )
    if not window.patches(np.ones_like(image), 0).any(axis=(3, 4)).all():
        assert status == ARGUMENT_ERROR
        return
    pool = model.average_pool if function.startswith("avg") else model.max_pool
    assert status == SUCCESS
    np.testing.assert_array_equal(found, np.clip(pool(image, window), *clamp))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("bits", [8, 16])
def test_softmax_s8(library: ctypes.CDLL, seed: int, bits: int) -> None:
    draw = Draw(8000 + seed)
    rows = draw.array(np.int8, (draw.one(1, 4), draw.one(1, 60)))
    scale = float(np.exp2(draw.generator.uniform(-10, 2)))
    multiplier, shift, diff_min = gemmlowp.softmax_scaling(scale, 1.0)
    found = guarded_zeros(np.int8 if bits == 8 else np.int16, rows.shape)
    function = library.nnc_cmsis_softmax_s8 if bits == 8 else library.nnc_cmsis_softmax_s8_s16
    function(pointer(rows), *rows.shape, multiplier, shift, diff_min, pointer(found))
    least = -128 if bits == 8 else -32768
    expected = gemmlowp.softmax_int8(rows, scale, 1.0, storage_min=least, bits=bits)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [1, 2, 511])
def test_softmax_of_equal_inputs(library: ctypes.CDLL, size: int) -> None:
    rows = guarded(np.full((1, size), -128, np.int8))
    multiplier, shift, diff_min = gemmlowp.softmax_scaling(0.1, 1.0)
    found = guarded_zeros(np.int8, rows.shape)
    library.nnc_cmsis_softmax_s8(
        pointer(rows), 1, size, multiplier, shift, diff_min, pointer(found)
    )
    assert set(found[0].tolist()) == {min(127, round(256 / size) - 128)}


@pytest.mark.parametrize("seed", range(10))
def test_softmax_s16(library: ctypes.CDLL, seed: int) -> None:
    draw = Draw(9000 + seed)
    x = np.linspace(0, 1, 513)
    exponentials = guarded(np.rint(32767 * np.exp(10 * (x - 1))).astype(np.int16))
    reciprocals = guarded(np.rint(32767 / (1 + x)).astype(np.int16))
    rows = draw.array(np.int16, (draw.one(1, 3), draw.one(1, 40)))
    multiplier, shift = draw.one(1 << 30, (1 << 31) - 1), draw.one(-4, 3)
    found = guarded_zeros(np.int16, rows.shape)
    tables = Pointers(exponentials.ctypes.data, reciprocals.ctypes.data)
    function = library.nnc_cmsis_softmax_s16
    size = rows.shape
    arguments = (*size, multiplier, shift, ctypes.byref(tables), pointer(found))
    assert function(pointer(rows), *arguments) == SUCCESS
    expected = model.softmax_s16(rows, multiplier, shift, exponentials, reciprocals)
    np.testing.assert_array_equal(found, expected)
    nothing = ctypes.byref(Pointers())
    assert function(pointer(rows), *size, multiplier, shift, nothing, pointer(found)) < 0


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("wide", [False, True])
def test_add(library: ctypes.CDLL, seed: int, wide: bool) -> None:
    draw = Draw(10000 + seed)
    kind, size, left_shift = (np.int16, 33, 15) if wide else (np.int8, 33, 20)
    a, b = draw.array(kind, (size,)), draw.array(kind, (size,))
    offsets = [0, 0, 0] if wide else [-draw.zero_point(), -draw.zero_point(), draw.zero_point()]
    multipliers = [draw.one(1 << 30, (1 << 31) - 1) for _ in range(3)]
    shifts = [draw.one(-5, 0), draw.one(-5, 0), draw.one(-left_shift - 4, 1 - left_shift)]
    clamp = draw.clamp(*(S16 if wide else S8))
    found = guarded_zeros(kind, (size,))
    operands = [(offsets[i], multipliers[i], shifts[i]) for i in range(3)]
    status = getattr(library, f"nnc_cmsis_elementwise_add_s{16 if wide else 8}")(
        pointer(a),
        pointer(b),
        *operands[0],
        *operands[1],
        left_shift,
        pointer(found),
        *operands[2],
        *clamp,
        size,
    )
    scaled = [
        fixed_point.requantize_double(
            (x.astype(np.int64) + offsets[i]) << left_shift, multipliers[i], shifts[i]
        )
        for i, x in enumerate((a, b))
    ]
    total = fixed_point.requantize_double(scaled[0] + scaled[1], multipliers[2], shifts[2])
    assert status == SUCCESS
    np.testing.assert_array_equal(found, np.clip(total + offsets[2], *clamp))


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("wide", [False, True])
def test_mul(library: ctypes.CDLL, seed: int, wide: bool) -> None:
    draw = Draw(11000 + seed)
    kind, size = (np.int16, 33) if wide else (np.int8, 33)
    a, b = draw.array(kind, (size,)), draw.array(kind, (size,))
    offsets = [0, 0, 0] if wide else [-draw.zero_point(), -draw.zero_point(), draw.zero_point()]
    multiplier, shift = draw.one(1 << 30, (1 << 31) - 1), draw.one(-16, 2)
    clamp = draw.clamp(*(S16 if wide else S8))
    found = guarded_zeros(kind, (size,))
    status = getattr(library, f"nnc_cmsis_elementwise_mul_s{16 if wide else 8}")(
        pointer(a),
        pointer(b),
        offsets[0],
        offsets[1],
        pointer(found),
        offsets[2],
        multiplier,
        shift,
        *clamp,
        size,
    )
    product = (a.astype(np.int64) + offsets[0]) * (b.astype(np.int64) + offsets[1])
    total = fixed_point.requantize_double(product, multiplier, shift) + offsets[2]
    assert status == SUCCESS
    np.testing.assert_array_equal(found, np.clip(total, *clamp))


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_extremum(library: ctypes.CDLL, seed: int, name: str) -> None:
    draw = Draw(12000 + seed)
    shape = [draw.one(1, high) for high in (2, 4, 4, 9)]
    a = draw.array(np.int8, [1 if draw.chance(4) else extent for extent in shape])
    b = draw.array(np.int8, [1 if draw.chance(4) else extent for extent in shape])
    expected = getattr(np, name)(a, b)
    found = guarded_zeros(np.int8, expected.shape)
    status = getattr(library, f"nnc_cmsis_{name}_s8")(
        NO_SCRATCH,
        pointer(a),
        ints(*a.shape),
        pointer(b),
        ints(*b.shape),
        pointer(found),
        ints(*expected.shape),
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("wide", [False, True])
def test_svdf(library: ctypes.CDLL, seed: int, wide: bool) -> None:
    draw = Draw(13000 + seed)
    batches, features, rank, units, steps = (draw.one(1, high) for high in (2, 20, 3, 6, 8))
    filters = rank * units
    kind = np.int16 if wide else np.int8
    image, feature_weights = (
        draw.array(np.int8, (batches, features)),
        draw.array(np.int8, (filters, features)),
    )
    time_weights = draw.array(kind, (filters, steps))
    state = draw.array(kind, (batches, filters, steps))
    zero_point, offset = draw.zero_point(), draw.zero_point()
    clamps = draw.clamp(*(S16 if wide else S8)), draw.clamp(*S8)
    first, second = draw.scales(1, features, 8), draw.scales(1, rank * steps, 23 if wide else 15)
    bias = bias_for(draw, np.int32, units)
    expected_state = np.roll(state.astype(np.int64), -1, axis=2)
    sums = (image.astype(np.int64) - zero_point) @ feature_weights.astype(np.int64).T
    expected_state[:, :, -1] = model.output_s8(sums, *first, 0, clamps[0])
    products = (expected_state * time_weights).reshape(batches, units, rank * steps)
    expected = model.output_s8(plus(products.sum(axis=2), bias), *second, offset, clamps[1])
    found = guarded_zeros(np.int8, (batches, units))
    contexts = [NO_SCRATCH] * (2 if wide else 3)
    status = getattr(library, "nnc_cmsis_svdf_state_s16_s8" if wide else "nnc_cmsis_svdf_s8")(
        *contexts,
        ints(rank, zero_point, offset, *clamps[0], *clamps[1]),
        *(ints(int(scale[0][0]), int(scale[1][0])) for scale in (first, second)),
        ints(batches, features, 1, 1),
        pointer(image),
        ints(1, 1, 1, 1),
        pointer(state),
        ints(filters, 1, 1, features),
        pointer(feature_weights),
        ints(1, steps, 1, 1),
        pointer(time_weights),
        ints(1, 1, 1, units),
        pointer(bias),
        ints(batches, units, 1, 1),
        pointer(found),
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(state[:, :, -1], expected_state[:, :, -1])
    np.testing.assert_array_equal(state[:, :, :-1], expected_state[:, :, :-1])


@pytest.mark.parametrize("seed", range(CASES))
def test_transpose(library: ctypes.CDLL, seed: int) -> None:
    draw = Draw(14000 + seed)
    axes = draw.one(1, 4)
    image = draw.array(np.int8, [draw.one(1, 6) for _ in range(axes)])
    order = [int(axis) for axis in draw.generator.permutation(axes)]
    expected = image.transpose(order)
    found = guarded_zeros(np.int8, expected.shape)
    permutation = guarded(np.array(order, np.uint32))
    parameters = (ctypes.c_uint64 * 2)(axes, permutation.ctypes.data)
    padding = [1] * (4 - axes)
    status = library.nnc_cmsis_transpose_s8(
        pointer(image),
        pointer(found),
        ints(*image.shape, *padding),
        ints(*expected.shape, *padding),
        parameters,
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("order", [[0, 1, 2, 4], [0, 1, 2, 3, 4]])
def test_transpose_refuses(library: ctypes.CDLL, order: list[int]) -> None:
    permutation = np.array(order, np.uint32)
    parameters = (ctypes.c_uint64 * 2)(len(order), permutation.ctypes.data)
    image, shape = np.zeros(16, np.int8), ints(2, 2, 2, 2)
    function = library.nnc_cmsis_transpose_s8
    assert function(pointer(image), pointer(image), shape, shape, parameters) == ARGUMENT_ERROR


@pytest.mark.parametrize("seed", range(20))
def test_pad(library: ctypes.CDLL, seed: int) -> None:
    draw = Draw(15000 + seed)
    image = draw.array(np.int8, [draw.one(1, high) for high in (2, 4, 4, 5)])
    widths = [(draw.one(0, 2), draw.one(0, 2)) for _ in range(4)]
    value = draw.zero_point()
    expected = np.pad(image, widths, constant_values=value)
    found = guarded_zeros(np.int8, expected.shape)
    before, after = (ints(*(width[i] for width in widths)) for i in range(2))
    status = library.nnc_cmsis_pad_s8(
        pointer(image), pointer(found), value, ints(*image.shape), before, after
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(found, expected)


def test_groups_must_divide(library: ctypes.CDLL) -> None:
    layer = draw_layer(Draw(16), False, 5, 4, False)
    filters = np.zeros((4, *layer.window.kernel, 2), np.int8)
    quant, shape = per_channel(layer.scales), ints(1, *layer.window.output, 4)
    status = library.nnc_cmsis_convolve_wrapper_s8(
        NO_SCRATCH,
        layer.parameters(),
        ctypes.byref(quant),
        ints(*layer.image.shape),
        pointer(layer.image),
        ints(*filters.shape),
        pointer(filters),
        shape,
        None,
        shape,
        pointer(filters),
    )
    assert status == ARGUMENT_ERROR


def test_convolution_may_overwrite_its_past(library: ctypes.CDLL) -> None:
    """An output one pixel before its input never meets an input that is still needed."""
    draw = Draw(17)
    pixels, depth = 12, 6
    window = Window((1, 1), (1, 1), (1, 1), (0, 0), (3, 4))
    image = draw.array(np.int8, (1, 3, 4, depth))
    scales, filters = draw.scales(depth, depth, 8), draw.array(np.int8, (depth, 1, 1, depth))
    layer = Layer(window, image, -5, scales, 3, S8)
    expected = model.output_s8(
        model.convolve(layer.centred, filters, window, 1), *scales, layer.offset, layer.clamp
    )
    memory = guarded_zeros(np.int8, ((pixels + 1) * depth,))
    memory[depth:] = image.ravel()
    shape = ints(1, 3, 4, depth)
    status = library.nnc_cmsis_convolve_wrapper_s8(
        NO_SCRATCH,
        layer.parameters(),
        ctypes.byref(per_channel(scales)),
        shape,
        pointer(memory[depth:]),
        ints(*filters.shape),
        pointer(filters),
        ints(1, 1, 1, depth),
        None,
        shape,
        pointer(memory),
    )
    assert status == SUCCESS
    np.testing.assert_array_equal(memory[: pixels * depth], expected.ravel())


def test_pool_may_run_in_place(library: ctypes.CDLL) -> None:
    image = Draw(18).array(np.int8, (1, 6, 6, 5))
    window = Window((2, 2), (2, 2), (1, 1), (0, 0), (3, 3))
    expected = model.max_pool(image, window).ravel()
    parameters, shape = ints(2, 2, 0, 0, *S8), ints(*image.shape)
    arguments = shape, pointer(image), ints(1, 2, 2, 1), ints(1, 3, 3, 5), pointer(image)
    assert library.nnc_cmsis_max_pool_s8(NO_SCRATCH, parameters, *arguments) == SUCCESS
    np.testing.assert_array_equal(image.ravel()[: expected.size], expected)
