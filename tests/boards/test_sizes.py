"""What a network costs, by the linker's map and by its machine code."""

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support.sample_network import LIBRARY, SAMPLE, needs_boards, options, sample_inputs

from nnc.boards import CORE_NAMES, core
from nnc.emulator import build_network, run_network
from nnc.link_map import Piece, read_link_map
from nnc.sizes import measure_size
from nnc.stack_bound import stack_bound
from nnc.toolchain import Source, build_for_board

MAP = """
Discarded input sections

 .text.unused   0x00000000       0x40 /x/net.o

Linker script and memory map

.vectors        0x00000000       0x40
 *(.vectors)
 .vectors       0x00000000       0x40 /x/startup.o

.text           0x00000040       0x50
 *(.text .text.*)
 .text.net_run  0x00000040       0x2a /x/net.o
                0x00000041                net_run
 *fill*         0x0000006a        0x2
 .text.a_name_that_is_too_long
                0x0000006c       0x10 /x/net.o
 .text          0x0000007c       0x10 /usr/lib/libc_nano.a(lib_a-memcpy.o)
                0x00000090                . = ALIGN (0x8)
                                  0x4 (size before relaxing)

.bss            0x20000000        0x8
 *(.bss .bss.* COMMON)
 .bss           0x20000000        0x0 /x/net.o
 COMMON         0x20000000        0x8 /x/net.o
"""


def test_a_link_map_is_read() -> None:
    assert read_link_map(MAP) == [
        Piece(".vectors", ".vectors", "/x/startup.o", 0x40),
        Piece(".text", ".text.net_run", "/x/net.o", 0x2C),
        Piece(".text", ".text.a_name_that_is_too_long", "/x/net.o", 0x10),
        Piece(".text", ".text", "/usr/lib/libc_nano.a(lib_a-memcpy.o)", 0x14),
        Piece(".bss", "COMMON", "/x/net.o", 8),
    ]
    assert [piece.archive for piece in read_link_map(MAP)][2:4] == [None, "libc_nano.a"]


@needs_boards
@pytest.mark.parametrize("on", CORE_NAMES)
def test_every_byte_of_a_program_is_in_its_map(on: str, tmp_path: Path) -> None:
    target = core(on)
    sources = [Source(path, (*options().includes,)) for path in sorted(LIBRARY.glob("*.c"))]
    main = tmp_path / "main.c"
    main.write_text('#include "library.h"\nint main(void) { return library_run(0); }\n')
    sources.append(Source(main, (LIBRARY, *options().includes)))
    elf, link_map = tmp_path / "x.elf", tmp_path / "x.map"
    build_for_board(target, target.boards[-1], sources, elf, options(), link_map=link_map)
    pieces = read_link_map(link_map.read_text())
    with elf.open("rb") as stream:
        sections = ELFFile(stream)
        for name in (".vectors", ".text", ".rodata", ".ARM.exidx", ".data", ".bss"):
            section = sections.get_section_by_name(name)
            size = section["sh_size"] if section is not None else 0
            mapped = sum(piece.size for piece in pieces if piece.output == name)
            assert size == mapped, name


@needs_boards
@pytest.mark.parametrize("on", CORE_NAMES)
def test_the_sample_network_costs_what_it_is(on: str) -> None:
    sizes = measure_size(SAMPLE, "net", on, options=options())
    assert sizes.weights == 8 * 16 + 8 * 4 + 4 * 8 + 4 * 4
    assert (sizes.library, sizes.data, sizes.bss, sizes.rodata) == (0, 0, 0, 0)
    assert (sizes.context, sizes.arena) == (8, 28)
    assert 200 < sizes.code_bytes == sizes.text < 400
    assert sizes.flash_bytes == sizes.code_bytes + sizes.weights
    assert sizes.ram_bytes(100) == 36
    assert sizes.ram_bytes(600) == 36 + 88


@needs_boards
@pytest.mark.parametrize("on", CORE_NAMES)
def test_libraries_and_variables_count(on: str) -> None:
    chosen = options()
    sizes = measure_size(LIBRARY, "library", on, options=chosen)
    assert sizes.library > 3000
    assert sizes.weights == 0
    assert sizes.data >= 4
    assert sizes.bss >= 40
    inputs = [[struct.pack("<f", x)] for x in (0.1, 1.5, -3.0, 1e9, float("inf"), 1e-39)]
    result = run_network(LIBRARY, "library", inputs, on=on, options=chosen)
    assert result.stack_bytes is not None
    # The painted stack includes the descriptor's wrapper around library_run.
    assert sizes.stack.size is not None
    assert 0.4 * sizes.stack.size < result.stack_bytes <= sizes.stack.size + 16


@needs_boards
@pytest.mark.parametrize("on", CORE_NAMES)
@pytest.mark.parametrize("opt", ["-Os", "-O0"])
def test_the_stack_bound_holds(on: str, opt: str, tmp_path: Path) -> None:
    chosen = options(opt=opt)
    sizes = measure_size(SAMPLE, "net", on, options=chosen)
    result = run_network(SAMPLE, "net", sample_inputs(3), on=on, options=chosen)
    assert sizes.stack.size is not None
    assert result.stack_bytes is not None
    assert result.stack_bytes - 32 <= sizes.stack.size <= result.stack_bytes + 32
    program = build_network(SAMPLE, "net", tmp_path, on=on, options=chosen)
    bound = stack_bound(program.executable, "run")
    assert bound.size is None or bound.size >= result.stack_bytes


@needs_boards
def test_no_bound_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(
        "#define KEPT __attribute__((noinline, noipa))\n"
        "KEPT int f(int (*g)(int)) { return g(1) + 1; }\n"
        "KEPT int r(int n) { return n < 2 ? 1 : r(n - 1) * r(n / 2) + 1; }\n"
        "int main(void) { return r(3) + f(r); }\n"
    )
    target = core("cortex-m4")
    elf = tmp_path / "x.elf"
    build_for_board(
        target, target.board, [Source(tmp_path / "main.c", ())], elf, options("-w", opt="-Os")
    )
    assert stack_bound(elf, "r").reason == "r is recursive"
    assert "calls through a pointer" in stack_bound(elf, "f").reason
    assert stack_bound(elf, "nothing").reason == "nothing is not in the program"
