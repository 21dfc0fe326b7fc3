"""Single-operator models: operators that move, repeat, index and resample elements."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from support.arrays import integers
from support.draw import Draw
from support.ops_registry import activation_type, listed
from support.tflite_builder import Quantization, Tensor, TypeName

ANY = "f32 i8 u8 i16 i32 i64 i1"
INDEX_TYPES: tuple[TypeName, ...] = ("i32", "i64")


def source(
    draw: Draw, flavour: str, shape: Sequence[int]
) -> tuple[Tensor, TypeName, Quantization | None]:
    """The input, its type and its quantisation, which the output shares."""
    dtype = activation_type(flavour)
    quantization = draw.quantization(dtype)
    return draw.input(shape, dtype, quantization), dtype, quantization


def concatenation(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4)
    axis = draw.axis(len(shape))
    output = draw.quantization(dtype)
    sizes = [draw.integer(1, 5) for _ in range(draw.integer(1, 4))]

    def sized(total: int) -> list[int]:
        return [total if i == axis % len(shape) else size for i, size in enumerate(shape)]

    # Only uint8 parts may differ in scale from the whole.
    inputs = [
        draw.input(sized(size), dtype, draw.quantization(dtype) if dtype == "u8" else output)
        for size in sizes
    ]
    draw.result(op, inputs, sized(sum(sizes)), dtype, output, axis=axis)


def pack(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 3)
    count = draw.integer(1, 4)
    axis = draw.axis(len(shape) + 1)
    quantization = draw.quantization(dtype)
    output = list(shape)
    output.insert(axis % (len(shape) + 1), count)
    inputs = [draw.input(shape, dtype, quantization) for _ in range(count)]
    draw.result(op, inputs, output, dtype, quantization, values_count=count, axis=axis)


def unpack(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(2, 4, 4)
    axis = draw.axis(len(shape))
    x, dtype, quantization = source(draw, flavour, shape)
    rest = [size for i, size in enumerate(shape) if i != axis % len(shape)]
    count = shape[axis]
    outputs = [draw.model.tensor(rest, dtype, quantization) for _ in range(count)]
    draw.model.op(op, [x], outputs, num=count, axis=axis)
    draw.model.output(*outputs)


def split(draw: Draw, op: str, flavour: str) -> None:
    shape = list(draw.shape(1, 4))
    axis = draw.axis(len(shape))
    if op == "SPLIT":
        sizes = [draw.integer(1, 3)] * draw.integer(1, 4)
    else:
        sizes = [draw.integer(1, 3) for _ in range(draw.integer(1, 4))]
    shape[axis] = sum(sizes)
    x, dtype, quantization = source(draw, flavour, shape)
    outputs: list[Tensor] = []
    for size in sizes:
        part = list(shape)
        part[axis] = size
        outputs.append(draw.model.tensor(part, dtype, quantization))
    if op == "SPLIT":
        inputs = [draw.integers(axis), x]
    else:
        given = list(sizes)
        if draw.chance(0.4):
            given[draw.integer(0, len(given) - 1)] = -1
        inputs = [x, draw.integers(given, draw.kind(*INDEX_TYPES)), draw.integers(axis)]
    draw.model.op(op, inputs, outputs, num_splits=len(sizes))
    draw.model.output(*outputs)


def reshape(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    sizes = list(shape)
    draw.random.shuffle(sizes)
    while len(sizes) > 1 and draw.chance(0.5):
        sizes = [sizes[0] * sizes[1], *sizes[2:]]
    written = list(sizes)
    if draw.chance(0.4):
        written[draw.integer(0, len(written) - 1)] = -1
    draw.result(op, [x, draw.integers(written)], sizes, dtype, quantization, new_shape=written)


def squeeze(draw: Draw, op: str, flavour: str) -> None:
    sizes = [1 if draw.chance(0.5) else draw.integer(2, 5) for _ in range(draw.integer(2, 5))]
    x, dtype, quantization = source(draw, flavour, sizes)
    ones = [axis for axis, size in enumerate(sizes) if size == 1]
    chosen = [axis for axis in ones if draw.chance(0.6)]
    gone = set(chosen) if chosen else set(ones)
    output = [size for axis, size in enumerate(sizes) if axis not in gone]
    dims = [axis - len(sizes) if draw.chance(0.3) else axis for axis in chosen]
    draw.result(op, [x], output, dtype, quantization, squeeze_dims=dims)


def expand_dims(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4)
    axis = draw.axis(len(shape) + 1)
    x, dtype, quantization = source(draw, flavour, shape)
    output = list(shape)
    output.insert(axis % (len(shape) + 1), 1)
    draw.result(op, [x, draw.integers(axis)], output, dtype, quantization)


def transpose(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 5, 5)
    x, dtype, quantization = source(draw, flavour, shape)
    order = list(range(len(shape)))
    draw.random.shuffle(order)
    output = [shape[axis] for axis in order]
    draw.result(op, [x, draw.integers(order)], output, dtype, quantization)


def tile(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    times = [draw.integer(1, 3) for _ in shape]
    output = [size * count for size, count in zip(shape, times, strict=True)]
    draw.result(op, [x, draw.integers(times, draw.kind(*INDEX_TYPES))], output, dtype, quantization)


def cut(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    begin = [draw.integer(0, size - 1) for size in shape]
    sizes = [draw.integer(1, size - first) for size, first in zip(shape, begin, strict=True)]
    written = list(sizes)
    for axis, size in enumerate(sizes):
        if begin[axis] + size == shape[axis] and draw.chance(0.5):
            written[axis] = -1
    kind = draw.kind(*INDEX_TYPES)
    inputs = [x, draw.integers(begin, kind), draw.integers(written, kind)]
    draw.result(op, inputs, sizes, dtype, quantization)


def strided_slice(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    rows: list[tuple[int, int, int]] = []
    output: list[int] = []
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}
    for axis, size in enumerate(shape):
        bit = 1 << axis
        if draw.chance(0.2):
            first = draw.integer(-size, size - 1)
            rows.append((first, first % size + 1, 1))
            masks["shrink_axis_mask"] |= bit
            continue
        first, last = draw.integer(-size, size - 1), draw.integer(-size, size)
        stride = draw.pick(1, 1, 2, 3, -1, -2)
        from_start, to_end = draw.chance(0.3), draw.chance(0.3)
        bounds = slice(None if from_start else first, None if to_end else last, stride)
        count = len(range(*bounds.indices(size)))
        if count == 0:
            from_start = to_end = True
            count = len(range(*slice(None, None, stride).indices(size)))
        masks["begin_mask"] |= bit * from_start
        masks["end_mask"] |= bit * to_end
        rows.append((first, last, stride))
        output.append(count)
    inputs = [x, *(draw.integers(values) for values in zip(*rows, strict=True))]
    draw.result(op, inputs, output, dtype, quantization, **masks)


def pad(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    mirror = op == "MIRROR_PAD"
    reflect = mirror and draw.chance(0.5)
    most = [min(2, size - 1 if reflect else size) if mirror else 3 for size in shape]
    amounts = [[draw.integer(0, m), draw.integer(0, m)] for m in most]
    output = [size + sum(pair) for size, pair in zip(shape, amounts, strict=True)]
    paddings = draw.model.constant(amounts, draw.kind(*INDEX_TYPES))
    if mirror:
        mode = "REFLECT" if reflect else "SYMMETRIC"
        draw.result(op, [x, paddings], output, dtype, quantization, mode=mode)
        return
    inputs = [x, paddings]
    if op == "PADV2":
        inputs.append(draw.constant((1,), dtype, quantization))
    draw.result(op, inputs, output, dtype, quantization)


def gather(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4, 5)
    x, dtype, quantization = source(draw, flavour, shape)
    axis = draw.integer(0, len(shape) - 1)
    batch_dims = draw.integer(0, min(axis, 1)) if draw.chance(0.3) else 0
    picked = (*shape[:batch_dims], *draw.shape(1, 2, 4))
    kind = draw.kind(*INDEX_TYPES)
    make = draw.constant if draw.chance(0.6) else draw.input
    indices = make(picked, kind, low=0, high=shape[axis] - 1)
    output = (*shape[:axis], *picked[batch_dims:], *shape[axis + 1 :])
    written = axis - len(shape) if draw.chance(0.3) else axis
    draw.result(op, [x, indices], output, dtype, quantization, axis=written, batch_dims=batch_dims)


def gather_nd(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(2, 4, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    depth = draw.integer(1, len(shape))
    outer = draw.shape(1, 2, 4)
    columns = [integers(draw.numbers, 0, size - 1, outer) for size in shape[:depth]]
    indices = draw.model.constant(np.stack(columns, axis=-1), draw.kind(*INDEX_TYPES))
    draw.result(op, [x, indices], (*outer, *shape[depth:]), dtype, quantization)


def fill(draw: Draw, op: str, flavour: str) -> None:
    dtype = activation_type(flavour)
    shape = draw.shape(1, 4)
    quantization = draw.quantization(dtype)
    value = draw.input((), dtype, quantization)
    dims = draw.integers(shape, draw.kind(*INDEX_TYPES))
    draw.result(op, [dims, value], shape, dtype, quantization)


def shape_of(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.shape(1, 4)
    x, _, _ = source(draw, flavour, shape)
    kind = draw.kind(*INDEX_TYPES)
    draw.result(op, [x], (len(shape),), kind, out_type=kind)


def depth_and_space(draw: Draw, op: str, flavour: str) -> None:
    block = draw.integer(2, 3)
    n, h, w, c = draw.image(4, 4)
    deep, wide = (n, h, w, c * block * block), (n, h * block, w * block, c)
    given, output = (deep, wide) if op == "DEPTH_TO_SPACE" else (wide, deep)
    x, dtype, quantization = source(draw, flavour, given)
    draw.result(op, [x], output, dtype, quantization, block_size=block)


def space_to_batch(draw: Draw, op: str, flavour: str) -> None:
    spatial = draw.integer(1, 2)
    blocks = [draw.integer(1, 3) for _ in range(spatial)]
    sizes = [draw.integer(1, 4) * block for block in blocks]
    margins = [[draw.integer(0, 1), draw.integer(0, 1)] for _ in blocks]
    inner = [size - sum(pair) for size, pair in zip(sizes, margins, strict=True)]
    for axis, size in enumerate(inner):
        if size < 1:
            inner[axis], margins[axis] = sizes[axis], [0, 0]
    batch, channels = draw.integer(1, 2), draw.integer(1, 4)
    spaced = (batch, *inner, channels)
    folded = [size // block for size, block in zip(sizes, blocks, strict=True)]
    batched = (batch * math.prod(blocks), *folded, channels)
    given, output = (spaced, batched) if op == "SPACE_TO_BATCH_ND" else (batched, spaced)
    x, dtype, quantization = source(draw, flavour, given)
    inputs = [x, draw.integers(blocks), draw.model.constant(margins, "i32")]
    draw.result(op, inputs, output, dtype, quantization)


def resize(draw: Draw, op: str, flavour: str) -> None:
    shape = draw.image(7, 4)
    x, dtype, quantization = source(draw, flavour, shape)
    size = [draw.integer(1, 12), draw.integer(1, 12)]
    align = draw.chance(0.3)
    draw.result(
        op,
        [x, draw.integers(size)],
        (shape[0], *size, shape[3]),
        dtype,
        quantization,
        align_corners=align,
        half_pixel_centers=not align and draw.chance(0.5),
    )


GENERATORS = [
    *listed(concatenation, "f32 i8 u8 i16 i32 i64 i1", "CONCATENATION"),
    *listed(pack, "f32 i8 u8 i16 i32 i64", "PACK"),
    *listed(unpack, "f32 i8 u8 i16 i32 i1", "UNPACK"),
    *listed(split, "f32 i8 u8 i16 i32", "SPLIT", "SPLIT_V"),
    *listed(reshape, ANY, "RESHAPE"),
    *listed(squeeze, ANY, "SQUEEZE"),
    *listed(expand_dims, ANY, "EXPAND_DIMS"),
    *listed(transpose, ANY, "TRANSPOSE"),
    *listed(tile, ANY, "TILE"),
    *listed(cut, ANY, "SLICE"),
    *listed(strided_slice, ANY, "STRIDED_SLICE"),
    *listed(pad, "f32 i8 u8 i16 i32 i64", "PAD", "PADV2"),
    *listed(pad, "f32 i8 u8 i16 i32 i64", "MIRROR_PAD"),
    *listed(gather, ANY, "GATHER"),
    *listed(gather_nd, "f32 i8 u8 i16 i32 i64 i1", "GATHER_ND"),
    *listed(fill, "f32 i8 i16 i32 i64 i1", "FILL"),
    *listed(shape_of, "f32 i8", "SHAPE"),
    *listed(depth_and_space, "f32 i8 u8 i32 i64", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH"),
    *listed(space_to_batch, "f32 i8 u8 i16 i32 i64", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"),
    *listed(resize, "f32 i8 u8 i16", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
]
