"""Rewrites of operators that resize images."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, f32, i64
from xdsl.ir import SSAValue

from nnc.dialects.nn import resize
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import movement as source
from nnc.dialects.types import Array, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.tfl.lowering import (
    Lowering,
    is_float,
    is_quantized,
    rewrite,
)
from nnc.passes.tfl.slicing import moved


def _sizes(op: source.ResizeBilinearOp | source.ResizeNearestNeighborOp, to: Lowering) -> list[int]:
    sizes = to.known_ints(to.value(op.size), "the size")
    if len(sizes) != 2 or min(sizes) < 1:
        raise UnsupportedError(f"expected a height and a width, got {sizes}")
    if op.align_corners.value.data and op.half_pixel_centers.value.data:
        raise UnsupportedError("expected align_corners or half_pixel_centers, got both")
    return sizes


def _geometry(op: source.ResizeBilinearOp | source.ResizeNearestNeighborOp) -> tuple[bool, bool]:
    """Whether corners are aligned, and whether pixels have their centre in the middle."""
    return bool(op.align_corners.value.data), bool(op.half_pixel_centers.value.data)


@rewrite(source.ResizeNearestNeighborOp)
def _resize_nearest(op: source.ResizeNearestNeighborOp, to: Lowering) -> SSAValue:
    input, sizes = to.value(op.input), _sizes(op, to)
    batch, height, width, channels = shape_of(input)
    result = to.result(op.output, [batch, *sizes, channels])
    rows, columns = (
        _nearest(extent, size, *_geometry(op))
        for extent, size in zip((height, width), sizes, strict=True)
    )
    value = moved(to, input, result)
    return to.op(
        resize.ResizeNearestOp, [value], result, rows=integers(rows), columns=integers(columns)
    )


def _nearest(extent: int, size: int, align_corners: bool, half_pixel: bool) -> list[int]:
    """Source: `GetNearestNeighbor` in TFLite's `reference/resize_nearest_neighbor.h`."""
    stretched = align_corners and size > 1
    scale = (
        np.float32(extent - 1) / np.float32(size - 1)
        if stretched
        else np.float32(extent) / np.float32(size)
    )
    places = (np.arange(size).astype(np.float32) + np.float32(0.5 if half_pixel else 0)) * scale
    whole = np.floor(places + np.float32(0.5)) if align_corners else np.floor(places)
    return [int(place) for place in np.clip(whole, 0, extent - 1)]


@rewrite(source.ResizeBilinearOp)
def _resize_bilinear(op: source.ResizeBilinearOp, to: Lowering) -> SSAValue:
    input, sizes = to.value(op.input), _sizes(op, to)
    batch, height, width, channels = shape_of(input)
    result = to.result(op.output, [batch, *sizes, channels])
    value = moved(to, input, result)
    element = result.element_type
    whole = isinstance(element, UniformQuantizedType) and element.is_signed
    if not whole and not is_float(value) and not is_quantized(value):
        raise UnsupportedError(f"expected float or quantised images, got {element}")
    place = _bilinear_integers if whole else _bilinear_floats
    rows, columns = (
        _positions(place(extent, size, *_geometry(op)))
        for extent, size in zip((height, width), sizes, strict=True)
    )
    return to.op(resize.ResizeBilinearOp, [value], result, rows=rows, columns=columns)


def _positions(values: Array) -> DenseArrayBase:
    if values.dtype == np.float32:
        return DenseArrayBase.from_list(f32, [float(value) for value in values])
    return DenseArrayBase.from_list(i64, [int(value) for value in values])


def _bilinear_floats(extent: int, size: int, align_corners: bool, half_pixel: bool) -> Array:
    """Source: `ComputeInterpolationValues` in TFLite's `reference/resize_bilinear.h`."""
    scale = np.float32(extent) / np.float32(size)
    if align_corners and size > 1:
        scale = np.float32(extent - 1) / np.float32(size - 1)
    places = np.arange(size).astype(np.float32)
    half = np.float32(0.5)
    return (places + half) * scale - half if half_pixel else places * scale


def _bilinear_integers(extent: int, size: int, align_corners: bool, half_pixel: bool) -> Array:
    """Source: `ComputeInterpolationValuesInteger` in TFLite's `reference/resize_bilinear.h`."""
    scale = (1024 * extent + size // 2) // size
    if align_corners and size > 1:
        scale = (1024 * (extent - 1) + (size - 1) // 2) // (size - 1)
    offset = scale // 2 - 512 if half_pixel else 0
    return np.arange(size) * scale + offset
