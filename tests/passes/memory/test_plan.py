"""
What the planner makes of small graphs, case by case.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from nnc.passes.memory import (
    Alias,
    Buffer,
    Graph,
    Plan,
    Reuse,
    Row,
    Step,
    in_place,
    overlap,
    overlap_backward,
    plan_memory,
    rows,
    verify,
)


def planned(graph: Graph, *, reorder: bool = True) -> Plan:
    plan = plan_memory(graph, reorder=reorder)
    verify(plan, graph)
    return plan


def chain(*sizes: int, reuses: dict[int, tuple[Reuse, ...]] | None = None) -> Graph:
    """b0 -> b1 -> b2 ...; `reuses` by the number of the step, from 0."""
    last = len(sizes) - 1
    return Graph(
        tuple(Buffer(f"b{number}", size) for number, size in enumerate(sizes)),
        tuple(
            Step(f"s{n}", (f"b{n}",), (f"b{n + 1}",), reuses=(reuses or {}).get(n, ()))
            for n in range(last)
        ),
        inputs=("b0",),
        outputs=(f"b{last}",),
    )


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    plan = planned(chain(10, 100, 30, 80, 5))
    assert plan.arena_bytes == 130
    assert plan.gap == 0
    assert plan.peak_step == "s1"
    assert plan.shared == ()


def test_an_output_takes_the_place_of_its_input() -> None:
    graph = chain(100, 100, 60, reuses={0: (in_place("b0", "b1"),), 1: (in_place("b1", "b2"),)})
    plan = planned(graph)
    assert plan.arena_bytes == 100
    assert plan.offsets == {"b0": 0, "b1": 0, "b2": 0}
    assert plan.shared == (in_place("b0", "b1"), in_place("b1", "b2"))


def test_an_input_that_is_read_again_is_kept() -> None:
    graph = Graph(
        (Buffer("x", 50), Buffer("y", 50), Buffer("z", 50)),
        (
            Step("relu", ("x",), ("y",), reuses=(in_place("x", "y"),)),
            Step("add", ("x", "y"), ("z",), reuses=(in_place("x", "z"), in_place("y", "z"))),
        ),
        inputs=("x",),
        outputs=("z",),
    )
    plan = planned(graph)
    assert plan.arena_bytes == 100
    assert [reuse.output for reuse in plan.shared] == ["z"]


def test_a_reuse_may_be_said_twice() -> None:
    twice = (in_place("x", "z"), in_place("x", "z"), in_place("y", "z"))
    graph = Graph(
        (Buffer("x", 50), Buffer("y", 50), Buffer("z", 50)),
        (Step("s", ("x", "x", "y"), ("z",), reuses=twice),),
        inputs=("x", "y"),
        outputs=("z",),
    )
    plan = planned(graph)
    assert plan.arena_bytes == 100
    assert len(plan.shared) == 1


def test_an_input_named_as_output_survives() -> None:
    given = chain(50, 50, reuses={0: (in_place("b0", "b1"),)})
    graph = Graph(given.buffers, given.steps, given.inputs, ("b0", "b1"))
    assert planned(graph).arena_bytes == 100


def test_writes_run_behind_reads() -> None:
    plan = planned(chain(100, 100, reuses={0: (overlap("b0", "b1", 12),)}))
    assert plan.arena_bytes == 112
    assert plan.offsets == {"b0": 12, "b1": 0}
    assert plan.shared == (overlap("b0", "b1", 12),)


def test_a_growing_output_is_walked_backward() -> None:
    plan = planned(chain(25, 100, reuses={0: (overlap_backward("b0", "b1", -3),)}))
    assert plan.arena_bytes == 100
    assert plan.offsets == {"b0": 0, "b1": 0}


def test_the_plan_chooses_between_directions() -> None:
    def both(source: str, target: str) -> tuple[Reuse, ...]:
        return overlap(source, target, 10), overlap_backward(source, target, 10)

    names = [f"b{number}" for number in range(7)]
    reuses = {number: both(*names[number : number + 2]) for number in range(6)}
    plan = planned(chain(*[100] * 7, reuses=reuses))
    assert plan.arena_bytes == 110, "there and back again"
    assert len(plan.shared) == 6
    assert plan.shared[0].low != plan.shared[1].low


def test_concatenation_in_place() -> None:
    graph = Graph(
        (Buffer("x", 10), Buffer("a", 30), Buffer("b", 50), Buffer("ab", 80), Buffer("y", 5)),
        (Step("left", ("x",), ("a",)), Step("right", ("x",), ("b",)), Step("use", ("ab",), ("y",))),
        inputs=("x",),
        outputs=("y",),
        aliases=(Alias("a", "ab", 0), Alias("b", "ab", 30)),
    )
    plan = planned(graph)
    assert plan.arena_bytes == 90
    assert plan.offsets["b"] == plan.offsets["a"] + 30 == plan.offsets["ab"] + 30


def test_the_room_of_a_later_operand_is_free_until_then() -> None:
    graph = Graph(
        (Buffer("a", 40), Buffer("t", 60), Buffer("b", 60), Buffer("ab", 100)),
        (
            Step("first", (), ("a",)),
            Step("make", (), ("t",)),
            Step("second", ("t",), ("b",), reuses=(in_place("t", "b"),)),
        ),
        outputs=("ab",),
        aliases=(Alias("a", "ab", 0), Alias("b", "ab", 40)),
    )
    assert planned(graph).arena_bytes == 100


def test_a_slice_keeps_only_its_part_alive() -> None:
    graph = Graph(
        (Buffer("whole", 100), Buffer("tail", 20), Buffer("s", 4), Buffer("t", 80), Buffer("y", 4)),
        (
            Step("sum", ("whole",), ("s",)),
            Step("spread", ("s",), ("t",)),
            Step("end", ("t", "tail"), ("y",)),
        ),
        inputs=("whole",),
        outputs=("y",),
        aliases=(Alias("tail", "whole", 80),),
    )
    plan = planned(graph)
    assert plan.arena_bytes == 104
    assert plan.offsets["tail"] == plan.offsets["whole"] + 80


def test_state_is_never_overlaid_and_keeps_its_order() -> None:
    graph = Graph(
        (Buffer("x", 8), Buffer("state", 32), Buffer("y", 8), Buffer("big", 64), Buffer("z", 8)),
        (
            Step("read", ("x", "state"), ("y",)),
            Step("update", ("x",), ("state",)),
            Step("grow", ("y",), ("big",)),
            Step("shrink", ("big",), ("z",)),
        ),
        inputs=("x",),
        outputs=("z",),
        persistent=("state",),
    )
    plan = planned(graph)
    assert plan.order.index("read") < plan.order.index("update")
    assert plan.arena_bytes == 32 + 64 + 8


def test_buffers_outside_have_no_place() -> None:
    graph = Graph(
        (Buffer("x", 100, outside=True), Buffer("view", 50), Buffer("y", 10), Buffer("z", 7)),
        (Step("a", ("view",), ("y",), reuses=(in_place("view", "y"),)), Step("b", ("y",), ("z",))),
        inputs=("x",),
        outputs=("z",),
        aliases=(Alias("view", "x", 50),),
    )
    plan = planned(graph)
    assert plan.arena_bytes == 17
    assert set(plan.offsets) == {"y", "z"}
    assert plan.shared == ()


def test_scratch_lives_during_its_step() -> None:
    given = chain(10, 20, 30)
    steps = (Step("s0", ("b0",), ("b1",), 50, 8), given.steps[1])
    plan = planned(Graph(given.buffers, steps, given.inputs, given.outputs))
    assert plan.arena_bytes == 80
    assert plan.scratch.keys() == {"s0"}
    assert plan.scratch["s0"] % 8 == 0


def test_alignment_counts_in_the_bound() -> None:
    graph = Graph(
        (Buffer("x", 5, 4), Buffer("y", 5, 4)), (Step("s", ("x",), ("y",)),), ("x",), ("y",)
    )
    plan = planned(graph)
    assert plan.arena_bytes == plan.lower_bound == 13
    assert plan.alignment == 4


def test_the_order_with_the_least_memory() -> None:
    names = ["x", "wide0", "thin0", "wide1", "thin1", "y"]
    sizes = [4, 100, 5, 100, 5, 5]
    graph = Graph(
        tuple(map(Buffer, names, sizes)),
        (
            Step("up0", ("x",), ("wide0",)),
            Step("up1", ("x",), ("wide1",)),
            Step("down0", ("wide0",), ("thin0",)),
            Step("down1", ("wide1",), ("thin1",)),
            Step("join", ("thin0", "thin1"), ("y",)),
        ),
        inputs=("x",),
        outputs=("y",),
    )
    assert planned(graph, reorder=False).arena_bytes == 205
    plan = planned(graph)
    assert plan.order == ("up0", "down0", "up1", "down1", "join")
    assert plan.arena_bytes == plan.lower_bound == 110


def test_an_order_that_is_good_enough_stays() -> None:
    graph = Graph(
        (Buffer("x", 4), Buffer("a", 4), Buffer("b", 4), Buffer("y", 4)),
        (Step("p", ("x",), ("a",)), Step("q", ("x",), ("b",)), Step("r", ("a", "b"), ("y",))),
        ("x",),
        ("y",),
    )
    assert planned(graph).order == ("p", "q", "r")


def test_nothing_to_place() -> None:
    plan = planned(Graph((Buffer("empty", 0),), (Step("s", ("empty",), ("empty",)),)))
    assert plan.arena_bytes == plan.lower_bound == 0
    assert planned(Graph((), ())).order == ()


def test_rows_of_the_picture() -> None:
    given = chain(10, 20, 30)
    steps = (Step("s0", ("b0",), ("b1",), 5), given.steps[1])
    graph = Graph(given.buffers, steps, given.inputs, given.outputs)
    plan = planned(graph)
    assert set(rows(plan, graph)) == {
        Row("b0", plan.offsets["b0"], 10, -1, 0),
        Row("b1", plan.offsets["b1"], 20, 0, 1),
        Row("b2", plan.offsets["b2"], 30, 1, 2),
        Row("s0 (scratch)", plan.scratch["s0"], 5, 0, 0),
    }


def test_rows_of_shared_storage() -> None:
    graph = Graph(
        (Buffer("a", 3), Buffer("b", 4), Buffer("ab", 7)),
        (Step("one", (), ("a",)), Step("two", (), ("b",))),
        outputs=("ab",),
        aliases=(Alias("a", "ab", 0), Alias("b", "ab", 3)),
    )
    assert rows(planned(graph), graph) == [Row("a", 0, 3, 0, 2), Row("b", 3, 4, 1, 2)]


X, Y = Buffer("x", 4), Buffer("y", 4)
COPY = Step("copy", ("x",), ("y",))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (lambda: Graph((X, X), ()), "buffer 'x' appears twice"),
        (lambda: Graph((X, Y), (COPY, COPY)), "step 'copy' appears twice"),
        (lambda: Graph((X,), (COPY,)), "unknown buffer 'y'"),
        (lambda: Graph((Buffer("x", -1),), ()), "expected a size of at least 0, got -1"),
        (lambda: Graph((Buffer("x", 1, 3),), ()), "expected a power of two as alignment, got 3"),
        (lambda: Graph((X, Y), (COPY,)), "bytes 0 to 4 of 'x' are read and never written"),
        (lambda: Graph((X, Y), (COPY,), ("x", "y")), "bytes 0 to 4 of 'y' are written twice"),
        (lambda: Graph((X,), ()), "buffer 'x' is never used"),
        (
            lambda: Graph((X, Y), (Step("use", ("x",), ("y",)), Step("make", (), ("x",)))),
            "step 'use' reads bytes 0 to 4 of 'x' too early",
        ),
        (
            lambda: Graph((X, Y), (Step("s", ("x",), ("y",), reuses=(in_place("y", "x"),)),)),
            "step 's' cannot place 'x' over 'y': it does not read 'y'",
        ),
        (
            lambda: Graph(
                (X, Y, Buffer("z", 4)),
                (
                    Step(
                        "s",
                        ("x", "y"),
                        ("z",),
                        reuses=(in_place("x", "z"), overlap("x", "z", 1), in_place("y", "z")),
                    ),
                ),
            ),
            "step 's' lists alternatives, but reuses more than one pair of buffers",
        ),
        (
            lambda: Graph((X, Y), (), ("x",), aliases=(Alias("y", "x", 1),)),
            "'y' does not fit into 'x': expected bytes below 4, got 1 to 5",
        ),
        (
            lambda: Graph((X, Y), (), ("x",), aliases=(Alias("x", "y"), Alias("y", "x"))),
            "'x' is stored inside itself",
        ),
        (
            lambda: Graph((X, Buffer("y", 2, 2)), (), ("x",), aliases=(Alias("y", "x", 1),)),
            "'y' lies 1 bytes into 'x', which is no multiple of its alignment 2",
        ),
    ],
)
def test_graphs_that_make_no_sense(graph: Callable[[], Graph], message: str) -> None:
    with pytest.raises(ValueError, match=f"^.*{message}$"):
        plan_memory(graph())


def test_the_plan_does_not_depend_on_hashing() -> None:
    program = (
        "from support.random_buffers import random_buffers; "
        "from nnc.passes.memory import plan_memory; "
        "print([plan_memory(random_buffers(seed, 25)) for seed in range(4)])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "tests"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
