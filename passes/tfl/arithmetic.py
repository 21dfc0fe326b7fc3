"""Rewrites of elementwise arithmetic."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.nn.arithmetic import AddOp, SumOp
from nnc.dialects.nn.arithmetic import SubOp as NnSubOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.tfl import binary as source
from nnc.dialects.types import shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.lowering import Lowering, is_quantized, quantized, rewrite

DOUBLE = RoundingAttr(Rounding.DOUBLE)


def broadcast(*values: SSAValue) -> tuple[int, ...]:
    """The shape to which tensors stretch."""
    shapes = [shape_of(value) for value in values]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise UnsupportedError(f"expected shapes that broadcast, got {shapes}") from None


@rewrite(source.AddOp)
def _add(op: source.AddOp, to: Lowering) -> SSAValue:
    return _sum(op, to, AddOp)


@rewrite(source.SubOp)
def _sub(op: source.SubOp, to: Lowering) -> SSAValue:
    return _sum(op, to, NnSubOp)


def _sum(op: source.AddOp | source.SubOp, to: Lowering, kind: type[SumOp]) -> SSAValue:
    lhs, rhs = to.value(op.lhs), to.value(op.rhs)
    result = to.result(op.output, broadcast(lhs, rhs))
    wide = is_quantized(lhs) and quantized(lhs, 8, 16).storage.width.data == 16
    return activated(
        to,
        op.fused_activation_function,
        result,
        lambda bounds: to.op(
            kind,
            [lhs, rhs],
            result,
            rounding=DOUBLE if is_quantized(lhs) else None,
            left_shift=integer(15) if wide else None,
            **bounds,
        ),
    )
