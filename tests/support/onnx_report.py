"""
The committed list of ONNX's backend tests that do not count or do not pass.

    PYTHONPATH=tests .venv/bin/python -m support.onnx_report [PATTERN]

runs them and writes docs/onnx-conformance.md. With a pattern, only the cases whose names it finds
are run, and what becomes of them is printed.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import onnx
from support.compiled import How
from support.onnx_cases import LARGE, SUITES, Outcome, run_cases, suite_cases

KNOWN = Path(__file__).parents[2] / "docs/onnx-conformance.md"

_HEAD = """\
# ONNX's backend tests

ONNX's own tests (`onnx.backend.test`, onnx {version}), run through the generated C on the host:
`node` has single operators, `simple` small models, and `pytorch-operator` and `pytorch-converted`
models that PyTorch wrote, most of them in operator set 6. Written by `PYTHONPATH=tests
.venv/bin/python -m support.onnx_report`; a part of them runs with the other tests.

A case counts if its shapes are static, its inputs and outputs are tensors of float32, int8, uint8,
int32, int64 or bool with elements (inputs with less than {large}), and all its operators are among
those that are to be supported.
Inputs that a compiler must know, such as the shape of a Reshape, are bound as constants where the
case does not compile otherwise: those of integers and truth values, except for the first; where
that is not enough, the first as well, and single numbers.

| suite | pass | refused, with a reason | fail | of those that count, pass | do not count |
|---|---|---|---|---|---|
"""


def as_markdown(outcomes: Sequence[Outcome], version: str) -> str:
    """The document for what became of all cases."""
    suites = dict.fromkeys(it.case.suite for it in outcomes)
    rows = [_row(suite, [it for it in outcomes if it.case.suite == suite]) for suite in suites]
    lines = [
        _HEAD.format(version=version, large=LARGE)
        + "\n".join([*rows, _row("**all**", outcomes)])
        + "\n"
    ]
    for verdict, title in (("failed", "Cases that fail"), ("refused", "Cases that are refused")):
        rows = [it for it in outcomes if it.verdict == verdict]
        if rows:
            lines.append(f"## {title}\n\n| case | reason |\n|---|---|")
            lines += [f"| `{it.case.name}` | {_cell(it.reason)} |" for it in rows]
            lines.append("")
    lines.append("## Cases that do not count\n\n| cases | reason |\n|---|---|")
    reasons = Counter(it.reason for it in outcomes if it.verdict == "excluded")
    lines += [f"| {count} | {_cell(reason)} |" for reason, count in reasons.most_common()]
    return "\n".join(lines) + "\n"


def _row(suite: str, outcomes: Sequence[Outcome]) -> str:
    """What became of the cases of a suite, as a row of the table."""
    counts = Counter(it.verdict for it in outcomes)
    counted = sum(counts.values()) - counts["excluded"]
    share = 100 * counts["passed"] / max(1, counted)
    cells = (
        *(suite, counts["passed"], counts["refused"], counts["failed"]),
        *(f"{share:.1f} %", counts["excluded"]),
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def read_known() -> dict[str, str]:
    """The cases that fail or are refused, with the reason."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", KNOWN.read_text(), re.MULTILINE)
    return dict(rows)


def main(arguments: list[str]) -> int:
    """Runs what the command line asks for."""
    cases = [case for suite in SUITES for case in suite_cases(suite)]
    if arguments:
        cases = [case for case in cases if re.search(arguments[0], case.name)]
    outcomes = run_cases(cases, How(flags=("-O0",)))
    if arguments:
        for outcome in outcomes:
            print(f"{outcome.verdict}: {outcome.case.name} {outcome.reason}".rstrip())
        return 0
    KNOWN.write_text(as_markdown(outcomes, onnx.__version__))
    print(f"{KNOWN}: {sum(it.verdict == 'passed' for it in outcomes)} cases pass")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
