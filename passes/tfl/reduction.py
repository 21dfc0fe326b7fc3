"""Rewrites of operators that fold a tensor along axes, or run along one."""

from __future__ import annotations

from typing import TypeAlias

from xdsl.dialects.builtin import (
    TensorType,
    UnitAttr,
    f32,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import reduction
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import reduction as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, integer, integers
from nnc.passes.tfl.lowering import (
    DOUBLE,
    U8,
    Lowering,
    axes_of,
    axis_of,
    check_one_type,
    check_type,
    is_quantized,
    quantized,
    rewrite,
    scalar_of,
)

_Reduction: TypeAlias = tuple[type[reduction.ReduceOp], tuple[Attribute, ...], tuple[int, ...]]

_REDUCTIONS: dict[type[source.ReduceOp], _Reduction] = {
    source.MeanOp: (reduction.ReduceMeanOp, (f32, i32, i64), (8, 16)),
    source.SumOp: (reduction.ReduceSumOp, (f32, i32, i64), (8, 16)),
    source.ReduceProdOp: (reduction.ReduceProdOp, (f32, i32, i64), (8, 16)),
    source.ReduceMaxOp: (reduction.ReduceMaxOp, (f32, i8, i16, i32, i64, U8), (8, 16)),
    source.ReduceMinOp: (reduction.ReduceMinOp, (f32, i8, i16, i32, i64, U8), (8, 16)),
    source.ReduceAnyOp: (reduction.ReduceAnyOp, (i1,), ()),
    source.ReduceAllOp: (reduction.ReduceAllOp, (i1,), ()),
}
"""The op of each reduction, and the plain types and quantised widths that it is defined for."""


@rewrite(*_REDUCTIONS)
def _reduce(op: source.ReduceOp, to: Lowering) -> SSAValue:
    kind, plain, widths = _REDUCTIONS[type(op)]
    input = to.value(op.input)
    shape = shape_of(input)
    axes = axes_of(to.known_ints(to.value(op.axis), "the axes"), len(shape))
    kept = [1 if axis in axes else extent for axis, extent in enumerate(shape)]
    keep = bool(op.keep_dims.value.data)
    final = kept if keep else [n for axis, n in enumerate(shape) if axis not in axes]
    result = to.result(op.output, final)
    check_one_type(plain, widths, element_of(input), result.element_type)
    _check_same_scale(op, input, result)
    if not axes:
        return _nothing_folded(to, input, result)
    folded = to.op(
        kind,
        [input],
        TensorType(result.element_type, kept),
        axes=integers(axes),
        **_rounding(op, to, input),
    )
    return to.reshape(folded, result.get_shape())


def _rounding(op: source.ReduceOp, to: Lowering, input: SSAValue) -> dict[str, Attribute]:
    """How a quantised sum or mean is rescaled."""
    if not is_quantized(input) or not isinstance(op, source.SumOp | source.MeanOp):
        return {}
    signed = quantized(input, 8, 16).is_signed
    if isinstance(op, source.SumOp) and signed and not to.micro:
        to.remark("computed as in the optimised kernels; the reference kernels are wrong")
        return {"in_f32": UnitAttr()}
    return {"rounding": DOUBLE}


def _check_same_scale(op: source.ReduceOp, input: SSAValue, result: TensorType[Attribute]) -> None:
    extreme = isinstance(op, source.ReduceMaxOp | source.ReduceMinOp)
    if extreme and element_of(input) != result.element_type:
        raise UnsupportedError("expected a result with the scale and zero point of the input")


def _nothing_folded(to: Lowering, input: SSAValue, result: TensorType[Attribute]) -> SSAValue:
    if element_of(input) != result.element_type:
        raise UnsupportedError("expected at least one axis")
    return to.reshape(input, result.get_shape())


@rewrite(source.ArgMaxOp)
def _arg_max(op: source.ArgMaxOp, to: Lowering) -> SSAValue:
    return _arg(op, to, reduction.ArgMaxOp)


@rewrite(source.ArgMinOp)
def _arg_min(op: source.ArgMinOp, to: Lowering) -> SSAValue:
    return _arg(op, to, reduction.ArgMinOp)


def _arg(
    op: source.ArgMaxOp | source.ArgMinOp, to: Lowering, kind: type[reduction.ArgOp]
) -> SSAValue:
    input = to.value(op.input)
    shape = shape_of(input)
    axis = axis_of(scalar_of(to.known(to.value(op.axis), "the axis"), "an axis"), len(shape))
    check_one_type((f32, i1, i8, i32, U8), (8,), element_of(input))
    result = to.result(op.output, [*shape[:axis], *shape[axis + 1 :]])
    check_type(result.element_type, i32, i64)
    kept = TensorType(result.element_type, [*shape[:axis], 1, *shape[axis + 1 :]])
    place = to.op(kind, [input], kept, axis=integer(axis))
    return to.reshape(place, result.get_shape())


@rewrite(source.CumsumOp)
def _cumsum(op: source.CumsumOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    check_one_type((f32, i32, i64), (), element_of(input), result.element_type)
    place = scalar_of(to.known(to.value(op.axis), "the axis"), "an axis")
    return to.op(
        reduction.CumsumOp,
        [input],
        result,
        axis=integer(axis_of(place, len(shape_of(input)))),
        exclusive=flag(bool(op.exclusive.value.data)),
        reverse=flag(bool(op.reverse.value.data)),
    )


@rewrite(source.TopkV2Op)
def _top_k(op: source.TopkV2Op, to: Lowering) -> list[SSAValue]:
    input = to.value(op.input)
    *outer, extent = shape_of(input)
    count = scalar_of(to.known(to.value(op.k), "k"), "k")
    if not 1 <= count <= extent:
        raise UnsupportedError(f"expected k between 1 and {extent}, got {count}")
    values, indices = (to.result(value, [*outer, count]) for value in (op.values, op.indices))
    check_one_type((f32, i8, i16, i32, i64, U8), (8, 16), element_of(input), values.element_type)
    check_type(indices.element_type, i32, i16)
    if isinstance(values.element_type, UniformQuantizedType):
        input = to.stored_as(input, values.element_type)
    first = to.op(reduction.TopKOp, [input], values, indices)
    return list(first.owner.results) if isinstance(first.owner, reduction.TopKOp) else []
