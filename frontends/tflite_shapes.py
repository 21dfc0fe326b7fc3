"""
Which dimensions of a model's tensors can be believed.

A converter writes 1 into `shape` wherever it does not know a dimension, and -1 into
`shape_signature`. As in TFLite the static shape counts, with these exceptions: an input whose
unknown dimension is not just the batch must be given a shape, and where tensors hang on a shape
that changed or was never known their dimensions are left open (`?`) for shape inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from nnc.frontends.errors import Problem
from nnc.frontends.tflite_model import Model, Operator, Subgraph, Tensor

_HINT_SIZE = 96
"""What stands for a dimension in the hint, 3 being the number of channels of a colour image."""

_BATCH = frozenset((0,))

_LARGEST_DIMENSION = (1 << 31) - 1


@dataclass(frozen=True)
class Shapes:
    """The main function with its inputs' shapes settled, and each tensor's open dimensions."""

    main: Subgraph
    dynamic: Mapping[int, frozenset[int]]
    changed: bool
    problems: tuple[Problem, ...]


def settle_shapes(model: Model, shapes: Mapping[str, Sequence[int]]) -> Shapes:
    """
    The main function's shapes, given those that the user wants for inputs, by name.

    An input may be called by its tensor's name or by that of a signature.
    """
    main = model.subgraphs[0]
    names = _input_names(model)
    known = {name for options in names.values() for name in options}
    problems = [
        Problem(f'there is no input "{name}"', remedy=f"the inputs are {', '.join(sorted(known))}")
        for name in shapes
        if name not in known
    ]
    tensors = list(main.tensors)
    changed: set[int] = set()
    for index in dict.fromkeys(main.inputs):
        tensor = main.tensors[index]
        wanted = next((tuple(shapes[n]) for n in names[index] if n in shapes), None)
        problem = _check_input(tensor, wanted)
        if problem is not None:
            problems.append(problem)
        elif wanted is not None and wanted != tensor.shape:
            tensors[index] = replace(tensor, shape=wanted)
            changed.add(index)
    main = replace(main, tensors=tuple(tensors))
    return Shapes(main, _Trust(main, changed).dynamic(), bool(changed), tuple(problems))


def open_dimensions(tensor: Tensor) -> frozenset[int]:
    """The dimensions of a tensor that its signature says are unknown."""
    return frozenset(d for d, size in enumerate(tensor.signature) if size < 0)


def _input_names(model: Model) -> dict[int, list[str]]:
    main = model.subgraphs[0]
    names = {index: [main.tensors[index].name] for index in main.inputs}
    for signature in model.signatures:
        for name, index in signature.inputs if signature.subgraph == main.index else ():
            if index in names:
                names[index].append(name)
    return names


def _check_input(tensor: Tensor, wanted: tuple[int, ...] | None) -> Problem | None:
    """What is wrong with the shape an input has, or is to have."""
    if wanted is None:
        return _check_static(tensor)
    if any(not 0 < size <= _LARGEST_DIMENSION for size in wanted):
        return Problem(
            f"expected a shape of positive sizes, got {_text(wanted)}", tensor.name, "input"
        )
    signature = tensor.signature or ((-1,) * len(tensor.shape))
    if len(signature) == 0:
        return None
    fits = len(wanted) == len(signature) and all(
        size in (-1, new) for size, new in zip(signature, wanted, strict=True)
    )
    if fits:
        return None
    expected = ",".join("?" if size < 0 else str(size) for size in signature)
    return Problem(f"expected the shape {expected}, got {_text(wanted)}", tensor.name, "input")


def _check_static(tensor: Tensor) -> Problem | None:
    """Refuses an input of which more than the batch is unknown."""
    unknown = [d for d in open_dimensions(tensor) if d != 0 and tensor.shape[d] <= 1]
    if not unknown and 0 not in tensor.shape:
        return None
    guess = list(tensor.shape)
    for d in {*unknown, *(d for d, size in enumerate(guess) if size == 0)}:
        guess[d] = _HINT_SIZE if 0 < d < len(guess) - 1 else 3 if d else 1
    return Problem(
        "its shape is not known before run time",
        tensor.name,
        "input",
        f"give one, for example --shape {tensor.name}={_text(guess)}",
    )


def _text(shape: Sequence[int]) -> str:
    return ",".join(str(size) for size in shape)


class _Trust:
    """Follows the operators of a function and tells stale or unknown dimensions from sound ones."""

    def __init__(self, subgraph: Subgraph, changed: set[int]):
        self.subgraph = subgraph
        self.stale = set(changed)
        # Of these only the batch is unknown, and it is taken to be the 1 of the static shape.
        self.batched = {i for i in subgraph.inputs if self._batch_only(subgraph.tensors[i])}

    def dynamic(self) -> dict[int, frozenset[int]]:
        """The open dimensions of each tensor that has any."""
        found: dict[int, frozenset[int]] = {}
        for operator in self.subgraph.operators:
            found.update(self._outputs(operator))
        return {index: dimensions for index, dimensions in found.items() if dimensions}

    def _outputs(self, operator: Operator) -> dict[int, frozenset[int]]:
        outputs = [self.subgraph.tensors[index] for index in operator.outputs]
        if not self.stale.isdisjoint(operator.inputs):
            self.stale.update(operator.outputs)
            return {output.index: frozenset(range(len(output.shape))) for output in outputs}
        source = next((i for i in operator.inputs if i in self.batched), None)
        return {output.index: self._dimensions(operator, source, output) for output in outputs}

    def _dimensions(self, operator: Operator, source: int | None, output: Tensor) -> frozenset[int]:
        if source is None or not self._batch_only(output):
            return open_dimensions(output)
        # A reshape that moves other dimensions into the batch is not described by its 1.
        count = prod(self.subgraph.tensors[source].shape)
        if operator.name == "RESHAPE" and count != prod(output.shape):
            return open_dimensions(output)
        self.batched.add(output.index)
        return frozenset()

    @staticmethod
    def _batch_only(tensor: Tensor) -> bool:
        return open_dimensions(tensor) == _BATCH and tensor.shape[0] == 1
