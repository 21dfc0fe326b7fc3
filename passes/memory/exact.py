"""
Offsets by complete search: is there a placement of at most so many bytes?

Each pair of bodies that can collide must be separated one way or the other, which makes a problem
of differences: every body has a lowest and a highest offset, every pair a range of differences, and
each decision narrows them until a pair has no way left, or the lowest offsets collide nowhere and
are a solution. Bisection between the lower bound and the best known placement then finds the
optimum, or narrows the gap, within a fixed number of decisions and updates.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from nnc.passes.memory.offsets import align_up, height, place, split_easy
from nnc.passes.memory.placement import Problem
from nnc.passes.memory.sharing import Interval

_UPDATES = 50_000
_LEAST = 1_000
_BODIES = 36
"""More bodies than these were never placed by complete search within such a budget."""


@dataclass(slots=True)
class _Budget:
    """How many updates a search may still make, and how many it has made."""

    updates: int
    spent: int = 0


@dataclass(slots=True)
class _Node:
    """Bounds on the offsets, and on the difference of each pair."""

    low: list[int]
    high: list[int]
    ranges: list[Interval]


class _Search:
    """Whether the bodies fit below a target."""

    def __init__(self, problem: Problem, bodies: list[int], target: int, budget: _Budget) -> None:
        self._alignments = [problem.alignments[body] for body in bodies]
        self._sizes = [problem.sizes[body] for body in bodies]
        self._budget = budget
        local = {body: number for number, body in enumerate(bodies)}
        self._pairs: list[tuple[int, int]] = []
        self._gaps: list[tuple[Interval, ...]] = []
        self._touching: list[list[int]] = [[] for _ in bodies]
        for body in bodies:
            for other, intervals in problem.forbidden[body].items():
                if other in local and local[other] < local[body]:
                    for end in (local[body], local[other]):
                        self._touching[end].append(len(self._pairs))
                    self._pairs.append((local[other], local[body]))
                    self._gaps.append(intervals)
        high = [
            (target - size) & -alignment
            for size, alignment in zip(self._sizes, self._alignments, strict=True)
        ]
        self._root = _Node([0] * len(bodies), high, [(-target, target)] * len(self._pairs))

    def solve(self) -> list[int] | None:
        """
        Offsets, or None if there are none or the budget is spent.
        """
        stack: list[tuple[_Node, list[int]]] = [(self._root, list(range(len(self._pairs))))]
        while stack and self._budget.updates > 0:
            node, changed = stack.pop()
            if not self._propagate(node, changed):
                continue
            choice = self._collision(node)
            if choice is None:
                return node.low
            pair, (start, end) = choice
            low, high = node.ranges[pair]
            first, second = self._pairs[pair]
            difference = node.low[second] - node.low[first]
            below = _narrowed(node, pair, (low, start - 1))
            above = _narrowed(node, pair, (end, high))
            nearer_above = end - difference <= difference - (start - 1)
            order = (below, above) if nearer_above else (above, below)
            stack.extend((child, [pair]) for child in order)
        return None

    def _propagate(self, node: _Node, changed: list[int]) -> bool:
        """Narrow bounds until nothing follows any more. False: contradiction, or out of budget."""
        queue, queued = deque(changed), set(changed)
        while queue:
            pair = queue.popleft()
            queued.discard(pair)
            self._budget.updates -= 1
            self._budget.spent += 1
            if self._budget.updates <= 0:
                return False
            moved = self._update(node, pair)
            if moved is None:
                return False
            for body in moved:
                for other in self._touching[body]:
                    if other not in queued:
                        queued.add(other)
                        queue.append(other)
        return True

    def _update(self, node: _Node, pair: int) -> list[int] | None:
        """The bodies whose bounds moved because of one pair; None if the pair has no way left."""
        first, second = self._pairs[pair]
        lows, highs = node.low, node.high
        low = max(node.ranges[pair][0], lows[second] - highs[first])
        high = min(node.ranges[pair][1], highs[second] - lows[first])
        for start, end in self._gaps[pair]:
            if start <= low < end:
                low = end
        for start, end in reversed(self._gaps[pair]):
            if start <= high < end:
                high = start - 1
        if low > high:
            return None
        node.ranges[pair] = low, high
        moved: list[int] = []
        for body, bottom, top in (
            (first, lows[second] - high, highs[second] - low),
            (second, lows[first] + low, highs[first] + high),
        ):
            bottom = align_up(bottom, self._alignments[body])
            top &= -self._alignments[body]
            if bottom > lows[body] or top < highs[body]:
                lows[body] = max(lows[body], bottom)
                highs[body] = min(highs[body], top)
                moved.append(body)
            if lows[body] > highs[body]:
                return None
        return moved

    def _collision(self, node: _Node) -> tuple[int, Interval] | None:
        """Of the pairs that collide at their lowest offsets, the one with least room, and where."""
        best: tuple[int, int, Interval] | None = None
        for pair, (first, second) in enumerate(self._pairs):
            difference = node.low[second] - node.low[first]
            for start, end in self._gaps[pair]:
                if not start <= difference < end:
                    continue
                room = node.high[first] - node.low[first] + node.high[second] - node.low[second]
                room -= end - start
                if best is None or room < best[0]:
                    best = room, pair, (start, end)
        return None if best is None else best[1:]


def _narrowed(node: _Node, pair: int, to: Interval) -> _Node:
    child = _Node(list(node.low), list(node.high), list(node.ranges))
    child.ranges[pair] = to
    return child


def tighten(problem: Problem, best: list[int], effort: int = 1) -> tuple[list[int], int]:
    """
    A placement at least as good as `best`, and a lower bound proven on the way.

    A target that is neither reached nor refuted within its share of the updates counts as out of
    reach, and the search goes on above it, but proves nothing any more.
    """
    failed = proven = problem.lower_bound - 1
    budget = _Budget(_UPDATES * effort)
    while budget.updates > 0 and failed + 1 < height(problem, best):
        lowest = failed < problem.lower_bound
        target = failed + 1 if lowest else (failed + height(problem, best)) // 2
        hard, easy = split_easy(problem, target)
        fits = len(hard) <= _BODIES
        share = _Budget(max(_LEAST, budget.updates // 3) if fits else 0)
        found = _Search(problem, hard, target, share).solve()
        budget.updates -= share.spent
        if found is not None:
            best = place(problem, easy, dict(zip(hard, found, strict=True)))
            continue
        if proven == failed and share.updates > 0:
            proven = target
        failed = target
    return best, proven + 1
