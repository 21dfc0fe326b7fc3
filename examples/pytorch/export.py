"""
A small network in PyTorch, exported: `python examples/pytorch/export.py`, with torch 2.13 and onnx.

Writes `cnn.onnx` beside this file, and an image with what PyTorch makes of it, as ONNX's model zoo
keeps such data.
"""

# What it imports is not installed where types are checked.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

from pathlib import Path

import torch
from onnx import numpy_helper
from torch import nn

FOLDER = Path(__file__).parent

torch.manual_seed(1)
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
    nn.BatchNorm2d(8),
    nn.ReLU6(),
    nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
    nn.BatchNorm2d(8),
    nn.ReLU6(),
    nn.Conv2d(8, 16, 1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(16, 4),
    nn.Softmax(-1),
)
for _ in range(20):  # Statistics for the normalisation, in place of a training.
    model(torch.randn(32, 3, 24, 16))
model.eval()
image = torch.randn(1, 3, 24, 16)
torch.onnx.export(
    model, (image,), FOLDER / "cnn.onnx", dynamo=False, opset_version=17, input_names=["image"]
)
data = FOLDER / "test_data_set_0"
data.mkdir(exist_ok=True)
for name, tensor in (("input_0", image), ("output_0", model(image).detach())):
    proto = numpy_helper.from_array(tensor.numpy(), name)
    (data / f"{name}.pb").write_bytes(proto.SerializeToString())
