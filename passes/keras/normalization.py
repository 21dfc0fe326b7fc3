"""Normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.keras import normalization as source
from nnc.dialects.keras.base import axes_of, axis_of
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.binary import DivOp
from nnc.dialects.nn.functions import RsqrtOp
from nnc.dialects.nn.reduction import ReduceMeanOp, ReduceSumOp
from nnc.dialects.types import Array, shape_of
from nnc.passes.keras.lowering import Lowering, rewrite
from nnc.passes.nn_builder import UnsupportedError


def along(values: Array, axes: Sequence[int], rank: int) -> Array:
    """Numbers for positions of some axes, in a shape that stretches over all `rank` axes."""
    shape = [1] * rank
    for axis, size in zip(axes, values.shape, strict=True):
        shape[axis] = size
    return values.reshape(shape[min(axes, default=rank) :])


@rewrite(source.BatchNormalizationOp)
def _batch(op: source.BatchNormalizationOp, to: Lowering) -> SSAValue:
    """A factor and a summand for each channel, computed in float64 and rounded once."""
    if op.renorm.value.data:
        raise UnsupportedError("renormalisation is not supported", "renorm=False works")
    rank = len(shape_of(op.input))
    mean, variance = (
        to.needed(op, name).astype(np.float64) for name in ("moving_mean", "moving_variance")
    )
    gamma, beta = to.weight(op, "gamma"), to.weight(op, "beta")
    factor = 1.0 / np.sqrt(variance + op.epsilon.value.data)
    factor = factor if gamma is None else factor * gamma
    summand = -mean * factor if beta is None else beta - mean * factor
    axes = [op.channel_axis(rank)]
    value = to.binary(MulOp, to.value(op.input), to.number(along(factor, axes, rank)))
    return to.binary(AddOp, value, to.number(along(summand, axes, rank)))


def _standardized(to: Lowering, value: SSAValue, axes: Sequence[int], epsilon: float) -> SSAValue:
    """Numbers without their mean over some axes, divided by their standard deviation there."""
    centred = to.binary(SubOp, value, to.reduce(ReduceMeanOp, value, axes))
    return to.binary(MulOp, centred, _inverse_root(to, centred, axes, epsilon))


def _inverse_root(to: Lowering, value: SSAValue, axes: Sequence[int], epsilon: float) -> SSAValue:
    """One by the root of the mean square over some axes."""
    square = to.reduce(ReduceMeanOp, to.binary(MulOp, value, value), axes)
    return to.unary(RsqrtOp, to.binary(AddOp, square, epsilon))


def _scaled(
    op: source.ScaledOp, to: Lowering, value: SSAValue, axes: Sequence[int], rank: int
) -> SSAValue:
    """Times `gamma`, plus `beta`, where the layer has them."""
    gamma, beta = to.weight(op, "gamma"), to.weight(op, "beta")
    if gamma is not None:
        value = to.binary(MulOp, value, to.number(along(gamma, axes, rank)))
    if beta is not None:
        value = to.binary(AddOp, value, to.number(along(beta, axes, rank)))
    return value


@rewrite(source.LayerNormalizationOp)
def _layer(op: source.LayerNormalizationOp, to: Lowering) -> SSAValue:
    rank = len(shape_of(op.input))
    axes = axes_of(op.axis.get_values(), rank)
    value, epsilon = to.value(op.input), op.epsilon.value.data
    if not op.rms_scaling.value.data:
        return _scaled(op, to, _standardized(to, value, axes, epsilon), axes, rank)
    # The deviation is from the mean, which nevertheless stays in what is divided.
    centred = to.binary(SubOp, value, to.reduce(ReduceMeanOp, value, axes))
    value = to.binary(MulOp, value, _inverse_root(to, centred, axes, epsilon))
    return _scaled(op, to, value, axes, rank)


@rewrite(source.RMSNormalizationOp)
def _rms(op: source.RMSNormalizationOp, to: Lowering) -> SSAValue:
    rank = len(shape_of(op.input))
    axes = axes_of(op.axis.get_values(), rank)
    value = to.value(op.input)
    value = to.binary(MulOp, value, _inverse_root(to, value, axes, op.epsilon.value.data))
    return to.binary(MulOp, value, to.number(along(to.needed(op, "scale"), axes, rank)))


@rewrite(source.GroupNormalizationOp)
def _group(op: source.GroupNormalizationOp, to: Lowering) -> SSAValue:
    """Groups as an axis of their own, in front of the channels of a group."""
    shape = shape_of(op.input)
    axis, groups = axis_of(op.axis.value.data, len(shape)), op.group_count(shape)
    split = [*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :]]
    axes = [it for it in range(1, len(split)) if it != axis]
    value = to.reshape(to.value(op.input), split)
    value = _standardized(to, value, axes, op.epsilon.value.data)
    return _scaled(op, to, to.reshape(value, shape), [axis], len(shape))


@rewrite(source.UnitNormalizationOp)
def _unit(op: source.UnitNormalizationOp, to: Lowering) -> SSAValue:
    value = to.value(op.input)
    axes = axes_of(op.axis.get_values(), len(shape_of(value)))
    return unit_length(to, value, axes)


def unit_length(to: Lowering, value: SSAValue, axes: Sequence[int]) -> SSAValue:
    """
    Numbers divided by their Euclidean length over some axes, or by the least length that counts:
    1e-6 in Keras 2 (`tf.math.l2_normalize`), 1e-12 in Keras 3 (`keras.ops.normalize`).
    """
    total = to.reduce(ReduceSumOp, to.binary(MulOp, value, value), axes)
    least = 1e-12 if to.version == 2 else 1e-24
    return to.binary(MulOp, value, to.unary(RsqrtOp, to.clamp(total, least, None)))


@rewrite(source.NormalizationOp)
def _normalization(op: source.NormalizationOp, to: Lowering) -> SSAValue:
    """`(x - mean) / max(sqrt(variance), 1e-7)`, or its inverse."""
    shape = shape_of(op.input)
    kept = op.kept(len(shape))
    sizes = [shape[axis] for axis in kept]
    given = [
        np.asarray(list(option.get_values())) if option is not None else to.needed(op, name)
        for name, option in (("mean", op.mean), ("variance", op.variance))
    ]
    mean, variance = (
        along(np.broadcast_to(it.ravel(), int(np.prod(sizes))).reshape(sizes), kept, len(shape))
        for it in given
    )
    deviation = to.number(np.maximum(np.sqrt(variance.astype(np.float32)), np.float32(1e-7)))
    value = to.value(op.input)
    if op.invert.value.data:
        return to.binary(AddOp, to.binary(MulOp, value, deviation), to.number(mean))
    return to.binary(DivOp, to.binary(SubOp, value, to.number(mean)), deviation)
