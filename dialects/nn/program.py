"""
Ops that compute buffer by buffer, in steps: the second kind of op that states its meaning once.

`PointwiseOp`s compute each output element by itself. Recurrent layers and run-time quantisation do
not: they reduce whole rows, keep intermediate results and repeat over time. Such an op gives one
program over numbered buffers, of which numpy runs each step for all elements at once and the loop
lowering makes a loop nest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import MemRefType, TensorType, i1
from xdsl.ir import Attribute

from nnc.dialects.kernel.memory import storage_of
from nnc.dialects.nn.algebra import INDEX, NumpyScalar, is_float
from nnc.dialects.nn.base import Elements, LoopElements, NnOp, NumpyElements, S
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.types import (
    Array,
    element_of,
    memory_type,
    numpy_dtype,
    scalar_type,
    shape_of,
)

Span = int | tuple[int, int]
"""The indices of a loop: below an extent, or from one number to below another."""


class Program(Elements[S], ABC):
    """
    What a program can ask of the execution that it runs in.

    Buffers are numbered: the op's operands, then its results, then its temporaries. `load` reads
    any of them. Loops may be nested; what an iteration of `for_each` stores, no other one may read.
    """

    @abstractmethod
    def store(self, buffer: int, index: Sequence[S], value: S) -> None:
        """Stores an element, in its storage type."""

    @abstractmethod
    def copy(self, source: int, target: int) -> None:
        """Copies an operand to a result of its type; nothing where both are in one place."""

    @abstractmethod
    def for_each(self, spans: Sequence[Span], body: Callable[[list[S]], None]) -> None:
        """Runs `body` for all indices, in any order or at once."""

    @abstractmethod
    def repeat(self, count: int, body: Callable[[S], None]) -> None:
        """Runs `body` for 0, 1, ..., one after the other."""

    @abstractmethod
    def repeat_while(self, count: int, body: Callable[[S], S]) -> None:
        """
        Runs `body` for 0, 1, ..., at most `count` times, until its result, an `i1`, is false. Where
        outer loops run at once, it goes on until that is false everywhere, so it must leave what is
        finished as it is.
        """

    @abstractmethod
    def sum(self, extent: int, kind: Attribute, term: Callable[[S], S]) -> S:
        """
        The sum of the terms 0 to `extent`, all of type `kind`. Integers wrap; numpy adds floats in
        double precision, loops one after the other.
        """

    @abstractmethod
    def extreme(self, name: str, extent: int, initial: S, term: Callable[[S], S]) -> S:
        """The smallest (`min`) or largest (`max`) of `initial` and the terms 0 to `extent`."""


class ProgramOp(NnOp, ABC):
    """An op that is a program over its operands, results and temporaries."""

    @abstractmethod
    def run(self, p: Program[S]) -> None:
        """The program."""

    def temporaries(self) -> Sequence[TensorType[Attribute]]:
        """The tensors that the program needs beside operands and results."""
        return ()

    def overwrites(self) -> Sequence[tuple[int, int]]:
        """
        Pairs (operand, result) of one type of which the result may take the operand's place in
        memory: the program reads nothing of the operand that it has overwritten by then.
        """
        return ()

    def scratch(self) -> Sequence[MemRefType[Attribute]]:
        return [memory_type(tensor) for tensor in self.temporaries()]

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        outputs = [_empty(result.type) for result in self.results]
        scratch = [_empty(tensor) for tensor in self.temporaries()]
        self.run(NumpyProgram(self, [*inputs, *outputs, *scratch]))
        return tuple(outputs)

    def lower(self, b: LoopBuilder) -> None:
        self.run(LoopProgram(b, self.temporaries()))


def _empty(tensor: Attribute) -> Array:
    return np.zeros(shape_of(tensor), numpy_dtype(element_of(tensor)))


class NumpyProgram(NumpyElements, Program[NumpyScalar]):
    """
    Runs each step for all elements at once. The indices of a loop are open grids on new leading
    axes, so that values of outer loops broadcast.
    """

    def __init__(self, op: ProgramOp, arrays: Sequence[Array]):
        super().__init__(op, arrays)
        tensors = [*op.operand_types, *op.result_types, *op.temporaries()]
        self._elements = [element_of(tensor) for tensor in tensors]
        self._rank = 0

    def load(self, operand: int, index: Sequence[NumpyScalar]) -> NumpyScalar:
        positions = tuple(i.array for i in index)
        return NumpyScalar(self.arrays[operand][positions], scalar_type(self._elements[operand]))

    def store(self, buffer: int, index: Sequence[NumpyScalar], value: NumpyScalar) -> None:
        dtype = numpy_dtype(self._elements[buffer])
        assert value.array.dtype.itemsize == dtype.itemsize, f"{value.type} stored as {dtype}"
        self.arrays[buffer][tuple(i.array for i in index)] = value.array.view(dtype)

    def copy(self, source: int, target: int) -> None:
        self.arrays[target][...] = self.arrays[source]

    def for_each(self, spans: Sequence[Span], body: Callable[[list[NumpyScalar]], None]) -> None:
        ranges = [range(span) if isinstance(span, int) else range(*span) for span in spans]
        outer, self._rank = self._rank, self._rank + len(ranges)
        body(
            [
                NumpyScalar(_axis(values, self._rank, axis), INDEX)
                for axis, values in enumerate(ranges)
            ]
        )
        self._rank = outer

    def repeat(self, count: int, body: Callable[[NumpyScalar], None]) -> None:
        for number in range(count):
            body(NumpyScalar(number, INDEX))

    def repeat_while(self, count: int, body: Callable[[NumpyScalar], NumpyScalar]) -> None:
        for number in range(count):
            if not body(NumpyScalar(number, INDEX)).array.any():
                break

    def sum(
        self, extent: int, kind: Attribute, term: Callable[[NumpyScalar], NumpyScalar]
    ) -> NumpyScalar:
        terms = self._terms(extent, term)
        wide = np.float64 if is_float(kind) else np.int64
        return NumpyScalar(terms.sum(axis=0, dtype=wide).astype(numpy_dtype(kind)), kind)

    def extreme(
        self,
        name: str,
        extent: int,
        initial: NumpyScalar,
        term: Callable[[NumpyScalar], NumpyScalar],
    ) -> NumpyScalar:
        terms = self._terms(extent, term)
        best = terms.min(axis=0) if name == "min" else terms.max(axis=0)
        return initial.binary(name, NumpyScalar(best, initial.type))

    def _terms(self, extent: int, term: Callable[[NumpyScalar], NumpyScalar]) -> Array:
        """All terms, along the first axis."""
        self._rank += 1
        index = _axis(range(extent), self._rank, 0)
        values = term(NumpyScalar(index, INDEX)).array
        self._rank -= 1
        return np.broadcast_to(values, np.broadcast_shapes(values.shape, index.shape))


def _axis(values: range, rank: int, axis: int) -> Array:
    shape = [1] * rank
    shape[axis] = len(values)
    return np.arange(values.start, values.stop).reshape(shape)


class LoopProgram(LoopElements, Program[IRScalar]):
    """Makes the loop nest of a program."""

    def __init__(self, builder: LoopBuilder, temporaries: Sequence[TensorType[Attribute]]):
        super().__init__(builder)
        scratch = zip(builder.scratch, temporaries, strict=True)
        self.buffers = [
            *builder.inputs,
            *builder.outputs,
            *(Operand(memory, tensor) for memory, tensor in scratch),
        ]

    def load(self, operand: int, index: Sequence[IRScalar]) -> IRScalar:
        return self.builder.load(self.buffers[operand], index)

    def store(self, buffer: int, index: Sequence[IRScalar], value: IRScalar) -> None:
        self.builder.store(self.buffers[buffer], index, value)

    def copy(self, source: int, target: int) -> None:
        nest, operands = self.builder.nest, len(self.builder.inputs)
        memory = nest.inputs[source], nest.outputs[target - operands]
        if storage_of(memory[0]) is not storage_of(memory[1]):
            self.builder.copy(self.buffers[source], self.buffers[target])

    def for_each(self, spans: Sequence[Span], body: Callable[[list[IRScalar]], None]) -> None:
        def nest(outer: list[IRScalar], rest: Sequence[Span]) -> None:
            if not rest:
                body(outer)
                return
            low, high = (0, rest[0]) if isinstance(rest[0], int) else rest[0]
            if high - low == 1:
                nest([*outer, self.builder.index(low)], rest[1:])
                return
            self.builder.loop(low, high, lambda i: nest([*outer, i], rest[1:]))

        nest([], spans)

    def repeat(self, count: int, body: Callable[[IRScalar], None]) -> None:
        self.for_each([count], lambda index: body(index[0]))

    def repeat_while(self, count: int, body: Callable[[IRScalar], IRScalar]) -> None:
        b = self.builder

        def step(index: IRScalar, goes_on: list[IRScalar]) -> list[IRScalar]:
            return [b.choose(goes_on[0], lambda: body(index), lambda: b.constant(0, i1))]

        b.fold(0, count, [b.constant(1, i1)], step)

    def sum(self, extent: int, kind: Attribute, term: Callable[[IRScalar], IRScalar]) -> IRScalar:
        b = self.builder
        return b.reduce([(0, extent)], b.constant(0, kind), lambda total, at: total + term(at[0]))

    def extreme(
        self, name: str, extent: int, initial: IRScalar, term: Callable[[IRScalar], IRScalar]
    ) -> IRScalar:
        return self.builder.reduce(
            [(0, extent)], initial, lambda best, at: best.binary(name, term(at[0]))
        )
