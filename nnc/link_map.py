"""Why: what a program costs in flash and RAM is decided by the linker, and its map says why.

Reads the map of GNU ld (`-Map`): every input section that is in the program, where it came from and
how large it is.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_START = "Linker script and memory map"
_OUTPUT = re.compile(r"^(\.\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)")
_NAME = re.compile(r"^ ([.\w]\S*)(?:$|\s)")
_PLACE = re.compile(r"\s0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$")


@dataclass(frozen=True)
class Piece:
    """An input section in the program: `origin` is an object file or "archive.a(member.o)".

    `size` is how many bytes further the next piece begins: padding is part of it, and strings that
    the linker merged into another piece are not.
    """

    output: str
    section: str
    origin: str
    size: int

    @property
    def archive(self) -> str | None:
        """File name of the archive it comes from ("libc_nano.a"), None for an object file."""
        found = re.match(r"(.*)\((.*)\)$", self.origin)
        return Path(found[1]).name if found else None


@dataclass(frozen=True)
class _Line:
    section: str
    address: int
    origin: str


def read_link_map(text: str) -> list[Piece]:
    """All non-empty pieces of the program that `text` describes, in the order of addresses."""
    pieces: list[Piece] = []
    lines: list[_Line] = []
    output, end = "", 0
    section = ""
    for line in text.partition(_START)[2].splitlines():
        start = _OUTPUT.match(line)
        if start:
            pieces += _measured(output, lines, end)
            output, end = start[1], int(start[2], 16) + int(start[3], 16)
            lines = []
            continue
        name = _NAME.match(line)
        section = name[1] if name else section
        place = _PLACE.search(line)
        if place and int(place[2], 16) > 0:
            lines.append(_Line(section, int(place[1], 16), place[3]))
    return pieces + _measured(output, lines, end)


def _measured(output: str, lines: list[_Line], end: int) -> list[Piece]:
    ends = [*(line.address for line in lines), end][1:]
    pieces = [
        Piece(output, line.section, line.origin, stop - line.address)
        for line, stop in zip(lines, ends, strict=True)
    ]
    return [piece for piece in pieces if piece.size > 0]
