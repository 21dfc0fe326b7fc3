"""
From a graph to a plan: an order, an offset for every buffer, and how good that provably is.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnc.passes.memory.exact import tighten
from nnc.passes.memory.graph import Graph, Reuse, Step
from nnc.passes.memory.layout import Layout, lay_out
from nnc.passes.memory.offsets import height, improve
from nnc.passes.memory.order import best_order
from nnc.passes.memory.placement import Bodies, lifetimes, placement_problem


@dataclass(frozen=True)
class Plan:
    """
    Where everything lives, and when each step runs.

    - `order` names all steps; `offsets` has every buffer in the arena, children of aliases included
      (buffers outside are absent), `scratch` every step that asked for scratch.
    - `shared` are the reuses that the plan relies on: those kernels do write over their input.
    - No placement for this order is smaller than `lower_bound` bytes; `peak_step` is the step that
      needs them (None: before the first or after the last).
    """

    order: tuple[str, ...]
    offsets: dict[str, int]
    scratch: dict[str, int]
    shared: tuple[Reuse, ...]
    arena_bytes: int
    alignment: int
    lower_bound: int
    peak_step: str | None

    @property
    def gap(self) -> int:
        """Bytes above the lower bound: 0 means that the placement is optimal."""
        return self.arena_bytes - self.lower_bound


@dataclass(frozen=True)
class Row:
    """
    One line of the picture of an arena: bytes `offset` to `offset + bytes` are in use from position
    `first` to `last` of the order, both included (-1: before the first step; the number of steps:
    after the last).
    """

    name: str
    offset: int
    bytes: int
    first: int
    last: int


def plan_memory(graph: Graph, *, reorder: bool = True, effort: int = 1) -> Plan:
    """
    Order the steps and place the buffers so that the arena is small.

    `reorder=False` keeps the given order; `effort` scales the limits of every search. The same
    graph and arguments always get the same plan. Raises ValueError if the graph is inconsistent.
    """
    layout = lay_out(graph)
    given = tuple(range(len(graph.steps)))
    order = best_order(graph, layout, effort) if reorder else given
    plan = _plan(graph, layout, order, effort)
    if order == given:
        return plan
    if placement_problem(graph, layout, given)[0].lower_bound >= plan.arena_bytes:
        return plan
    other = _plan(graph, layout, given, effort)
    return other if other.arena_bytes < plan.arena_bytes else plan


def _plan(graph: Graph, layout: Layout, order: tuple[int, ...], effort: int) -> Plan:
    problem, bodies = placement_problem(graph, layout, order)
    placed = improve(problem, effort)
    bound = problem.lower_bound
    if height(problem, placed) > bound:
        placed, bound = tighten(problem, placed, effort)
    offsets = _buffer_offsets(layout, bodies, placed)
    steps = [graph.steps[number] for number in order]
    at_step = 0 <= problem.peak < len(steps)
    return Plan(
        order=tuple(step.name for step in steps),
        offsets=offsets,
        scratch={graph.steps[n].name: placed[body] for n, body in bodies.scratches.items()},
        shared=tuple(reuse for step in steps for reuse in _shared(graph, step, offsets)),
        arena_bytes=height(problem, placed),
        alignment=max(problem.alignments, default=1),
        lower_bound=bound,
        peak_step=steps[problem.peak].name if at_step else None,
    )


def _buffer_offsets(layout: Layout, bodies: Bodies, placed: list[int]) -> dict[str, int]:
    return {
        name: placed[bodies.storages[storage]] + offset
        for name, (storage, offset) in layout.home.items()
        if storage in bodies.storages
    }


def _shared(graph: Graph, step: Step, offsets: dict[str, int]) -> list[Reuse]:
    """The first of the step's alternatives for each pair that does overlap."""
    found: dict[tuple[str, str], Reuse] = {}
    sizes = {buffer.id: buffer.bytes for buffer in graph.buffers}
    for reuse in step.reuses:
        if reuse.input not in offsets or reuse.output not in offsets:
            continue
        source, target = offsets[reuse.input], offsets[reuse.output]
        end = min(source + sizes[reuse.input], target + sizes[reuse.output])
        if max(source, target) < end and reuse.allows(source - target):
            found.setdefault((reuse.input, reuse.output), reuse)
    return list(found.values())


def rows(plan: Plan, graph: Graph) -> list[Row]:
    """
    The arena over time, for reports: a row for each stretch of bytes with a lifetime of its own.

    Buffers that share storage give one row per piece, named after the smallest buffer around it;
    the scratch of a step is named `STEP (scratch)`.
    """
    layout = lay_out(graph)
    numbers = {step.name: number for number, step in enumerate(graph.steps)}
    lives = lifetimes(layout, tuple(numbers[name] for name in plan.order))
    owners: dict[int, str] = {}
    for buffer in sorted(graph.buffers, key=lambda buffer: buffer.bytes):
        for piece in layout.covers[buffer.id]:
            owners.setdefault(piece, buffer.id)
    result = [
        Row(owners[number], plan.offsets[storage.root] + piece.low, piece.bytes, *lives[number])
        for number, piece in enumerate(layout.pieces)
        if not (storage := layout.storages[piece.storage]).outside
    ]
    for position, name in enumerate(plan.order):
        if name in plan.scratch:
            step = graph.steps[numbers[name]]
            place = plan.scratch[name]
            result.append(Row(f"{name} (scratch)", place, step.scratch, position, position))
    return sorted(result, key=lambda row: (row.first, row.offset, row.name))
