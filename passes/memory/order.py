"""
The order of the steps that needs the least memory.

The memory live at a step depends on which steps ran before it, not on their order. So the search
runs over sets of steps closed under dependence, cheapest peak first, which finds the optimum; where
there are too many such sets, a beam search takes over. Whatever is found, an order is returned that
is at least as good as the given one, and the given one itself if nothing is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from nnc.passes.memory.graph import Graph
from nnc.passes.memory.layout import Layout
from nnc.passes.memory.sharing import Savings

_LOOKS = 6000
"""How often a search may look at what a step would cost."""


@dataclass(frozen=True, slots=True)
class _State:
    """After a set of steps: the peak so far, the bytes live now, and how we came here."""

    done: int
    ready: tuple[int, ...]
    peak: int
    live: int
    before: _State | None = None
    step: int = -1

    def order(self) -> tuple[int, ...]:
        steps: list[int] = []
        state = self
        while state.before is not None:
            steps.append(state.step)
            state = state.before
        return tuple(reversed(steps))


class _Model:
    """Bytes live before, during and after a step, for any set of steps done before it."""

    def __init__(self, graph: Graph, layout: Layout) -> None:
        count = len(graph.steps)
        pieces = layout.pieces
        self._before = layout.before
        self._after = [
            [later for later in range(count) if self._before[later] >> step & 1]
            for step in range(count)
        ]
        self._sizes = [
            0 if layout.storages[piece.storage].outside else piece.bytes for piece in pieces
        ]
        self._readers = [
            -1 if piece.pinned else sum(1 << reader for reader in piece.readers) for piece in pieces
        ]
        self._read: list[list[int]] = [[] for _ in range(count)]
        self._born = [0] * count
        self._unread = [0] * count
        self._scratch = [step.scratch for step in graph.steps]
        self._savings = [Savings(graph, layout, step) for step in graph.steps]
        self.everything = (1 << count) - 1
        self.looks = 0
        given, kept, held = 0, 0, 0
        for number, piece in enumerate(pieces):
            size = self._sizes[number]
            for reader in piece.readers:
                self._read[reader].append(number)
            needed = piece.pinned or piece.readers
            if piece.writer is None:
                given += size
                kept += size if needed else 0
                held += size if piece.pinned else 0
            else:
                self._born[piece.writer] += size
                self._unread[piece.writer] += 0 if needed else size
        ready = tuple(step for step in range(count) if not self._before[step])
        self.start = _State(0, ready, given, kept)
        self.floor = max([given, *(self._least(step, held) for step in range(count))])

    def _least(self, step: int, held: int) -> int:
        """What the step needs however early or late it runs."""
        read = [number for number in self._read[step] if self._readers[number] != -1]
        saved = self._savings[step].at_most(set(read).__contains__)
        operands = sum(self._sizes[number] for number in read) + self._born[step]
        return held + operands + self._scratch[step] - saved

    def look(self, state: _State, step: int) -> tuple[int, int]:
        """The peak, and the bytes live afterwards, if the step runs next."""
        self.looks += 1
        left = ~(state.done | 1 << step)
        readers, sizes, savings = self._readers, self._sizes, self._savings[step]
        dead = [number for number in self._read[step] if not readers[number] & left]
        live = state.live + self._born[step]
        peak = live + self._scratch[step]
        if savings and dead:
            peak -= savings.at_most(dead.__contains__)
        for number in dead:
            live -= sizes[number]
        return max(state.peak, peak), live - self._unread[step]

    def run(self, state: _State, step: int, peak: int, live: int) -> _State:
        """The state after the step, given what `look` said."""
        done = state.done | 1 << step
        ready = [other for other in state.ready if other != step]
        ready += [later for later in self._after[step] if not self._before[later] & ~done]
        return _State(done, tuple(sorted(ready)), peak, live, state, step)

    def settle(self, state: _State) -> _State:
        """
        Run steps that cost nothing: within the peak already accepted, and leaving no more live than
        before. Any order in which they come later is no better.
        """
        accepted = max(state.peak, self.floor)
        position = 0
        while position < len(state.ready):
            step = state.ready[position]
            peak, live = self.look(state, step)
            position += 1
            if peak <= accepted and live <= state.live:
                state, position = self.run(state, step, peak, live), 0
        return state


def best_order(graph: Graph, layout: Layout, effort: int = 1) -> tuple[int, ...]:
    """
    Indices of the steps, in an order with the least peak of live bytes (reuses and scratch
    counted). Optimal unless the graph is both wide and large; `effort` scales the limits.
    """
    model = _Model(graph, layout)
    given = model.start
    for step in range(len(graph.steps)):
        given = model.run(given, step, *model.look(given, step))
    if given.peak <= model.floor:
        return given.order()
    found, complete = _best_first(model, given, _LOOKS * effort)
    if not complete:
        found = _beam(model, found, _LOOKS * effort)
    return found.order()


def _best_first(model: _Model, best: _State, looks: int) -> tuple[_State, bool]:
    """The best state with everything done, and whether it is proven to be."""
    state = model.settle(model.start)
    heap = [(max(state.peak, model.floor), 0, 0, state)]
    seen: set[int] = set()
    limit = model.looks + looks
    while heap:
        peak, _, _, state = heappop(heap)
        if peak >= best.peak:
            break
        if state.done == model.everything:
            return state, True
        if state.done in seen:
            continue
        seen.add(state.done)
        if model.looks > limit:
            return best, False
        for step in state.ready:
            peak, live = model.look(state, step)
            if peak < best.peak:
                after = model.settle(model.run(state, step, peak, live))
                rank = max(after.peak, model.floor), -after.done.bit_count(), model.looks
                heappush(heap, (*rank, after))
    return best, True


def _beam(model: _Model, best: _State, looks: int) -> _State:
    """Keep the few most promising sets of steps of each size, as many as the limit allows."""
    count = model.everything.bit_count()
    beam = [model.start]
    limit = model.looks
    for depth in range(count):
        reached: dict[int, _State] = {}
        limit += looks // count
        for state in beam:
            if model.looks > limit and reached:
                break
            for step in state.ready:
                peak, live = model.look(state, step)
                done = state.done | 1 << step
                known = reached.get(done)
                if peak < best.peak and (known is None or peak < known.peak):
                    reached[done] = model.run(state, step, peak, live)
        beam = sorted(reached.values(), key=lambda s: (max(s.peak, model.floor), s.live))
        if depth + 1 == count and beam:
            return beam[0]
    return best
