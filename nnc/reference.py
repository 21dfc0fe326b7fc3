"""
What a network should compute: its original framework, or the `nn` level's own meaning.

For a Keras model that is Keras, where there is a Python that has it; for a `.tflite` model under
the contract `tflite` the TFLite interpreter with its reference kernels. Under `tflm` it is not
(TFLite Micro rounds some layers in another way), and MLIR text has no framework: there the
reference semantics of the `nn` ops are run in numpy instead.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Protocol

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.larq.lce import LCE_OPS
from nnc.dialects.nn import interpreter
from nnc.frontends.keras_python import keras_python, started
from nnc.reference_worker import array_text, receive, send, text_array
from nnc.tensors import Array
from nnc.toolchain import ToolError

WORKER = "nnc.reference_worker"


class ReferenceFailedError(ToolError):
    """The original framework refused the model, or its process died."""


@dataclass(frozen=True)
class Expected:
    """What one sample should give: outputs in order, and tensors by the names of layers."""

    outputs: list[Array | None]
    tensors: dict[str, Array]


Computed = Mapping[str, Array]
"""What the network made of a sample, by the names of layers."""

NOTHING: Computed = MappingProxyType({})


class Reference(Protocol):
    """Something that runs a model, sample after sample, keeping its state from one to the next."""

    description: str
    hint: str
    units: int
    """By how many units the contract lets a quantised value be off."""

    def run(self, inputs: Sequence[Array], computed: Computed = NOTHING) -> Expected:
        """
        What one sample should give, if need be of what the network has `computed`.
        """
        ...


class NnReference:
    """The reference semantics of a module of `nn` ops."""

    description = "the reference semantics of the nn dialect"
    units = 0

    def __init__(self, module: ModuleOp, hint: str = ""):
        self.hint = hint
        self._module = module
        self._states: Sequence[Array] | None = None

    def run(self, inputs: Sequence[Array], computed: Computed = NOTHING) -> Expected:
        """What one sample should give."""
        result = interpreter.run(self._module, inputs, self._states)
        self._states = result.states
        return Expected(list(result.outputs), result.layers)


class ChildReference:
    """A framework in a child process."""

    units = 0

    def __init__(
        self,
        description: str,
        child: subprocess.Popen[bytes],
        errors: IO[bytes],
        request: dict[str, Array],
    ):
        """`errors` is what the child writes its errors to; see `tflite_reference`."""
        self.description = description
        self.hint = ""
        self._child = child
        self._errors = errors
        found = array_text(self._ask(request)["found"])
        self.description = found.get("description", description)
        self._tensors: dict[str, int] = found["tensors"]
        self._outputs: int = found["outputs"]

    def run(self, inputs: Sequence[Array], computed: Computed = NOTHING) -> Expected:
        """What one sample should give; raises ReferenceFailedError."""
        reply = self._ask({f"input{k}": array for k, array in enumerate(inputs)})
        outputs = [reply.get(f"output{k}") for k in range(self._outputs)]
        found = {name: reply.get(f"tensor{index}") for name, index in self._tensors.items()}
        tensors = {name: array for name, array in found.items() if array is not None}
        return Expected(outputs, tensors)

    def _ask(self, arrays: dict[str, Array]) -> dict[str, Array]:
        sink, source = self._child.stdin, self._child.stdout
        assert sink is not None and source is not None, "the child has pipes"
        try:
            send(sink, arrays)
            return receive(source)
        except (EOFError, BrokenPipeError):
            raise ReferenceFailedError(f"{self.description} failed: {self._why()}") from None

    def _why(self) -> str:
        status = self._child.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        ended = f"signal {-status}" if status < 0 else f"exit status {status}"
        return said[-1].strip() if said else ended


@contextmanager
def tflite_reference(
    model: bytes, shapes: Sequence[Sequence[int]], wanted: Sequence[str]
) -> Generator[ChildReference]:
    """
    A model in the TFLite interpreter, while active.

    `shapes` are those of the inputs, `wanted` the names of tensors to bring back. Raises
    ReferenceFailedError.
    """
    settings = {"shapes": [list(shape) for shape in shapes], "wanted": list(wanted)}
    request = {"model": np.frombuffer(model, np.uint8), "request": text_array(settings)}
    description = "the TFLite interpreter with reference kernels"
    with _child(description, [sys.executable, "-m", WORKER], request) as reference:
        yield reference


@contextmanager
def keras_reference(
    python: str, model: bytes, suffix: str, generation: int, wanted: Sequence[str]
) -> Generator[ChildReference]:
    """
    A model in Keras of that generation (2 or 3), while active, run by that Python.

    `suffix` is that of the model's file, `wanted` the names of layers to bring back. Raises
    ReferenceFailedError.
    """
    settings = {"suffix": suffix, "generation": generation, "wanted": list(wanted)}
    request = {"model": np.frombuffer(model, np.uint8), "request": text_array(settings)}
    with file_child(f"Keras {generation}", python, "keras_worker.py", request) as reference:
        yield reference


def lce_python() -> str | None:
    """The Python of Keras models, if it has the Larq compute engine; else None."""
    python = keras_python()
    return python if python is not None and has_module(python, "larq_compute_engine") else None


def has_module(python: str, name: str) -> bool:
    """Whether a Python can import a module."""
    probe = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({name!r}))"
    try:
        found = subprocess.run([python, "-c", probe], capture_output=True, check=False)
    except OSError:
        return False
    return found.returncode == 0


def is_lce(model: bytes) -> bool:
    """Whether a `.tflite` model may have operators of the Larq compute engine."""
    return any(op.CODE.encode() in model for op in LCE_OPS)


@contextmanager
def lce_reference(python: str, model: bytes) -> Generator[ChildReference]:
    """
    A model in the interpreter of the Larq compute engine, while active, run by that Python. Of its
    tensors only the outputs are known. Raises ReferenceFailedError.
    """
    request = {"model": np.frombuffer(model, np.uint8)}
    description = "the interpreter of the Larq compute engine"
    with file_child(description, python, "lce_worker.py", request) as reference:
        yield reference


@contextmanager
def file_child(
    description: str, python: str, name: str, request: dict[str, Array]
) -> Generator[ChildReference]:
    """A worker that is a file beside this one, run by a Python that need not have this package."""
    worker = Path(__file__).with_name(name)
    with (
        tempfile.TemporaryDirectory() as folder,
        _child(description, [python, *started(str(worker))], request, folder) as reference,
    ):
        yield reference


@contextmanager
def _child(
    description: str, command: Sequence[str], request: dict[str, Array], folder: str | None = None
) -> Generator[ChildReference]:
    with tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder
            )
        except OSError as error:
            raise ReferenceFailedError(f"{description} cannot be started: {error}") from error
        try:
            yield ChildReference(description, child, errors, request)
        finally:
            child.kill()
            child.communicate()
