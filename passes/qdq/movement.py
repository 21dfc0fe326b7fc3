"""
Movements beside dequantisation and quantisation: elements are moved as integers.

A dequantisation goes behind what only moves elements or picks the largest, a quantisation and a
clamp before it. Nothing changes, as all of these work element by element and keep the order of
numbers.
"""

from __future__ import annotations

from xdsl.dialects.builtin import FloatAttr, TensorType
from xdsl.ir import Attribute, Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import ClampOp, DequantizeOp, QuantizeOp, ReshapeOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import integer, make
from nnc.passes.qdq.common import MOVEMENTS, per_tensor


class DequantizeLater(RewritePattern):
    """A movement of real numbers is one of stored integers, and the largest is the largest."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, (*MOVEMENTS, MaxPool2DOp)):
            return
        if isinstance(op, MaxPool2DOp) and (op.min is not None or op.max is not None):
            return
        source = per_tensor(op.operands[0])
        kind = None if source is None else element_of(source)
        if source is None or not isinstance(kind, UniformQuantizedType):
            return
        properties = _stored(op, kind)
        if properties is None:
            return
        new = type(op).create(
            operands=[source, *op.operands[1:]],
            result_types=[TensorType(kind, shape_of(op.results[0]))],
            properties=properties,
        )
        rewriter.replace(op, [new, make(DequantizeOp, [new.results[0]], op.results[0].type)])


class JoinStored(RewritePattern):
    """Real numbers side by side that are stored alike are stored integers side by side."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ConcatOp):
            return
        sources = [per_tensor(operand) for operand in op.operands]
        known = [source for source in sources if source is not None]
        kinds = {element_of(source) for source in known}
        if len(known) < len(sources) or len(kinds) != 1:
            return
        result = TensorType(kinds.pop(), shape_of(op.output))
        new = make(ConcatOp, [known], result, **op.properties)
        rewriter.replace(op, [new, make(DequantizeOp, [new.results[0]], op.output.type)])


class QuantizeEarlier(RewritePattern):
    """What is moved and then quantised is quantised and then moved; so it is with clamps."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp | ClampOp) or not isinstance(
            op.input.owner, ReshapeOp | TransposeOp
        ):
            return
        before, kind = op.input.owner, element_of(op.output)
        if not op.input.has_one_use():
            return
        if isinstance(op, QuantizeOp) and not isinstance(kind, UniformQuantizedType):
            return
        first = type(op).create(
            operands=[before.input],
            result_types=[TensorType(kind, shape_of(before.input))],
            properties=dict(op.properties),
        )
        new = type(before).create(
            operands=[first.results[0]],
            result_types=[op.output.type],
            properties=dict(before.properties),
        )
        rewriter.replace(op, [first, new])


def _stored(op: Operation, kind: UniformQuantizedType) -> dict[str, Attribute] | None:
    """The properties of the op on stored integers; None where they cannot say the same."""
    if not isinstance(op, PadOp):
        return dict(op.properties)
    if not isinstance(op.value, FloatAttr) or op.value.value.data != 0.0:
        return None
    return {**op.properties, "value": integer(kind.zero_point)}


MOVEMENT_PATTERNS: list[RewritePattern] = [DequantizeLater(), JoinStored(), QuantizeEarlier()]
