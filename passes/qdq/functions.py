"""Functions of one tensor between dequantisation and quantisation, where no table serves them."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.nn.functions import LogisticOp, TanhOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.nn.unary import FunctionOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import flag, make
from nnc.passes.qdq.common import ending, per_tensor
from nnc.passes.qdq.contract import Contract


@dataclass(frozen=True)
class Softmax(RewritePattern):
    """A softmax of stored values, with a scale of its own where it is not 1/256."""

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        end = ending(op, self.contract) if isinstance(op, QuantizeOp) else None
        if end is None or not isinstance(end.op, SoftmaxOp):
            return
        source = per_tensor(end.op.input)
        kind = None if source is None else element_of(source)
        if source is None or not isinstance(kind, UniformQuantizedType):
            return
        widths = kind.storage.width.data, end.kind.storage.width.data
        if widths == (16, 16) and (end.kind.scale, end.kind.zero_point) != (2.0**-15, 0):
            return
        if widths not in ((8, 8), (16, 16)):
            return
        exact = RoundingAttr(Rounding.F32) if self.contract.is_exact and widths[0] == 8 else None
        new = make(
            SoftmaxOp,
            [source],
            TensorType(end.kind, shape_of(end.op.output)),
            beta=end.op.beta,
            rounding=exact,
        )
        behind, value = end.clamped(new.output)
        rewriter.replace(op, [new, *behind], [value])


@dataclass(frozen=True)
class Clamps(RewritePattern):
    """
    Values moved into bounds: as they are stored where the type stays, or as TensorFlow Lite Micro
    does where its arithmetic is wanted.
    """

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp):
            return
        end = ending(op, self.contract)
        if end is None or not isinstance(end.op, DequantizeOp):
            return
        source = per_tensor(end.op.output)
        if source is None:
            return
        if element_of(source) == end.kind:
            behind, value = end.clamped(source)
            rewriter.replace(op, behind, [value])
            return
        kind = element_of(source)
        assert isinstance(kind, UniformQuantizedType)
        wide = 16 in (kind.storage.width.data, end.kind.storage.width.data)
        if not (self.contract.micro or wide) or self.contract.is_exact:
            return
        properties: dict[str, Attribute] = {
            "rounding": RoundingAttr(Rounding.DOUBLE if self.contract.micro else Rounding.SINGLE),
            **end.bounds(),
        }
        single = flag(self.contract.micro and not end.is_plain)
        if single is not None:
            properties["f32_multiplier"] = single
        result = TensorType(end.kind, shape_of(op.output))
        rewriter.replace(op, make(RequantizeOp, [source], result, **properties))


@dataclass(frozen=True)
class MicroFunctions(RewritePattern):
    """Functions as TensorFlow Lite Micro computes them."""

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or not self.contract.micro:
            return
        end = ending(op, self.contract)
        if end is None or not isinstance(end.op, FunctionOp):
            return
        source = per_tensor(end.op.input)
        kind = None if source is None else element_of(source)
        if source is None or not isinstance(kind, UniformQuantizedType):
            return
        if kind.storage != end.kind.storage or kind.storage.width.data != 8:
            return
        new = type(end.op).create(
            operands=[source],
            result_types=[TensorType(end.kind, shape_of(end.op.output))],
            properties=dict(end.op.properties),
        )
        fixed = flag(isinstance(end.op, LogisticOp | TanhOp) and _is_fixed_point(end.op, end.kind))
        if fixed is not None:
            new.properties["fixed_point"] = fixed
        behind, value = end.clamped(new.results[0])
        rewriter.replace(op, [new, *behind], [value])


def _is_fixed_point(op: FunctionOp, kind: UniformQuantizedType) -> bool:
    """Whether a result has the scale of TensorFlow Lite Micro's function."""
    if isinstance(op, LogisticOp):
        return (kind.scale, kind.zero_point) == (2.0**-8, -128)
    return (kind.scale, kind.zero_point) == (2.0**-7, 0)


@dataclass(frozen=True)
class RoundAway(RewritePattern):
    """TensorFlow Lite Micro rounds ties away from zero where ONNX takes the even number."""

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if isinstance(op, QuantizeOp) and self.contract.micro and op.ties_even is not None:
            rewriter.replace(op, make(QuantizeOp, [op.input], op.output.type))


def function_patterns(contract: Contract) -> list[RewritePattern]:
    """The patterns of functions under a contract."""
    kinds = (Softmax, Clamps, MicroFunctions, RoundAway)
    return [kind(contract) for kind in kinds]
