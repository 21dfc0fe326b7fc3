"""
The child process that runs a model in the interpreter of the Larq compute engine, with the protocol
of `reference_worker`.

As `keras_worker` it may run in another Python, is started as a file, and imports only numpy and the
framework. The interpreter shows outputs only; binary layers run by its reference kernels.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Worker:
    """A model in LCE's interpreter."""

    def __init__(self, model: bytes):
        """Raises ImportError, and whatever LCE raises for a model that it refuses."""
        lce = importlib.import_module("larq_compute_engine.tflite.python.interpreter")
        self.interpreter: Any = lce.Interpreter(model, use_reference_bconv=True).interpreter
        self.outputs = len(self.interpreter.output_shapes)

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Outputs as `output0`, ..."""
        results = self.interpreter.predict(list(inputs))
        return {f"output{k}": np.asarray(result) for k, result in enumerate(results)}


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
        worker = Worker(protocol.receive(source)["model"].tobytes())
        found: dict[str, object] = {"tensors": {}, "outputs": worker.outputs}
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
