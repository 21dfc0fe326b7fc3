"""Every operation of the `tfl` dialect: its documented example parses, and survives printing."""

from __future__ import annotations

import inspect
import re
import textwrap
from io import StringIO

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.test import Test
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.printer import Printer

from nnc.dialects.quant import Quant
from nnc.dialects.tfl import Tfl
from nnc.frontends.tflite_schema import BUILTIN_OPERATORS

OPERATIONS = tuple(Tfl.operations)

BESIDE_OPERATORS = {"tfl.pseudo_const", "tfl.no_value", "tfl.variable", "tfl.basic_lstm"}
"""What a module needs that is no builtin operator of its own."""


def example(operation: type[Operation]) -> str:
    """The example of an operation's docstring, after something that makes its operands."""
    doc = textwrap.dedent(inspect.getdoc(operation) or "")
    found = re.search(r"```mlir\n(.*?)```", doc, re.DOTALL)
    assert found, f"{operation.name} has no example"
    text = found[1].strip()
    uses = text.partition(operation.name)[2]
    names = re.findall(r"%\w+", uses)
    types = uses[uses.rfind(" : ") + 3 :].partition(" -> ")[0].strip().removeprefix("(")
    kinds = split(types.removesuffix(")")) if names else []
    assert len(names) == len(kinds), f"{operation.name}: {names} of {kinds}"
    makers = [
        f'{n} = "test.op"() : () -> {t}' for n, t in dict(zip(names, kinds, strict=True)).items()
    ]
    return "\n".join((*makers, text))


def split(types: str) -> list[str]:
    """A list of types cut at its commas, except those within `<>`."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def parse(text: str) -> ModuleOp:
    context = Context()
    for dialect in (Builtin, Test, Quant, Tfl):
        context.load_dialect(dialect)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def print_text(module: ModuleOp, generic: bool) -> str:
    stream = StringIO()
    Printer(stream, print_generic_format=generic).print_op(module)
    return stream.getvalue()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("generic", [False, True], ids=["pretty", "generic"])
def test_example_round_trips(operation: type[Operation], generic: bool) -> None:
    module = parse(example(operation))
    assert any(isinstance(op, operation) for op in module.walk())
    again = parse(print_text(module, generic))
    assert module.is_structurally_equivalent(again)
    assert print_text(again, generic) == print_text(module, generic)


def test_operations_are_named_after_the_schema() -> None:
    names = {operation.name for operation in OPERATIONS} - BESIDE_OPERATORS
    assert names <= {f"tfl.{operator.lower()}" for operator in BUILTIN_OPERATORS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_class_is_named_after_the_operation(operation: type[Operation]) -> None:
    snake = operation.name.removeprefix("tfl.").replace("_", "")
    assert operation.__name__.lower() == f"{snake}op"
