"""Finding compilers, building, and what is said when that fails."""

import os
from pathlib import Path

import pytest
from support.sample_network import ROGUE, SAMPLE, needs_boards, options

from nnc import toolchain
from nnc.boards import core
from nnc.emulator import build_network, run_network
from nnc.object_cache import ObjectCache
from nnc.sizes import measure_size
from nnc.toolchain import (
    BuildError,
    BuildOptions,
    Source,
    ToolMissingError,
    arm_compiler,
    build_for_host,
    compile_all,
    emulator,
    host_compiler,
    network_sources,
)


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("empty_path")
def test_missing_tools_say_what_to_install() -> None:
    with pytest.raises(ToolMissingError, match=r"^no C compiler found: install"):
        host_compiler()
    with pytest.raises(ToolMissingError, match=r"apt install gcc-arm-none-eabi libnewlib"):
        arm_compiler(core("cortex-m4"))
    with pytest.raises(ToolMissingError, match=r"apt install qemu-system-arm"):
        emulator()


@pytest.mark.usefixtures("empty_path")
@pytest.mark.parametrize("on", ["host", "cortex-m4"])
def test_running_without_a_compiler_is_one_line(on: str) -> None:
    with pytest.raises(ToolMissingError) as caught:
        run_network(SAMPLE, "net", [], on=on)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("empty_path")
def test_measuring_without_a_compiler_is_one_line() -> None:
    with pytest.raises(ToolMissingError, match="arm-none-eabi-gcc not found"):
        measure_size(SAMPLE, "net", "cortex-m4")


def test_a_home_that_cannot_be_written_to_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "main.c"))
    toolchain._default_cache.cache_clear()
    try:
        build_for_host([Source(tmp_path / "main.c", ())], tmp_path / "x", BuildOptions())
    finally:
        toolchain._default_cache.cache_clear()
    assert (tmp_path / "x").is_file()


def test_a_cache_may_be_tidied_by_several_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("stays.o", "goes.o"):
        (tmp_path / name).touch()
    scandir = os.scandir

    def listed(folder: Path) -> list[os.DirEntry[str]]:
        entries = list(scandir(folder))
        (tmp_path / "goes.o").unlink()
        return entries

    monkeypatch.setattr(os, "scandir", listed)
    ObjectCache(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["stays.o"]


def test_a_named_compiler_that_is_missing_is_named() -> None:
    with pytest.raises(ToolMissingError, match="C compiler 'tcc-99' not found"):
        host_compiler("tcc-99")


def test_a_folder_without_c_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no C files in"):
        network_sources(tmp_path, BuildOptions())


def test_a_compile_error_is_one_line_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int f(void) {\n    return nothing;\n}\n")
    with pytest.raises(BuildError, match=r"cannot build bad\.c: bad\.c:2:.*nothing") as caught:
        build_for_host([Source(tmp_path / "bad.c", ())], tmp_path / "x", BuildOptions())
    assert "\n" not in str(caught.value)
    assert "bad.c:2" in caught.value.log


def test_a_link_error_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int f(void);\nint main(void) { return f(); }\n")
    with pytest.raises(BuildError, match=r"cannot build x: .*undefined reference to `f'"):
        build_for_host([Source(tmp_path / "main.c", ())], tmp_path / "x", BuildOptions())


def test_strict_builds_refuse_warnings(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { int x = 1.5; return 0; }\n")
    sources = [Source(tmp_path / "main.c", ())]
    build_for_host(sources, tmp_path / "x", BuildOptions())
    with pytest.raises(BuildError, match="error: "):
        build_for_host(sources, tmp_path / "x", BuildOptions(strict=True))


def test_objects_are_cached_by_content(tmp_path: Path) -> None:
    def build(folder: str, value: int, *, flags: tuple[str, ...] = ()) -> Path:
        place = tmp_path / folder
        (place / "include").mkdir(parents=True, exist_ok=True)
        (place / "include" / "value.h").write_text(f"#define VALUE {value}\n")
        (place / "f.c").write_text('#include "value.h"\nint f(void) { return VALUE; }\n')
        source = Source(place / "f.c", (place / "include",))
        chosen = BuildOptions(cache=tmp_path / "cache", flags=flags)
        return compile_all(host_compiler(), [source], (), chosen)[0]

    first = build("a", 1)
    assert build("a", 1) == first
    assert build("elsewhere", 1) == first
    assert build("a", 2) != first
    assert build("a", 1, flags=("-g",)) != first
    assert build("a", 1) == first
    assert first.parent == tmp_path / "cache"


def test_the_cache_notices_a_header_that_disappeared(tmp_path: Path) -> None:
    (tmp_path / "value.h").write_text("#define VALUE 1\n")
    (tmp_path / "f.c").write_text('#include "value.h"\nint f(void) { return VALUE; }\n')
    chosen = BuildOptions(cache=tmp_path / "cache")
    source = Source(tmp_path / "f.c", ())
    compile_all(host_compiler(), [source], (), chosen)
    (tmp_path / "value.h").unlink()
    with pytest.raises(BuildError, match=r"value\.h"):
        compile_all(host_compiler(), [source], (), chosen)


@needs_boards
def test_too_much_flash_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "big.c").write_text(
        '#include "nnc.h"\n'
        "const uint8_t big[5 << 20] = {1};\n"
        "const nnc_network big_network = {.inputs = (const void *)big};\n"
    )
    with pytest.raises(BuildError, match=r"does not fit cortex-m4 \(mps2-an386\): \d+ bytes too"):
        build_network(tmp_path, "big", tmp_path, on="cortex-m4", options=options())


@needs_boards
def test_other_flags_build_too(tmp_path: Path) -> None:
    chosen = options("-std=gnu11", "-ffp-contract=fast", "-DROGUE=0", opt="-O3")
    result = run_network(ROGUE, "rogue", [[b"1234"]], on="cortex-m7", options=chosen)
    assert result.instructions is not None
