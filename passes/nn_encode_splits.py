"""
Lets trees compare integers in place of floats, with the same answers.

A tree only asks whether elements are above its splits. Where the elements were integers before they
became floats, the splits become integers instead. Else the floats become the smallest integers that
still tell the splits apart: those of small data sets often are few binary digits long, and differ
in the first bits of the float.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, TensorType, f32, i16, i32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import CastOp, DequantizeOp
from nnc.dialects.nn.float_order import FloatOrderOp
from nnc.dialects.nn.trees import TreeEnsembleOp, Trees, make_ensemble, stored_type
from nnc.dialects.types import (
    Array,
    element_of,
    is_unsigned,
    numpy_dtype,
    quantization_of,
    shape_of,
)
from nnc.passes.code_tables import elements_of
from nnc.passes.nn_builder import integer, make
from nnc.passes.nn_rewriter import rewrite

ui8 = IntegerType(8, Signedness.UNSIGNED)

WORTH = {ui8: 1, i16: 1, i32: 4}
"""
Nodes that a row must meet for each element of it, so that encoding the elements pays off. Narrow
codes also make the trees small.
"""


class NnEncodeSplitsPass(ModulePass):
    """
    Rewrites `nn.tree_ensemble` of float32 elements for integers: those that the elements are cast
    or dequantised from, if they have at most 16 bits, or else those of `nn.float_order`, where the
    trees ask enough questions. Trees that send NaN elsewhere than large numbers stay as they are.
    """

    name = "nn-encode-splits"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Encode()])


class _Encode(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, TreeEnsembleOp) or element_of(op.input) != f32:
            return
        found = _integers(op) or _places(op)
        if found is None:
            return
        step, input, trees = found
        targets = shape_of(op.output)[1]
        ensemble = make_ensemble(input, trees, targets, op.aggregate.data)
        rewriter.replace(op, [*([step] if step is not None else []), ensemble])


Encoded = tuple[FloatOrderOp | None, SSAValue, Trees]


def _integers(op: TreeEnsembleOp) -> Encoded | None:
    """The trees for the integers that the elements are made of, by what becomes of each integer."""
    maker = op.input.owner
    if not isinstance(maker, CastOp | DequantizeOp):
        return None
    kind = stored_type(element_of(maker.input))
    quantized = quantization_of(maker.input)
    if not isinstance(kind, IntegerType) or not 8 <= kind.width.data <= 16:
        return None
    if quantized is not None and quantized.axis is not None:
        return None
    limits = np.iinfo(str(numpy_dtype(kind)))
    codes = np.arange(limits.min, limits.max + 1)
    values = elements_of(maker, {maker.input: codes.astype(numpy_dtype(kind))})
    if np.isnan(values).any() or (np.diff(values) < 0).any():
        return None
    # How many of all integers are at most each split; no number is at most NaN.
    counts = np.searchsorted(values, op.trees.splits, side="right")
    counts[np.isnan(op.trees.splits)] = 0
    trees = _without_constants(op.trees, counts == 0, counts == len(codes))
    splits = np.clip(counts - 1, 0, None) + limits.min
    return None, maker.input, _kept(trees, splits.astype(numpy_dtype(kind)))


def _places(op: TreeEnsembleOp) -> Encoded | None:
    """The trees for the places of the elements among all floats."""
    trees = op.trees
    if trees.missing.any():
        return None
    asked = ~np.isnan(trees.splits)
    if not asked.any():
        return None
    places = float_places(trees.splits)
    first, last = int(places[asked].min()), int(places[asked].max())
    shift = _shared_zeros(places[asked] - first)
    count = ((last - first) >> shift) + 1
    if first + (count << shift) > (1 << 31) - 1 or (count + 1) << shift > 1 << 31:
        return None
    kind = next(it for it in (ui8, i16, i32) if count < 1 << _bits(it))
    if _questions(trees) < WORTH[kind] * shape_of(op.input)[1]:
        return None
    step = make(
        FloatOrderOp,
        [op.input],
        TensorType(kind, shape_of(op.input)),
        first=integer(first),
        shift=integer(shift),
        count=integer(count),
    )
    encoded = _without_constants(trees, ~asked, np.zeros(len(asked), np.bool_))
    splits = np.where(asked, (places - first) >> shift, 0).astype(numpy_dtype(kind))
    return step, step.output, _kept(encoded, splits)


def _bits(kind: IntegerType) -> int:
    """The bits of the numbers from 0 on that a type has."""
    return kind.width.data - (not is_unsigned(kind))


def float_places(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Where float32 numbers are among all of them; both zeros are at 0."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _shared_zeros(distances: npt.NDArray[np.int64]) -> int:
    """How many of the last bits are 0 in all of some numbers; 0 where all numbers are."""
    joined = int(np.bitwise_or.reduce(distances))
    return min(30, (joined & -joined).bit_length() - 1) if joined else 0


def _questions(trees: Trees) -> float:
    """The nodes that a row meets in all trees, as a mean over the leaves."""
    count = len(trees.features)
    leaves, steps = np.ones(count + 1), np.zeros(count + 1)
    for node in reversed(range(count)):
        ways = np.maximum(trees.next[node], -1)
        leaves[node] = leaves[ways].sum()
        steps[node] = steps[ways].sum() + leaves[node]
    roots = np.maximum(trees.roots, -1)
    return float((steps[roots] / leaves[roots]).sum())


@dataclass(frozen=True)
class _Reduced:
    """Trees without some nodes, and the numbers of those that are left."""

    trees: Trees
    left: npt.NDArray[np.int64]


def _without_constants(trees: Trees, never: Array, always: Array) -> _Reduced:
    """Trees without the nodes that elements never, or always, pass on the first way."""
    count = len(trees.features)
    ends = np.arange(count)
    for node in reversed(range(count)):
        if never[node] or always[node]:
            way = int(trees.next[node, 0 if always[node] else 1])
            ends[node] = ends[way] if way >= 0 else way
    left = np.flatnonzero(~(never | always))
    numbers = np.full(count, 0)
    numbers[left] = np.arange(len(left))

    def renumbered(places: Array) -> Array:
        ended = np.where(places >= 0, ends[np.maximum(places, 0)], places)
        return np.where(ended >= 0, numbers[np.maximum(ended, 0)], ended).astype(np.int32)

    if not len(left):
        # One node, which no tree leads to, stands for none.
        left = np.zeros(1, np.int64)
        following = np.full((1, 2), -1, np.int32)
    else:
        following = renumbered(trees.next[left])
    reduced = replace(
        trees,
        features=trees.features[left],
        next=following,
        missing=np.zeros(len(left), np.bool_),
        roots=renumbered(trees.roots),
    )
    return _Reduced(reduced, left)


def _kept(reduced: _Reduced, splits: Array) -> Trees:
    """The trees with the splits of the nodes that are left."""
    return replace(reduced.trees, splits=splits[reduced.left])
