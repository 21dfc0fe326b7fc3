"""The driver: what it says about mistakes, what it leaves behind, and what it does not import."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.filecheck import run_command
from support.project import ROOT

MODULE = "func.func @f(%a: i32) -> i32 {\n  func.return %a : i32\n}\n"


@pytest.fixture
def module(tmp_path: Path) -> str:
    path = tmp_path / "module.mlir"
    path.write_text(MODULE, encoding="utf-8")
    return str(path)


def command(name: str) -> str:
    """The installed command of that name."""
    return str(Path(sysconfig.get_path("scripts")) / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-p", "canonicalise"],
            "error: unknown pass 'canonicalise'; did you mean 'canonicalize'?",
        ),
        (["-p", "x7"], "error: unknown pass 'x7'"),
        (["-p", "dce{qqq=1}"], "error: pass 'dce' has no option 'qqq'; it has none"),
        (["-p", "convert-func-to-x86-func{arhc=x}"], "has no option 'arhc'; did you mean 'arch'?"),
        (["-p", ",dce"], "Expected pass name here"),
        (["-p", "dce{a"], "pass-pipeline:1:6: Expected equals, space or end of arguments here"),
        (["-t", "mlirr"], "unknown 'mlirr'; did you mean 'mlir'?"),
        (["-t", "mlir{nope=1}"], "error: target 'mlir' has no option 'nope'; it has "),
        (["--print-wieghts"], "unknown option '--print-wieghts'; did you mean '--print-weights'?"),
        (["--shape", "image"], "expected NAME=SIZE,SIZE,..., got 'image'"),
        (["--shape", "image=1,0"], "expected NAME=SIZE,SIZE,..., got 'image=1,0'"),
        (["--shape", "image=1,8"], "error: --shape is for model files"),
        (["--frontend", "mlri"], "unknown 'mlri'; did you mean 'mlir'?"),
    ],
)
def test_a_mistake_is_one_line(module: str, arguments: list[str], message: str) -> None:
    code, output, errors = run_command("nn-opt", [module, *arguments])
    assert (code, output) == (1, "")
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.mlir", None, "No such file or directory"),
        ("model.xyz", b"", "expected a file ending in one of .mlir"),
        ("model.mlir", b"TFL3\xff\xfe", "expected MLIR text, got a file that is not UTF-8"),
        ("model.mlir", b"", "Could not parse entire input"),
        ("model.mlir", b"func.func @f() {", "model.mlir:1:17: "),
        ("model.mlir", b'"test.op"() {x = ' + b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_bad_file_is_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code, output, errors = run_command("nn-opt", [str(path)])
    assert (code, output) == (1, "")
    assert message in errors
    assert errors.count("\n") == 1


def test_every_chunk_is_checked_and_nothing_is_written_after_an_error(tmp_path: Path) -> None:
    path, written = tmp_path / "module.mlir", tmp_path / "out.mlir"
    path.write_text(f"{MODULE}// -----\nbad\n// -----\n{MODULE}// -----\nworse\n")
    arguments = [str(path), "--split-input-file", "-o", str(written)]
    code, output, errors = run_command("nn-opt", arguments)
    assert (code, output) == (1, "")
    assert [line.split(": ")[0] for line in errors.splitlines()] == [f"{path}:5:1", f"{path}:11:1"]
    assert not written.exists()


def test_output_file(module: str, tmp_path: Path) -> None:
    written = tmp_path / "out.mlir"
    assert run_command("nn-opt", [module, "-o", str(written)]) == (0, "", "")
    assert written.read_text() == run_command("nn-opt", [str(written)])[1]


def test_what_is_told_about_passes_is_not_mixed_into_the_output(module: str) -> None:
    arguments = [module, "-p", "dce,canonicalize", "--time-passes", "--print-between-passes"]
    _, output, errors = run_command("nn-opt", arguments)
    assert output == run_command("nn-opt", [module])[1]
    assert "dce: 0.0" in errors
    assert "// after dce\nbuiltin.module" in errors


def test_a_closed_pipe_is_no_error_of_ours(module: str) -> None:
    text = f"{command('nn-opt')} {module} | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=False)
    assert result.stderr == ""


def test_xdsl_tools_know_the_dialects(tmp_path: Path) -> None:
    path = tmp_path / "quant.mlir"
    path.write_text("func.func private @f(tensor<1x!quant.uniform<i8:f32, 0.5>>)")
    result = subprocess.run(
        [command("xdsl-opt"), str(path)], capture_output=True, text=True, check=False
    )
    assert "!quant.uniform<i8:f32, 0.5>" in result.stdout


def test_no_framework_is_imported(module: str) -> None:
    program = (
        "import sys; from nnc.passes.nn_opt import main; main(sys.argv[1:]);"
        "heavy = {'tensorflow', 'onnx', 'numpy', 'ai_edge_litert', 'rich'} & set(sys.modules);"
        "print('heavy:', *sorted(heavy))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, module], capture_output=True, text=True, check=False
    )
    assert result.stdout.splitlines()[-1] == "heavy:"


DIGITS = str(ROOT / "examples/digits/digits_int8.tflite")
LEVELS = {
    "tfl": "",
    "nn": "tfl-to-nn,",
    "buffers": "tfl-to-nn,nn-to-kernel,",
    "planned": "tfl-to-nn,nn-to-kernel,plan-memory,",
}


@pytest.mark.parametrize(
    ("level", "last", "message"),
    [
        ("tfl", "nn-to-kernel", "expected an nn operation; run nn-verify-contract first"),
        ("tfl", "plan-memory", "run nn-to-kernel over a module of nn operations first"),
        ("nn", "plan-memory", "expected only layers on buffers, got 'nn.constant'; run nn-to-"),
        ("nn", "nn-to-kernel{target=m4}", "unknown core 'm4': did you mean 'cortex-m4'?"),
        ("nn", "nn-to-kernel{kernels=x}", "expected kernels to be one of none, portable"),
        ("buffers", "nn-to-kernel", "pass 'nn-to-kernel' reads nn operations, got 'kernel."),
        ("buffers", "nn-tabulate", "pass 'nn-tabulate' reads nn operations, got 'kernel."),
        ("buffers", "plan-memory{io=x}", "expected io to be inside or outside, got x"),
        ("planned", "plan-memory", "expected buffers without a place, got a plan"),
        ("tfl", "-t c", "run nn-to-kernel over a module of nn operations first"),
        ("nn", "-t c", "expected only layers on buffers, got 'nn.constant'"),
        ("buffers", "-t c", "expected a plan of its buffers, got none; run plan-memory first"),
        ("planned", "-t c{net=9x}", "expected net to be a C identifier, got '9x'"),
    ],
)
def test_what_is_of_another_level_is_refused(level: str, last: str, message: str) -> None:
    passes, target = LEVELS[level], last.partition("-t ")[2]
    passes = (passes if target else passes + last).strip(",")
    words = [*(["-p", passes] if passes else []), *(["-t", target] if target else [])]
    code, _, errors = run_command("nn-opt", [DIGITS, *words])
    assert code == 1
    assert message in errors and "Traceback" not in errors
