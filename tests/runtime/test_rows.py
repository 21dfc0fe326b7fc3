"""
The kernel rows: the function that a row calls, the loops that it says it stands for and the `nn` op
itself must agree bit for bit, on random layers.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.compiled import How, planned, run_all, run_on_core
from support.installed import installed
from support.random_layers import LAYERS, ONE_ROW, RandomLayers, random_layers
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, MemRefType, ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp

from nnc.boards import core as core_named
from nnc.dialects.kernel.call import CallOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn.interpreter import Run, run, run_sequence
from nnc.dialects.nn.states import STATE, state_attributes
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of
from nnc.runtime.registry import kernels

COUNT = 8
"""Layers for each row."""

LIBRARY_COUNT = 6
"""Layers for each row on a core: a network has at most 255 outputs."""

CALLS = How(kernels="portable", sanitize=True)
EXPANDED = How(kernels="portable", expand=True)
LOOPS = How()
NAMES = sorted(LAYERS)
CHOSEN = [name for name in NAMES if "_ct_" not in name]
"""Rows that are chosen unless something else is asked for."""

WITHOUT_DSP = {
    "arm_convolve_wrapper_s8",
    "arm_depthwise_conv_wrapper_s8",
    "arm_fully_connected_s8",
    "arm_fully_connected_per_channel_s8",
    "nnc_dense_s8",
}
"""Rows whose layers others take on cores with the DSP extension."""

Case = tuple[ModuleOp, list[list[Array]]]


def test_every_row_is_tried() -> None:
    """Those for Helium are tried in `test_binary_mve.py`."""
    assert sorted(row.name for row in kernels() if "_mve_" not in row.name) == NAMES


@functools.cache
def cases() -> list[Case]:
    nets = [random_layers(name, 1, COUNT) for name in NAMES]
    return [(net.finish(), net.samples(2)) for net in nets]


def adapted(how: How, name: str) -> How:
    """`how` so that a row can be chosen."""
    core = "cortex-m3" if name in WITHOUT_DSP else "cortex-m4"
    return replace(how, constant_time="_ct_" in name, target=core)


@functools.cache
def compiled(how: How) -> dict[str, list[Run]]:
    """The runs of all rows, in a few programs: some rows stand in for others."""
    found: dict[str, list[Run]] = {}
    for some in {adapted(how, name): None for name in NAMES}:
        names = [name for name in NAMES if adapted(how, name) == some]
        runs = run_all([cases()[NAMES.index(name)] for name in names], some)
        found |= zip(names, runs, strict=True)
    return found


@pytest.mark.parametrize("how", [CALLS, LOOPS, EXPANDED], ids=["calls", "loops", "expanded"])
@pytest.mark.parametrize("name", NAMES)
def test_same_bits(name: str, how: How) -> None:
    module, samples = cases()[NAMES.index(name)]
    for sample, found in zip(samples, compiled(how)[name], strict=True):
        check(run(module, sample).outputs, found.outputs)


def check(expected: Sequence[Array], found: Sequence[Array]) -> None:
    for number, (want, have) in enumerate(zip(expected, found, strict=True)):
        np.testing.assert_array_equal(have, want, err_msg=f"output {number}")


def callees(module: ModuleOp) -> Counter[str]:
    """How often each kernel is called; loops have no name."""
    layers = [op for op in module.walk() if isinstance(op, KernelOp)]
    return Counter(op.callee.data if isinstance(op, CallOp) else "" for op in layers)


@pytest.mark.parametrize("name", NAMES)
def test_called(name: str) -> None:
    """Nearly all layers that are made for a row are legal for it."""
    called = callees(planned(cases()[NAMES.index(name)][0], adapted(CALLS, name)))
    assert called[name] >= COUNT - 2, called


@pytest.mark.parametrize("name", ["arm_svdf_s8", "arm_svdf_state_s16_s8"])
def test_state_in_place(name: str) -> None:
    """A layer that remembers writes its state where it was."""
    net = random_layers(name, 3, 1)
    module = net.finish()
    (function,) = (op for op in module.walk() if isinstance(op, FuncOp))
    held = function.body.block.args[1]
    element = element_of(held)
    initial = np.zeros(shape_of(held), numpy_dtype(element))
    nothing = DictionaryAttr({})
    function.arg_attrs = ArrayAttr([nothing, state_attributes("memory", initial, element)])
    function.res_attrs = ArrayAttr([nothing, DictionaryAttr({STATE: UnitAttr()})])
    samples = [sample[:1] for sample in net.samples(6)]
    how = How(kernels="portable", sanitize=True, keep_state=True)
    calls = [op for op in planned(module, how).walk() if isinstance(op, CallOp)]
    assert [call.in_place is not None for call in calls] == [True]
    (found,) = run_all([(module, samples)], how)
    for want, have in zip(run_sequence(module, samples), found, strict=True):
        check(want.outputs, have.outputs)


def all_layers(seed: int) -> RandomLayers:
    """Some layers for every row in one network."""
    net = RandomLayers(seed)
    for _ in range(LIBRARY_COUNT):
        ONE_ROW(net)
    for name in CHOSEN:
        for _ in range(LIBRARY_COUNT):
            LAYERS[name](net)
    return net


def turned(module: ModuleOp) -> int:
    """How many calls of the library's convolutions have the rows of their images as columns."""
    calls = [op for op in module.walk() if isinstance(op, CallOp) and op.kind.data == "conv2d"]
    calls = [op for op in calls if op.callee.data.startswith("arm_")]
    shapes = [(op.inputs[0].type, op.numbers("input_shape")) for op in calls]
    return sum(isinstance(it, MemRefType) and it.get_shape() != shape for it, shape in shapes)


INSTEAD = {
    f"nnc_{kind}_{output}": f"nnc_{kind}_mve_{output}"
    for kind in ("bin_conv", "i8bin_conv", "bin_dense")
    for output in ("bin", "s8", "f32")
}
"""Rows whose layers others take where there is Helium."""

OURS = ("nnc_conv_s8", "nnc_depthwise_s8", "nnc_dense_pairs_s8")
"""Rows for cores with the DSP extension, where the library is not linked."""

NEVER = {"arm_softmax_s16", *OURS}
"""Rows that the library itself is not good enough for, and those that are only used without it."""


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33", "cortex-m55"])
def test_with_dsp(core: str) -> None:
    """Our kernels for cores with the DSP extension, there."""
    net = RandomLayers(11)
    for _ in range(12):
        for name in OURS:
            LAYERS[name](net)
    module, samples = net.finish(), net.samples(2)
    how = How(kernels="portable", target=core)
    called = callees(planned(module, how))
    assert min(called[name] for name in OURS) >= 10, called
    runs, _ = run_on_core(module, samples, core, how, hook=False)
    for sample, found in zip(samples, runs, strict=True):
        check(run(module, sample).outputs, found.outputs)


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m55"])
def test_library(core: str) -> None:
    """The installed CMSIS-NN on emulated cores, wherever a row says that it may be used."""
    installed(core)
    net = all_layers(7)
    module, samples = net.finish(), net.samples(2)
    how = How(kernels="cmsis-nn", target=core)
    lowered = planned(module, how)
    called = callees(lowered)
    for name, instead in INSTEAD.items():
        called[name] += called[instead]
    assert (turned(lowered) > 0) == core_named(core).has_mve
    assert {name for name in CHOSEN if called[name] < LIBRARY_COUNT // 2} == NEVER
    runs, _ = run_on_core(module, samples, core, how, hook=False)
    for sample, found in zip(samples, runs, strict=True):
        check(run(module, sample).outputs, found.outputs)
