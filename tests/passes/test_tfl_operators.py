"""Every TFLite operator in every flavour: at the `nn` level it gives what the interpreter gives."""

from __future__ import annotations

import pytest
from support.single_ops import PAIRS, single_op_case
from support.tflite_nn import check_model

RECURRENT = ("SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM")
SEEDS = range(3)


@pytest.mark.parametrize(("op", "flavour"), [pair for pair in PAIRS if pair[0] not in RECURRENT])
def test_operator(op: str, flavour: str) -> None:
    for seed in SEEDS:
        case = single_op_case(op, flavour, seed)
        check_model(case.model, case.samples, optimised=case.optimised)
