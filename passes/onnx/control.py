"""
Rewrites of control flow: what is known at compile time is decided, loops are unrolled.

A graph's ops are rewritten where its node is, once for each turn of a loop, and conditions and
counts are folded as shapes are. A branch that a value decides at run time is computed and selected.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import TensorType, UnrankedTensorType, i1, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import concatenated, empty, selected, sliced
from nnc.passes.onnx.lowering import Lowering, Node, axis_of, rewrite
from nnc.passes.onnx.ml_distances import distance_scan

MOST_UNROLLED = 1 << 14
"""Operations of a loop once it is unrolled; each of them becomes a function in C."""

_SMALL = 64
"""Elements of what is made a constant in each turn, as counters are."""


@rewrite("If")
def _if(node: Node, to: Lowering) -> list[SSAValue]:
    otherwise, then = (region.block for region in node.op.regions)
    condition = node.value(0)
    if int(np.prod(shape_of(condition))) != 1:
        raise UnsupportedError(f"expected a condition of one element, got {shape_of(condition)}")
    known = to.folded(condition)
    if known is not None:
        return to.inline(then if known.ravel()[0] else otherwise, [])
    pairs = list(zip(to.inline(then, []), to.inline(otherwise, []), strict=True))
    if any(0 in shape_of(value) for pair in pairs for value in pair) or any(
        a.type != b.type for a, b in pairs
    ):
        raise UnsupportedError(
            "expected its condition to be a constant, as its branches give other types than each "
            "other",
            "branches that give the same shapes work with a condition of run time",
        )
    condition = to.reshape(condition, [])
    to.remark("both branches are computed in each inference, and the condition chooses")
    return [selected(to, condition, a, b) for a, b in pairs]


class _Unrolled:
    """A loop that is being unrolled: how many turns it may have."""

    def __init__(self, to: Lowering):
        self.to, self.start = to, to.inserted

    def check(self, turns: int, of: int | None) -> None:
        """
        Raises `UnsupportedError` where a loop is too large after some turns; or will be, of a known
        number of them.
        """
        count = self.to.inserted - self.start
        if of is not None:
            count = -(-count * max(of, 1) // turns)
        if max(count, turns, of or 0) <= MOST_UNROLLED:
            return
        size = f"{turns if of is None else of} turns of {count // (of or turns)} operations"
        raise UnsupportedError(
            f"expected a loop of at most {MOST_UNROLLED} operations when unrolled, got {size}",
            "fewer turns work, and LSTM, GRU and RNN for recurrences of any length",
        )


def _settled(to: Lowering, values: Sequence[SSAValue]) -> list[SSAValue]:
    """
    What a turn gave, small values that are known, such as counters, as constants. Each turn is
    folded by itself, lest a chain of many is folded at once.
    """
    found: list[SSAValue] = []
    for value in values:
        known = to.folded(value)
        if known is not None and known.size <= _SMALL:
            value = to.constant(known, element_of(value))
        found.append(value)
    return found


def _count(node: Node, to: Lowering) -> int | None:
    """The trip count of a Loop, None where it has none."""
    given = node.optional(0)
    if given is None:
        return None
    if to.folded(given) is None:
        raise UnsupportedError(
            "expected its trip count to be a constant, got a value computed at run time",
            "a Loop with a known number of turns works",
        )
    return max(0, to.known_ints(given, "its trip count")[0])


def _condition(to: Lowering, value: SSAValue, turns: int) -> bool:
    known = to.folded(value)
    if known is None:
        raise UnsupportedError(
            f"expected its condition to be a constant after {turns} turns, got a value computed at "
            "run time",
            "a Loop with a known number of turns, whose condition stays true, works",
        )
    return bool(known.ravel()[0])


@rewrite("Loop")
def _loop(node: Node, to: Lowering) -> list[SSAValue]:
    body = node.op.regions[0].block
    count = _count(node, to)
    carried = [node.value(number) for number in range(2, len(node.op.operands))]
    given = node.optional(1)
    goes_on = given is None or _condition(to, given, 0)
    rows: list[list[SSAValue]] = []
    size = _Unrolled(to)
    while goes_on and (count is None or len(rows) < count):
        turn = len(rows)
        first = [to.constant(np.asarray(turn), i64), to.constant(np.asarray(True), i1)]
        condition, *results = _settled(to, to.inline(body, [*first, *carried], turn))
        carried, row = results[: len(carried)], results[len(carried) :]
        rows.append(row)
        size.check(len(rows), count)
        # A condition that nothing reads any more may be anything.
        goes_on = count == len(rows) or _condition(to, condition, len(rows))
    return [*carried, *_gathered(node, to, rows, len(carried))]


def _gathered(
    node: Node, to: Lowering, rows: Sequence[Sequence[SSAValue]], first: int
) -> list[SSAValue]:
    """The results of a Loop from `first` on: what its turns gave, behind each other."""
    found: list[SSAValue] = []
    for number in range(first, len(node.op.results)):
        column = [row[number - first] for row in rows]
        found.append(_stacked(to, column, 0) if column else _nothing(node, to, number))
    return found


def _nothing(node: Node, to: Lowering, number: int) -> SSAValue:
    """A result without elements, of a loop without a turn."""
    result = node.op.regions[0].block.last_op
    assert result is not None
    kind = result.operands[number + 1].type
    assert isinstance(kind, TensorType | UnrankedTensorType)
    element: Attribute = kind.element_type
    sizes = kind.get_shape() if isinstance(kind, TensorType) else ()
    return empty(to, element, [0, *(max(0, size) for size in sizes)])


def _stacked(to: Lowering, values: Sequence[SSAValue], axis: int) -> SSAValue:
    """Values of one shape along a new axis."""
    shapes = {shape_of(value) for value in values}
    if len(shapes) > 1:
        raise UnsupportedError(f"expected turns to give one shape, got {sorted(shapes)}")
    shape = list(shape_of(values[0]))
    axis = axis_of(axis, len(shape) + 1)
    shape.insert(axis, 1)
    return concatenated(to, [to.reshape(value, shape) for value in values], axis)


def _cut(to: Lowering, value: SSAValue, axis: int, place: int) -> SSAValue:
    """What is at a place of an axis, without the axis."""
    shape = list(shape_of(value))
    begin = [place if at == axis else 0 for at in range(len(shape))]
    rest = [*shape[:axis], *shape[axis + 1 :]]
    shape[axis] = 1
    return to.reshape(sliced(to, value, begin, [1] * len(shape), shape), rest)


@rewrite("Scan")
def _scan(node: Node, to: Lowering) -> list[SSAValue]:
    sequences = node.int("num_scan_inputs")
    if node.since >= 9:
        if (distances := distance_scan(node, to)) is not None:
            return distances
        values = node.values()
        states, inputs = values[: len(values) - sequences], values[len(values) - sequences :]
        return _Scan(node, to, sequences).run(states, inputs)
    lengths = node.optional(0)
    values = [node.value(number) for number in range(1, len(node.op.operands))]
    if lengths is not None:
        length, given = shape_of(values[-1])[1], to.known_ints(lengths, "its sequence_lens")
        if set(given) != {length}:
            raise UnsupportedError(f"expected sequence_lens of {length}, got {given}")
    samples: list[list[SSAValue]] = []
    for number in range(shape_of(values[0])[0]):
        cut = [_cut(to, value, 0, number) for value in values]
        states, inputs = cut[: len(cut) - sequences], cut[len(cut) - sequences :]
        samples.append(_Scan(node, to, sequences).run(states, inputs, sample=number))
    return [_stacked(to, column, 0) for column in zip(*samples, strict=True)]


class _Scan:
    """One Scan, of one sample in version 8."""

    def __init__(self, node: Node, to: Lowering, sequences: int):
        self.node, self.to = node, to
        self.sequences = sequences
        last = node.op.regions[0].block.last_op
        assert last is not None
        self.yields = len(last.operands)

    def _list(self, name: str, count: int) -> list[int]:
        """An attribute with a number for each input or output, 0 where it is left out."""
        found = self.node.ints(name) or [0] * count
        if len(found) != count:
            raise UnsupportedError(f"expected {count} {name}, got {len(found)}")
        return found

    def run(
        self, states: Sequence[SSAValue], inputs: Sequence[SSAValue], sample: int = 0
    ) -> list[SSAValue]:
        """The last states, then what all steps gave."""
        to, node = self.to, self.node
        name = "scan_input_directions" if node.since >= 9 else "directions"
        backwards = self._list(name, self.sequences)
        given = self._list("scan_input_axes", self.sequences)
        if not inputs:
            raise UnsupportedError("expected an input that it scans, got none")
        axes = [axis_of(a, len(shape_of(v))) for a, v in zip(given, inputs, strict=True)]
        lengths = {shape_of(value)[axis] for value, axis in zip(inputs, axes, strict=True)}
        if len(lengths) > 1:
            raise UnsupportedError(f"expected inputs of one length, got {sorted(lengths)}")
        (length,) = lengths
        body = node.op.regions[0].block
        carried = list(states)
        rows: list[list[SSAValue]] = []
        size = _Unrolled(to)
        for step in range(length):
            cuts = [
                _cut(to, value, axis, length - 1 - step if back else step)
                for value, axis, back in zip(inputs, axes, backwards, strict=True)
            ]
            results = _settled(to, to.inline(body, [*carried, *cuts], sample * length + step))
            carried, row = results[: len(carried)], results[len(carried) :]
            rows.append(row)
            size.check(step + 1, length)
        return [*carried, *self._outputs(rows, self.yields - len(carried))]

    def _outputs(self, rows: Sequence[Sequence[SSAValue]], count: int) -> list[SSAValue]:
        axes = self._list("scan_output_axes", count)
        backwards = self._list("scan_output_directions", count)
        columns = list(zip(*rows, strict=True))
        return [
            _stacked(self.to, column[::-1] if back else column, axis)
            for column, axis, back in zip(columns, axes, backwards, strict=True)
        ]
