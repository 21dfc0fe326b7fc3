"""
What the commands say, and where: results on standard output, everything else on standard error.

Names come from model files, so they are text to be shown and never markup or escape sequences.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager

_NARROWEST = 16
"""Columns that a column which is shortened keeps."""

_WIDEST = 4096
_PIPE_WIDTH = 240
"""Columns of a table that is not shown on a terminal: nothing is cut off there."""

Step = Callable[[int, int], None]
"""Called with what is done and the total."""


def plain(text: str) -> str:
    """The text on one line, without characters that a terminal acts on."""
    return "".join(c if c.isprintable() else " " for c in text)


def count(number: int, what: str) -> str:
    """`1 layer`, `2 layers`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def short(name: str) -> str:
    """A layer's name for a table: converters join the names of all layers that they fused."""
    return name.partition(";")[0]


def say(text: str) -> None:
    """One line of a result."""
    print(plain(text))


def note(text: str) -> None:
    """One line that is not the result."""
    print(plain(text), file=sys.stderr)


def print_table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    flexible: int | None = None,
) -> None:
    """
    A table on standard output whose first `left` columns are text and the others numbers.

    The column `flexible` is shortened where a terminal is too narrow; if that is not enough, the
    terminal breaks lines, and no number is cut off.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[plain(cell) for cell in row] for row in rows]
    table = Table(title=Text(plain(title)), title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.pad_edge = False
    for position, name in enumerate(head):
        width = max(len(row[position]) for row in [head, *cells])
        table.add_column(
            Text(name),
            justify="left" if position < left else "right",
            no_wrap=True,
            overflow="ellipsis",
            min_width=min(width, _NARROWEST) if position == flexible else width,
        )
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    wanted = console.width if console.is_terminal else _PIPE_WIDTH
    console.width = _WIDEST
    console.width = max(wanted, console.measure(table).minimum)
    console.print(table)


@contextmanager
def progress(what: str) -> Generator[Step]:
    """While active, shows how far something is, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, Elapsed(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(plain(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
