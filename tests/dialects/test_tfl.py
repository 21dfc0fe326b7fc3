"""Every operation of the `tfl` dialect: its documented example parses, and survives printing."""

from __future__ import annotations

from io import StringIO

import pytest
from support.tfl_examples import example_text, parse_tfl
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.printer import Printer

from nnc.dialects.tfl import Tfl
from nnc.frontends.tflite_schema import BUILTIN_OPERATORS

OPERATIONS = tuple(Tfl.operations)

BESIDE_OPERATORS = {"tfl.pseudo_const", "tfl.no_value", "tfl.variable", "tfl.basic_lstm"}
"""What a module needs that is no builtin operator of its own."""


def print_text(module: ModuleOp, generic: bool) -> str:
    stream = StringIO()
    Printer(stream, print_generic_format=generic).print_op(module)
    return stream.getvalue()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("generic", [False, True], ids=["pretty", "generic"])
def test_example_round_trips(operation: type[Operation], generic: bool) -> None:
    module = parse_tfl(example_text(operation))
    assert any(isinstance(op, operation) for op in module.walk())
    again = parse_tfl(print_text(module, generic))
    assert module.is_structurally_equivalent(again)
    assert print_text(again, generic) == print_text(module, generic)


def test_operations_are_named_after_the_schema() -> None:
    names = {operation.name for operation in OPERATIONS} - BESIDE_OPERATORS
    assert names <= {f"tfl.{operator.lower()}" for operator in BUILTIN_OPERATORS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_class_is_named_after_the_operation(operation: type[Operation]) -> None:
    snake = operation.name.removeprefix("tfl.").replace("_", "")
    assert operation.__name__.lower() == f"{snake}op"
