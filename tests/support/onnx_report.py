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
from support.onnx_cases import Outcome, node_cases, run_cases

KNOWN = Path(__file__).parents[2] / "docs/onnx-conformance.md"

_HEAD = """\
# ONNX's backend tests

ONNX's own tests of single operators (`onnx.backend.test`, kind `node`, onnx {version}), run through
the generated C on the host. Written by `PYTHONPATH=tests .venv/bin/python -m
support.onnx_report`; a part of them runs with the other tests.

A case counts if its shapes are static, its inputs and outputs are tensors of float32, int8, uint8,
int32, int64 or bool with elements, and all its operators are among those that are to be supported.
Inputs that a compiler must know, such as the shape of a Reshape, are bound as constants where the
case does not compile otherwise: those of integers and truth values, except for the first; where
that is not enough, the first as well, and single numbers.

| | cases |
|---|---|
| pass | {passed} |
| refused, with a reason | {refused} |
| fail | {failed} |
| **of those that count, pass** | **{share:.1f} %** |
| do not count | {excluded} |
"""


def as_markdown(outcomes: Sequence[Outcome], version: str) -> str:
    """The document for what became of all cases."""
    counts = Counter(it.verdict for it in outcomes)
    counted = sum(counts.values()) - counts["excluded"]
    lines = [
        _HEAD.format(
            version=version,
            passed=counts["passed"],
            refused=counts["refused"],
            failed=counts["failed"],
            excluded=counts["excluded"],
            share=100 * counts["passed"] / max(1, counted),
        )
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


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def read_known() -> dict[str, str]:
    """The cases that fail or are refused, with the reason."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", KNOWN.read_text(), re.MULTILINE)
    return dict(rows)


def main(arguments: list[str]) -> int:
    """Runs what the command line asks for."""
    cases = node_cases()
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
