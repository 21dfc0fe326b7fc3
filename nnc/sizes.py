"""Why: what a network costs in flash and RAM, honestly: everything that is in the program for it.

The network is linked into the smallest application (`runtime/boards/sizing.c`: initialise, run),
and every byte of the program is attributed by the linker's map. Start-up code and that application
are not the network's; library functions that came in for it are.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnc.boards import core
from nnc.elf import symbols
from nnc.link_map import Piece, read_link_map
from nnc.stack_bound import StackBound, stack_bound
from nnc.toolchain import (
    BOARDS,
    BuildOptions,
    Source,
    build_for_board,
    network_sources,
)

FREE_STACK_BYTES = 512
"""Stack that any application has; only what `net_run` uses beyond it counts as RAM."""

_CONTEXT = "nnc_sizing_context"
_ARENA = "nnc_sizing_arena"

Column = Literal["text", "rodata", "weights", "library", "data", "bss"]

_COLUMNS: tuple[Column, ...] = ("text", "rodata", "weights", "library", "data", "bss")
_IN_MEMORY = (".vectors", ".text", ".rodata", ".ARM.exidx", ".data", ".bss")
_TOOLCHAIN_ARCHIVES = ("libgcc.a", "libm.a", "libc_nano.a", "libc.a", "libnosys.a")


@dataclass(frozen=True)
class Sizes:
    """Bytes of a network on one core.

    `text`: machine code of the generated files and the runtime. `rodata`: their other read-only
    data, `weights` excepted: the read-only data of `*_weights.c`. `library`: code and read-only
    data from libc, libm and libgcc. `data` and `bss`: variables of all of these (none in a network
    without libm). `context` and `arena`: what the caller provides. `stack`: the most that a run can
    use, by its machine code.
    """

    core: str
    text: int
    rodata: int
    weights: int
    library: int
    data: int
    bss: int
    context: int
    arena: int
    stack: StackBound

    @property
    def code_bytes(self) -> int:
        """Everything read-only that is not a weight, initial values of variables included."""
        return self.text + self.rodata + self.library + self.data

    @property
    def flash_bytes(self) -> int:
        """All that the network adds to the program's image."""
        return self.code_bytes + self.weights

    def ram_bytes(self, stack_bytes: int) -> int:
        """All RAM, with the stack that runs were seen to use (`RunResult.stack_bytes`)."""
        variables = self.context + self.data + self.bss
        return self.arena + variables + max(0, stack_bytes - FREE_STACK_BYTES)


def measure_size(
    source_dir: Path, network: str, on: str, *, options: BuildOptions | None = None
) -> Sizes:
    """Sizes of the network called `network` in `source_dir` on the core `on`.

    Raises UnknownCoreError, ToolMissingError, BuildError.
    """
    options = options or BuildOptions()
    target = core(on)
    sources = network_sources(source_dir, options)
    weights = {source.path for source in sources if source.path.stem.endswith("_weights")}
    sources.append(_application(source_dir, network, options))
    with tempfile.TemporaryDirectory(prefix="nnc-") as name:
        elf, link_map = Path(name, "sizing.elf"), Path(name, "sizing.map")
        objects = build_for_board(
            target, target.boards[-1], sources, elf, options, link_map=link_map
        )
        pieces = read_link_map(link_map.read_text())
        owners = _Owners(
            weights={
                str(it)
                for it, source in zip(objects, sources, strict=False)
                if source.path in weights
            },
            foreign={str(it) for it in objects[len(sources) - 1 :]},
        )
        sized = {symbol.name: symbol.size for symbol in symbols(elf)}
        bound = stack_bound(elf, f"{network}_run")
    return _add_up(on, pieces, owners, sized[_CONTEXT], sized[_ARENA], bound)


def _application(source_dir: Path, network: str, options: BuildOptions) -> Source:
    macros = {
        "NNC_NETWORK_HEADER": f'"{network}.h"',
        "NNC_CONTEXT": f"{network}_context",
        "NNC_INIT": f"{network}_init",
        "NNC_RUN": f"{network}_run",
        "NNC_ARENA_BYTES": f"{network.upper()}_ARENA_BYTES",
        "NNC_ARENA_ALIGN": f"{network.upper()}_ARENA_ALIGN",
    }
    flags = tuple(f"-D{name}={value}" for name, value in macros.items())
    return Source(BOARDS / "sizing.c", (source_dir, *options.includes), flags)


@dataclass(frozen=True)
class _Owners:
    """Object files by what they are; pieces of archives belong to libraries."""

    weights: set[str]
    foreign: set[str]

    def column(self, piece: Piece) -> Column | None:
        """The field of Sizes that a piece counts for, None when it is not the network's."""
        if piece.origin in self.foreign or not piece.origin or piece.output not in _IN_MEMORY:
            return None
        if piece.output == ".bss":
            return "bss"
        if piece.output == ".data":
            return "data"
        if piece.archive in _TOOLCHAIN_ARCHIVES:
            return "library"
        if piece.section.startswith(".text"):
            return "text"
        return "weights" if piece.origin in self.weights else "rodata"


def _add_up(
    on: str, pieces: list[Piece], owners: _Owners, context: int, arena: int, bound: StackBound
) -> Sizes:
    totals: dict[Column, int] = dict.fromkeys(_COLUMNS, 0)
    for piece in pieces:
        column = owners.column(piece)
        if column is not None:
            totals[column] += piece.size
    return Sizes(
        core=on,
        text=totals["text"],
        rodata=totals["rodata"],
        weights=totals["weights"],
        library=totals["library"],
        data=totals["data"],
        bss=totals["bss"],
        context=context,
        arena=arena,
        stack=bound,
    )
