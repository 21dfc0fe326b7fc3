"""Arithmetic, pooling and movement between dequantisation and quantisation."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.conversion import QuantizeOp
from nnc.dialects.nn.placement import ConcatOp
from nnc.dialects.nn.pooling import AveragePool2DOp
from nnc.dialects.nn.reduction import ReduceMeanOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.qdq.common import DOUBLE, SINGLE, Ending, ending, per_tensor, requantized

_ARITHMETIC = (AddOp, SubOp, MulOp, ReduceMeanOp)
_STORED = (AveragePool2DOp,)


class Others(RewritePattern):
    """
    Sums, products and means of quantised tensors round once themselves; what only picks or averages
    stored values is requantised behind it where the scale changes.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp):
            return
        end = ending(op)
        if end is None:
            return
        if isinstance(end.op, _ARITHMETIC):
            self._arithmetic(op, end, rewriter)
        elif isinstance(end.op, ConcatOp) and (end.low, end.high) == (None, None):
            self._concat(op, end, end.op, rewriter)
        elif isinstance(end.op, _STORED) and (end.low, end.high) == (None, None):
            self._stored(op, end, rewriter)

    def _arithmetic(self, op: QuantizeOp, end: Ending, rewriter: PatternRewriter) -> None:
        operands = [per_tensor(value) for value in end.op.operands]
        known = [value for value in operands if value is not None]
        if len(known) < len(operands) or not _one_storage([*known], end.kind):
            return
        if isinstance(end.op, ReduceMeanOp) and (end.low, end.high) != (None, None):
            return
        rounding = SINGLE if isinstance(end.op, ReduceMeanOp) else DOUBLE
        properties = {**end.op.properties, "rounding": rounding, **end.bounds()}
        result = TensorType(end.kind, shape_of(op.output))
        new = type(end.op).create(operands=known, result_types=[result], properties=properties)
        rewriter.replace(op, new)

    def _concat(
        self, op: QuantizeOp, end: Ending, concat: ConcatOp, rewriter: PatternRewriter
    ) -> None:
        operands = [per_tensor(value) for value in concat.inputs]
        known = [value for value in operands if value is not None]
        if len(known) < len(operands):
            return
        added: list[Operation] = []
        values: list[SSAValue] = []
        for value in known:
            conversion, converted = requantized(value, end.kind)
            added += conversion
            values.append(converted)
        new = ConcatOp.create(
            operands=values,
            result_types=[TensorType(end.kind, shape_of(op.output))],
            properties=dict(concat.properties),
        )
        rewriter.replace(op, [*added, new])

    def _stored(self, op: QuantizeOp, end: Ending, rewriter: PatternRewriter) -> None:
        source = per_tensor(end.op.operands[0])
        if source is None:
            return
        new = type(end.op).create(
            operands=[source, *end.op.operands[1:]],
            result_types=[TensorType(element_of(source), shape_of(op.output))],
            properties=dict(end.op.properties),
        )
        conversion, value = requantized(new.results[0], end.kind)
        rewriter.replace(op, [new, *conversion], [value])


def _one_storage(values: list[SSAValue], kind: UniformQuantizedType) -> bool:
    """Whether all values are stored as the result is."""
    kinds = [element_of(value) for value in values]
    return all(isinstance(it, UniformQuantizedType) and it.storage == kind.storage for it in kinds)


OTHER_PATTERNS: list[RewritePattern] = [Others()]
