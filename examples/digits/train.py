"""
Trains the digits network and writes the files beside this script; kept so that they can be made
again.

Needs TensorFlow, tf-keras and scikit-learn, which nothing else in this example does. The data are
scikit-learn's copy of the "Optical Recognition of Handwritten Digits" test set: 1,797 images of 8x8
pixels with values 0 to 16. One fifth is held out, stratified by class, and never seen in training
or calibration. Seeds are fixed and TensorFlow's operators are made deterministic; other versions of
TensorFlow, or other processors, still give slightly different weights.

Run with `python examples/digits/train.py`; it takes about a minute.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tf_keras as keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FOLDER = Path(__file__).parent
WHITE = 16
"""The largest pixel value; the network sees pixels divided by it, float32 in [0, 1]."""


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images, test images (uint8, Nx8x8x1, 0 to 16), and their labels (uint8, N)."""
    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.uint8)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.2, random_state=0, stratify=labels
    )
    return train_images, test_images, train_labels, test_labels


def build() -> keras.Model:
    """Convolution, depthwise convolution, pooling, convolution, dense: 8x8x1 to 10 classes."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def scaled(images: np.ndarray) -> np.ndarray:
    """Pixels as the network sees them: float32 in [0, 1]."""
    return images.astype(np.float32) / WHITE


def converter(model: keras.Model) -> tf.lite.TFLiteConverter:
    """A converter of the model at batch size 1, so that no shape is computed at run time."""
    call = tf.function(lambda image: model(image, training=False))
    signature = call.get_concrete_function(tf.TensorSpec((1, 8, 8, 1), tf.float32, name="image"))
    return tf.lite.TFLiteConverter.from_concrete_functions([signature], model)


def to_float(model: keras.Model) -> bytes:
    """The model in float32."""
    return converter(model).convert()


def to_int8(model: keras.Model, images: np.ndarray) -> bytes:
    """The model in int8, input and output included, calibrated on every training image."""

    def samples() -> Iterator[list[np.ndarray]]:
        for image in scaled(images):
            yield [image[np.newaxis]]

    quantising = converter(model)
    quantising.optimizations = [tf.lite.Optimize.DEFAULT]
    quantising.representative_dataset = samples
    quantising.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    quantising.inference_input_type = tf.int8
    quantising.inference_output_type = tf.int8
    return quantising.convert()


def main() -> None:
    """Trains, converts, and writes all four files."""
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    train_images, test_images, train_labels, test_labels = load()
    model = build()
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=60 * 45)
    model.compile(
        keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(scaled(train_images), train_labels, batch_size=32, epochs=60, verbose=2)
    _, accuracy = model.evaluate(scaled(test_images), test_labels, verbose=0)
    print(f"accuracy on {len(test_labels)} test images: {accuracy:.4f}")

    model.save(FOLDER / "digits.h5", include_optimizer=False)
    (FOLDER / "digits_float.tflite").write_bytes(to_float(model))
    (FOLDER / "digits_int8.tflite").write_bytes(to_int8(model, train_images))
    np.savez_compressed(FOLDER / "test_images.npz", images=test_images, labels=test_labels)


if __name__ == "__main__":
    main()
