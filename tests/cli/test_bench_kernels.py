"""`nnc bench-kernels`: layers by name and by description, what is counted, what is compared."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from support.nnc_command import Nnc
from support.sample_network import needs_boards
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.interpreter import Run, run
from nnc.dialects.types import Array
from nnc.kernel_bench import LAYERS, Layer, module_of, parse_layer
from nnc.passes.diagnostics import UsageError

CMSIS_NN = os.environ.get("CMSIS_NN_ROOT")
SMALL = "conv2d:5x7x40-3x3-33:bin,bin,bin"


def test_every_name_is_a_layer() -> None:
    for name, text in LAYERS.items():
        layer, described = parse_layer(name), parse_layer(text)
        assert (layer.image, layer.types, layer.macs) == (
            described.image,
            described.types,
            described.macs,
        )


def test_names_stand_for_the_shapes_of_the_library() -> None:
    assert parse_layer("bin3x3-64").macs == 16 * 16 * 64 * 64 * 9
    assert parse_layer("conv3x3-3-s2").macs == 48 * 48 * 8 * 27
    assert parse_layer("dw3x3-64").macs == 16 * 16 * 64 * 9
    assert parse_layer("dense-1024").macs == 1024 * 256


def test_options_of_a_description() -> None:
    layer = parse_layer("conv2d:16x15x8-3x3-4:bin,i8,f32:s2:pad-1")
    expected = Layer(
        layer.name, "conv2d", (16, 15, 8), (3, 3), 4, ("bin", "i8", "f32"), 2, True, -1
    )
    assert layer == expected
    assert (layer.borders, layer.spatial) == ((0, 1, 1, 1), (8, 8))
    (conv,) = (op for op in module_of(layer).walk() if isinstance(op, Conv2DOp))
    assert conv.outside == -1
    assert parse_layer("depthwise:9x9x8-3x5-16:i8,i8,i8:valid").spatial == (7, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bin3x3", "did you mean 'bin3x3-64'"),
        ("conv2d:16x16x64:bin,bin,bin", "expected conv2d:HxWxC-KHxKW-M:IN,W,OUT"),
        ("dense:8-8:bin,u8,bin", "expected types bin, i8, f32, got 'u8'"),
        ("dense:8-8:bin,bin,bin:s2", "a dense layer has no options"),
        ("conv2d:2x2x1-3x3-1:i8,i8,i8:valid", "the kernel is larger than the image"),
        ("conv2d:4x4x1-3x3-1:i8,i8,i8:pad+1", "is for binary inputs"),
        ("conv2d:4x4x1-3x3-1:i8,i8,i8:same", "expected s1 to s9, valid, pad+1 or pad-1"),
        ("depthwise:4x4x3-3x3-4:i8,i8,i8", "in a multiple of 3, got 4"),
        ("dense:99999-99999:i8,i8,i8", "at most 4,294,967,296"),
    ],
)
def test_what_is_no_layer_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_layer(text)
    said = str(caught.value)
    assert message in said
    assert "\n" not in said


@needs_boards
def test_records(nnc: Nnc, tmp_path: Path) -> None:
    words = ("bench-kernels", "--layer", "dense-64", SMALL, "--on", "cortex-m0", "cortex-m4")
    outcome = nnc(*words, "--json", tmp_path / "a.json")
    assert outcome.code == 0, outcome.errors
    assert "2.750 (published)" in outcome.output
    assert "Instructions are not cycles" in outcome.errors
    records = json.loads((tmp_path / "a.json").read_text())
    assert [(it["layer"], it["core"]) for it in records] == [
        *(("dense-64", "cortex-m0"), ("dense-64", "cortex-m4")),
        *((SMALL, "cortex-m0"), (SMALL, "cortex-m4")),
    ]
    for record in records:
        assert record["mismatches"] == 0
        assert record["elements"] in (10, 5 * 7 * 33)
        assert record["instructions"] > 0
        assert f"{record['instructions']:,}" in outcome.output
        assert not record["cmsis_nn_measured"]
    assert [it["cmsis_nn"] for it in records] == [None, 2.75, None, None]
    assert [it["macs"] for it in records] == [640, 640, 5 * 7 * 33 * 9 * 40, 5 * 7 * 33 * 9 * 40]
    assert nnc(*words, "--json", tmp_path / "b.json").code == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@needs_boards
def test_constant_time(nnc: Nnc, tmp_path: Path) -> None:
    words = ("bench-kernels", "--layer", "dense:64-40:bin,bin,bin", "--on", "cortex-m4", "--json")
    kernels: list[str] = []
    for more in ((), ("--constant-time",)):
        assert nnc(*words, tmp_path / "a.json", *more).code == 0
        kernels += [it["kernel"] for it in json.loads((tmp_path / "a.json").read_text())]
    assert kernels == ["nnc_bin_dense_bin", "nnc_bin_dense_ct_bin"]


@needs_boards
def test_what_differs_from_the_reference_is_named(
    nnc: Nnc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(module: ModuleOp, inputs: list[Array]) -> Run:
        result = np.array(run(module, inputs).outputs[0])
        result.flat[:3] += 1
        return Run((result,), {})

    monkeypatch.setattr("nnc.kernel_bench.run", wrong)
    outcome = nnc("bench-kernels", "--layer", "dense-64", "--on", "cortex-m4")
    assert outcome.code == 1
    assert "error: dense-64 on cortex-m4: 3 of 10 elements" in outcome.errors


def test_a_core_that_does_not_exist(nnc: Nnc) -> None:
    outcome = nnc("bench-kernels", "--on", "cortex-m9")
    assert (outcome.code, outcome.errors.count("\n")) == (1, 1)
    assert "unknown core 'cortex-m9'" in outcome.errors


@needs_boards
@pytest.mark.skipif(CMSIS_NN is None, reason="set CMSIS_NN_ROOT to a folder with CMSIS-NN 7")
def test_the_library_is_measured_where_it_is(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMSIS_NN_ROOT", str(CMSIS_NN))
    outcome = nnc("bench-kernels", "--layer", "dense:64-10:bin,bin,bin", "--on", "cortex-m4")
    assert outcome.code == 0, outcome.errors
    assert "published" not in outcome.output + outcome.errors
    assert 1 < float(outcome.output.split()[-2]) < 4
