"""Rewrites of what stands between a classifier and its labels."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.nn import movement
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.onnx.common import cast, check_rank
from nnc.passes.onnx.indexing import counted_from_start
from nnc.passes.onnx.lowering import Lowering, Node, numbered, rewrite

Labels: TypeAlias = tuple[str, ...] | tuple[int, ...]


def labels_of(node: Node) -> Labels:
    """
    The labels of a classifier, or of the keys of a map, in order; none where there are none.

    Raises `UnsupportedError` where there are texts and numbers.
    """
    strings = node.strings("classlabels_strings") or []
    numbers = node.ints("classlabels_int64s") or node.ints("classlabels_ints") or []
    if strings and numbers:
        raise UnsupportedError("expected labels that are strings or integers, got both")
    return tuple(strings) if strings else tuple(numbers)


def labelled(node: Node, to: Lowering, places: SSAValue, labels: Labels) -> SSAValue:
    """
    A classifier's first result, from the numbers of the classes [N] in int32. Texts are what the
    numbers mean.
    """
    result = node.result(shape_of(places), 0)
    if labels and isinstance(labels[0], str):
        names, values = numbered([str(label) for label in labels])
        to.names[node.op.results[0]] = names
    else:
        values = np.asarray(labels or [0], np.int64)
    if (values == np.arange(len(values))).all():
        return cast(to, places, result.element_type)
    return to.op(
        movement.GatherOp,
        [to.constant(values, result.element_type), places],
        result,
        axis=integer(0),
        batch_dims=integer(0),
    )


@rewrite("ZipMap")
def _zip_map(node: Node, to: Lowering) -> SSAValue:
    """The scores without the keys, which become the classes of the result."""
    scores, labels = node.value(0), labels_of(node)
    check_rank(scores, 1, 2)
    count = shape_of(scores)[-1]
    if labels and len(labels) != count:
        raise UnsupportedError(f"expected {count} labels, got {len(labels)}")
    to.classes[node.op.results[0]] = tuple(str(label) for label in labels or range(count))
    return scores


@rewrite("ArrayFeatureExtractor")
def _array_feature_extractor(node: Node, to: Lowering) -> SSAValue:
    """The elements along the last axis that an index tensor, whatever its shape, names."""
    input, indices = node.value(0), node.value(1)
    *outer, extent = shape_of(input)
    places = to.reshape(counted_from_start(to, indices, [extent]), [_count(indices)])
    result = node.result([*(outer or [1]), _count(indices)])
    rows = to.reshape(input, [*(outer or [1]), extent])
    axis = len(shape_of(rows)) - 1
    return to.op(
        movement.GatherOp, [rows, places], result, axis=integer(axis), batch_dims=integer(0)
    )


def _count(value: SSAValue) -> int:
    count = 1
    for extent in shape_of(value):
        count *= extent
    return count
