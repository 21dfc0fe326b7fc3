"""Rewrites of ensembles of decision trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from xdsl.dialects.builtin import Float16Type, Float64Type, TensorType, f32, i32
from xdsl.ir import SSAValue

from nnc.dialects.nn.functions import NegOp
from nnc.dialects.nn.reduction import ArgMaxOp
from nnc.dialects.nn.trees import Trees, make_ensemble
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.onnx.common import (
    add,
    cast,
    check_rank,
    concatenated,
    div,
    function,
    scalar,
    sub,
)
from nnc.passes.onnx.forests import COMPARISONS, Forest, Question, trees_of
from nnc.passes.onnx.labels import labelled, labels_of
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.post_transforms import KEEP_ORDER, POST_TRANSFORMS, transformed

_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
"""In the order of their numbers in TreeEnsemble."""


def _input(node: Node, to: Lowering) -> SSAValue:
    """The rows of elements that the trees look at, as float32."""
    input = node.value(0)
    check_rank(input, 1, 2)
    if isinstance(element_of(input), Float64Type | Float16Type):
        raise UnsupportedError(
            f"expected an input of f32, got {element_of(input)}",
            "a model that was exported for float32 inputs works",
        )
    shape = shape_of(input)
    return to.reshape(cast(to, input, f32), [1, *shape] if len(shape) == 1 else shape)


def _check_features(forest: Forest, input: SSAValue) -> None:
    count = shape_of(input)[1]
    for question in forest.questions:
        if not 0 <= question.feature < count:
            raise UnsupportedError(
                f"expected numbers of {count} elements in a row, got {question.feature}"
            )


def _ensemble(
    to: Lowering, input: SSAValue, trees: Trees, targets: int, aggregate: str = "sum"
) -> SSAValue:
    """The op of some trees."""
    return to.insert(make_ensemble(input, trees, targets, aggregate)).results[0]


@dataclass(frozen=True)
class _Attributes:
    """The attributes of TreeEnsembleClassifier and Regressor, as lists of equal lengths."""

    node: Node
    prefix: str

    def numbers(self, name: str) -> list[float]:
        """Numbers that are given as float32 or, as a tensor, in double precision."""
        tensor = self.node.tensor(f"{name}_as_tensor")
        if tensor is not None:
            return [float(value) for value in tensor.ravel()]
        return self.node.floats(name) or []

    def columns(self, prefix: str, names: Sequence[str]) -> list[list[int]]:
        """Integers of one length."""
        found = [self.node.ints(f"{prefix}_{name}") or [] for name in names]
        lengths = {len(column) for column in found}
        if len(lengths) > 1:
            listed = ", ".join(f"{prefix}_{name}" for name in names)
            raise UnsupportedError(f"expected {listed} of one length, got {sorted(lengths)}")
        return found

    def forest(self) -> Forest:
        """The trees. Raises `UnsupportedError`."""
        names = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
        trees, ids, features, true, false = self.columns("nodes", names)
        modes = self.node.strings("nodes_modes") or []
        values = self.numbers("nodes_values")
        missing = self.node.ints("nodes_missing_value_tracks_true") or [0] * len(ids)
        if not len(ids) == len(modes) == len(values) == len(missing) or not ids:
            raise UnsupportedError("expected nodes, each with a mode, a value and so on")
        rows = {key: row for row, key in enumerate(zip(trees, ids, strict=True))}
        if len(rows) < len(ids):
            raise UnsupportedError("expected nodes with numbers of their own, got one twice")
        # Questions and leaves are counted apart.
        places: dict[int, int] = {}
        counts = [0, 0]
        for row, mode in enumerate(modes):
            leaf = mode == "LEAF"
            places[row] = -1 - counts[1] if leaf else counts[0]
            counts[leaf] += 1

        def place(tree: int, number: int) -> int:
            if (tree, number) not in rows:
                raise UnsupportedError(f"expected a node {number} in tree {tree}, got none")
            return places[rows[tree, number]]

        questions = [
            Question(
                features[row],
                _comparison(modes[row]),
                [values[row]],
                bool(missing[row]),
                place(trees[row], true[row]),
                place(trees[row], false[row]),
            )
            for row in range(len(ids))
            if modes[row] != "LEAF"
        ]
        roots: dict[int, int] = {}
        for row, tree in enumerate(trees):
            roots.setdefault(tree, places[row])
        leaves: list[list[tuple[int, float]]] = [[] for _ in range(counts[1])]
        self._weights(rows, places, leaves)
        return Forest(questions, [roots[tree] for tree in sorted(roots)], leaves)

    def _weights(
        self,
        rows: dict[tuple[int, int], int],
        places: dict[int, int],
        leaves: list[list[tuple[int, float]]],
    ) -> None:
        trees, ids, targets = self.columns(self.prefix, ("treeids", "nodeids", "ids"))
        weights = self.numbers(f"{self.prefix}_weights")
        if len(weights) != len(targets):
            raise UnsupportedError(f"expected {len(targets)} weights, got {len(weights)}")
        for tree, number, target, weight in zip(trees, ids, targets, weights, strict=True):
            row = rows.get((tree, number))
            if row is None:
                raise UnsupportedError(f"expected a node {number} in tree {tree}, got none")
            if places[row] < 0:
                leaves[-1 - places[row]].append((target, weight))


def _comparison(mode: str) -> str:
    name = mode.removeprefix("BRANCH_")
    if name not in COMPARISONS or name == mode or name == "MEMBER":
        known = ", ".join(f"BRANCH_{it}" for it in COMPARISONS if it != "MEMBER")
        raise UnsupportedError(f"expected a mode of {known} or LEAF, got {mode}")
    return name


def _check_targets(forest: Forest, count: int, what: str) -> None:
    for leaf in forest.leaves:
        for target, _ in leaf:
            if not 0 <= target < count:
                raise UnsupportedError(f"expected {count} {what}, got the number {target}")


def _with_base(to: Lowering, scores: SSAValue, base: Sequence[float]) -> SSAValue:
    """Scores to which one number is added, or one for each target."""
    if not any(base):
        return scores
    if len(base) not in (1, shape_of(scores)[1]):
        raise UnsupportedError(f"expected {shape_of(scores)[1]} base values, got {len(base)}")
    return add(to, scores, to.reshape(to.numbers(list(base)), [1, len(base)]))


@rewrite("TreeEnsembleRegressor")
def _regressor(node: Node, to: Lowering) -> SSAValue:
    input, given = _input(node, to), _Attributes(node, "target")
    targets = node.int("n_targets", 1)
    aggregate = node.string("aggregate_function", "SUM")
    scores = _aggregated(to, input, given.forest(), targets, aggregate)
    scores = _with_base(to, scores, given.numbers("base_values"))
    node.result(shape_of(scores))
    return transformed(to, scores, node.string("post_transform", "NONE"))


def _aggregated(
    to: Lowering, input: SSAValue, forest: Forest, targets: int, aggregate: str
) -> SSAValue:
    if aggregate not in _AGGREGATES:
        known = ", ".join(_AGGREGATES)
        raise UnsupportedError(f"expected an aggregate_function of {known}, got {aggregate}")
    if targets < 1:
        raise UnsupportedError(f"expected at least one target, got {targets}")
    _check_features(forest, input)
    _check_targets(forest, targets, "targets")
    if aggregate in ("SUM", "AVERAGE"):
        forest = _without_zeros(forest)
    trees = trees_of(forest)
    if aggregate == "AVERAGE":
        total = _ensemble(to, input, trees, targets)
        return div(to, total, scalar(to, len(trees.roots), total))
    return _ensemble(to, input, trees, targets, aggregate.lower())


@rewrite("TreeEnsemble")
def _tree_ensemble(node: Node, to: Lowering) -> SSAValue:
    input = _input(node, to)
    aggregate = _numbered(node, "aggregate_function", _AGGREGATES, 1)
    transform = _numbered(node, "post_transform", POST_TRANSFORMS, 0)
    targets = node.int("n_targets", 1)
    scores = _aggregated(to, input, _unified_forest(node), targets, aggregate)
    node.result(shape_of(scores))
    return transformed(to, scores, transform)


def _numbered(node: Node, name: str, known: Sequence[str], default: int) -> str:
    number = node.int(name, default)
    if not 0 <= number < len(known):
        raise UnsupportedError(f"expected {name} below {len(known)}, got {number}")
    return known[number]


def _unified_forest(node: Node) -> Forest:
    """The trees of TreeEnsemble. Raises `UnsupportedError`."""

    def numbers(name: str) -> list[float]:
        tensor = node.tensor(name)
        return [] if tensor is None else [float(value) for value in tensor.ravel()]

    features = node.ints("nodes_featureids") or []
    modes = [int(number) for number in numbers("nodes_modes")]
    splits = numbers("nodes_splits")
    missing = node.ints("nodes_missing_value_tracks_true") or [0] * len(features)
    ways = [
        (node.ints(f"nodes_{side}nodeids") or [], node.ints(f"nodes_{side}leafs") or [])
        for side in ("true", "false")
    ]
    columns = [modes, splits, missing, *(column for way in ways for column in way)]
    if any(len(column) != len(features) for column in columns) or not features:
        raise UnsupportedError("expected nodes, each with a mode, a split and so on")
    targets, weights = node.ints("leaf_targetids") or [], numbers("leaf_weights")
    if len(targets) != len(weights):
        raise UnsupportedError(f"expected {len(targets)} weights of leaves, got {len(weights)}")
    members = _members(numbers("membership_values"))
    if len(members) != modes.count(COMPARISONS.index("MEMBER")):
        raise UnsupportedError("expected membership values for each set, delimited by NaN")
    sets = iter(members)

    def place(row: int, way: tuple[list[int], list[int]]) -> int:
        number, is_leaf = way[0][row], way[1][row]
        limit = len(targets) if is_leaf else len(features)
        if not 0 <= number < limit:
            raise UnsupportedError(
                f"expected nodes and leaves below {limit}, got the number {number}"
            )
        return -1 - number if is_leaf else number

    questions: list[Question] = []
    for row, mode in enumerate(modes):
        if not 0 <= mode < len(COMPARISONS):
            raise UnsupportedError(f"expected modes below {len(COMPARISONS)}, got {mode}")
        comparison = COMPARISONS[mode]
        value = next(sets) if comparison == "MEMBER" else [splits[row]]
        questions.append(
            Question(
                features[row],
                comparison,
                value,
                bool(missing[row]),
                place(row, ways[0]),
                place(row, ways[1]),
            )
        )
    roots = node.ints("tree_roots") or []
    if not roots or any(not 0 <= root < len(features) for root in roots):
        raise UnsupportedError(f"expected roots below {len(features)}, got {roots}")
    leaves = [[entry] for entry in zip(targets, weights, strict=True)]
    return Forest(questions, roots, leaves)


def _members(values: Sequence[float]) -> list[list[float]]:
    """The sets of members, of which NaN ends each; one may be left out at the end."""
    sets: list[list[float]] = [[]]
    for value in values:
        if np.isnan(value):
            sets.append([])
        else:
            sets[-1].append(value)
    # A set without members has NaN, which nothing equals.
    return [members or [float("nan")] for members in (sets if sets[-1] else sets[:-1])]


@rewrite("TreeEnsembleClassifier")
def _classifier(node: Node, to: Lowering) -> list[SSAValue]:
    """
    Scores for each class, and the label of the first of the largest. Where all weights are for one
    of two classes, they are those of the second, and the first gets what is left, or, before other
    transforms, the opposite.
    """
    input, given, labels = _input(node, to), _Attributes(node, "class"), labels_of(node)
    transform = node.string("post_transform", "NONE")
    base = given.numbers("base_values")
    forest = given.forest()
    _check_features(forest, input)
    _check_targets(forest, len(labels), "classes")
    one = _only_class(forest) if len(labels) == 2 else None
    if one is not None:
        base = [base[one]] if len(base) == 2 else base
        leaves = [[(0, weight) for _, weight in leaf] for leaf in forest.leaves]
        forest = replace(forest, leaves=leaves)
    trees = trees_of(_without_zeros(forest))
    count = len(labels) if one is None else 1
    votes = None if any(base) or transform != "NONE" else _votes(trees)
    if votes is not None:
        ranked = _ensemble(to, input, votes, count)
        total = cast(to, ranked, f32)
        scores = div(to, total, scalar(to, len(trees.roots), total))
    else:
        scores = ranked = _with_base(to, _ensemble(to, input, trees, count), base)
    if one is not None:
        kept = transform in ("NONE", "PROBIT")
        rest = sub(to, scalar(to, 1, scores), scores) if kept else function(to, NegOp, scores)
        scores = ranked = concatenated(to, [rest, scores], 1)
    node.result(shape_of(scores), 1)
    result = transformed(to, scores, transform)
    if transform not in KEEP_ORDER:
        ranked = result
    rows = shape_of(ranked)[0]
    best = to.op(ArgMaxOp, [ranked], TensorType(i32, [rows, 1]), axis=integer(1))
    label = labelled(node, to, to.reshape(best, [rows]), labels)
    to.classes[node.op.results[1]] = tuple(str(label) for label in labels)
    return [label, result]


def _without_zeros(forest: Forest) -> Forest:
    """Trees that are added up without weights of 0, which change no sum."""
    leaves = [[entry for entry in leaf if entry[1] != 0] for leaf in forest.leaves]
    return replace(forest, leaves=leaves)


def _only_class(forest: Forest) -> int | None:
    """The class that all weights are for, None where there are several."""
    found = {target for leaf in forest.leaves for target, _ in leaf}
    return found.pop() if len(found) == 1 else None


def _votes(trees: Trees) -> Trees | None:
    """
    Trees of which each gives an n-th to one class, or nothing, with votes of 1 in place of the
    weights; None where they are others.

    Shares of n-ths that are counted are rounded once: they, and which of them is the largest, are
    those of the mean of the trees' answers in double precision.
    """
    share = np.float32(1 / len(trees.roots))
    if not np.allclose(trees.weights, share, rtol=2**-23, atol=0):
        return None
    if (np.diff(trees.starts) > 1).any():
        return None
    return replace(trees, weights=np.ones(len(trees.weights), np.int32))
