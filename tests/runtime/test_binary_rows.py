"""
The rows of layers with binary weights for cores without Helium: random layers of every kind against
the `nn` op, in plain C with sanitizers and as each core's own assembly; sums that fill the lanes to
the brim; and what the rows must refuse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.arrays import integers as integers_of
from support.compiled import How, planned, run_all, run_on_core
from support.nn_networks import network, tensor
from support.random_layers import LAYERS, RandomLayers
from support.sample_network import needs_boards
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, f32, i8, i64
from xdsl.ir import Attribute, SSAValue

from nnc.boards import core
from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, Array, numpy_dtype
from nnc.passes.nn_builder import NnBuilder, integer, integers
from nnc.runtime import (
    binary_conv,
    binary_dense,
    binary_dense_rows,
    binary_depthwise,
    int8_binary_conv,
    int8_binary_dense,
)
from nnc.runtime.registry import Kernel, Target

ROWS: tuple[Kernel, ...] = (
    *binary_conv.KERNELS,
    *int8_binary_conv.KERNELS,
    *binary_dense_rows.KERNELS,
    *binary_dense.KERNELS,
    *binary_depthwise.KERNELS,
    *int8_binary_dense.KERNELS,
)
CHOSEN = [row.name for row in ROWS if "_ct_" not in row.name]
CALLS = How(kernels="portable", sanitize=True)
INT8 = UniformQuantizedType.per_tensor(i8, 0.5, -128)

FEW = settings(
    max_examples=4,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow,),
)


def check(
    module: ModuleOp, samples: Sequence[list[Array]], found: Sequence[Sequence[Array]]
) -> None:
    for sample, outputs in zip(samples, found, strict=True):
        for k, (want, have) in enumerate(zip(run(module, sample).outputs, outputs, strict=True)):
            np.testing.assert_array_equal(have, want, err_msg=f"output {k}")


@FEW
@given(seed=st.integers(0, 1 << 32))
def test_random_layers(seed: int) -> None:
    net = RandomLayers(seed)
    for name in CHOSEN:
        LAYERS[name](net)
    module, samples = net.finish(), net.samples(2)
    (found,) = run_all([(module, samples)], CALLS)
    check(module, samples, [it.outputs for it in found])


@needs_boards
@pytest.mark.parametrize(("name", "count"), [("cortex-m0", 1), ("cortex-m3", 6), ("cortex-m4", 6)])
def test_cores(name: str, count: int) -> None:
    net = RandomLayers(11)
    for row in CHOSEN:
        for _ in range(count):
            LAYERS[row](net)
    module, samples = net.finish(), net.samples(1)
    runs, _ = run_on_core(module, samples, name, How(kernels="portable"), hook=False)
    check(module, samples, [it.outputs for it in runs])


# --- full lanes -------------------------------------------------------------------------------


def convolution(
    source: Attribute,
    output: Attribute,
    shape: Sequence[int],
    weights: Array,
    pad: int = 1,
    **properties: Attribute,
) -> ModuleOp:
    """A 3x3 convolution, or one of any other kernel, with as much padding on all sides."""
    outputs, height, width, _ = weights.shape
    batch, rows, columns, _ = shape
    result = (batch, rows + 2 * pad - height + 1, columns + 2 * pad - width + 1, outputs)
    given = {
        "strides": integers((1, 1)),
        "dilations": integers((1, 1)),
        "padding": integers((pad,) * 4),
        "groups": integer(1),
        **properties,
    }

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> list[SSAValue]:
        constant = b.constant(weights, BIN)
        return [b.op(Conv2DOp, [args[0], constant, None], tensor(output, *result), **given)]

    return network([tensor(source, *shape)], build)


def only_op(module: ModuleOp) -> NnOp:
    """The layer of a module of one."""
    (op,) = (it for it in module.walk() if isinstance(it, Conv2DOp | DenseOp | DepthwiseConv2DOp))
    return op


EXTREMES = [
    (BIN, np.bool_(False), np.bool_(True)),
    (BIN, np.bool_(True), np.bool_(True)),
    (INT8, np.int8(-128), np.bool_(True)),
    (INT8, np.int8(127), np.bool_(False)),
    (INT8, np.int8(-128), np.bool_(False)),
]


@pytest.mark.parametrize(
    "core_name",
    [
        None,
        pytest.param("cortex-m3", marks=needs_boards),
        pytest.param("cortex-m4", marks=needs_boards),
    ],
)
def test_full_lanes(core_name: str | None) -> None:
    """Every step adds as much as it can, with as many channels as pass between two flushes."""
    cases: list[tuple[ModuleOp, list[list[Array]]]] = []
    for element, value, bit in EXTREMES:
        for depth, size in ((255, 1), (224, 1), (85, 3), (64, 3), (64, 5), (33, 7)):
            weights = np.full((3, size, size, depth), bit)
            shape = (1, 2, 17, depth)
            module = convolution(element, f32, shape, weights, size // 2)
            cases.append((module, [[np.full(shape, value, numpy_dtype(element))]]))
    if core_name is None:
        for (module, samples), found in zip(cases, run_all(cases, CALLS), strict=True):
            check(module, samples, [it.outputs for it in found])
        return
    for module, samples in cases[::4]:
        runs, _ = run_on_core(module, samples, core_name, How(kernels="portable"), hook=False)
        check(module, samples, [it.outputs for it in runs])


@needs_boards
def test_constant_time() -> None:
    """As many instructions for all data, where that is asked for; else not."""
    weights = integers_of(np.random.default_rng(1), 0, 1, (40, 200)).astype(np.bool_)

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> list[SSAValue]:
        return [b.op(DenseOp, [args[0], b.constant(weights, BIN), None], tensor(BIN, 1, 40))]

    module = network([tensor(BIN, 1, 200)], build)
    samples = [[np.zeros((1, 200), np.bool_)], [np.eye(1, 200, dtype=np.bool_)], [weights[:1]]]
    counts: list[set[int]] = []
    for constant_time in (True, False):
        how = How(kernels="portable", constant_time=constant_time)
        runs, result = run_on_core(module, samples, "cortex-m4", how, hook=False)
        check(module, samples, [it.outputs for it in runs])
        assert result.instructions is not None
        counts.append(set(result.instructions))
    assert [len(it) for it in counts] == [1, 3]


# --- what is refused --------------------------------------------------------------------------


def reason(module: ModuleOp) -> str | None:
    """Why no row takes a layer: what the row that is about it says."""
    reasons = [row.legal(only_op(module), Target(core("cortex-m4"))) for row in ROWS]
    return None if None in reasons else next(filter(None, reasons))


def signs(*shape: int) -> Array:
    return np.zeros(shape, np.bool_)


def test_refused() -> None:
    too_many = convolution(BIN, BIN, (1, 4, 4, 3648), signs(2, 3, 3, 3648))
    assert reason(too_many) == "it counts to 32832, more than 32767"
    assert reason(convolution(BIN, BIN, (1, 4, 4, 3640), signs(2, 3, 3, 3640))) is None
    wide = convolution(BIN, BIN, (1, 4, 40, 32), signs(2, 1, 14, 32), 0)
    assert reason(wide) == "its windows are wider than tables of 16 words serve"
    assert reason(convolution(BIN, BIN, (1, 4, 40, 32), signs(2, 1, 13, 32), 0)) is None
    grouped = convolution(BIN, BIN, (1, 4, 4, 48), signs(2, 1, 1, 24), 0, groups=integer(2))
    assert reason(grouped) == "the channels of a group are 24, not a multiple of 16"


def depthwise(multiplier: int, height: int = 3) -> ModuleOp:
    """A depthwise convolution of signs, with so many outputs for each channel."""
    channels = 3
    given = {
        "strides": integers((1, 1)),
        "dilations": integers((1, 1)),
        "padding": integers((0, 0, 0, 0)),
    }
    result = tensor(BIN, 1, 1, 2, channels * multiplier)

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> list[SSAValue]:
        constant = b.constant(signs(1, height, 1, channels * multiplier), BIN)
        return [b.op(DepthwiseConv2DOp, [args[0], constant, None], result, **given)]

    return network([tensor(BIN, 1, height, 2, channels)], build)


def test_depthwise_refused() -> None:
    assert reason(depthwise(1)) is None
    assert reason(depthwise(2)) == "it has 2 outputs for each channel"
    assert reason(depthwise(1, 32767)) is None
    assert reason(depthwise(1, 32768)) == "it counts to 32768, more than 32767"


def test_unknown_properties_refused() -> None:
    """A layer that one day means more than the rows know must not be run as if it did not."""
    module = convolution(BIN, BIN, (1, 4, 4, 32), signs(2, 3, 3, 32))
    assert reason(module) is None
    only_op(module).properties["some_day"] = IntegerAttr(1, i64)
    assert reason(module) == "it has some_day"


def test_scratch() -> None:
    """A table is at most 8 KiB, whatever the channels are; accumulators are 32 bytes a channel."""
    for depth, size in ((1024, 3), (64, 1), (48, 5), (16, 3)):
        module = convolution(BIN, BIN, (1, 8, 20, depth), signs(40, size, size, depth), size // 2)
        op = only_op(module)
        table, accumulators = binary_conv.KERNELS[0].scratch(op, Target(core("cortex-m4")))
        assert table <= 8192
        assert accumulators == size * 40 * 32
        (call,) = (it for it in planned(module, CALLS).walk() if isinstance(it, CallOp))
        assert math.prod(call.numbers("output_shape")) == 8 * 20 * 40
