"""
Binary tensors through the ops that take them: as C and as `evaluate`, beside plain numpy.

Memory holds 32 channels in a word and every row of channels starts a new one, so the interesting
channel counts are those around multiples of 32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from support.arrays import integers as whole_numbers
from support.compiled import LOOPS, SANITIZED, How, run_all, run_on_core
from support.nn_networks import network, tensor
from support.oracle import Array
from support.sample_network import needs_boards
from xdsl.dialects.builtin import ModuleOp, f32, i1, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp, ReshapeOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.nn.logic import SelectOp
from nnc.dialects.nn.movement import (
    BroadcastToOp,
    GatherNdOp,
    GatherOp,
    MirrorPadOp,
    OneHotOp,
    ReverseSequenceOp,
    SliceOp,
    TileOp,
    TransposeOp,
)
from nnc.dialects.nn.placement import ConcatOp, PadOp, UpdateSliceOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.resize import ResizeNearestOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, numpy_dtype
from nnc.passes.nn_builder import NnBuilder, flag, integer, integers

Expected = Callable[[list[Array]], Array]
"""What an op gives, in numpy."""

Build = Callable[[NnBuilder, Sequence[SSAValue], Attribute], SSAValue]
"""Appends an op that takes those values and gives that type."""

CODES = UniformQuantizedType.per_tensor(i8, 0.5, -3)


@dataclass(frozen=True)
class Case:
    """A network of one op, its inputs and what it gives."""

    name: str
    module: ModuleOp
    inputs: list[Array]
    output: Array


def random_tensor(rng: np.random.Generator, element: Attribute, shape: Sequence[int]) -> Array:
    """Random stored values; integers that are not quantised are small and not negative."""
    if element in (BIN, i1):
        return rng.random(shape) < 0.5
    if element == f32:
        values = rng.normal(0, 1, shape).astype(np.float32)
        return np.where(rng.random(shape) < 0.2, np.float32(0), values)
    low, high = {CODES: (-128, 127), i8: (-60, 60)}.get(element, (0, 3))
    return whole_numbers(rng, low, high, shape).astype(numpy_dtype(element))


def case(
    rng: np.random.Generator,
    name: str,
    inputs: Sequence[tuple[Attribute, tuple[int, ...]]],
    expected: Expected,
    build: Build,
    result: Attribute = BIN,
) -> Case:
    """A case; `build` gets the type of the result, which has the shape that numpy gives."""
    arrays = [random_tensor(rng, element, shape) for element, shape in inputs]
    output = np.ascontiguousarray(expected(arrays))
    types = [tensor(element, *shape) for element, shape in inputs]
    kind = tensor(result, *output.shape)
    module = network(types, lambda b, args: [build(b, args, kind)])
    return Case(name, module, arrays, output)


def movement_cases(rng: np.random.Generator, channels: int) -> list[Case]:
    """Bits in another order."""
    c = channels
    image = (BIN, (2, 3, 4, c))
    return [
        case(
            rng,
            "transpose",
            [image],
            lambda x: x[0].transpose(0, 3, 2, 1),
            lambda b, x, t: b.op(TransposeOp, x, t, permutation=integers([0, 3, 2, 1])),
        ),
        case(
            rng,
            "slice",
            [image],
            lambda x: x[0][1:, 2::-2, 1:3, c // 2 :],
            lambda b, x, t: b.op(
                SliceOp,
                x,
                t,
                begin=integers([1, 2, 1, c // 2]),
                strides=integers([1, -2, 1, 1]),
            ),
        ),
        case(
            rng,
            "broadcast_to",
            [(BIN, (3, 1, c))],
            lambda x: np.broadcast_to(x[0], (2, 3, 5, c)),
            lambda b, x, t: b.op(BroadcastToOp, x, t),
        ),
        case(
            rng,
            "tile",
            [(BIN, (2, c))],
            lambda x: np.tile(x[0], (2, 3)),
            lambda b, x, t: b.op(TileOp, x, t),
        ),
        case(
            rng,
            "mirror_pad",
            [(BIN, (3, c))],
            lambda x: np.pad(x[0], ((1, 0), (c // 2, c)), "symmetric"),
            lambda b, x, t: b.op(
                MirrorPadOp, x, t, before=integers([1, c // 2]), symmetric=flag(True)
            ),
        ),
        case(
            rng,
            "reverse_sequence",
            [(BIN, (3, 4, c)), (i32, (3,))],
            lambda x: reversed_parts(x[0], x[1]),
            lambda b, x, t: b.op(ReverseSequenceOp, x, t, axis=integer(1), batch_axis=integer(0)),
        ),
        case(
            rng,
            "gather",
            [image, (i32, (2, 3))],
            lambda x: x[0][:, :, x[1]],
            lambda b, x, t: b.op(GatherOp, x, t, axis=integer(2), batch_dims=integer(0)),
        ),
        case(
            rng,
            "gather channels",
            [(BIN, (2, c + 3)), (i32, (c,))],
            lambda x: x[0][:, x[1]],
            lambda b, x, t: b.op(GatherOp, x, t, axis=integer(1), batch_dims=integer(0)),
        ),
        case(
            rng,
            "gather_nd",
            [(BIN, (4, 4, c)), (i32, (5, 2))],
            lambda x: x[0][x[1][:, 0], x[1][:, 1]],
            lambda b, x, t: b.op(GatherNdOp, x, t, batch_dims=integer(0)),
        ),
        case(
            rng,
            "one_hot",
            [(i32, (c,)), (BIN, (1,)), (BIN, (1,))],
            lambda x: np.where(np.arange(4)[:, None] == x[0], x[1], x[2]),
            lambda b, x, t: b.op(OneHotOp, x, t, axis=integer(0)),
        ),
        case(
            rng,
            "resize_nearest",
            [image],
            lambda x: x[0][:, [0, 0, 1, 2]][:, :, [3, 1]],
            lambda b, x, t: b.op(
                ResizeNearestOp, x, t, rows=integers([0, 0, 1, 2]), columns=integers([3, 1])
            ),
        ),
        *(
            case(
                rng,
                f"reshape to {shape}",
                [image],
                lambda x, shape=shape: x[0].reshape(shape),
                lambda b, x, t: b.op(ReshapeOp, x, t),
            )
            for shape in ((2, 12, c), (24 * c,), (c, 24), (6, 2 * c, 2))
        ),
        case(rng, "input as output", [image], lambda x: x[0], lambda b, x, t: x[0]),
    ]


def other_cases(rng: np.random.Generator, channels: int) -> list[Case]:
    """Bits put together, chosen, pooled and made."""
    c = channels
    image = (BIN, (2, 3, 4, c))
    return [
        case(
            rng,
            "concat channels",
            [image, (BIN, (2, 3, 4, 5)), image],
            lambda x: np.concatenate(x, 3),
            lambda b, x, t: b.op(ConcatOp, [x], t, axis=integer(3)),
        ),
        case(
            rng,
            "concat rows",
            [image, (BIN, (2, 1, 4, c))],
            lambda x: np.concatenate(x, 1),
            lambda b, x, t: b.op(ConcatOp, [x], t, axis=integer(1)),
        ),
        *(
            case(
                rng,
                f"pad with {value}",
                [image],
                lambda x, value=value: np.pad(
                    x[0], ((0, 0), (1, 2), (0, 1), (3, 1)), constant_values=bool(value)
                ),
                lambda b, x, t, value=value: b.op(
                    PadOp, x, t, before=integers([0, 1, 0, 3]), value=integer(value)
                ),
            )
            for value in (0, 1)
        ),
        case(
            rng,
            "update_slice",
            [(BIN, (4, c)), (BIN, (2, c // 2 + 1)), (i32, (2,))],
            lambda x: updated(*x),
            lambda b, x, t: b.op(UpdateSliceOp, x, t),
        ),
        case(
            rng,
            "select",
            [(i1, (3, 4, 1)), image, (BIN, (1, c))],
            lambda x: np.asarray(np.where(x[0], x[1], x[2])),
            lambda b, x, t: b.op(SelectOp, x, t),
        ),
        case(
            rng,
            "max_pool2d",
            [(BIN, (2, 5, 6, c))],
            lambda x: pooled(x[0]),
            lambda b, x, t: b.op(
                MaxPool2DOp,
                x,
                t,
                kernel=integers([2, 3]),
                strides=integers([2, 1]),
                padding=integers([1, 0, 1, 1]),
            ),
        ),
        *(
            case(
                rng,
                f"mul by {shape}",
                [image, (BIN, shape)],
                lambda x: x[0] ^ x[1],
                lambda b, x, t: b.op(MulOp, x, t),
            )
            for shape in ((c,), (3, 1, c), (1,), (2, 3, 4, c))
        ),
        case(
            rng,
            "mul of one by many",
            [(BIN, (1, 4, c)), (BIN, (3, 1, 1))],
            lambda x: x[0] ^ x[1],
            lambda b, x, t: b.op(MulOp, x, t),
        ),
        case(
            rng,
            "add",
            [image, (BIN, (4, c))],
            lambda x: numbers(x[0]) + numbers(x[1]),
            lambda b, x, t: b.op(AddOp, x, t),
            i8,
        ),
        case(
            rng,
            "sub from integers",
            [(i8, (2, 3, 4, c)), image],
            lambda x: x[0] - numbers(x[1]),
            lambda b, x, t: b.op(SubOp, x, t),
            i8,
        ),
        *(
            case(
                rng,
                f"average_pool2d of {element}",
                [(element, (2, 5, 6, c))],
                lambda x: averaged(x[0]),
                lambda b, x, t: b.op(
                    AveragePool2DOp,
                    x,
                    t,
                    kernel=integers([2, 3]),
                    strides=integers([2, 1]),
                    padding=integers([1, 0, 1, 1]),
                ),
                f32,
            )
            for element in (BIN, i8, i32)
        ),
        case(
            rng,
            "quantize integers",
            [(i8, (2, 3, c))],
            lambda x: x[0] < 0,
            lambda b, x, t: b.op(QuantizeOp, x, t),
        ),
        case(
            rng,
            "quantize floats",
            [(f32, (2, 3, c))],
            lambda x: x[0] < 0,
            lambda b, x, t: b.op(QuantizeOp, x, t),
        ),
        case(
            rng,
            "quantize codes",
            [(CODES, (2, 3, c))],
            lambda x: x[0] < -3,
            lambda b, x, t: b.op(QuantizeOp, x, t),
        ),
        case(
            rng,
            "dequantize",
            [(BIN, (2, 3, c))],
            lambda x: np.where(x[0], np.float32(-1), np.float32(1)),
            lambda b, x, t: b.op(DequantizeOp, x, t),
            f32,
        ),
    ]


def reversed_parts(x: Array, lengths: Array) -> Array:
    """The first elements of each row back to front, as many as `lengths` says."""
    rows = zip(x, lengths, strict=True)
    return np.stack([np.concatenate([row[:count][::-1], row[count:]]) for row, count in rows])


def updated(x: Array, part: Array, start: Array) -> Array:
    """`x` with a part replaced; a start without room counts as the last with it."""
    y, z = np.minimum(start, np.subtract(x.shape, part.shape))
    result = x.copy()
    result[y : y + part.shape[0], z : z + part.shape[1]] = part
    return result


def pooled(x: Array) -> Array:
    """Windows of 2 x 3 in steps of 2 x 1, padded by a row and two columns: +1 wherever any is."""
    padded = np.pad(x, ((0, 0), (1, 0), (1, 1), (0, 0)), constant_values=True)
    rows = padded[:, 0:-1:2] & padded[:, 1::2]
    return rows[:, :, :-2] & rows[:, :, 1:-1] & rows[:, :, 2:]


def numbers(x: Array) -> Array:
    """Signs as small integers."""
    return np.where(x, np.int8(-1), np.int8(1))


def averaged(x: Array) -> Array:
    """The means of the windows of `pooled`, without what is around."""
    values = numbers(x) if x.dtype == np.bool_ else x
    values = np.pad(values.astype(np.int64), ((0, 0), (1, 0), (1, 1), (0, 0)))
    inside = np.pad(np.ones(x.shape, np.int64), ((0, 0), (1, 0), (1, 1), (0, 0)))

    def summed(y: Array) -> Array:
        rows = y[:, 0:-1:2] + y[:, 1::2]
        return rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]

    return summed(values).astype(np.float32) / summed(inside).astype(np.float32)


def cases(seed: int, channels: int) -> list[Case]:
    """All ops for a count of channels."""
    rng = np.random.default_rng([seed, channels])
    return movement_cases(rng, channels) + other_cases(rng, channels)


def check(cases: Sequence[Case], how: How = LOOPS) -> None:
    """All of them, as C and as `evaluate`."""
    results = run_all([(it.module, [it.inputs]) for it in cases], how)
    for it, (compiled,) in zip(cases, results, strict=True):
        reference = run(it.module, it.inputs)
        for who, array in (("evaluate", reference.outputs[0]), ("C", compiled.outputs[0])):
            assert (array.shape, array.dtype) == (it.output.shape, it.output.dtype), it.name
            assert np.array_equal(array, it.output), f"{who} of {it.name}"


@pytest.mark.parametrize("channels", [1, 31, 32, 33, 64, 100])
def test_ops(channels: int) -> None:
    check(cases(0, channels))


def test_sanitized() -> None:
    check([*cases(1, 5), *cases(1, 33)], SANITIZED)


@needs_boards
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4"])
def test_on_core(core: str) -> None:
    for it in cases(2, 33):
        if it.name in ("transpose", "pad with 1", "reshape to (33, 24)"):
            (result,), _ = run_on_core(it.module, [it.inputs], core)
            assert np.array_equal(result.outputs[0], it.output), it.name
