"""
Offsets by greedy placement, improved until the lower bound is reached or the effort is spent.

Placing bodies one after the other, each at the lowest offset that is free, is fast and often
optimal; what matters is the sequence. Several are tried, then bodies that ended too high are moved
forward in the sequence, again and again. What is left is for `exact`. Nothing depends on a clock:
the same problem always gets the same offsets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import add
from random import Random

from nnc.passes.memory.placement import Problem

_ROUNDS = 400
_WORK = 150_000
_WORSE = 0.08


def align_up(value: int, alignment: int) -> int:
    """The smallest multiple of `alignment`, a power of two, that is not below `value`."""
    return (value + alignment - 1) & -alignment


def height(problem: Problem, offsets: Sequence[int]) -> int:
    """The size of the arena that these offsets need."""
    return max(map(add, offsets, problem.sizes), default=0)


def place(
    problem: Problem, sequence: Sequence[int], fixed: Mapping[int, int] | None = None
) -> list[int]:
    """
    Place bodies in this sequence, each at the lowest offset that is free beside the `fixed` ones.

    The sequence and `fixed` together must name every body.
    """
    offsets = [-1] * len(problem.sizes)
    for body, offset in (fixed or {}).items():
        offsets[body] = offset
    for body in sequence:
        taken: list[tuple[int, int]] = []
        for other, intervals in problem.forbidden[body].items():
            base = offsets[other]
            if base >= 0:
                taken.extend((base + low, base + high) for low, high in intervals)
        taken.sort()
        offset, alignment = 0, problem.alignments[body]
        for low, high in taken:
            if offset < low:
                break
            if offset < high:
                offset = align_up(high, alignment)
        offsets[body] = offset
    return offsets


def split_easy(problem: Problem, target: int) -> tuple[list[int], list[int]]:
    """
    The bodies that need care, and those that fit below `target` wherever the others lie, provided
    they are placed last, in the sequence returned.
    """
    reach = list(problem.sizes)
    for body, others in enumerate(problem.forbidden):
        slack = problem.alignments[body] - 1
        reach[body] += sum(high - low + slack for held in others.values() for low, high in held)
    hard = set(range(len(reach)))
    easy: list[int] = []
    found = sorted(body for body in hard if reach[body] <= target)
    while found:
        body = found.pop(0)
        hard.discard(body)
        easy.append(body)
        for other in sorted(problem.forbidden[body]):
            slack = problem.alignments[other] - 1
            before = reach[other]
            reach[other] -= sum(high - low + slack for low, high in problem.forbidden[other][body])
            if other in hard and before > target >= reach[other]:
                found.append(other)
    return sorted(hard), easy[::-1]


def improve(problem: Problem, effort: int = 1) -> list[int]:
    """The best offsets that the heuristics find."""
    hard, easy = split_easy(problem, problem.lower_bound)
    best, start = place(problem, [*hard, *easy]), hard
    for key in _sequences(problem):
        if height(problem, best) <= problem.lower_bound:
            return best
        sequence = sorted(hard, key=key)
        offsets = place(problem, [*sequence, *easy])
        if height(problem, offsets) < height(problem, best):
            best, start = offsets, sequence
    return _shuffle(problem, start, easy, best, effort)


def _shuffle(
    problem: Problem, sequence: list[int], easy: list[int], best: list[int], effort: int
) -> list[int]:
    """
    Move bodies that end above the bound forward in the sequence, one at a time.

    A move that makes things worse is kept now and then, to get out of dead ends. The draws come
    from a generator with a fixed seed.
    """
    draw = Random(0).random
    current, reached = best, height(problem, best)
    work = len(problem.sizes) + sum(map(len, problem.forbidden))
    for _ in range(min(_ROUNDS, _WORK // work) * effort):
        if height(problem, best) <= problem.lower_bound:
            break
        tops = map(add, current, problem.sizes)
        high = [body for body, top in enumerate(tops) if top > problem.lower_bound]
        body = high[int(draw() * len(high))]
        where = sequence.index(body)
        changed = [other for other in sequence if other != body]
        changed.insert(int(draw() * (where or len(sequence))), body)
        candidate = place(problem, [*changed, *easy])
        top = height(problem, candidate)
        if top <= reached or draw() < _WORSE:
            sequence, current, reached = changed, candidate, top
        if top < height(problem, best):
            best = candidate
    return best


def _sequences(problem: Problem) -> list[Callable[[int], tuple[int, ...]]]:
    """Sort keys, most promising first. Ties go to the later body, whose inputs then trail it."""
    sizes, lives = problem.sizes, problem.lifetimes
    area = [size * (last - first + 1) for size, (first, last) in zip(sizes, lives, strict=True)]
    weight = [
        size * sum(sizes[other] for other in others)
        for size, others in zip(sizes, problem.forbidden, strict=True)
    ]

    def at_peak(body: int) -> bool:
        return lives[body][0] <= problem.peak <= lives[body][1]

    def distance(body: int) -> int:
        first, last = lives[body]
        return max(first - problem.peak, problem.peak - last, 0)

    return [
        lambda body: (-sizes[body], -lives[body][0], body),
        lambda body: (distance(body), -sizes[body], -lives[body][0], body),
        lambda body: (-lives[body][0], -sizes[body], body),
        lambda body: (-area[body], -lives[body][0], body),
        lambda body: (-weight[body], -lives[body][0], body),
        lambda body: (not at_peak(body), -area[body], -lives[body][0], body),
        lambda body: (lives[body][0], -sizes[body], body),
    ]
