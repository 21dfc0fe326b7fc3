"""Values that share memory, by views and by being computed inside others, stay what they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.compiled import How, planned, run_all
from support.nn_networks import network, tensor
from support.random_nn import joined, moved, random_nn
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, f32
from xdsl.ir import SSAValue

from nnc.codegen.network import network_of
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn import movement, placement
from nnc.dialects.nn.functions import NegOp
from nnc.dialects.nn.interpreter import run, run_sequence
from nnc.dialects.nn.states import state_attributes
from nnc.dialects.types import Array
from nnc.passes.nn_builder import NnBuilder, integer, integers

WAYS = {"inside": How(), "outside": How(io="outside"), "sanitized": How(sanitize=True)}


@pytest.mark.parametrize("way", WAYS)
def test_random_networks(way: str) -> None:
    seeds = range(12 if way == "sanitized" else 25)
    cases = [random_nn(theme, 5000 + seed) for theme in (joined, moved) for seed in seeds]
    for (module, samples), runs in zip(cases, run_all(cases, WAYS[way]), strict=True):
        for sample, actual in zip(samples, runs, strict=True):
            expected = run(module, sample)
            for want, have in zip(expected.outputs, actual.outputs, strict=True):
                assert np.array_equal(have, want)
            for name in expected.layers.keys() & actual.layers.keys():
                want, have = expected.layers[name], actual.layers[name]
                assert np.array_equal(have.reshape(want.shape), want)


def layers(module: ModuleOp) -> list[str]:
    """What the planned function runs."""
    return [op.kind.data for op in network_of(module).body.block.ops if isinstance(op, NestOp)]


def arena_bytes(module: ModuleOp) -> int:
    size = network_of(module).attributes["kernel.arena_bytes"]
    assert isinstance(size, IntegerAttr)
    return size.value.data


def test_a_concatenation_is_written_by_the_layers_before_it() -> None:
    part, whole = tensor(f32, 1, 2, 8), tensor(f32, 1, 4, 8)

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> list[SSAValue]:
        x, y = args
        parts = [b.op(NegOp, [value], part) for value in (x, y)]
        joined = b.op(placement.ConcatOp, [parts], whole, axis=integer(1))
        return [b.op(NegOp, [joined], whole)]

    module = planned(network([part, part], build))
    assert layers(module) == ["neg", "neg", "neg"]
    assert arena_bytes(module) == 4 * 32


def test_what_cannot_move_is_copied() -> None:
    part, whole = tensor(f32, 2, 8), tensor(f32, 6, 8)

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> list[SSAValue]:
        (x,) = args
        y = b.op(NegOp, [x], part)
        return [b.op(placement.ConcatOp, [[x, y, y]], whole, axis=integer(0))]

    assert sorted(layers(planned(network([part], build)))) == ["copy", "copy", "neg"]


def sliding_window(seen: int) -> ModuleOp:
    """The last 4 rows of all that came, and the sum of what rows of them there were before."""
    row, window = tensor(f32, 1, 3), tensor(f32, 4, 3)

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> list[SSAValue]:
        x, state = args
        kept = b.op(
            movement.SliceOp,
            [state],
            tensor(f32, 3, 3),
            begin=integers([1, 0]),
            strides=integers([1, 1]),
        )
        moved_on = b.op(placement.ConcatOp, [[kept, x]], window, axis=integer(0))
        old = b.op(
            movement.SliceOp, [state], row, begin=integers([seen, 0]), strides=integers([1, 1])
        )
        return [b.op(NegOp, [old], row), moved_on]

    module = network([row, window], build)
    function = network_of(module)
    marked = state_attributes("window", np.zeros((4, 3), np.float32), f32)
    function.arg_attrs = ArrayAttr([DictionaryAttr({}), marked])
    function.res_attrs = ArrayAttr([DictionaryAttr({}), marked])
    return module


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_a_view_of_a_state_is_read_before_the_state_is_overwritten(seen: int) -> None:
    module = sliding_window(seen)
    samples: list[list[Array]] = [[np.full((1, 3), k, np.float32)] for k in range(1, 8)]
    expected = run_sequence(module, samples)
    (actual,) = run_all([(module, samples)], How(keep_state=True))
    for want, have in zip(expected, actual, strict=True):
        assert np.array_equal(have.outputs[0], want.outputs[0])
