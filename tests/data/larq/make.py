"""
Makes the Larq models that the tests read, with what Larq itself gives.

    PYTHON tests/data/larq/make.py

`PYTHON` is an interpreter that has `larq` and TensorFlow. `layers.h5` is one model with many layers
side by side, each an output; inputs are sums of few powers of two, so that float arithmetic is
exact where the values are. `network.h5` and `network.keras` are one network of layers in a row.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import larq as lq
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
L, Q = lq.layers, lq.quantizers
SIGNS: dict[str, Any] = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}
DEPTHWISE: dict[str, Any] = {"input_quantizer": "ste_sign", "depthwise_quantizer": "ste_sign"}
SAME: dict[str, Any] = {"padding": "same"}


def exact() -> Any:
    """Weights and biases with few bits."""
    start = np.random.default_rng(17)

    def initialize(shape: Any, dtype: Any = None, **_: Any) -> Any:
        values = np.round(start.normal(0, 0.5, [int(size) for size in shape]) * 8) / 8
        return tf.constant(np.clip(values, -1, 1), dtype)

    return initialize


def layers() -> dict[str, Any]:
    """The layers over images of 7 x 6 x 4, by name."""
    signs, depthwise = SIGNS, DEPTHWISE
    return {
        "sign": L.QuantConv2D(5, 3, **signs),
        "sign_bias": L.QuantConv2D(5, 3, use_bias=True, activation="relu", **signs),
        "approx": L.QuantConv2D(3, 2, input_quantizer="approx_sign", kernel_quantizer="swish_sign"),
        "same_zero": L.QuantConv2D(5, 3, strides=2, **SAME, **signs),
        "same_one": L.QuantConv2D(5, (3, 2), pad_values=1.0, **SAME, **signs),
        "same_minus": L.QuantConv2D(5, 3, strides=(1, 2), pad_values=-1.0, **SAME, **signs),
        "same_half": L.QuantConv2D(5, 3, pad_values=0.5, **SAME, **signs),
        "dilated": L.QuantConv2D(5, 2, dilation_rate=2, pad_values=1.0, **SAME, **signs),
        "grouped": L.QuantConv2D(6, 3, groups=2, **signs),
        "pointwise": L.QuantConv2D(33, 1, **signs),
        "float_input": L.QuantConv2D(4, 3, kernel_quantizer="ste_sign", pad_values=1.0, **SAME),
        "float_weights": L.QuantConv2D(4, 3, input_quantizer="ste_sign", pad_values=-1.0, **SAME),
        "magnitude": L.QuantConv2D(
            4, 3, input_quantizer="ste_sign", kernel_quantizer="magnitude_aware_sign"
        ),
        "heaviside": L.QuantConv2D(
            4, 3, input_quantizer="ste_heaviside", kernel_quantizer="ste_sign", **SAME
        ),
        "heaviside_one": L.QuantConv2D(
            4,
            3,
            input_quantizer="ste_heaviside",
            kernel_quantizer="ste_heaviside",
            pad_values=1.0,
            **SAME,
        ),
        "ternary": L.QuantConv2D(
            4, 3, input_quantizer=Q.SteTern(0.125), kernel_quantizer=Q.SteTern(0.25), **SAME
        ),
        "ternary_mean": L.QuantConv2D(
            4,
            3,
            input_quantizer="ste_sign",
            kernel_quantizer=Q.SteTern(ternary_weight_networks=True),
        ),
        "dorefa": L.QuantConv2D(
            4, 3, input_quantizer=Q.DoReFa(2), kernel_quantizer=Q.DoReFa(3, mode="weights"), **SAME
        ),
        "dorefa_one": L.QuantConv2D(
            4, 3, input_quantizer=Q.DoReFa(1), kernel_quantizer=Q.DoReFa(1, mode="weights")
        ),
        "dorefa_eight": L.QuantConv2D(
            4, 3, input_quantizer=Q.DoReFa(8), kernel_quantizer=Q.DoReFa(8, mode="weights"), **SAME
        ),
        "dorefa_ten": L.QuantConv2D(
            4, 3, input_quantizer=Q.DoReFa(10), kernel_quantizer=Q.DoReFa(5, mode="activations")
        ),
        "no_op": L.QuantConv2D(
            4, 3, input_quantizer="ste_sign", kernel_quantizer=Q.NoOp(precision=1)
        ),
        "depthwise": L.QuantDepthwiseConv2D(3, depth_multiplier=2, **depthwise),
        "depthwise_one": L.QuantDepthwiseConv2D(3, pad_values=1.0, **SAME, **depthwise),
        "depthwise_magnitude": L.QuantDepthwiseConv2D(
            3,
            depth_multiplier=2,
            input_quantizer="ste_sign",
            depthwise_quantizer="magnitude_aware_sign",
        ),
        "separable": L.QuantSeparableConv2D(
            5, 3, pointwise_quantizer="ste_sign", pad_values=-1.0, **SAME, **depthwise
        ),
        "transposed": L.QuantConv2DTranspose(5, 3, strides=2, **SAME, **signs),
        "transposed_valid": L.QuantConv2DTranspose(3, (2, 3), strides=(1, 2), **signs),
        "transposed_magnitude": L.QuantConv2DTranspose(
            3, 3, input_quantizer="ste_sign", kernel_quantizer="magnitude_aware_sign"
        ),
        "dense": L.QuantDense(7, use_bias=False, **signs),
        "dense_bias": L.QuantDense(
            7, activation="relu", input_quantizer=Q.SteTern(), kernel_quantizer="ste_heaviside"
        ),
        "layer_sign": Q.SteSign(),
        "layer_heaviside": Q.SteHeaviside(),
        "layer_ternary": Q.SteTern(0.25),
        "layer_dorefa": Q.DoReFa(3),
    }


def sequences() -> dict[str, Any]:
    """The layers over sequences of 9 x 4, by name."""
    return {
        "conv1d": L.QuantConv1D(5, 3, pad_values=1.0, **SAME, **SIGNS),
        "causal": L.QuantConv1D(5, 3, padding="causal", dilation_rate=2, **SIGNS),
        "separable1d": L.QuantSeparableConv1D(
            5, 3, pointwise_quantizer="ste_sign", **SAME, **DEPTHWISE
        ),
    }


def exactly(values: Any) -> Any:
    """Numbers with few bits; thresholds and zeros among them."""
    return np.clip(np.round(values * 8) / 8, -2, 2).astype(np.float32)


def save_layers() -> None:
    """Every layer by itself."""
    image, series = tf.keras.Input((7, 6, 4), name="image"), tf.keras.Input((9, 4), name="series")
    outputs: dict[str, Any] = {}
    for source, found in ((image, layers()), (series, sequences())):
        for name, layer in found.items():
            layer._name = name
            outputs[name] = layer(source)
    model = tf.keras.Model([image, series], list(outputs.values()))
    start = exact()
    for weight in model.weights:
        weight.assign(start(weight.shape, weight.dtype))
    model.save(HERE / "layers.h5", include_optimizer=False)
    rng = np.random.default_rng(3)
    x = exactly(rng.normal(0, 0.6, (1, 7, 6, 4))), exactly(rng.normal(0, 0.6, (1, 9, 4)))
    results = model([tf.constant(it) for it in x], training=False)
    arrays = {f"y_{name}": y.numpy() for name, y in zip(outputs, results, strict=True)}
    np.savez_compressed(HERE / "layers.npz", image=x[0], series=x[1], **arrays)


def save_network() -> None:
    """Layers in a row, in both formats."""
    tf.keras.utils.set_random_seed(5)
    norm: dict[str, Any] = {
        "gamma_initializer": tf.keras.initializers.RandomNormal(0, 1),
        "beta_initializer": tf.keras.initializers.RandomNormal(0, 1),
        "moving_mean_initializer": tf.keras.initializers.RandomNormal(0, 3),
        "moving_variance_initializer": tf.keras.initializers.RandomUniform(0.5, 20),
    }
    x = image = tf.keras.Input((12, 12, 1))
    plain = {"use_bias": False}
    x = L.QuantConv2D(20, 3, kernel_quantizer="ste_sign", **SAME, **plain)(x)
    x = tf.keras.layers.BatchNormalization(**norm)(x)
    x = L.QuantConv2D(33, 3, pad_values=1.0, **SAME, **SIGNS, **plain)(x)
    x = tf.keras.layers.BatchNormalization(**norm)(x)
    x = shortcut = Q.SteSign()(tf.keras.layers.MaxPool2D(2)(x))
    x = L.QuantConv2D(33, 3, pad_values=-1.0, activation="relu", **SAME, **SIGNS, **plain)(x)
    x = tf.keras.layers.BatchNormalization(scale=False)(x)
    x = tf.keras.layers.add([x, shortcut])
    x = tf.keras.layers.concatenate([Q.SteSign()(x), shortcut])
    x = tf.keras.layers.Flatten()(tf.keras.layers.MaxPool2D(2)(x))
    x = L.QuantDense(40, **SIGNS, **plain)(x)
    x = tf.keras.layers.BatchNormalization(**norm)(x)
    x = L.QuantDense(10, **SIGNS, **plain)(x)
    x = tf.keras.layers.BatchNormalization(**norm)(x)
    model = tf.keras.Model(image, tf.keras.layers.Softmax()(x))
    model.save(HERE / "network.h5", include_optimizer=False)
    model.save(HERE / "network.keras")
    samples = exactly(np.random.default_rng(4).normal(0, 1, (6, 12, 12, 1)))
    np.savez_compressed(HERE / "network.npz", x=samples, y=model(samples, training=False).numpy())


if __name__ == "__main__":
    save_layers()
    save_network()
