"""
Our portable functions and scratch rules against an installed CMSIS-NN.

They run where the environment variable CMSIS_NN_ROOT names a folder that has the library for some
cores in folders named after them, and, for the scratch rules, for this machine in `host`.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.arrays import integers
from support.c_library import ints
from support.installed import installed

from nnc.boards import CORES, Board, core
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime.cmsis_buffer_sizes import Geometry
from nnc.toolchain import (
    BOARDS,
    RUNTIME,
    BuildOptions,
    Source,
    board_defines,
    build_for_board,
    build_for_host,
    emulator,
    host_compiler,
)

HOST = "host"
DRIVER = Path(__file__).parent / "twin_against_library.c"
TWINS = [Source(path, (RUNTIME,)) for path in sorted(RUNTIME.glob("nnc_cmsis_*.c"))]
CASES = 150


def build(name: str, folder: Path) -> list[str]:
    """The driver, built with the library for a core; the command that runs it."""
    library = installed(name)
    driver = Source(DRIVER, (library.include, RUNTIME, BOARDS))
    options = BuildOptions(libraries=(library.library,))
    program = folder / "driver"
    if name == HOST:
        platform = Source(BOARDS / "platform_host.c", (RUNTIME, BOARDS))
        build_for_host([driver, platform, *TWINS], program, options)
        return [str(program)]
    board: Board = core(name).boards[-1]  # The roomiest.
    platform = Source(BOARDS / "platform_cortex_m.c", (RUNTIME, BOARDS), board_defines(board))
    build_for_board(core(name), board, [driver, platform, *TWINS], program, options)
    machine = ["-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    return [emulator(), *machine, *semihosting, "-kernel", str(program)]


@pytest.mark.parametrize("name", [HOST, *(row.name for row in CORES)])
def test_same_bits(name: str, tmp_path: Path) -> None:
    command = build(name, tmp_path)
    (tmp_path / "nnc-in.bin").write_bytes(struct.pack("<II", 1, CASES))
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert run.returncode == 0
    lines = (tmp_path / "nnc-out.bin").read_text().splitlines()
    failures = [line for line in lines if not line.endswith(f" {CASES} 0 0 0")]
    assert failures == []
    assert len(lines) > 20


@functools.cache
def shared() -> ctypes.CDLL:
    """The library for this machine, with which its rules for all cores can be asked."""
    archive = installed(HOST).library
    target = Path(tempfile.mkdtemp(prefix="nnc-tests-"), "library.so")
    whole = ["-Wl,--whole-archive", str(archive), "-Wl,--no-whole-archive"]
    command = [host_compiler().path, "-shared", *whole, "-lm", "-o", str(target)]
    linked = subprocess.run(command, capture_output=True, text=True, check=False)
    if linked.returncode != 0:
        pytest.skip(f"{archive} is not made of position-independent code")
    return ctypes.CDLL(str(target))


CLASSES = {"": core("cortex-m3"), "_dsp": core("cortex-m4"), "_mve": core("cortex-m55")}


def ask(function: str, suffix: str, *arguments: Any) -> int:
    name = f"arm_{function}_get_buffer_size{suffix}"
    return int(getattr(shared(), name)(*arguments))


def drawn(seed: int) -> tuple[Geometry, int]:
    """A random convolution, and a multiplier for a depthwise one."""
    numbers = iter(integers(np.random.default_rng(seed), 1, 1 << 20, 40).tolist())

    def one(low: int, high: int) -> int:
        return low + next(numbers) % (high - low + 1)

    strides, dilations = (one(1, 3), one(1, 3)), (1, 1) if one(0, 3) else (one(1, 2), one(1, 2))
    kernel = (1, one(1, 5)) if one(0, 1) else (one(1, 4), one(1, 4))
    padding = (one(0, 1) * (kernel[0] // 2), 0, one(0, 1) * (kernel[1] // 2), 0)
    height = 1 if kernel[0] == 1 and one(0, 1) else one(1, 12)
    depth = one(1, 40)
    source = (one(1, 2), height, one(1, 20), depth)
    output = (source[0], one(1, 12), one(1, 20), one(1, 40))
    weights = (output[3], *kernel, depth)
    return Geometry(source, weights, output, strides, dilations, padding), one(1, 3)


@pytest.mark.parametrize("suffix", CLASSES)
def test_scratch_of_convolutions(suffix: str) -> None:
    target = CLASSES[suffix]
    for seed in range(400):
        layer, multiple = drawn(seed)
        top, _, left, _ = layer.padding
        tiles = [*layer.strides[::-1], left, top, *layer.dilations[::-1]]
        activation = (-128, 127)
        geometry = ints(*layer.source), ints(*layer.weights), ints(*layer.output)
        parameters = ints(0, 0, *tiles, *activation)
        for name, found in (
            ("convolve_wrapper_s8", sizes.convolve_wrapper_s8(target, layer)),
            ("convolve_wrapper_s16", sizes.convolve_wrapper_s16(target, layer)),
        ):
            assert found == ask(name, suffix, parameters, *geometry), f"{suffix} {layer}"
        filters = (1, *layer.weights[1:3], layer.source[3] * multiple)
        layer = replace(layer, weights=filters, output=(*layer.output[:3], filters[3]))
        geometry = ints(*layer.source), ints(*filters), ints(*layer.output)
        parameters = ints(0, 0, multiple, *tiles, *activation)
        for name, found in (
            ("depthwise_conv_wrapper_s8", sizes.depthwise_conv_wrapper_s8(target, layer)),
            ("depthwise_conv_wrapper_s16", sizes.depthwise_conv_wrapper_s16(target, layer)),
        ):
            assert found == ask(name, suffix, parameters, *geometry), f"{suffix} {layer}"


@pytest.mark.parametrize("suffix", ["", "_mve"])
def test_scratch_of_transposed_convolutions(suffix: str) -> None:
    """Never less than the library asks for, and no more where both strides are equal."""
    for seed in range(400):
        layer, _ = drawn(seed)
        tiles = (*layer.strides[::-1], 0, 0, 0, 0, 1, 1)
        parameters = ints(0, 0, *tiles, -128, 127)
        geometry = ints(*layer.source), ints(*layer.weights), ints(*layer.output)
        asked = ask("transpose_conv_s8", suffix, parameters, *geometry)
        found = sizes.transpose_conv_wrapper_s8(CLASSES[suffix], layer)
        assert found.context >= asked
        assert found.context == asked or layer.strides[0] < layer.strides[1]
        reverse = shared().arm_transpose_conv_s8_get_reverse_conv_buffer_size
        assert found.output_context == reverse(parameters, *geometry[:2])


@pytest.mark.parametrize("suffix", CLASSES)
def test_scratch_of_the_rest(suffix: str) -> None:
    target = CLASSES[suffix]
    for channels in (1, 7, 40):
        filters = ints(5, 1, 1, channels)
        assert sizes.fully_connected_s8(target, channels) == ask(
            "fully_connected_s8", suffix, filters
        )
        for width in (8, 16):
            assert sizes.avgpool_s8(target, channels) == ask(
                f"avgpool_s{width}", suffix, 3, channels
            )
        found = sizes.svdf_s8(target, batches=2, filters=channels, rank=1)
        assert found.kernel_sums == ask("svdf_s8", suffix, ints(channels, 1, 1, 5))
