"""The command `nnc` for tests."""

from __future__ import annotations

import pytest
from support.nnc_command import Nnc


@pytest.fixture
def nnc(capsys: pytest.CaptureFixture[str]) -> Nnc:
    """The command; see Nnc."""
    return Nnc(capsys)
