"""Layers that write over their inputs compute what they compute when they do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.compiled import How, planned, run_all
from support.nn_networks import tensor
from support.random_nn import RandomNetwork, random_nn
from xdsl.dialects.builtin import DenseArrayBase, ModuleOp, f32, i8, i16, i32
from xdsl.ir import Attribute, SSAValue

from nnc.codegen.network import network_of
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn import functions, movement, placement, reduction, resize
from nnc.dialects.nn.arithmetic import AddOp
from nnc.dialects.nn.conversion import CastOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.normalization import L2NormalizationOp, LocalResponseNormalizationOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.types import BIN, element_of
from nnc.passes.nn_builder import flag, integer, integers, real

Make = Callable[[RandomNetwork], None]
Image = tuple[SSAValue, tuple[int, int, int, int]]


def image(net: RandomNetwork, *elements: Attribute) -> Image:
    """An image, and its shape."""
    element = net.pick(*elements)
    n, h, w = net.integer(1, 2), net.integer(1, 5), net.integer(1, 5)
    c = net.pick(31, 32, 40, 65) if element == BIN else net.integer(1, 4)
    return net.input(element, (n, h, w, c)), (n, h, w, c)


def like(value: SSAValue, *shape: int) -> Attribute:
    """A tensor of the same elements."""
    return tensor(element_of(value), *shape)


def _window(net: RandomNetwork, extents: tuple[int, int]) -> tuple[list[int], list[int], list[int]]:
    """Kernel extents, strides and the extents of the result; padding is 1 all round."""
    kernel = [net.integer(1, min(3, extent)) for extent in extents]
    strides = [net.integer(1, 2), net.integer(1, 2)]
    results = [(n + 2 - k) // s + 1 for n, k, s in zip(extents, kernel, strides, strict=True)]
    return kernel, strides, results


def convolution(net: RandomNetwork) -> None:
    x, (n, h, w, c) = image(net, f32, BIN)
    kernel, strides, extents = _window(net, (h, w))
    outputs = net.pick(1, 3, 40)
    element = net.pick(f32, BIN)
    net.op(
        Conv2DOp,
        [x, net.constant(element_of(x), [outputs, *kernel, c]), None],
        tensor(element, n, *extents, outputs),
        strides=integers(strides),
        dilations=integers([1, 1]),
        padding=integers([1, 1, 1, 1]),
        groups=integer(1),
    )


def depthwise(net: RandomNetwork) -> None:
    x, (n, h, w, c) = image(net, f32, BIN)
    kernel, strides, extents = _window(net, (h, w))
    outputs = c * net.integer(1, 2)
    net.op(
        DepthwiseConv2DOp,
        [x, net.constant(element_of(x), [1, *kernel, outputs]), None],
        tensor(net.pick(f32, BIN), n, *extents, outputs),
        strides=integers(strides),
        dilations=integers([1, 1]),
        padding=integers([1, 1, 1, 1]),
    )


def pooling(net: RandomNetwork) -> None:
    x, (n, h, w, c) = image(net, f32, BIN)
    kernel, strides, extents = _window(net, (h, w))
    pads = [net.integer(0, k // 2) for k in kernel]
    extents = [
        (extent + 2 * pad - k) // s + 1
        for extent, pad, k, s in zip((h, w), pads, kernel, strides, strict=True)
    ]
    net.op(
        MaxPool2DOp,
        [x],
        like(x, n, *extents, c),
        kernel=integers(kernel),
        strides=integers(strides),
        padding=integers([pads[0], pads[0], pads[1], pads[1]]),
    )


def upsampling(net: RandomNetwork) -> None:
    x, (n, h, w, c) = image(net, f32)
    strides, kernel = [net.integer(1, 2), net.integer(1, 2)], [net.integer(1, 3), 2]
    pads = [net.integer(0, 1), net.integer(0, 1)]
    extents = [(e - 1) * s + k for e, s, k in zip((h, w), strides, kernel, strict=True)]
    extents = [max(1, extent - 2 * pad) for extent, pad in zip(extents, pads, strict=True)]
    weights = net.constant(f32, [2, *kernel, c])
    result = like(x, n, *extents, 2)
    properties = {"strides": integers(strides), "padding": integers(pads)}
    net.op(ConvTranspose2DOp, [x, weights, None], result, **properties)


def dense(net: RandomNetwork) -> None:
    element, rows, depth = net.pick(f32, BIN), net.integer(1, 4), net.pick(3, 33, 64)
    outputs = net.pick(2, 33)
    x = net.input(element, (rows, depth))
    weights = net.constant(element, [outputs, depth])
    net.op(DenseOp, [x, weights, None], tensor(net.pick(f32, BIN), rows, outputs))


def product(net: RandomNetwork) -> None:
    m, k, n = (net.integer(1, 4) for _ in range(3))
    left, right = net.chance(0.5), net.chance(0.5)
    x = net.input(f32, (net.pick(1, 2), *((k, m) if left else (m, k))))
    y = net.input(f32, (2, *((n, k) if right else (k, n))))
    transposed = {"transpose_input": flag(left), "transpose_weights": flag(right)}
    net.op(MatMulOp, [x, y, None], tensor(f32, 2, m, n), **transposed)


def stretched(net: RandomNetwork) -> None:
    x, (n, h, w, c) = image(net, f32)
    shape = [net.pick(1, extent) for extent in (n, h, w, c)][net.integer(0, 3) :]
    y = net.input(f32, shape)
    net.op(AddOp, net.random.sample([x, y], 2), x.type)
    net.op(movement.BroadcastToOp, [x], like(x, 2, *([n, h, w, c])))


def converted(net: RandomNetwork) -> None:
    x, shape = image(net, f32, i8, i16, i32, BIN)
    net.op(CastOp, [x], tensor(net.pick(f32, i8, i32, BIN), *shape))


def mirrored(net: RandomNetwork) -> None:
    x, shape = image(net, f32)
    before = [net.integer(0, extent) for extent in shape]
    after = [net.integer(0, extent) for extent in shape]
    result = [b + extent + a for b, extent, a in zip(before, shape, after, strict=True)]
    symmetric = flag(True)
    properties = {"before": integers(before), "symmetric": symmetric}
    net.op(movement.MirrorPadOp, [x], like(x, *result), **properties)


def resized(net: RandomNetwork) -> None:
    x, (n, h, w, c) = image(net, f32)
    rows = sorted(net.integer(0, h - 1) for _ in range(net.integer(1, 5)))
    columns = [net.integer(0, w - 1) for _ in range(net.integer(1, 5))]
    result = like(x, n, len(rows), len(columns), c)
    if net.chance(0.5):
        places = {"rows": integers(rows), "columns": integers(columns)}
        net.op(resize.ResizeNearestOp, [x], result, **places)
        return
    halves = {
        name: DenseArrayBase.from_list(f32, [min(p + 0.5, e - 1.0) for p in line])
        for name, line, e in (("rows", rows, h), ("columns", columns, w))
    }
    net.op(resize.ResizeBilinearOp, [x], result, **halves)


def by_rows(net: RandomNetwork) -> None:
    x, _ = image(net, f32)
    net.op(SoftmaxOp, [x], x.type, beta=real(1.0))
    net.op(L2NormalizationOp, [net.values[-1]], x.type, epsilon=real(1e-6))
    net.op(
        LocalResponseNormalizationOp,
        [net.values[-1]],
        x.type,
        before=integer(net.integer(0, 2)),
        after=integer(net.integer(0, 2)),
        bias=real(1.0),
        alpha=real(0.5),
        beta=real(0.5),
    )


def reduced(net: RandomNetwork) -> None:
    x, shape = image(net, f32)
    axes = [axis for axis in range(4) if net.chance(0.4)]
    result = [1 if axis in axes else extent for axis, extent in enumerate(shape)]
    net.op(reduction.ReduceSumOp, [x], like(x, *result), axes=integers(axes))
    axis = net.integer(0, 3)
    result[axis] = 1
    best = tensor(i32, *result)
    net.op(reduction.ArgMaxOp, [net.values[-1]], best, axis=integer(axis))


def summed(net: RandomNetwork) -> None:
    x, _ = image(net, f32)
    axis, ways = net.integer(0, 3), {name: flag(net.chance(0.5)) for name in ("reverse",)}
    net.op(reduction.CumsumOp, [x], x.type, axis=integer(axis), **ways)


def updated(net: RandomNetwork) -> None:
    x, shape = image(net, f32)
    part = [net.integer(1, extent) for extent in shape]
    start = net.constant(i32, [4])
    y = net.op(functions.NegOp, [x], x.type)
    net.op(placement.UpdateSliceOp, [y, net.input(f32, part), start], x.type)


MAKERS: tuple[Make, ...] = (
    convolution,
    depthwise,
    pooling,
    upsampling,
    dense,
    product,
    stretched,
    converted,
    mirrored,
    resized,
    by_rows,
    reduced,
    summed,
    updated,
)


def shares(module: ModuleOp) -> bool:
    """Whether a layer of the planned function writes over what it reads."""
    layers = network_of(planned(module)).body.block.ops
    return any(isinstance(op, KernelOp) and op.in_place is not None for op in layers)


@pytest.mark.parametrize("make", MAKERS)
def test_results_do_not_depend_on_the_place(make: Make) -> None:
    cases = [random_nn(make, seed) for seed in range(10)]
    assert any(shares(module) for module, _ in cases)
    for apart, over in zip(run_all(cases, How(overlap=False)), run_all(cases), strict=True):
        for expected, actual in zip(apart, over, strict=True):
            for want, have in zip(expected.outputs, actual.outputs, strict=True):
                assert np.array_equal(have, want, equal_nan=want.dtype.kind == "f")
