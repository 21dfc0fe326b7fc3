"""
Every layer of a compiled network against what it should compute.

Outputs alone hide much: a softmax saturates, a class stays the same. So whatever tensor of the
original still exists in the compiled network is compared, layer by layer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnc.agreement import ABSOLUTE_OPS, Agreement
from nnc.codegen.network import network_of
from nnc.compiler import Network, Shapes
from nnc.dialects.nn.interpreter import channels_by_layer
from nnc.emulator import Progress, RunResult, run_program
from nnc.execution import built, inputs_of, outputs_of, sample_bytes
from nnc.frontends import FRONTENDS
from nnc.frontends.keras import generation_of, has_program
from nnc.frontends.keras_python import PYTHON, keras_python
from nnc.harness import ElementType, LayerInfo, Sample, TensorInfo
from nnc.onnx_reference import UnfitError, onnx_reference
from nnc.passes.diagnostics import UsageError
from nnc.pipeline import import_passes, load, run_passes, source_dialects
from nnc.reference import (
    Expected,
    NnReference,
    Reference,
    is_lce,
    keras_reference,
    lce_python,
    lce_reference,
    tflite_reference,
)
from nnc.tensors import Array, Tensor


@dataclass(frozen=True)
class Row:
    """
    A compared tensor: of a layer, or an output of the network (`op` is empty), whose results came
    with the samples where it is `stored`.
    """

    name: str
    op: str
    agreement: Agreement
    stored: bool = False


@dataclass(frozen=True)
class Validation:
    """
    A compared network. `layers` are those that have a counterpart in the reference, in order;
    `unmatched` names the others. `hint` is why the reference is not the original, where it is not.
    """

    network: Network
    on: str
    machine: str
    note: str
    reference: str
    hint: str
    samples: int
    layers: list[Row]
    outputs: list[Row]
    unmatched: list[str]

    @property
    def rows(self) -> list[Row]:
        """All compared tensors."""
        return [*self.layers, *self.outputs]

    @property
    def mismatches(self) -> int:
        """Elements that do not agree."""
        return sum(row.agreement.mismatches for row in self.rows)

    def as_json(self) -> str:
        """The result for programs."""
        request = self.network.report.request
        data = {
            "model": request.model,
            "target": request.target,
            "on": self.on,
            "machine": self.machine,
            "numerics": request.contract,
            "kernels": request.kernels,
            "optimize": request.optimize,
            "reference": self.reference,
            "samples": self.samples,
            "agrees": self.mismatches == 0,
            "mismatches": self.mismatches,
            "outputs": [_record(row) for row in self.outputs],
            "layers": [_record(row) for row in self.layers],
            "unmatched": self.unmatched,
            "remarks": list(self.network.report.remarks),
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _record(row: Row) -> dict[str, str | int | float | None]:
    agreement = row.agreement
    return {
        "name": row.name,
        "op": row.op,
        "stored": row.stored,
        "elements": agreement.elements,
        "mismatches": agreement.mismatches,
        "max_error": agreement.max_error,
        "rmse": agreement.rmse,
        "mae": agreement.mae,
        "l2r": agreement.l2r,
        "cosine": agreement.cosine,
    }


def validate(
    model: Path,
    network: Network,
    samples: Sequence[list[Array]],
    *,
    on: str,
    stored: Sequence[list[Array]] = (),
    shapes: Shapes | None = None,
    original: bool = True,
    timeout: float = 120.0,
    progress: Progress | None = None,
) -> Validation:
    """
    Runs a compiled network and its reference over the same samples and compares them.

    `model` is the file that `network` was compiled from. The reference is its original framework
    where that has the arithmetic that the network was compiled for and `original` is true, else the
    reference semantics of the `nn` level. `stored` are results that came with the samples, in the
    model's order of axes, an empty list for a sample without. Raises ToolError.
    """
    tensors = inputs_of(network)
    with ExitStack() as stack:
        program = stack.enter_context(built(network, on, hook=True))
        found = run_program(program, ()).network
        asked = _reference(model, network, found.layers, shapes, original)
        reference = stack.enter_context(asked)
        channels = channels_by_layer(network_of(network.module))
        comparison = _Comparison(found.layers, found.outputs, channels, reference.units)

        def compare(number: int, sample: Sample) -> None:
            computed = comparison.computed(sample)
            comparison.add(sample, reference.run(samples[number], computed))
            if number < len(stored) and stored[number]:
                comparison.add_stored(sample, stored[number], outputs_of(network))

        result: RunResult = run_program(
            program,
            (sample_bytes(sample, tensors) for sample in samples),
            timeout=timeout,
            progress=progress,
            on_sample=compare,
        )
    return Validation(
        network=network,
        on=on,
        machine=result.machine,
        note=result.note,
        reference=reference.description,
        hint=reference.hint,
        samples=len(samples),
        layers=comparison.layer_rows(),
        outputs=[*comparison.output_rows(), *comparison.stored_rows()],
        unmatched=comparison.unmatched(),
    )


def _no_keras(python: str | None, data: bytes) -> str:
    """Why a model is not run in Keras, empty if it is."""
    if python is None:
        return f"there is no TensorFlow to compare with: {PYTHON} may name a Python that has it"
    if has_program(data):
        return "the file has a program (a Lambda layer), which is not run to compare with"
    return ""


@contextmanager
def _reference(
    model: Path,
    network: Network,
    layers: Sequence[LayerInfo],
    shapes: Shapes | None,
    original: bool,
) -> Generator[Reference]:
    options = network.options
    hint = ""
    wanted = [output.name for layer in layers for output in layer.outputs]
    if original and model.suffix.lower() == ".tflite" and options.numerics == "tflite":
        data = model.read_bytes()
        python = lce_python() if is_lce(data) else None
        if python is not None:
            with lce_reference(python, data) as reference:
                yield reference
            return
        if not is_lce(data):
            sizes = [tensor.shape for tensor in inputs_of(network)]
            with tflite_reference(data, sizes, wanted) as reference:
                yield reference
            return
        hint = (
            "there is no Larq compute engine to compare with: "
            f"{PYTHON} may name a Python that has it"
        )
    elif original and FRONTENDS.get(model.suffix[1:].lower()) == "keras":
        data = model.read_bytes()
        python, generation = keras_python(), generation_of(data)
        hint = _no_keras(python, data)
        if python is not None and not hint:
            suffix = model.suffix.lower()
            with keras_reference(python, data, suffix, generation, wanted) as reference:
                yield reference
            return
    module = load(model, shapes=shapes)
    if original and source_dialects(module) == ["onnx"] and model.suffix.lower() == ".onnx":
        try:
            with onnx_reference(model, module, network, layers) as reference:
                yield reference
            return
        except UnfitError as error:
            hint = str(error)
    passes = import_passes(source_dialects(module), options)
    yield NnReference(run_passes(module, ",".join(passes)), hint)


Place = tuple[int, int]
"""The number of a layer and of its output."""


@dataclass
class _Comparison:
    layers: Sequence[LayerInfo]
    outputs: Sequence[TensorInfo]
    channels: dict[str, Array]
    units: int = 0
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    at_layers: dict[str, Agreement] = field(default_factory=dict[str, Agreement])
    at_outputs: list[Agreement] = field(default_factory=list[Agreement])
    at_stored: dict[str, Agreement] = field(default_factory=dict[str, Agreement])

    def __post_init__(self) -> None:
        # Of several steps that work on one layer of the model, the last has its result.
        for number, layer in enumerate(self.layers):
            for k, tensor in enumerate(layer.outputs):
                self.places[tensor.name] = (number, k)
        makers = {self._offset_of(place): self.layers[place[0]].op for place in self.ordered()}
        self.at_outputs = [
            Agreement(makers.get(it.offset) in ABSOLUTE_OPS, self.units if it.scale else 0)
            for it in self.outputs
        ]

    def ordered(self) -> list[Place]:
        """The compared layers' outputs, in order."""
        return sorted(self.places.values())

    def _offset_of(self, place: Place) -> int:
        return self.layers[place[0]].outputs[place[1]].offset

    def computed(self, sample: Sample) -> dict[str, Array]:
        """What the network made of a sample, by the names of layers."""
        found: dict[str, Array] = {}
        for name, (number, k) in self.places.items():
            data = sample.layers[number][k]
            if data is not None:
                found[name] = values(self.layers[number].outputs[k], data)
        return found

    def add(self, sample: Sample, expected: Expected) -> None:
        """Compares one sample."""
        for name, (number, k) in self.places.items():
            layer, data = self.layers[number], sample.layers[number][k]
            wanted = expected.tensors.get(name)
            if wanted is not None and name in self.channels:
                wanted = wanted[..., self.channels[name]]
            if data is None or wanted is None or not _is_alike(layer.outputs[k], wanted):
                continue
            absolute = layer.op in ABSOLUTE_OPS
            units = self.units if layer.outputs[k].scale else 0
            agreement = self.at_layers.setdefault(name, Agreement(absolute, units))
            agreement.add(values(layer.outputs[k], data), wanted, layer.outputs[k].zero_point)
        rows = zip(self.outputs, self.at_outputs, sample.outputs, expected.outputs, strict=True)
        for tensor, agreement, data, wanted in rows:
            assert wanted is not None and _is_alike(tensor, wanted), f"{tensor.name} is another"
            agreement.add(values(tensor, data), wanted, tensor.zero_point)

    def add_stored(
        self, sample: Sample, expected: Sequence[Array], tensors: Sequence[Tensor]
    ) -> None:
        """Compares one sample with results that came with it. Raises UsageError."""
        if len(expected) != len(tensors):
            raise UsageError(f"expected {len(tensors)} stored outputs, got {len(expected)}")
        for info, tensor, data, wanted in zip(
            self.outputs, tensors, sample.outputs, expected, strict=True
        ):
            actual = values(info, data)
            if wanted.size != actual.size or wanted.dtype != actual.dtype:
                raise UsageError(
                    f"output '{info.name}': expected {tensor.model_shape} of {actual.dtype}, "
                    f"got {wanted.shape} of {wanted.dtype}"
                )
            placed = tensor.of_model(wanted.reshape(tensor.model_shape))
            units = self.units if info.scale else 0
            agreement = self.at_stored.setdefault(info.name, Agreement(False, units, stored=True))
            agreement.add(actual, placed, info.zero_point)

    def stored_rows(self) -> list[Row]:
        """A row for each output that was compared with what came with the samples."""
        return [Row(name, "", it, stored=True) for name, it in self.at_stored.items()]

    def layer_rows(self) -> list[Row]:
        """A row for each compared layer output."""
        names = {place: name for name, place in self.places.items()}
        ordered = [(names[place], self.layers[place[0]].op) for place in self.ordered()]
        return [Row(n, op, self.at_layers[n]) for n, op in ordered if n in self.at_layers]

    def output_rows(self) -> list[Row]:
        """A row for each output."""
        pairs = zip(self.outputs, self.at_outputs, strict=True)
        return [Row(tensor.name, "", agreement) for tensor, agreement in pairs]

    def unmatched(self) -> list[str]:
        """Layers' outputs that the reference has no counterpart for."""
        return [name for name in self.places if name not in self.at_layers]


def values(tensor: TensorInfo, data: bytes) -> Array:
    """The contents of a tensor; of a binary one as booleans, True for -1."""
    array = tensor.array(data)
    if tensor.type is not ElementType.BIN32:
        return array
    words = np.ascontiguousarray(array).view(np.uint8)
    bits = np.unpackbits(words, axis=-1, bitorder="little", count=tensor.shape[-1])
    return bits.astype(np.bool_)


def _is_alike(tensor: TensorInfo, expected: Array) -> bool:
    """
    Whether the reference has the tensor in the same type, and as many rows of the same length: a
    dense layer over an image takes its pixels as rows.
    """
    dtype = np.dtype(np.bool_) if tensor.type is ElementType.BIN32 else tensor.type.dtype
    rows = [[size for size in shape if size != 1][-1:] for shape in (tensor.shape, expected.shape)]
    same = math.prod(tensor.shape) == expected.size and rows[0] == rows[1]
    return dtype == expected.dtype and same
