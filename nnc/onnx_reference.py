"""
An ONNX model in ONNX Runtime or in ONNX's reference implementation, as what a network should
compute.

The model keeps its order of axes, and every tensor that a layer of the network is named after
becomes one of its outputs. Each layer is computed from what the network has before it, as contracts
and bounds are about layers: what is rounded in another way in one layer does not count in the next
one again.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
import onnx
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, TensorType, UnrankedTensorType
from xdsl.dialects.func import FuncOp

from nnc.codegen.network import layer_names, network_of
from nnc.compiler import Network
from nnc.dialects.nn.interpreter import channels_by_layer
from nnc.dialects.nn.labels import texts_of
from nnc.dialects.nn.layout import Layout, arranged, layouts_of, rearranged
from nnc.dialects.onnx.base import AnyTensor, StringType
from nnc.dialects.onnx.quantization import RUNTIME_DOMAIN
from nnc.dialects.types import numpy_dtype
from nnc.execution import inputs_of, outputs_of
from nnc.frontends.keras_python import PYTHON
from nnc.frontends.onnx_model import domain_of, self_contained
from nnc.harness import OUTSIDE, ElementType, LayerInfo, TensorInfo
from nnc.reference import (
    NOTHING,
    ChildReference,
    Computed,
    Expected,
    ReferenceFailedError,
    file_child,
    has_module,
)
from nnc.reference_worker import text_array
from nnc.tensors import Array, Tensor

_BATCH_NORMALIZATION = 14
"""The operator set from which on it has a mode."""

GIVEN = "nnc_given/"
"""What starts the names of inputs that stand for values of the network."""


@dataclass
class Model:
    """A model prepared for a child process."""

    proto: onnx.ModelProto
    types: Mapping[str, AnyTensor]
    """Of every tensor that an operation makes, by name; the shapes of some are not known."""

    inputs: list[str]
    outputs: list[str]
    wanted: list[str]
    held: Mapping[str, TensorInfo]
    """The network's tensors that can be read, by name."""

    layouts: Mapping[str, Layout]
    given: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        graph = self.proto.graph
        self._unzip()
        made = {name for node in graph.node for name in node.output}
        self.wanted = [name for name in dict.fromkeys(self.wanted) if name in made]
        self.wanted = [name for name in self.wanted if not self._has_texts(name)]
        self._take_given()
        known = {value.name for value in graph.output}
        graph.output.extend(onnx.ValueInfoProto(name=it) for it in self.wanted if it not in known)

    def _unzip(self) -> None:
        """Gives the scores where the model gives a map of them for each row."""
        graph = self.proto.graph
        zips = [node for node in graph.node if node.op_type == "ZipMap"]
        scores = {node.output[0]: node.input[0] for node in zips}
        kept = [value for value in graph.output if value.name not in scores]
        kept += [onnx.ValueInfoProto(name=name) for name in scores.values()]
        for node in zips:
            graph.node.remove(node)
        del graph.output[:]
        graph.output.extend({value.name: value for value in reversed(kept)}.values())
        self.outputs = [scores.get(name, name) for name in self.outputs]

    def _has_texts(self, name: str) -> bool:
        """Whether a tensor holds texts, of which the network has numbers."""
        kind = self.types.get(name)
        return kind is not None and isinstance(kind.element_type, StringType)

    def _take_given(self) -> None:
        """Lets layers read the network's values instead of the model's."""
        graph = self.proto.graph
        self.given = [name for name in self.wanted if self._is_held(name)]
        renamed = {name: GIVEN + name for name in self.given}
        for node in graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        for name in self.given:
            element = onnx.helper.np_dtype_to_tensor_dtype(self.held[name].type.dtype)
            value = onnx.helper.make_tensor_value_info(renamed[name], element, self.shape(name))
            graph.input.append(value)

    def _is_held(self, name: str) -> bool:
        """Whether the network has a tensor as the model has it."""
        held, kind = self.held.get(name), self.types.get(name)
        if held is None or kind is None or held.type is ElementType.BIN32:
            return False
        dtype = np.dtype(numpy_dtype(kind.element_type))
        return held.type.dtype == dtype and prod(held.shape) == prod(self.shape(name))

    def shape(self, name: str) -> list[int]:
        """The shape of a tensor that the network holds, as the model has it."""
        kind = self.types[name]
        if isinstance(kind, TensorType) and DYNAMIC_INDEX not in kind.get_shape():
            return list(kind.get_shape())
        shape, layout = self.held[name].shape, self.layouts.get(name)
        return list(
            shape if layout is None else [shape[layout.index(k)] for k in range(len(shape))]
        )

    def fix(self, tensors: Sequence[Tensor]) -> None:
        """Gives inputs the shapes that the network has."""
        values = {value.name: value for value in self.proto.graph.input}
        for name, tensor in zip(self.inputs, tensors, strict=True):
            shape = values[name].type.tensor_type.shape
            del shape.dim[:]
            for size in tensor.model_shape:
                shape.dim.add().dim_value = size

    def request(self, engine: str, tensors: Sequence[Tensor]) -> dict[str, Array]:
        """The first message to a child process."""
        settings = {
            "engine": engine,
            "inputs": [*self.inputs, *(GIVEN + name for name in self.given)],
            "outputs": self.outputs,
            "wanted": self.wanted,
            "shapes": [*(it.model_shape for it in tensors), *(self.shape(it) for it in self.given)],
            "types": [
                *(it.dtype.name for it in tensors),
                *(self.held[name].type.dtype.name for name in self.given),
            ],
        }
        data = self.proto.SerializeToString()
        return {"model": np.frombuffer(data, np.uint8), "request": text_array(settings)}


def _is_quantized(graph: onnx.GraphProto) -> bool:
    operators = ("QuantizeLinear", "QLinearConv", "QLinearMatMul")
    return any(
        node.op_type in operators or domain_of(node) == RUNTIME_DOMAIN for node in graph.node
    )


def types_of(function: FuncOp) -> dict[str, AnyTensor]:
    """The types of what a function of `onnx` operations makes, by name."""
    found: dict[str, AnyTensor] = {}
    for op in function.body.block.ops:
        kinds = [
            it.type for it in op.results if isinstance(it.type, TensorType | UnrankedTensorType)
        ]
        found |= dict(zip(layer_names(op.location), kinds, strict=False))
    return found


def wrong_in_reference(graph: onnx.GraphProto, version: int) -> str:
    """
    What ONNX's reference implementation is known to compute in another way than it is defined;
    empty where a model of that operator set has none of it.
    """
    for node in graph.node:
        groups = next((it.i for it in node.attribute if it.name == "group"), 1)
        if node.op_type == "ConvTranspose" and groups != 1:
            return "transposed convolutions in groups, wrongly"
        if node.op_type == "BatchNormalization" and version < _BATCH_NORMALIZATION:
            return "batch normalisation of such old operator sets as in training"
    return ""


class UnfitError(ReferenceFailedError):
    """There is nobody to run the model."""


class OnnxReference:
    """A child process that runs a model, as the network it became: in its order of axes."""

    def __init__(self, child: ChildReference, model: Model, network: Network):
        self.description = child.description
        self.hint = ""
        self.units = int(_is_quantized(model.proto.graph))
        self._child = child
        self._model = model
        self._inputs = inputs_of(network)
        self._outputs = outputs_of(network)
        self._texts = [port.names for port in network.printer.of_role("output")]

    def run(self, inputs: Sequence[Array], computed: Computed = NOTHING) -> Expected:
        """What one sample should give; raises ReferenceFailedError."""
        arrays = [it.to_model(array) for it, array in zip(self._inputs, inputs, strict=True)]
        arrays += [self._given(name, computed.get(name)) for name in self._model.given]
        result = self._child.run(arrays)
        triples = zip(self._outputs, result.outputs, self._texts, strict=True)
        outputs = [
            None if it is None else tensor.of_model(_numbered(it, texts))
            for tensor, it, texts in triples
        ]
        tensors = {name: self._arranged(name, it) for name, it in result.tensors.items()}
        return Expected(outputs, tensors)

    def _arranged(self, name: str, array: Array) -> Array:
        layout = self._model.layouts.get(name)
        return array if layout is None else arranged(array, layout)

    def _given(self, name: str, array: Array | None) -> Array:
        """What the network computed, as the model has it."""
        assert array is not None, f"{name} is not in the network"
        layout = self._model.layouts.get(name)
        if layout is not None:
            array = rearranged(array, layout)
        return array.reshape(self._model.shape(name))


def _numbered(array: Array, texts: Sequence[str]) -> Array:
    """Texts as their numbers in a list; numbers as they are."""
    if array.dtype.kind != "U":
        return array
    numbers = {text: number for number, text in enumerate(texts)}
    found = [numbers.get(str(text), -1) for text in array.ravel()]
    return np.asarray(found, np.int32).reshape(array.shape)


def pythons() -> Generator[tuple[str, str]]:
    """Who may run a model, the best one first: a Python and what of it."""
    import os

    named = os.environ.get(PYTHON)
    for python in dict.fromkeys(filter(None, (named, sys.executable))):
        if has_module(python, "onnxruntime"):
            yield python, "runtime"
    yield sys.executable, "reference"


@contextmanager
def onnx_reference(
    path: Path, module: ModuleOp, network: Network, layers: Sequence[LayerInfo]
) -> Generator[OnnxReference]:
    """
    The model of a file, `module` in the `onnx` dialect, while active; `layers` are those of the
    network, of which as many come back as the model has. Raises UnfitError where nobody can run it.
    """
    function = network_of(module)
    tensors = inputs_of(network)
    held = {tensor.name: tensor for layer in layers for tensor in layer.outputs}
    compiled = network_of(network.module)
    lost = channels_by_layer(compiled)
    model = Model(
        self_contained(path.read_bytes(), path),
        types_of(function),
        list(texts_of(function.attributes, "onnx.inputs")),
        list(texts_of(function.attributes, "onnx.outputs")),
        [tensor.name for layer in layers for tensor in layer.outputs],
        {name: it for name, it in held.items() if name not in lost and it.offset != OUTSIDE},
        layouts_of(compiled.attributes),
    )
    model.fix(tensors)
    version = next(
        (it.version for it in model.proto.opset_import if it.domain in ("", "ai.onnx")), 0
    )
    wrong = wrong_in_reference(model.proto.graph, version)
    problems: list[str] = []
    for python, engine in pythons():
        if engine == "reference" and wrong:
            problems.append(f"ONNX's reference implementation computes {wrong}")
            continue
        title = "ONNX Runtime" if engine == "runtime" else "ONNX's reference implementation"
        request = model.request(engine, tensors)
        opened = file_child(title, python, "onnx_worker.py", request)
        try:
            child = opened.__enter__()
        except ReferenceFailedError as error:
            problems.append(str(error))
            continue
        try:
            reference = OnnxReference(child, model, network)
            reference.hint = "; ".join(problems)
            yield reference
        finally:
            opened.__exit__(None, None, None)
        return
    raise UnfitError("; ".join(problems))
