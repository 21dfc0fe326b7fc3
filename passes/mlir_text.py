"""
Reading and printing modules as text, with two things xDSL's own parser and printer lack.

What is read knows its line and column, so that an error found later can say where it comes from.
What is printed leaves weights out unless they are asked for: a network's weights are megabytes that
nobody reads.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from io import StringIO

from xdsl.context import Context
from xdsl.dialects.builtin import (
    AnyFloat,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    FileLineColLoc,
    IntAttr,
    LocationAttr,
    ModuleOp,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, Operation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.syntax_printer import SyntaxPrinter
from xdsl.utils.exceptions import ParseError, VerifyException
from xdsl.utils.hints import isa

from nnc.passes.diagnostics import UsageError, suggestion

ELIDED = "__elided__"
"""The name, as in MLIR, of a constant that was left out of the text."""

LARGEST_CONSTANT_PRINTED = 16
"""The number of elements up to which a constant is always printed in full."""


class LocatedParser(Parser):
    """A parser whose operations carry file, line and column unless the text says otherwise."""

    def __init__(self, context: Context, text: str, name: str, line_offset: int = 0):
        super().__init__(context, text, name)
        self._file = StringAttr(name)
        self._line_offset = line_offset
        self._operation_start = 0
        self._stated_location: LocationAttr | None = None
        self._line_starts = [0, *(i + 1 for i, letter in enumerate(text) if letter == "\n")]

    def parse_operation(self) -> Operation:
        self._operation_start = position = self.pos
        try:
            op = super().parse_operation()
        except VerifyException as error:
            self.raise_error(str(error), position)
        if self._stated_location is None:
            op.location = self._location(position)
        return op

    def parse_optional_location(self) -> LocationAttr | None:
        # An operation's own location is the last thing of it that is parsed.
        self._stated_location = super().parse_optional_location()
        return self._stated_location

    def _get_op_by_name(self, name: str) -> type[Operation]:
        stack = self._parser_state.dialect_stack
        if found := self.ctx.get_optional_op(name, dialect_stack=stack):
            return found
        hint = suggestion(name, (op.name for op in self.ctx.loaded_ops))
        self.raise_error(f"operation '{name}' is not registered{hint}", self._operation_start)

    def _location(self, position: int) -> FileLineColLoc:
        line = bisect_right(self._line_starts, position)
        column = position - self._line_starts[line - 1] + 1
        return FileLineColLoc(self._file, IntAttr(line + self._line_offset), IntAttr(column))


def parse_mlir(
    context: Context,
    data: bytes,
    name: str,
    *,
    line_offset: int = 0,
    implicit_module: bool = True,
) -> ModuleOp:
    """
    The module that the text stands for.

    `name` is the file's, for locations; `line_offset` is the number of lines before `data` in it.
    Raises `ParseError` for text that is not MLIR and `UsageError` for what is not text at all.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: expected MLIR text, got a file that is not UTF-8") from error
    try:
        return LocatedParser(context, text, name, line_offset).parse_module(implicit_module)
    except ParseError as error:
        error.span = replace(error.span, line_offset=line_offset)
        raise
    except (ValueError, OverflowError) as error:
        # What xDSL says of numbers that their type does not have.
        raise UsageError(f"{name}: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{name}: regions or attributes are nested too deeply") from error


@dataclass(eq=False, repr=False)
class ModulePrinter(Printer):
    """A printer that writes large constants as `dense_resource<__elided__> : type`."""

    print_weights: bool = field(default=False)

    def print_attribute(self, attribute: Attribute) -> None:
        match attribute:
            case DenseIntOrFPElementsAttr() if len(attribute) > LARGEST_CONSTANT_PRINTED:
                self._print_large_constant(attribute)
            case DenseIntOrFPElementsAttr():
                self._print_elements(attribute)
                self._print_constant("", attribute.type)
            case DenseResourceAttr() if attribute.resource_handle.data.startswith(ELIDED):
                self._print_constant(f"dense_resource<{ELIDED}>", attribute.type)
            case _:
                super().print_attribute(attribute)

    def _print_large_constant(self, attribute: DenseIntOrFPElementsAttr) -> None:
        data = attribute.data.data
        element = data[: len(data) // len(attribute)]
        if element * len(attribute) == data:
            # xDSL would unpack every element to see that they are all the same.
            single = TensorType(attribute.get_element_type(), [1])
            self._print_elements(DenseIntOrFPElementsAttr(single, BytesAttr(element)))
            self._print_constant("", attribute.type)
        elif self.print_weights:
            self._print_elements(attribute)
            self._print_constant("", attribute.type)
        else:
            self._print_constant(f"dense_resource<{ELIDED}>", attribute.type)

    def _print_elements(self, attribute: DenseIntOrFPElementsAttr) -> None:
        text = StringIO()
        attribute.print_without_type(Printer(text))
        element = attribute.get_element_type()
        if isa(element, AnyFloat) and re.search(r"\b0x[0-9A-Fa-f]+[],>]", text.getvalue()):
            # xDSL writes what is not finite, and some large numbers, as bits, and reads those back
            # as integers; all elements as one string of bytes it reads as they are.
            self.print_string(f'dense<"0x{attribute.data.data.hex().upper()}">')
        else:
            self.print_string(text.getvalue())

    def _print_constant(self, value: str, type: Attribute) -> None:
        self.print_string(f"{value} : ")
        self.print_attribute(type)


@dataclass(eq=False, repr=False)
class HighlightingPrinter(ModulePrinter, SyntaxPrinter):
    """The same, in colours for a terminal."""
