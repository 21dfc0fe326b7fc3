"""
What an `nn` op is: a class that states its meaning once.

`evaluate` is the reference semantics in numpy, `lower` the same thing as a loop nest. Ops whose
output elements are independent of each other (`PointwiseOp`) state neither: they give one scalar
program for one output element, from which both follow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, cast

import numpy as np
from typing_extensions import TypeVar
from xdsl.dialects.builtin import MemRefType
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, irdl_attr_definition, traits_def
from xdsl.traits import Pure

from nnc.dialects.nn.algebra import INDEX, Number, NumpyScalar, Scalar
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.types import (
    Array,
    element_of,
    is_unsigned,
    numpy_dtype,
    scalar_type,
    shape_of,
)
from nnc.dialects.utils import Rounding


@irdl_attr_definition
class RoundingAttr(EnumAttribute[Rounding], SpacedOpaqueSyntaxAttribute):
    """`#nn<rounding double>`: how a quantised op requantises; set by the importer."""

    name = "nn.rounding"


S = TypeVar("S", bound=Scalar)


class Elements(ABC, Generic[S]):
    """What a scalar program can ask of the execution that it runs in."""

    @abstractmethod
    def constant(self, value: Number, kind: Attribute) -> S:
        """A scalar constant."""

    @abstractmethod
    def load(self, operand: int, index: Sequence[S]) -> S:
        """
        One stored element of an operand of the op: a storage integer, a float, or an `i1` for
        booleans and (set for -1) binary values.
        """

    @abstractmethod
    def lookup(self, values: Array, element: Attribute, index: Sequence[S]) -> S:
        """An element of a constant table. The same array object is one table."""

    @abstractmethod
    def widen(self, value: S, element: Attribute, kind: Attribute) -> S:
        """A stored integer as a wider one, respecting whether the tensor's type is unsigned."""

    @abstractmethod
    def choose(self, condition: S, if_true: Callable[[], S], if_false: Callable[[], S]) -> S:
        """
        The value of one of two programs of which only the chosen one may run: what it loads need
        exist only where it is chosen.
        """


class NumpyElements(Elements[NumpyScalar]):
    """Runs a scalar program for all output elements at once."""

    def __init__(self, op: IRDLOperation, arrays: Sequence[Array]):
        self.op = op
        self.arrays = arrays
        self._chosen: Array | None = None

    def constant(self, value: Number, kind: Attribute) -> NumpyScalar:
        return NumpyScalar(0, kind).constant(value, kind)

    def load(self, operand: int, index: Sequence[NumpyScalar]) -> NumpyScalar:
        values = self.arrays[operand]
        positions = tuple(
            self._inside(i.array, extent) for i, extent in zip(index, values.shape, strict=True)
        )
        return NumpyScalar(values[positions], scalar_type(element_of(self.op.operands[operand])))

    def _inside(self, position: Array, extent: int) -> Array:
        """Positions that exist; where a load does not count, any that does."""
        outside = (position < 0) | (position >= extent)
        if self._chosen is not None and outside.any():
            assert not (outside & self._chosen).any(), "a load outside the tensor"
            return np.clip(position, 0, extent - 1)
        assert not outside.any(), "a load outside the tensor"
        return position

    def lookup(
        self, values: Array, element: Attribute, index: Sequence[NumpyScalar]
    ) -> NumpyScalar:
        return NumpyScalar(values[tuple(i.array for i in index)], element)

    def widen(self, value: NumpyScalar, element: Attribute, kind: Attribute) -> NumpyScalar:
        return value if value.type == kind else value.to(kind, unsigned=is_unsigned(element))

    def choose(
        self,
        condition: NumpyScalar,
        if_true: Callable[[], NumpyScalar],
        if_false: Callable[[], NumpyScalar],
    ) -> NumpyScalar:
        before = True if self._chosen is None else self._chosen
        results: list[NumpyScalar] = []
        for chosen, program in ((condition.array, if_true), (~condition.array, if_false)):
            self._chosen, outer = np.asarray(chosen & before), self._chosen
            results.append(program())
            self._chosen = outer
        return condition.select(*results)


def grid(shape: Sequence[int]) -> list[NumpyScalar]:
    """Index scalars that together run over a shape, as open (broadcasting) grids."""
    return [
        NumpyScalar(
            np.arange(n).reshape([-1 if k == axis else 1 for k in range(len(shape))]), INDEX
        )
        for axis, n in enumerate(shape)
    ]


class NnOp(IRDLOperation, ABC):
    """An operation of the canonical dialect: tensors in, tensors out, no side effect."""

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "operands attr-dict `:` functional-type(operands, results)"

    BINARY: ClassVar[bool] = False
    """Whether operands and results may be binary (`!nn.bin`)."""

    PER_AXIS: ClassVar[tuple[str, ...]] = ()
    """The operands that may be quantised per axis."""

    @abstractmethod
    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        """The results for arrays in the dtypes of `numpy_dtype`, one for each operand."""

    @abstractmethod
    def lower(self, b: LoopBuilder) -> None:
        """Builds the loops that compute all results, in `b.outputs`, from `b.inputs`."""

    def scratch(self) -> Sequence[MemRefType[Attribute]]:
        """Buffers that the loops of `lower` need beside inputs and outputs."""
        return ()

    def macs(self) -> int:
        """Multiply-accumulate operations of the layer as people count them."""
        return 0

    def interned(self, values: Array) -> Array:
        """The same array object for equal parameters, so that they become one table."""
        tables = cast(dict[bytes, Array], vars(self).setdefault("_tables", {}))
        return tables.setdefault(values.dtype.str.encode() + values.tobytes(), values)

    @property
    def kind(self) -> str:
        """The op's name without the dialect."""
        return self.name.removeprefix("nn.")


class PointwiseOp(NnOp, ABC):
    """An op that computes each output element by itself, from any elements of its inputs."""

    @abstractmethod
    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        """The element at `index` of result number `result`, as it is stored."""

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        context = NumpyElements(self, inputs)
        outputs: list[Array] = []
        for number, result in enumerate(self.results):
            shape = shape_of(result)
            values = self.element(context, grid(shape), number).array
            dtype = numpy_dtype(element_of(result))
            stored = values.view(dtype) if values.dtype.itemsize == dtype.itemsize else values
            outputs.append(np.array(np.broadcast_to(stored.astype(dtype, copy=False), shape)))
        return tuple(outputs)

    def lower(self, b: LoopBuilder) -> None:
        context = LoopElements(b)
        for number, output in enumerate(b.outputs):
            b.produce(output, lambda index, n=number: self.element(context, index, n))


class ElementwiseOp(PointwiseOp, ABC):
    """A pointwise op of inputs that broadcast to the output's shape, as in numpy."""

    @abstractmethod
    def body(self, b: Elements[S], *values: S) -> S:
        """The output element from one element of each input, as stored."""

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        values = [
            b.load(k, broadcast_index(b, index, shape_of(operand)))
            for k, operand in enumerate(self.operands)
        ]
        return self.body(b, *values)

    def lower(self, b: LoopBuilder) -> None:
        (output,) = b.outputs
        same = all(
            operand.shape == output.shape and operand.packed == output.packed
            for operand in b.inputs
        )
        if same and not output.packed:
            b.inputs = [b.flat(operand) for operand in b.inputs]
            context = LoopElements(b)
            b.produce(
                b.flat(output),
                lambda index: self.body(context, *(b.load(operand, index) for operand in b.inputs)),
            )
            return
        super().lower(b)


def broadcast_index(b: Elements[S], index: Sequence[S], shape: Sequence[int]) -> list[S]:
    """The index into an operand of `shape` that broadcasts to the output indexed by `index`."""
    aligned = index[len(index) - len(shape) :]
    return [b.constant(0, INDEX) if n == 1 else i for i, n in zip(aligned, shape, strict=True)]


class LoopElements(Elements[Any]):
    """Runs a scalar program as the body of a loop nest."""

    def __init__(self, builder: LoopBuilder):
        self.builder = builder

    def constant(self, value: Number, kind: Attribute) -> Any:
        return self.builder.constant(value, kind)

    def load(self, operand: int, index: Sequence[Any]) -> Any:
        return self.builder.load(self.builder.inputs[operand], index)

    def lookup(self, values: Array, element: Attribute, index: Sequence[Any]) -> Any:
        return self.builder.load(self.builder.table(values, element), index)

    def widen(self, value: Any, element: Attribute, kind: Attribute) -> Any:
        return self.builder.widen(value, element, kind)

    def choose(
        self, condition: Any, if_true: Callable[[], Any], if_false: Callable[[], Any]
    ) -> Any:
        return self.builder.choose(condition, if_true, if_false)
