"""
Trees of ONNX's operators as those of `nn.tree_ensemble`.

ONNX has seven ways to compare and `nn` has one: `x <= split`, with a place for NaN. For float32
elements each other way is one or two of these: `x < t` is `x <= s` for the largest float32 number s
below t. Splits in double precision become float32 in the same way, without changing any answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nnc.dialects.nn.trees import Trees
from nnc.passes.nn_builder import UnsupportedError

COMPARISONS = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER")
"""The ways to compare, in the order of their numbers in TreeEnsemble."""


@dataclass(frozen=True)
class Question:
    """
    A node of the model. `value` are one number, or the members of a set. `true` and `false` are
    numbers of nodes, or -1 - k for leaf k.
    """

    feature: int
    comparison: str
    value: Sequence[float]
    missing: bool
    true: int
    false: int


@dataclass(frozen=True)
class Forest:
    """The trees of a model: `leaves` have (target, weight) pairs, `roots` are as in `Question`."""

    questions: Sequence[Question]
    roots: Sequence[int]
    leaves: Sequence[Sequence[tuple[int, float]]]


@dataclass
class _Node:
    """A node of `nn.tree_ensemble`; `first` is where to go from elements of at most the split."""

    feature: int
    split: np.float32
    first: int
    second: int
    missing: bool


def at_most(value: float) -> np.float32:
    """The largest float32 number that is not above a number; NaN, which none is, for NaN."""
    with np.errstate(over="ignore"):
        near = np.float32(value)
    return below(float(near)) if float(near) > value else near


def below(value: float) -> np.float32:
    """The largest float32 number below a number; NaN where there is none."""
    with np.errstate(over="ignore"):
        near = np.float32(value)
    if float(near) < value:
        return near
    if np.isneginf(near):
        return np.float32("nan")
    return np.nextafter(near, np.float32("-inf"))


def trees_of(forest: Forest) -> Trees:
    """The trees in the form of `nn`. Raises `UnsupportedError` for what are no trees."""
    nodes = _Nodes()
    for question in forest.questions:
        nodes.begin(question)
    for number, question in enumerate(forest.questions):
        nodes.build(number, question)
    roots = [nodes.place(root) for root in forest.roots]
    order = _ordered(nodes.nodes, roots)
    numbers = {old: new for new, old in enumerate(order)}

    def renumbered(place: int) -> int:
        return numbers[place] if place >= 0 else -1 - leaves[-1 - place]

    # Leaves with the same weights are one; and there are no tensors without elements.
    kept = [nodes.nodes[old] for old in order] or [_Node(0, np.float32(0), -1, -1, False)]
    shared: dict[tuple[tuple[int, float], ...], int] = {}
    leaves = [shared.setdefault(tuple(leaf), len(shared)) for leaf in forest.leaves]
    entries = [entry for leaf in shared for entry in leaf]
    starts = np.cumsum([0, *(len(leaf) for leaf in shared)])
    entries = entries or [(0, 0.0)]
    return Trees(
        features=np.asarray([node.feature for node in kept], np.int32),
        splits=np.asarray([node.split for node in kept], np.float32),
        next=np.asarray(
            [[renumbered(node.first), renumbered(node.second)] for node in kept], np.int32
        ),
        missing=np.asarray([node.missing for node in kept], np.bool_),
        roots=np.asarray([renumbered(root) for root in roots], np.int32),
        starts=starts.astype(np.int32),
        targets=np.asarray([target for target, _ in entries], np.int32),
        weights=np.asarray([weight for _, weight in entries], np.float32),
    )


@dataclass
class _Nodes:
    """Makes the nodes that questions become; each question's first one has a known number."""

    nodes: list[_Node] = field(default_factory=list[_Node])
    starts: list[int] = field(default_factory=list[int])
    count: int = 0

    def begin(self, question: Question) -> None:
        """Keeps numbers for the nodes of a question."""
        self.starts.append(self.count)
        self.count += 2 * len(question.value) if question.comparison in _DOUBLE else 1

    def place(self, place: int) -> int:
        """Where the nodes of a question begin; leaves are as they are."""
        return self.starts[place] if place >= 0 else place

    def build(self, number: int, question: Question) -> None:
        """Makes the nodes of a question."""
        true, false = self.place(question.true), self.place(question.false)
        missing = question.missing
        match question.comparison:
            case "LEQ":
                self._one(question, at_most, true, false, missing)
            case "LT":
                self._one(question, below, true, false, missing)
            case "GT":
                self._one(question, at_most, false, true, not missing)
            case "GTE":
                self._one(question, below, false, true, not missing)
            case "EQ" | "MEMBER":
                self._equal(question, true, false, missing)
            case _:
                # NaN equals nothing, so it is never sent where equal numbers go.
                self._equal(question, false, true, False)
        assert len(self.nodes) == (self.starts[number + 1 : number + 2] or [self.count])[0]

    def _one(
        self,
        question: Question,
        split: Callable[[float], np.float32],
        first: int,
        second: int,
        missing: bool,
    ) -> None:
        value = split(question.value[0])
        self.nodes.append(_Node(question.feature, value, first, second, missing))

    def _equal(self, question: Question, equal: int, other: int, missing: bool) -> None:
        """For each member in rising order: at most it, and then below it?"""
        members = sorted(question.value)
        for position, member in enumerate(members):
            number = len(self.nodes)
            last = position == len(members) - 1
            self.nodes += [
                _Node(
                    question.feature,
                    at_most(member),
                    number + 1,
                    other if last else number + 2,
                    missing and position == 0,
                ),
                _Node(question.feature, below(member), other, equal, False),
            ]


_DOUBLE = ("EQ", "NEQ", "MEMBER")
"""The comparisons that become two nodes for each number."""


def _ordered(nodes: Sequence[_Node], roots: Sequence[int]) -> list[int]:
    """
    The nodes that are reached, each before those that it leads to, and the first of these right
    behind it where it can be. Raises `UnsupportedError` for circles.
    """
    done: set[int] = set()
    path: set[int] = set()
    finished: list[int] = []
    for root in reversed(roots):
        stack = [(root, False)]
        while stack:
            number, left = stack.pop()
            if left:
                path.discard(number)
                done.add(number)
                finished.append(number)
            elif number in path:
                raise UnsupportedError("expected trees, got a node that leads back to itself")
            elif number >= 0 and number not in done:
                path.add(number)
                node = nodes[number]
                stack += [(number, True), (node.first, False), (node.second, False)]
    return finished[::-1]
