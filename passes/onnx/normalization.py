"""Rewrites of normalisations and of softmax, of floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, logic, normalization, reduction
from nnc.dialects.nn.movement import OneHotOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError, integer, real
from nnc.passes.onnx.common import (
    absolute,
    add,
    aligned,
    check_type,
    compared,
    div,
    function,
    mul,
    reduced,
    scalar,
    selected,
    sub,
)
from nnc.passes.onnx.lowering import Lowering, Node, axis_of, rewrite


@rewrite("BatchNormalization")
def _batch_normalization(node: Node, to: Lowering) -> list[SSAValue]:
    """
    A factor and a summand for each channel, computed at compile time in double precision where the
    statistics are constants.
    """
    input, *rest = (node.value(k) for k in range(5))
    check_type(input, f32)
    if node.int("spatial", 1) != 1:
        raise UnsupportedError("expected statistics of channels, got those of every element")
    training = bool(node.int("training_mode"))
    if not training and any(node.wanted(k) for k in range(1, 5)):
        raise UnsupportedError("the statistics are results in training only, which it is not in")
    rank, epsilon = len(shape_of(input)), node.float("epsilon", 1e-5)
    if rank < 2 or any(shape_of(value) != (shape_of(input)[1],) for value in rest):
        raise UnsupportedError("expected one number of each statistic for each channel")
    if training:
        return _in_training(node, to, input, rest)
    known = [to.folded(value) for value in rest]
    if all(values is not None for values in known):
        scale, shift, mean, variance = (np.asarray(values, np.float64) for values in known)
        with np.errstate(all="ignore"):
            factor = scale / np.sqrt(variance + epsilon)
        factors = to.numbers(factor), to.numbers(shift - mean * factor)
    else:
        scale, shift, mean, variance = rest
        deviation = function(to, functions.SqrtOp, add(to, variance, scalar(to, epsilon, mean)))
        ratio = div(to, scale, deviation)
        factors = ratio, sub(to, shift, mul(to, mean, ratio))
    scaled = mul(to, input, aligned(to, factors[0], rank))
    return [add(to, scaled, aligned(to, factors[1], rank))]


def _in_training(
    node: Node, to: Lowering, input: SSAValue, rest: Sequence[SSAValue]
) -> list[SSAValue]:
    """
    Normalised by the statistics of the batch itself; the given ones only move towards them, which
    are further results.
    """
    scale, shift, old_mean, old_variance = rest
    rank, share = len(shape_of(input)), node.float("momentum", 0.9)
    axes = [axis for axis in range(rank) if axis != 1]
    mean = reduced(to, reduction.ReduceMeanOp, input, axes)
    centred = sub(to, input, mean)
    variance = reduced(to, reduction.ReduceMeanOp, mul(to, centred, centred), axes)
    epsilon = scalar(to, node.float("epsilon", 1e-5), variance)
    inverse = function(to, functions.RsqrtOp, add(to, variance, epsilon))
    scaled = mul(to, mul(to, centred, inverse), aligned(to, scale, rank))
    results = [add(to, scaled, aligned(to, shift, rank))]
    for old, new in ((old_mean, mean), (old_variance, variance)):
        if len(results) < len(node.op.results):
            flat = to.reshape(new, shape_of(old))
            kept, moved = scalar(to, share, old), scalar(to, 1.0 - share, old)
            results.append(add(to, mul(to, old, kept), mul(to, flat, moved)))
    return results


def moments(
    to: Lowering, value: SSAValue, axes: Sequence[int], epsilon: float
) -> tuple[SSAValue, SSAValue, SSAValue]:
    """A tensor less its mean along axes, the mean, and the inverse of its deviation."""
    mean = reduced(to, reduction.ReduceMeanOp, value, axes)
    centred = sub(to, value, mean)
    inverse = inverse_root(to, mul(to, centred, centred), axes, epsilon)
    return centred, mean, inverse


def inverse_root(to: Lowering, square: SSAValue, axes: Sequence[int], epsilon: float) -> SSAValue:
    """1 / sqrt(mean + epsilon) of squares along axes."""
    variance = reduced(to, reduction.ReduceMeanOp, square, axes)
    return function(to, functions.RsqrtOp, add(to, variance, scalar(to, epsilon, variance)))


@rewrite("InstanceNormalization")
def _instance_normalization(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    check_type(input, f32)
    rank = len(shape_of(input))
    centred, _, inverse = moments(to, input, list(range(2, rank)), node.float("epsilon"))
    factor = mul(to, inverse, aligned(to, node.value(1), rank))
    return add(to, mul(to, centred, factor), aligned(to, node.value(2), rank))


@rewrite("GroupNormalization")
def _group_normalization(node: Node, to: Lowering) -> SSAValue:
    input, groups = node.value(0), node.int("num_groups")
    check_type(input, f32)
    batch, channels, *spatial = shape_of(input)
    if groups < 1 or channels % groups:
        raise UnsupportedError(f"expected groups that divide {channels} channels, got {groups}")
    rows = to.reshape(input, [batch, groups, channels // groups * prod(spatial)])
    centred, _, inverse = moments(to, rows, [2], node.float("epsilon"))
    value = mul(to, centred, inverse)
    rank, scale, bias = len(shape_of(input)), node.value(1), node.value(2)
    if node.since < 21:
        # Scale and bias are those of groups.
        value = mul(to, value, to.reshape(scale, [1, groups, 1]))
        return to.reshape(add(to, value, to.reshape(bias, [1, groups, 1])), shape_of(input))
    value = mul(to, to.reshape(value, shape_of(input)), aligned(to, scale, rank))
    return add(to, value, aligned(to, bias, rank))


@rewrite("LayerNormalization")
def _layer_normalization(node: Node, to: Lowering) -> list[SSAValue]:
    input, bias = node.value(0), node.optional(2)
    check_type(input, f32)
    rank = len(shape_of(input))
    axes = list(range(axis_of(node.int("axis", -1), rank), rank))
    centred, mean, inverse = moments(to, input, axes, node.float("epsilon", 1e-5))
    value = mul(to, mul(to, centred, inverse), node.value(1))
    return [value if bias is None else add(to, value, bias), mean, inverse]


@rewrite("RMSNormalization")
def _rms_normalization(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    check_type(input, f32)
    rank = len(shape_of(input))
    axes = list(range(axis_of(node.int("axis", -1), rank), rank))
    inverse = inverse_root(to, mul(to, input, input), axes, node.float("epsilon", 1e-5))
    return mul(to, mul(to, input, inverse), node.value(1))


@rewrite("MeanVarianceNormalization")
def _mean_variance(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    check_type(input, f32)
    rank = len(shape_of(input))
    axes = sorted(axis_of(axis, rank) for axis in node.ints("axes") or [0, 2, 3])
    mean = reduced(to, reduction.ReduceMeanOp, input, axes)
    centred = sub(to, input, mean)
    variance = reduced(to, reduction.ReduceMeanOp, mul(to, centred, centred), axes)
    deviation = function(to, functions.SqrtOp, variance)
    return div(to, centred, add(to, deviation, scalar(to, 1e-9, deviation)))


@rewrite("LpNormalization")
def _lp_normalization(node: Node, to: Lowering) -> SSAValue:
    input, p = node.value(0), node.int("p", 2)
    check_type(input, f32)
    axis = axis_of(node.int("axis", -1), len(shape_of(input)))
    size = absolute(to, input) if p == 1 else mul(to, input, input)
    norm = reduced(to, reduction.ReduceSumOp, size, [axis])
    norm = norm if p == 1 else function(to, functions.SqrtOp, norm)
    # A row of zeros stays one.
    nothing = compared(to, logic.EqualOp, norm, scalar(to, 0.0, norm))
    return div(to, input, selected(to, nothing, scalar(to, 1.0, norm), norm))


@rewrite("LRN")
def _local_response(node: Node, to: Lowering) -> SSAValue:
    input, size = node.value(0), node.int("size")
    check_type(input, f32)
    if len(shape_of(input)) < 2 or size < 1:
        raise UnsupportedError("expected channels, and a window of at least 1")
    last = to.channels_last(input)
    value = to.op(
        normalization.LocalResponseNormalizationOp,
        [last],
        last.type,
        before=integer((size - 1) // 2),
        after=integer(size // 2),
        bias=real(node.float("bias")),
        # ONNX divides alpha by the size of the window.
        alpha=real(node.float("alpha") / size),
        beta=real(node.float("beta")),
    )
    return to.channels_first(value)


def along_rows(
    node: Node,
    to: Lowering,
    input: SSAValue,
    make: Callable[[SSAValue], SSAValue],
    version: int | None = None,
) -> SSAValue:
    """
    What `make` computes of rows, along the operator's axis; before version 13 along that axis and
    all behind it. `version` is that of the operator unless given.
    """
    shape = shape_of(input)
    rank = len(shape)
    if (node.since if version is None else version) < 13:
        axis = node.int("axis", 1)
        axis = axis + rank if axis < 0 else axis
        if not 0 <= axis <= rank:
            raise UnsupportedError(f"expected an axis between {-rank} and {rank}, got {axis}")
        rows = to.reshape(input, [prod(shape[:axis]), prod(shape[axis:])])
        return to.reshape(make(rows), shape)
    axis = axis_of(node.int("axis", -1), rank)
    order = [*(k for k in range(rank) if k != axis), axis]
    back = [order.index(k) for k in range(rank)]
    return to.transposed(make(to.transposed(input, order)), back)


@rewrite("Softmax")
def _softmax(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)

    def make(rows: SSAValue) -> SSAValue:
        return to.op(SoftmaxOp, [rows], rows.type, beta=real(1.0))

    return along_rows(node, to, node.value(0), make)


@rewrite("LogSoftmax")
def _log_softmax(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)

    def make(rows: SSAValue) -> SSAValue:
        return to.op(normalization.LogSoftmaxOp, [rows], rows.type)

    return along_rows(node, to, node.value(0), make)


@rewrite("Hardmax")
def _hardmax(node: Node, to: Lowering) -> SSAValue:
    check_type(node.value(0), f32)

    def make(rows: SSAValue) -> SSAValue:
        *outer, extent = shape_of(rows)
        place = to.op(
            reduction.ArgMaxOp, [rows], TensorType(i32, [*outer, 1]), axis=integer(len(outer))
        )
        numbers = [to.constant(np.asarray([value], np.float32), f32) for value in (1, 0)]
        return to.op(
            OneHotOp,
            [to.reshape(place, outer), *numbers],
            TensorType(f32, [*outer, extent]),
            axis=integer(len(outer)),
        )

    return along_rows(node, to, node.value(0), make)
