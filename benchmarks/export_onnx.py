"""
The networks of MLPerf Tiny as ONNX models, by tf2onnx: `export_onnx.py MODELS FOLDER`.

MODELS is the folder that `NNC_MODELS` names (see the README). Needs a Python with TensorFlow 2.21,
tf-keras 2.21, tf2onnx 1.17 and numpy, and nothing of this package. FOLDER gets, for each network,

- `NAME.onnx`, from the Keras model, with its batch normalisation;
- `NAME_tflite.onnx`, from MLPerf Tiny's own float TFLite model, where it has one: its converter has
  folded the normalisation (that of `ad` is from another training than the Keras model);
- `NAME.tflite`, that TFLite model: MLPerf Tiny's own, or converted from the Keras model here;
- `NAME.npz`, the weights by layer in Keras' order, for `export_onnx_torch.py`.

Keyword spotting has no float model: its weights are those of the hybrid one, times their scales.
"""

# What it imports is not installed where types are checked.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tf2onnx
import tf_keras as keras

OPSET = 17


def keyword_spotting(path: Path) -> Any:
    """DS-CNN as a Keras model with the weights of MLPerf Tiny's hybrid TFLite model."""
    interpreter: Any = tf.lite.Interpreter(str(path), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    details = {entry["index"]: entry for entry in interpreter.get_tensor_details()}

    def real(index: int) -> Any:
        scales = details[index]["quantization_parameters"]["scales"]
        array = interpreter.get_tensor(index)
        shape = (-1, *[1] * (array.ndim - 1))
        return array.astype(np.float32) * scales.reshape(shape) if len(scales) else array

    layers = keras.layers
    model: Any = keras.Sequential([layers.Input((49, 10, 1), batch_size=1)])
    convolutions = ("CONV_2D", "DEPTHWISE_CONV_2D")
    for op in interpreter._get_ops_details():
        if op["op_name"] not in (*convolutions, "FULLY_CONNECTED"):
            continue
        weights, bias = (real(int(index)) for index in op["inputs"][1:])
        if op["op_name"] == "CONV_2D":
            strides = 2 if weights.shape[1:3] == (10, 4) else 1
            filters, size = len(weights), weights.shape[1:3]
            model.add(layers.Conv2D(filters, size, strides, padding="same"))
            weights = weights.transpose(1, 2, 3, 0)
        elif op["op_name"] == "DEPTHWISE_CONV_2D":
            model.add(layers.DepthwiseConv2D(weights.shape[1:3], padding="same"))
            weights = weights.transpose(1, 2, 3, 0)
        else:
            model.add(layers.AveragePooling2D((25, 5)))
            model.add(layers.Flatten())
            model.add(layers.Dense(len(weights)))
            weights = weights.T
        model.layers[-1].set_weights([weights, bias])
        model.add(layers.ReLU() if op["op_name"] in convolutions else layers.Softmax())
    return model


def main(models: Path, folder: Path) -> None:
    """Writes all files."""
    folder.mkdir(parents=True, exist_ok=True)
    networks = {
        name: keras.models.load_model(models / f"{name}.h5", compile=False)
        for name in ("ad", "resnet8", "sww", "vww")
    }
    networks["kws"] = keyword_spotting(models / "kws_hybrid.tflite")
    for name, model in networks.items():
        shape = (1, *model.input_shape[1:])
        function = tf.function(lambda x, model=model: model(x, training=False))
        signature = [tf.TensorSpec(shape, tf.float32, name="input")]
        tf2onnx.convert.from_function(
            function, signature, opset=OPSET, output_path=str(folder / f"{name}.onnx")
        )
        own = models / f"{name}_float.tflite"
        concrete = function.get_concrete_function(*signature)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
        data = own.read_bytes() if own.exists() else converter.convert()
        tflite = folder / f"{name}.tflite"
        tflite.write_bytes(data)
        if own.exists():
            tf2onnx.convert.from_tflite(
                str(tflite), opset=OPSET, output_path=str(folder / f"{name}_tflite.onnx")
            )
        weights = {f"{layer.name}/{k}": w for layer in model.layers for k, w in _numbered(layer)}
        np.savez(folder / f"{name}.npz", **weights)


def _numbered(layer: Any) -> list[tuple[int, Any]]:
    return list(enumerate(layer.get_weights()))


if __name__ == "__main__":
    main(Path(sys.argv[1], "mlperf_tiny"), Path(sys.argv[2]))
