"""
Removes and merges ops that only move elements or rename their axes.

Importers say what the model says, one op at a time; together the ops often move nothing, or move it
once instead of twice. A reshape costs nothing at run time, so what can be one becomes one.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import ReshapeOp
from nnc.dialects.nn.movement import (
    BroadcastToOp,
    MirrorPadOp,
    SliceOp,
    TileOp,
    TransposeOp,
)
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import integers, make
from nnc.passes.nn_rewriter import rewrite


class NnSimplifyShapesPass(ModulePass):
    """
    - Reshapes, transposes, slices, pads, tiles and concatenations that change nothing: removed.
    - Two reshapes, transposes, slices or pads in a row: one.
    - Transposes that only move axes of extent 1: reshapes.
    - Slices of a concatenation that lie in one of its inputs: slices of that.
    - Concatenations of adjacent slices of one tensor: one slice.
    """

    name = "nn-simplify-shapes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Nothing(), _Reshape(), _Transpose(), _Slice(), _Pad(), _Concat()])


class _Nothing(RewritePattern):
    """Ops whose result is their input, as it is."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        movements = (TransposeOp, SliceOp, BroadcastToOp, TileOp, MirrorPadOp, PadOp, ReshapeOp)
        if not isinstance(op, (*movements, ConcatOp)) or len(op.operands) != 1:
            return
        if op.operands[0].type != op.output.type:
            return
        if isinstance(op, TransposeOp) and not _keeps_order(op):
            return
        if isinstance(op, SliceOp) and min(op.strides.get_values()) < 0:
            return
        rewriter.replace(op, [], [op.operands[0]])


class _Reshape(RewritePattern):
    """A reshape of a reshape is one of what that reshapes."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if isinstance(op, ReshapeOp) and isinstance(op.input.owner, ReshapeOp):
            rewriter.replace(op, make(ReshapeOp, [op.input.owner.input], op.output.type))


class _Transpose(RewritePattern):
    """Transposes in a row are one; one that keeps the order of elements is a reshape."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, TransposeOp):
            return
        if _keeps_order(op):
            rewriter.replace(op, make(ReshapeOp, [op.input], op.output.type))
            return
        before = op.input.owner
        if not isinstance(before, TransposeOp):
            return
        first = before.permutation.get_values()
        permutation = integers([first[axis] for axis in op.permutation.get_values()])
        new = make(TransposeOp, [before.input], op.output.type, permutation=permutation)
        rewriter.replace(op, new)


def _keeps_order(op: TransposeOp) -> bool:
    """Whether the axes of more than one index keep their order."""
    shape = shape_of(op.input)
    long = [axis for axis in op.permutation.get_values() if shape[axis] > 1]
    return long == sorted(long)


class _Slice(RewritePattern):
    """A slice of a slice is one; one of a concatenation may be one of a single input."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, SliceOp):
            return
        begin, strides = op.begin.get_values(), op.strides.get_values()
        match op.input.owner:
            case SliceOp() as before:
                steps = before.strides.get_values()
                starts = before.begin.get_values()
                moved = [a + b * s for a, b, s in zip(starts, begin, steps, strict=True)]
                strides = [a * b for a, b in zip(steps, strides, strict=True)]
                rewriter.replace(op, _slice(before.input, moved, strides, op.output))
            case ConcatOp() as before:
                self._of_concat(op, before, rewriter)
            case _:
                pass

    def _of_concat(self, op: SliceOp, before: ConcatOp, rewriter: PatternRewriter) -> None:
        axis = before.axis.value.data
        begin, strides = list(op.begin.get_values()), op.strides.get_values()
        last = begin[axis] + (shape_of(op.output)[axis] - 1) * strides[axis]
        low, high = sorted((begin[axis], last))
        for number, value in enumerate(before.inputs):
            start = before.offset(number)
            if start <= low and high < start + shape_of(value)[axis]:
                begin[axis] -= start
                rewriter.replace(op, _slice(value, begin, strides, op.output))
                return


def _slice(
    value: SSAValue, begin: Sequence[int], strides: Sequence[int], output: SSAValue
) -> SliceOp:
    return make(SliceOp, [value], output.type, begin=integers(begin), strides=integers(strides))


class _Pad(RewritePattern):
    """Pads in a row of one value are one."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, PadOp) or not isinstance(op.input.owner, PadOp):
            return
        first = op.input.owner
        if first.value != op.value:
            return
        both = zip(first.before.get_values(), op.before.get_values(), strict=True)
        before = integers([a + b for a, b in both])
        rewriter.replace(
            op, make(PadOp, [first.input], op.output.type, before=before, value=op.value)
        )


class _Concat(RewritePattern):
    """
    Inputs that are concatenations along the same axis are taken apart; neighbours that are
    neighbouring slices of one tensor are put together.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ConcatOp):
            return
        inputs, axis = list(op.inputs), op.axis.value.data
        parts = [part for value in inputs for part in _parts(value, axis)]
        if len(parts) > len(inputs):
            rewriter.replace(op, make(ConcatOp, [parts], op.output.type, axis=op.axis))
            return
        for number in range(len(inputs) - 1):
            joined = _joined(inputs[number], inputs[number + 1], axis)
            if joined is not None:
                inputs[number : number + 2] = [joined.output]
                merged = make(ConcatOp, [inputs], op.output.type, axis=op.axis)
                rewriter.replace(op, [joined, merged])
                return


def _parts(value: SSAValue, axis: int) -> Sequence[SSAValue]:
    """The inputs of a concatenation that nobody else needs; any other value as it is."""
    owner = value.owner
    if isinstance(owner, ConcatOp) and owner.axis.value.data == axis and value.has_one_use():
        return owner.inputs
    return [value]


def _joined(left: SSAValue, right: SSAValue, axis: int) -> SliceOp | None:
    """The one slice that two neighbouring ones are together, if they are."""
    first, second = left.owner, right.owner
    if not isinstance(first, SliceOp) or not isinstance(second, SliceOp):
        return None
    if first.input is not second.input or first.strides != second.strides:
        return None
    strides, shape = first.strides.get_values(), list(shape_of(left))
    following = list(first.begin.get_values())
    following[axis] += shape[axis] * strides[axis]
    if following != list(second.begin.get_values()):
        return None
    shape[axis] += shape_of(right)[axis]
    result = TensorType(element_of(left), shape)
    return make(SliceOp, [first.input], result, begin=first.begin, strides=first.strides)
