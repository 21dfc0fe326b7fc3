"""
The searches on random graphs: legal always, and as good as methods that try everything.
"""

from __future__ import annotations

from collections.abc import Iterator

import highspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_buffers import random_buffers

from nnc.passes.memory import Graph, plan_memory, rows, verify
from nnc.passes.memory.layout import Layout, lay_out
from nnc.passes.memory.order import best_order
from nnc.passes.memory.placement import Problem, placement_problem


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 8), st.booleans())
@settings(max_examples=80)
def test_every_plan_is_legal(seed: int, steps: int, reach: int, aligned: bool) -> None:
    graph = random_buffers(seed, steps, reach=reach, aligned=aligned)
    plan = plan_memory(graph)
    verify(plan, graph)
    assert plan.arena_bytes >= plan.lower_bound
    kept = plan_memory(graph, reorder=False)
    verify(kept, graph)
    assert plan.arena_bytes <= kept.arena_bytes
    assert max((row.offset + row.bytes for row in rows(plan, graph)), default=0) <= plan.arena_bytes


def orders(layout: Layout) -> Iterator[tuple[int, ...]]:
    """Every order of the steps that respects the dependences."""

    def extend(done: int, order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(order) == len(layout.before):
            yield order
        for step, before in enumerate(layout.before):
            if not done >> step & 1 and not before & ~done:
                yield from extend(done | 1 << step, (*order, step))

    return extend(0, ())


def peak(graph: Graph, layout: Layout, order: tuple[int, ...]) -> int:
    return placement_problem(graph, layout, order)[0].lower_bound


@pytest.mark.parametrize("seed", range(60))
def test_the_order_is_the_best_of_all(seed: int) -> None:
    graph = random_buffers(seed, 7, reach=6)
    layout = lay_out(graph)
    found = peak(graph, layout, best_order(graph, layout))
    assert found == min(peak(graph, layout, order) for order in orders(layout))


def optimum(problem: Problem) -> int:
    """The smallest arena, by mixed-integer programming: a way round each other for each pair."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("mip_abs_gap", 0.5)
    highs.setOptionValue("mip_rel_gap", 0.0)
    limit = sum(problem.sizes) + sum(problem.alignments)
    top = highs.addVariable(problem.lower_bound, limit, obj=1.0)
    integer = highspy.HighsVarType.kInteger
    offsets = [
        highs.addVariable(0, limit // alignment, type=integer) * alignment
        for alignment in problem.alignments
    ]
    for offset, size in zip(offsets, problem.sizes, strict=True):
        highs.addConstr(offset + size <= top)
    for body, others in enumerate(problem.forbidden):
        for other, intervals in others.items():
            if other > body:
                continue
            difference = offsets[body] - offsets[other]
            edges = [-limit, *(edge for interval in intervals for edge in interval), limit + 1]
            choices = [highs.addBinary() for _ in range(0, len(edges), 2)]
            highs.addConstr(highs.qsum(choices) == 1)
            for number, choice in enumerate(choices):
                low, high = edges[2 * number], edges[2 * number + 1] - 1
                highs.addConstr(difference >= low - (1 - choice) * (limit + low))
                highs.addConstr(difference <= high + (1 - choice) * (limit - high))
    highs.minimize()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return round(highs.getInfo().objective_function_value)


@pytest.mark.parametrize("seed", range(16))
def test_the_offsets_are_optimal_where_a_solver_can_tell(seed: int) -> None:
    graph = random_buffers(seed, 7, aligned=seed % 3 == 0)
    plan = plan_memory(graph, reorder=False, effort=4)
    problem, _ = placement_problem(graph, lay_out(graph), tuple(range(len(graph.steps))))
    best = optimum(problem)
    assert plan.lower_bound <= best
    assert plan.arena_bytes == best


@pytest.mark.parametrize("reach", [3, 30])
def test_plans_of_large_graphs_are_near_the_lower_bound(reach: int) -> None:
    graph = random_buffers(1, 100, reach=reach)
    plan = plan_memory(graph)
    verify(plan, graph)
    assert plan.gap <= plan.arena_bytes * 0.15
