"""
How a frontend says no: everything that is wrong with a model, at once and one line each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.utils.exceptions import DiagnosticException


@dataclass(frozen=True)
class Problem:
    """
    One thing that stops an import.

    `layer` names the tensor or layer, `operator` the operator as its format calls it; either may
    be unknown. `remedy` says what would work instead.
    """

    reason: str
    layer: str | None = None
    operator: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        parts = [
            f'layer "{self.layer}"' if self.layer is not None else None,
            self.operator,
            self.reason,
        ]
        line = ": ".join(part for part in parts if part is not None)
        line = line if self.remedy is None else f"{line}; {self.remedy}"
        return " ".join(line.split())


class FrontendError(DiagnosticException):
    """All problems of one model; its text has one line for each."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        assert self.problems, "an error without a problem"
        super().__init__("\n".join(str(problem) for problem in self.problems))
