"""
Turns what is a function of 8 bits into a table of its 256 results.

Whatever a chain of elementwise ops computes from one stored value of 8 bits - a sigmoid, a swish, a
dequantised detour through floats - its result is one of 256 numbers, which the reference semantics
know at compile time. The table costs 256 bytes of flash and one load an element. Functions of 16
bits that are interpolated between 513 places get these as a constant.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i16
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import ElementwiseOp
from nnc.dialects.nn.conversion import (
    CastOp,
    ClampOp,
    ConstantOp,
    Lookup16Op,
    LookupOp,
    RequantizeOp,
)
from nnc.dialects.nn.quantized import is_8_bit
from nnc.dialects.nn.unary import FunctionOp
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.passes.code_tables import codes, elements_of, has_one_scale, uniform
from nnc.passes.nn_builder import make
from nnc.passes.nn_rewriter import rewrite


class NnTabulatePass(ModulePass):
    """
    Replaces elementwise ops, together with the elementwise ops that compute their operands, by one
    `nn.lookup`, where all of them depend on nothing but the same element of one tensor, and both
    that tensor and the result are quantised to 8 bits. A function of 16 bits that is interpolated
    becomes an `nn.lookup16`.
    """

    name = "nn-tabulate"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Tabulate(), _Interpolate()])


class _Tabulate(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ElementwiseOp) or not is_8_bit(element_of(op.results[0])):
            return
        cone = _cone(op)
        if cone is None or not cone.is_worth_it:
            return
        (source,) = cone.open
        kind = quantization_of(source)
        assert kind is not None
        known = {source: codes(kind)}
        for step in reversed(cone.steps):
            known[step.results[0]] = elements_of(step, known)
        result = op.results[0]
        table = ConstantOp.of(known[result], element_of(result))
        table.output.name_hint = "table"
        rewriter.replace(op, [table, make(LookupOp, [source, table.output], result.type)])


def tabulated(op: ElementwiseOp) -> bool:
    """Whether the pass replaces an op, with those before it, by a table."""
    if not is_8_bit(element_of(op.results[0])):
        return False
    cone = _cone(op)
    return cone is not None and cone.is_worth_it


class _Interpolate(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        places = op.places() if isinstance(op, FunctionOp) else None
        if places is None:
            return
        table = ConstantOp.of(places, i16)
        table.output.name_hint = "table"
        (result,) = op.results
        rewriter.replace(op, [table, make(Lookup16Op, [op.operands[0], table.output], result.type)])


@dataclass
class _Cone:
    """
    Elementwise ops that lead to one result, the last first, and the values that they are computed
    from, constants aside.
    """

    steps: list[ElementwiseOp] = field(default_factory=list[ElementwiseOp])
    open: set[SSAValue] = field(default_factory=set[SSAValue])

    def with_op(self, op: ElementwiseOp) -> _Cone:
        """The cone that takes in the op that computes one of its open values."""
        operands = op.operands[:1] if isinstance(op, LookupOp | Lookup16Op) else op.operands
        needed = {value for value in operands if uniform(value) is None}
        return _Cone([*self.steps, op], (self.open - {*op.results}) | needed)

    @property
    def is_worth_it(self) -> bool:
        """Whether a table does better than the ops: than one clamp, table or sum, it does not."""
        (op, *others) = self.steps
        if not others and isinstance(op, RequantizeOp):
            return not op.keeps_scale
        return bool(others) or not isinstance(op, LookupOp | ClampOp | CastOp)


def _cone(op: ElementwiseOp) -> _Cone | None:
    """
    The ops that an op and those before it can be tabulated with: back to the earliest value of 8
    bits that is needed for nothing else, or else to the last one.
    """
    shape, best = shape_of(op.results[0]), None
    cone = _Cone().with_op(op)
    while cone.open and _is_alike(cone.steps[-1]):
        latest = max(cone.open, key=_position)
        if shape_of(latest) != shape or isinstance(latest.owner, ConstantOp):
            return best
        if len(cone.open) == 1 and is_8_bit(element_of(latest)):
            best = cone
            if any(use.operation not in cone.steps for use in latest.uses):
                return best
        if not isinstance(latest.owner, ElementwiseOp):
            return best
        cone = cone.with_op(latest.owner)
    return best


def _is_alike(op: ElementwiseOp) -> bool:
    """Whether an op treats all elements alike, which scales along an axis would prevent."""
    constant = isinstance(op.operands[-1].owner, ConstantOp)
    table = isinstance(op, LookupOp | Lookup16Op)
    return all(map(has_one_scale, (*op.operands, *op.results))) and (constant or not table)


def _position(value: SSAValue) -> int:
    """Where in its block a value is computed."""
    owner = value.owner
    if not isinstance(owner, Operation):
        return -1
    block = owner.parent_block()
    assert block is not None
    return block.get_operation_index(owner)
