"""Transposes that meet each other, and reshapes that they can change places with."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import ConstantOp, ReshapeOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.types import shape_of
from nnc.passes.layout.moves import (
    inverse,
    keeps_order,
    moved,
    replace,
    reshape,
    source_of,
    transpose,
)


class Transposes(RewritePattern):
    """Transposes in a row are one or none; one that keeps the order of elements is a reshape."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, TransposeOp):
            return
        permutation = tuple(op.permutation.get_values())
        if permutation == tuple(range(len(permutation))):
            rewriter.replace(op, [], [op.input])
            return
        found = source_of(op.input)
        if found is not None:
            source, first = found
            joined = [first[axis] for axis in permutation]
            if joined == list(range(len(joined))):
                rewriter.replace(op, [], [source])
            else:
                replace(op, [], transpose(source, joined), rewriter)
            return
        if isinstance(op.input.owner, ConstantOp):
            free = moved(op.input, permutation)
            assert free is not None
            replace(op, [], free[0][0], rewriter)
            return
        if keeps_order(shape_of(op.input), permutation):
            replace(op, [], reshape(op.input, shape_of(op.output)), rewriter)


_CHANNELS_FIRST = (0, 3, 1, 2)


class Reshapes(RewritePattern):
    """
    reshape(transpose(x)) is transpose(reshape(x)) where the reshape splits axes, or joins such as
    are neighbours in x as well; reshapes in a row are one. Where it joins others to channels of an
    image (as a shuffle of channels does), these are brought together first, and the channels go to
    the front behind that.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ReshapeOp):
            return
        if shape_of(op.input) == shape_of(op.output):
            rewriter.replace(op, [], [op.input])
            return
        if isinstance(op.input.owner, ReshapeOp):
            replace(op, [], reshape(op.input.owner.input, shape_of(op.output)), rewriter)
            return
        found = source_of(op.input)
        if found is None:
            return
        source, permutation = found
        groups = _groups(shape_of(op.input), shape_of(op.output))
        if groups is None:
            return
        # Each group as it lies in the source: the axes that it is made of, and its new extents.
        blocks: list[tuple[int, list[int], list[int]]] = []
        together = True
        for old, new in groups:
            places = [permutation[axis] for axis in old if shape_of(op.input)[axis] > 1]
            last = max(places) if places else permutation[old[0]] if old else len(permutation)
            together &= not places or places == list(range(last + 1 - len(places), last + 1))
            blocks.append((last, old, new))
        ordered = sorted(blocks, key=lambda block: block[0])
        axes = [axis for _, _, new in ordered for axis in new]
        back = inverse(axes)
        in_order = back == tuple(range(len(back)))
        before: list[Operation] = []
        if not together:
            if back != _CHANNELS_FIRST:
                return
            moves = [permutation[axis] for _, old, _ in ordered for axis in old]
            before.append(transpose(source, moves))
            source = before[0].results[0]
        flat = reshape(source, [shape_of(op.output)[axis] for axis in axes])
        if in_order:
            replace(op, before, flat, rewriter)
        else:
            replace(op, before, flat, rewriter, behind=transpose(flat.output, back))


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]] | None:
    """
    The smallest runs of axes of both shapes that have as many elements; axes of extent 1 go with
    the run before them. None for shapes without elements.
    """
    if 0 in (*old, *new):
        return None
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        first: list[int] = []
        second: list[int] = []
        left = right = 1
        while True:
            if left <= right and i < len(old) and (left < right or not first):
                left *= old[i]
                first.append(i)
                i += 1
            elif j < len(new) and (right < left or not second):
                right *= new[j]
                second.append(j)
                j += 1
            elif left == right:
                break
            elif left < right:
                return None
        while i < len(old) and old[i] == 1:
            first.append(i)
            i += 1
        while j < len(new) and new[j] == 1:
            second.append(j)
            j += 1
        groups.append((first, second))
    return groups


SHAPE_PATTERNS: list[RewritePattern] = [Transposes(), Reshapes()]
