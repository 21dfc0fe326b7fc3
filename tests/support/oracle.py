"""
Runs a `.tflite` model in the TFLite interpreter's reference kernels, the oracle of these tests.

Every tensor is kept, not only the outputs: random inputs saturate a final softmax, so a wrong
layer shows in the intermediates first. Some reference kernels abort the process on legal models
(ADD with a large output multiplier, SOFTMAX with 512 equal logits); `run_isolated` runs the same
thing in a child process.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

Array = npt.NDArray[Any]
Inputs = Sequence[Array] | Mapping[str, Array]


class OracleError(Exception):
    """The interpreter refused the model, or its process died."""


@dataclass(frozen=True)
class TensorInfo:
    """What the interpreter knows of a tensor; scales are empty where it is not quantised."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]

    @property
    def zero_point(self) -> int:
        """The zero point, 0 where there is none."""
        return self.zero_points[0] if self.zero_points else 0


@dataclass(frozen=True)
class Operation:
    """An operator of the model as the interpreter runs it; optional inputs left out are None."""

    name: str
    inputs: tuple[TensorInfo | None, ...]
    outputs: tuple[TensorInfo, ...]


class Reference:
    """
    A model loaded into the interpreter; `run` gives every tensor of the main subgraph.

    `optimised` selects the optimised kernels (no delegates) instead of the reference kernels, for
    operators whose reference kernel is wrong (SUM of int8) or missing (ELU, ROUND).
    Raises `OracleError` when the model cannot be prepared.
    """

    def __init__(self, model: bytes, *, optimised: bool = False) -> None:
        resolver = (
            OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            if optimised
            else OpResolverType.BUILTIN_REF
        )
        try:
            self._interpreter: Any = Interpreter(
                model_content=model,
                num_threads=1,
                experimental_op_resolver_type=resolver,
                experimental_preserve_all_tensors=True,
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise OracleError(str(error)) from error
        self.inputs = [_info(entry) for entry in self._interpreter.get_input_details()]
        self.outputs = [_info(entry) for entry in self._interpreter.get_output_details()]
        self.tensors = [
            _info(entry) for entry in self._interpreter.get_tensor_details() if entry["name"]
        ]

    def operations(self, name: str) -> list[Operation]:
        """The operators of that name, such as `CONV_2D`, in order."""
        known = {info.index: info for info in self.tensors}
        return [
            Operation(
                name,
                tuple(known.get(int(index)) for index in entry["inputs"]),
                tuple(known[int(index)] for index in entry["outputs"]),
            )
            for entry in self._interpreter._get_ops_details()
            if entry["op_name"] == name
        ]

    def constant(self, info: TensorInfo) -> Array:
        """The contents of a constant tensor."""
        return self._interpreter.get_tensor(info.index)

    def reset(self) -> None:
        """Set variable tensors (the state of recurrent models) back to zero."""
        self._interpreter.reset_all_variables()

    def run(self, inputs: Inputs) -> dict[int, Array]:
        """
        The contents of all tensors by index after one inference.

        `inputs` are in the order of the model's inputs, or by name. Tensors that the interpreter
        holds no data for (temporaries of kernels, empty ones) are left out.
        """
        for info in self.inputs:
            value = inputs[info.name] if isinstance(inputs, Mapping) else inputs[_at(info, self)]
            self._interpreter.set_tensor(info.index, np.asarray(value, info.dtype))
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise OracleError(str(error)) from error
        return dict(self._contents())

    def run_outputs(self, inputs: Inputs) -> list[Array]:
        """The model's outputs, in order, after one inference."""
        tensors = self.run(inputs)
        return [tensors[info.index] for info in self.outputs]

    def _contents(self) -> Iterator[tuple[int, Array]]:
        for info in self.tensors:
            try:
                yield info.index, self._interpreter.get_tensor(info.index)
            except ValueError:
                continue


def run_reference(
    model: bytes, samples: Sequence[Inputs], *, optimised: bool = False
) -> list[dict[int, Array]]:
    """All tensors by index, one mapping for each sample; see `Reference`."""
    reference = Reference(model, optimised=optimised)
    return [reference.run(sample) for sample in samples]


def run_isolated(
    model: bytes, samples: Sequence[Inputs], *, optimised: bool = False, timeout: float = 60
) -> list[dict[int, Array]]:
    """
    `run_reference` in a child process, for models whose kernels may abort.

    Raises `OracleError` when the child died, with the last line that it printed.
    """
    request = pickle.dumps((model, samples, optimised))
    child = subprocess.run(
        [sys.executable, __file__], input=request, capture_output=True, timeout=timeout, check=False
    )
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        raise OracleError(lines[-1] if lines else f"exit status {child.returncode}")
    return cast(list[dict[int, Array]], pickle.loads(child.stdout))


def random_inputs(infos: Sequence[TensorInfo], seed: int, count: int) -> list[list[Array]]:
    """`count` samples: integers uniform over their whole type, floats normal, booleans even."""
    rng = np.random.default_rng(seed)
    return [[_random(rng, info) for info in infos] for _ in range(count)]


def smooth_inputs(infos: Sequence[TensorInfo], seed: int, count: int) -> list[list[Array]]:
    """
    `count` samples of low spatial frequency, as images and spectrograms are.

    Each axis is interpolated between a few random values, so neighbours are alike and wide parts
    of the range are reached without saturating everything.
    """
    rng = np.random.default_rng(seed)
    return [[_smooth(rng, info) for info in infos] for _ in range(count)]


def edge_inputs(infos: Sequence[TensorInfo]) -> list[list[Array]]:
    """Samples of constants: all smallest, all largest, all at the zero point."""
    edges = [(*_limits(info.dtype), info.zero_point) for info in infos]
    return [
        [np.full(info.shape, edge[i], info.dtype) for info, edge in zip(infos, edges, strict=True)]
        for i in range(3)
    ]


def _at(info: TensorInfo, reference: Reference) -> int:
    return [entry.index for entry in reference.inputs].index(info.index)


def _info(entry: Any) -> TensorInfo:
    parameters = entry["quantization_parameters"]
    return TensorInfo(
        int(entry["index"]),
        str(entry["name"]),
        tuple(int(size) for size in entry["shape"]),
        np.dtype(entry["dtype"]),
        tuple(float(scale) for scale in parameters["scales"]),
        tuple(int(point) for point in parameters["zero_points"]),
    )


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return -100.0, 100.0
    if dtype.kind == "b":
        return 0, 1
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def _random(rng: np.random.Generator, info: TensorInfo) -> Array:
    if info.dtype.kind == "f":
        return rng.normal(0, 2, info.shape).astype(info.dtype)
    if info.dtype.kind == "b":
        return rng.random(info.shape) < 0.5
    # Raw bytes are uniform over an integer type, whatever its width and sign.
    count = int(np.prod(info.shape))
    return np.frombuffer(rng.bytes(count * info.dtype.itemsize), info.dtype).reshape(info.shape)


def _smooth(rng: np.random.Generator, info: TensorInfo) -> Array:
    wave = np.zeros(info.shape)
    for axis, size in enumerate(info.shape):
        knots = rng.uniform(-1, 1, max(2, size // 4 + 1))
        line = np.interp(np.linspace(0, len(knots) - 1, size), np.arange(len(knots)), knots)
        wave = wave + line.reshape([-1 if i == axis else 1 for i in range(len(info.shape))])
    wave = wave / max(1, len(info.shape)) + rng.normal(0, 0.02, info.shape)
    low, high = _limits(info.dtype)
    if info.dtype.kind == "f":
        return (3 * wave).astype(info.dtype)
    middle, half = (low + high) / 2, (high - low) / 2
    return np.clip(np.round(middle + half * wave), low, high).astype(info.dtype)


def _serve() -> None:
    """The child's side of `run_isolated`."""
    model, samples, optimised = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(run_reference(model, samples, optimised=optimised)))


if __name__ == "__main__":
    _serve()
