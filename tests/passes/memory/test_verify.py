"""
The checker of plans: it must refuse whatever computes something else, and nothing more.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_buffers import random_buffers

from nnc.passes.memory import (
    Alias,
    Buffer,
    Graph,
    Plan,
    PlanError,
    Step,
    in_place,
    overlap,
    plan_memory,
    verify,
)
from nnc.passes.memory.layout import lay_out
from nnc.passes.memory.placement import placement_problem

GRAPH = Graph(
    (Buffer("x", 16), Buffer("y", 16), Buffer("half", 8), Buffer("z", 8), Buffer("state", 4)),
    (
        Step("a", ("x",), ("y",), 8, 4, (overlap("x", "y", 2),)),
        Step("b", ("half", "state"), ("z",), reuses=(in_place("half", "z"),)),
        Step("c", ("x",), ("state",)),
    ),
    inputs=("x",),
    outputs=("z",),
    persistent=("state",),
    aliases=(Alias("half", "y", 8),),
)
GOOD = Plan(
    order=("a", "b", "c"),
    offsets={"x": 0, "y": 16, "half": 24, "z": 24, "state": 40},
    scratch={"a": 32},
    shared=(),
    arena_bytes=44,
    alignment=4,
    lower_bound=44,
    peak_step="a",
)


def test_a_good_plan() -> None:
    verify(GOOD, GRAPH)


def moved(**offsets: int) -> Plan:
    return replace(GOOD, offsets={**GOOD.offsets, **offsets})


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (moved(z=0), "'x' is not there"),
        (moved(x=26), "the start: 'x' is not there"),
        (replace(GOOD, scratch={"a": 36}), "after 'a': 'state' is not there"),
        (moved(z=28), "may not write 'z' at 28 over 'half'"),
        (moved(y=0, half=8, z=8), "may not write 'y' at 0 over 'x'"),
        (moved(half=16), "not where its parent is"),
        (moved(z=-8), "leaves the arena"),
        (moved(z=40, state=44), "leaves the arena"),
        (replace(GOOD, scratch={"a": 33}), "misaligned"),
        (replace(GOOD, scratch={"a": 28}), "writes over its scratch"),
        (replace(GOOD, scratch={"a": 12}), "'a' with its scratch: 'x' is not there"),
        (replace(GOOD, scratch={"a": 40}), "leaves the arena"),
        (replace(GOOD, scratch={}), "scratch of 'a'"),
        (replace(GOOD, order=("b", "a", "c")), "before 'b': 'half' is not there"),
        (replace(GOOD, order=("a", "c", "b")), "runs before 'b', and both use the state"),
        (replace(GOOD, order=("a", "b")), "never or twice"),
        (replace(GOOD, offsets={"x": 0}), "wrong side"),
    ],
)
def test_bad_plans(plan: Plan, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        verify(plan, GRAPH)


@given(st.integers(0, 2**32), st.integers(1, 12), st.booleans())
def test_the_planner_and_the_checker_agree(seed: int, steps: int, aligned: bool) -> None:
    """Places drawn at random are legal for the one exactly if they are for the other."""
    graph = random_buffers(seed, steps, aligned=aligned)
    layout = lay_out(graph)
    problem, bodies = placement_problem(graph, layout, tuple(range(steps)))
    plan = plan_memory(graph, reorder=False)
    roots = {storage: layout.storages[storage].root for storage in bodies.storages}
    offsets = [0] * len(problem.sizes)
    for storage, body in bodies.storages.items():
        offsets[body] = plan.offsets[roots[storage]]
    for step, body in bodies.scratches.items():
        offsets[body] = plan.scratch[graph.steps[step].name]
    random = Random(seed)
    moved = random.randrange(len(offsets)) if offsets else 0
    for place in range(0, plan.arena_bytes, problem.alignments[moved]):
        offsets[moved] = place
        legal = all(
            not low <= offsets[moved] - offsets[other] < high
            for other, intervals in problem.forbidden[moved].items()
            for low, high in intervals
        )
        candidate = replace(
            plan,
            arena_bytes=10**6,
            offsets={
                name: offsets[bodies.storages[storage]] + start
                for name, (storage, start) in layout.home.items()
                if storage in bodies.storages
            },
            scratch={graph.steps[n].name: offsets[body] for n, body in bodies.scratches.items()},
        )
        assert legal == is_good(candidate, graph)


def is_good(plan: Plan, graph: Graph) -> bool:
    try:
        verify(plan, graph)
    except PlanError:
        return False
    return True
