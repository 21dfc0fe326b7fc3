"""
What the patterns share: permutations, tensors whose axes move at no cost, and replacing ops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ConstantOp, DequantizeOp, ReshapeOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.layer_names import part_of
from nnc.passes.layout.naming import TRANSPOSE, moved_layout
from nnc.passes.nn_builder import integers, make

Permutation = tuple[int, ...]


def inverse(permutation: Sequence[int]) -> Permutation:
    """The permutation that undoes another one."""
    return tuple(permutation.index(axis) for axis in range(len(permutation)))


def source_of(value: SSAValue) -> tuple[SSAValue, Permutation] | None:
    """What a value is the transpose of, and by which permutation."""
    owner = value.owner
    if not isinstance(owner, TransposeOp):
        return None
    return owner.input, tuple(owner.permutation.get_values())


def transpose(value: SSAValue, permutation: Sequence[int]) -> TransposeOp:
    """A transpose that is not yet in a block."""
    shape = shape_of(value)
    kind = TensorType(element_of(value), [shape[axis] for axis in permutation])
    return make(TransposeOp, [value], kind, permutation=integers(permutation))


def reshape(value: SSAValue, shape: Sequence[int]) -> ReshapeOp:
    """A reshape that is not yet in a block."""
    return make(ReshapeOp, [value], TensorType(element_of(value), list(shape)))


def keeps_order(shape: Sequence[int], permutation: Sequence[int]) -> bool:
    """Whether the axes of more than one index keep their order, so that nothing moves."""
    long = [axis for axis in permutation if shape[axis] > 1]
    return long == sorted(long)


def moved(value: SSAValue, permutation: Permutation) -> tuple[list[Operation], SSAValue] | None:
    """
    A value with its axes in another order where that costs nothing: a constant, maybe a
    dequantised one, a transpose by the
    inverse, what has only axes of extent 1 to move. None for any other value.

    The first part is what must be inserted for it.
    """
    owner, shape = value.owner, shape_of(value)
    found = source_of(value)
    if found is not None and inverse(found[1]) == permutation:
        return [], found[0]
    if isinstance(owner, ConstantOp):
        values = np.ascontiguousarray(owner.values.transpose(permutation))
        constant = ConstantOp.of(values, element_of(value))
        return [constant], constant.results[0]
    if isinstance(owner, DequantizeOp) and isinstance(owner.input.owner, ConstantOp):
        kind = element_of(owner.input)
        if not isinstance(kind, UniformQuantizedType) or kind.axis is None:
            values = np.ascontiguousarray(owner.input.owner.values.transpose(permutation))
            constant = ConstantOp.of(values, kind)
            real = make(
                DequantizeOp, [constant.results[0]], TensorType(element_of(value), values.shape)
            )
            return [constant, real], real.output
    if keeps_order(shape, permutation):
        flat = reshape(value, [shape[axis] for axis in permutation])
        return [flat], flat.output
    return None


def with_rank(value: SSAValue, rank: int) -> tuple[list[Operation], SSAValue]:
    """A value with axes of extent 1 before its own, as broadcasting adds them."""
    shape = shape_of(value)
    if len(shape) == rank:
        return [], value
    flat = reshape(value, [*[1] * (rank - len(shape)), *shape])
    return [flat], flat.output


def replace(
    op: Operation,
    before: Sequence[Operation],
    new: Operation,
    rewriter: PatternRewriter,
    *,
    behind: Operation | None = None,
) -> None:
    """
    Puts `new` in the place of an op, what it needs before it, and `behind` after it, whose result
    is then the op's.
    """
    parts = [*before, *([behind] if behind is not None else [])]
    for part in parts:
        part.location = part_of(op.location, TRANSPOSE)
    new.location = op.location
    if isinstance(behind, TransposeOp):
        moved_layout(op, new, behind.permutation.get_values())
    last = new if behind is None else behind
    rewriter.replace(op, [*before, new, *([behind] if behind is not None else [])], last.results)


def drop_unused(block: Block) -> None:
    """Erases ops whose results nobody uses."""
    for op in reversed(list(block.ops)):
        used = any(result.first_use is not None for result in op.results)
        if not used and isinstance(op, NnOp | ConstantOp):
            op.detach()
            op.erase()
