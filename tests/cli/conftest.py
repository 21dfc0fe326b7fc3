"""The command `nnc` for tests."""

from __future__ import annotations

import pytest
from support.nnc_command import Nnc


@pytest.fixture
def nnc(capsys: pytest.CaptureFixture[str]) -> Nnc:
    """The command; see Nnc."""
    return Nnc(capsys)


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an installed CMSIS-NN, of which the command would say that it is not used."""
    monkeypatch.delenv("CMSIS_NN_ROOT", raising=False)
