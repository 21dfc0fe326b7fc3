"""
What the memory planner is told: buffers, the steps that read and write them, and who may share.

The planner knows nothing of operators. A kernel's freedom to write over its own input is stated as
a range of distances between the two buffers (`Reuse`), and a value that lives inside another (a
reshape, a slice, the operand of a concatenation written in place) as an `Alias`; everything else
follows from who reads and writes what.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Buffer:
    """
    A value in memory: `bytes` long, at a multiple of `alignment` (a power of two).

    An `outside` buffer orders the steps, but has no place in the arena; nor has anything stored
    inside it.
    """

    id: str
    bytes: int
    alignment: int = 1
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Reuse:
    """
    `output` may overlap `input`, provided the step is the last that needs `input`, and
    `low <= offset(input) - offset(output) <= high` in bytes (None: no limit).
    """

    input: str
    output: str
    low: int | None
    high: int | None

    def allows(self, difference: int) -> bool:
        """Whether the two may overlap when `offset(input) - offset(output)` is `difference`."""
        above = self.low is None or self.low <= difference
        return above and (self.high is None or difference <= self.high)


def in_place(input: str, output: str) -> Reuse:
    """The output may take the input's place, at exactly the same offset."""
    return Reuse(input, output, 0, 0)


def overlap(input: str, output: str, distance: int) -> Reuse:
    """
    The output may overlap the input as long as `offset(output) + distance <= offset(input)`: the
    kernel walks forward, and its writes run behind its reads. `nnc.passes.memory.distance` computes
    the distance.
    """
    return Reuse(input, output, distance, None)


def overlap_backward(input: str, output: str, distance: int) -> Reuse:
    """
    As `overlap`, for a kernel that walks from the last element to the first: the output may overlap
    the input as long as `offset(input) + distance <= offset(output)`.
    """
    return Reuse(input, output, None, -distance)


@dataclass(frozen=True, slots=True)
class Step:
    """
    One kernel call: `reads` and `writes` name buffers; `scratch` bytes are live during it alone.

    All `reuses` of a step hold at once, for one and the same kernel, and each for all the places
    where the kernel reads that input. A step whose reuses concern a single pair of buffers may list
    alternatives, and the plan tells which one it relies on.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    scratch: int = 0
    scratch_alignment: int = 1
    reuses: tuple[Reuse, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """
    `child` is stored inside `parent`, `byte_offset` bytes after its start.

    A view (reshape, slice of the outermost axis) is a child that no step writes; a concatenation in
    place is a parent that no step writes.
    """

    child: str
    parent: str
    byte_offset: int = 0


@dataclass(frozen=True)
class Graph:
    """
    The whole problem. `steps` stand in an order that works; the planner may find a better one.

    - `inputs` are filled before the first step and live until their last reader.
    - `outputs` live until the end. Name an input here too, if it must survive.
    - `persistent` buffers (state) live always, between runs as well. They alone may be written more
      than once, and steps that touch one keep their order.

    Raises ValueError where names clash or are unknown, or sizes and alignments make no sense.
    """

    buffers: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    persistent: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()

    def __post_init__(self) -> None:
        _check_unique("buffer", [buffer.id for buffer in self.buffers])
        _check_unique("step", [step.name for step in self.steps])
        _check_unique("aliased buffer", [alias.child for alias in self.aliases])
        known = {buffer.id for buffer in self.buffers}
        named = [*self.inputs, *self.outputs, *self.persistent]
        for alias in self.aliases:
            named += (alias.child, alias.parent)
        for step in self.steps:
            named += (*step.reads, *step.writes)
        for name in named:
            _require(name in known, f"unknown buffer {name!r}")
        for buffer in self.buffers:
            _check_extent(f"buffer {buffer.id!r}", buffer.bytes, buffer.alignment)
        for step in self.steps:
            _check_extent(f"scratch of step {step.name!r}", step.scratch, step.scratch_alignment)
            _check_reuses(step)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check_unique(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        _require(name not in seen, f"{what} {name!r} appears twice")
        seen.add(name)


def _check_extent(what: str, size: int, alignment: int) -> None:
    _require(size >= 0, f"{what}: expected a size of at least 0, got {size}")
    power_of_two = alignment > 0 and alignment & (alignment - 1) == 0
    _require(power_of_two, f"{what}: expected a power of two as alignment, got {alignment}")


def _check_reuses(step: Step) -> None:
    pairs = [(reuse.input, reuse.output) for reuse in dict.fromkeys(step.reuses)]
    for source, target in pairs:
        described = f"step {step.name!r} cannot place {target!r} over {source!r}"
        _require(source in step.reads, f"{described}: it does not read {source!r}")
        _require(target in step.writes, f"{described}: it does not write {target!r}")
    distinct = len(set(pairs))
    _require(
        distinct <= 1 or distinct == len(pairs),
        f"step {step.name!r} lists alternatives, but reuses more than one pair of buffers",
    )
