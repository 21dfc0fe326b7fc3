"""`nnc run`: samples in, outputs out, the same wherever the network runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.nnc_command import Nnc
from support.oracle import Reference
from support.project import ROOT
from support.sample_network import needs_boards

from nnc.tensors import Array

DIGITS = ROOT / "examples/digits/digits_int8.tflite"


@pytest.fixture(scope="module")
def images() -> Array:
    """Ten test images as the network takes them: pixels of 0 to 16, as real values of 0 to 1."""
    with np.load(ROOT / "examples/digits/test_images.npz") as data:
        return data["images"][:10].astype(np.float32) / 16


@pytest.fixture
def samples(tmp_path: Path, images: Array) -> Path:
    np.savez(tmp_path / "in.npz", image=images)
    return tmp_path / "in.npz"


def outputs(path: Path) -> Array:
    with np.load(path) as data:
        assert data.files == ["output_0"]
        return data["output_0"]


def expected(images: Array) -> Array:
    reference = Reference(DIGITS.read_bytes())
    stored = np.floor(images / np.float32(0.003921569) + 0.5) - 128
    return np.concatenate([reference.run_outputs([it[None].astype(np.int8)])[0] for it in stored])


def test_on_the_host(nnc: Nnc, tmp_path: Path, samples: Path, images: Array) -> None:
    out = tmp_path / "out.npz"
    outcome = nnc("run", DIGITS, "--on", "host", "--inputs", samples, "-o", out)
    assert outcome.code == 0, outcome.errors
    assert outcome.output.startswith(f"{out}: 10 samples on host (")
    assert outcome.errors == "note: input 'image': float values were quantised to int8\n"
    assert outputs(out).shape == (10, 10)
    assert np.array_equal(outputs(out), expected(images))


@needs_boards
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_on_a_core(nnc: Nnc, tmp_path: Path, samples: Path, images: Array, core: str) -> None:
    out = tmp_path / "out.npz"
    outcome = nnc("run", DIGITS, "--on", core, "--inputs", samples, "-o", out)
    assert outcome.code == 0, outcome.errors
    assert "instructions each (not cycles)" in outcome.output
    assert np.array_equal(outputs(out), expected(images))


def test_inputs_go_by_two_names(nnc: Nnc, tmp_path: Path, images: Array) -> None:
    np.savez(tmp_path / "in.npz", **{"serving_default_image:0": images})
    words = ("--on", "host", "--inputs", tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    assert nnc("run", DIGITS, *words).code == 0
    assert np.array_equal(outputs(tmp_path / "out.npz"), expected(images))


def test_outside_the_arena(nnc: Nnc, tmp_path: Path, samples: Path, images: Array) -> None:
    out = tmp_path / "out.npz"
    words = ("run", DIGITS, "--on", "host", "--inputs", samples, "-o", out, "--io", "outside")
    assert nnc(*words, "--target", "cortex-m7", "--kernels", "none").code == 0
    assert np.array_equal(outputs(out), expected(images))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "host", "-o", "a.npz"], "--inputs FILE -o FILE"),
        (["--on", "host", "--inputs", "random:0:1"], "--inputs FILE -o FILE"),
        (["--on", "host", "--inputs", "random:0:1", "-o", "a.npy"], "a file ending in .npz"),
        (["--on", "host", "--inputs", "absent.npz", "-o", "a.npz"], "No such file"),
        (["--on", "host", "--inputs", "a.txt", "-o", "a.npz"], "expected a file ending in one of"),
        (["--on", "m4", "--inputs", "random:0:1", "-o", "a.npz"], "did you mean 'cortex-m4'?"),
        (
            ["--on", "cortex-m4", "--target", "cortex-m7", "--inputs", "random:0:1", "-o", "a.npz"],
            "--target is for --on host",
        ),
        (
            ["--on", "host", "--inputs", "random:0:1", "-o", "absent/a.npz"],
            "error: absent/a.npz: No such",
        ),
    ],
)
def test_a_mistake_is_one_line(
    nnc: Nnc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = nnc("run", DIGITS, *words)
    assert (outcome.code, outcome.output) == (1, "")
    assert outcome.errors.count("\n") == 1
    assert message in outcome.errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ("host", "no C compiler found: install one (apt install gcc)"),
        ("cortex-m4", "arm-none-eabi-gcc not found: install it (apt install gcc-arm-none-eabi"),
    ],
)
def test_missing_tools_are_named(
    nnc: Nnc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: str, message: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ("run", DIGITS, "--on", on, "--inputs", "random:0:1", "-o", tmp_path / "out.npz")
    outcome = nnc(*words)
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert message in outcome.errors


def test_show_pipeline_of_each_verb(nnc: Nnc) -> None:
    lines = {
        nnc(verb, DIGITS, "--on", "cortex-m4", "--show-pipeline").output
        for verb in ("run", "validate", "bench")
    }
    assert len(lines) == 1
    assert lines.pop().startswith(f"nn-opt {DIGITS} -p '")


@pytest.mark.parametrize("option", ["--scale", "--timeout"])
@pytest.mark.parametrize("number", ["nan", "inf", "0", "-1", "x"])
def test_numbers_that_mean_nothing(nnc: Nnc, tmp_path: Path, option: str, number: str) -> None:
    words = ("run", DIGITS, "--on", "host", "--inputs", "random:0:1", "-o", tmp_path / "out.npz")
    outcome = nnc(*words, f"{option}={number}")
    assert outcome.code == 1
    assert outcome.errors == (
        f"error: argument {option}: expected a number above 0, got '{number}'\n"
    )
