"""
How a frontend says no: everything that is wrong with a model, at once and one line each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
        # Names come from the file: they must not break the line, or talk to the terminal.
        printable = (c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(line.split()))
        return "".join(printable)


_MOST_LINES = 200


class FrontendError(DiagnosticException):
    """All problems of one model; its text has one line for each, up to a number one may read."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        assert self.problems, "an error without a problem"
        lines = [str(problem) for problem in self.problems[:_MOST_LINES]]
        if len(self.problems) > _MOST_LINES:
            lines.append(f"... and {len(self.problems) - _MOST_LINES} more")
        super().__init__("\n".join(lines))

    def of_file(self, title: str) -> FrontendError:
        """The same problems; what concerns no layer but the file as a whole says which file."""
        return FrontendError(
            replace(it, reason=f"error: {title}: {it.reason}")
            if it.layer is None and it.operator is None
            else it
            for it in self.problems
        )
