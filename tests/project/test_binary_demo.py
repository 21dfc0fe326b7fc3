"""The binary digits: all test images on an emulated core, beside what Larq predicted."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.project import ROOT
from support.sample_network import needs_boards


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    path = ROOT / "examples/binary_digits/demo.py"
    spec = importlib.util.spec_from_file_location("binary_demo", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the names in their annotations.
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@needs_boards
def test_every_prediction_is_that_of_larq(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = demo.main([str(tmp_path)])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert "360 of 360" in captured.out
    binary, twin = (
        float(it) for it in re.findall(r"in Larq.*?([\d.]+)%\s+([\d.]+)%", captured.out)[0]
    )
    assert twin - 1 <= binary
    costs = {
        name: int(twin.replace(",", "")) / int(binary.replace(",", ""))
        for name, binary, twin in re.findall(r"  (\w[^\n]*?)  +([\d,]+)  +([\d,]+)  ", captured.out)
    }
    assert costs["instructions per inference (not cycles)"] >= 6
    assert costs["weights in flash, bytes"] >= 7.5


def test_the_files_are_small() -> None:
    folder = ROOT / "examples/binary_digits"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000
