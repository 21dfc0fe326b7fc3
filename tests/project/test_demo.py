"""What `make demo` runs: the digits network on an emulated core, beside the original."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support.project import ROOT


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "examples/digits/demo.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the names in their annotations.
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_every_image_is_classified_as_by_the_original(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = demo.main([str(tmp_path)])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    rows = [line.strip().partition("  ") for line in captured.out.splitlines()]
    values = {name: value.strip() for name, _, value in rows}
    assert values["outputs identical"] == "360 of 360"
    assert values["accuracy on the device"] == values["accuracy of the original in TFLite"]
    assert float(values["accuracy on the device"].partition("%")[0]) > 95
    assert {"instructions per inference (not cycles)", "RAM", "flash", "weights", "code"} <= set(
        values
    )
    assert (tmp_path / "digits/digits.c").is_file()


def test_a_different_output_is_a_failure(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        demo.Original, "run", lambda self, images: np.zeros((len(images), 10), np.int8)
    )
    assert demo.main([str(tmp_path)]) == 1


def test_a_command_that_fails_is_a_failure(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "CORE", "cortex-m99")
    assert demo.main([str(tmp_path)]) == 1
