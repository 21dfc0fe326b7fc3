"""Runs the command `nnc` in this process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nnc.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Nnc:
    """The command: takes its words, gives its outcome."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: object) -> Outcome:
        self.capture.readouterr()
        code = main([str(word) for word in words])
        captured = self.capture.readouterr()
        return Outcome(code, captured.out, captured.err)
