"""
Random buffer graphs that use everything the memory planner knows, for property tests.
"""

from __future__ import annotations

from random import Random

from nnc.passes.memory import (
    Alias,
    Buffer,
    Graph,
    Reuse,
    Step,
    in_place,
    overlap,
    overlap_backward,
)


class _Builder:
    def __init__(self, random: Random, reach: int, aligned: bool) -> None:
        self.random = random
        self.reach = reach
        self.aligned = aligned
        self.sizes: dict[str, int] = {}
        self.buffers: list[Buffer] = []
        self.steps: list[Step] = []
        self.aliases: list[Alias] = []
        self.values: list[str] = []
        self.read: set[str] = set()
        self.inputs = [self.buffer(outside=random.random() < 0.3) for _ in range(2)]
        self.values += self.inputs
        self.states = [self.buffer()] if random.random() < 0.3 else []

    def buffer(self, size: int | None = None, outside: bool = False) -> str:
        size = self.random.randint(1, 64) if size is None else size
        alignment = self.random.choice([1, 4, 8]) if self.aligned else 1
        name = f"b{len(self.buffers)}"
        self.buffers.append(Buffer(name, size, alignment, outside))
        self.sizes[name] = size
        return name

    def operands(self) -> list[str]:
        recent = self.values[-self.reach :]
        chosen = self.random.sample(recent, min(len(recent), self.random.randint(1, 2)))
        self.read |= set(chosen)
        return chosen

    def view(self) -> None:
        parent = self.operands()[0]
        unit = 8 if self.aligned else 1
        start = self.random.randrange(0, self.sizes[parent], unit)
        child = self.buffer(self.random.randint(1, self.sizes[parent] - start))
        self.aliases.append(Alias(child, parent, start))
        self.values.append(child)

    def concatenation(self) -> None:
        held = {name for alias in self.aliases for name in (alias.child, alias.parent)}
        parts = [name for name in self.operands() if name not in held and name not in self.inputs]
        if not parts or self.aligned:
            return
        whole = self.buffer(sum(self.sizes[part] for part in parts))
        start = 0
        for part in parts:
            self.aliases.append(Alias(part, whole, start))
            start += self.sizes[part]
        self.values.append(whole)

    def step(self) -> None:
        reads = self.operands()
        writes = [self.buffer() for _ in range(self.random.choice([1, 1, 1, 2]))]
        reuses = self.reuses(reads, writes)
        self.values += writes
        if self.states and self.random.random() < 0.4:
            reads += self.states
        if self.states and self.random.random() < 0.4:
            writes += self.states
        scratch = self.random.choice([0, 0, self.random.randint(1, 30)])
        name = f"s{len(self.steps)}"
        alignment = self.random.choice([1, 4]) if self.aligned else 1
        self.steps.append(
            Step(name, tuple(reads), tuple(writes), scratch, alignment, tuple(reuses))
        )

    def reuses(self, reads: list[str], writes: list[str]) -> list[Reuse]:
        pairs = [(source, target) for source in reads for target in writes]
        match self.random.randrange(4):
            case 0:
                return [in_place(*pair) for pair in pairs]
            case 1:
                return [overlap(*pair, self.random.randint(-20, 40)) for pair in pairs]
            case 2:
                forward = overlap(*pairs[0], self.random.randint(-20, 40))
                backward = overlap_backward(*pairs[0], self.random.randint(-20, 40))
                return [in_place(*pairs[0]), forward, backward]
            case _:
                return []

    def graph(self) -> Graph:
        outputs = [name for name in self.values if name not in self.read]
        return Graph(
            tuple(self.buffers),
            tuple(self.steps),
            tuple(self.inputs),
            tuple(outputs),
            tuple(self.states),
            tuple(self.aliases),
        )


def random_buffers(seed: int, steps: int, *, reach: int = 4, aligned: bool = False) -> Graph:
    """A graph with `steps` steps, which read one of the `reach` latest values, or two."""
    builder = _Builder(Random(seed), reach, aligned)
    while len(builder.steps) < steps:
        match builder.random.randrange(6):
            case 0:
                builder.view()
            case 1:
                builder.concatenation()
            case _:
                builder.step()
    return builder.graph()
