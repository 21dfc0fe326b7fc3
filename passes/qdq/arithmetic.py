"""Sums, products and means between dequantisation and quantisation, and what joins tensors."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp
from nnc.dialects.nn.placement import ConcatOp
from nnc.dialects.nn.reduction import ReduceMeanOp, ReduceSumOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.passes.nn_builder import make
from nnc.passes.qdq.common import Ending, bits_of, ending, per_tensor, requantized
from nnc.passes.qdq.contract import Contract

SUMS = (AddOp, SubOp)
MEANS = (ReduceMeanOp, ReduceSumOp)


@dataclass(frozen=True)
class Arithmetic(RewritePattern):
    """Sums, products and means of quantised tensors, which round once or, sums, three times."""

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        end = ending(op, self.contract) if isinstance(op, QuantizeOp) else None
        if end is None or not isinstance(end.op, (*SUMS, MulOp, *MEANS)):
            return
        values = _operands(end)
        if values is None or not _fits(end.op, values):
            return
        rounding = self.contract.means if isinstance(end.op, MEANS) else self.contract.sums
        properties: dict[str, Attribute] = {**end.op.properties, "rounding": rounding}
        clamps, wide = not isinstance(end.op, MEANS), bits_of(values[0]) == 16
        if clamps:
            properties |= end.bounds()
        if isinstance(end.op, SUMS) and wide:
            properties["left_shift"] = IntegerAttr(_spare_bits(values), i64)
        result = TensorType(end.kind, shape_of(end.op.results[0]))
        new = type(end.op).create(operands=values, result_types=[result], properties=properties)
        behind, value = ([], new.results[0]) if clamps else end.clamped(new.results[0])
        rewriter.replace(op, [new, *behind], [value])


def _operands(end: Ending) -> list[SSAValue] | None:
    """The quantised operands of an op, all of the storage that the result has, or None."""
    values = [per_tensor(value) for value in end.op.operands]
    known = [value for value in values if value is not None]
    kinds = [quantization_of(value) for value in known]
    alike = all(kind is not None and kind.storage == end.kind.storage for kind in kinds)
    return known if alike and len(known) == len(values) else None


def _numbers(value: SSAValue) -> int:
    """The largest magnitude of a stored number less its zero point."""
    kind = quantization_of(value)
    assert kind is not None
    ends = kind.storage_min - kind.zero_point, kind.storage_max - kind.zero_point
    return max(abs(end) for end in ends)


def _fits(op: Operation, values: list[SSAValue]) -> bool:
    """Whether 32 bits hold what the op computes with."""
    if isinstance(op, MulOp):
        return _numbers(values[0]) * _numbers(values[1]) < 1 << 31
    if isinstance(op, ReduceMeanOp | ReduceSumOp):
        return _numbers(values[0]) * op.count < 1 << 31
    return True


def _spare_bits(values: list[SSAValue]) -> int:
    """By how many bits numbers of 16 bits are shifted before they are summed."""
    return 15 if all(_numbers(value) <= 1 << 15 for value in values) else 13


@dataclass(frozen=True)
class Concatenation(RewritePattern):
    """What is concatenated is brought to the scale of the result, stored value by stored value."""

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        end = ending(op, self.contract) if isinstance(op, QuantizeOp) else None
        if end is None or not isinstance(end.op, ConcatOp):
            return
        values = [per_tensor(value) for value in end.op.inputs]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return
        added: list[Operation] = []
        joined: list[SSAValue] = []
        for value in known:
            conversion, converted = requantized(value, end.kind, self.contract)
            added += conversion
            joined.append(converted)
        new = ConcatOp.create(
            operands=joined,
            result_types=[TensorType(end.kind, shape_of(end.op.output))],
            properties=dict(end.op.properties),
        )
        behind, value = end.clamped(new.results[0])
        rewriter.replace(op, [*added, new, *behind], [value])


class ConcatenationLater(RewritePattern):
    """Tensors of one type are concatenated as they are stored."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ConcatOp):
            return
        values = [per_tensor(value) for value in op.inputs]
        known = [value for value in values if value is not None]
        kinds = {element_of(value) for value in known}
        if len(known) < len(values) or len(kinds) != 1:
            return
        (kind,) = kinds
        assert isinstance(kind, UniformQuantizedType)
        new = ConcatOp.create(
            operands=known,
            result_types=[TensorType(kind, shape_of(op.output))],
            properties=dict(op.properties),
        )
        rewriter.replace(op, [new, make(DequantizeOp, [new.results[0]], op.output.type)])


def arithmetic_patterns(contract: Contract) -> list[RewritePattern]:
    """The patterns of arithmetic under a contract."""
    return [Arithmetic(contract), ConcatenationLater(), Concatenation(contract)]
