"""
ONNX's own backend tests through the generated C.

`support.onnx_report` runs all of them and writes docs/onnx-conformance.md; here, a few of those of
each operator must pass that pass there.
"""

from __future__ import annotations

import pytest
from support.compiled import How
from support.onnx_cases import SUITES, Case, exclusion, node_cases, run_cases, suite_cases
from support.onnx_report import KNOWN, read_known

FAST = How(flags=("-O0",))
MOST_CASES = 3
"""Cases of one operator that are run; `support.onnx_report` runs all."""


def chosen(cases: list[Case], most: int = MOST_CASES) -> list[Case]:
    """A few cases of each operator, evenly spread over its own, without those known not to pass."""
    known = read_known()
    by_operator: dict[str, list[Case]] = {}
    for case in cases:
        if exclusion(case) is None and case.name not in known and len(case.operators) == 1:
            by_operator.setdefault(case.operators[0], []).append(case)
    picked: list[Case] = []
    for several in by_operator.values():
        step = max(1, len(several) // most)
        picked += several[::step][:most]
    return picked


def test_single_operators() -> None:
    cases = chosen(node_cases())
    assert {case.operators[0] for case in cases} >= {"Conv", "Softmax", "Gather", "Resize"}
    outcomes = run_cases(cases, FAST)
    wrong = [f"{it.case.name}: {it.reason}" for it in outcomes if it.verdict != "passed"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("suite", SUITES[1:])
def test_small_models(suite: str) -> None:
    """Some of them are in operator set 6, which is converted."""
    cases = chosen(suite_cases(suite), 1)
    assert len(cases) >= 3
    outcomes = run_cases(cases, FAST)
    wrong = [f"{it.case.name}: {it.reason}" for it in outcomes if it.verdict != "passed"]
    assert not wrong, "\n".join(wrong)


def test_the_list_is_of_cases_that_exist() -> None:
    assert KNOWN.exists()
    names = [case.name for suite in SUITES for case in suite_cases(suite)]
    assert len(set(names)) == len(names)
    assert set(read_known()) <= set(names)
