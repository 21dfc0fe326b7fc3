"""Rewrites of operators that give a tensor another shape or order, and of what shapes are."""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from nnc.dialects.nn.movement import TileOp
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import check_elements, empty, stretched
from nnc.passes.onnx.indexing import masked
from nnc.passes.onnx.lowering import Lowering, Node, axes_of, rewrite


@rewrite("Reshape")
def _reshape(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    old, wanted = shape_of(input), to.known_ints(node.value(1), "its shape")
    if not node.int("allowzero"):
        kept = [*old, *[0] * len(wanted)]
        wanted = [kept[axis] if extent == 0 else extent for axis, extent in enumerate(wanted)]
    count = prod(old)
    if not count and -1 not in wanted:
        return empty(to, element_of(input), wanted)
    known = prod(extent for extent in wanted if extent != -1)
    open_axes = [axis for axis, extent in enumerate(wanted) if extent == -1]
    if len(open_axes) > 1 or known < 1 or count % known or (not open_axes and known != count):
        raise UnsupportedError(f"expected a shape of {count} elements, got {wanted}")
    for axis in open_axes:
        wanted[axis] = count // known
    return to.reshape(input, node.result(wanted).get_shape())


@rewrite("Flatten")
def _flatten(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    axis = node.int("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis <= len(shape):
        raise UnsupportedError(f"expected an axis of {shape}, got {axis}")
    result = node.result([prod(shape[:axis]), prod(shape[axis:])])
    return to.reshape(node.value(0), result.get_shape())


@rewrite("Squeeze")
def _squeeze(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    given = node.ints_or_operand("axes", 1)
    if given is None:
        axes = [axis for axis, extent in enumerate(shape) if extent == 1]
    else:
        axes = axes_of(given, len(shape))
    if any(shape[axis] != 1 for axis in axes):
        raise UnsupportedError(f"expected axes of extent 1 of {shape}, got {axes}")
    kept = [extent for axis, extent in enumerate(shape) if axis not in axes]
    return to.reshape(node.value(0), node.result(kept).get_shape())


@rewrite("Unsqueeze")
def _unsqueeze(node: Node, to: Lowering) -> SSAValue:
    shape = list(shape_of(node.value(0)))
    given = node.ints_or_operand("axes", 1) or []
    axes = axes_of(given, len(shape) + len(given))
    if len(axes) < len(given):
        raise UnsupportedError(f"expected different axes, got {given}")
    for axis in axes:
        shape.insert(axis, 1)
    return to.reshape(node.value(0), node.result(shape).get_shape())


@rewrite("Transpose")
def _transpose(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    permutation = node.ints("perm")
    permutation = list(range(len(shape)))[::-1] if permutation is None else permutation
    if sorted(permutation) != list(range(len(shape))):
        raise UnsupportedError(f"expected a permutation of {len(shape)} axes, got {permutation}")
    node.result([shape[axis] for axis in permutation])
    return to.transposed(node.value(0), permutation)


@rewrite("Expand")
def _expand(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    wanted = to.known_ints(node.value(1), "its shape")
    check_elements(wanted)
    try:
        shape = np.broadcast_shapes(shape_of(input), tuple(wanted))
    except ValueError:
        raise UnsupportedError(
            f"expected a shape that {shape_of(input)} stretches to, got {wanted}"
        ) from None
    return stretched(to, input, node.result(shape).get_shape())


@rewrite("Tile")
def _tile(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    shape, repeats = shape_of(input), to.known_ints(node.value(1), "its repeats")
    if len(repeats) != len(shape):
        raise UnsupportedError(f"expected {len(shape)} repeats, got {repeats}")
    result = node.result([n * k for n, k in zip(shape, repeats, strict=True)])
    check_elements(result.get_shape())
    return input if result.get_shape() == shape else to.op(TileOp, [input], result)


@rewrite("DepthToSpace")
def _depth_to_space(node: Node, to: Lowering) -> SSAValue:
    """Written for images with channels last, so that no transpose but those around it is left."""
    input, block = node.value(0), node.int("blocksize")
    batch, channels, height, width = _image(input)
    if block < 1 or channels % (block * block):
        raise UnsupportedError(f"expected whole blocks of {block}, got {channels} channels")
    depth = channels // (block * block)
    node.result([batch, depth, height * block, width * block])
    last = to.channels_last(input)
    if node.string("mode", "DCR") == "DCR":
        pieces, order = [block, block, depth], [0, 1, 3, 2, 4, 5]
    else:
        pieces, order = [depth, block, block], [0, 1, 4, 2, 5, 3]
    parts = to.transposed(to.reshape(last, [batch, height, width, *pieces]), order)
    return to.channels_first(to.reshape(parts, [batch, height * block, width * block, depth]))


@rewrite("SpaceToDepth")
def _space_to_depth(node: Node, to: Lowering) -> SSAValue:
    input, block = node.value(0), node.int("blocksize")
    batch, channels, height, width = _image(input)
    if block < 1 or height % block or width % block:
        raise UnsupportedError(f"expected whole blocks of {block}, got {height} x {width}")
    rows, columns = height // block, width // block
    node.result([batch, channels * block * block, rows, columns])
    last = to.channels_last(input)
    pieces = to.reshape(last, [batch, rows, block, columns, block, channels])
    order = [0, 1, 3, 5, 2, 4] if node.string("mode") == "CRD" else [0, 1, 3, 2, 4, 5]
    parts = to.transposed(pieces, order)
    return to.channels_first(to.reshape(parts, [batch, rows, columns, channels * block * block]))


def _image(value: SSAValue) -> tuple[int, ...]:
    shape = shape_of(value)
    if len(shape) != 4:
        raise UnsupportedError(f"expected an image of 4 dimensions, got {len(shape)}")
    return shape


@rewrite("Shape")
def _shape(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    end = node.int("end", len(shape)) if node.has("end") else len(shape)
    return to.constant(np.asarray(shape[node.int("start") : end], np.int64), i64)


@rewrite("Size")
def _size(node: Node, to: Lowering) -> SSAValue:
    return to.constant(np.asarray(prod(shape_of(node.value(0))), np.int64), i64)


@rewrite("ConstantOfShape")
def _constant_of_shape(node: Node, to: Lowering) -> SSAValue:
    shape = to.known_ints(node.value(0), "its shape")
    result = node.result(shape)
    value = node.tensor("value")
    number = 0 if value is None else value.reshape(-1)[0].item()
    return to.full(result, number)


@rewrite("EyeLike")
def _eye_like(node: Node, to: Lowering) -> SSAValue:
    shape = shape_of(node.value(0))
    if len(shape) != 2:
        raise UnsupportedError(f"expected a matrix, got {shape}")
    element = node.result(shape).element_type
    values = np.eye(*shape, k=node.int("k"), dtype=numpy_dtype(element))
    return to.constant(values, element)


@rewrite("Range")
def _range(node: Node, to: Lowering) -> SSAValue:
    start, limit, delta = (to.known(node.value(k), "its bounds").item() for k in range(3))
    element = element_of(node.value(0))
    if delta == 0 or not np.isfinite([start, limit, delta]).all():
        raise UnsupportedError(f"expected finite bounds and a step, got {start} {limit} {delta}")
    count = max(0, int(np.ceil((limit - start) / delta)))
    node.result([count])
    values = (start + np.arange(count) * delta).astype(numpy_dtype(element))
    return to.constant(values, element)


@rewrite("Trilu")
def _trilu(node: Node, to: Lowering) -> SSAValue:

    shape = shape_of(node.value(0))
    if len(shape) < 2:
        raise UnsupportedError(f"expected matrices, got {shape}")
    place = node.optional(1)
    k = 0 if place is None else to.known_ints(place, "its k")[0]
    ones = np.ones(shape[-2:], np.bool_)
    mask = np.triu(ones, k) if node.int("upper", 1) else np.tril(ones, k)
    return masked(to, mask, node.value(0))
