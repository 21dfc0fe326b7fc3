"""`nnc ops`: the list of what is supported."""

from __future__ import annotations

import json
from pathlib import Path

from support.nnc_command import Nnc

from nnc.frontends import FORMATS
from nnc.passes.tfl import REWRITES


def test_every_operator_is_listed(nnc: Nnc, tmp_path: Path) -> None:
    outcome = nnc("ops", "--json", tmp_path / "ops.json")
    assert outcome.code == 0, outcome.errors
    rows = json.loads((tmp_path / "ops.json").read_text())
    assert all(list(row) == ["format", "operator", "types"] for row in rows)
    listed = {(row["format"], row["operator"]): row["types"] for row in rows}
    assert len(listed) == len(rows)
    assert {name for name, _ in listed} == set(FORMATS)
    tflite = {kind.name.removeprefix("tfl.").upper() for kind in REWRITES}
    assert {("tflite", name) for name in tflite} <= set(listed)
    assert {("keras", name) for name in ("Conv2D", "ZeroPadding2D", "Bidirectional")} <= set(listed)
    assert {("keras", "QuantConv2D"), ("keras", "SteSign"), ("tflite", "LceQuantize")} <= set(
        listed
    )
    assert listed["tflite", "LceBconv2d"] == ["binary", "float32", "int8"]
    assert listed["tflite", "SOFTMAX"] == ["float32", "int8", "uint8", "int16"]
    assert {"hybrid", "int4 weights"} <= set(listed["tflite", "CONV_2D"])
    assert all(name in outcome.output for _, name in listed)


def test_one_format(nnc: Nnc) -> None:
    lines = nnc("ops", "--format", "keras").output.splitlines()
    assert {line.split()[0] for line in lines[4:] if line.strip()} == {"keras"}
    assert any("DepthwiseConv2D" in line for line in lines)


def test_a_format_that_does_not_exist(nnc: Nnc) -> None:
    outcome = nnc("ops", "--format", "tflit")
    assert (outcome.code, outcome.output) == (1, "")
    assert outcome.errors.startswith("error: unknown format 'tflit': did you mean 'tflite'? ")
