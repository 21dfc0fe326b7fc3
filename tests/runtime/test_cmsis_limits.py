"""The cases that CMSIS-NN was seen to refuse or to get wrong, and their neighbours."""

from __future__ import annotations

from dataclasses import replace

from nnc.boards import core
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_buffer_sizes import Geometry

HELIUM, DSP, PLAIN = core("cortex-m55"), core("cortex-m4"), core("cortex-m3")


def row(width: int, kernel: int, stride: int, pixels: int, padding: int) -> str | None:
    """A convolution of one row of 12 channels on Helium."""
    shapes = (1, 1, width, 12), (2, 1, kernel, 12), (1, 1, pixels, 2)
    layer = Geometry(*shapes, (1, stride), padding=(0, 0, padding, padding))
    return limits.convolve_wrapper_s8(HELIUM, layer)


def test_rows() -> None:
    assert row(18, 3, 4, 4, 0) is not None
    assert row(12, 3, 2, 5, 0) is not None
    assert row(12, 5, 2, 6, 1) is not None
    assert row(12, 3, 1, 10, 0) is None
    assert row(12, 3, 2, 6, 0) is None
    assert row(12, 5, 1, 12, 2) is None


def test_rows_as_columns() -> None:
    """What is wrong for a row is right for the column with the same memory."""
    layer = Geometry((1, 1, 18, 12), (2, 1, 3, 12), (1, 1, 4, 2), (1, 4))
    assert limits.convolve_wrapper_s8(HELIUM, layer) is not None
    assert limits.convolve_wrapper_s8(HELIUM, layer.transposed()) is None
    assert limits.convolve_wrapper_s8(DSP, layer) is None
    assert layer.transposed().transposed() == layer


def test_windows_beside_the_input() -> None:
    layer = Geometry((1, 5, 5, 4), (1, 3, 3, 4), (1, 5, 5, 4), padding=(1, 1, 1, 1))
    assert limits.outside(layer) is None
    assert limits.outside(replace(layer, output=(1, 6, 5, 4))) is None
    assert limits.outside(replace(layer, output=(1, 7, 5, 4))) is not None
    assert limits.outside(replace(layer, output=(1, 5, 7, 4))) is not None
    assert limits.outside(replace(layer, padding=(3, 0, 0, 0))) is not None
    assert limits.pool(replace(layer, padding=(0, 0, 3, 0)), 8) is not None


def test_depthwise_3x3() -> None:
    """The kernel for it cannot do with one column inside, but for Helium there is none."""
    layer = Geometry((1, 8, 5, 4), (1, 3, 3, 4), (1, 8, 6, 4), padding=(1, 1, 1, 2))
    assert limits.depthwise_conv_wrapper_s8(DSP, layer) is not None
    assert limits.depthwise_conv_wrapper_s8(PLAIN, layer) is not None
    assert limits.depthwise_conv_wrapper_s8(HELIUM, layer) is None
    assert limits.depthwise_conv_wrapper_s8(DSP, replace(layer, output=(1, 8, 5, 4))) is None
    assert limits.depthwise_conv_wrapper_s8(DSP, replace(layer, dilations=(1, 2))) is None


def test_sums_of_16_bits() -> None:
    """512 weights of -128 and inputs of -32768 are one too much for 32 bits."""
    layer = Geometry((1, 4, 4, 513), (2, 1, 1, 513), (1, 4, 4, 2))
    assert limits.convolve_wrapper_s16(DSP, layer, 512 * 128, 64) is not None
    assert limits.convolve_wrapper_s16(DSP, layer, 512 * 128 - 1, 64) is None
    assert limits.convolve_wrapper_s16(DSP, layer, 512 * 128, 32) is None
    odd = replace(layer, weights=(3, 1, 1, 513), output=(1, 4, 4, 3))
    assert limits.convolve_wrapper_s16(DSP, odd, 100, 64) is not None
    assert limits.convolve_wrapper_s16(DSP, odd, 100, 32) is None
    assert limits.convolve_wrapper_s16(HELIUM, odd, 100, 64) is None
    assert limits.convolve_wrapper_s16(PLAIN, odd, 100, 64) is None
    grouped = replace(layer, weights=(2, 1, 1, 171))
    assert limits.convolve_wrapper_s16(DSP, grouped, 100, 32) is not None
    depthwise = replace(layer, weights=(1, 1, 1, 513), output=(1, 4, 4, 513))
    assert limits.depthwise_conv_wrapper_s16(DSP, depthwise, 512 * 128) is not None
    assert limits.depthwise_conv_wrapper_s16(PLAIN, depthwise, 512 * 128) is None
    assert limits.fully_connected_s16(DSP, 512 * 128) is not None
    assert limits.fully_connected_s16(PLAIN, 512 * 128) is None


def test_results_of_16_bits() -> None:
    """Twice a result must fit 32 bits."""
    assert limits.requantize_s64((1 << 30) - 1, 1 << 14, 1) is None
    assert limits.requantize_s64(1 << 30, 1 << 14, 1) is not None
    assert limits.requantize_s64(1, 1 << 14, 14) is None
    assert limits.requantize_s64(1, 1 << 14, 15) is not None


def transposed(extent: int, kernel: int, stride: int, output: int, padding: int) -> str | None:
    """A transposed convolution of a square."""
    shapes = (1, extent, extent, 4), (3, kernel, kernel, 4), (1, output, output, 3)
    layer = Geometry(*shapes, (stride, stride), padding=(padding,) * 4)
    return limits.transpose_conv_wrapper_s8(layer)


def test_transposed_convolutions() -> None:
    assert transposed(1, 5, 1, 1, 2) is not None
    assert transposed(3, 3, 2, 6, 0) is None
    assert transposed(3, 3, 2, 7, 0) is None
    assert transposed(3, 3, 2, 8, 0) is not None
    assert transposed(3, 1, 2, 5, 0) is not None
    assert transposed(3, 4, 2, 6, 1) is None


def test_movement() -> None:
    assert limits.transpose_s8(HELIUM, (2, 3, 4, 5), (0, 1, 2, 3)) is not None
    assert limits.transpose_s8(DSP, (2, 3), (0, 1)) is not None
    assert limits.transpose_s8(DSP, (2, 3, 4, 5), (0, 1, 2, 3)) is None
    assert limits.transpose_s8(DSP, (2, 3, 4, 5), (0, 1, 3, 2)) is None
    assert limits.transpose_s8(DSP, (2, 10000), (1, 0)) is None
    assert limits.transpose_s8(HELIUM, (2, 10000), (1, 0)) is not None
    assert limits.transpose_s8(HELIUM, (10000, 2), (1, 0)) is None


def test_the_rest() -> None:
    assert limits.fully_connected_per_channel_s8(HELIUM, 3) is not None
    assert limits.fully_connected_per_channel_s8(DSP, 3) is None
    assert limits.extremum_s8((1, 5, 4, 9), (1, 5, 1, 1)) is not None
    assert limits.extremum_s8((1, 5, 4, 9), (1, 1, 1, 1)) is None
    assert limits.extremum_s8((5, 1, 4, 9), (1, 1, 4, 1)) is None
    assert limits.softmax(512) is not None and limits.softmax(511) is None
    assert limits.elementwise_add_s8(PLAIN, 8) is None
    assert limits.elementwise_add_s8(DSP, 8) is not None
    assert limits.elementwise_add_s8(HELIUM, 8) is None
    assert limits.elementwise_add_s8(DSP, 16) is None
