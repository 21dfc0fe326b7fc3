"""Rewrites of support vector machines: SVMClassifier and SVMRegressor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, logic, reduction
from nnc.dialects.nn.vectors import CouplePairsOp, OneAgainstOneOp
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError, integers
from nnc.passes.onnx.common import (
    add,
    cast,
    clamped,
    compared,
    function,
    mul,
    reduced,
    scalar,
    selected,
    sub,
)
from nnc.passes.onnx.labels import labelled, labels_of
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.ml_common import largest, matrix, rows_of
from nnc.passes.onnx.ml_kernels import Kernel
from nnc.passes.onnx.ml_linear import dense, two_scores
from nnc.passes.onnx.post_transforms import transformed


def _rho(node: Node, count: int) -> list[float]:
    rho = node.floats("rho") or []
    if len(rho) < count:
        raise UnsupportedError(f"expected {count} numbers rho, got {len(rho)}")
    return rho[:count]


@rewrite("SVMRegressor")
def _svm_regressor(node: Node, to: Lowering) -> SSAValue:
    rows = rows_of(to, node.value(0))
    count, coefficients = node.int("n_supports"), node.floats("coefficients") or []
    bias = to.numbers(_rho(node, 1))
    if count:
        vectors = matrix(
            to, node.floats("support_vectors") or [], shape_of(rows)[1], "support_vectors"
        )
        if shape_of(vectors)[0] != count:
            raise UnsupportedError(f"expected {count} support vectors, got {shape_of(vectors)[0]}")
        rows = Kernel.of(node).of_rows(to, rows, vectors)
    weights = matrix(to, coefficients, shape_of(rows)[1], "coefficients")
    if shape_of(weights)[0] != 1:
        raise UnsupportedError(f"expected {shape_of(rows)[1]} coefficients of one target")
    scores = dense(to, rows, weights, bias)
    node.result(shape_of(scores))
    if node.string("post_transform", "NONE") != "NONE":
        to.remark("its post_transform is not applied, as in ONNX Runtime")
    if not node.int("one_class"):
        return scores
    inside = compared(to, logic.GreaterOp, scores, scalar(to, 0.0, scores))
    return selected(to, inside, scalar(to, 1.0, scores), scalar(to, -1.0, scores))


@rewrite("SVMClassifier")
def _svm_classifier(node: Node, to: Lowering) -> list[SSAValue]:
    labels = labels_of(node)
    if len(labels) < 2:
        raise UnsupportedError(f"expected 2 labels or more, got {len(labels)}")
    rows, counts = rows_of(to, node.value(0)), node.ints("vectors_per_class") or []
    make = _voted if sum(counts) else _linear
    place, scores = make(node, to, rows, labels)
    label = labelled(node, to, place, labels)
    node.result(shape_of(scores), 1)
    if shape_of(scores)[1] == len(labels):
        to.classes[node.op.results[1]] = tuple(map(str, labels))
    return [label, scores]


def _linear(
    node: Node, to: Lowering, rows: SSAValue, labels: Sequence[object]
) -> tuple[SSAValue, SSAValue]:
    """
    Without support vectors: a score for each class, all with the first rho. Of two classes ONNX
    Runtime takes the second if any score is above 0, or 0.5 where no coefficient is below 0.
    """
    coefficients = node.floats("coefficients") or []
    weights = matrix(to, coefficients, shape_of(rows)[1], "coefficients")
    if shape_of(weights)[0] != len(labels):
        raise UnsupportedError(
            f"expected coefficients of {len(labels)} classes, got {shape_of(weights)[0]}"
        )
    scores = dense(to, rows, weights, to.numbers(_rho(node, 1) * len(labels)))
    place = largest(to, scores)
    if len(labels) == 2:
        best = to.reshape(reduced(to, reduction.ReduceMaxOp, scores, [1]), shape_of(place))
        positive = min(coefficients) >= 0
        kind = logic.GreaterEqualOp if positive else logic.GreaterOp
        second = compared(to, kind, best, scalar(to, 0.5 if positive else 0.0, best))
        place = selected(to, second, scalar(to, 1, place), place)
    return place, transformed(to, scores, node.string("post_transform", "NONE"))


def _voted(
    node: Node, to: Lowering, rows: SSAValue, labels: Sequence[object]
) -> tuple[SSAValue, SSAValue]:
    """Every pair of classes decides for one of them, and the class that wins most often is it."""
    counts, classes = node.ints("vectors_per_class") or [], len(labels)
    if len(counts) != classes or min(counts) < 0:
        raise UnsupportedError(f"expected vectors_per_class of {classes} classes, got {counts}")
    pairs = classes * (classes - 1) // 2
    vectors = matrix(to, node.floats("support_vectors") or [], shape_of(rows)[1], "support_vectors")
    if shape_of(vectors)[0] != sum(counts):
        raise UnsupportedError(
            f"expected {sum(counts)} support vectors, got {shape_of(vectors)[0]}"
        )
    coefficients = matrix(to, node.floats("coefficients") or [], sum(counts), "coefficients")
    if shape_of(coefficients)[0] != classes - 1:
        raise UnsupportedError(
            f"expected {classes - 1} coefficients for each support vector, "
            f"got {shape_of(coefficients)[0]}"
        )
    kernel = Kernel.of(node).of_rows(to, rows, vectors)
    decisions = to.op(
        OneAgainstOneOp,
        [kernel, coefficients, to.numbers(_rho(node, pairs))],
        TensorType(f32, [shape_of(rows)[0], pairs]),
        vectors_per_class=integers(counts),
    )
    place = largest(to, _votes(to, decisions, classes))
    transform = node.string("post_transform", "NONE")
    if node.floats("prob_a"):
        probabilities = _probabilities(node, to, decisions, classes)
        return place, transformed(to, probabilities, transform)
    if classes > 2:
        return place, transformed(to, decisions, transform)
    if transform == "NONE":
        first = function(to, functions.NegOp, decisions)
    else:
        first = sub(to, scalar(to, 1.0, decisions), decisions)
    return place, two_scores(to, decisions, transform, first)


def _votes(to: Lowering, decisions: SSAValue, classes: int) -> SSAValue:
    """How many pairs each class wins, [N, K]: the second of a pair wins if the first does not."""
    wins = cast(to, compared(to, logic.GreaterOp, decisions, scalar(to, 0.0, decisions)), f32)
    weights = np.zeros([classes, shape_of(decisions)[1]], np.float32)
    for number, (first, second) in enumerate(combinations(range(classes), 2)):
        weights[first, number], weights[second, number] = 1, -1
    # Before the first pair is won, a class has the votes of all pairs in which it is second.
    return dense(to, wins, to.numbers(weights), to.numbers(np.arange(classes)))


def _probabilities(node: Node, to: Lowering, decisions: SSAValue, classes: int) -> SSAValue:
    """Platt's sigmoid of each pair's decision, then what fits all pairs best."""
    pairs = shape_of(decisions)[1]
    slopes, offsets = node.floats("prob_a") or [], node.floats("prob_b") or []
    if len(slopes) < pairs or len(offsets) != len(slopes):
        raise UnsupportedError(
            f"expected {pairs} numbers prob_a and prob_b, got {len(slopes)} and {len(offsets)}"
        )
    # 1 / (1 + exp(a * d + b)), without the difference from 1 that ONNX Runtime takes.
    slope, offset = (-np.asarray([it[:pairs]], np.float32) for it in (slopes, offsets))
    inner = add(to, mul(to, decisions, to.numbers(slope)), to.numbers(offset))
    wins = clamped(to, function(to, functions.LogisticOp, inner), 1e-7, 1 - 1e-7)
    return to.op(CouplePairsOp, [wins], TensorType(f32, [shape_of(decisions)[0], classes]))
