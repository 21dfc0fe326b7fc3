"""Whole models as C give what the reference interpreter gives, in every tensor, on every core."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image
from support.compiled import LOOPS, SANITIZED, WHOLE, How, run_on_core
from support.oracle import Array, Reference, edge_inputs, random_inputs, smooth_inputs
from support.project import ROOT
from support.sample_network import needs_boards
from support.tflite_compiled import check, check_all

DIGITS = ROOT / "examples/digits"
MODELS = (
    *(f"mlperf_tiny/{name}_int8" for name in ("ad", "kws", "resnet8", "sww", "vww")),
    *(f"mlperf_tiny/{name}_float" for name in ("ad", "resnet8", "vww")),
    *(f"tflm/{name}_int8" for name in ("hello_world", "micro_speech", "person_detect")),
    "tflm/hello_world_float",
)
CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")


def folder() -> Path:
    """The folder of the public models."""
    name = os.environ.get("NNC_MODELS")
    if name is None:
        pytest.skip("set NNC_MODELS to the folder of the public reference models")
    return Path(name)


def oracle(data: bytes) -> Reference:
    """
    The interpreter for a model. It refuses `person_detect`, whose biases claim to be quantised
    along an axis that they do not have, so that axis is corrected.
    """
    model = cast(Any, schema).ModelT.InitFromPackedBuf(data, 0)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            quantization = tensor.quantization
            if quantization is not None and quantization.quantizedDimension >= len(tensor.shape):
                quantization.quantizedDimension = 0
    builder: Any = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return Reference(bytes(builder.Output()))


def samples_of(reference: Reference, random: int = 1, smooth: int = 2) -> list[list[Array]]:
    """Random, smooth and constant inputs."""
    inputs = reference.inputs
    return [
        *random_inputs(inputs, 1, random),
        *smooth_inputs(inputs, 2, smooth),
        *edge_inputs(inputs),
    ]


@pytest.mark.parametrize("name", ["digits_int8", "digits_float"])
def test_digits(name: str) -> None:
    data = (DIGITS / f"{name}.tflite").read_bytes()
    samples = samples_of(Reference(data), 5, 5)
    for how in (LOOPS, WHOLE, SANITIZED, How(compiler="clang"), How(io="outside")):
        assert check_all([(data, samples)], how) == [[]]


@pytest.mark.parametrize("flags", ["-O3 -std=gnu11 -ffp-contract=fast -mfma", "-Os", "-O0"])
def test_flags_change_nothing(flags: str) -> None:
    for name in ("digits_int8", "digits_float"):
        data = (DIGITS / f"{name}.tflite").read_bytes()
        how = How(flags=tuple(flags.split()))
        assert check_all([(data, samples_of(Reference(data)))], how) == [[]]


@pytest.mark.parametrize("name", MODELS)
def test_model(name: str) -> None:
    data = (folder() / f"{name}.tflite").read_bytes()
    reference = oracle(data)
    assert check_all([(data, samples_of(reference))], oracles=[reference]) == [[]]


@pytest.mark.parametrize("name", MODELS)
def test_all_passes_and_kernels(name: str) -> None:
    data = (folder() / f"{name}.tflite").read_bytes()
    reference = oracle(data)
    assert check_all([(data, samples_of(reference))], WHOLE, [reference]) == [[]]


@pytest.mark.parametrize("how", [LOOPS, WHOLE], ids=["loops", "whole"])
def test_hybrid(how: How) -> None:
    """What is quantised at run time, and its scale and zero point, has no tensor in the model."""
    data = (folder() / "mlperf_tiny/kws_hybrid.tflite").read_bytes()
    (unknown,) = check_all([(data, samples_of(Reference(data)))], how)
    assert unknown
    assert all(re.search(r"/dynamic_quantize$|^layer\d+_[12]$", name) for name in unknown)


@pytest.mark.parametrize("name", ["person", "no_person"])
def test_images(name: str) -> None:
    image = np.asarray(Image.open(folder() / f"tflm/{name}.bmp"), np.int16)
    for model, channels in (("tflm/person_detect_int8", 1), ("mlperf_tiny/vww_int8", 3)):
        data = (folder() / f"{model}.tflite").read_bytes()
        pixels = np.repeat((image - 128).astype(np.int8)[None, :, :, None], channels, 3)
        assert check_all([(data, [[pixels]])], oracles=[oracle(data)]) == [[]]


def test_spectrograms() -> None:
    data = (folder() / "mlperf_tiny/sww_int8.tflite").read_bytes()
    reference = Reference(data)
    (info,) = reference.inputs
    arrays = cast(dict[str, Array], np.load(folder() / "mlperf_tiny/sww_calibration_samples.npz"))
    codes = np.round(arrays["specs"] / info.scales[0]) + info.zero_point
    stored = np.clip(codes, -128, 127).astype(np.int8)
    samples = [[stored[k : k + 1]] for k in range(len(stored))]
    assert check_all([(data, samples)], oracles=[reference]) == [[]]


@needs_boards
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", ["digits_int8", "digits_float"])
def test_digits_on_core(name: str, core: str) -> None:
    data = (DIGITS / f"{name}.tflite").read_bytes()
    reference = Reference(data)
    samples = samples_of(reference)
    runs, _ = run_on_core(data, samples, core)
    for run, sample in zip(runs, samples, strict=True):
        assert run.layers and check(run, reference, sample) == []


@needs_boards
@pytest.mark.parametrize("core", CORES)
def test_keywords_on_core(core: str) -> None:
    data = (folder() / "mlperf_tiny/kws_int8.tflite").read_bytes()
    reference = Reference(data)
    samples = smooth_inputs(reference.inputs, 3, 1)
    runs, _ = run_on_core(data, samples, core)
    assert runs[0].layers and check(runs[0], reference, samples[0]) == []
