"""Rewrites of comparisons, truth values, bits and choices."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, f32, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import binary, logic
from nnc.dialects.tfl import binary as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import flag
from nnc.passes.tfl.arithmetic import operands_of
from nnc.passes.tfl.lowering import (
    U8,
    Lowering,
    broadcast,
    check_one_type,
    check_type,
    is_quantized,
    quantized,
    rewrite,
)


@rewrite(source.BitwiseXorOp)
def _bitwise_xor(op: source.BitwiseXorOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (i1, i8, i16, i32, U8))
    return to.op(logic.XorOp, [lhs, rhs], result)


@rewrite(source.RightShiftOp)
def _right_shift(op: source.RightShiftOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (i8, i16, i32, U8))
    return to.op(binary.ShiftRightOp, [lhs, rhs], result)


@rewrite(source.LogicalAndOp)
def _logical_and(op: source.LogicalAndOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (i1,))
    return to.op(logic.AndOp, [lhs, rhs], result)


@rewrite(source.LogicalOrOp)
def _logical_or(op: source.LogicalOrOp, to: Lowering) -> SSAValue:
    lhs, rhs, result = operands_of(op, to, (i1,))
    return to.op(logic.OrOp, [lhs, rhs], result)


_COMPARISONS: dict[type[source.ComparisonOp], type[logic.ComparisonOp]] = {
    source.EqualOp: logic.EqualOp,
    source.NotEqualOp: logic.NotEqualOp,
    source.LessOp: logic.LessOp,
    source.LessEqualOp: logic.LessEqualOp,
    source.GreaterOp: logic.GreaterOp,
    source.GreaterEqualOp: logic.GreaterEqualOp,
}


@rewrite(*_COMPARISONS)
def _comparison(op: source.ComparisonOp, to: Lowering) -> SSAValue:
    lhs, rhs = to.value(op.lhs), to.value(op.rhs)
    check_one_type((f32, i1, i8, i16, i32, i64, U8), (8, 16), element_of(lhs), element_of(rhs))
    result = to.result(op.output, broadcast(lhs, rhs))
    check_type(result.element_type, i1)
    ordered = not isinstance(op, source.EqualOp | source.NotEqualOp)
    stored = False
    if is_quantized(lhs):
        kinds = quantized(lhs, 8, 16), quantized(rhs, 8, 16)
        stored = ordered and kinds[0].storage.width.data == 16
        if stored and kinds[0].scale != kinds[1].scale:
            to.remark("stored values of different scales are compared, as in the reference kernels")
        if not stored and max(kind.scale for kind in kinds) >= 1:
            to.remark("the scale is at least 1; the reference kernels give arbitrary results there")
    return to.op(_COMPARISONS[type(op)], [lhs, rhs], result, stored=flag(stored))


@rewrite(source.SelectOp)
def _select(op: source.SelectOp, to: Lowering) -> SSAValue:
    condition, x = to.value(op.condition), to.value(op.x)
    shape = shape_of(condition)
    if len(shape) == 1 and len(shape_of(x)) > 1:
        # A condition of rank 1 chooses whole rows of the first axis.
        condition = to.reshape(condition, [shape[0], *[1] * (len(shape_of(x)) - 1)])
    return _choice(op, to, condition, to.like(op.output, x))


@rewrite(source.SelectV2Op)
def _select_v2(op: source.SelectV2Op, to: Lowering) -> SSAValue:
    condition = to.value(op.condition)
    shape = broadcast(condition, to.value(op.x), to.value(op.y))
    return _choice(op, to, condition, to.result(op.output, shape))


def _choice(
    op: source.SelectOp | source.SelectV2Op,
    to: Lowering,
    condition: SSAValue,
    result: TensorType[Attribute],
) -> SSAValue:
    """The kernels copy stored values, whatever the scales are."""
    x, y = to.value(op.x), to.value(op.y)
    check_one_type(
        (f32, i1, i8, i16, i32, i64, U8),
        (8, 16),
        element_of(x),
        element_of(y),
        result.element_type,
    )
    element = result.element_type
    operands = [condition, to.stored_as(x, element), to.stored_as(y, element)]
    return to.op(logic.SelectOp, operands, result)
