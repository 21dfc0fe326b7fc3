"""
One line for each thing that went wrong.

xDSL reports an error by printing the whole module around it, weights included, below a Python
traceback. Whoever made the mistake needs three things: where, what, and what would have worked.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NoReturn

from xdsl.dialects.builtin import (
    ArrayAttr,
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    LocationAttr,
    ModuleOp,
    NameLoc,
)
from xdsl.ir import Attribute, IRNode, Operation
from xdsl.utils.diagnostic import Diagnostic
from xdsl.utils.exceptions import (
    ArgSpecParseError,
    DiagnosticException,
    ParseError,
    VerifyException,
)

_LONGEST = 400
"""Characters of one message that are shown; an xDSL constraint error may quote whole constants."""

_MOST_LINES = 200
"""Lines of one error that are shown."""


class UsageError(DiagnosticException):
    """What was asked on the command line cannot be done; the message says what could."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` with the nearest of the known names, or nothing if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def command_line_error(parser: argparse.ArgumentParser, message: str) -> UsageError:
    """What argparse complains about, with the nearest choice or option there is."""
    if choice := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
        known = re.findall(r"[^', ]+", choice[2])
        hint = suggestion(choice[1], known) or f"; known are {', '.join(known)}"
        message = f"{message[: choice.start()]}unknown '{choice[1]}'{hint}"
    if unknown := re.search(r"unrecognized arguments: (-[^\s=]+)", message):
        options = re.findall(r"(?<!\S)--?[a-z-]+", parser.format_help())
        message = f"unknown option '{unknown[1]}'{suggestion(unknown[1], options)}"
    return UsageError(message)


def place(location: LocationAttr) -> str | None:
    """A location as a reader wants it: `file:line:col`, or the name of a layer; None if unknown."""
    match location:
        case FileLineColLoc():
            return f"{location.filename.data}:{location.line.data}:{location.column.data}"
        case NameLoc():
            return f'layer "{location.desc.data}"'
        case CallSiteLoc():
            return _first_place(location.callee, location.caller)
        case FusedLoc(locations=ArrayAttr(data=parts)):
            return _first_place(*parts)
        case _:
            return None


def _first_place(*parts: Attribute) -> str | None:
    places = (place(part) for part in parts if isinstance(part, LocationAttr))
    return next((found for found in places if found), None)


def place_of(op: Operation) -> str | None:
    """Where the operation, or else the nearest one around it, comes from."""
    around: Operation | None = op
    while around is not None:
        if found := place(around.location):
            return found
        around = around.parent_op()
    return None


def one_line(message: str) -> str:
    """The message without line breaks or long constants."""
    message = re.sub(r"(0x[0-9A-F]{16})[0-9A-F]+", r"\1...", " ".join(message.split()))
    return message if len(message) <= _LONGEST else message[:_LONGEST] + "..."


@contextmanager
def located_errors() -> Generator[None]:
    """While active, an error that xDSL attaches to an operation carries one line, not a module."""
    original = Diagnostic.raise_exception
    Diagnostic.raise_exception = _raise_with_place
    try:
        yield
    finally:
        Diagnostic.raise_exception = original


def _raise_with_place(self: Diagnostic, ir: IRNode, underlying_error: Exception) -> NoReturn:
    for op, messages in self.op_messages.items():
        message = messages[-1].removeprefix("Operation does not verify: ")
        where = place_of(op) or "error"
        underlying_error.add_note(f"{where}: '{op.name}': {one_line(message)}")
    raise underlying_error


@contextmanager
def concerning(op: Operation) -> Generator[None]:
    """While active, an error without a place is said to be about an operation."""
    try:
        yield
    except DiagnosticException as error:
        if not getattr(error, "__notes__", None):
            error.add_note(f"{place_of(op) or 'error'}: '{op.name}': {one_line(str(error))}")
        raise


class VerificationError(DiagnosticException):
    """Every operation of a module that does not verify; the text has one line for each."""

    def __init__(self, lines: Sequence[str]):
        shown = list(lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            shown.append(f"... and {len(lines) - _MOST_LINES} more")
        super().__init__("\n".join(shown))


def verify(module: ModuleOp) -> None:
    """
    Verifies a module. Raises VerificationError with everything that is wrong, where xDSL would stop
    at the first operation.
    """
    try:
        module.verify()
    except VerifyException as first:
        lines = [line for op in module.walk() if (line := _complaint(op)) is not None]
        raise VerificationError(lines or [describe(first)]) from first


def _complaint(op: Operation) -> str | None:
    """What is wrong with an operation itself."""
    try:
        with located_errors():
            op.verify(verify_nested_ops=False)
    except VerifyException as error:
        notes = getattr(error, "__notes__", None)
        return notes[0] if notes else f"{place_of(op) or 'error'}: {one_line(str(error))}"
    return None


def describe(error: Exception | ArgSpecParseError) -> str:
    """
    The error as it is shown, one line for each problem.

    Errors of our own (a frontend's, a level's contract) know how to say what they mean and are
    shown as they are.
    """
    if isinstance(error, ParseError):
        return f"{error.span.get_location()}: {one_line(error.msg)}"
    if isinstance(error, ArgSpecParseError):
        lines = str(error).splitlines()
        return f"{lines[1].strip()}: {lines[-1].strip()}"
    if notes := getattr(error, "__notes__", None):
        return notes[0]
    if isinstance(error, OSError):
        return f"error: {error.filename}: {error.strerror}"
    if isinstance(error, UsageError) or type(error).__module__.startswith("xdsl."):
        return f"error: {one_line(str(error))}"
    return str(error)
