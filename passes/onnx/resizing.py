"""
Rewrites of Resize and Upsample.

Nearest neighbours of images are rows and columns by number. Everything else is linear along each
axis: a product with a matrix of weights, which is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import DenseArrayBase, TensorType, f32, i1
from xdsl.ir import SSAValue

from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.resize import ResizeBilinearOp, ResizeNearestOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.onnx.common import check_elements, check_type, scalar, selected
from nnc.passes.onnx.indexing import gathered
from nnc.passes.onnx.lowering import Lowering, Node, axis_of, rewrite

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Axis:
    """An axis to be resized: its extents, the scale, and the region of interest."""

    number: int
    before: int
    after: int
    scale: float
    start: float = 0.0
    end: float = 1.0


@rewrite("Upsample")
def _upsample(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    scales = node.floats("scales")
    if scales is None:
        scales = [float(it) for it in to.known(node.value(1), "its scales").ravel()]
    axes = _axes(shape, range(len(shape)), scales, None)
    mode = node.string("mode", "nearest")
    return _resized(node, to, mode, "asymmetric", "floor", axes)


@rewrite("Resize")
def _resize(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    check_elements(shape)
    if node.since == 10:
        scales = [float(it) for it in to.known(node.value(1), "its scales").ravel()]
        axes = _axes(shape, range(len(shape)), scales, None)
        return _resized(node, to, node.string("mode"), "asymmetric", "floor", axes)
    chosen = node.ints("axes")
    chosen = [axis_of(axis, len(shape)) for axis in chosen or range(len(shape))]
    scales, sizes = _operand(node, to, 2, "scales"), _operand(node, to, 3, "sizes")
    if (scales is None) == (sizes is None):
        raise UnsupportedError("expected either scales or sizes")
    if sizes is not None:
        sizes = _aspect(node, [shape[axis] for axis in chosen], sizes)
    axes = _axes(shape, chosen, scales if sizes is None else sizes[1], sizes and sizes[0])
    transformation = node.string("coordinate_transformation_mode", "half_pixel")
    if transformation == "tf_crop_and_resize":
        region = _operand(node, to, 1, "roi") or []
        if len(region) != 2 * len(chosen):
            raise UnsupportedError(f"expected a region of {2 * len(chosen)} numbers")
        axes = [
            _Axis(a.number, a.before, a.after, a.scale, region[k], region[k + len(chosen)])
            for k, a in enumerate(axes)
        ]
    nearest = node.string("nearest_mode", "round_prefer_floor")
    return _resized(node, to, node.string("mode", "nearest"), transformation, nearest, axes)


def _operand(node: Node, to: Lowering, number: int, name: str) -> list[float] | None:
    value = node.optional(number)
    if value is None or 0 in shape_of(value):
        return None
    return [float(it) for it in to.known(value, f"its {name}").ravel()]


def _aspect(
    node: Node, extents: Sequence[int], sizes: Sequence[float]
) -> tuple[list[int], list[float]]:
    """The sizes and scales that keep an aspect ratio as the node says."""
    policy = node.string("keep_aspect_ratio_policy", "stretch")
    scales = [size / extent for size, extent in zip(sizes, extents, strict=True)]
    if policy == "stretch":
        return [int(size) for size in sizes], scales
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [int(np.floor(scale * extent + 0.5)) for extent in extents], [scale] * len(extents)


def _axes(
    shape: Sequence[int],
    chosen: Sequence[int],
    scales: Sequence[float] | None,
    sizes: Sequence[int] | None,
) -> list[_Axis]:
    assert scales is not None
    known = len(scales) == len(chosen) and np.isfinite(scales).all()
    if not known or min(scales) <= 0:
        raise UnsupportedError(f"expected {len(chosen)} positive scales, got {list(scales)}")
    if sizes is None:
        sizes = [int(np.floor(shape[a] * s)) for a, s in zip(chosen, scales, strict=True)]
    if min(sizes) < 1:
        raise UnsupportedError(f"expected a result with elements, got {list(sizes)}")
    return [_Axis(a, shape[a], n, s) for a, n, s in zip(chosen, sizes, scales, strict=True)]


def _coordinates(axis: _Axis, transformation: str) -> Floats:
    """
    Where in the input each place of the output lies.

    Source: the specification of Resize (`coordinate_transformation_mode`).
    """
    places = np.arange(axis.after, dtype=np.float64)
    length = axis.scale * axis.before
    match transformation:
        case "half_pixel" | "half_pixel_symmetric":
            found = (places + 0.5) / axis.scale - 0.5
            if transformation == "half_pixel_symmetric":
                adjustment = axis.after / length
                found += axis.before / 2 * (1 - adjustment)
            return found
        case "pytorch_half_pixel":
            return (places + 0.5) / axis.scale - 0.5 if axis.after > 1 else np.zeros(1)
        case "align_corners":
            return places * (axis.before - 1) / (length - 1) if length > 1 else places * 0
        case "asymmetric":
            return places / axis.scale
        case "tf_half_pixel_for_nn":
            return (places + 0.5) / axis.scale
        case "tf_crop_and_resize":
            low, span = axis.start * (axis.before - 1), axis.end - axis.start
            if axis.after == 1:
                return np.asarray([0.5 * (axis.start + axis.end) * (axis.before - 1)])
            return low + places * span * (axis.before - 1) / (axis.after - 1)
        case _:
            raise UnsupportedError(f"the transformation '{transformation}' is not supported")


_ROUND: dict[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _resized(
    node: Node, to: Lowering, mode: str, transformation: str, nearest: str, axes: list[_Axis]
) -> SSAValue:
    input = node.value(0)
    shape = list(shape_of(input))
    crop = transformation == "tf_crop_and_resize"
    moving = [
        axis
        for axis in axes
        if axis.before != axis.after
        or axis.scale != 1.0
        or (crop and (axis.start, axis.end) != (0, 1))
    ]
    for axis in axes:
        shape[axis.number] = axis.after
    node.result(shape)
    value = _interpolated(node, to, mode, transformation, nearest, moving)
    if not crop:
        return value
    return _extrapolated(to, value, moving, node.float("extrapolation_value"))


def _extrapolated(to: Lowering, value: SSAValue, axes: Sequence[_Axis], fill: float) -> SSAValue:
    """What a region that is cut out has beyond the image."""
    for axis in axes:
        found = _coordinates(axis, "tf_crop_and_resize")
        inside = (found >= 0) & (found <= axis.before - 1)
        if not inside.all():
            shape = [1] * len(shape_of(value))
            shape[axis.number] = -1
            mask = to.constant(inside.reshape(shape), i1)
            value = selected(to, mask, value, scalar(to, fill, value))
    return value


def _interpolated(
    node: Node, to: Lowering, mode: str, transformation: str, nearest: str, moving: list[_Axis]
) -> SSAValue:
    input = node.value(0)
    shape = shape_of(input)
    if mode == "nearest":
        if nearest not in _ROUND:
            raise UnsupportedError(f"nearest neighbours of '{nearest}' are not supported")
        places = {axis.number: _nearest(axis, transformation, nearest) for axis in moving}
        if len(shape) == 4 and min(places, default=2) >= 2:
            return _picked(to, input, places)
        for number, numbers in places.items():
            input = gathered(to, input, numbers, number)
        return input
    check_type(input, f32)
    if mode not in ("linear", "cubic"):
        raise UnsupportedError(f"expected a mode of nearest, linear or cubic, got '{mode}'")
    plain = not node.int("antialias") and not node.int("exclude_outside")
    image = len(shape) == 4 and all(axis.number >= 2 for axis in moving)
    if mode == "linear" and plain and image:
        return _bilinear(to, input, moving, transformation)
    for axis in moving:
        input = _multiplied(to, input, axis, _weights(node, axis, mode, transformation))
    return input


def _nearest(axis: _Axis, transformation: str, rounding: str) -> npt.NDArray[np.int64]:
    places = _ROUND[rounding](_coordinates(axis, transformation))
    return np.clip(places, 0, axis.before - 1).astype(np.int64)


def _picked(to: Lowering, input: SSAValue, places: dict[int, npt.NDArray[np.int64]]) -> SSAValue:
    """Rows and columns of an image by number."""
    last = to.channels_last(input)
    batch, height, width, channels = shape_of(last)
    rows, columns = places.get(2, np.arange(height)), places.get(3, np.arange(width))
    kind = TensorType(element_of(input), [batch, len(rows), len(columns), channels])
    value = to.op(
        ResizeNearestOp,
        [last],
        kind,
        rows=integers([int(row) for row in rows]),
        columns=integers([int(column) for column in columns]),
    )
    return to.channels_first(value)


def _bilinear(
    to: Lowering, input: SSAValue, axes: Sequence[_Axis], transformation: str
) -> SSAValue:
    last = to.channels_last(input)
    batch, height, width, channels = shape_of(last)
    places = [np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)]
    for axis in axes:
        found = _coordinates(axis, transformation)
        places[axis.number - 2] = np.clip(found, 0, axis.before - 1)
    rows, columns = (DenseArrayBase.from_list(f32, [float(v) for v in it]) for it in places)
    kind = TensorType(f32, [batch, len(rows), len(columns), channels])
    return to.channels_first(to.op(ResizeBilinearOp, [last], kind, rows=rows, columns=columns))


def _weights(node: Node, axis: _Axis, mode: str, transformation: str) -> Floats:
    """
    The matrix [after, before] by which an axis is resized.

    Source: the specification of Resize and its reference implementation (`op_resize.py` of ONNX).
    """
    matrix = np.zeros((axis.after, axis.before))
    antialias = bool(node.int("antialias")) and axis.scale < 1
    squeeze = axis.scale if antialias else 1.0
    support = (1 if mode == "linear" else 2) / squeeze
    a = node.float("cubic_coeff_a", -0.75)
    for row, centre in enumerate(_coordinates(axis, transformation)):
        first, last = int(np.ceil(centre - support)), int(np.floor(centre + support))
        taps = np.arange(first, last + 1)
        distances = np.abs(taps - centre) * squeeze
        weights = np.maximum(0, 1 - distances) if mode == "linear" else _cubic(distances, a)
        if node.int("exclude_outside"):
            weights = weights * ((taps >= 0) & (taps < axis.before))
        if antialias or node.int("exclude_outside"):
            weights = weights / weights.sum()
        np.add.at(matrix[row], np.clip(taps, 0, axis.before - 1), weights)
    return matrix


def _cubic(x: Floats, a: float) -> Floats:
    """Keys' kernel at distances from the centre."""
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _multiplied(to: Lowering, value: SSAValue, axis: _Axis, matrix: Floats) -> SSAValue:
    """A tensor with one axis multiplied by a matrix."""
    rank = len(shape_of(value))
    order = [*(k for k in range(rank) if k != axis.number), axis.number]
    back = [order.index(k) for k in range(rank)]
    rows = to.transposed(value, order)
    if rank == 1:
        rows = to.reshape(rows, [1, axis.before])
    *outer, _ = shape_of(rows)
    kind = TensorType(element_of(value), [*outer, axis.after])
    weights = to.numbers(np.ascontiguousarray(matrix.T))
    product = to.op(MatMulOp, [rows, weights, None], kind)
    if rank == 1:
        product = to.reshape(product, [axis.after])
    return to.transposed(product, back)
