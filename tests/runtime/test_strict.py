"""Every C file of the runtime compiles without a warning, everywhere and with all usual options."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nnc.boards import CORES, core
from nnc.toolchain import (
    RUNTIME,
    BuildError,
    BuildOptions,
    Compiler,
    Source,
    arm_compiler,
    compile_all,
    host_compiler,
)

SOURCES = tuple(Source(path, (RUNTIME,)) for path in sorted(RUNTIME.glob("nnc_*.c")))
BODIES = (
    *("nnc_bin_dense_loops", "nnc_bin_dense_numbers", "nnc_i8bin_numbers", "nnc_i8bin_sizes"),
    *("nnc_bin_depthwise_loops", "nnc_bin_depthwise_numbers", "nnc_bin_fixed", "nnc_bin_starts"),
    *("nnc_bin_loops", "nnc_bin_numbers", "nnc_bin_outputs", "nnc_bin_sizes"),
    *("nnc_bin_mve_outputs", "nnc_bin_mve_tile", "nnc_i8bin_patch", "nnc_i8bin_sums"),
    *("nnc_cmsis_pool", "nnc_cmsis_svdf"),
)
"""Headers that need something from their includers."""

USERS_CHOICE = BuildOptions(opt="-O3", flags=("-std=gnu11", "-ffp-contract=fast"), strict=True)


def strictly(compiler: Compiler, options: BuildOptions) -> None:
    assert len(compile_all(compiler, SOURCES, (), options)) == len(SOURCES)


@pytest.mark.parametrize("name", ["gcc", "clang"])
@pytest.mark.parametrize("options", [BuildOptions(strict=True), USERS_CHOICE])
def test_host(name: str, options: BuildOptions) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    strictly(host_compiler(name), options)


@pytest.mark.parametrize("name", [core.name for core in CORES])
@pytest.mark.parametrize("opt", ["-O2", "-Os"])
def test_boards(name: str, opt: str) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    strictly(arm_compiler(core(name)), BuildOptions(opt=opt, strict=True))


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [(("-ffast-math",), "IEEE"), (("-Ofast",), "IEEE"), (("-D__ARM_BIG_ENDIAN",), "endian")],
)
def test_refused(flags: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    options = BuildOptions(flags=flags, cache=tmp_path)
    with pytest.raises(BuildError, match=complaint):
        compile_all(host_compiler(), SOURCES[:1], (), options)


def test_headers_stand_alone(tmp_path: Path) -> None:
    for header in sorted(RUNTIME.glob("nnc*.h")):
        if header.stem in BODIES:
            continue
        source = tmp_path / f"{header.stem}.c"
        source.write_text(f'#include "{header.name}"\nextern int nothing;\n')
        options = BuildOptions(strict=True, cache=tmp_path / "cache")
        compile_all(host_compiler(), [Source(source, (RUNTIME,))], (), options)
