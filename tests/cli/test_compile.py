"""`nnc compile`: what is written, and what is refused in one line."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from support.nnc_command import Nnc
from support.project import ROOT

from nnc.passes import nn_opt

DIGITS = ROOT / "examples/digits/digits_int8.tflite"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_writes_a_whole_project(nnc: Nnc, tmp_path: Path) -> None:
    outcome = nnc("compile", DIGITS, "-o", tmp_path / "out", "--target", "cortex-m4")
    assert outcome.code == 0, outcome.errors
    assert "7 layers" in outcome.output

    files = files_of(tmp_path / "out")
    assert {"net.h", "net.c", "net_weights.h", "net_weights.c"} <= files.keys()
    assert {"nnc.h", "nnc_arith.h", "nnc_layer.h", "CMakeLists.txt", "report.md"} <= files.keys()
    report = json.loads(files["report.json"])
    assert report["files"] == sorted(files)
    assert [layer["op"] for layer in report["layers"]] == [
        *("conv2d", "depthwise_conv2d", "max_pool2d", "conv2d", "max_pool2d", "dense", "softmax")
    ]
    assert report["macs"] == 87_680
    assert report["request"]["contract"] == "tflite-2.21"
    assert report["inputs"][0]["name"] == "image"
    memory = report["memory"]
    assert memory["gap"] == memory["bytes"] - memory["lower_bound"] >= 0
    assert all(row["offset"] + row["bytes"] <= memory["bytes"] for row in memory["buffers"])
    dense = report["layers"][5]
    assert dense["kernel"].startswith("nnc_")
    assert "the numeric contract rounds it" in dense["off_library"]
    assert (
        report["layers"][3]["off_library"]
        == "arm_convolve_wrapper_s8: nnc_conv_s8 takes fewer instructions"
    )
    assert "4 of 7 layers stayed off CMSIS-NN" in outcome.errors
    assert report["layers"][-1]["outputs"][0]["offset"] == report["outputs"][0]["offset"]


def test_no_kernels_means_loops(nnc: Nnc, tmp_path: Path) -> None:
    words = ("compile", DIGITS, "-o", tmp_path / "out", "--target", "cortex-m0")
    assert nnc(*words, "--kernels", "none").code == 0
    assert not list((tmp_path / "out").glob("nnc_*.c"))
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert {layer["kernel"] for layer in report["layers"]} == {"loops"}


def test_same_input_same_bytes(nnc: Nnc, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert nnc("compile", DIGITS, "-o", tmp_path / name, "--target", "cortex-m4").code == 0
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_replaces_its_own_folder_only(nnc: Nnc, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("compile", DIGITS, "-o", out, "--target", "cortex-m4")
    out.mkdir()
    assert nnc(*words).code == 0
    assert nnc(*words, "--name", "other").code == 0
    assert (out / "other.c").is_file() and not (out / "net.c").exists()

    (out / "mine.c").touch()
    before = files_of(out)
    outcome = nnc(*words)
    assert outcome.code == 1
    assert outcome.errors == (
        f"error: {out}: has files that nnc did not write (mine.c); "
        "choose another folder or move them\n"
    )
    assert files_of(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_is_not_replaced(nnc: Nnc, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    outcome = nnc("compile", DIGITS, "-o", tmp_path / "out", "--target", "cortex-m4")
    assert (outcome.code, (tmp_path / "out").read_text()) == (1, "mine")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compil"], "error: argument VERB: unknown 'compil'; did you mean 'compile'?"),
        (["compile", DIGITS, "--target", "m4"], "unknown core 'm4': did you mean 'cortex-m4'?"),
        (["compile", DIGITS, "--target", "cortex-m4", "--kernels", "nome"], "mean 'none'?"),
        (["compile", DIGITS, "--target", "cortex-m4", "--optimize", "x"], "time, ram, flash"),
        (["compile", DIGITS, "--target", "cortex-m4", "--numeric", "x"], "mean '--numerics'?"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "3x"], "'t3x' would do"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "string"], "'my_string' would do"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "NNC"], "'my_NNC' would do"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "cmsis_nn"], "header of the C lib"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "arm_nn"], "'my_arm_nn' would do"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "a_weights"], "'my_net' would do"),
        (["compile", DIGITS, "--target", "cortex-m4", "--name", "a" * 65], "most 64 characters"),
        (["compile", DIGITS, "--target", "cortex-m4", "--shape", "x=1"], 'input "x"'),
        (
            [*("compile", DIGITS, "--target", "cortex-m4"), *("--shape", "x=1", "--shape", "x=2")],
            "gives the input 'x' two shapes",
        ),
        (["compile", DIGITS, "--target", "cortex-m4", "--shape", "x"], "expected NAME=SIZE"),
        (["compile", "absent.tflite", "--target", "cortex-m4"], "No such file"),
        (["compile", "model.pt", "--target", "cortex-m4"], "expected a file ending in one of"),
        (["compile", __file__, "--target", "cortex-m4"], "expected a file ending in one of"),
        (["compile", ROOT, "--target", "cortex-m4"], "expected a file ending in one of"),
        (["compile", DIGITS], "required: --target"),
    ],
)
def test_a_mistake_is_one_line(nnc: Nnc, tmp_path: Path, words: list[object], message: str) -> None:
    outcome = nnc(*words, *(["-o", tmp_path / "out"] if words[0] == "compile" else []))
    assert outcome.code == 1
    assert outcome.output == ""
    assert outcome.errors.count("\n") == 1
    assert message in outcome.errors
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_named(nnc: Nnc, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    outcome = nnc("compile", DIGITS, "-o", out, "--target", "cortex-m4")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert outcome.errors.startswith(f"error: {out}: ")


def test_a_wrong_place_of_the_library_is_a_mistake(
    nnc: Nnc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSIS_NN_ROOT", str(tmp_path / "nowhere"))
    outcome = nnc("compile", DIGITS, "-o", tmp_path / "out", "--target", "cortex-m3")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert f"CMSIS_NN_ROOT is {tmp_path / 'nowhere'}, but there is no" in outcome.errors
    assert not (tmp_path / "out").exists()


def test_no_folder_is_a_mistake(nnc: Nnc) -> None:
    outcome = nnc("compile", DIGITS, "--target", "cortex-m4")
    assert (outcome.code, outcome.errors) == (
        1,
        "error: expected a folder to write to: -o DIR\n",
    )


@pytest.mark.parametrize("size", [0, 4, 100, 3000])
def test_a_broken_model_is_one_line(nnc: Nnc, tmp_path: Path, size: int) -> None:
    model = tmp_path / "broken.tflite"
    model.write_bytes(DIGITS.read_bytes()[:size])
    outcome = nnc("compile", model, "-o", tmp_path / "out", "--target", "cortex-m4")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert outcome.errors.startswith(f"error: {model}: this is not a valid TFLite file: ")
    assert not (tmp_path / "out").exists()


def test_show_pipeline_prints_the_command_that_does_the_same(
    nnc: Nnc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("compile", DIGITS, "--target", "cortex-m4", "--name", "digits")
    line = nnc(*words, "--show-pipeline").output
    command, *arguments = shlex.split(line)
    assert command == "nn-opt"
    assert nn_opt.main(arguments) == 0
    printed = capsys.readouterr().out
    assert nnc(*words, "-o", tmp_path / "out").code == 0
    for name in ("digits.h", "digits.c"):
        assert (tmp_path / "out" / name).read_text() in printed


MLIR = """
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %y = nn.elu %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
"""


def test_reads_mlir_text(nnc: Nnc, tmp_path: Path) -> None:
    model = tmp_path / "net.mlir"
    model.write_text(MLIR)
    words = ("compile", model, "-o", tmp_path / "out", "--target", "cortex-m4")
    assert nnc(*words).code == 0
    model.write_text(MLIR.replace("nn.elu", "nn.elo"))
    outcome = nnc(*words)
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert f"{model}:3:3: operation 'nn.elo' is not registered" in outcome.errors


@pytest.mark.parametrize("line", ["%y = arith.constant 1 : i32", '"memref.alloc"() : () -> ()'])
def test_refuses_mlir_of_another_level(nnc: Nnc, tmp_path: Path, line: str) -> None:
    model = tmp_path / "net.mlir"
    model.write_text(f"func.func @main() {{\n  {line}\n  return\n}}\n")
    outcome = nnc("compile", model, "-o", tmp_path / "out", "--target", "cortex-m4")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake: apt install cmake")
@pytest.mark.parametrize("kernels", ["portable", "cmsis-nn"])
def test_the_cmake_project_builds(
    nnc: Nnc, tmp_path: Path, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CMSIS_NN_ROOT", raising=False)
    out = tmp_path / "out"
    words = ("compile", DIGITS, "-o", out, "--target", "cortex-m4", "--name", "digits")
    assert nnc(*words, "--kernels", kernels).code == 0
    for command in (["-S", out, "-B", tmp_path / "build"], ["--build", tmp_path / "build"]):
        done = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build/libdigits.a").is_file()
