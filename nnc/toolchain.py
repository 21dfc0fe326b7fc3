"""Why: one place that knows how to turn generated C into a program, for the host and for a board.

Compilers are found on PATH. A missing one ends in `ToolMissingError`, which says what to install; a
program that does not compile in `BuildError`, which quotes the compiler's first complaint.
"""

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nnc.runtime
from nnc.boards import Board, Core
from nnc.object_cache import ObjectCache, default_cache_folder, headers_in

RUNTIME = Path(nnc.runtime.__file__).parent
"""The folder of the C runtime, with nnc.h."""

BOARDS = RUNTIME / "boards"
"""The folder of the harness, the start-up code and the linker script."""

STRICT_WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")
"""What generated code and runtime must pass with every supported compiler."""

SANITIZERS = (
    "-g",
    "-fsanitize=address,undefined,alignment",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)

VECTOR_TABLE_BYTES = 64

INSTALL_HOST = "apt install gcc"
INSTALL_ARM = "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi"
INSTALL_QEMU = "apt install qemu-system-arm"


class ToolError(Exception):
    """Something outside this program stands in the way; the message is one line for the user."""


class ToolMissingError(ToolError):
    """A compiler or emulator is not installed; the message says what to install."""


class BuildError(ToolError):
    """A program did not compile or link; `log` has all that the compiler said."""

    def __init__(self, message: str, log: str = "") -> None:
        """`message` is one line."""
        super().__init__(message)
        self.log = log


class DoesNotFitError(BuildError):
    """A program is larger than the memory of a board."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler: where it is, what it says it is, and the flags that select its target."""

    path: str
    version: str
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Short: "gcc 12.2.0"."""
        number = re.findall(r"\d+(?:\.\d+)+", self.version)
        return " ".join((Path(self.path).stem, *number[-1:]))


@dataclass(frozen=True)
class BuildOptions:
    """How to build a program.

    `opt` is the optimisation flag. `flags` come last and override everything else (`-std=gnu11`).
    `includes` are folders besides the network's own, `libraries` archives to link. `compiler` names
    a host compiler other than the first found. `strict` turns all warnings on and into errors;
    `sanitize` adds the address, undefined and alignment sanitizers (host only). Objects are kept in
    `cache`, by default a folder of the user's.
    """

    opt: str = "-O2"
    flags: tuple[str, ...] = ()
    includes: tuple[Path, ...] = ()
    libraries: tuple[Path, ...] = ()
    compiler: str | None = None
    strict: bool = False
    sanitize: bool = False
    cache: Path | None = None


@dataclass(frozen=True)
class Source:
    """A C file, the folders of its headers and the flags that only it needs."""

    path: Path
    includes: tuple[Path, ...]
    flags: tuple[str, ...] = ()


def host_compiler(name: str | None = None) -> Compiler:
    """The host's compiler `name`, or the first of gcc, clang and cc; raises ToolMissingError."""
    names = (name,) if name else ("gcc", "clang", "cc")
    for candidate in names:
        path = shutil.which(candidate)
        if path:
            return Compiler(path, _version(path))
    what = f"C compiler '{name}' not found" if name else "no C compiler found"
    raise ToolMissingError(f"{what}: install one ({INSTALL_HOST})")


def arm_compiler(core: Core) -> Compiler:
    """The cross compiler, set up for `core`; raises ToolMissingError."""
    path = shutil.which("arm-none-eabi-gcc")
    if path is None:
        raise ToolMissingError(f"arm-none-eabi-gcc not found: install it ({INSTALL_ARM})")
    return Compiler(path, _version(path), core.flags)


def emulator() -> str:
    """Path of qemu-system-arm; raises ToolMissingError."""
    path = shutil.which("qemu-system-arm")
    if path is None:
        raise ToolMissingError(f"qemu-system-arm not found: install it ({INSTALL_QEMU})")
    return path


def network_sources(source_dir: Path, options: BuildOptions) -> list[Source]:
    """The C files in `source_dir` itself, as generated; raises BuildError when there are none."""
    paths = sorted(source_dir.glob("*.c"))
    if not paths:
        raise BuildError(f"no C files in {source_dir}")
    return [Source(path, (source_dir, *options.includes)) for path in paths]


def build_for_host(sources: Sequence[Source], executable: Path, options: BuildOptions) -> Compiler:
    """Builds `executable` from `sources`; returns the compiler that was used.

    Raises ToolMissingError, BuildError.
    """
    compiler = host_compiler(options.compiler)
    sanitizers = SANITIZERS if options.sanitize else ()
    objects = compile_all(compiler, sources, sanitizers, options)
    command = [compiler.path, *sanitizers, *map(str, objects), *map(str, options.libraries)]
    _link([*command, "-lm", "-o", str(executable)], executable.name)
    return compiler


def build_for_board(
    core: Core,
    board: Board,
    sources: Sequence[Source],
    elf: Path,
    options: BuildOptions,
    *,
    link_map: Path | None = None,
) -> list[Path]:
    """Builds `elf` for one board of a core; returns the objects of `sources` and of the start-up.

    Writes the linker's map to `link_map`. Raises ToolMissingError, BuildError, DoesNotFitError.
    """
    compiler = arm_compiler(core)
    startup = Source(BOARDS / "cortex_m_startup.c", ())
    objects = compile_all(compiler, [*sources, startup], (), options)
    command = [compiler.path, *compiler.flags, "-nostartfiles", "-static"]
    command += ["--specs=nano.specs", "--specs=nosys.specs"]
    command += ["-T", str(BOARDS / "cortex_m.ld"), *_linker_symbols(board)]
    command += ["-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
    command += [f"-Wl,-Map={link_map}"] if link_map else []
    command += [*map(str, objects), *map(str, options.libraries), "-lm", "-o", str(elf)]
    _link(command, f"{core.name} ({board.machine})")
    return objects


def compile_all(
    compiler: Compiler,
    sources: Sequence[Source],
    flags: Sequence[str],
    options: BuildOptions,
) -> list[Path]:
    """Object files of `sources`, in their order, compiled where the cache has none.

    Raises BuildError.
    """
    cache = _open_cache(options.cache) if options.cache is not None else _default_cache()
    warnings = STRICT_WARNINGS if options.strict else ("-w",)
    common = ("-std=c99", options.opt, "-ffunction-sections", "-fdata-sections", *warnings)
    common = (*compiler.flags, *common, *flags, *options.flags)

    def compile_one(source: Source) -> Path:
        return _compile(compiler, source, (*common, *source.flags), cache)

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(compile_one, sources))


@functools.cache
def _default_cache() -> ObjectCache:
    """The user's cache, or where there can be none one that lasts as long as this process."""
    try:
        return ObjectCache(default_cache_folder())
    except (OSError, RuntimeError):
        folder = tempfile.mkdtemp(prefix="nnc-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return ObjectCache(Path(folder))


@functools.cache
def _open_cache(folder: Path) -> ObjectCache:
    try:
        return ObjectCache(folder)
    except OSError as problem:
        raise ToolError(f"cannot use the cache folder {folder}: {problem.strerror}") from None


@functools.cache
def _version(path: str) -> str:
    run = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    if run.returncode != 0 or not lines:
        raise ToolMissingError(f"{path} does not run: install it again ({INSTALL_HOST})")
    return lines[0]


def _compile(compiler: Compiler, source: Source, flags: Sequence[str], cache: ObjectCache) -> Path:
    roots = (source.path.parent, *source.includes)
    parts = (compiler.path, compiler.version, *flags, source.path.name, str(len(roots)))
    recipe = "\0".join(parts).encode() + b"\0" + source.path.read_bytes()
    found = cache.find(recipe, roots)
    if found is not None:
        return found
    with tempfile.TemporaryDirectory(prefix="nnc-") as folder:
        target = Path(folder, "object.o")
        includes = [f"-I{root.resolve()}" for root in source.includes]
        command = [compiler.path, *flags, *includes, "-MMD", "-MF", f"{folder}/object.d"]
        command += ["-c", source.path.name, "-o", str(target)]
        run = subprocess.run(
            command, cwd=source.path.parent, capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            raise BuildError(_first_error(run.stderr, source.path.name), run.stderr)
        depfile = target.with_suffix(".d").read_text()
        return cache.store(recipe, roots, headers_in(depfile, source.path, roots), target)


def _linker_symbols(board: Board) -> list[str]:
    flash = board.flash.origin
    table = VECTOR_TABLE_BYTES if board.vectors == flash else 0
    symbols = (
        ("board_vectors", board.vectors),
        ("board_flash", flash + table),
        ("board_flash_bytes", board.flash.size - table),
        ("board_ram", board.ram.origin),
        ("board_ram_bytes", board.ram.size),
        ("board_run_stack_bytes", board.run_stack),
        ("board_main_stack_bytes", board.main_stack),
    )
    return [f"-Wl,--defsym={name}={value:#x}" for name, value in symbols]


def board_defines(board: Board) -> tuple[str, ...]:
    """Flags that select the timer driver of `board` in platform_cortex_m.c."""
    return (
        f"-D{board.timer.value}",
        f"-DNNC_TIMER_BASE={board.timer_base:#x}u",
        f"-DNNC_SLOW_TIMER_BASE={board.slow_timer_base:#x}u",
    )


def _link(command: list[str], what: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return
    if "nano.specs" in run.stderr or "cannot find -lc" in run.stderr:
        raise ToolMissingError(f"the C library of arm-none-eabi-gcc not found: {INSTALL_ARM}")
    overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes", run.stderr)
    if overflow:
        memory, excess = overflow.groups()
        raise DoesNotFitError(
            f"does not fit {what}: {excess} bytes too many in {memory}", run.stderr
        )
    raise BuildError(_first_error(run.stderr, what), run.stderr)


def _first_error(log: str, what: str) -> str:
    patterns = (r"^.*undefined reference to .*$", r"^.*\b[eE]rror: .*$", r"^.+$")
    for pattern in patterns:
        found = re.search(pattern, log, re.MULTILINE)
        if found:
            return f"cannot build {what}: {found[0].strip()}"
    return f"cannot build {what}"
