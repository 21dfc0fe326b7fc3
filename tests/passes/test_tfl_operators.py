"""Every TFLite operator in every flavour gives what the interpreter gives, as `nn` ops and as C."""

from __future__ import annotations

import pytest
from support.compiled import SANITIZED, run_all
from support.single_ops import OPERATORS, PAIRS, single_op_case
from support.tflite_nn import check_model, check_tensor, import_model

from nnc.dialects.nn.interpreter import run

RECURRENT = ("SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM")
"""Their samples are sequences; they have tests of their own."""

SEEDS = range(3)
PORTIONS = 4


@pytest.mark.parametrize(("op", "flavour"), [pair for pair in PAIRS if pair[0] not in RECURRENT])
def test_reference_semantics(op: str, flavour: str) -> None:
    for seed in SEEDS:
        case = single_op_case(op, flavour, seed)
        check_model(case.model, case.samples, optimised=case.optimised)


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_c(portion: int) -> None:
    operators = [op for op in OPERATORS if op not in RECURRENT][portion::PORTIONS]
    cases = [single_op_case(op, flavour, 100) for op in operators for flavour in OPERATORS[op]]
    modules = [import_model(case.model) for case in cases]
    programs = [(module, case.samples) for module, case in zip(modules, cases, strict=True)]
    for (module, samples), case, runs in zip(
        programs, cases, run_all(programs, SANITIZED), strict=True
    ):
        for sample, compiled in zip(samples, runs, strict=True):
            expected = run(module, sample).outputs
            for actual, wanted in zip(compiled.outputs, expected, strict=True):
                check_tensor(case.name, actual, wanted, 1e-5)
