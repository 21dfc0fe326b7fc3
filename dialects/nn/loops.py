"""
The loop nest of one layer: buffers, loops over them, and `IRScalar`s inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.builder import Builder
from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import (
    MemRefType,
    TensorType,
    i1,
    i8,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint

from nnc.dialects.kernel.memory import ConstantOp, ViewOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn.algebra import INDEX, Number
from nnc.dialects.nn.ir_scalar import Cursor, IRScalar, make_constant
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    BITS_PER_WORD,
    Array,
    BinType,
    dense_attribute,
    element_of,
    is_unsigned,
    memory_type,
    shape_of,
)

__all__ = ["IRScalar", "Index", "LoopBuilder", "Operand"]


@dataclass(frozen=True)
class Operand:
    """A buffer of the nest together with the tensor type whose values it holds."""

    memory: SSAValue
    tensor: Attribute

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape (not the memory's, which packs binary channels)."""
        return shape_of(self.tensor)

    @property
    def element(self) -> Attribute:
        """The tensor's element type, quantisation included."""
        return element_of(self.tensor)

    @property
    def packed(self) -> bool:
        """Whether the memory holds words of 32 binary channels."""
        return isinstance(self.element, BinType)


Index = Sequence[IRScalar]


_INDEX_NAMES = {1: ("i",), 2: ("n", "c"), 3: ("n", "x", "c"), 4: ("n", "y", "x", "c")}
"""What the indices of a tensor are called, by its rank."""


class LoopBuilder:
    """
    Builds the body of one `kernel.nest`.

    `inputs` and `outputs` are the layer's tensors, in the order of the op's operands and results.
    Constants that the lowering makes (tables of multipliers, of functions) become further inputs
    of the nest.
    """

    def __init__(self, nest: NestOp, inputs: Sequence[Attribute], outputs: Sequence[Attribute]):
        self.nest = nest
        args = nest.body.block.args
        split, end = len(inputs), len(inputs) + len(outputs)
        self.inputs = [Operand(a, t) for a, t in zip(args[:split], inputs, strict=True)]
        self.outputs = [Operand(a, t) for a, t in zip(args[split:end], outputs, strict=True)]
        self.scratch = list(args[end:])
        block = nest.body.block
        self.cursor = Cursor(Builder(InsertPoint.at_end(block)), block)
        self._tables: dict[int, tuple[Array, Operand]] = {}

    def _insert(self, op: Operation) -> IRScalar:
        return IRScalar(self.cursor.builder.insert(op).results[0], self.cursor)

    def constant(self, value: Number, kind: Attribute) -> IRScalar:
        """A scalar constant."""
        return make_constant(self.cursor, value, kind)

    def index(self, value: int) -> IRScalar:
        """A constant index."""
        return make_constant(self.cursor, value, INDEX)

    def as_index(self, value: IRScalar | int) -> IRScalar:
        """An index that may be known already."""
        return value if isinstance(value, IRScalar) else self.index(value)

    def table(self, values: Array, element: Attribute) -> Operand:
        """Read-only data of the layer, an array of any shape. One array object is one table."""
        known = self._tables.get(id(values))
        if known is not None:
            return known[1]
        operand = self._new_table(values, element)
        self._tables[id(values)] = values, operand
        return operand

    def _new_table(self, values: Array, element: Attribute) -> Operand:
        attribute = dense_attribute(np.asarray(values), element)
        tensor = attribute.type
        constant = ConstantOp(attribute, memory_type(tensor))
        constant.location = self.nest.location
        parent = self.nest.parent_block()
        assert parent is not None
        parent.insert_op_before(constant, self.nest)
        constant.result.name_hint = "table"
        argument = self.nest.add_input(constant.result)
        argument.name_hint = "table"
        return Operand(argument, tensor)

    def reshaped(self, operand: Operand, shape: Sequence[int]) -> Operand:
        """The operand, which is not packed, as one of as many elements in another shape."""
        if operand.shape == tuple(shape):
            return operand
        assert isinstance(operand.memory.type, MemRefType)
        kind = MemRefType(operand.memory.type.element_type, list(shape))
        view = self.cursor.builder.insert(ViewOp(operand.memory, 0, kind))
        return Operand(view.result, TensorType(operand.element, list(shape)))

    def flat(self, operand: Operand) -> Operand:
        """The operand as one long row, for layers to which its shape does not matter."""
        assert isinstance(operand.memory.type, MemRefType)
        count = 1
        for extent in operand.memory.type.get_shape():
            count *= extent
        return operand if len(operand.shape) == 1 else self.reshaped(operand, [count])

    def words(self, operand: Operand) -> Operand:
        """A packed operand as a tensor of its words."""
        kind = operand.memory.type
        assert operand.packed and isinstance(kind, MemRefType), "only binary tensors have words"
        return Operand(operand.memory, TensorType(kind.element_type, kind.get_shape()))

    def load(self, operand: Operand, index: Index) -> IRScalar:
        """
        One stored element: the storage integer or float; `i1` for booleans and, as a bit that is
        set for -1, for binary tensors.
        """
        element = operand.element
        if isinstance(element, BinType):
            *outer, channel = index
            word = self._load(operand.memory, [*outer, channel // BITS_PER_WORD])
            bit = (channel % BITS_PER_WORD).to(i32)
            shifted = self._insert(arith.ShRUIOp(word.value, bit.value))
            return (shifted & 1).to(i1)
        value = self._load(operand.memory, index)
        if element == i1:
            return value.ne(0)
        if isinstance(element, UniformQuantizedType):
            narrow = (element.storage_min, element.storage_max)
            low, high = value.range
            if low <= narrow[0] and narrow[1] <= high:
                value.bounds = narrow
        return value

    def widen(self, value: IRScalar, element: Attribute, kind: Attribute = i32) -> IRScalar:
        """A stored integer as a wider one, respecting whether the tensor's type is unsigned."""
        if value.type == kind:
            return value
        return value.to(kind, unsigned=is_unsigned(element))

    def _load(self, memory: SSAValue, index: Index) -> IRScalar:
        return self._insert(memref.LoadOp.get(memory, [i.value for i in index]))

    def store(self, operand: Operand, index: Index, value: IRScalar) -> None:
        """Stores one element; those of a binary tensor are `put` or `produce`d."""
        assert not isinstance(operand.element, BinType), "binary elements are stored by words"
        if operand.element == i1:
            value = value.to(i8)
        op = memref.StoreOp.get(value.value, operand.memory, [i.value for i in index])
        self.cursor.builder.insert(op)

    def put(self, operand: Operand, index: Index, value: IRScalar) -> None:
        """`store` that also sets single elements of a binary tensor."""
        if not operand.packed:
            self.store(operand, index, value)
            return
        *outer, channel = index
        place = [*outer, channel // BITS_PER_WORD]
        shift = (channel % BITS_PER_WORD).to(i32)
        others = (self.constant(1, i32) << shift) ^ -1
        word = self._load(operand.memory, place) & others
        self._store_word(operand, place, word | (value.to(i32) << shift))

    def clear(self, operand: Operand) -> None:
        """Sets all words of a binary tensor to 0, all its elements to +1."""
        assert operand.packed, "only binary tensors are cleared"
        *outer, channels = operand.shape
        words = [*outer, -(-channels // BITS_PER_WORD)]
        zero = self.constant(0, i32)
        self.for_each(words, lambda index: self._store_word(operand, index, zero))

    def _store_word(self, operand: Operand, index: Index, word: IRScalar) -> None:
        op = memref.StoreOp.get(word.value, operand.memory, [i.value for i in index])
        self.cursor.builder.insert(op)

    def produce(self, operand: Operand, element: Callable[[list[IRScalar]], IRScalar]) -> None:
        """Computes and stores every element of a tensor; binary ones word by word."""
        names = _INDEX_NAMES.get(len(operand.shape), ())
        if not operand.packed:
            self.for_each(operand.shape, lambda i: self.store(operand, i, element(i)), names)
            return
        *outer, channels = operand.shape
        words = -(-channels // BITS_PER_WORD)

        def word(index: list[IRScalar]) -> None:
            first = index[-1] * BITS_PER_WORD
            count = self.index(channels) - first
            value = self.reduce(
                [(0, count.min(BITS_PER_WORD))],
                self.constant(0, i32),
                lambda so_far, k: (
                    so_far | (element([*index[:-1], first + k[0]]).to(i32) << k[0].to(i32))
                ),
            )
            self._store_word(operand, index, value)

        self.for_each([*outer, words], word, (*names[:-1], "word"))

    def copy(self, source: Operand, target: Operand) -> None:
        """Copies a tensor of the same type, word by word if it is packed."""

        def whole(operand: Operand) -> Operand:
            kind = operand.memory.type
            assert isinstance(kind, MemRefType)
            tensor = TensorType(kind.element_type, kind.get_shape())
            return self.flat(Operand(operand.memory, tensor))

        flat = whole(source)
        self.produce(whole(target), lambda index: self.load(flat, index))

    def for_each(
        self,
        extents: Sequence[int],
        body: Callable[[list[IRScalar]], None],
        names: Sequence[str] = (),
    ) -> None:
        """
        Loops over all indices below `extents`, the last fastest. Extents of 1 make no loop. `names`
        are what a reader may call the indices.
        """

        def nest(outer: list[IRScalar], rest: Sequence[int]) -> None:
            if not rest:
                body(outer)
                return
            if rest[0] == 1:
                nest([*outer, self.index(0)], rest[1:])
                return
            name = names[len(outer)] if len(outer) < len(names) else None
            self.loop(0, rest[0], lambda i: nest([*outer, i], rest[1:]), name)

        nest([], extents)

    def loop(
        self,
        low: IRScalar | int,
        high: IRScalar | int,
        body: Callable[[IRScalar], None],
        name: str | None = None,
    ) -> None:
        """One loop from `low` to below `high`."""

        def run(index: IRScalar, _: list[IRScalar]) -> Sequence[IRScalar]:
            body(index)
            return ()

        self.fold(low, high, (), run, name)

    def fold(
        self,
        low: IRScalar | int,
        high: IRScalar | int,
        initial: Sequence[IRScalar],
        body: Callable[[IRScalar, list[IRScalar]], Sequence[IRScalar]],
        name: str | None = None,
    ) -> list[IRScalar]:
        """A loop that carries values; `body` gets the index and the values and returns the next."""
        low, high = self.as_index(low), self.as_index(high)
        step = self.index(1)
        block = Block(arg_types=[INDEX, *(value.type for value in initial)])
        block.args[0].name_hint = name
        op = scf.ForOp(low.value, high.value, step.value, [v.value for v in initial], Region(block))
        self.cursor.builder.insert(op)
        outer, self.cursor.builder = self.cursor.builder, Builder(InsertPoint.at_end(block))
        induction = IRScalar(
            block.args[0], self.cursor, (low.range[0], max(low.range[0], high.range[1] - 1))
        )
        carried = [IRScalar(arg, self.cursor) for arg in block.args[1:]]
        results = body(induction, carried)
        self.cursor.builder.insert(scf.YieldOp(*(value.value for value in results)))
        self.cursor.builder = outer
        return [IRScalar(result, self.cursor) for result in op.results]

    def reduce(
        self,
        bounds: Sequence[tuple[IRScalar | int, IRScalar | int]],
        initial: IRScalar,
        body: Callable[[IRScalar, list[IRScalar]], IRScalar],
        names: Sequence[str] = (),
    ) -> IRScalar:
        """Folds one value over a nest of loops; `body` gets the value so far and the indices."""

        def nest(value: IRScalar, outer: list[IRScalar]) -> IRScalar:
            if len(outer) == len(bounds):
                return body(value, outer)
            low, high = bounds[len(outer)]
            if (low, high) == (0, 1):
                return nest(value, [*outer, self.index(0)])
            name = names[len(outer)] if len(outer) < len(names) else None
            return self.fold(low, high, [value], lambda i, v: [nest(v[0], [*outer, i])], name)[0]

        return nest(initial, [])

    def repeat_while(
        self,
        initial: Sequence[IRScalar],
        condition: Callable[[list[IRScalar]], IRScalar],
        body: Callable[[list[IRScalar]], Sequence[IRScalar]],
    ) -> list[IRScalar]:
        """
        A loop that carries values as long as a condition on them, which must not read memory,
        holds; `body` gets the values and returns the next.
        """
        types = [value.type for value in initial]
        blocks = Block(arg_types=types), Block(arg_types=types)
        carried = [[IRScalar(arg, self.cursor) for arg in block.args] for block in blocks]
        outer = self.cursor.builder
        self.cursor.builder = Builder(InsertPoint.at_end(blocks[0]))
        holds = condition(carried[0])
        self.cursor.builder.insert(scf.ConditionOp(holds.value, *blocks[0].args))
        self.cursor.builder = Builder(InsertPoint.at_end(blocks[1]))
        results = body(carried[1])
        self.cursor.builder.insert(scf.YieldOp(*(value.value for value in results)))
        self.cursor.builder = outer
        given = [value.value for value in initial]
        op = scf.WhileOp(given, types, Region(blocks[0]), Region(blocks[1]))
        outer.insert(op)
        return [IRScalar(result, self.cursor) for result in op.results]

    def when(self, condition: IRScalar, body: Callable[[], None]) -> None:
        """Runs `body` if the `i1` is set."""
        block = Block()
        op = scf.IfOp(condition.value, [], Region(block), Region())
        self.cursor.builder.insert(op)
        outer, self.cursor.builder = self.cursor.builder, Builder(InsertPoint.at_end(block))
        body()
        self.cursor.builder.insert(scf.YieldOp())
        self.cursor.builder = outer

    def choose(
        self,
        condition: IRScalar,
        if_true: Callable[[], IRScalar],
        if_false: Callable[[], IRScalar],
    ) -> IRScalar:
        """The value of one of two computations of which only the chosen one runs."""
        blocks = Block(), Block()
        outer = self.cursor.builder
        results: list[IRScalar] = []
        for block, body in zip(blocks, (if_true, if_false), strict=True):
            self.cursor.builder = Builder(InsertPoint.at_end(block))
            results.append(body())
            self.cursor.builder.insert(scf.YieldOp(results[-1].value))
        self.cursor.builder = outer
        op = scf.IfOp(condition.value, [results[0].type], Region(blocks[0]), Region(blocks[1]))
        self.cursor.builder.insert(op)
        return IRScalar(op.results[0], self.cursor)
