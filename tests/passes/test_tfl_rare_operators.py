"""Rarer TFLite operators, and special cases of others, beside the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from support.compiled import SANITIZED, run_all
from support.oracle import Array, Reference, random_inputs
from support.tflite_builder import ModelBuilder, Option, Tensor, TypeName, per_tensor
from support.tflite_nn import check_model, check_tensor, import_model

from nnc.dialects.nn.interpreter import run

Build = Callable[[ModelBuilder], None]

Q8 = per_tensor(0.5, -3)


def ints(model: ModelBuilder, values: Sequence[int] | int, dtype: TypeName = "i32") -> Tensor:
    return model.constant(np.asarray(values), dtype)


def binary(op: str, dtype: TypeName, output: TypeName | None = None) -> Build:
    def build(model: ModelBuilder) -> None:
        quantization = Q8 if dtype == "i8" else None
        x = model.input("x", (2, 3, 4), dtype, quantization)
        values = np.asarray([[-3], [2], [7]])
        y = model.constant(values, dtype, quantization)
        target = quantization if output is None else None
        model.output(model.output_of(op, [x, y], (2, 3, 4), output or dtype, target))

    return build


def unary(op: str, dtype: TypeName = "f32", **options: Option) -> Build:
    def build(model: ModelBuilder) -> None:
        x = model.input("x", (1, 3, 4, 5), dtype)
        model.output(model.output_of(op, [x], (1, 3, 4, 5), dtype, **options))

    return build


def with_constants(
    op: str,
    shape: Sequence[int],
    constants: Sequence[tuple[Sequence[int] | int, TypeName]],
    result: Sequence[int],
    dtype: TypeName = "f32",
    **options: Option,
) -> Build:
    """An operator of one input and constants."""

    def build(model: ModelBuilder) -> None:
        quantization = Q8 if dtype == "i8" else None
        x = model.input("x", shape, dtype, quantization)
        operands = [ints(model, *constant) for constant in constants]
        model.output(model.output_of(op, [x, *operands], result, dtype, quantization, **options))

    return build


def select(model: ModelBuilder) -> None:
    condition = model.input("c", (3,), "i1")
    x, y = model.input("x", (3, 4), "f32"), model.input("y", (3, 4), "f32")
    model.output(model.output_of("SELECT", [condition, x, y], (3, 4), "f32"))


def atan2(model: ModelBuilder) -> None:
    x, y = (model.input(name, (3, 4), "f32") for name in "xy")
    model.output(model.output_of("ATAN2", [x, y], (3, 4), "f32"))


def add_n(model: ModelBuilder) -> None:
    values = [model.input(name, (2, 5), "f32") for name in "abc"]
    model.output(model.output_of("ADD_N", values, (2, 5), "f32"))


def reductions(op: str) -> Build:
    def build(model: ModelBuilder) -> None:
        x = model.input("x", (3, 4, 2), "i1")
        model.output(model.output_of(op, [x, ints(model, [1])], (3, 1, 2), "i1", keep_dims=True))

    return build


def shapes(model: ModelBuilder) -> None:
    """Shape arithmetic that ends in a shape: everything here is folded."""
    x = model.input("x", (2, 3), "f32")
    shape = model.output_of("SHAPE", [x], (2,), "i32", out_type="i32")
    rank = model.output_of("RANK", [x], (), "i32")
    one, zero = ints(model, 1), ints(model, 0)
    count = model.output_of("RANGE", [zero, rank, one], (2,), "i32")
    extents = model.output_of("GATHER", [shape, count], (2,), "i32", axis=0)
    wider = model.output_of("BROADCAST_ARGS", [extents, ints(model, [4, 1, 1])], (3,), "i32")
    model.output(model.output_of("BROADCAST_TO", [x, wider], (4, 2, 3), "f32"))


def one_hot(model: ModelBuilder) -> None:
    x = model.input("x", (2, 3), "i32")
    on, off = model.constant(np.asarray(2.5), "f32"), model.constant(np.asarray(-1.0), "f32")
    depth = ints(model, 4)
    model.output(model.output_of("ONE_HOT", [x, depth, on, off], (2, 4, 3), "f32", axis=1))


def embedding(model: ModelBuilder) -> None:
    rows = model.input("rows", (3,), "i32")
    table = model.constant(np.arange(40).reshape(10, 4), "f32")
    model.output(model.output_of("EMBEDDING_LOOKUP", [rows, table], (3, 4), "f32"))


def scatter(dtype: TypeName) -> Build:
    def build(model: ModelBuilder) -> None:
        places, updates = model.input("i", (4, 2), "i32"), model.input("u", (4, 3), dtype)
        shape = ints(model, [3, 2, 3])
        model.output(model.output_of("SCATTER_ND", [places, updates, shape], (3, 2, 3), dtype))

    return build


def dense(indices: Sequence[int], shape: Sequence[int], *, one: bool = False) -> Build:
    """Values, or one value, at constant places, which TFLite wants to be ascending."""

    def build(model: ModelBuilder) -> None:
        places = ints(model, indices)
        count = 1 if one else len(indices)
        values = model.input("v", () if one else (count,), "f32")
        operands = [places, ints(model, shape), values, model.constant(np.asarray(0.5), "f32")]
        model.output(model.output_of("SPARSE_TO_DENSE", operands, shape, "f32"))

    return build


def update_slice(model: ModelBuilder) -> None:
    x, part = model.input("x", (4, 5), "f32"), model.input("u", (2, 3), "f32")
    start = model.input("s", (2,), "i32")
    model.output(model.output_of("DYNAMIC_UPDATE_SLICE", [x, part, start], (4, 5), "f32"))


def top_k(dtype: TypeName) -> Build:
    def build(model: ModelBuilder) -> None:
        x = model.input("x", (3, 9), dtype, Q8 if dtype == "i8" else None)
        values = model.tensor((3, 4), dtype, Q8 if dtype == "i8" else None)
        indices = model.tensor((3, 4), "i32")
        model.op("TOPK_V2", [x, ints(model, 4)], [values, indices])
        model.output(values, indices)

    return build


def powers_of_two(op: str, scales: tuple[float, float, float]) -> Build:
    def build(model: ModelBuilder) -> None:
        first, second, result = (per_tensor(scale) for scale in scales)
        x, y = model.input("x", (3, 40), "i16", first), model.input("y", (3, 40), "i16", second)
        options: dict[str, Option] = {"pot_scale_int16": True, "fused_activation_function": "RELU6"}
        model.output(model.output_of(op, [x, y], (3, 40), "i16", result, **options))

    return build


def l2_pool(model: ModelBuilder) -> None:
    x = model.input("x", (1, 5, 6, 2), "f32")
    result = model.output_of(
        "L2_POOL_2D",
        [x],
        (1, 3, 3, 2),
        "f32",
        padding="SAME",
        stride_h=2,
        stride_w=2,
        filter_height=2,
        filter_width=3,
        fused_activation_function="RELU6",
    )
    model.output(result)


def strided(
    begin: list[int], end: list[int], strides: list[int], shape: Sequence[int], **masks: int
) -> Build:
    constants: list[tuple[Sequence[int] | int, TypeName]] = [
        (v, "i32") for v in (begin, end, strides)
    ]
    return with_constants("STRIDED_SLICE", (4, 5, 6), constants, shape, **masks)


LRN: dict[str, Option] = {"radius": 2, "bias": 1.0, "alpha": 0.25, "beta": 0.5}

CASES: dict[str, Build] = {
    "FLOOR_DIV-f32": binary("FLOOR_DIV", "f32"),
    "FLOOR_DIV-i32": binary("FLOOR_DIV", "i32"),
    "FLOOR_DIV-i8": binary("FLOOR_DIV", "i8"),
    "FLOOR_MOD-f32": binary("FLOOR_MOD", "f32"),
    "FLOOR_MOD-i32": binary("FLOOR_MOD", "i32"),
    "FLOOR_MOD-i64": binary("FLOOR_MOD", "i64"),
    "FLOOR_MOD-i8": binary("FLOOR_MOD", "i8"),
    "DIV-i32": binary("DIV", "i32"),
    "ATAN2": atan2,
    "BITWISE_XOR-i16": binary("BITWISE_XOR", "i16"),
    "RIGHT_SHIFT-i32": binary("RIGHT_SHIFT", "i32"),
    "RIGHT_SHIFT-i16": binary("RIGHT_SHIFT", "i16"),
    "EQUAL-i64": binary("EQUAL", "i64", "i1"),
    "LESS-i32": binary("LESS", "i32", "i1"),
    "MUL-i64": binary("MUL", "i64"),
    "SUB-i32": binary("SUB", "i32"),
    "SIGN": unary("SIGN"),
    "NEG-i64": unary("NEG", "i64"),
    "ABS-i32": unary("ABS", "i32"),
    "LOCAL_RESPONSE_NORMALIZATION": unary("LOCAL_RESPONSE_NORMALIZATION", **LRN),
    "SELECT": select,
    "ADD_N": add_n,
    "REDUCE_ANY": reductions("REDUCE_ANY"),
    "REDUCE_ALL": reductions("REDUCE_ALL"),
    "REVERSE_V2": with_constants("REVERSE_V2", (2, 3, 4), [([1], "i32")], (2, 3, 4)),
    "REVERSE_V2-i8": with_constants("REVERSE_V2", (2, 3, 4), [([2], "i32")], (2, 3, 4), "i8"),
    "REVERSE_SEQUENCE": with_constants(
        "REVERSE_SEQUENCE", (3, 5, 2), [([2, 5, 0], "i32")], (3, 5, 2), seq_dim=1, batch_dim=0
    ),
    "ONE_HOT": one_hot,
    "EMBEDDING_LOOKUP": embedding,
    "DYNAMIC_UPDATE_SLICE": update_slice,
    "SCATTER_ND-f32": scatter("f32"),
    "SCATTER_ND-i32": scatter("i32"),
    "SPARSE_TO_DENSE": dense([1, 3, 4], [6]),
    "SPARSE_TO_DENSE-one": dense([0, 2], [4], one=True),
    "TOPK_V2-f32": top_k("f32"),
    "TOPK_V2-i8": top_k("i8"),
    "L2_POOL_2D": l2_pool,
    "ADD-i16-pot": powers_of_two("ADD", (2.0**-12, 2.0**-9, 2.0**-9)),
    "ADD-i16-same": powers_of_two("ADD", (2.0**-9, 2.0**-9, 2.0**-9)),
    "SUB-i16-pot": powers_of_two("SUB", (2.0**-9, 2.0**-11, 2.0**-9)),
    "ADD-i16-not-pot": powers_of_two("ADD", (2.0**-9, 0.0013, 2.0**-9)),
    "STRIDED_SLICE-new-axis": strided([0, 1], [0, 4], [1, 2], (1, 2, 5, 6), new_axis_mask=1),
    "STRIDED_SLICE-ellipsis": strided([9, -2], [9, 9], [1, 1], (4, 5, 2), ellipsis_mask=1),
    "STRIDED_SLICE-negative": strided([-1, 3, 0], [0, -9, 6], [-1, -2, 4], (3, 2, 2)),
    "STRIDED_SLICE-shrink": strided(
        [1, -1, 2], [9, 9, 9], [1, 1, 1], (3,), shrink_axis_mask=6, begin_mask=0, end_mask=1
    ),
    "shapes": shapes,
}

LIMITS: dict[str, tuple[int, int]] = {
    "ONE_HOT": (-1, 5),
    "EMBEDDING_LOOKUP": (0, 9),
    "DYNAMIC_UPDATE_SLICE": (-2, 4),
    "SCATTER_ND-f32": (0, 1),
    "SCATTER_ND-i32": (0, 1),
    "RIGHT_SHIFT-i16": (-20000, 20000),
}
"""The integers that make a defined input."""


def samples_of(name: str, model: bytes) -> list[list[Array]]:
    infos = Reference(model).inputs
    low, high = LIMITS.get(name, (-1000, 1000))
    generator = np.random.default_rng(len(name))
    samples = random_inputs(infos, 5, 3)
    for sample in samples:
        for place, info in enumerate(infos):
            if info.dtype.kind == "i" and info.dtype.itemsize > 1 and "pot" not in name:
                sample[place] = np.floor(generator.uniform(low, high + 1, info.shape)).astype(
                    info.dtype
                )
    return samples


def model_of(name: str) -> bytes:
    builder = ModelBuilder()
    CASES[name](builder)
    return builder.build()


@pytest.mark.parametrize("name", CASES)
def test_reference_semantics(name: str) -> None:
    model = model_of(name)
    check_model(model, samples_of(name, model))


def test_c() -> None:
    models = {name: model_of(name) for name in CASES}
    programs = [(import_model(model), samples_of(name, model)) for name, model in models.items()]
    for name, (module, samples), runs in zip(
        models, programs, run_all(programs, SANITIZED), strict=True
    ):
        for sample, compiled in zip(samples, runs, strict=True):
            expected = run(module, sample).outputs
            for actual, wanted in zip(compiled.outputs, expected, strict=True):
                check_tensor(name, actual, wanted, 1e-5)
