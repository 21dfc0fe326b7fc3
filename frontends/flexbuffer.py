"""
Reading the flexbuffer of a custom operator's options: one map from names to numbers.

A flexbuffer has no schema; its last two bytes say what it holds, and everything is found backwards
from there. As with flatbuffers, nothing in it is trusted. The format is described at
https://flatbuffers.dev/internals/ (FlexBuffers).
"""

from __future__ import annotations

from nnc.frontends.flatbuffer import FlatbufferError

_INT, _UINT, _MAP, _BOOL = 1, 2, 9, 26
_WIDTHS = (1, 2, 4, 8)
_MOST_ENTRIES = 64


def read_integers(data: bytes) -> dict[str, int]:
    """
    The map that a flexbuffer holds, whose values must be integers or truth values.

    Raises FlatbufferError for anything else, and for what does not lie within the bytes.
    """
    if len(data) < 3:
        raise FlatbufferError(f"expected options of at least 3 bytes, got {len(data)}")
    reader = _Reader(data)
    root_width = data[-1]
    kind, width = divmod(data[-2], 4)
    if root_width not in _WIDTHS or kind != _MAP:
        raise FlatbufferError("expected options that are a map of integers")
    return reader.map(reader.backwards(len(data) - 2 - root_width, root_width), _WIDTHS[width])


class _Reader:
    def __init__(self, data: bytes):
        self.data = data

    def number(self, position: int, width: int, *, signed: bool = False) -> int:
        """A number of that many bytes."""
        if position < 0 or position + width > len(self.data):
            raise FlatbufferError(f"{width} bytes at {position} are not within the options")
        return int.from_bytes(self.data[position : position + width], "little", signed=signed)

    def backwards(self, position: int, width: int) -> int:
        """Where the offset at a position leads."""
        return position - self.number(position, width)

    def map(self, position: int, width: int) -> dict[str, int]:
        """Keys and values of the map whose values start at a position."""
        count = self.number(position - width, width)
        key_width = self.number(position - 2 * width, width)
        keys = self.backwards(position - 3 * width, width)
        if count > _MOST_ENTRIES or key_width not in _WIDTHS:
            raise FlatbufferError(f"expected at most {_MOST_ENTRIES} options, got {count}")
        found: dict[str, int] = {}
        for index in range(count):
            kind = self.number(position + count * width + index, 1) >> 2
            if kind not in (_INT, _UINT, _BOOL):
                raise FlatbufferError("expected options that are integers")
            name = self._key(self.backwards(keys + index * key_width, key_width))
            place = position + index * width
            found[name] = self.number(place, width, signed=kind == _INT)
        return found

    def _key(self, position: int) -> str:
        end = self.data.find(b"\0", position) if position >= 0 else -1
        if end < 0:
            raise FlatbufferError("the name of an option does not end")
        return self.data[position:end].decode("ascii", errors="backslashreplace")
