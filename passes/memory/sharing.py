"""
What the reuses of a step are worth: which positions they allow, and how many bytes they can save.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from nnc.passes.memory.graph import Graph, Reuse, Step
from nnc.passes.memory.layout import Layout

UNLIMITED = 1 << 62
"""A distance beyond any arena."""

Interval = tuple[int, int]
"""The integers from the first up to, and without, the second."""


def union(intervals: Collection[Interval]) -> tuple[Interval, ...]:
    """The same integers, as sorted intervals that do not touch."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if low >= high:
            continue
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def subtract(interval: Interval, holes: Collection[Interval]) -> list[Interval]:
    """What remains of an interval without the holes."""
    remaining: list[Interval] = []
    start, end = interval
    for low, high in union(holes):
        if min(low, end) > start:
            remaining.append((start, min(low, end)))
        start = max(start, high)
    if start < end:
        remaining.append((start, end))
    return remaining


def intersect(left: Collection[Interval], right: Collection[Interval]) -> tuple[Interval, ...]:
    """The integers in both."""
    return union([(max(a, c), min(b, d)) for a, b in left for c, d in right])


def allowed_differences(
    graph: Graph, layout: Layout, step: Step, dying: int, born: int
) -> tuple[Interval, ...]:
    """
    The values of `offset(storage of dying) - offset(storage of born)` at which a piece that the
    step is the last to read may overlap a piece that it writes.

    Every operand of the step that covers the dying piece must agree.
    """
    result: tuple[Interval, ...] = ((-UNLIMITED, UNLIMITED),)
    sources = [name for name in dict.fromkeys(step.reads) if dying in layout.covers[name]]
    targets = [name for name in dict.fromkeys(step.writes) if born in layout.covers[name]]
    if not sources:
        return ()
    for source in sources:
        for target in targets:
            shift = layout.home[target][1] - layout.home[source][1]
            options = [
                _differences(reuse, shift)
                for reuse in step.reuses
                if (reuse.input, reuse.output) == (source, target)
            ]
            result = intersect(result, options)
    return result


def _differences(reuse: Reuse, shift: int) -> Interval:
    low = -UNLIMITED if reuse.low is None else reuse.low + shift
    high = UNLIMITED if reuse.high is None else reuse.high + shift + 1
    return low, high


@dataclass(frozen=True, slots=True)
class _Pair:
    """What one input and one output can have in common at most, in units."""

    source: int
    target: int
    common: int
    exact: bool


class Savings:
    """
    An upper bound on what a step saves by writing over its inputs, counted in blocks of `unit`.

    Inputs are disjoint from each other, and so are outputs: no byte is saved twice, so each buffer
    limits the sum over its partners, and of the inputs at exactly the same offset one counts.
    """

    def __init__(self, graph: Graph, layout: Layout, step: Step, unit: int = 1) -> None:
        sizes = {buffer.id: buffer.bytes for buffer in graph.buffers}
        inside = [
            reuse
            for reuse in step.reuses
            if not layout.storages[layout.home[reuse.input][0]].outside
            and not layout.storages[layout.home[reuse.output][0]].outside
        ]
        sources = list(dict.fromkeys(reuse.input for reuse in inside))
        targets = list(dict.fromkeys(reuse.output for reuse in inside))
        self._sources = [
            [(number, _blocks(layout.pieces[number].bytes, unit)) for number in layout.covers[name]]
            for name in sources
        ]
        self._targets = [_blocks(sizes[name], unit) for name in targets]
        best: dict[tuple[int, int], _Pair] = {}
        for reuse in inside:
            key = sources.index(reuse.input), targets.index(reuse.output)
            common = _common(reuse, sizes, unit)
            if key not in best or best[key].common < common:
                best[key] = _Pair(*key, common, reuse.low == reuse.high)
        self._pairs = tuple(best.values())

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def at_most(self, dies: Callable[[int], bool]) -> int:
        """The bound, given which pieces nobody needs after the step."""
        dying = [sum(size for piece, size in pieces if dies(piece)) for pieces in self._sources]
        by_source = [0] * len(self._sources)
        by_target = [0] * len(self._targets)
        exact = [0] * len(self._targets)
        for pair in self._pairs:
            common = min(pair.common, dying[pair.source], self._targets[pair.target])
            by_source[pair.source] += common
            if pair.exact:
                exact[pair.target] = max(exact[pair.target], common)
            else:
                by_target[pair.target] += common
        return min(
            sum(map(min, by_source, dying)),
            sum(
                min(size, shared + same)
                for size, shared, same in zip(self._targets, by_target, exact, strict=True)
            ),
        )


def _blocks(size: int, unit: int) -> int:
    return -(-size // unit)


def _common(reuse: Reuse, sizes: dict[str, int], unit: int) -> int:
    source, target = _blocks(sizes[reuse.input], unit), _blocks(sizes[reuse.output], unit)
    common = min(source, target)
    if reuse.low is not None:
        common = min(common, target - _blocks(reuse.low, unit))
    if reuse.high is not None:
        common = min(common, source + reuse.high // unit)
    return max(0, common)
