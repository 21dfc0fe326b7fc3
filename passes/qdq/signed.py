"""
Unsigned tensors as signed ones: `x - 128` with a zero point less 128 is the same number.

The kernels of int8 then serve models of uint8, and those of int16 models of uint16. What is left of
unsigned tensors is at the edges of the network, and beside ops on plain integers.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import make
from nnc.passes.qdq.common import MOVEMENTS, moved_stored


def signed(kind: UniformQuantizedType) -> UniformQuantizedType:
    """The signed type of the same numbers."""
    width = kind.storage.width.data
    half = 1 << (width - 1)
    storage = IntegerType(width)
    if kind.axis is None:
        return UniformQuantizedType.per_tensor(storage, kind.scale, kind.zero_point - half)
    zeros = np.asarray(kind.zero_points) - half
    return UniformQuantizedType.per_axis(storage, kind.axis, kind.scales, zeros)


def _unsigned(element: Attribute) -> UniformQuantizedType | None:
    """An unsigned type of 8 or 16 bits with one scale."""
    if not isinstance(element, UniformQuantizedType) or element.is_signed:
        return None
    return element if element.axis is None and element.storage.width.data in (8, 16) else None


def _shift(value: SSAValue, kind: UniformQuantizedType) -> RequantizeOp:
    """The same numbers in the other type."""
    result = TensorType(kind, shape_of(value))
    return make(RequantizeOp, [value], result, rounding=RoundingAttr(Rounding.DOUBLE))


def shift_of(value: SSAValue) -> SSAValue | None:
    """What a value is the same numbers as, of the other signedness."""
    owner = value.owner
    if not isinstance(owner, RequantizeOp) or owner.min is not None or owner.max is not None:
        return None
    source, target = quantization_of(owner.input), quantization_of(owner.output)
    assert source is not None and target is not None
    for one, other in ((source, target), (target, source)):
        if _unsigned(one) is not None and signed(one) == other:
            return owner.input
    return None


class SignedDequantize(RewritePattern):
    """An unsigned tensor is made signed before it becomes real numbers."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, DequantizeOp):
            return
        kind = _unsigned(element_of(op.input))
        if kind is None:
            return
        shift = _shift(op.input, signed(kind))
        rewriter.replace(op, [shift, make(DequantizeOp, [shift.output], op.output.type)])


class SignedQuantize(RewritePattern):
    """Real numbers become a signed tensor before an unsigned one."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp):
            return
        kind = _unsigned(element_of(op.output))
        if kind is None:
            return
        result = TensorType(signed(kind), shape_of(op.output))
        codes = make(QuantizeOp, [op.input], result, ties_even=op.ties_even)
        rewriter.replace(op, [codes, _shift(codes.output, kind)])


class ShiftsMeet(RewritePattern):
    """There and back again is nothing."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, RequantizeOp):
            return
        between = shift_of(op.output)
        source = None if between is None else shift_of(between)
        if source is not None and source.type == op.output.type:
            rewriter.replace(op, [], [source])


class ShiftLater(RewritePattern):
    """What only moves elements, or picks the largest, works on the signed tensor."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, (*MOVEMENTS, MaxPool2DOp)):
            return
        source = shift_of(op.operands[0])
        kind = quantization_of(op.operands[0])
        if source is None or kind is None or kind.is_signed:
            return
        small = quantization_of(source)
        assert small is not None
        properties = moved_stored(op, kind, small)
        new = type(op).create(
            operands=[source, *op.operands[1:]],
            result_types=[TensorType(small, shape_of(op.results[0]))],
            properties=properties,
        )
        rewriter.replace(op, [new, _shift(new.results[0], kind)])


SIGNED_PATTERNS: list[RewritePattern] = [
    SignedDequantize(),
    SignedQuantize(),
    ShiftsMeet(),
    ShiftLater(),
]
