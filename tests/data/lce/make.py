"""
Makes the models of the Larq compute engine that the tests read, with what its interpreter gives.

    PYTHONPATH=tests .venv/bin/python tests/data/lce/make.py --larq PYTHON

`PYTHON` is an interpreter that has `larq`, `larq-compute-engine` and TensorFlow. `layers.npz` has
one model for each case, written operator by operator, with its input and output; `network.tflite`
is a network converted by LCE's own converter, `network.npz` its samples. Results are those of the
reference kernels.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One binary convolution between a packing and, if its result is packed, an unpacking."""

    channels: int
    outputs: int
    result: str = "f32"
    source: str = "f32"
    image: tuple[int, int, int] = (1, 6, 5)
    kernel: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    pad_value: int = 1
    groups: int = 1
    activation: str = "NONE"
    scale: float = 0.375
    zero_point: int = -7
    ties: bool = False


CASES: dict[str, Case] = {
    "f32": Case(32, 8),
    "f32_ragged": Case(40, 5, padding="VALID"),
    "f32_one_channel": Case(1, 3),
    "f32_zero_padding": Case(34, 6, pad_value=0),
    "f32_zero_padding_relu": Case(2, 6, pad_value=0, activation="RELU"),
    "f32_relu": Case(33, 7, activation="RELU"),
    "f32_relu6": Case(65, 4, activation="RELU6", strides=(2, 1)),
    "f32_relu1": Case(31, 4, activation="RELU_N1_TO_1", padding="VALID"),
    "f32_pointwise": Case(64, 33, kernel=(1, 1)),
    "f32_strides": Case(32, 6, kernel=(2, 3), strides=(2, 3), pad_value=0),
    "f32_dilated": Case(36, 6, dilations=(2, 1), kernel=(2, 3)),
    "f32_dilated_zero": Case(36, 6, dilations=(1, 2), kernel=(3, 2), pad_value=0),
    "f32_groups": Case(64, 6, groups=2),
    "f32_batch": Case(32, 6, image=(2, 3, 4)),
    "f32_from_int8": Case(40, 6, source="i8"),
    "f32_from_bool": Case(40, 6, source="i1", padding="VALID"),
    "i8": Case(32, 8, "i8"),
    "i8_ties": Case(32, 8, "i8", scale=1.0, zero_point=3, ties=True),
    "i8_ties_scaled": Case(33, 8, "i8", scale=0.5, zero_point=0, ties=True, padding="VALID"),
    "i8_saturated": Case(64, 8, "i8", scale=0.02, zero_point=100),
    "i8_zero_padding": Case(38, 5, "i8", pad_value=0, activation="RELU"),
    "i8_relu6": Case(47, 5, "i8", activation="RELU6", scale=0.1),
    "i8_groups": Case(96, 6, "i8", groups=3, source="i8"),
    "bin": Case(32, 40, "bin"),
    "bin_ragged": Case(45, 33, "bin", padding="VALID", strides=(2, 2)),
    "bin_zero_padding": Case(44, 32, "bin", pad_value=0),
    "bin_groups": Case(128, 8, "bin", groups=4, kernel=(2, 2)),
    "bin_pointwise": Case(70, 64, "bin", kernel=(1, 1)),
    "bin_to_int8": Case(32, 35, "bin_i8", scale=0.3, zero_point=5),
    "bin_to_int8_saturated": Case(32, 35, "bin_i8", scale=0.005, zero_point=120),
    "bin_to_bool": Case(32, 35, "bin_i1"),
    "pool": Case(32, 40, "pool", padding="VALID"),
    "pool_same": Case(50, 33, "pool_same"),
}


def options(**values: int) -> bytes:
    """A flexbuffer of integers."""
    from flatbuffers import flexbuffers

    builder: Any = flexbuffers.Builder()
    with builder.Map():
        for key, value in values.items():
            builder.Int(key, value)
    return bytes(builder.Finish())


def packed(bits: npt.NDArray[np.bool_]) -> Array:
    """Signs as words, 32 channels each."""
    room = np.zeros((*bits.shape[:-1], -(-bits.shape[-1] // 32) * 32), np.bool_)
    room[..., : bits.shape[-1]] = bits
    return np.packbits(room, axis=-1, bitorder="little").view("<i4")


def output_size(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Positions of a window along one axis."""
    return -(-(size if padding == "SAME" else size - (kernel - 1) * dilation) // stride)


def build(case: Case, rng: np.random.Generator) -> bytes:
    """The model of a case."""
    from ai_edge_litert import schema_py_generated as schema
    from support.tflite_builder import ModelBuilder, per_tensor

    model = ModelBuilder()
    batch, height, width = case.image
    shape = (batch, height, width, case.channels)
    scale = per_tensor(0.5, -3) if case.source == "i8" else None
    x = model.input("x", shape, case.source, scale)  # pyright: ignore[reportArgumentType]
    words = -(-case.channels // 32)
    signs = model.tensor((*shape[:3], words), "i32", name="signs")
    model.custom("LceQuantize", [x], [signs])

    depth = case.channels // case.groups
    filters = rng.random((case.outputs, *case.kernel, depth)) < 0.5
    products = depth * case.kernel[0] * case.kernel[1]
    multiplier = rng.normal(0, 0.2, case.outputs).astype(np.float32)
    bias = rng.normal(0, 3, case.outputs).astype(np.float32)
    if case.ties:
        multiplier = rng.choice([0.25, -0.25, 0.125, 0.0], case.outputs).astype(np.float32)
        bias = rng.choice([0.5, 0.25, 0.0, -0.125], case.outputs).astype(np.float32)
    threshold = (products / 2 + rng.normal(0, np.sqrt(products) / 2, case.outputs)).astype(np.int32)
    threshold[:3] = [2**31 - 1, -(2**31), products][: case.outputs]
    is_packed = case.result not in ("f32", "i8")
    # LCE reads the multiplier wherever it pads with 0.
    is_scaled = not is_packed or case.pad_value == 0
    operands = [
        signs,
        model.constant(packed(filters), "i32", name="filter"),
        model.constant(multiplier, "f32", name="multiplier") if is_scaled else None,
        model.constant(bias, "f32", name="bias") if is_scaled else None,
        model.constant(threshold, "i32", name="threshold") if is_packed else None,
    ]
    sizes = [
        output_size(size, k, s, d, case.padding)
        for size, k, s, d in zip(
            (height, width), case.kernel, case.strides, case.dilations, strict=True
        )
    ]
    quantization = per_tensor(case.scale, case.zero_point)
    out_shape = (batch, *sizes, -(-case.outputs // 32) if is_packed else case.outputs)
    kind = "i32" if is_packed else case.result
    y = model.tensor(out_shape, kind, quantization if kind == "i8" else None, name="conv")  # pyright: ignore[reportArgumentType]
    activation: int = getattr(schema.ActivationFunctionType, case.activation)
    model.custom(
        "LceBconv2d",
        operands,
        [y],
        options(
            channels_in=case.channels,
            dilation_height_factor=case.dilations[0],
            dilation_width_factor=case.dilations[1],
            fused_activation_function=activation,
            pad_values=case.pad_value,
            padding=0 if case.padding == "SAME" else 1,
            stride_height=case.strides[0],
            stride_width=case.strides[1],
        ),
    )
    if case.result.startswith("pool"):
        padding = "SAME" if case.result == "pool_same" else "VALID"
        sizes = [
            output_size(n, k, s, 1, padding) for n, k, s in zip(sizes, (2, 3), (2, 1), strict=True)
        ]
        pooled = model.tensor((batch, *sizes, out_shape[3]), "i32", name="pool")
        model.custom(
            "LceBMaxPool2d",
            [y],
            [pooled],
            options(
                padding=0 if padding == "SAME" else 1,
                stride_width=1,
                stride_height=2,
                filter_width=3,
                filter_height=2,
            ),
        )
        y = pooled
    if is_packed:
        kind = {"bin_i8": "i8", "bin_i1": "i1"}.get(case.result, "f32")
        numbers = model.tensor(
            (batch, *sizes, case.outputs),
            kind,  # pyright: ignore[reportArgumentType]
            quantization if kind == "i8" else None,
            name="numbers",
        )
        model.custom("LceDequantize", [y], [numbers])
        y = numbers
    model.output(y)
    return model.build()


def sample(case: Case, rng: np.random.Generator) -> Array:
    """
    An input with what a sign may trip over; no denormals, which the interpreter takes for 0.
    """
    shape = (*case.image, case.channels)
    if case.source == "i8":
        return rng.integers(-9, 4, shape).astype(np.int8)
    if case.source == "i1":
        return rng.random(shape) < 0.5
    values = rng.normal(0, 1, shape).astype(np.float32)
    special = rng.random(shape) < 0.1
    values[special] = rng.choice(np.array([0.0, -0.0, 2e-38, -2e-38]), special.sum())
    return values


def network_samples() -> Array:
    """The inputs of the network."""
    return np.random.default_rng(7).normal(0, 1, (4, 12, 12, 3)).astype(np.float32)


def run_lce(request: Path) -> None:
    """In the other interpreter: converts the network, and runs all models."""
    from larq_compute_engine.tflite.python.interpreter import Interpreter

    found = np.load(request)
    results: dict[str, Array] = {}
    for name in found.files:
        if name.startswith("model_"):
            case = name.removeprefix("model_")
            interpreter = Interpreter(found[name].tobytes(), use_reference_bconv=True)
            batch = found[f"x_{case}"]
            output = interpreter.interpreter.predict([batch])
            results[f"y_{case}"] = np.asarray(output[0])
    data = convert_network()
    (HERE / "network.tflite").write_bytes(data)
    interpreter = Interpreter(data, use_reference_bconv=True)
    outputs = [interpreter.interpreter.predict([x[None]])[0] for x in network_samples()]
    np.savez_compressed(HERE / "network.npz", y=np.concatenate(outputs))
    np.savez(request.with_suffix(".out.npz"), **results)


def convert_network() -> bytes:
    """A network of random weights with all that LCE's converter fuses."""
    import larq as lq
    import larq_compute_engine as lce
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    start = tf.keras.initializers

    def norm() -> Any:
        return tf.keras.layers.BatchNormalization(
            gamma_initializer=start.RandomNormal(0, 1),
            beta_initializer=start.RandomNormal(0, 1),
            moving_mean_initializer=start.RandomNormal(0, 3),
            moving_variance_initializer=start.RandomUniform(0.5, 20),
        )

    def conv(filters: int, **others: Any) -> Any:
        return lq.layers.QuantConv2D(
            filters,
            3,
            input_quantizer="ste_sign",
            kernel_quantizer=others.pop("quantizer", "ste_sign"),
            use_bias=False,
            **others,
        )

    same = {"padding": "same", "pad_values": 1.0}
    x = image = tf.keras.Input((12, 12, 3))
    x = norm()(tf.keras.layers.Conv2D(40, 3, padding="same")(x))
    x = norm()(conv(64, **same)(x))
    x = tf.keras.layers.MaxPool2D(2)(conv(64, activation="relu", **same)(x))
    x = shortcut = norm()(x)
    x = norm()(conv(64, padding="same", quantizer="magnitude_aware_sign")(x))
    x = tf.keras.layers.add([x, shortcut])
    x = norm()(tf.keras.layers.MaxPool2D(2)(conv(48, **same)(x)))
    x = norm()(conv(32, padding="valid")(x))
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    x = tf.keras.layers.Softmax()(tf.keras.layers.Dense(10)(x))
    return lce.convert_keras_model(tf.keras.Model(image, x))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--larq", help="a Python that has larq-compute-engine")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.run is not None:
        run_lce(args.run)
        return
    arrays: dict[str, Array] = {}
    for number, (name, case) in enumerate(CASES.items()):
        rng = np.random.default_rng(number)
        arrays[f"model_{name}"] = np.frombuffer(build(case, rng), np.uint8)
        arrays[f"x_{name}"] = sample(case, rng)
    request = HERE / "request.npz"
    np.savez(request, **arrays)
    environment = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    subprocess.run([args.larq, __file__, "--run", str(request)], check=True, env=environment)
    answer = request.with_suffix(".out.npz")
    np.savez_compressed(HERE / "layers.npz", **arrays, **np.load(answer))
    request.unlink()
    answer.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
