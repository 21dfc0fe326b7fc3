"""
Reading a flatbuffer that may be broken or hostile.

Flatbuffers are meant to be trusted: the code that `flatc` generates follows whatever offsets it
finds. Here every access is checked against the end of the file, and what is read is bounded by the
size of the file, so that a small one whose offsets all lead to the same place cannot cost unbounded
time or memory. The format is described at https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_VTABLE_HEADER = struct.Struct("<HH")

_LONGEST_STRING = 4096
_MOST_TABLES = 1 << 18
_MOST_COPIED = 64 << 20
_SHARING = 4
"""How often, on average, the same bytes may be referred to."""


class FlatbufferError(Exception):
    """What does not fit, in a few words; callers turn it into their own error."""


@dataclass(frozen=True)
class Scalar:
    """A scalar type of the schema language."""

    packer: struct.Struct


BOOL = Scalar(struct.Struct("<?"))
I8 = Scalar(struct.Struct("<b"))
U8 = Scalar(struct.Struct("<B"))
I32 = Scalar(_I32)
U32 = Scalar(_U32)
I64 = Scalar(struct.Struct("<q"))
U64 = Scalar(struct.Struct("<Q"))
F32 = Scalar(struct.Struct("<f"))


class Flatbuffer:
    """
    The bytes of a file, and how much more may be read from it.

    A table takes four bytes and is referred to by four more, which bounds their number; those that
    are shared count each time.
    """

    def __init__(self, data: bytes, identifier: bytes):
        self.data = data
        self._tables_left = min(len(data) // 8, _MOST_TABLES)
        self._copies_left = min(_SHARING * len(data), _MOST_COPIED)
        if len(data) < 8:
            raise FlatbufferError(f"it has only {len(data)} bytes")
        if data[4:8] != identifier:
            raise FlatbufferError(
                f"expected the identifier {identifier.decode()} in bytes 4 to 8, got {data[4:8]!r}"
            )

    def enter_table(self) -> None:
        """Counts a table. Raises FlatbufferError after too many."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise FlatbufferError("it has too many tables for its size")

    def copy(self, size: int) -> None:
        """Counts bytes that are taken out of the file. Raises FlatbufferError after too many."""
        self._copies_left -= size
        if self._copies_left < 0:
            raise FlatbufferError("it refers to the same bytes again and again")

    def root(self) -> Table:
        """The table that everything else hangs from. Raises FlatbufferError."""
        return Table(self, self.follow(0))

    def check(self, position: int, size: int) -> None:
        """Raises FlatbufferError unless `size` bytes at `position` lie within the file."""
        if position < 0 or size > len(self.data) - position:
            raise FlatbufferError(
                f"{size} bytes at offset {position} are not within its {len(self.data)} bytes"
            )

    def follow(self, position: int) -> int:
        """Where the forward offset at `position` leads. Raises FlatbufferError."""
        self.check(position, 4)
        (offset,) = _U32.unpack_from(self.data, position)
        target = position + offset
        if offset == 0:
            raise FlatbufferError(f"the offset at {position} leads nowhere")
        self.check(target, 4)
        return target

    def vector(self, position: int, item: int) -> tuple[int, int]:
        """Start and length of the vector, of items of `item` bytes, that an offset leads to."""
        start = self.follow(position) + 4
        (count,) = _U32.unpack_from(self.data, start - 4)
        self.check(start, count * item)
        return start, count


class Table:
    """
    One table: fields by slot number, in the order of the schema, absent ones at their defaults.

    All methods raise FlatbufferError when the field does not lie within the file.
    """

    __slots__ = ("_buffer", "_fields", "_position", "_size")

    def __init__(self, buffer: Flatbuffer, position: int):
        buffer.enter_table()
        buffer.check(position, 4)
        vtable = position - _I32.unpack_from(buffer.data, position)[0]
        buffer.check(vtable, 4)
        vtable_size, self._size = _VTABLE_HEADER.unpack_from(buffer.data, vtable)
        if vtable_size < 4 or vtable_size % 2 or self._size < 4:
            raise FlatbufferError(f"the table at offset {position} has no valid field table")
        buffer.check(vtable, vtable_size)
        buffer.check(position, self._size)
        self._fields: tuple[int, ...] = struct.unpack_from(
            f"<{(vtable_size - 4) // 2}H", buffer.data, vtable + 4
        )
        self._buffer = buffer
        self._position = position

    def _field(self, slot: int, size: int) -> int | None:
        offset = self._fields[slot] if slot < len(self._fields) else 0
        if offset == 0:
            return None
        if offset < 4 or offset + size > self._size:
            raise FlatbufferError(
                f"field {slot} of the table at offset {self._position} lies outside of it"
            )
        return self._position + offset

    def scalar(self, slot: int, kind: Scalar, default: float = 0) -> float:
        """A number of any kind."""
        position = self._field(slot, kind.packer.size)
        if position is None:
            return default
        return kind.packer.unpack_from(self._buffer.data, position)[0]

    def integer(self, slot: int, kind: Scalar, default: int = 0) -> int:
        """A number of an integer kind."""
        return int(self.scalar(slot, kind, default))

    def flag(self, slot: int, default: bool = False) -> bool:
        """A truth value; any byte but 0 is true."""
        return bool(self.scalar(slot, U8, default))

    def has(self, slot: int) -> bool:
        """Whether the file gives the field."""
        return self._field(slot, 1) is not None

    def array(self, slot: int, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
        """A vector of numbers, a view of the file; absent vectors are empty."""
        kind = np.dtype(dtype)
        position = self._field(slot, 4)
        if position is None:
            return np.empty(0, kind)
        start, count = self._buffer.vector(position, kind.itemsize)
        self._buffer.copy(count * kind.itemsize)
        return np.frombuffer(self._buffer.data, kind, count, start)

    def integers(self, slot: int, dtype: npt.DTypeLike, longest: int) -> tuple[int, ...]:
        """A vector of at most `longest` integers."""
        array = self.array(slot, dtype)
        if array.size > longest:
            raise FlatbufferError(f"expected at most {longest} numbers, got {array.size}")
        return tuple(array.tolist())

    def string(self, slot: int, default: str = "") -> str:
        """
        A string in ASCII, anything else escaped as Python does (`\\xe9`): xDSL can print other
        characters, but does not read them back.
        """
        position = self._field(slot, 4)
        if position is None:
            return default
        start, count = self._buffer.vector(position, 1)
        if count > _LONGEST_STRING:
            raise FlatbufferError(
                f"expected strings of at most {_LONGEST_STRING} bytes, got {count}"
            )
        self._buffer.copy(count)
        text = self._buffer.data[start : start + count].decode(errors="backslashreplace")
        return text.encode("ascii", errors="backslashreplace").decode()

    def extent(self, slot: int) -> tuple[int, int] | None:
        """Start and length of a vector of bytes, None when absent."""
        position = self._field(slot, 4)
        return None if position is None else self._buffer.vector(position, 1)

    def table(self, slot: int) -> Table | None:
        """A table that this one refers to, None when absent."""
        position = self._field(slot, 4)
        return None if position is None else Table(self._buffer, self._buffer.follow(position))

    def tables(self, slot: int, limit: int) -> list[Table]:
        """A vector of at most `limit` tables; absent ones are empty."""
        position = self._field(slot, 4)
        if position is None:
            return []
        start, count = self._buffer.vector(position, 4)
        if count > limit:
            raise FlatbufferError(f"expected at most {limit} tables in a vector, got {count}")
        return [
            Table(self._buffer, self._buffer.follow(start + 4 * index)) for index in range(count)
        ]
