"""The Python functions of `nnc`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.project import ROOT
from xdsl.utils.exceptions import DiagnosticException

import nnc
from nnc.options import Options

DIGITS = ROOT / "examples/digits/digits_int8.tflite"


def test_importing_costs_nothing() -> None:
    program = (
        "import sys; before = set(sys.modules); import nnc; "
        "print(sorted(set(sys.modules) - before - {'nnc'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = ("xdsl", "numpy", "ai_edge_litert", "nnc.", "rich")
    assert not [name for name in eval(run.stdout) if name.startswith(heavy)]


def test_its_names() -> None:
    assert set(nnc.__all__) <= set(dir(nnc))
    with pytest.raises(AttributeError, match="has no attribute 'absent'"):
        nnc.absent  # noqa: B018


def test_the_steps_one_by_one() -> None:
    module = nnc.load(DIGITS.read_bytes())
    assert any(op.name == "tfl.conv_2d" for op in module.walk())
    assert nnc.run_passes(module, "tfl-to-nn") is module
    assert any(op.name == "nn.conv2d" for op in module.walk())
    nnc.run_passes(module, "nn-to-kernel{target=cortex-m4 kernels=none},plan-memory")
    files = nnc.emit(module, "digits")
    assert sorted(files) == ["digits.c", "digits.h", "digits_weights.c", "digits_weights.h"]


def test_compile(tmp_path: Path) -> None:
    result = nnc.compile(DIGITS, tmp_path / "out", target="cortex-m7", name="digits")
    assert sorted(path.name for path in result.folder.iterdir()) == list(result.files)
    assert result.report.macs == 87_680


@pytest.mark.parametrize("option", ["target", "optimize", "numerics", "kernels", "io"])
def test_an_unknown_option_is_a_value_error(option: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        Options(**{"target": "cortex-m4", option: "absent"})


@pytest.mark.parametrize("pipeline", ["tfl-to-mm", "tfl-to-nn{numeric=tflite}", "tfl-to-nn{"])
def test_a_bad_pipeline_is_a_diagnostic(pipeline: str) -> None:
    with pytest.raises(DiagnosticException):
        nnc.run_passes(nnc.load(DIGITS), pipeline)


def test_bytes_that_are_no_model() -> None:
    with pytest.raises(DiagnosticException, match="expected the contents of a model file"):
        nnc.load(b"nothing of the kind")
