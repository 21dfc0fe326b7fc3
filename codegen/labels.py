"""What the numbers of a network's outputs stand for, as tables of texts in C."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.codegen.names import comment, literal
from nnc.codegen.network import NetworkPrinter


def label_declarations(printer: NetworkPrinter) -> list[str]:
    """The tables as a header declares them."""
    lines: list[str] = []
    for symbol, what, texts in _tables(printer):
        lines += [f"/* {what} */", f"extern const char *const {symbol}[{len(texts)}];", ""]
    return lines


def label_definitions(printer: NetworkPrinter) -> list[str]:
    """The tables themselves; a program that does not use one does not contain it."""
    lines: list[str] = []
    for symbol, _, texts in _tables(printer):
        entries = [f"    {literal(text)}," for text in texts]
        lines += [f"const char *const {symbol}[{len(texts)}] = {{", *entries, "};", ""]
    return lines


def _tables(printer: NetworkPrinter) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for port in printer.of_role("output"):
        stem, name = f"{printer.name}_{port.symbol}", comment(port.name)
        if port.names:
            yield f"{stem}_names", f"What each number of {name} stands for.", port.names
        if port.classes:
            what = f"The class of each element along the last axis of {name}."
            yield f"{stem}_classes", what, port.classes
