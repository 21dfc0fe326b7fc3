"""
The bytes of a `.tflite` file as plain records, checked so far that nobody after this need doubt
an index: every tensor, buffer, operator code and subgraph that a record mentions exists.

Semantics follow `interpreter_builder.cc` of LiteRT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntAttr
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from nnc.frontends.flatbuffer import (
    I8,
    I32,
    U8,
    U32,
    U64,
    Flatbuffer,
    FlatbufferError,
    Table,
)
from nnc.frontends.tflite_schema import BUILTIN_OPERATORS, CUSTOM, options_of

LARGEST_FILE = 256 << 20
"""Bytes of a file; the largest flash of a Cortex-M is a small fraction of it."""

_MOST_SUBGRAPHS = 1024
_MOST_RECORDS = 65536
_MOST_OPERANDS = 4096
_HIGHEST_RANK = 8
_SCHEMA_VERSION = 3

NO_TENSOR = -1
"""The index that stands for an operand left out."""


@dataclass(frozen=True)
class Extent:
    """A stretch of the file: where it starts, and its length in bytes."""

    start: int
    size: int


@dataclass(frozen=True)
class Quantization:
    """Scales, zero points and axis as in the file; `details` is the kind of another scheme."""

    scales: npt.NDArray[np.generic]
    zero_points: npt.NDArray[np.generic]
    axis: int
    details: int


@dataclass(frozen=True)
class Tensor:
    """
    A tensor of a subgraph. `signature` has -1 for dimensions unknown before run time and is empty
    when they are those of `shape`; `data` is where a constant's elements lie.
    """

    index: int
    name: str
    type: int
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    data: Extent | None
    quantization: Quantization | None
    is_variable: bool
    is_sparse: bool
    is_external: bool

    @property
    def is_constant(self) -> bool:
        """Whether the elements are in the file."""
        return self.data is not None


@dataclass(frozen=True)
class Operator:
    """
    One operator: its schema name (for CUSTOM also its own), tensors by index, options by property.

    `bad_options` says what is wrong with the options, if anything is.
    """

    name: str
    custom_code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    options: Mapping[str, Attribute]
    bad_options: str | None
    custom_options: Extent

    @property
    def subgraphs(self) -> tuple[int, ...]:
        """The numbers of the subgraphs that it runs."""
        return tuple(o.data for o in self.options.values() if isa(o, IntAttr))


@dataclass(frozen=True)
class Subgraph:
    """A function: tensors, and the operators in the order in which they run."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class Signature:
    """Other names for the inputs and outputs of a subgraph, as pairs of name and tensor."""

    key: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Model:
    """A whole file; `data` is its bytes, which extents refer to."""

    data: bytes = field(repr=False)
    description: str
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...]


def read_model(data: bytes) -> Model:
    """The records of a `.tflite` file. Raises FlatbufferError when they are not what they say."""
    if len(data) > LARGEST_FILE:
        raise FlatbufferError(f"expected at most {LARGEST_FILE} bytes, got {len(data)}")
    return _Reader(data).read()


class _Reader:
    """Walks the tables of one file; slot numbers are those of `schema.fbs`."""

    def __init__(self, data: bytes):
        self.data = data
        self.buffers: list[Extent | None] = []
        self.codes: list[tuple[str, str]] = []

    def read(self) -> Model:
        root = Flatbuffer(self.data, b"TFL3").root()
        version = root.integer(0, U32)
        if version != _SCHEMA_VERSION:
            raise FlatbufferError(f"expected schema version {_SCHEMA_VERSION}, got {version}")
        self.codes = [self._code(table) for table in root.tables(1, _MOST_RECORDS)]
        self.buffers = [self._buffer(table) for table in root.tables(4, _MOST_RECORDS)]
        subgraphs = [
            self._subgraph(index, table)
            for index, table in enumerate(root.tables(2, _MOST_SUBGRAPHS))
        ]
        if not subgraphs:
            raise FlatbufferError("it has no subgraph")
        for subgraph in subgraphs:
            _check_calls(subgraph, len(subgraphs))
        signatures = [
            self._signature(table, subgraphs) for table in root.tables(7, _MOST_SUBGRAPHS)
        ]
        return Model(self.data, root.string(3), tuple(subgraphs), tuple(signatures))

    def _code(self, table: Table) -> tuple[str, str]:
        # The first 127 codes once had to fit a byte; newer writers fill both fields.
        code = max(table.integer(0, I8), table.integer(3, I32))
        if not 0 <= code < len(BUILTIN_OPERATORS):
            raise FlatbufferError(f"operator code {code} does not exist")
        return BUILTIN_OPERATORS[code], table.string(1) if code == CUSTOM else ""

    def _buffer(self, table: Table) -> Extent | None:
        # Files beyond 2 GB put the data behind the flatbuffer; an offset of 0 or 1 means none.
        offset, size = table.integer(1, U64), table.integer(2, U64)
        if offset > 1:
            return self._region(offset, size)
        extent = table.extent(0)
        return Extent(*extent) if extent is not None and extent[1] > 0 else None

    def _region(self, offset: int, size: int) -> Extent:
        if offset + size > len(self.data):
            raise FlatbufferError(
                f"{size} bytes at offset {offset} are not within its {len(self.data)} bytes"
            )
        return Extent(offset, size)

    def _subgraph(self, index: int, table: Table) -> Subgraph:
        tensors = tuple(
            self._tensor(number, tensor)
            for number, tensor in enumerate(table.tables(0, _MOST_RECORDS))
        )
        inputs = table.integers(1, "<i4", _MOST_OPERANDS)
        outputs = table.integers(2, "<i4", _MOST_OPERANDS)
        _check_indices((*inputs, *outputs), range(len(tensors)), f"subgraph {index}")
        operators = tuple(
            self._operator(operator, len(tensors)) for operator in table.tables(3, _MOST_RECORDS)
        )
        return Subgraph(index, table.string(4), tensors, inputs, outputs, operators)

    def _tensor(self, index: int, table: Table) -> Tensor:
        shape = table.integers(0, "<i4", _HIGHEST_RANK)
        signature = table.integers(7, "<i4", _HIGHEST_RANK)
        name = table.string(3) or f"tensor_{index}"
        if signature and len(signature) != len(shape):
            raise FlatbufferError(f"tensor {name} has shape {shape} but signature {signature}")
        if any(size < -1 for size in (*shape, *signature)):
            raise FlatbufferError(f"tensor {name} has shape {shape}, signature {signature}")
        if -1 in shape:
            # Before there were signatures, unknown dimensions were written into the shape.
            signature = signature or shape
            shape = tuple(1 if size < 0 else size for size in shape)
        buffer = table.integer(2, U32)
        if buffer >= len(self.buffers) and buffer != 0:
            raise FlatbufferError(f"tensor {name} refers to buffer {buffer}, which does not exist")
        return Tensor(
            index,
            name,
            table.integer(1, I8),
            shape,
            signature,
            # Buffer 0 is empty by convention.
            self.buffers[buffer] if buffer != 0 else None,
            _quantization(table.table(4)),
            is_variable=table.flag(5),
            is_sparse=table.has(6),
            is_external=table.integer(10, U32) != 0,
        )

    def _operator(self, table: Table, tensors: int) -> Operator:
        code = table.integer(0, U32)
        if code >= len(self.codes):
            raise FlatbufferError(f"operator code number {code} does not exist")
        name, custom_code = self.codes[code]
        inputs = table.integers(1, "<i4", _MOST_OPERANDS)
        outputs = table.integers(2, "<i4", _MOST_OPERANDS)
        intermediates = table.integers(8, "<i4", _MOST_OPERANDS)
        _check_indices(inputs, range(NO_TENSOR, tensors), name)
        _check_indices((*outputs, *intermediates), range(tensors), name)
        options, bad = _options(name, table)
        return Operator(
            name,
            custom_code,
            inputs,
            outputs,
            intermediates,
            options,
            bad,
            self._custom_options(table),
        )

    def _custom_options(self, table: Table) -> Extent:
        offset, size = table.integer(9, U64), table.integer(10, U64)
        if offset > 1:
            return self._region(offset, size)
        return Extent(*(table.extent(5) or (0, 0)))

    def _signature(self, table: Table, subgraphs: list[Subgraph]) -> Signature:
        number = table.integer(4, U32)
        if number >= len(subgraphs):
            raise FlatbufferError(f"a signature refers to subgraph {number}")
        maps = [
            tuple(
                (row.string(0), row.integer(1, U32)) for row in table.tables(slot, _MOST_OPERANDS)
            )
            for slot in (0, 1)
        ]
        tensors = range(len(subgraphs[number].tensors))
        _check_indices((index for rows in maps for _, index in rows), tensors, "a signature")
        return Signature(table.string(2), number, *maps)


def _check_indices(indices: Iterable[int], allowed: range, what: str) -> None:
    for index in indices:
        if index not in allowed:
            raise FlatbufferError(f"{what} refers to tensor {index}, which does not exist")


def _check_calls(subgraph: Subgraph, count: int) -> None:
    for operator in subgraph.operators:
        _check_callees(operator, count)


def _check_callees(operator: Operator, count: int) -> None:
    for callee in operator.subgraphs:
        if not 0 <= callee < count:
            raise FlatbufferError(
                f"{operator.name} refers to subgraph {callee}, which does not exist"
            )


def _quantization(table: Table | None) -> Quantization | None:
    if table is None:
        return None
    return Quantization(
        table.array(2, "<f4"), table.array(3, "<i8"), table.integer(6, I32), table.integer(4, U8)
    )


def _options(operator: str, table: Table) -> tuple[dict[str, Attribute], str | None]:
    """The options of an operator by property, or what is wrong with them."""
    found = options_of(operator)
    if found is None:
        return {}, None
    row, fields = found
    type_slot, slot = (11, 12) if row.second else (3, 4)
    number = table.integer(type_slot, U8)
    options = table.table(slot) if number != 0 else None
    if options is None:
        return {}, None
    if number != row.number:
        return {}, f"expected options of type {row.number} ({row.name}), got type {number}"
    try:
        return {f.name: f.read(options, slot) for slot, f in fields.items()}, None
    except FlatbufferError as error:
        return {}, str(error)
