"""Why: the compiled harness and this program talk through two files; this is our side of both.

The other side is runtime/boards/harness.c, where the formats are described. Records are read while
the program still writes them, so that nothing needs to be held longer than a sample.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

INPUT_FILE = "nnc-in.bin"
OUTPUT_FILE = "nnc-out.bin"

ABI_VERSION = 1
"""NNC_ABI_VERSION of the harness."""

OUTSIDE = 0xFFFF_FFFF
"""NNC_OUTSIDE: the offset of a tensor that is not in the arena."""

_MAGIC = 0x49434E4E
_RESET_EACH = 1
_POISON = 2
_ALL = 0xFFFF_FFFF
_WORD = struct.Struct("<I")
_REQUEST = struct.Struct("<5I")
_HEAD = struct.Struct("<IIII")
_TICKS = struct.Struct("<Q")
_NETWORK = struct.Struct("<8I")
_TENSOR = struct.Struct("<IIIfiIII")


class Record(IntEnum):
    """Tags of the output's records, `record_tag` in harness.c."""

    NETWORK = 1
    TENSOR = 2
    LAYER = 3
    CALIBRATION = 4
    LAYER_OUTPUT = 5
    LAYER_TICKS = 6
    OUTPUT = 7
    SAMPLE = 8
    FAILURE = 9
    DONE = 10


class Failure(IntEnum):
    """Why a run ended early and the program's exit status, `failure` in harness.c."""

    FILES = 60
    ABI = 61
    INPUTS = 62
    MEMORY = 63
    INIT = 64
    RUN = 65
    POINTER = 66
    GUARD = 67
    STACK = 68
    FAULT = 70


class Status(IntEnum):
    """What init and run return, `nnc_status` in nnc.h."""

    OK = 0
    ERROR_NULL = -1
    ERROR_ARENA_SIZE = -2
    ERROR_ARENA_ALIGN = -3
    ERROR_CONTEXT_ALIGN = -4
    ERROR_NOT_INITIALISED = -5
    ERROR_UNBOUND = -6
    ERROR_VALUE = -7
    ERROR_KERNEL = -8


class ElementType(IntEnum):
    """How elements are stored, `nnc_type` in nnc.h."""

    I8 = 0
    U8 = 1
    I16 = 2
    I32 = 3
    I64 = 4
    F32 = 5
    BOOL = 6
    BIN32 = 7
    U16 = 8
    U32 = 9
    U64 = 10
    F64 = 11
    F16 = 12

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type of one element in memory; that of a word for BIN32."""
        return np.dtype(_DTYPES[self])


_DTYPES = {
    ElementType.I8: "<i1",
    ElementType.U8: "<u1",
    ElementType.I16: "<i2",
    ElementType.I32: "<i4",
    ElementType.I64: "<i8",
    ElementType.F32: "<f4",
    ElementType.BOOL: "?",
    ElementType.BIN32: "<u4",
    ElementType.U16: "<u2",
    ElementType.U32: "<u4",
    ElementType.U64: "<u8",
    ElementType.F64: "<f8",
    ElementType.F16: "<f2",
}


@dataclass(frozen=True)
class TensorInfo:
    """An `nnc_tensor`: scale is 0 where values are not quantised, `size` and `offset` are bytes."""

    name: str
    type: ElementType
    shape: tuple[int, ...]
    size: int
    scale: float
    zero_point: int
    offset: int
    flags: int

    def array(self, data: bytes) -> npt.NDArray[np.generic]:
        """`data` as an array of `shape`; BIN32 words with the last axis counted in words."""
        shape = self.shape
        if self.type is ElementType.BIN32 and shape:
            shape = (*shape[:-1], -(-shape[-1] // 32))
        return np.frombuffer(data, self.type.dtype).reshape(shape)


@dataclass(frozen=True)
class LayerInfo:
    """An `nnc_layer`."""

    name: str
    op: str
    outputs: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class NetworkInfo:
    """An `nnc_network`: what the program says about the network in it."""

    name: str
    context_bytes: int
    arena_bytes: int
    arena_align: int
    has_hook: bool
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    layers: tuple[LayerInfo, ...]


@dataclass(frozen=True)
class Sample:
    """What one run of the network gave.

    `layers[i][j]` is output j of layer i, None where it has no place in the arena; empty for a
    sample that was not dumped. Ticks are of the board's timer, zero on the host.
    """

    outputs: list[bytes]
    layers: list[list[bytes | None]]
    ticks: int
    layer_ticks: list[int]


@dataclass
class Report:
    """Everything the records said so far, except samples."""

    network: NetworkInfo | None = None
    empty_run_ticks: int = 0
    empty_layer_ticks: int = 0
    failure: Failure | None = None
    detail: int = 0
    stack_bytes: int = 0
    is_done: bool = False


def write_request(
    path: Path,
    samples: Iterable[Sequence[bytes]],
    *,
    reset_each: bool,
    poison: bool,
    dumped: int | None,
) -> int:
    """Writes the file that the harness reads; returns the number of samples.

    `samples` are consumed one by one; without any, the program only prepares the network. Layers of
    the first `dumped` samples are dumped, of all when it is None. Raises ValueError when samples
    differ in the sizes of their inputs.
    """
    count = 0
    sizes: list[int] = []
    with path.open("wb") as stream:
        stream.write(bytes(_REQUEST.size))
        for sample in samples:
            got = [len(data) for data in sample]
            if count == 0:
                sizes = got
                stream.write(b"".join(_WORD.pack(size) for size in sizes))
            if got != sizes:
                raise ValueError(f"sample {count}: expected inputs of {sizes} bytes, got {got}")
            stream.writelines(sample)
            count += 1
        flags = _RESET_EACH * reset_each | _POISON * poison
        stream.seek(0)
        stream.write(
            _REQUEST.pack(_MAGIC, flags, _ALL if dumped is None else dumped, count, len(sizes))
        )
    return count


@dataclass
class _Draft:
    outputs: list[bytes] = field(default_factory=list[bytes])
    dumped: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    layer_ticks: dict[int, int] = field(default_factory=dict[int, int])


class RecordReader:
    """Reads the records of a growing file; `report` holds what is not a sample."""

    def __init__(self, stream: BinaryIO) -> None:
        """`stream` is read from where it stands; it may still be written to."""
        self.report = Report()
        self._stream = stream
        self._pending = bytearray()
        self._draft = _Draft()
        self._fields: tuple[int, ...] = ()
        self._name = ""
        self._tensors: dict[tuple[int, int], list[TensorInfo]] = {}
        self._layer_names: list[tuple[str, str]] = []

    def read(self) -> Iterator[Sample]:
        """The samples completed since the last call."""
        self._pending += self._stream.read()
        position = 0
        while len(self._pending) - position >= _HEAD.size:
            tag, first, second, size = _HEAD.unpack_from(self._pending, position)
            end = position + _HEAD.size + size
            if len(self._pending) < end:
                break
            payload = bytes(self._pending[position + _HEAD.size : end])
            position = end
            sample = self._take(Record(tag), first, second, payload)
            if sample is not None:
                yield sample
        del self._pending[:position]

    def _take(self, tag: Record, first: int, second: int, payload: bytes) -> Sample | None:
        match tag:
            case Record.NETWORK:
                self._fields = _NETWORK.unpack_from(payload)
                self._name = payload[_NETWORK.size :].decode(errors="replace")
            case Record.TENSOR:
                self._tensors.setdefault((first, second), []).append(_tensor(payload))
            case Record.LAYER:
                name, op = payload.decode(errors="replace").split("\0", 1)
                self._layer_names.append((name, op))
            case Record.CALIBRATION:
                self._calibrate(first, _ticks(payload))
            case Record.LAYER_OUTPUT:
                self._draft.dumped[first, second] = payload
            case Record.LAYER_TICKS:
                self._draft.layer_ticks[first] = _ticks(payload)
            case Record.OUTPUT:
                self._draft.outputs.append(payload)
            case Record.SAMPLE:
                return self._sample(_ticks(payload))
            case Record.FAILURE:
                self.report.network = self.report.network or self._network()
                self.report.failure = Failure(first)
                self.report.detail = second
            case Record.DONE:
                self.report.stack_bytes = _WORD.unpack(payload)[0]
                self.report.is_done = True
        return None

    def _calibrate(self, which: int, ticks: int) -> None:
        self.report.network = self._network()
        if which == 0:
            self.report.empty_run_ticks = ticks
        else:
            self.report.empty_layer_ticks = ticks

    def _network(self) -> NetworkInfo | None:
        if not self._fields:
            return None
        _, context, arena, align, inputs, outputs, _, hook = self._fields
        return NetworkInfo(
            name=self._name,
            context_bytes=context,
            arena_bytes=arena,
            arena_align=align,
            has_hook=hook != 0,
            inputs=tuple(tensor for i in range(inputs) for tensor in self._described(0, i)),
            outputs=tuple(tensor for i in range(outputs) for tensor in self._described(1, i)),
            layers=tuple(
                LayerInfo(name, op, tuple(self._described(2, i)))
                for i, (name, op) in enumerate(self._layer_names)
            ),
        )

    def _described(self, kind: int, index: int) -> list[TensorInfo]:
        return self._tensors.get((kind, index), [])

    def _sample(self, ticks: int) -> Sample:
        draft, self._draft = self._draft, _Draft()
        network = self.report.network
        assert network is not None, "the network is described before the first sample"
        layers: list[list[bytes | None]] = []
        if draft.dumped:
            layers = [
                [draft.dumped.get((i, j)) for j in range(len(layer.outputs))]
                for i, layer in enumerate(network.layers)
            ]
        counts = [draft.layer_ticks.get(i, 0) for i in range(len(network.layers))]
        return Sample(draft.outputs, layers, ticks, counts if draft.layer_ticks else [])


def _ticks(payload: bytes) -> int:
    return _TICKS.unpack(payload)[0]


def _tensor(payload: bytes) -> TensorInfo:
    kind, rank, size, scale, zero_point, offset, flags, name_bytes = _TENSOR.unpack_from(payload)
    shape = struct.unpack_from(f"<{rank}i", payload, _TENSOR.size)
    name = payload[len(payload) - name_bytes :] if name_bytes else b""
    return TensorInfo(
        name=name.decode(errors="replace"),
        type=ElementType(kind),
        shape=shape,
        size=size,
        scale=scale,
        zero_point=zero_point,
        offset=offset,
        flags=flags,
    )
