"""
Lets ops clamp their own results instead of leaving it to a clamp behind them.

Layers clamp what they store anyway, to the range of the type; bounds of their own cost nothing,
while a clamp behind the layer reads and writes the whole tensor again.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32, i32, i64
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.arithmetic import BinaryOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.nn.conversion import ClampOp, ReshapeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of
from nnc.passes.bounds import Bounded, Bounds, bound_properties, bounds_of, composed
from nnc.passes.code_tables import uniform
from nnc.passes.nn_builder import make
from nnc.passes.nn_rewriter import rewrite


class NnFuseActivationsPass(ModulePass):
    """
    A maximum or minimum with a constant becomes a clamp; a clamp becomes bounds of the op that
    alone computes its input, if that op has bounds; a clamp that limits nothing is removed.
    """

    name = "nn-fuse-activations"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Extreme(), _Clamp()])


class _Extreme(RewritePattern):
    """`max(x, 0)` with a constant of one value is a clamp."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, MaximumOp | MinimumOp):
            return
        for value, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            constant = uniform(other)
            if constant is None or value.type != op.output.type:
                continue
            if element_of(other) != element_of(value):
                continue
            limit = constant[0].item()
            if limit != limit:
                return
            inner = (limit, None) if isinstance(op, MaximumOp) else (None, limit)
            bounds = composed(inner, bounds_of(op))
            new = make(ClampOp, [value], op.output.type, **bound_properties(bounds, op.output))
            rewriter.replace(op, new)
            return


class _Clamp(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ClampOp):
            return
        if not bound_properties(bounds_of(op), op.output):
            rewriter.replace(op, [], [op.input])
            return
        value, reshaped = op.input, False
        while isinstance(value.owner, ReshapeOp) and value.has_one_use():
            value, reshaped = value.owner.input, True
        producer = value.owner
        if not isinstance(producer, Bounded) or not value.has_one_use():
            return
        if element_of(value) != element_of(op.output) or not _clamps_last(producer):
            return
        bounds = composed(bounds_of(producer), bounds_of(op))
        new: list[Operation] = [_bounded(producer, bounds)]
        if reshaped:
            new.append(make(ReshapeOp, [new[0].results[0]], op.output.type))
        rewriter.replace(op, new)


def _bounded(producer: NnOp, bounds: Bounds) -> NnOp:
    new = producer.clone()
    for name in ("min", "max"):
        new.properties.pop(name, None)
    new.properties.update(bound_properties(bounds, new.results[0]))
    return new


def _clamps_last(op: Bounded) -> bool:
    """Whether bounds act on the op's result as a clamp behind it would: not before it wraps."""
    element = element_of(op.results[0])
    if isinstance(element, UniformQuantizedType) or element == f32 or isinstance(op, ClampOp):
        return True
    return isinstance(op, BinaryOp) and element in (i32, i64)
