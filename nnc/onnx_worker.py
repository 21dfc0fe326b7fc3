"""
The child process that runs an ONNX model, with the protocol of `reference_worker`.

It runs it by ONNX Runtime, or by ONNX's own reference implementation. As `keras_worker` it may run
in another Python, is started as a file, and imports only numpy and what runs the model, which comes
prepared: every wanted tensor is an output.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def runtime(model: bytes) -> tuple[str, Any]:
    """
    ONNX Runtime with its graph optimisations off, on one thread of this CPU: what it says of itself
    and a function of the names of tensors and the inputs. Raises whatever it refuses a model with.
    """
    ort: Any = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {ort.__version__} without optimisations ({_cpu()})", session.run


def reference(model: bytes) -> tuple[str, Any]:
    """ONNX's reference implementation, likewise."""
    onnx: Any = importlib.import_module("onnx")
    evaluator: Any = importlib.import_module("onnx.reference")
    proto = onnx.load_model_from_string(model)
    run = evaluator.ReferenceEvaluator(proto).run
    return f"the reference implementation of ONNX {onnx.__version__}", run


ENGINES = {"runtime": runtime, "reference": reference}
_EXTENSIONS = ("avx512_vnni", "avx_vnni", "avx512f", "avx2", "asimddp", "asimd")


def _cpu() -> str:
    """The kind of CPU; integer kernels depend on the extensions that it has."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        flags = []
    found = next((name for name in _EXTENSIONS if name in flags), "")
    return " with ".join(filter(None, (platform.machine(), found)))


def _plain(value: Any) -> Array:
    """A result as an array that can be sent: texts are objects in ONNX Runtime."""
    array = np.asarray(value)
    return array.astype(np.str_) if array.dtype == object else array


class Worker:
    """A model, of which tensors are asked for by name."""

    def __init__(self, model: bytes, request: Mapping[str, Any]):
        self.description, self._run = ENGINES[request["engine"]](model)
        self.inputs: list[str] = request["inputs"]
        self.outputs: list[str] = request["outputs"]
        wanted: Sequence[str] = request["wanted"]
        self.tensors = {name: number for number, name in enumerate(wanted)}
        # What cannot be run shall be known before the first sample.
        shapes, types = request["shapes"], request["types"]
        pairs = zip(shapes, types, strict=True)
        self.run([np.zeros(shape, dtype) for shape, dtype in pairs])

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Outputs as `output0`, ..., tensors as `tensor` and their number."""
        names = list(dict.fromkeys([*self.outputs, *self.tensors]))
        results = self._run(names, dict(zip(self.inputs, inputs, strict=True)))
        found = {name: _plain(it) for name, it in zip(names, results, strict=True)}
        named = {f"output{k}": found[name] for k, name in enumerate(self.outputs)}
        return named | {f"tensor{number}": found[name] for name, number in self.tensors.items()}


def main() -> int:
    """Serves until the other side closes the stream."""
    path = Path(__file__).with_name("reference_worker.py")
    spec = importlib.util.spec_from_file_location("nnc_reference_worker", path)
    assert spec is not None and spec.loader is not None
    protocol: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(protocol)
    source = sys.stdin.buffer
    # What frameworks print must not get between the messages.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        first = protocol.receive(source)
        worker = Worker(first["model"].tobytes(), protocol.array_text(first["request"]))
        found: dict[str, object] = {
            "tensors": worker.tensors,
            "outputs": len(worker.outputs),
            "description": worker.description,
        }
        protocol.send(sink, {"found": protocol.text_array(found)})
        while True:
            arrays = protocol.receive(source)
            protocol.send(sink, worker.run([arrays[f"input{k}"] for k in range(len(arrays))]))
    except EOFError:
        return 0
    except Exception as error:
        print(" ".join(f"{type(error).__name__}: {error}".split())[:300], file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
