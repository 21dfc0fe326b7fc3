"""Single-operator models: operators with state from one inference to the next."""

from __future__ import annotations

from collections.abc import Sequence

from support.draw import Draw
from support.ops_registry import listed
from support.tflite_builder import Quantization, Tensor, TypeName, per_tensor


def variable(
    draw: Draw, shape: Sequence[int], dtype: TypeName, quantization: Quantization | None = None
) -> Tensor:
    """A tensor that keeps its contents, all zero at first."""
    return draw.model.tensor(shape, dtype, quantization, is_variable=True)


def svdf(draw: Draw, op: str, flavour: str) -> None:
    batch, features = draw.integer(1, 2), draw.integer(1, 12)
    rank, units, memory = draw.integer(1, 2), draw.integer(1, 5), draw.integer(1, 6)
    filters = rank * units
    shapes = (filters, features), (filters, memory), (batch, filters * memory)
    draw.stateful = True
    if flavour == "f32":
        x = draw.input((batch, features), "f32")
        weights = [draw.constant(shape, "f32", low=-1, high=1) for shape in shapes[:2]]
        bias = draw.constant((units,), "f32") if draw.chance(0.6) else None
        state = variable(draw, shapes[2], "f32")
        draw.result(
            op,
            [x, *weights, bias, state],
            (batch, units),
            "f32",
            rank=rank,
            fused_activation_function=draw.pick("NONE", "RELU"),
        )
        return
    source = draw.quantization("i8", -6, -1)
    assert source is not None
    feature = per_tensor(draw.power(-9, -6))
    inner = per_tensor(source.scales[0] * feature.scales[0] * draw.power(-5, 0))
    time = per_tensor(draw.power(-16, -14))
    total = inner.scales[0] * time.scales[0]
    target = per_tensor(total * draw.power(18, 22), draw.zero_point("i8"))
    x = draw.input((batch, features), "i8", source)
    weights = [
        draw.constant(shapes[0], "i8", feature, low=-127),
        # Small enough for a sum of full-range states to stay within 32 bits.
        draw.constant(shapes[1], "i16", time, low=-3000, high=3000),
    ]
    bias = draw.constant((units,), "i32", per_tensor(total), low=-(1 << 20), high=1 << 20)
    state = variable(draw, shapes[2], "i16", inner)
    # The integer kernel insists on RELU, which it does not apply.
    draw.result(
        op,
        [x, *weights, bias, state],
        (batch, units),
        "i8",
        target,
        rank=rank,
        fused_activation_function="RELU",
    )


def lstm(draw: Draw, op: str, flavour: str) -> None:
    time, batch = draw.integer(1, 5), draw.integer(1, 2)
    features, cells = draw.integer(1, 6), draw.integer(1, 6)
    time_major = draw.chance(0.5)
    outer = (time, batch) if time_major else (batch, time)
    draw.stateful = True
    x = draw.input((*outer, features), "f32")
    gates = [draw.constant((cells, features), "f32", low=-1, high=1) for _ in range(4)]
    recurrent = [draw.constant((cells, cells), "f32", low=-1, high=1) for _ in range(4)]
    biases = [draw.constant((cells,), "f32", low=-1, high=1) for _ in range(4)]
    none: list[Tensor | None] = [None]
    state = [variable(draw, (batch, cells), "f32") for _ in range(2)]
    inputs = [x, *gates, *recurrent, *none * 3, *biases, *none * 2, *state, *none * 4]
    draw.result(
        op,
        inputs,
        (*outer, cells),
        "f32",
        time_major=time_major,
        fused_activation_function="TANH",
        cell_clip=draw.pick(0.0, 0.0, 1.5),
    )


GENERATORS = [
    *listed(svdf, "f32 i8", "SVDF"),
    *listed(lstm, "f32", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
]
