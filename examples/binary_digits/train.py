"""
Trains the binary digits network with Larq, and its float twin, and writes the files beside this
script; kept so that they can be made again.

Needs TensorFlow, larq and scikit-learn, which nothing else in this example does. The data are those
of `examples/digits`: scikit-learn's 1,797 images of 8x8 pixels with values 0 to 16, one fifth of
which is held out. Here they are twice as wide and high.

The twin has the same layers with float weights and ReLU; `twin_int8.tflite` is the twin quantised
to int8 by TensorFlow, calibrated on the training images. Of the binary network's weights only the
signs are stored, as -1 and +1, which a compressed file keeps in a bit or two each.

Run with `python examples/binary_digits/train.py`; it takes some minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import h5py
import larq as lq
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FOLDER = Path(__file__).parent
WHITE = 16
"""The largest pixel value; the network sees pixels divided by it, float32 in [0, 1]."""

EPOCHS = 70
keras = tf.keras


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images, test images (uint8, Nx16x16x1, 0 to 16), and their labels (uint8, N)."""
    digits = load_digits()
    images = digits.images.astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)[..., np.newaxis]
    labels = digits.target.astype(np.uint8)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.2, random_state=0, stratify=labels
    )
    return train_images, test_images, train_labels, test_labels


def binary() -> Any:
    """
    Four convolutions and a dense layer with binary weights. The first one reads pixels of 4 bits,
    the others signs; around an image of signs is +1, so that a border costs nothing.
    """
    signs = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}
    clip = {"kernel_constraint": "weight_clip", "use_bias": False}
    layers = keras.layers

    def norm() -> Any:
        # A factor would not change a sign.
        return layers.BatchNormalization(momentum=0.9, scale=False)

    def convolution(name: str) -> Any:
        return lq.layers.QuantConv2D(
            64, 3, padding="same", pad_values=1.0, name=name, **signs, **clip
        )

    return keras.Sequential(
        [
            layers.InputLayer((16, 16, 1), name="image"),
            lq.layers.QuantConv2D(
                32,
                3,
                padding="same",
                input_quantizer=lq.quantizers.DoReFa(4),
                kernel_quantizer="ste_sign",
                name="conv1",
                **clip,
            ),
            layers.MaxPooling2D(2, name="pool1"),
            norm(),
            convolution("conv2"),
            norm(),
            convolution("conv3"),
            layers.MaxPooling2D(2, name="pool3"),
            norm(),
            convolution("conv4"),
            norm(),
            layers.Flatten(name="flatten"),
            lq.layers.QuantDense(10, name="digit", **signs, **clip),
            layers.BatchNormalization(momentum=0.9, name="scores"),
            layers.Softmax(name="softmax"),
        ],
        name="binary_digits",
    )


def twin() -> Any:
    """The same layers in float32."""
    layers = keras.layers

    def convolution(name: str, filters: int = 64) -> list[Any]:
        return [
            layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]

    return keras.Sequential(
        [
            layers.InputLayer((16, 16, 1), name="image"),
            *convolution("conv1", 32),
            layers.MaxPooling2D(2, name="pool1"),
            *convolution("conv2"),
            *convolution("conv3"),
            layers.MaxPooling2D(2, name="pool3"),
            *convolution("conv4"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="digit"),
            layers.Softmax(name="softmax"),
        ],
        name="twin",
    )


def scaled(images: np.ndarray) -> np.ndarray:
    """Pixels as the networks see them: float32 in [0, 1]."""
    return images.astype(np.float32) / WHITE


def shifted(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The image moved by up to a pixel of the original, which makes more of few images."""
    return tf.image.random_crop(tf.pad(image, [[2, 2], [2, 2], [0, 0]]), (16, 16, 1)), label


def fit(model: Any, images: np.ndarray, labels: np.ndarray, rate: float) -> None:
    """Trains a model."""
    data = tf.data.Dataset.from_tensor_slices((scaled(images), labels))
    data = data.shuffle(len(labels), seed=0).map(shifted).batch(32).prefetch(2)
    schedule = keras.optimizers.schedules.CosineDecay(rate, decay_steps=EPOCHS * 45)
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
    model.fit(data, epochs=EPOCHS, verbose=2)


def to_int8(model: Any, images: np.ndarray) -> bytes:
    """The model in int8, input and output included, calibrated on every training image."""

    def samples() -> Iterator[list[np.ndarray]]:
        for image in scaled(images):
            yield [image[np.newaxis]]

    call = tf.function(lambda image: model(image, training=False))
    signature = call.get_concrete_function(tf.TensorSpec((1, 16, 16, 1), tf.float32, name="image"))
    quantising = tf.lite.TFLiteConverter.from_concrete_functions([signature], model)
    quantising.optimizations = [tf.lite.Optimize.DEFAULT]
    quantising.representative_dataset = samples
    quantising.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    quantising.inference_input_type = tf.int8
    quantising.inference_output_type = tf.int8
    return quantising.convert()


def save_compressed(model: Any, path: Path) -> None:
    """Writes an .h5 file with compressed arrays; weights that only count as signs are signs."""
    for layer in model.layers:
        if hasattr(layer, "kernel_quantizer"):
            latent = layer.get_weights()[0]
            layer.set_weights([np.where(latent < 0, -1, 1).astype(np.float32)])
    plain = path.with_suffix(".plain.h5")
    model.save(plain, include_optimizer=False)
    with h5py.File(plain) as source, h5py.File(path, "w") as target:
        copy(source, target)
    plain.unlink()


def copy(source: h5py.Group, target: h5py.Group) -> None:
    """Copies a group, its arrays compressed."""
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy(item, target.create_group(name))
            continue
        packing = {"compression": "gzip", "shuffle": True} if item.size > 256 else {}
        target.create_dataset(name, data=item[()], **packing)


def main() -> None:
    """Trains both, compares them, and writes all files."""
    train_images, test_images, train_labels, test_labels = load()
    accuracies: list[float] = []
    models: list[Any] = []
    for build, rate in ((binary, 5e-3), (twin, 2e-3)):
        keras.utils.set_random_seed(0)
        model = build()
        fit(model, train_images, train_labels, rate)
        scores = model.predict(scaled(test_images), verbose=0)
        accuracies.append(float((scores.argmax(axis=1) == test_labels).mean()))
        models.append(model)
    print(
        f"accuracy on {len(test_labels)} test images: binary {accuracies[0]:.4f}, "
        f"float {accuracies[1]:.4f}"
    )

    save_compressed(models[0], FOLDER / "binary_digits.h5")
    scores = models[0].predict(scaled(test_images), verbose=0)
    (FOLDER / "twin_int8.tflite").write_bytes(to_int8(models[1], train_images))
    np.savez_compressed(
        FOLDER / "test_images.npz",
        images=test_images,
        labels=test_labels,
        predictions=scores.argmax(axis=1).astype(np.uint8),
        scores=scores,
        accuracies=np.array(accuracies),
    )


if __name__ == "__main__":
    main()
