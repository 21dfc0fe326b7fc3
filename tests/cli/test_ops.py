"""`nnc ops`: the list of what is supported."""

from __future__ import annotations

import json
from pathlib import Path

from support.nnc_command import Nnc

from nnc.passes.tfl import REWRITES


def test_every_operator_is_listed(nnc: Nnc, tmp_path: Path) -> None:
    outcome = nnc("ops", "--json", tmp_path / "ops.json")
    assert outcome.code == 0, outcome.errors
    rows = json.loads((tmp_path / "ops.json").read_text())
    assert len(rows) == len(REWRITES)
    assert all(list(row) == ["format", "operator", "types"] for row in rows)
    by_name = {row["operator"]: row["types"] for row in rows}
    assert by_name["SOFTMAX"] == ["float32", "int8", "uint8", "int16"]
    assert {"hybrid", "int4 weights"} <= set(by_name["CONV_2D"])
    assert all(name in outcome.output for name in by_name)


def test_one_format(nnc: Nnc) -> None:
    assert nnc("ops", "--format", "tflite").output == nnc("ops").output


def test_a_format_that_does_not_exist(nnc: Nnc) -> None:
    outcome = nnc("ops", "--format", "tflit")
    assert (outcome.code, outcome.output) == (1, "")
    assert outcome.errors.startswith("error: unknown format 'tflit': did you mean 'tflite'? ")
