"""
Removes conversions between quantised types that change nothing, and merges those in a row.

Models that were quantised piece by piece convert values back and forth. What a conversion does to
each of the 256 (or 65,536) stored values is computed here by the reference semantics; it is removed
or merged only if no result changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import CastOp, ClampOp, DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.types import Array, quantization_of
from nnc.dialects.utils import Rounding
from nnc.passes.code_tables import codes, elements_of, has_one_scale, is_short
from nnc.passes.nn_builder import flag, integer, make
from nnc.passes.nn_rewriter import rewrite

Conversion = RequantizeOp | QuantizeOp | DequantizeOp | CastOp


class NnMergeRequantizePass(ModulePass):
    """
    Looks at single conversions and at two in a row. Those that give every stored value back are
    removed; those that only limit the stored values of one type become a clamp; two that equal one
    requantisation become that.
    """

    name = "nn-merge-requantize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Merge()])


class _Merge(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, Conversion):
            return
        if isinstance(op, CastOp) and op.input.type == op.output.type:
            rewriter.replace(op, [], [op.input])
            return
        before = op.input.owner
        chains = [[op], [before, op]] if isinstance(before, Conversion) else [[op]]
        for chain in chains:
            value = _equivalent(chain)
            if value is None:
                continue
            new = [] if value is chain[0].input else [value.owner]
            rewriter.replace(op, [o for o in new if isinstance(o, Operation)], [value])
            return


def _equivalent(chain: list[Conversion]) -> SSAValue | None:
    """The input of a chain or the result of a new op, if that has the same values."""
    source, target = chain[0].input, chain[-1].output
    kind, result = quantization_of(source), quantization_of(target)
    values = [source, *(op.output for op in chain)]
    if kind is None or result is None or not is_short(source) or not is_short(target):
        return None
    if not all(map(has_one_scale, values)):
        return None
    stored = codes(kind)
    results = stored
    for op in chain:
        results = elements_of(op, {op.input: results})
    alone = len(chain) == 1 or chain[0].output.has_one_use()
    if kind == result:
        if (results == stored).all():
            return source
        low, high = int(results[0]), int(results[-1])
        if alone and (results == np.clip(stored, low, high)).all():
            bounds = {"min": integer(low), "max": integer(high)}
            return make(ClampOp, [source], target.type, **bounds).output
    if len(chain) == 1 or not alone:
        return None
    for candidate in _requantizations(source, target, chain, results):
        if (elements_of(candidate, {source: stored}) == results).all():
            return candidate.output
        candidate.erase()
    return None


def _requantizations(
    source: SSAValue, target: SSAValue, chain: list[Conversion], results: Array
) -> Iterator[RequantizeOp]:
    """Requantisations that may equal a chain; those without bounds of their own come first."""
    roundings = [op.rounding.data for op in chain if isinstance(op, RequantizeOp)]
    choices = dict.fromkeys([*reversed(roundings), Rounding.DOUBLE])
    bounds = {"min": integer(int(results.min())), "max": integer(int(results.max()))}
    for limits, single, rounding in product(({}, bounds), (False, True), choices):
        yield make(
            RequantizeOp,
            [source],
            target.type,
            rounding=RoundingAttr(rounding),
            f32_multiplier=flag(single),
            **limits,
        )
