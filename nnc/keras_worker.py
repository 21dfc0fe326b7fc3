"""
The child process that runs a model in Keras, with the protocol of `reference_worker`.

It may run in another Python, one that has TensorFlow and nothing of this package: it is started as
a file, and imports only numpy and the framework.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _protocol() -> Any:
    """The module `reference_worker`, which lies beside this file."""
    path = Path(__file__).with_name("reference_worker.py")
    spec = importlib.util.spec_from_file_location("nnc_reference_worker", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def framework(generation: int) -> Any:
    """Keras of that generation. Raises ImportError."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    if generation == 2:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
    return importlib.import_module("tf_keras" if generation == 2 else "keras")


class Worker:
    """A model in Keras, with those of its layers that are asked for."""

    def __init__(self, model: bytes, suffix: str, generation: int, wanted: Sequence[str]):
        """
        `wanted` are names of layers, with `:1` behind them for the second call, and the names of
        the models that they are in before them.

        Raises ImportError, and whatever Keras raises for a model that it refuses.
        """
        keras = self._keras = framework(generation)
        if b"Larq" in model or b"quantizer" in model:
            importlib.import_module("larq")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"model{suffix}")
            path.write_bytes(model)
            self.model: Any = keras.models.load_model(path, compile=False)
        found: dict[str, Any] = {}
        for name in wanted:
            tensor = self._tensor(self.model, name)
            if tensor is not None:
                found[name] = tensor
        self.tensors = {name: number for number, name in enumerate(found)}
        self.outputs = len(self.model.outputs)
        self.probe: Any = keras.Model(self.model.inputs, [*self.model.outputs, *found.values()])

    def _tensor(self, model: Any, name: str) -> Any:
        """
        What a call of a layer gives; None if there is no such layer. In a model in the model, whose
        name is before a slash, it is what the inner layer gives for the tensors of that call.
        """
        for layer in model.layers:
            outer, slash, inner = name, "", ""
            if hasattr(layer, "layers") and name.startswith(layer.name):
                head, slash, inner = name[len(layer.name) :].partition("/")
                outer = layer.name + head
            title, _, call = outer.rpartition(":")
            if not call.isdigit():
                title, call = outer, "0"
            if layer.name != title or bool(slash) != hasattr(layer, "layers"):
                continue
            node = _node(layer, int(call))
            if node is None:
                return None
            if not slash:
                return _listed(node.outputs)[0]
            found = self._tensor(layer, inner)
            return None if found is None else self._keras.Model(layer.inputs, found)(_inputs(node))
        return None

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Outputs as `output0`, ..., tensors as `tensor` and their number."""
        results = self.probe(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
        arrays: list[Array] = [np.asarray(result) for result in _listed(results)]
        names = [f"output{k}" for k in range(self.outputs)]
        names += [f"tensor{k}" for k in self.tensors.values()]
        return dict(zip(names, arrays, strict=True))


def _node(layer: Any, call: int) -> Any:
    """
    A call of a layer. A model that begins with an input counts how it was built as the first one.
    """
    nodes = list(layer._inbound_nodes)
    if hasattr(layer, "layers") and nodes:
        built = {id(tensor) for tensor in _listed(layer.outputs)}
        if any(id(tensor) in built for tensor in _listed(nodes[0].outputs)):
            nodes = nodes[1:]
    return nodes[call] if call < len(nodes) else None


def _inputs(node: Any) -> Any:
    """The tensors of a call, one or a list."""
    given = node.keras_inputs if hasattr(node, "keras_inputs") else node.input_tensors
    tensors = _listed(given)
    return tensors if len(tensors) > 1 else tensors[0]


def _listed(value: Any) -> list[Any]:
    """One or several values as a list."""
    if isinstance(value, list | tuple):
        return list(cast(Sequence[Any], value))
    return [value]


def main() -> int:
    """Serves until the other side closes the stream."""
    protocol = _protocol()
    source = sys.stdin.buffer
    # What frameworks print must not get between the messages.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        first = protocol.receive(source)
        request = protocol.array_text(first["request"])
        worker = Worker(
            first["model"].tobytes(), request["suffix"], request["generation"], request["wanted"]
        )
        found = {"tensors": worker.tensors, "outputs": worker.outputs}
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
