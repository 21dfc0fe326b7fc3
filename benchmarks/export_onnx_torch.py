"""
The networks of MLPerf Tiny as PyTorch exports them: `export_onnx_torch.py FOLDER [--dynamo]`.

FOLDER has the `NAME.npz` that `export_onnx.py` wrote there, and gets `NAME_torch.onnx` or, with
`--dynamo`, `NAME_dynamo.onnx`: the same networks and weights, written as one writes them in PyTorch
(channels first, asymmetric padding as a layer of its own), by the older exporter or by the newer.
Needs a Python with torch 2.13, onnx and, for the newer exporter, onnxscript; nothing of this
package.
"""

# What it imports is not installed where types are checked.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

OPSET = {"torch": 17, "dynamo": 18}
EPSILON = 1e-3


class Weights:
    """The weights of a Keras model, by layer."""

    def __init__(self, path: Path):
        self.arrays: dict[str, list[Any]] = {}
        with np.load(path) as file:
            for key in file.files:
                self.arrays.setdefault(key.rpartition("/")[0], []).append(file[key])
        self.used: dict[str, int] = {}

    def next(self, kind: str) -> list[torch.Tensor]:
        """Those of the next layer of a kind; layers are called `kind`, `kind_1`, ..."""
        names = [it for it in self.arrays if it == kind or it.rpartition("_")[0] == kind]
        number = self.used.get(kind, 0)
        self.used[kind] = number + 1
        return [torch.tensor(array) for array in self.arrays[names[number]]]

    def convolution(self, size: tuple[int, int], stride: int = 1, *, same: bool = True) -> Any:
        """A convolution of an image of that size, padded as in TensorFlow."""
        weights, *bias = self.next("conv2d")
        height, width, inputs, outputs = weights.shape
        layer = nn.Conv2d(inputs, outputs, (height, width), stride, bias=bool(bias))
        return self._padded(layer, weights.permute(3, 2, 0, 1), bias, size, same)

    def depthwise(self, size: tuple[int, int], stride: int = 1, *, same: bool = True) -> Any:
        """A depthwise convolution."""
        weights, *bias = self.next("depthwise_conv2d")
        height, width, inputs, _ = weights.shape
        layer = nn.Conv2d(inputs, inputs, (height, width), stride, groups=inputs, bias=bool(bias))
        return self._padded(layer, weights.permute(2, 3, 0, 1), bias, size, same)

    def _padded(
        self, layer: Any, weights: Any, bias: list[Any], size: tuple[int, int], same: bool
    ) -> Any:
        layer.weight.data = weights.contiguous()
        if bias:
            layer.bias.data = bias[0]
        if not same:
            return layer
        pads: list[int] = []
        for extent, kernel, stride in zip(size, layer.kernel_size, layer.stride, strict=True):
            total = max(0, (-(-extent // stride) - 1) * stride + kernel - extent)
            pads = [total // 2, total - total // 2, *pads]
        if pads[0] == pads[1] and pads[2] == pads[3]:
            layer.padding = (pads[2], pads[0])
            return layer
        return nn.Sequential(nn.ZeroPad2d(pads), layer)

    def normalization(self, kind: Callable[..., Any] = nn.BatchNorm2d) -> Any:
        """A batch normalisation."""
        gamma, beta, mean, variance = self.next("batch_normalization")
        layer = kind(len(gamma), eps=EPSILON)
        layer.weight.data, layer.bias.data = gamma, beta
        layer.running_mean, layer.running_var = mean, variance
        return layer

    def dense(self) -> Any:
        """A dense layer."""
        weights, bias = self.next("dense")
        layer = nn.Linear(*weights.shape)
        layer.weight.data, layer.bias.data = weights.T.contiguous(), bias
        return layer


def anomaly_detection(weights: Weights) -> Any:
    """A dense autoencoder."""
    layers: list[Any] = []
    for _ in range(9):
        layers += [weights.dense(), weights.normalization(nn.BatchNorm1d), nn.ReLU()]
    return nn.Sequential(*layers, weights.dense())


def keyword_spotting(weights: Weights) -> Any:
    """DS-CNN."""
    layers: list[Any] = [weights.convolution((49, 10), 2), nn.ReLU()]
    for _ in range(4):
        layers += [weights.depthwise((25, 5)), nn.ReLU(), weights.convolution((25, 5)), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), weights.dense(), nn.Softmax(-1)]
    return nn.Sequential(*layers)


def streaming_wakeword(weights: Weights) -> Any:
    """Depthwise convolutions along time, channels are frequencies."""
    layers: list[Any] = []
    for _ in range(4):
        layers += [
            weights.depthwise((0, 0), same=False),
            weights.convolution((0, 0), same=False),
            weights.normalization(),
            nn.ReLU(),
            nn.Dropout(0.1),
        ]
    return nn.Sequential(*layers, nn.Flatten(), weights.dense(), nn.Softmax(-1))


def visual_wake_words(weights: Weights) -> Any:
    """MobileNetV1 with a quarter of the channels."""
    size = 96
    layers: list[Any] = [weights.convolution((size, size), 2), weights.normalization(), nn.ReLU()]
    size //= 2
    for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
        layers += [weights.depthwise((size, size), stride), weights.normalization(), nn.ReLU()]
        size //= stride
        layers += [weights.convolution((size, size)), weights.normalization(), nn.ReLU()]
    return nn.Sequential(*layers, nn.AvgPool2d(3), nn.Flatten(), weights.dense(), nn.Softmax(-1))


class Residual(nn.Module):
    """Two convolutions beside one, or beside nothing."""

    def __init__(self, weights: Weights, size: int, stride: int):
        super().__init__()
        self.first = nn.Sequential(
            weights.convolution((size, size), stride), weights.normalization(), nn.ReLU()
        )
        self.second = weights.convolution((size // stride, size // stride))
        self.beside = nn.Identity() if stride == 1 else weights.convolution((size, size), stride)
        self.second = nn.Sequential(self.second, weights.normalization())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.beside(x) + self.second(self.first(x)))


def image_classification(weights: Weights) -> Any:
    """ResNet-8."""
    return nn.Sequential(
        weights.convolution((32, 32)),
        weights.normalization(),
        nn.ReLU(),
        Residual(weights, 32, 1),
        Residual(weights, 32, 2),
        Residual(weights, 16, 2),
        nn.AvgPool2d(8),
        nn.Flatten(),
        weights.dense(),
        nn.Softmax(-1),
    )


NETWORKS = {
    "ad": (anomaly_detection, (1, 640)),
    "kws": (keyword_spotting, (1, 1, 49, 10)),
    "resnet8": (image_classification, (1, 3, 32, 32)),
    "sww": (streaming_wakeword, (1, 40, 30, 1)),
    "vww": (visual_wake_words, (1, 3, 96, 96)),
}


def main(folder: Path, exporter: str) -> None:
    """Writes all files."""
    for name, (build, shape) in NETWORKS.items():
        model = build(Weights(folder / f"{name}.npz")).eval()
        torch.onnx.export(
            model,
            (torch.zeros(shape),),
            folder / f"{name}_{exporter}.onnx",
            input_names=["input"],
            output_names=["output"],
            opset_version=OPSET[exporter],
            dynamo=exporter == "dynamo",
            **({"external_data": False} if exporter == "dynamo" else {}),
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), "dynamo" if "--dynamo" in sys.argv[2:] else "torch")
