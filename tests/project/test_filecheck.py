"""The collector of `.mlir` tests fails when it should, and agrees with the real commands."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.filecheck import COMMANDS, FilecheckError, run, run_lines
from support.project import ROOT

MODULE = "func.func @f() {\n  func.return\n}\n"


def run_file(folder: Path, text: str) -> None:
    path = folder / "case.mlir"
    path.write_text(text, encoding="utf-8")
    for line in run_lines(path):
        run(line)


@pytest.mark.parametrize(
    "header",
    [
        "// RUN: nn-opt %s | filecheck %s\n// CHECK-LABEL: @f\n// CHECK-NEXT: return\n",
        "// RUN: nn-opt %s \\\n// RUN: -p canonicalize | filecheck %s\n// CHECK: @f\n",
        "// RUN: not nn-opt %s -p nope 2>&1 | filecheck %s\n// CHECK: error: unknown pass 'nope'\n",
        "// RUN: nn-opt %s | nn-opt | filecheck %s --check-prefix=B\n// B: @f\n",
        "// RUN: nn-opt %s | not filecheck %s\n// CHECK: @g\n",
        "// RUN: nn-opt %s\n",
    ],
)
def test_passes(tmp_path: Path, header: str) -> None:
    run_file(tmp_path, header + MODULE)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("// RUN: nn-opt %s | filecheck %s\n// CHECK: @g\n", "what the checks expect"),
        ("// RUN: nn-opt %s | filecheck %s\n// CHECK-NOT: @f\n", "excluded string found"),
        ("// RUN: nn-opt %s | filecheck %s\n", "No check strings found"),
        ("// RUN: not nn-opt %s\n", "expected a failure, got exit code 0"),
        ("// RUN: nn-opt %s -p nope\n", "unknown pass 'nope'"),
        ("// RUN: not nn-opt %s -p nope | filecheck %s\n// CHECK: unknown\n", "is empty"),
        ("// RUN: nn-opt %s | filecheck %s\n// CHECK-NXT: @f\n", "no RUN line looks for"),
        ("// RUN: nn-opt %s | filecheck %s\n// CHECK @f\n", "no RUN line looks for"),
        ("// RUN: nn-opt %s | filecheck %s\n// CHECK: @f\n// A-NEXT: x\n", "no RUN line looks for"),
        ("// RUN: nn-opt %s | sort\n", "expected one of the commands"),
        ("// RUN: nn-opt %s > %t\n", "expected only"),
        ("// RUN: nn-opt %s \\\n", "expected a complete RUN line"),
        ("", "expected a complete RUN line"),
    ],
)
def test_fails(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(FilecheckError, match=message):
        run_file(tmp_path, header + MODULE)


def test_a_failure_shows_where_matching_stopped(tmp_path: Path) -> None:
    header = "// RUN: nn-opt %s | filecheck %s\n// CHECK: func.func\n// CHECK: func.call\n"
    with pytest.raises(FilecheckError) as failure:
        run_file(tmp_path, header + MODULE)
    assert 'Couldn\'t match "func.call"' in str(failure.value)
    assert "->    2 |   func.func @f() {" in str(failure.value)


def test_a_traceback_is_not_the_failure_a_test_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(arguments: object) -> int:
        raise AssertionError("a bug")

    monkeypatch.setitem(COMMANDS, "nn-opt", broken)
    with pytest.raises(AssertionError, match="a bug"):
        run_file(tmp_path, "// RUN: not nn-opt %s\n")


def test_the_real_commands_agree() -> None:
    lit = Path(sysconfig.get_path("scripts")) / "lit"
    result = subprocess.run(
        [sys.executable, str(lit), "-v", str(ROOT / "tests/filecheck/driver")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
