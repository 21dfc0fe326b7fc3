"""
The placement problem: rigid bodies, and for each pair the distances at which they would collide.

For a given order every piece has a lifetime, and two bodies collide where pieces that live at the
same time overlap, unless a step allows it. Seen from the offsets alone, whatever the reason, that
is a set of forbidden values of the difference of two offsets. The solvers know nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnc.passes.memory.graph import Graph, Step
from nnc.passes.memory.layout import Layout, Piece
from nnc.passes.memory.sharing import (
    Interval,
    Savings,
    allowed_differences,
    subtract,
    union,
)

Lifetime = tuple[int, int]
"""
The first and the last position in the order, both included; -1 is before the first step, and the
number of steps is after the last.
"""


@dataclass(frozen=True)
class Problem:
    """
    Choose `offset[i] >= 0`, a multiple of `alignments[i]`, so that the largest
    `offset[i] + sizes[i]` is small and `offset[i] - offset[j]` is in no interval of
    `forbidden[i][j]` (`forbidden[j][i]` mirrors it).

    No solution is smaller than `lower_bound`, which `peak` attains: the position where most bytes
    are live.
    """

    sizes: tuple[int, ...]
    alignments: tuple[int, ...]
    lifetimes: tuple[Lifetime, ...]
    forbidden: tuple[dict[int, tuple[Interval, ...]], ...]
    lower_bound: int
    peak: int


@dataclass(frozen=True)
class Bodies:
    """Which body of a problem is which storage of the layout, or the scratch of which step."""

    storages: dict[int, int]
    scratches: dict[int, int]


def lifetimes(layout: Layout, order: tuple[int, ...]) -> list[Lifetime]:
    """The lifetime of each piece when the steps run in this order."""
    position = {step: number for number, step in enumerate(order)}
    return [_lifetime(piece, position, len(order)) for piece in layout.pieces]


def _lifetime(piece: Piece, position: dict[int, int], end: int) -> Lifetime:
    first = -1 if piece.writer is None else position[piece.writer]
    if piece.pinned:
        return first, end
    return first, max((position[reader] for reader in piece.readers), default=first)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece or a scratch: a stretch of a body, with its lifetime."""

    body: int
    low: int
    high: int
    first: int
    last: int
    piece: int


def placement_problem(
    graph: Graph, layout: Layout, order: tuple[int, ...]
) -> tuple[Problem, Bodies]:
    """The problem of placing every storage in the arena, and the scratch of every step."""
    inside = [n for n, storage in enumerate(layout.storages) if not storage.outside]
    storages = {storage: body for body, storage in enumerate(inside)}
    sizes = [layout.storages[number].bytes for number in inside]
    alignments = [layout.storages[number].alignment for number in inside]
    parts: list[_Part] = []
    for number, life in enumerate(lifetimes(layout, order)):
        piece = layout.pieces[number]
        if piece.storage in storages:
            parts.append(_Part(storages[piece.storage], piece.low, piece.high, *life, number))
    scratches: dict[int, int] = {}
    for position, step in enumerate(order):
        scratch = graph.steps[step].scratch
        if scratch:
            scratches[step] = len(sizes)
            parts.append(_Part(len(sizes), 0, scratch, position, position, -1))
            sizes.append(scratch)
            alignments.append(graph.steps[step].scratch_alignment)
    spans = [(len(order), -1)] * len(sizes)
    for part in parts:
        first, last = spans[part.body]
        spans[part.body] = min(first, part.first), max(last, part.last)
    bound, peak = _lower_bound(graph, layout, order, parts, min(alignments, default=1))
    problem = Problem(
        tuple(sizes),
        tuple(alignments),
        tuple(spans),
        _forbidden(graph, layout, order, parts, len(sizes)),
        max([bound, *sizes]),
        peak,
    )
    return problem, Bodies(storages, scratches)


def _forbidden(
    graph: Graph, layout: Layout, order: tuple[int, ...], parts: list[_Part], count: int
) -> tuple[dict[int, tuple[Interval, ...]], ...]:
    found: list[dict[int, list[Interval]]] = [{} for _ in range(count)]
    live: list[_Part] = []
    for part in sorted(parts, key=lambda part: part.first):
        live = [other for other in live if other.last >= part.first]
        for other in live:
            if other.body == part.body:
                continue
            collisions = (other.low - part.high + 1, other.high - part.low)
            kept = subtract(collisions, _excused(graph, layout, order, other, part))
            found[part.body].setdefault(other.body, []).extend(kept)
        live.append(part)
    result: list[dict[int, tuple[Interval, ...]]] = [{} for _ in range(count)]
    for body, others in enumerate(found):
        for other, intervals in others.items():
            mirrored = [(1 - high, 1 - low) for low, high in found[other].get(body, [])]
            both = union(intervals + mirrored)
            if both:
                result[body][other] = both
                result[other][body] = tuple((1 - high, 1 - low) for low, high in reversed(both))
    return tuple(result)


def _excused(
    graph: Graph, layout: Layout, order: tuple[int, ...], early: _Part, late: _Part
) -> list[Interval]:
    """The values of `offset(late) - offset(early)` at which the two may overlap after all."""
    position = late.first
    steps = 0 <= position < len(order)
    if not steps or early.last != position or early.first == position or early.piece < 0:
        return []
    step = graph.steps[order[position]]
    if not step.reuses or late.piece < 0:
        return []
    allowed = allowed_differences(graph, layout, step, early.piece, late.piece)
    return [(1 - high, 1 - low) for low, high in allowed]


def _lower_bound(
    graph: Graph, layout: Layout, order: tuple[int, ...], parts: list[_Part], unit: int
) -> tuple[int, int]:
    """
    The most bytes that are live at one position, and that position.

    Bodies start at multiples of `unit`, so if all live parts do, they occupy whole blocks of it, of
    which only the topmost may be partly empty.
    """
    best, peak = 0, -1
    live: list[_Part] = []
    starting: list[list[_Part]] = [[] for _ in range(len(order) + 2)]
    for part in parts:
        starting[part.first + 1].append(part)
    for position in range(-1, len(order) + 1):
        live = [part for part in live if part.last >= position] + starting[position + 1]
        step = graph.steps[order[position]] if 0 <= position < len(order) else Step("")
        bound = _occupied(Savings(graph, layout, step), position, live, 1)
        if unit > 1 and live and all(part.low % unit == 0 for part in live):
            blocks = _occupied(Savings(graph, layout, step, unit), position, live, unit)
            top = min((part.high - part.low - 1) % unit + 1 for part in live)
            bound = max(bound, (blocks - 1) * unit + top)
        if bound > best:
            best, peak = bound, position
    return best, peak


def _occupied(savings: Savings, position: int, live: list[_Part], unit: int) -> int:
    """The blocks of `unit` bytes that the live parts touch at least."""
    dying = {part.piece for part in live if part.last == position}
    total = sum(-(-(part.high - part.low) // unit) for part in live)
    return total - savings.at_most(dying.__contains__)
