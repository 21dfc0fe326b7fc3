"""
Finds the pass that changes what a network computes.

A miscompilation shows in the last output, far from the pass that caused it. Here the module is
executed before and after each pass, on the same inputs, and the results are compared layer by
layer. How a module of some level is executed is not known here: the driver says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException

from nnc.agreement import ABSOLUTE_OPS, disagreements
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn.interpreter import Run, layer_names
from nnc.dialects.types import Array

Execute = Callable[[ModuleOp], Sequence[Run] | None]
"""What a module gives for each sample, or None for one that cannot be executed as it is."""


class ChangedResultError(DiagnosticException):
    """A pass changed what the network computes; the message names the pass and the first layer."""


class CheckEach:
    """
    A callback of `PassPipeline` that raises `ChangedResultError` after a pass that changes results.

    Integers must be equal and floats in agreement (`nnc.agreement`), for the outputs and for every
    layer that has the same name, shape and type before and after the pass. Passes between two
    modules that can be executed are checked together; `unchecked` names, after the last pass, those
    before or after which there was no module to execute.
    """

    def __init__(self, execute: Execute):
        self.execute = execute
        self.unchecked: list[str] = []
        self._known: Sequence[Run] | None = None
        self._pending: list[str] = []

    def __call__(
        self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        """Executes the module and compares it with what it was before `previous`."""
        if previous is not None:
            self._pending.append(previous.name)
        results = self.execute(module)
        if results is None:
            self.unchecked += self._pending if following is None else []
            return
        passes, self._pending = self._pending, []
        before, self._known = self._known, results
        if before is None:
            self.unchecked += passes
            return
        for number, (old, new) in enumerate(zip(before, results, strict=True)):
            difference = next(_differences(old, new, module), None)
            if difference is not None:
                raise ChangedResultError(
                    f"{_blamed(passes)} changes results, in sample {number}: {difference}"
                )


def _blamed(passes: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in passes]
    return f"pass {quoted[0]}" if len(quoted) == 1 else f"one of the passes {', '.join(quoted)}"


def _differences(old: Run, new: Run, module: ModuleOp) -> Iterator[str]:
    """What differs in one sample, in the order of execution."""
    operations = _operations(module)
    for name, array in new.layers.items():
        op = operations.get(name)
        before = old.layers.get(name)
        before = None if before is None else new.like(name, before)
        if before is not None and _comparable(before, array):
            kind = op.name if op is not None else "gone"
            kind = f"{kind} {op.title}" if isinstance(op, KernelOp) else kind
            yield from _difference(f'layer "{name}" ({kind})', before, array, _is_bounded(kind))
    if len(old.outputs) != len(new.outputs):
        yield f"{len(old.outputs)} outputs before, {len(new.outputs)} after"
        return
    for number, (before, after) in enumerate(zip(old.outputs, new.outputs, strict=True)):
        if not _comparable(before, after):
            yield f"output {number} is {_kind(before)} before, {_kind(after)} after"
        else:
            yield from _difference(f"output {number}", before, after, False)


def _difference(what: str, before: Array, after: Array, bounded: bool) -> Iterator[str]:
    wrong = disagreements(after, before, bounded)
    if not wrong.any():
        return
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    yield (
        f"{what}: {np.count_nonzero(wrong)} of {wrong.size} elements differ, first at "
        f"{list(place)}: {before[place]} before, {after[place]} after"
    )


def _operations(module: ModuleOp) -> dict[str, Operation]:
    """The last operation of each layer, by its name."""
    return {
        name: op
        for op in module.walk()
        if op.results or isinstance(op, KernelOp)
        for name in layer_names(op.location)
    }


def _is_bounded(kind: str) -> bool:
    return kind.rpartition(".")[2].rpartition(" ")[2] in ABSOLUTE_OPS


def _comparable(before: Array, after: Array) -> bool:
    return (before.shape, before.dtype) == (after.shape, after.dtype)


def _kind(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"
