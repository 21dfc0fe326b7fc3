"""
`nnc_depthwise_s8` where it has paths of its own: 3x3 kernels along both axes, blocks and what is
left of them, ragged channels, and outputs in the place of the inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest
from support.compiled import How, planned, run_all, run_on_core
from support.nn_networks import tensor
from support.random_layers import RandomLayers
from xdsl.dialects.builtin import ModuleOp, i8, i32
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.convolution import DepthwiseConv2DOp
from nnc.dialects.nn.interpreter import Run, run
from nnc.dialects.types import Array, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import integers
from nnc.runtime.registry import kernel

HOW = How(kernels="portable", target="cortex-m4", sanitize=True)

Case = tuple[ModuleOp, list[list[Array]]]


class Chain(RandomLayers):
    """Layers, each of which reads the one before; the last one's result is the output."""

    @property
    def results(self) -> list[SSAValue]:
        return super().results[-1:]

    def depthwise(
        self,
        kernel: tuple[int, int],
        strides: tuple[int, int],
        pads: Sequence[int],
        rounding: Rounding,
        clamped: bool,
    ) -> None:
        """Adds a depthwise convolution; `pads`: top, bottom, left, right."""
        x = self.values[-1]
        batch, *extents, channels = shape_of(x)
        outputs = [
            (extent + sum(pads[2 * k : 2 * k + 2]) - kernel[k]) // strides[k] + 1
            for k, extent in enumerate(extents)
        ]
        w = self.weights(3, (1, *kernel, channels))
        kind = self.result_type(x, w, kernel[0] * kernel[1])
        bounds = self.bounds(kind) if clamped else {}
        self.layer(
            DepthwiseConv2DOp,
            [x, w, self.bias(channels, 9, i32, False)],
            tensor(kind, batch, *outputs, channels),
            rounding=RoundingAttr(rounding),
            strides=integers(strides),
            padding=integers(pads),
            dilations=integers([1, 1]),
            **bounds,
        )


def started(seed: int, shape: Sequence[int]) -> Chain:
    net = Chain(seed)
    net.values.append(net.input(net.activations(i8), shape))
    return net


@functools.cache
def layers() -> list[Case]:
    """3x3 kernels of both strides, in all the ways in which outputs are made."""
    found: list[Case] = []
    for seed in range(48):
        net = started(seed, (1, 1 + seed % 13, 3 + seed * 5 % 19, 1 + seed % 9))
        stride = 1 + seed % 2
        pads = [net.integer(0, 2) for _ in range(4)]
        pads[1] = max(pads[1], 3 - (1 + seed % 13) - pads[0])
        rounding = Rounding.SINGLE if seed % 3 == 0 else Rounding.DOUBLE
        net.depthwise((3, 3), (stride, stride), pads, rounding, seed % 5 < 2)
        found.append((net.finish(), net.samples(2)))
    return found


@functools.cache
def chains() -> list[Case]:
    """Layers whose inputs nobody needs afterwards."""
    shapes = [
        ((3, 3), (1, 1), (1, 1, 1, 1)),
        ((3, 3), (2, 2), (0, 1, 0, 1)),
        ((3, 3), (1, 1), (1, 1, 1, 1)),
        ((1, 5), (1, 1), (0, 0, 2, 2)),
        ((4, 2), (1, 2), (1, 2, 0, 1)),
    ]
    found: list[Case] = []
    for seed, extents in enumerate([(12, 12), (25, 5), (5, 25), (7, 40), (9, 3)]):
        net = started(seed, (1, *extents, 5 + seed))
        for kernel_shape, strides, pads in shapes:
            net.depthwise(kernel_shape, strides, pads, Rounding.DOUBLE, False)
        found.append((net.finish(), net.samples(2)))
    return found


def check(cases: Sequence[Case], runs: Sequence[Sequence[Run]]) -> None:
    for (module, samples), found in zip(cases, runs, strict=True):
        for sample, have in zip(samples, found, strict=True):
            want = run(module, sample)
            for one, other in zip(want.outputs, have.outputs, strict=True):
                np.testing.assert_array_equal(other, one)


def calls(cases: Sequence[Case]) -> list[CallOp]:
    modules = [planned(module, HOW) for module, _ in cases]
    return [op for module in modules for op in module.walk() if isinstance(op, CallOp)]


def test_paths() -> None:
    """The layers reach every function for blocks, along rows and columns."""
    row, made = kernel("nnc_depthwise_s8"), calls(layers())
    assert {call.callee.data for call in made} == {row.name}
    bodies = "".join(row.body(call, ["x"] * (len(call.inputs) + 2))[0] for call in made)
    for end in ("s1}", "s1_clamp}", "s1_fix}", "s2}", "s2_clamp}"):
        assert f"3x3_{end}" in bodies
    assert {call.number("turned") for call in made} == {0, 1}


def test_layers() -> None:
    check(layers(), run_all(layers(), HOW))


def test_in_place() -> None:
    made = calls(chains())
    assert sum(call.in_place is not None for call in made) >= 10
    check(chains(), run_all(chains(), HOW))


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33"])
def test_on_a_core(core: str) -> None:
    for cases in (layers()[::6], chains()[1:3]):
        check(cases, [run_on_core(*case, core, HOW)[0] for case in cases])
