"""
Makes small versions of well-known binary networks, with what Larq and its compute engine give.

    PYTHON tests/data/larq/networks.py

`PYTHON` is an interpreter that has `larq`, `larq-compute-engine` and TensorFlow. The blocks are
those of the papers, few and narrow: BinaryNet and BinaryAlexNet (a maximum before the
normalisation), XNOR-Net (signs with magnitudes), DoReFa-Net (activations of two bits), Bi-Real Net
and QuickNet (shortcuts of floats around signs), BinaryDenseNet and MeliusNet (concatenations,
groups), and two of depthwise convolutions and of shortcuts between signs. Each is a file of Keras
and one of the compute engine's converter in `networks`; `networks.npz` has samples and results.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import larq as lq
import larq_compute_engine as lce
import numpy as np
import tensorflow as tf
from larq_compute_engine.tflite.python.interpreter import Interpreter

HERE = Path(__file__).parent / "networks"
K, L, Q = tf.keras.layers, lq.layers, lq.quantizers
SIGNS: dict[str, Any] = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}
SAME: dict[str, Any] = {"padding": "same", "pad_values": 1.0}
SIZE = 12
Tensor = Any


def norm(x: Tensor, **options: Any) -> Tensor:
    """Batch normalisation as after training; half of the factors are negative."""
    start = tf.keras.initializers
    return K.BatchNormalization(
        gamma_initializer=start.RandomNormal(0, 1),
        beta_initializer=start.RandomNormal(0, 1),
        moving_mean_initializer=start.RandomNormal(0, 3),
        moving_variance_initializer=start.RandomUniform(0.5, 20),
        **options,
    )(x)


def conv(x: Tensor, filters: int, size: int = 3, **options: Any) -> Tensor:
    """A binary convolution."""
    return L.QuantConv2D(filters, size, use_bias=False, **{**SIGNS, **SAME, **options})(x)


def head(x: Tensor) -> Tensor:
    """The mean of each channel and a float classifier."""
    return K.Softmax()(K.Dense(10)(K.GlobalAveragePooling2D()(x)))


def binary_net(x: Tensor) -> Tensor:
    """VGG blocks of Courbariaux and others: convolution, maximum, normalisation."""
    x = norm(conv(x, 16, input_quantizer=None, pad_values=0.0))
    x = norm(K.MaxPool2D(2)(conv(x, 32)))
    x = norm(K.MaxPool2D(2)(conv(x, 33)))
    x = norm(L.QuantDense(32, use_bias=False, **SIGNS)(K.Flatten()(x)))
    return K.Softmax()(norm(L.QuantDense(10, use_bias=False, **SIGNS)(x)))


def binary_alex_net(x: Tensor) -> Tensor:
    """Overlapping maxima, normalisations without factors."""
    x = conv(x, 16, 5, strides=2, input_quantizer=None, pad_values=0.0)
    x = norm(K.MaxPool2D(3, strides=2)(x), scale=False)
    x = norm(K.MaxPool2D(2, strides=1)(conv(x, 24, 3, pad_values=0.0)), scale=False)
    x = norm(L.QuantDense(32, use_bias=False, **SIGNS)(K.Flatten()(x)), scale=False)
    return K.Softmax()(norm(L.QuantDense(10, use_bias=False, **SIGNS)(x), scale=False))


def xnor_net(x: Tensor) -> Tensor:
    """Normalisation, sign, convolution with magnitudes, maximum."""
    scaled: dict[str, Any] = {"kernel_quantizer": "magnitude_aware_sign", "pad_values": 0.0}
    x = K.MaxPool2D(2)(K.ReLU()(norm(K.Conv2D(12, 3, padding="same")(x))))
    x = K.MaxPool2D(2)(conv(norm(x, scale=False), 24, **scaled))
    x = K.ReLU()(conv(norm(x, scale=False), 16, **scaled))
    x = L.QuantDense(
        20, input_quantizer="ste_sign", kernel_quantizer="magnitude_aware_sign", use_bias=False
    )(norm(K.Flatten()(x), scale=False))
    return K.Softmax()(K.Dense(10)(K.ReLU()(norm(x, scale=False))))


def dorefa_net(x: Tensor) -> Tensor:
    """Activations of two bits."""
    two: dict[str, Any] = {"input_quantizer": Q.DoReFa(2), "padding": "same", "use_bias": False}
    x = norm(K.Conv2D(8, 3, padding="same")(x), scale=False)
    x = L.QuantConv2D(16, 3, kernel_quantizer="ste_sign", **two)(x)
    x = norm(K.MaxPool2D(2)(x))
    x = L.QuantConv2D(16, 3, kernel_quantizer=Q.DoReFa(1, mode="weights"), **two)(x)
    x = norm(K.MaxPool2D(2)(x), scale=False)
    x = L.QuantDense(16, input_quantizer=Q.DoReFa(2), kernel_quantizer="ste_sign", use_bias=False)(
        K.Flatten()(x)
    )
    return K.Softmax()(K.Dense(10)(norm(x)))


def bi_real_net(x: Tensor) -> Tensor:
    """A float shortcut around every convolution."""
    real: dict[str, Any] = {"input_quantizer": "approx_sign", "pad_values": 0.0}
    x = norm(K.Conv2D(16, 3, padding="same", use_bias=False)(x))
    x = K.add([x, norm(conv(x, 16, kernel_quantizer="magnitude_aware_sign", **real))])
    shortcut = norm(K.Conv2D(32, 1, use_bias=False)(K.AveragePooling2D(2)(x)))
    x = K.add([shortcut, norm(conv(x, 32, strides=2, **real))])
    return head(K.add([x, norm(conv(x, 32, kernel_quantizer="magnitude_aware_sign", **real))]))


def quick_net(x: Tensor) -> Tensor:
    """A depthwise stem, convolutions with ReLU before the normalisation, blurring pools."""
    x = K.ReLU()(norm(K.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    x = norm(K.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x))
    x = norm(K.Conv2D(16, 1, use_bias=False)(x))
    for _ in range(2):
        x = K.add([x, norm(conv(x, 16, activation="relu"))])
    x = K.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(K.ReLU()(x))
    x = norm(K.Conv2D(32, 1, use_bias=False)(x))
    x = K.add([x, norm(conv(x, 32, activation="relu"))])
    return head(K.ReLU()(x))


def binary_dense_net(x: Tensor) -> Tensor:
    """What a convolution gives is put beside its input; a dilated one, a maximum in between."""
    x = norm(K.Conv2D(16, 3, padding="same", use_bias=False)(x))
    x = K.concatenate([x, conv(norm(x), 16, pad_values=0.0)])
    x = K.concatenate([x, conv(norm(x), 16, pad_values=0.0, dilation_rate=2)])
    x = K.Conv2D(16, 1, use_bias=False)(K.ReLU()(K.MaxPool2D(2)(norm(x))))
    x = K.concatenate([x, conv(norm(x), 16, pad_values=0.0)])
    return head(K.ReLU()(norm(x)))


def melius_net(x: Tensor) -> Tensor:
    """Blocks that add channels and blocks that improve the last ones; groups at the transition."""
    x = norm(K.Conv2D(32, 3, padding="same", use_bias=False)(x))
    for _ in range(2):
        x = K.concatenate([x, conv(norm(x), 32)])
        better = conv(norm(x), 32)
        kept, last = x[..., :-32], x[..., -32:]
        x = K.concatenate([kept, K.add([last, better])])
    x = K.Conv2D(32, 1, groups=2, use_bias=False)(K.ReLU()(K.MaxPool2D(2)(norm(x))))
    return head(K.ReLU()(norm(conv(norm(x), 32))))


def grouped_signs(x: Tensor) -> Tensor:
    """Only signs between layers: groups, depthwise, pads, a concatenation, an average of signs."""
    x = norm(conv(x, 64, input_quantizer=None, pad_values=0.0))
    x = left = norm(conv(x, 64, groups=2))
    x = norm(
        L.QuantDepthwiseConv2D(
            3,
            input_quantizer="ste_sign",
            depthwise_quantizer="ste_sign",
            use_bias=False,
            **SAME,
        )(x)
    )
    x = K.concatenate([Q.SteSign()(x), Q.SteSign()(left)])
    x = norm(K.MaxPool2D(2)(conv(x, 32, 2, padding="valid", pad_values=0.0)))
    return K.Softmax()(K.Dense(10)(K.Flatten()(K.AveragePooling2D(2)(Q.SteSign()(x)))))


def sign_shortcuts(x: Tensor) -> Tensor:
    """Sums of signs, which are small whole numbers."""
    x = Q.SteSign()(norm(conv(x, 32, input_quantizer=None, pad_values=0.0)))
    y = Q.SteSign()(norm(conv(x, 32)))
    x = K.add([x, y, Q.SteSign()(norm(conv(y, 32)))])
    x = K.AveragePooling2D(2)(x)
    return head(norm(conv(x, 32)))


NETWORKS: tuple[Callable[[Tensor], Tensor], ...] = (
    binary_net,
    binary_alex_net,
    xnor_net,
    dorefa_net,
    bi_real_net,
    quick_net,
    binary_dense_net,
    melius_net,
    grouped_signs,
    sign_shortcuts,
)


def main() -> None:
    arrays: dict[str, Any] = {}
    samples = np.random.default_rng(11).normal(0, 1, (4, SIZE, SIZE, 3)).astype(np.float32)
    arrays["x"] = samples
    HERE.mkdir(exist_ok=True)
    for network in NETWORKS:
        name = network.__name__
        tf.keras.utils.set_random_seed(3)
        image = tf.keras.Input((SIZE, SIZE, 3), name="image")
        model = tf.keras.Model(image, network(image), name=name)
        for weight in model.weights:
            # Few bits: files are compressed better, and sums of floats are exact more often.
            weight.assign(np.round(weight.numpy() * 64) / 64)
        model.save(HERE / f"{name}.h5", include_optimizer=False)
        arrays[f"larq_{name}"] = model(samples, training=False).numpy()
        data = lce.convert_keras_model(model)
        (HERE / f"{name}.tflite").write_bytes(data)
        interpreter = Interpreter(data, use_reference_bconv=True)
        outputs = [np.asarray(interpreter.predict(x[None])) for x in samples]
        arrays[f"lce_{name}"] = np.concatenate(outputs)
    np.savez_compressed(HERE.with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main()
