"""
The commands that the documents show, and what they print.

In Markdown, an indented block whose first line starts with `$ ` shows commands with their output,
without its empty lines. Run as `.venv/bin/python tools/shown_output.py README.md`, this runs them
in order and writes down what they print now. The tests run the same commands, but do not compare
numbers, which change with every compiler (`tests/project/test_documents.py`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
INDENT = "    "
PROMPT = f"{INDENT}$ "
_COLUMNS = "100"


@dataclass(frozen=True)
class Shown:
    """A command of a document and the lines that it is shown to print."""

    command: str
    output: tuple[str, ...]


def shown(text: str) -> list[Shown]:
    """The commands of a document, in order."""
    return [
        Shown(command, tuple(line.removeprefix(INDENT) for line in lines))
        for block in _blocks(text)
        for command, lines in _split(block)
    ]


def _blocks(text: str) -> list[list[str]]:
    """The lines of each indented block that starts with a prompt."""
    pattern = re.compile(rf"^{re.escape(PROMPT)}.*(?:\n{INDENT}.*)*", re.MULTILINE)
    return [found[0].splitlines() for found in pattern.finditer(text)]


def _split(block: list[str]) -> list[tuple[str, list[str]]]:
    parts: list[tuple[str, list[str]]] = []
    for line in block:
        if line.startswith(PROMPT):
            parts.append((line.removeprefix(PROMPT), []))
        else:
            parts[-1][1].append(line)
    return parts


def run(command: str, folder: Path) -> tuple[int, str]:
    """Runs a command line in a folder; its exit code, and both its outputs as one text."""
    environment = {**os.environ, "COLUMNS": _COLUMNS}
    environment.pop("CMSIS_NN_ROOT", None)
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


def refreshed(text: str, folder: Path) -> str:
    """The document with what its commands print now."""
    for block in _blocks(text):
        lines: list[str] = []
        for command, _ in _split(block):
            print(f"$ {command}", flush=True)
            lines += [f"{PROMPT}{command}", *_indented(run(command, folder)[1])]
        text = text.replace("\n".join(block), "\n".join(lines), 1)
    return text


def _indented(output: str) -> list[str]:
    lines = [f"{INDENT}{line}".rstrip() for line in output.strip("\n").splitlines()]
    return [line for line in lines if line]


def main() -> None:
    """Refreshes the documents named on the command line."""
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(refreshed(path.read_text(encoding="utf-8"), ROOT), encoding="utf-8")


if __name__ == "__main__":
    main()
