"""Rewrites of operators that exchange blocks of space with channels or batches."""

from __future__ import annotations

from math import prod

from xdsl.ir import SSAValue

from nnc.dialects.tfl import movement as source
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.tfl.lowering import (
    Lowering,
    rewrite,
)
from nnc.passes.tfl.padding_ops import padded, zero
from nnc.passes.tfl.shaping import transposed
from nnc.passes.tfl.slicing import moved, sliced


@rewrite(source.SpaceToDepthOp)
def _space_to_depth(op: source.SpaceToDepthOp, to: Lowering) -> SSAValue:
    input, block = to.value(op.input), op.block_size.value.data
    batch, height, width, channels = shape_of(input)
    if height % block or width % block:
        raise UnsupportedError(f"expected whole blocks of {block}, got {height} x {width}")
    rows, columns = height // block, width // block
    result = to.result(op.output, [batch, rows, columns, channels * block * block])
    value = moved(to, input, result)
    value = to.reshape(value, [batch, rows, block, columns, block, channels])
    return to.reshape(transposed(to, value, [0, 1, 3, 2, 4, 5]), result.get_shape())


@rewrite(source.DepthToSpaceOp)
def _depth_to_space(op: source.DepthToSpaceOp, to: Lowering) -> SSAValue:
    input, block = to.value(op.input), op.block_size.value.data
    batch, height, width, channels = shape_of(input)
    if channels % (block * block):
        raise UnsupportedError(f"expected a multiple of {block * block} channels, got {channels}")
    depth = channels // (block * block)
    result = to.result(op.output, [batch, height * block, width * block, depth])
    value = moved(to, input, result)
    value = to.reshape(value, [batch, height, width, block, block, depth])
    return to.reshape(transposed(to, value, [0, 1, 3, 2, 4, 5]), result.get_shape())


@rewrite(source.SpaceToBatchNDOp)
def _space_to_batch(op: source.SpaceToBatchNDOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    blocks = to.known_ints(to.value(op.block_shape), "the block shape")
    pairs = to.known(to.value(op.paddings), "the paddings")
    shape, count = list(shape_of(input)), len(blocks)
    if pairs.shape != (count, 2) or count >= len(shape) or (pairs < 0).any():
        raise UnsupportedError(f"expected {count} pairs of paddings, got {pairs.tolist()}")
    before = [0, *(int(pair[0]) for pair in pairs), *[0] * (len(shape) - count - 1)]
    extents = list(shape)
    for axis, pair in enumerate(pairs, 1):
        extents[axis] += int(pair.sum())
    if any(extent % block for extent, block in zip(extents[1:], blocks, strict=False)):
        raise UnsupportedError(f"expected whole blocks of {blocks}, got {extents}")
    inner = [e // b for e, b in zip(extents[1 : count + 1], blocks, strict=True)]
    rest = extents[count + 1 :]
    result = to.result(op.output, [shape[0] * prod(blocks), *inner, *rest])
    value = moved(to, input, result)
    value = padded(to, value, before, extents, zero(result.element_type))
    pieces = [n for pair in zip(inner, blocks, strict=True) for n in pair]
    value = to.reshape(value, [shape[0], *pieces, *rest])
    order = [2 * k for k in range(1, count + 1)] + [0] + [2 * k - 1 for k in range(1, count + 1)]
    order += range(2 * count + 1, 2 * count + 1 + len(rest))
    return to.reshape(transposed(to, value, order), result.get_shape())


@rewrite(source.BatchToSpaceNDOp)
def _batch_to_space(op: source.BatchToSpaceNDOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    blocks = to.known_ints(to.value(op.block_shape), "the block shape")
    crops = to.known(to.value(op.crops), "the crops")
    shape, count = list(shape_of(input)), len(blocks)
    if crops.shape != (count, 2) or count >= len(shape) or shape[0] % prod(blocks):
        raise UnsupportedError(f"expected {count} pairs of crops, got {crops.tolist()}")
    batch, rest = shape[0] // prod(blocks), shape[count + 1 :]
    inner = shape[1 : count + 1]
    whole = [n * b for n, b in zip(inner, blocks, strict=True)]
    cropped = [n - int(pair.sum()) for n, pair in zip(whole, crops, strict=True)]
    result = to.result(op.output, [batch, *cropped, *rest])
    value = to.reshape(moved(to, input, result), [*blocks, batch, *inner, *rest])
    order = [count]
    for axis in range(count):
        order += [count + 1 + axis, axis]
    order += range(2 * count + 1, 2 * count + 1 + len(rest))
    value = to.reshape(transposed(to, value, order), [batch, *whole, *rest])
    begin = [0, *(int(pair[0]) for pair in crops), *[0] * len(rest)]
    return sliced(to, value, begin, [1] * len(begin), result.get_shape())
