"""The table of supported operators and types says what the rewrites do."""

from __future__ import annotations

import pytest
from support.single_ops import OPERATORS, single_op_case
from xdsl.utils.exceptions import DiagnosticException

import nnc
from nnc.passes.tfl import REWRITES
from nnc.passes.tfl.supported import TYPES, supported


def converts(operator: str, flavour: str) -> bool:
    module = nnc.load(single_op_case(operator, flavour, 0).model)
    try:
        nnc.run_passes(module, "tfl-to-nn,nn-verify-contract")
    except DiagnosticException:
        return False
    return True


def test_every_rewrite_is_listed() -> None:
    assert {kind.name.removeprefix("tfl.").upper() for kind in REWRITES} == set(TYPES)
    assert [it.operator for it in supported()] == sorted(TYPES)


@pytest.mark.parametrize("operator", OPERATORS)
def test_listed_if_and_only_if_converted(operator: str) -> None:
    flavours = OPERATORS[operator]
    listed = [it for it in flavours if it in TYPES.get(operator, ())]
    assert listed == [it for it in flavours if converts(operator, it)]
