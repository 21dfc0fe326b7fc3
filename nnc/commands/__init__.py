"""
The verbs of `nnc`, found by name: the verb `bench-kernels` is `nnc.commands.bench_kernels`.

Nothing is imported before a verb is looked up.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Protocol, cast

COMMANDS = {
    "compile": "write a network as C, with a CMake project and a report",
    "run": "run a network on this machine or on an emulated core",
    "validate": "compare every layer of a network with its original",
    "bench": "measure what models cost on emulated cores",
    "bench-kernels": "measure what single layers cost on emulated cores",
    "ops": "list the operators that are supported, and in which types",
}
"""Every verb, with what it does; a new one is one more entry here."""


class Command(Protocol):
    """What the module of a verb has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the verb's own arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Does it; returns the exit code."""
        ...


def load_command(name: str) -> Command:
    """The module of a verb, which must be one of `COMMANDS`."""
    return cast(Command, import_module(f"{__name__}.{name.replace('-', '_')}"))
