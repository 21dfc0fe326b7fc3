"""Every operation of the `keras` dialect says in its docstring what it looks like."""

from __future__ import annotations

import pytest
from support.nn_examples import example_module
from xdsl.ir import Operation

from nnc.dialects.keras import Keras

OPERATIONS = sorted(Keras.operations, key=lambda operation: operation.name)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_example_of_an_operation_is_one(operation: type[Operation]) -> None:
    module = example_module(operation)
    module.verify()
    assert any(type(op) is operation for op in module.walk())
