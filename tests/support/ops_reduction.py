"""Single-operator models: reductions, pooling, normalisation and softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence

from support.draw import Draw
from support.ops_registry import activation_type, listed
from support.tflite_builder import Quantization, Tensor, TypeName, per_tensor


def reduced(
    draw: Draw, shape: Sequence[int], most: int | None = None
) -> tuple[Tensor, tuple[int, ...], bool, int]:
    """Random axes: their tensor, the reduced shape, whether axes stay, elements added."""
    rank = len(shape)
    candidates = list(range(rank))
    draw.random.shuffle(candidates)
    axes = candidates[: draw.integer(1, rank)]
    while most is not None and math.prod(shape[axis] for axis in axes) > most:
        axes = axes[:-1] or [shape.index(min(shape))]
        if len(axes) == 1 and shape[axes[0]] > most:
            break
    keep = draw.chance(0.5)
    signed = [axis - rank if draw.chance(0.3) else axis for axis in axes]
    tensor = draw.integers(signed[0] if len(signed) == 1 and draw.chance(0.5) else signed)
    sizes = [
        1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes
    ]
    return tensor, tuple(sizes), keep, math.prod(shape[axis] for axis in axes)


def reduce(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4, 7)
    source = draw.quantization(dtype)
    axes, output_shape, keep, count = reduced(draw, shape)
    x = draw.input(shape, dtype, source)
    target = source
    if op in ("MEAN", "SUM") and source is not None:
        wide = count if op == "SUM" else 1
        scale = source.scales[0] * draw.power(-2, 2) * math.sqrt(wide)
        target = per_tensor(scale, draw.zero_point(dtype))
    # The reference kernel of SUM reads the bytes of signed integers as unsigned ones.
    draw.optimised = op == "SUM" and dtype in ("i8", "i16")
    draw.result(op, [x, axes], output_shape, dtype, target, keep_dims=keep)


def product(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    most = {"f32": 8, "i32": 3, "i8": 4, "i16": 3}[dtype]
    shape = draw.shape(1, 3, most)
    axes, output_shape, keep, count = reduced(draw, shape, most)
    if dtype in ("f32", "i32"):
        x = draw.input(shape, dtype, low=-3, high=3)
        draw.result(op, [x, axes], output_shape, dtype, keep_dims=keep)
        return
    source = draw.quantization(dtype)
    assert source is not None
    # Each step multiplies by input scale / output scale^(1 / count), which must stay below 1.
    step = draw.power(-16, -15) if dtype == "i16" else draw.power(-6, -0.5)
    target = per_tensor((source.scales[0] / step) ** count, draw.zero_point(dtype))
    x = draw.input(shape, dtype, source)
    draw.result(op, [x, axes], output_shape, dtype, target, keep_dims=keep)


def arg(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4)
    axis = draw.axis(len(shape))
    output_shape = [size for index, size in enumerate(shape) if index != axis % len(shape)]
    kind = draw.kind("i32", "i64")
    x = draw.input(shape, dtype, draw.quantization(dtype))
    draw.result(op, [x, draw.integers(axis)], output_shape, kind, output_type=kind)


def cumsum(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape()
    axis = draw.integers(draw.axis(len(shape)))
    options = {"exclusive": draw.chance(0.5), "reverse": draw.chance(0.5)}
    draw.result(op, [draw.input(shape, dtype), axis], shape, dtype, None, **options)


def pool(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.image()
    quantization = draw.quantization(dtype)
    same = draw.chance(0.5)
    sizes: list[int] = []
    filters, strides = [0, 0], [draw.integer(1, 3), draw.integer(1, 3)]
    for index, size in enumerate(shape[1:3]):
        filters[index] = draw.integer(1, min(4, size) if not same else 4)
        span = size if same else size - filters[index] + 1
        sizes.append(-(-span // strides[index]))
    draw.result(
        op,
        [draw.input(shape, dtype, quantization)],
        (shape[0], *sizes, shape[3]),
        dtype,
        quantization,
        padding="SAME" if same else "VALID",
        stride_h=strides[0],
        stride_w=strides[1],
        filter_height=filters[0],
        filter_width=filters[1],
        fused_activation_function=draw.activation(),
    )


def softmax(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4, 12)
    source = draw.quantization(dtype, -7, 0)
    output: TypeName = "i16" if dtype == "i8" and draw.chance(0.25) else dtype
    targets: dict[str, Quantization] = {
        "i8": per_tensor(1 / 256, -128),
        "u8": per_tensor(1 / 256, 0),
        "i16": per_tensor(1 / 32768),
    }
    target = targets.get(output)
    if output != dtype:
        target = per_tensor(1 / 65536, -32768)
    x = draw.input(shape, dtype, source)
    draw.result(op, [x], shape, output, target, beta=draw.pick(1.0, draw.power(-1, 1)))


def log_softmax(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4, 12)
    target = None if dtype == "f32" else per_tensor(1 / 16, 127)
    x = draw.input(shape, dtype, draw.quantization(dtype, -7, 1))
    draw.result(op, [x], shape, dtype, target)


def l2_normalization(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4, 12)
    targets = {"i8": per_tensor(1 / 128, 0), "u8": per_tensor(1 / 128, 128)}
    x = draw.input(shape, dtype, draw.quantization(dtype))
    draw.result(op, [x], shape, dtype, targets.get(dtype))


GENERATORS = [
    *listed(reduce, "f32 i8 u8 i16", "MEAN"),
    *listed(reduce, "f32 i8 u8 i16 i32", "SUM"),
    *listed(reduce, "f32 i8 u8 i16 i32 i64", "REDUCE_MAX", "REDUCE_MIN"),
    *listed(product, "f32 i8 i16 i32", "REDUCE_PROD"),
    *listed(arg, "f32 i8 u8 i32", "ARG_MAX", "ARG_MIN"),
    *listed(cumsum, "f32 i32 i64", "CUMSUM"),
    *listed(pool, "f32 i8 u8 i16", "AVERAGE_POOL_2D", "MAX_POOL_2D"),
    *listed(softmax, "f32 i8 u8 i16", "SOFTMAX"),
    *listed(log_softmax, "f32 i8", "LOG_SOFTMAX"),
    *listed(l2_normalization, "f32 i8 u8", "L2_NORMALIZATION"),
]
