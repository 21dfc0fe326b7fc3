"""
Our portable functions, scratch rules and limits against an installed CMSIS-NN.

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

from nnc.boards import CORES, Board, core
from nnc.cmsis_nn import Installation, installation
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime import cmsis_limits as limits
from nnc.toolchain import (
    BOARDS,
    RUNTIME,
    BuildOptions,
    Source,
    ToolError,
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


@functools.cache
def installed(name: str) -> Installation:
    try:
        found = installation(name)
    except ToolError as error:
        pytest.skip(str(error))
    if found is None:
        pytest.skip("set CMSIS_NN_ROOT to a folder with an installed CMSIS-NN 7 for each core")
    return found


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


def shapes(seed: int) -> dict[str, Any]:
    """A random convolution."""
    draw = integers(np.random.default_rng(seed), 1, 1 << 20, 40).tolist()
    numbers = iter(draw)

    def one(low: int, high: int) -> int:
        return low + next(numbers) % (high - low + 1)

    strides, dilations = (one(1, 3), one(1, 3)), (1, 1) if one(0, 3) else (one(1, 2), one(1, 2))
    kernel = (1, one(1, 5)) if one(0, 1) else (one(1, 4), one(1, 4))
    padding = (one(0, 1) * (kernel[0] // 2), 0, one(0, 1) * (kernel[1] // 2), 0)
    height = 1 if kernel[0] == 1 and one(0, 1) else one(1, 12)
    depth = one(1, 40)
    source = (one(1, 2), height, one(1, 20), depth)
    output = (source[0], one(1, 12), one(1, 20), one(1, 40))
    return {
        "source": source,
        "weights": (output[3], *kernel, depth),
        "output": output,
        "strides": strides,
        "dilations": dilations,
        "padding": padding,
        "multiple": one(1, 3),
    }


@pytest.mark.parametrize("suffix", CLASSES)
def test_scratch_of_convolutions(suffix: str) -> None:
    target = CLASSES[suffix]
    for seed in range(400):
        row = shapes(seed)
        multiple, depth = row.pop("multiple"), row["source"][3]
        tiles = [row[key][i] for key in ("strides", "padding", "dilations") for i in (1, 0)]
        tiles[2:4] = row["padding"][2], row["padding"][0]
        activation = (-128, 127)
        geometry = ints(*row["source"]), ints(*row["weights"]), ints(*row["output"])
        parameters = ints(0, 0, *tiles, *activation)
        where = f"{suffix} {row}"
        assert sizes.convolve_wrapper_s8(target, **row) == ask(
            "convolve_wrapper_s8", suffix, parameters, *geometry
        ), where
        assert sizes.convolve_wrapper_s16(target, row["source"], row["weights"]) == ask(
            "convolve_wrapper_s16", suffix, parameters, *geometry
        ), where
        filters = (1, *row["weights"][1:3], depth * multiple)
        row |= {"weights": filters, "output": (*row["output"][:3], filters[3])}
        geometry = ints(*row["source"]), ints(*filters), ints(*row["output"])
        parameters = ints(0, 0, multiple, *tiles, *activation)
        assert sizes.depthwise_conv_wrapper_s8(target, **row) == ask(
            "depthwise_conv_wrapper_s8", suffix, parameters, *geometry
        ), where
        found = sizes.depthwise_conv_wrapper_s16(
            target, row["source"], filters, row["output"], dilations=row["dilations"]
        )
        assert found == ask("depthwise_conv_wrapper_s16", suffix, parameters, *geometry), where


@pytest.mark.parametrize("suffix", ["", "_mve"])
def test_scratch_of_transposed_convolutions(suffix: str) -> None:
    """Never less than the library asks for, and no more where both strides are equal."""
    for seed in range(400):
        row = shapes(seed)
        source, weights, output, strides = (
            row[key] for key in ("source", "weights", "output", "strides")
        )
        parameters = ints(0, 0, strides[1], strides[0], 0, 0, 0, 0, 1, 1, -128, 127)
        geometry = ints(*source), ints(*weights), ints(*output)
        asked = ask("transpose_conv_s8", suffix, parameters, *geometry)
        found = sizes.transpose_conv_wrapper_s8(
            CLASSES[suffix], source, weights, output, strides=strides
        )
        assert found.context >= asked
        assert found.context == asked or strides[0] < strides[1]
        reverse = shared().arm_transpose_conv_s8_get_reverse_conv_buffer_size
        assert found.output_context == reverse(parameters, *geometry[:2])


@pytest.mark.parametrize("suffix", CLASSES)
def test_scratch_of_the_rest(suffix: str) -> None:
    target = CLASSES[suffix]
    for channels in (1, 7, 40):
        shape = (1, 3, 3, channels)
        filters = ints(5, 1, 1, channels)
        assert sizes.fully_connected_s8(target, channels) == ask(
            "fully_connected_s8", suffix, filters
        )
        for width in (8, 16):
            asked = ask(f"avgpool_s{width}", suffix, 3, channels)
            assert sizes.avgpool_s8(target, shape, shape) == asked
        found = sizes.svdf_s8(target, batches=2, filters=channels, rank=1)
        assert found.kernel_sums == ask("svdf_s8", suffix, ints(channels, 1, 1, 5))


def test_limits() -> None:
    """The cases that the library was seen to refuse or to get wrong, and their neighbours."""
    helium, plain = core("cortex-m55"), core("cortex-m4")

    def row(width: int, kernel: int, stride: int, pixels: int, padding: int) -> str | None:
        return limits.convolve_wrapper_s8(
            helium,
            (1, 1, width, 12),
            (2, 1, kernel, 12),
            (1, 1, pixels, 2),
            strides=(1, stride),
            dilations=(1, 1),
            padding=(0, 0, padding, padding),
        )

    assert row(18, 3, 4, 4, 0) is not None
    assert row(12, 3, 2, 5, 0) is not None
    assert row(12, 5, 2, 6, 1) is not None
    assert row(12, 3, 1, 10, 0) is None
    assert row(12, 3, 2, 6, 0) is None
    assert row(12, 5, 1, 12, 2) is None
    assert limits.fully_connected_per_channel_s8(helium, 3) is not None
    assert limits.fully_connected_per_channel_s8(plain, 3) is None
    assert limits.transpose_s8(helium, (0, 1, 2, 3)) is not None
    assert limits.transpose_s8(plain, (0, 1, 3, 2)) is None
    assert limits.extremum_s8((1, 5, 4, 9), (1, 5, 1, 1)) is not None
    assert limits.extremum_s8((1, 5, 4, 9), (1, 1, 1, 1)) is None
    assert limits.softmax(512) is not None and limits.softmax(511) is None
    assert limits.elementwise_add_s8(replace(plain, has_dsp=False), 8) is None
    assert limits.elementwise_add_s8(plain, 8) is not None


def transposed(extent: int, kernel: int, stride: int, output: int, padding: int) -> str | None:
    shape = (1, extent, extent, 4), (3, kernel, kernel, 4), (1, output, output, 3)
    return limits.transpose_conv_wrapper_s8(
        *shape, strides=(stride, stride), padding=(padding, padding, padding, padding)
    )


def test_limits_of_transposed_convolutions() -> None:
    assert transposed(1, 5, 1, 1, 2) is not None
    assert transposed(3, 3, 2, 6, 0) is None
    assert transposed(3, 3, 2, 7, 0) is None
    assert transposed(3, 3, 2, 8, 0) is not None
    assert transposed(3, 1, 2, 5, 0) is not None
    assert transposed(3, 4, 2, 6, 1) is None
