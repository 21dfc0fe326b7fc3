"""
Keeps sums of signs integers: floats that are small whole numbers become `i8`, or stay signs.

A sum of a few signs is a whole number, as is the largest of some, or one that an activation cuts
off at a whole number; a float holds it in four bytes, exactly. Integers hold it in one. What reads
it gets the very same number: a mean divides the same whole sum, and a layer whose weights are whole
as well adds up whole products, which floats do without rounding below 2^24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, f32, i8
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import AddOp, SubOp
from nnc.dialects.nn.conversion import (
    CastOp,
    ClampOp,
    ConstantOp,
    DequantizeOp,
    QuantizeOp,
    ReshapeOp,
)
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.movement import SliceOp, TransposeOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.reduction import ReduceMeanOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, BinType, element_of, shape_of
from nnc.passes.bounds import Bounds, bounds_of
from nnc.passes.nn_builder import integer, integers, make
from nnc.passes.nn_rewriter import rewrite

_SUMS = AddOp | SubOp
_KEEPING = MaxPool2DOp | ClampOp | ReshapeOp | TransposeOp | SliceOp
"""Ops of one tensor whose results are among its elements, or are their bounds."""

_LAYERS = Conv2DOp | DepthwiseConv2DOp | DenseOp
_UNITS = UniformQuantizedType.per_tensor(i8, 1.0, 0)
_EXACT = 1 << 24
"""Up to here float32 has every whole number."""

Range = tuple[int, int]


class NnNarrowIntegersPass(ModulePass):
    """
    Sums and differences of signs become `i8`, as do maxima, clamps and moves of such numbers. Means
    are taken of signs and integers, and convolutions and dense layers with weights that are whole
    read them without floats between.
    """

    name = "nn-narrow-integers"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        known = _Ranges()
        rewrite(op, [_Sum(known), _Keep(known), _Mean(), _PoolMean(), _Sign(), _Layer(known)])


def _whole(value: SSAValue) -> SSAValue | None:
    """The signs or the `i8` that a float is made of; None if it is made of anything else."""
    source = value.owner
    if element_of(value) != f32:
        return None
    if isinstance(source, DequantizeOp) and element_of(source.input) == BIN:
        return source.input
    if isinstance(source, CastOp) and element_of(source.input) == i8:
        return source.input
    return None


@dataclass
class _Ranges:
    """The smallest and the largest number that a tensor of signs or `i8` can have."""

    found: dict[SSAValue, Range] = field(default_factory=dict[SSAValue, Range])

    def of(self, value: SSAValue) -> Range:
        """The range; that of the type where nothing else is known."""
        if isinstance(element_of(value), BinType):
            return -1, 1
        return self.found.get(value, (-128, 127))

    def note(self, value: SSAValue, found: Range) -> None:
        """Remembers the range of a new value."""
        self.found[value] = found


def _floats(whole: SSAValue, like: SSAValue) -> list[Operation]:
    return [make(CastOp, [whole], like.type)]


@dataclass
class _Sum(RewritePattern):
    """The sum of whole numbers."""

    known: _Ranges

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, _SUMS) or bounds_of(op) != (None, None):
            return
        lhs, rhs = _whole(op.lhs), _whole(op.rhs)
        if lhs is None or rhs is None:
            return
        (low, high), (least, most) = self.known.of(lhs), self.known.of(rhs)
        if isinstance(op, SubOp):
            least, most = -most, -least
        if low + least < -128 or high + most > 127:
            return
        total = make(type(op), [lhs, rhs], TensorType(i8, shape_of(op.output)))
        self.known.note(total.output, (low + least, high + most))
        rewriter.replace(op, [total, *_floats(total.output, op.output)])


@dataclass
class _Keep(RewritePattern):
    """What moves whole numbers, or cuts them off, gives whole numbers."""

    known: _Ranges

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, _KEEPING):
            return
        source = _whole(op.input)
        if source is None or element_of(source) != i8:
            return
        bounds = bounds_of(op) if isinstance(op, MaxPool2DOp | ClampOp) else (None, None)
        inside = _whole_bounds(bounds)
        if inside is None or (isinstance(op, MaxPool2DOp) and not op.window().reads()):
            return
        low, high = (None if bound is None else integer(bound) for bound in inside)
        properties: dict[str, Attribute | None] = {**op.properties}
        if bounds != (None, None):
            properties |= {"min": low, "max": high}
        kept = make(type(op), [source], TensorType(i8, shape_of(op.output)), **properties)
        self.known.note(kept.output, _cut(self.known.of(source), inside))
        rewriter.replace(op, [kept, *_floats(kept.output, op.output)])


def _whole_bounds(bounds: Bounds) -> tuple[int | None, int | None] | None:
    """Bounds as whole numbers of `i8`; None where one is no such number."""
    if any(bound is not None and bound not in range(-128, 128) for bound in bounds):
        return None
    low, high = (None if bound is None else int(bound) for bound in bounds)
    return low, high


def _cut(given: Range, bounds: tuple[int | None, int | None]) -> Range:
    low, high = (
        -128 if bounds[0] is None else bounds[0],
        127 if bounds[1] is None else bounds[1],
    )
    return min(max(given[0], low), high), min(max(given[1], low), high)


class _PoolMean(RewritePattern):
    """The mean of a window of whole numbers."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, AveragePool2DOp):
            return
        source = _whole(op.input)
        if source is not None:
            new = op.clone()
            new.operands[0] = source
            rewriter.replace(op, new)


class _Mean(RewritePattern):
    """The mean of whole numbers over time or over an image."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ReduceMeanOp):
            return
        source, shape = _whole(op.input), shape_of(op.input)
        axes = sorted(op.axes.get_values())
        if source is None or len(shape) < 3 or axes != list(range(1, len(shape) - 1)):
            return
        count = int(np.prod(shape[1:-1]))
        image = [shape[0], 1, count, shape[-1]]
        flat = make(ReshapeOp, [source], TensorType(element_of(source), image))
        mean = make(
            AveragePool2DOp,
            [flat.output],
            TensorType(f32, [shape[0], 1, 1, shape[-1]]),
            kernel=integers([1, count]),
            strides=integers([1, 1]),
            padding=integers([0] * 4),
        )
        rewriter.replace(op, [flat, mean, make(ReshapeOp, [mean.output], op.output.type)])


class _Sign(RewritePattern):
    """The sign of a whole number."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or element_of(op.output) != BIN:
            return
        source = _whole(op.input)
        if source is not None and element_of(source) == i8:
            rewriter.replace(op, [make(QuantizeOp, [source], op.output.type)])


@dataclass
class _Layer(RewritePattern):
    """A layer that multiplies whole numbers with whole weights and gives floats."""

    known: _Ranges

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, _LAYERS) or element_of(op.output) != f32 or op.accumulator != f32:
            return
        source = op.input if element_of(op.input) == BIN else _whole(op.input)
        if source is None:
            return
        found = _whole_weights(op.weights)
        if found is None:
            return
        constants, weights, largest = found
        low, high = self.known.of(source)
        products = np.prod(shape_of(op.weights), dtype=np.int64) // shape_of(op.output)[-1]
        if int(products) * largest * max(-low, high) >= _EXACT:
            return
        ops: list[Operation] = [*constants]
        if element_of(source) == i8:
            ops.append(make(CastOp, [source], TensorType(_UNITS, shape_of(source))))
            source = ops[-1].results[0]
        rewriter.replace(op, [*ops, *_summed(op, source, weights)])


def _whole_weights(weights: SSAValue) -> tuple[list[Operation], SSAValue, int] | None:
    """Weights that are whole, behind a constant that is needed, and their largest magnitude."""
    element, owner = element_of(weights), weights.owner
    if isinstance(element, BinType):
        return [], weights, 1
    if isinstance(element, UniformQuantizedType):
        return [], weights, 256
    if element != f32 or not isinstance(owner, ConstantOp) or owner.is_elided:
        return None
    if not (np.abs(owner.values) == 1).all():
        return None
    signs = ConstantOp.of(owner.values < 0, BIN)
    return [signs], signs.output, 1


def _summed(op: AccumulatingOp, source: SSAValue, weights: SSAValue) -> Sequence[Operation]:
    """The layer with a whole sum, and what comes after it in floats: bias and clamp."""
    kept = {name: it for name, it in op.properties.items() if name != "operandSegmentSizes"}
    clamp = {name: kept.pop(name) for name in ("min", "max") if name in kept}
    if op.bias is None:
        return [make(type(op), [source, weights, None], op.output.type, **kept, **clamp)]
    total = make(type(op), [source, weights, None], op.output.type, **kept)
    return [total, make(AddOp, [total.output, op.bias], op.output.type, **clamp)]
