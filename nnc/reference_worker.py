"""
The child process that runs a model in its own framework: `python -m nnc.reference_worker`.

Reference kernels abort on some legal models and crash on some illegal ones; here that ends a child
and not the command. Imports only the interpreter, so that it starts fast.

Both directions are messages: eight bytes of length, then the arrays of a .npz file. The first one
has the model and a JSON text, each of the others the inputs of a sample.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_LENGTH = struct.Struct("<Q")
_QUANTIZED_DIMENSION = 16
"""The entry of `quantized_dimension` in the vtable of `QuantizationParameters` (schema.fbs)."""


def send(stream: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Writes a message."""
    data = io.BytesIO()
    np.savez(data, **dict(arrays))
    stream.write(_LENGTH.pack(data.tell()))
    stream.write(data.getvalue())
    stream.flush()


def receive(stream: IO[bytes]) -> dict[str, Array]:
    """Reads a message; raises EOFError at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    size = _LENGTH.unpack(head)[0]
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: cast(Array, arrays[name]) for name in arrays.files}


def text_array(value: object) -> Array:
    """A JSON value as an array of bytes."""
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def array_text(array: Array) -> Any:
    """The JSON value of an array of bytes."""
    return json.loads(array.tobytes())


class Worker:
    """A model in the TFLite interpreter with reference kernels, all of its tensors kept."""

    def __init__(self, model: bytes, shapes: Sequence[Sequence[int]], wanted: Sequence[str]):
        """`shapes` are those of the inputs; `wanted` are names of tensors, by which some are found.

        Raises RuntimeError, ValueError for a model that the interpreter refuses.
        """
        try:
            self.interpreter = _interpreter(model)
        except ValueError as error:
            if "quantized_dimension" not in str(error):
                raise
            self.interpreter = _interpreter(with_existing_axes(model))
        for entry, shape in zip(self.interpreter.get_input_details(), shapes, strict=True):
            if [int(size) for size in entry["shape"]] != list(shape):
                self.interpreter.resize_tensor_input(entry["index"], list(shape))
        self.interpreter.allocate_tensors()
        self.inputs: list[int] = [int(it["index"]) for it in self.interpreter.get_input_details()]
        self.outputs: list[int] = [int(it["index"]) for it in self.interpreter.get_output_details()]
        self.tensors = self._unique(wanted)

    def _unique(self, wanted: Sequence[str]) -> dict[str, int]:
        """Indices of tensors by name, without names that several tensors have."""
        found: dict[str, list[int]] = {}
        for entry in self.interpreter.get_tensor_details():
            if entry["name"] in wanted:
                found.setdefault(str(entry["name"]), []).append(int(entry["index"]))
        return {name: indices[0] for name, indices in found.items() if len(indices) == 1}

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Outputs as `output0`, ..., tensors as `tensor` and their index."""
        for index, array in zip(self.inputs, inputs, strict=True):
            self.interpreter.set_tensor(index, array)
        self.interpreter.invoke()
        results = {f"output{k}": self._read(index) for k, index in enumerate(self.outputs)}
        for index in self.tensors.values():
            results[f"tensor{index}"] = self._read(index)
        return {name: array for name, array in results.items() if array is not None}

    def _read(self, index: int) -> Array | None:
        try:
            return self.interpreter.get_tensor(index)
        except ValueError:
            # A tensor that the interpreter holds no data for.
            return None


def _interpreter(model: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    return Interpreter(
        model_content=model,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )


def with_existing_axes(model: bytes) -> bytes:
    """
    The model with the quantised axis 0 for tensors of one axis that name another one.

    Old converters wrote the axis of the weights for the bias as well. The interpreter used to
    ignore it, and now refuses such models.
    """
    from ai_edge_litert import schema_py_generated

    schema: Any = schema_py_generated
    data = bytearray(model)
    graphs = schema.Model.GetRootAs(data, 0)
    for k in range(graphs.SubgraphsLength()):
        graph = graphs.Subgraphs(k)
        for tensor in (graph.Tensors(i) for i in range(graph.TensorsLength())):
            quantization = tensor.Quantization()
            if tensor.ShapeLength() != 1 or quantization is None:
                continue
            table = quantization._tab
            field = table.Offset(_QUANTIZED_DIMENSION)
            if field:
                struct.pack_into("<i", data, table.Pos + field, 0)
    return bytes(data)


def main() -> int:
    """Serves until the other side closes the stream."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        first = receive(source)
        request = array_text(first["request"])
        worker = Worker(first["model"].tobytes(), request["shapes"], request["wanted"])
        found = {"tensors": worker.tensors, "outputs": len(worker.outputs)}
        send(sink, {"found": text_array(found)})
        while True:
            arrays = receive(source)
            send(sink, worker.run([arrays[f"input{k}"] for k in range(len(arrays))]))
    except EOFError:
        return 0
    except (RuntimeError, ValueError) as error:
        print(str(error).strip().splitlines()[-1], file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
