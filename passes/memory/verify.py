"""
An independent check of a plan: run it, watching what every byte of the arena holds.

It shares nothing with the planner but the graph. There are no lifetimes here: each stretch of
memory remembers whose value was written to it last, and a step may only run if all its operands
are still there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import combinations

from nnc.passes.memory.graph import Graph, Step
from nnc.passes.memory.plan import Plan


class PlanError(AssertionError):
    """A plan under which a step would read or leave behind something else than it should."""


def verify(plan: Plan, graph: Graph) -> None:
    """Raises PlanError, saying what goes wrong first, unless the plan is safe for the graph."""
    checker = _Checker(plan, graph)
    checker.check_places()
    checker.check_order()
    checker.run()


class _Memory:
    """Whose value each byte holds: `_owners[i]` from `_starts[i]` up to `_starts[i + 1]`."""

    def __init__(self) -> None:
        self._starts: list[int] = [0]
        self._owners: list[str | None] = [None]

    def write(self, low: int, high: int, owner: str) -> None:
        if low >= high:
            return
        last = bisect_right(self._starts, high) - 1
        after = self._owners[last]
        first = bisect_left(self._starts, low)
        self._starts[first : last + 1] = [low, high]
        self._owners[first : last + 1] = [owner, after]

    def holds(self, low: int, high: int, owner: str) -> bool:
        first = bisect_right(self._starts, low) - 1
        last = bisect_left(self._starts, high)
        return low >= high or all(held == owner for held in self._owners[first:last])


class _Checker:
    def __init__(self, plan: Plan, graph: Graph) -> None:
        self._plan = plan
        self._graph = graph
        self._memory = _Memory()
        self._buffers = {buffer.id: buffer for buffer in graph.buffers}
        self._parents = {alias.child: alias for alias in graph.aliases}
        self._roots = {name: self._root(name) for name in self._buffers}
        self._addresses: dict[str, int] = {}
        beyond = plan.arena_bytes
        for name in self._buffers:
            root, _ = self._roots[name]
            if root == name and self._buffers[root].outside:
                self._addresses[name] = beyond
                beyond += self._buffers[name].bytes

    def _root(self, name: str) -> tuple[str, int]:
        offset = 0
        while name in self._parents:
            offset += self._parents[name].byte_offset
            name = self._parents[name].parent
        return name, offset

    def _range(self, name: str) -> tuple[int, int]:
        root, offset = self._roots[name]
        if self._buffers[root].outside:
            low = self._addresses[root] + offset
        else:
            low = self._plan.offsets[name]
        return low, low + self._buffers[name].bytes

    def check_places(self) -> None:
        """Everything lies in the arena, aligned, and children inside their parents."""
        plan = self._plan
        for name, buffer in self._buffers.items():
            root, offset = self._roots[name]
            outside = self._buffers[root].outside
            _require(outside != (name in plan.offsets), f"{name!r} is on the wrong side")
            if outside:
                continue
            low, high = self._range(name)
            _require(low >= 0 and high <= plan.arena_bytes, f"{name!r} leaves the arena")
            _require(low % buffer.alignment == 0, f"{name!r} is misaligned at {low}")
            _require(low == plan.offsets[root] + offset, f"{name!r} is not where its parent is")
        for step in self._graph.steps:
            _require((step.scratch > 0) == (step.name in plan.scratch), f"scratch of {step.name!r}")
            if step.scratch:
                low = plan.scratch[step.name]
                inside = low >= 0 and low + step.scratch <= plan.arena_bytes
                _require(inside, f"the scratch of {step.name!r} leaves the arena")
                aligned = low % step.scratch_alignment == 0
                _require(aligned, f"the scratch of {step.name!r} is misaligned at {low}")

    def check_order(self) -> None:
        """Every step runs once, and steps that share state in their given order."""
        names = [step.name for step in self._graph.steps]
        _require(
            sorted(self._plan.order) == sorted(names), "the order names some step never or twice"
        )
        position = {name: number for number, name in enumerate(self._plan.order)}
        stateful = {self._roots[name][0] for name in self._graph.persistent}
        touches: list[tuple[str, str, int, int, bool]] = []
        for step in self._graph.steps:
            for write, operands in ((False, step.reads), (True, step.writes)):
                for name in operands:
                    if self._roots[name][0] in stateful:
                        touches.append((step.name, self._roots[name][0], *self._range(name), write))
        for (one, root, low, high, w1), (two, other, start, end, w2) in combinations(touches, 2):
            conflict = root == other and low < end and start < high and (w1 or w2) and one != two
            _require(
                not conflict or position[one] < position[two],
                f"{two!r} runs before {one!r}, and both use the state {root!r}",
            )

    def run(self) -> None:
        """Every step finds its operands, and the outputs and the state survive."""
        start = [*self._graph.inputs, *self._graph.persistent]
        for name in start:
            self._memory.write(*self._range(name), self._roots[name][0])
        self._check_held("the start", start)
        steps = {step.name: step for step in self._graph.steps}
        for name in self._plan.order:
            self._run_step(steps[name])
            self._check_held(f"after {name!r}", self._graph.persistent)
        self._check_held("the end", self._graph.outputs)

    def _run_step(self, step: Step) -> None:
        scratch = f"the scratch of {step.name}"
        assert scratch not in self._buffers
        low = self._plan.scratch.get(step.name, 0)
        self._check_held(f"before {step.name!r}", step.reads)
        self._memory.write(low, low + step.scratch, scratch)
        self._check_held(f"{step.name!r} with its scratch", step.reads)
        for name in step.reads:
            for other in step.writes:
                self._check_sharing(step, name, other)
        for name in step.writes:
            self._memory.write(*self._range(name), self._roots[name][0])
        self._check_held(f"after {step.name!r}", step.writes)
        kept = self._memory.holds(low, low + step.scratch, scratch)
        _require(kept, f"{step.name!r} writes over its scratch")

    def _check_held(self, when: str, names: tuple[str, ...] | list[str]) -> None:
        for name in names:
            held = self._memory.holds(*self._range(name), self._roots[name][0])
            _require(held, f"{when}: {name!r} is not there")

    def _check_sharing(self, step: Step, source: str, target: str) -> None:
        low, high = self._range(source)
        start, end = self._range(target)
        if max(low, start) >= min(high, end):
            return
        if self._roots[source][0] == self._roots[target][0]:
            state = self._roots[source][0] in {self._roots[n][0] for n in self._graph.persistent}
            _require(state, f"{step.name!r} writes {target!r} over {source!r}, its own storage")
            return
        declared = any(
            (reuse.input, reuse.output) == (source, target) and reuse.allows(low - start)
            for reuse in step.reuses
        )
        _require(declared, f"{step.name!r} may not write {target!r} at {start} over {source!r}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise PlanError(message)
