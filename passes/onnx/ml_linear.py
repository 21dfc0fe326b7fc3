"""Rewrites of linear models: LinearClassifier and LinearRegressor."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.ir import SSAValue

from nnc.dialects.nn import functions, logic
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import cast, compared, concatenated, function, scalar, sub
from nnc.passes.onnx.labels import labelled, labels_of
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.ml_common import largest, matrix, rows_of
from nnc.passes.onnx.post_transforms import transformed


def dense(to: Lowering, rows: SSAValue, weights: SSAValue, bias: SSAValue | None) -> SSAValue:
    """The products of rows, [N, D], with those of a matrix, [K, D], plus a vector [K]."""
    kind = TensorType(f32, [shape_of(rows)[0], shape_of(weights)[0]])
    return to.op(DenseOp, [rows, weights, bias], kind)


def _scores(node: Node, to: Lowering, targets: int | None) -> SSAValue:
    """The sums of a linear model, [N, targets]."""
    rows = rows_of(to, node.value(0))
    weights = matrix(to, node.floats("coefficients") or [], shape_of(rows)[1], "coefficients")
    count = shape_of(weights)[0]
    if targets is not None and count != targets:
        raise UnsupportedError(f"expected coefficients of {targets} targets, got {count}")
    intercepts = node.floats("intercepts")
    if intercepts and len(intercepts) != count:
        raise UnsupportedError(f"expected {count} intercepts, got {len(intercepts)}")
    bias = to.numbers(intercepts) if intercepts else None
    return dense(to, rows, weights, bias)


def two_scores(to: Lowering, score: SSAValue, transform: str, first: SSAValue) -> SSAValue:
    """
    The scores of two classes, [N, 2], from that of the second one, [N, 1]; `first` is that of the
    first one without a transform.
    """
    if transform == "PROBIT":
        raise UnsupportedError(
            "a post_transform PROBIT of one score is not supported: that of ONNX Runtime is not "
            "defined",
            "NONE works",
        )
    if transform == "LOGISTIC":
        first = function(to, functions.NegOp, score)
        return transformed(to, concatenated(to, [first, score], 1), transform)
    left_as_it_is(to, transform)
    return concatenated(to, [first, score], 1)


def left_as_it_is(to: Lowering, transform: str) -> None:
    """Remarks that a transform does nothing to one score."""
    if transform != "NONE":
        to.remark(f"its post_transform {transform} leaves one score as it is, as in ONNX Runtime")


@rewrite("LinearRegressor")
def _linear_regressor(node: Node, to: Lowering) -> SSAValue:
    scores = _scores(node, to, node.int("targets", 1))
    transform = node.string("post_transform", "NONE")
    node.result(shape_of(scores))
    if shape_of(scores)[1] > 1 or transform == "PROBIT":
        return transformed(to, scores, transform)
    left_as_it_is(to, transform)
    return scores


@rewrite("LinearClassifier")
def _linear_classifier(node: Node, to: Lowering) -> list[SSAValue]:
    """
    The class of the largest score before its transform. One score is that of the second of two
    classes, and the first one's is 1 less it.
    """
    if not node.floats("intercepts"):
        # ONNX and ONNX Runtime take their number for that of the scores.
        raise UnsupportedError("expected intercepts, got none", "zeros work")
    scores, labels = _scores(node, to, None), labels_of(node)
    rows, count = shape_of(scores)
    transform = node.string("post_transform", "NONE")
    if count > 1:
        if len(labels) != count:
            raise UnsupportedError(f"expected {count} labels, got {len(labels)}")
        label = labelled(node, to, largest(to, scores), labels)
        scores = transformed(to, scores, transform)
    else:
        if len(labels) != 2:
            raise UnsupportedError(f"expected 2 labels for one score, got {len(labels)}")
        positive = compared(to, logic.GreaterOp, scores, scalar(to, 0.0, scores))
        place = to.reshape(cast(to, positive, i32), [rows])
        label = labelled(node, to, place, labels)
        scores = two_scores(to, scores, transform, sub(to, scalar(to, 1.0, scores), scores))
    node.result(shape_of(scores), 1)
    to.classes[node.op.results[1]] = tuple(map(str, labels))
    return [label, scores]
