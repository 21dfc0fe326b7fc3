"""Transposes before ops that work on elements, or along axes that they name."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import ElementwiseOp
from nnc.dialects.nn.movement import (
    BroadcastToOp,
    GatherOp,
    MirrorPadOp,
    SliceOp,
    TileOp,
    TransposeOp,
)
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.reduction import ArgOp, CumsumOp, ReduceOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.layout.moves import (
    Permutation,
    inverse,
    moved,
    replace,
    source_of,
    transpose,
    with_rank,
)
from nnc.passes.layout.naming import moved_layout
from nnc.passes.nn_builder import integer, integers


def _like(
    op: Operation, operands: list[SSAValue], kind: Attribute, **changed: Attribute
) -> Operation:
    """The same op with other operands, another result and some other properties."""
    return type(op).create(
        operands=operands,
        result_types=[kind],
        properties={**op.properties, **changed},
        attributes=dict(op.attributes),
    )


def _before(value: SSAValue, permutation: Permutation) -> TensorType[Attribute]:
    """The type that a value has before it is transposed."""
    shape = shape_of(value)
    back = inverse(permutation)
    return TensorType(element_of(value), [shape[axis] for axis in back])


class Elementwise(RewritePattern):
    """f(transpose(x), ...) is transpose(f(x, ...)) if the other operands can be moved for free."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ElementwiseOp) or len(op.results) != 1:
            return
        result = op.results[0]
        rank = len(shape_of(result))
        permutations = [
            found[1] for value in op.operands if (found := source_of(value)) is not None
        ]
        if not permutations or len(permutations[0]) != rank or _is_per_axis(op):
            return
        permutation = permutations[0]
        back = inverse(permutation)
        added: list[Operation] = []
        operands: list[SSAValue] = []
        for value in op.operands:
            if not shape_of(value):
                operands.append(value)
                continue
            widened, wide = with_rank(value, rank)
            found = moved(wide, back)
            if found is None:
                return
            added += [*widened, *found[0]]
            operands.append(found[1])
        new = _like(op, operands, _before(result, permutation))
        replace(op, added, new, rewriter, behind=transpose(new.results[0], permutation))


def _is_per_axis(op: Operation) -> bool:
    """Whether an operand has a scale for each index along an axis, which would move as well."""
    kinds = [element_of(value) for value in (*op.operands, *op.results)]
    return any(isinstance(kind, UniformQuantizedType) and kind.axis is not None for kind in kinds)


class AlongAxes(RewritePattern):
    """Ops of one tensor that have a number for each axis, or name axes."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        kinds = (
            *(PadOp, SliceOp, MirrorPadOp, TileOp, BroadcastToOp),
            *(ReduceOp, ArgOp, CumsumOp, GatherOp),
        )
        if not isinstance(op, kinds) or (isinstance(op, GatherOp) and not _picks_slices(op)):
            return
        found = source_of(op.input)
        if found is None or len(shape_of(op.output)) != len(found[1]):
            return
        source, permutation = found
        kind = _before(op.output, permutation)
        new = _like(op, [source, *op.operands[1:]], kind, **_moved_properties(op, permutation))
        replace(op, [], new, rewriter, behind=transpose(new.results[0], permutation))


def _picks_slices(op: GatherOp) -> bool:
    """Whether slices along one axis are taken by a list of numbers, the same for all."""
    return op.batch_dims.value.data == 0 and len(shape_of(op.indices)) == 1


def _moved_properties(op: Operation, permutation: Permutation) -> dict[str, Attribute]:
    back = inverse(permutation)

    def each(attribute: DenseArrayBase[Any]) -> Attribute:
        values = attribute.get_values()
        return integers([int(values[axis]) for axis in back])

    match op:
        case PadOp() | MirrorPadOp():
            return {"before": each(op.before)}
        case SliceOp():
            return {"begin": each(op.begin), "strides": each(op.strides)}
        case ReduceOp():
            return {"axes": integers(sorted(permutation[a] for a in op.axes.get_values()))}
        case ArgOp() | CumsumOp() | GatherOp():
            return {"axis": integer(permutation[op.axis.value.data])}
        case _:
            return {}


class Concat(RewritePattern):
    """Transposes of all that is concatenated are one behind it."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ConcatOp):
            return
        found = [source_of(value) for value in op.inputs]
        permutation = next((it[1] for it in found if it is not None), None)
        if permutation is None:
            return
        back = inverse(permutation)
        added: list[Operation] = []
        operands: list[SSAValue] = []
        for value in op.inputs:
            free = moved(value, back)
            if free is None:
                return
            added += free[0]
            operands.append(free[1])
        axis = integer(permutation[op.axis.value.data])
        new = _like(op, operands, _before(op.output, permutation), axis=axis)
        replace(op, added, new, rewriter, behind=transpose(new.results[0], permutation))


class PulledConcat(RewritePattern):
    """The transpose of a concatenation of what can all be moved for free is no transpose."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, TransposeOp) or not isinstance(op.input.owner, ConcatOp):
            return
        concat, permutation = op.input.owner, tuple(op.permutation.get_values())
        if not concat.output.has_one_use():
            return
        found = [moved(value, permutation) for value in concat.inputs]
        if not all(found):
            return
        added = [new for it in found if it is not None for new in it[0]]
        operands = [it[1] for it in found if it is not None]
        axis = integer(permutation.index(concat.axis.value.data))
        new = _like(concat, operands, op.output.type, axis=axis)
        moved_layout(concat, new, inverse(permutation))
        location = concat.location
        replace(op, added, new, rewriter)
        new.location = location


class Broadcasts(RewritePattern):
    """An elementwise op stretches its operands itself."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ElementwiseOp) or len(op.results) != 1 or len(op.operands) < 2:
            return
        shape = shape_of(op.results[0])
        for number, value in enumerate(op.operands):
            owner = value.owner
            if not isinstance(owner, BroadcastToOp) or shape_of(value) != shape:
                continue
            others = [shape_of(it) for k, it in enumerate(op.operands) if k != number]
            if np.broadcast_shapes(shape_of(owner.input), *others) != shape:
                continue
            operands = list(op.operands)
            operands[number] = owner.input
            replace(op, [], _like(op, operands, op.results[0].type), rewriter)
            return


POINTWISE_PATTERNS: list[RewritePattern] = [
    Broadcasts(),
    Elementwise(),
    AlongAxes(),
    Concat(),
    PulledConcat(),
]
