"""`nnc ops`: the list of what is supported."""

from __future__ import annotations

import json
from itertools import product
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


def test_the_matrix(nnc: Nnc, tmp_path: Path) -> None:
    outcome = nnc("ops", "--matrix", "--json", tmp_path / "matrix.json")
    assert outcome.code == 0, outcome.errors
    rows = json.loads((tmp_path / "matrix.json").read_text())
    kinds = ("binary", "int8", "float32")
    found = {(row["layer"], row["input"], row["weights"], row["output"]): row for row in rows}
    layers = ("conv2d", "depthwise_conv2d", "dense")
    assert set(found) == set(product(layers, kinds, kinds, kinds))
    assert len({(row["accumulator"], row["epilogue"]) for row in rows}) == 6
    for (_, source, weights, output), row in found.items():
        whole = "float32" not in (source, weights)
        assert row["accumulator"] == ("int32" if whole else "float32")
        assert (row["epilogue"] == "sign") == (output == "binary")
    signs = found["conv2d", "binary", "binary", "binary"]["kernels"]
    assert signs["cortex-m4"].startswith("nnc_bin_conv")
    assert found["dense", "float32", "float32", "float32"]["kernels"]["cortex-m0"] == "loops"
    assert outcome.output.count("depthwise_conv2d") == 27
