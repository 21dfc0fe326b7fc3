"""
The command `nnc`: one verb for each thing that someone with a model and a board wants.

A mistake is one line on standard error and exit code 1, never a traceback. Only the module of the
verb that is used is imported, and that imports what it needs when it needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from nnc.commands import COMMANDS, load_command


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, with what may have been meant."""

    verb: argparse.ArgumentParser | None = None
    """The parser of the verb in use, whose options may have been meant."""

    def error(self, message: str) -> NoReturn:
        from nnc.passes.diagnostics import command_line_error

        raise command_line_error(self.verb or self, message)


def parser(verb: str | None) -> argparse.ArgumentParser:
    """The command line, with the arguments of one verb."""
    result = _Parser(
        prog="nnc",
        description="Compiles trained neural networks to plain C for Arm Cortex-M.",
        allow_abbrev=False,
    )
    result.add_argument("--version", action="store_true", help="print the version and exit")
    verbs = result.add_subparsers(metavar="VERB", dest="verb", title="verbs")
    for name, help_text in COMMANDS.items():
        arguments = verbs.add_parser(
            name, help=help_text, description=help_text, allow_abbrev=False
        )
        if name == verb:
            load_command(name).add_arguments(arguments)
            result.verb = arguments
    return result


def main(args: Sequence[str] | None = None) -> int:
    """The command `nnc`; returns its exit code, 1 if anything was wrong."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        lines = _explain(error)
        if lines is None:
            raise
        print(lines, file=sys.stderr)
        return 1


def _run(words: list[str]) -> int:
    verb = next((word for word in words if not word.startswith("-")), None)
    arguments = parser(verb)
    parsed = arguments.parse_args(words)
    if parsed.version:
        from importlib.metadata import version

        print(f"nnc {version('nnc')}")
        return 0
    if parsed.verb is None:
        arguments.print_help()
        return 0
    return load_command(parsed.verb).run(parsed)


def _explain(error: Exception) -> str | None:
    """What a user's mistake is shown as, a line for each problem; None for a mistake of ours."""
    from nnc.boards import UnknownCoreError
    from nnc.options import OptionError
    from nnc.passes.diagnostics import describe, one_line
    from nnc.terminal import plain
    from nnc.toolchain import ToolError

    if isinstance(error, ToolError | UnknownCoreError | OptionError):
        return f"error: {plain(one_line(str(error)))}"
    if isinstance(error, OSError) and error.filename is None:
        return f"error: {plain(error.strerror or str(error))}"
    from xdsl.utils.exceptions import DiagnosticException, ParseError

    if isinstance(error, DiagnosticException | ParseError | OSError):
        return "\n".join(plain(line) for line in describe(error).splitlines())
    return None
