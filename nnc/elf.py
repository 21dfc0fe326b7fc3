"""Why: sizes and faults are explained by what the linker wrote into the program."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection


@dataclass(frozen=True)
class Symbol:
    """A symbol of an ELF file: `kind` is "STT_FUNC", "STT_OBJECT", ...; size in bytes."""

    name: str
    address: int
    size: int
    kind: str


def symbols(path: Path) -> list[Symbol]:
    """All symbols of an ELF file; empty when it was stripped."""
    with path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return []
        return list(_symbols(table))


def _symbols(table: SymbolTableSection) -> Iterator[Symbol]:
    for it in table.iter_symbols():
        yield Symbol(it.name, it["st_value"], it["st_size"], it["st_info"]["type"])


def function_at(path: Path, address: int) -> str | None:
    """Name of the function that contains a code address (its Thumb bit does not matter)."""
    place = address & ~1
    for symbol in symbols(path):
        start = symbol.address & ~1
        if symbol.kind == "STT_FUNC" and start <= place < start + symbol.size:
            return symbol.name
    return None
