"""`nnc bench`: what is measured, and that it is the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.nnc_command import Nnc
from support.project import ROOT
from support.sample_network import needs_boards

from nnc.emulator import Program, build_network
from nnc.toolchain import BuildOptions, DoesNotFitError

DIGITS = ROOT / "examples/digits/digits_int8.tflite"
FLOAT = ROOT / "examples/digits/digits_float.tflite"
KEYS = [
    *("model", "core", "optimize", "kernels", "instructions"),
    *("ram_bytes", "arena_bytes", "scratch_bytes", "stack_bytes"),
    *("weights_bytes", "code_bytes", "macs", "layers"),
]

MACS = {"digits_int8": 87_680, "digits_float": 93_440}
"""One channel of the int8 network is dead."""


@needs_boards
def test_records(nnc: Nnc, tmp_path: Path) -> None:
    words = ("bench", DIGITS, FLOAT, "--on", "cortex-m4", "cortex-m0", "--layers")
    outcome = nnc(*words, "--json", tmp_path / "a.json")
    assert outcome.code == 0, outcome.errors
    assert "Instructions are not cycles" in outcome.errors
    records = json.loads((tmp_path / "a.json").read_text())
    assert [(it["model"], it["core"]) for it in records] == [
        *(("digits_int8", "cortex-m4"), ("digits_int8", "cortex-m0")),
        *(("digits_float", "cortex-m4"), ("digits_float", "cortex-m0")),
    ]
    for record in records:
        assert list(record) == KEYS
        layers = record["layers"]
        assert [list(it) for it in layers] == [
            ["name", "op", "kernel", "instructions", "macs"]
        ] * len(layers)
        assert record["macs"] == sum(it["macs"] for it in layers) == MACS[record["model"]]
        counted = sum(it["instructions"] for it in layers)
        assert counted == pytest.approx(record["instructions"], rel=0.01)
        assert record["ram_bytes"] >= record["arena_bytes"] + record["scratch_bytes"]
        assert f"{record['instructions']:,}" in outcome.output
    int8, _, full, _ = records
    assert int8["weights_bytes"] < full["weights_bytes"]

    assert nnc(*words, "--json", tmp_path / "b.json").code == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_core_that_does_not_exist(nnc: Nnc) -> None:
    outcome = nnc("bench", DIGITS, "--on", "cortex-m4", "cortex-m9")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert "unknown core 'cortex-m9': did you mean" in outcome.errors


def test_models_may_come_last(nnc: Nnc) -> None:
    words = ("bench", "--show-pipeline", "--optimize", "ram", "time", "--on", "cortex-m4")
    first = nnc("bench", DIGITS, "--show-pipeline", "--optimize", "ram", "time", *words[-2:])
    last = nnc(*words, DIGITS)
    assert first.code == last.code == 0
    assert first.output == last.output != ""
    assert nnc(*words).errors == "error: expected one or more models\n"


@needs_boards
def test_the_library_that_was_linked_is_named(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMSIS_NN_ROOT", raising=False)
    outcome = nnc("bench", DIGITS, "--on", "cortex-m4", "--kernels", "cmsis-nn")
    assert outcome.code == 0, outcome.errors
    assert "our portable implementation of CMSIS-NN: CMSIS_NN_ROOT is not set" in outcome.errors


def test_the_library_must_be_where_it_is_said_to_be(
    nnc: Nnc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSIS_NN_ROOT", str(tmp_path))
    outcome = nnc("bench", DIGITS, "--on", "cortex-m3")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert "there is no include/arm_nnfunctions.h with lib/libcmsis-nn.a" in outcome.errors


def test_the_host_is_no_core(nnc: Nnc) -> None:
    outcome = nnc("bench", DIGITS, "--on", "host")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)


@needs_boards
def test_what_does_not_fit_is_named_and_the_rest_measured(
    nnc: Nnc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(
        sources: Path, name: str, folder: Path, *, on: str, hook: bool, options: BuildOptions
    ) -> Program:
        if on == "cortex-m3":
            raise DoesNotFitError("does not fit cortex-m3: 1 bytes too many in FLASH")
        return build_network(sources, name, folder, on=on, hook=hook, options=options)

    monkeypatch.setattr("nnc.execution.build_network", build)
    words = ("bench", DIGITS, "--on", "cortex-m3", "cortex-m4", "--json", tmp_path / "a.json")
    outcome = nnc(*words)
    assert outcome.code == 1
    assert "error: digits_int8.tflite: does not fit cortex-m3" in outcome.errors
    assert [it["core"] for it in json.loads((tmp_path / "a.json").read_text())] == ["cortex-m4"]


@needs_boards
def test_a_model_that_cannot_be_measured_keeps_none_from_it(nnc: Nnc, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(DIGITS.read_bytes()[:3000])
    json_file = tmp_path / "a.json"
    outcome = nnc(
        "bench", broken, "absent.tflite", DIGITS, "--on", "cortex-m4", "--json", json_file
    )
    assert outcome.code == 1
    assert "broken.tflite: this is not a valid TFLite file" in outcome.errors
    assert "absent.tflite: No such file" in outcome.errors
    assert [it["model"] for it in json.loads(json_file.read_text())] == ["digits_int8"]


def test_nothing_measured_is_nothing_written(nnc: Nnc, tmp_path: Path) -> None:
    outcome = nnc("bench", "absent.tflite", "--on", "cortex-m4", "--json", tmp_path / "a.json")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert list(tmp_path.iterdir()) == []
