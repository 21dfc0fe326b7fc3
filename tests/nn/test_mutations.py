"""What the verifiers of `nn` ops let through works, whatever its types, in both executions."""

from __future__ import annotations

import pytest
from support.compiled import SANITIZED, parse, run_all
from support.nn_examples import random_inputs
from support.nn_mutations import mutation
from support.tflite_nn import check_tensor, main_function
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.utils.exceptions import DiagnosticException, ParseError, VerifyException

from nnc.dialects.nn import Nn
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.nn.program import ProgramOp
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_verify_contract import NnVerifyContractPass

OPERATIONS = [
    operation
    for operation in sorted(Nn.operations, key=lambda operation: operation.name)
    if issubclass(operation, NnOp) and not issubclass(operation, ProgramOp)
]
SEEDS = range(20)
PORTIONS = 4


def accepted(operation: type[Operation], seed: int) -> ModuleOp | None:
    """The changed module, or None where it is refused as it should be."""
    try:
        module = parse(mutation(operation, seed))
        NnVerifyContractPass().apply(Context(), module)
    except (ParseError, VerifyException, DiagnosticException):
        return None
    return module


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_reference_semantics(operation: type[Operation]) -> None:
    for seed in SEEDS:
        module = accepted(operation, seed)
        if module is None:
            continue
        terminator = main_function(module).body.block.last_op
        assert terminator is not None
        outputs = run(module, random_inputs(module, seed)).outputs
        for value, output in zip(terminator.operands, outputs, strict=True):
            expected = shape_of(value), numpy_dtype(element_of(value))
            assert (output.shape, output.dtype) == expected


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_c(portion: int) -> None:
    chosen = OPERATIONS[portion::PORTIONS]
    modules = [accepted(operation, seed) for operation in chosen for seed in SEEDS]
    different = {str(module): module for module in modules if module is not None}
    cases = [(m, [random_inputs(m, seed) for seed in range(2)]) for m in different.values()]
    for (module, samples), runs in zip(cases, run_all(cases, SANITIZED), strict=True):
        for sample, compiled in zip(samples, runs, strict=True):
            expected = run(module, sample).outputs
            for actual, wanted in zip(compiled.outputs, expected, strict=True):
                check_tensor(str(module), actual, wanted, 1e-5)
