"""Every operation of the `nn` dialect, by the example in its documentation."""

from __future__ import annotations

from io import StringIO

import pytest
from support.compiled import SANITIZED, parse, run_all
from support.nn_examples import example_module, random_inputs
from support.tflite_nn import check_tensor
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.printer import Printer

from nnc.dialects.nn import Nn
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.interpreter import run

OPERATIONS = sorted(Nn.operations, key=lambda operation: operation.name)


def printed(module: ModuleOp) -> str:
    stream = StringIO()
    Printer(stream=stream).print_op(module)
    return stream.getvalue()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_text(operation: type[Operation]) -> None:
    module = example_module(operation)
    assert any(isinstance(op, operation) for op in module.walk())
    text = printed(module)
    assert printed(parse(text)) == text


def test_loops_do_what_the_reference_semantics_say() -> None:
    lowered = [operation for operation in OPERATIONS if issubclass(operation, NnOp)]
    modules = [example_module(operation) for operation in lowered]
    cases = [(m, [random_inputs(m, seed) for seed in range(3)]) for m in modules]
    for operation, case, runs in zip(lowered, cases, run_all(cases, SANITIZED), strict=True):
        module, samples = case
        for sample, compiled in zip(samples, runs, strict=True):
            reference = run(module, sample)
            for actual, expected in zip(compiled.outputs, reference.outputs, strict=True):
                check_tensor(operation.name, actual, expected, 1e-5)
