"""`nnc validate`: what agrees, what does not, and what that is compared with."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from support.nnc_command import Nnc
from support.project import ROOT
from support.sample_network import needs_boards
from support.single_ops import single_op_case

import nnc.validate
from nnc.reference import NOTHING, Computed, Expected, ReferenceFailedError, tflite_reference
from nnc.reference_worker import with_existing_axes
from nnc.tensors import Array

EXAMPLES = ROOT / "examples/digits"
DIGITS = EXAMPLES / "digits_int8.tflite"
MODELS = os.environ.get("NNC_MODELS")

needs_models = pytest.mark.skipif(
    MODELS is None, reason="set NNC_MODELS to the folder of the reference models"
)


def test_every_layer_is_compared(nnc: Nnc, tmp_path: Path) -> None:
    words = ("--inputs", "random:1:3", "--json", tmp_path / "v.json")
    outcome = nnc("validate", DIGITS, "--on", "host", *words)
    assert outcome.code == 0, outcome.errors
    assert outcome.output.endswith("no mismatch in 7 layers and 1 output (3 samples)\n")

    result = json.loads((tmp_path / "v.json").read_text())
    assert result["agrees"] is True
    assert result["reference"] == "the TFLite interpreter with reference kernels"
    assert result["numerics"] == "tflite-2.21"
    assert [row["elements"] for row in result["layers"]] == [
        3 * n for n in (960, 960, 240, 512, 128, 10, 10)
    ]
    (output,) = result["outputs"]
    assert output["name"] == "output_0"
    assert (output["mismatches"], output["l2r"], output["cosine"]) == (0, 0, 1)


@pytest.mark.parametrize("kernels", ["none", "portable", "cmsis-nn"])
def test_whatever_runs_it(nnc: Nnc, kernels: str) -> None:
    words = ("--on", "host", "--inputs", "smooth:0:1", "--kernels", kernels)
    assert nnc("validate", DIGITS, *words).code == 0


@needs_boards
@pytest.mark.parametrize("model", ["digits_int8", "digits_float"])
def test_on_a_core(nnc: Nnc, model: str) -> None:
    words = ("--on", "cortex-m4", "--inputs", "random:0:1")
    assert nnc("validate", EXAMPLES / f"{model}.tflite", *words).code == 0


def test_other_arithmetic_has_another_reference(nnc: Nnc) -> None:
    words = ("--on", "host", "--inputs", "random:0:2", "--numerics", "tflm")
    outcome = nnc("validate", DIGITS, *words)
    assert outcome.code == 0, outcome.errors
    assert "against the reference semantics of the nn dialect" in outcome.output


def test_mlir_has_the_reference_of_its_dialect(nnc: Nnc, tmp_path: Path) -> None:
    model = tmp_path / "net.mlir"
    model.write_text(
        "func.func @main(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {\n"
        "  %y = nn.elu %x : (tensor<2x8xf32>) -> tensor<2x8xf32>\n"
        "  return %y : tensor<2x8xf32>\n}\n"
    )
    outcome = nnc("validate", model, "--on", "host", "--inputs", "random:0:2")
    assert outcome.code == 0, outcome.errors
    assert "no mismatch in 0 layers and 1 output (2 samples)" in outcome.output


@pytest.mark.parametrize("flavour", ["f32", "i8"])
@pytest.mark.parametrize("numerics", ["tflite", "tflm"])
def test_state_lasts_from_sample_to_sample(
    nnc: Nnc, tmp_path: Path, flavour: str, numerics: str
) -> None:
    model = tmp_path / "svdf.tflite"
    model.write_bytes(single_op_case("SVDF", flavour, 0).model)
    words = ("--on", "host", "--inputs", "random:0:5", "--numerics", numerics)
    outcome = nnc("validate", model, *words)
    assert outcome.code == 0, outcome.output + outcome.errors


def test_what_the_original_gets_wrong_is_named(nnc: Nnc, tmp_path: Path) -> None:
    model = tmp_path / "sum.tflite"
    model.write_bytes(single_op_case("SUM", "i8", 1).model)
    words = ("validate", model, "--on", "host", "--inputs", "random:0:3")
    outcome = nnc(*words)
    assert outcome.code == 1
    first, *_, last = outcome.errors.splitlines()
    assert first.startswith('note: layer "')
    assert first.endswith("computed as in the optimised kernels; the reference kernels are wrong")
    assert last.endswith("try --reference nn")
    assert nnc(*words, "--reference", "nn").code == 0
    assert "mean 'nn'?" in nnc(*words, "--reference", "nnn").errors


class Wrong:
    """A reference that is off by one in one element of one layer."""

    description = "a wrong reference"
    hint = ""
    units = 0

    def __init__(self, right: nnc.validate.Reference, layer: str):
        self.right = right
        self.layer = layer

    def run(self, inputs: Sequence[Array], computed: Computed = NOTHING) -> Expected:
        expected = self.right.run(inputs, computed)
        array = np.array(expected.tensors[self.layer])
        array.flat[-1] += 1 if array.flat[-1] < 127 else -1
        return Expected(expected.outputs, {**expected.tensors, self.layer: array})


def test_one_wrong_element_is_a_failure(
    nnc: Nnc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tflite_reference

    @contextmanager
    def wrong(
        model: bytes, shapes: Sequence[Sequence[int]], wanted: Sequence[str]
    ) -> Generator[Wrong]:
        with original(model, shapes, wanted) as right:
            yield Wrong(right, "digits/pool1/MaxPool")

    monkeypatch.setattr("nnc.validate.tflite_reference", wrong)
    words = ("--on", "host", "--inputs", "random:0:2", "--json", tmp_path / "v.json")
    outcome = nnc("validate", DIGITS, *words)
    assert outcome.code == 1
    assert outcome.output.endswith(
        "2 mismatching elements in 1 of 7 layers and 1 output, "
        "first in 'digits/pool1/MaxPool' (2 samples)\n"
    )
    result = json.loads((tmp_path / "v.json").read_text())
    assert (result["agrees"], result["mismatches"]) == (False, 2)
    assert [row["max_error"] for row in result["layers"]] == [0, 0, 1, 0, 0, 0, 0]


def test_a_reference_that_fails_is_one_line(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.reference.WORKER", "nnc.absent")
    outcome = nnc("validate", DIGITS, "--on", "host", "--inputs", "random:0:1")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert "the TFLite interpreter with reference kernels failed: " in outcome.errors


def test_a_model_that_the_interpreter_refuses() -> None:
    with (
        pytest.raises(ReferenceFailedError, match="failed"),
        tflite_reference(b"no model", [], []),
    ):
        pass


def test_a_child_that_dies_while_it_runs() -> None:
    with (
        tflite_reference(DIGITS.read_bytes(), [(1, 8, 8, 1)], []) as reference,
        pytest.raises(ReferenceFailedError, match="failed"),
    ):
        reference.run([np.zeros((1, 1), np.float64)])


def test_models_without_wrong_axes_stay_as_they_are() -> None:
    data = DIGITS.read_bytes()
    assert with_existing_axes(data) == data


@needs_models
def test_a_real_image(nnc: Nnc) -> None:
    assert MODELS is not None
    folder = Path(MODELS, "tflm")
    words = ("--on", "host", "--inputs", folder / "person.bmp")
    outcome = nnc("validate", folder / "person_detect_int8.tflite", *words)
    assert outcome.code == 0, outcome.errors
    assert "no mismatch in 30 layers and 1 output (1 sample)" in outcome.output
