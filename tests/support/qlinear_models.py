"""
Quantised ONNX models of one layer, in both forms: pairs of operators and operators with scales.

Each `Layer` says what it computes by `support.qlinear`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from support.onnx_models import Array, model, node, value
from support.qlinear import Scale

Form = Literal["pairs", "operators"]

KINDS = {"int8": "i8", "uint8": "u8", "int16": "i16", "uint16": "u16"}


@dataclass
class Layer:
    """
    Inputs by name with their shape and scale, constants, the result's scale, what the layer
    computes of stored inputs, and how the two forms are made.
    """

    inputs: dict[str, tuple[Sequence[int], Scale]]
    result: Scale
    expected: Callable[[Sequence[Array]], Array]
    pairs: Callable[[Graph], str]
    operators: Callable[[Graph], None] | None = None
    opset: int = 21

    def model(self, form: Form) -> onnx.ModelProto:
        """The ONNX model; its output is y."""
        graph = Graph()
        if form == "pairs":
            for name, (_, scale) in self.inputs.items():
                graph.dequantize(name, scale)
            graph.quantize(self.pairs(graph), self.result)
        else:
            assert self.operators is not None
            self.operators(graph)
        given = [
            value(name, list(shape), KINDS[scale.storage])
            for name, (shape, scale) in self.inputs.items()
        ]
        domains = {"com.microsoft": 1}
        return model(graph.nodes, given, ["y"], graph.constants, opset=self.opset, domains=domains)

    def samples(self, count: int, seed: int = 5) -> list[list[Array]]:
        """Random stored inputs, with both ends of the range among them."""
        rng: Any = np.random.default_rng(seed)
        samples: list[list[Array]] = []
        for _ in range(count):
            sample: list[Array] = []
            for shape, scale in self.inputs.values():
                low, high = scale.limits
                codes = rng.integers(low, high + 1, shape)
                codes.ravel()[:2] = [low, high][: codes.size]
                sample.append(codes.astype(scale.storage))
            samples.append(sample)
        return samples


@dataclass
class Graph:
    """Nodes and constants under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    constants: dict[str, Array] = field(default_factory=dict[str, Array])

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Appends a node and gives its output."""
        self.nodes.append(node(operator, list(inputs), [output], **attributes))
        return output

    def own(self, operator: str, inputs: Sequence[str], output: str = "y", **more: Any) -> str:
        """`add` of an operator of ONNX Runtime."""
        return self.add(operator, inputs, output, domain="com.microsoft", **more)

    def scale(self, name: str, scale: Scale) -> list[str]:
        """The names of the constants that say a scale."""
        self.constants[f"{name}_scale"] = scale.scale
        self.constants[f"{name}_zero"] = scale.zero
        return [f"{name}_scale", f"{name}_zero"]

    def dequantize(self, name: str, scale: Scale, axis: int = 0) -> str:
        """The real numbers of a stored tensor."""
        given = {"axis": axis} if scale.scale.ndim else {}
        return self.add(
            "DequantizeLinear", [name, *self.scale(name, scale)], f"{name}_real", **given
        )

    def quantize(self, real: str, scale: Scale, output: str = "y") -> str:
        """A tensor as it is stored."""
        return self.add("QuantizeLinear", [real, *self.scale(output, scale)], output)

    def stored(self, name: str, codes: Array, scale: Scale, axis: int = 0) -> str:
        """The real numbers of a stored constant."""
        self.constants[name] = codes
        return self.dequantize(name, scale, axis)

    def bias(self, name: str, codes: Array, unit: Array) -> str:
        """The real numbers of a bias of int32 whose unit is that of the sums."""
        self.constants[name] = codes
        self.constants[f"{name}_scale"] = unit.astype(np.float32)
        return self.add("DequantizeLinear", [name, f"{name}_scale"], f"{name}_real", axis=0)
