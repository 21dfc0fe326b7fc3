"""
Asymmetric weights as symmetric ones, which kernels want.

A weight less its zero point needs 9 bits. Most of those of trained layers fit into 8 all the same;
what is beyond is the weight of a second copy of its input channel: x * 150 = x * 127 + x * 23.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import TensorType, i32
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp
from nnc.dialects.nn.movement import GatherOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.passes.nn_builder import integer, make
from nnc.passes.qdq.common import constant

LARGEST = 127
ALIGNMENT = 4
"""Of this many channels our kernels take one word at a time."""


class SymmetricWeights(RewritePattern):
    """
    An int8 convolution or dense layer whose weights have a zero point, with a copy of each input
    channel that has a weight beyond 8 bits; not where copies would be more than a quarter of them.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, Conv2DOp | DenseOp):
            return
        kind, source = quantization_of(op.weights), quantization_of(op.input)
        stored = constant(op.weights)
        if kind is None or source is None or stored is None or quantization_of(op.output) is None:
            return
        if kind.storage.width.data != 8 or not kind.zero_points.any():
            return
        if source.storage.width.data != 8 or source.axis is not None:
            return
        if isinstance(op, Conv2DOp) and op.groups.value.data != 1:
            return
        places, weights = _spread(op.numbers(stored, op.weights).astype(np.int64))
        channels = stored.shape[-1]
        if places.size - channels > max(channels // 4, ALIGNMENT):
            return
        added: list[Operation] = []
        input = op.input
        if places.size > channels:
            indices = ConstantOp.of(places.astype(np.int32), i32)
            copies = make(
                GatherOp,
                [input, indices.results[0]],
                TensorType(source, [*shape_of(input)[:-1], places.size]),
                axis=integer(len(shape_of(input)) - 1),
                batch_dims=integer(0),
            )
            added += [indices, copies]
            input = copies.output
        kernel = ConstantOp.of(weights.astype(np.int8), _symmetric(kind))
        new = type(op).create(
            operands=[input, kernel.results[0], *op.operands[2:]],
            result_types=[op.output.type],
            properties=dict(op.properties),
            attributes=dict(op.attributes),
        )
        rewriter.replace(op, [*added, kernel, new])


def _spread(numbers: Array) -> tuple[Array, Array]:
    """
    The input channels, maybe several times, and weights for them of at most 8 bits whose sums over
    the copies of a channel are the given ones; channels are the last axis.
    """
    places = [np.arange(numbers.shape[-1])]
    first = np.clip(numbers, -LARGEST, LARGEST)
    parts, rest = [first], numbers - first
    while rest.any():
        beyond = np.flatnonzero(rest.any(axis=tuple(range(rest.ndim - 1))))
        if places[0].size % ALIGNMENT == 0:
            beyond = np.concatenate([beyond, np.repeat(beyond[:1], -beyond.size % ALIGNMENT)])
        part = np.clip(rest[..., beyond], -LARGEST, LARGEST)
        # A channel that only fills up has no weights.
        part[..., np.unique(beyond).size :] = 0
        places.append(beyond)
        parts.append(part)
        rest = rest.copy()
        rest[..., np.unique(beyond)] -= part[..., : np.unique(beyond).size]
    return np.concatenate(places), np.concatenate(parts, axis=-1)


def _symmetric(kind: UniformQuantizedType) -> UniformQuantizedType:
    """The type with zero points of 0."""
    if kind.axis is None:
        return UniformQuantizedType.per_tensor(kind.storage, kind.scale)
    zeros = np.zeros(kind.scales.size, np.int64)
    return UniformQuantizedType.per_axis(kind.storage, kind.axis, kind.scales, zeros)


WEIGHT_PATTERNS: list[RewritePattern] = [SymmetricWeights()]
