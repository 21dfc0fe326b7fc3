"""Why: run a generated network, on this machine or on an emulated Cortex-M, and bring back numbers.

The network's C is built with the harness of runtime/boards and run over all samples in one process.
On a board QEMU counts virtual time in executed instructions, so a timer of the board tells exactly
how many instructions a run or a layer took. They are instructions, not cycles: wait states, dual
issue and the like are not in them.

Whatever goes wrong - a fault, a hang, a crash, an error code of the network - ends in a `RunError`
of one line.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nnc.boards import ICOUNT_SHIFT, Board, core
from nnc.faults import find_fault
from nnc.harness import (
    ABI_VERSION,
    INPUT_FILE,
    OUTPUT_FILE,
    Failure,
    NetworkInfo,
    RecordReader,
    Report,
    Sample,
    Status,
    write_request,
)
from nnc.toolchain import (
    BOARDS,
    RUNTIME,
    BuildOptions,
    DoesNotFitError,
    Source,
    ToolError,
    board_defines,
    build_for_board,
    build_for_host,
    emulator,
    network_sources,
)

HOST = "host"

Progress = Callable[[int, int], None]
"""Called with the samples done and their total."""


class RunError(ToolError):
    """A network did not run to its end."""


class OutOfMemoryError(RunError):
    """Context and arena do not fit the RAM of the board."""


class RunTimeoutError(RunError):
    """A sample took longer than allowed."""


@dataclass(frozen=True)
class Program:
    """A network built with the harness: `board` is None on the host.

    `machine` says what it runs on, `note` what the user should know about that, if anything;
    `hook` whether it calls back after each layer.
    """

    executable: Path
    network: str
    on: str
    board: Board | None
    machine: str
    hook: bool
    note: str = ""


@dataclass(frozen=True)
class RunResult:
    """What a network did with all samples.

    `outputs[s][i]` is output i for sample s, as bytes in memory; `layers[s][l][i]` output i of
    layer l, with a hook only: empty for samples that were not dumped, None for a tensor outside the
    arena. `instructions[s]` counts those of one run, from its first to its return: None on the host
    and with a hook, which costs instructions itself. `layer_instructions[s][l]` is known with a
    hook on a board; its sum differs from `instructions` by what is between layers. `stack_bytes` is
    the most that a run used below its caller (painted stack), known where `instructions` is.
    `seconds` is wall time.
    """

    network: NetworkInfo
    outputs: list[list[bytes]]
    layers: list[list[list[bytes | None]]]
    instructions: list[int] | None
    layer_instructions: list[list[int]] | None
    stack_bytes: int | None
    machine: str
    note: str
    seconds: float


def run_network(
    source_dir: Path,
    network: str,
    inputs: Iterable[Sequence[bytes]],
    *,
    on: str = HOST,
    hook: bool = False,
    dumped: int | None = None,
    reset_each: bool = False,
    poison: bool = True,
    options: BuildOptions | None = None,
    timeout: float = 120.0,
    progress: Progress | None = None,
) -> RunResult:
    """Builds the network in `source_dir` and runs it over `inputs`, samples of input bytes.

    `network` is the name it was generated with: its descriptor is `<network>_network`. `on` is
    "host" or a core's name. With `hook`, outputs of every layer are brought back for the first
    `dumped` samples (None: all). State of recurrent networks lasts from sample to sample unless
    `reset_each`. `poison` overwrites the arena before each sample, so that a network that reads
    what it did not write is found out. `timeout` is in seconds, per sample.

    Raises UnknownCoreError, ToolMissingError, BuildError, RunError; ValueError for inputs that
    differ in size.
    """
    with tempfile.TemporaryDirectory(prefix="nnc-") as folder:
        program = build_network(
            source_dir, network, Path(folder), on=on, hook=hook, options=options
        )
        return run_program(
            program,
            inputs,
            dumped=dumped,
            reset_each=reset_each,
            poison=poison,
            timeout=timeout,
            progress=progress,
        )


def build_network(
    source_dir: Path,
    network: str,
    folder: Path,
    *,
    on: str = HOST,
    hook: bool = False,
    options: BuildOptions | None = None,
) -> Program:
    """Builds the network and the harness into a program in `folder`; see run_network.

    Of a core's boards the first is taken that has the flash and RAM for it.
    """
    options = options or BuildOptions()
    sources = network_sources(source_dir, options)
    if hook:
        sources = [replace(it, flags=(*it.flags, "-DNNC_ENABLE_HOOK")) for it in sources]
    sources.append(Source(BOARDS / "harness.c", (RUNTIME,), (f"-DNNC_NETWORK={network}_network",)))
    if on == HOST:
        executable = folder / f"{network}-host"
        sources.append(Source(BOARDS / "platform_host.c", ()))
        compiler = build_for_host(sources, executable, options)
        return Program(executable, network, on, None, f"host ({compiler.name})", hook)
    draft = Program(folder / f"{network}-{on}.elf", network, on, None, "", hook)
    return _build_for_core(sources, draft, options)


def _build_for_core(sources: Sequence[Source], draft: Program, options: BuildOptions) -> Program:
    *preferred, last = core(draft.on).boards
    note = ""
    for board in preferred:
        try:
            program = _build_for_board(sources, replace(draft, board=board), board, options)
            # Whether there is RAM enough shows only when it runs.
            run_program(program, ())
            return program
        except (DoesNotFitError, OutOfMemoryError) as problem:
            note = f"{problem}; it runs on {last.machine}: same code, same instruction counts"
    return _build_for_board(sources, replace(draft, board=last, note=note), last, options)


def _build_for_board(
    sources: Sequence[Source], draft: Program, board: Board, options: BuildOptions
) -> Program:
    platform = Source(BOARDS / "platform_cortex_m.c", (), board_defines(board))
    build_for_board(core(draft.on), board, [*sources, platform], draft.executable, options)
    return replace(draft, machine=board.machine)


def run_program(
    program: Program,
    inputs: Iterable[Sequence[bytes]],
    *,
    dumped: int | None = None,
    reset_each: bool = False,
    poison: bool = True,
    timeout: float = 120.0,
    progress: Progress | None = None,
    on_sample: Callable[[int, Sample], None] | None = None,
) -> RunResult:
    """Runs a built network; see run_network.

    With `on_sample`, samples go there one by one (number, sample) as they complete, and the result
    holds no outputs and layers.
    """
    with tempfile.TemporaryDirectory(prefix="nnc-run-") as name:
        folder = Path(name)
        total = write_request(
            folder / INPUT_FILE, inputs, reset_each=reset_each, poison=poison, dumped=dumped
        )
        run = _Run(program, total, progress, on_sample)
        started = time.monotonic()
        status, console = _watch(program, folder, run, timeout)
        _check(run, status, console)
        return run.result(time.monotonic() - started)


@dataclass
class _Run:
    """A run in progress."""

    program: Program
    total: int
    progress: Progress | None
    on_sample: Callable[[int, Sample], None] | None
    report: Report = field(default_factory=Report)
    done: int = 0
    samples: list[Sample] = field(default_factory=list[Sample])

    def take(self, sample: Sample) -> None:
        """Accounts for one more sample."""
        if self.on_sample is None:
            self.samples.append(sample)
        else:
            self.on_sample(self.done, sample)
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)

    def result(self, seconds: float) -> RunResult:
        """The result of a run that came to its end."""
        network = self.report.network
        assert network is not None, "a finished run has described its network"
        program = self.program
        board, counted = program.board, program.board is not None and not program.hook
        return RunResult(
            network=network,
            outputs=[sample.outputs for sample in self.samples],
            layers=[sample.layers for sample in self.samples],
            instructions=self._instructions(board) if board and counted else None,
            layer_instructions=self._layers(board) if board and program.hook else None,
            stack_bytes=self.report.stack_bytes if counted else None,
            machine=program.machine,
            note=program.note,
            seconds=seconds,
        )

    def _instructions(self, board: Board) -> list[int]:
        # The empty run is one instruction.
        overhead = board.instructions(self.report.empty_run_ticks) - 1
        return [board.instructions(sample.ticks) - overhead for sample in self.samples]

    def _layers(self, board: Board) -> list[list[int]]:
        overhead = board.instructions(self.report.empty_layer_ticks)
        return [
            [max(0, board.instructions(ticks) - overhead) for ticks in sample.layer_ticks]
            for sample in self.samples
        ]


def _command(program: Program) -> list[str]:
    if program.board is None:
        return [str(program.executable.resolve())]
    return [
        emulator(),
        *("-M", program.board.machine, "-nographic", "-monitor", "none", "-serial", "none"),
        *("-icount", f"shift={ICOUNT_SHIFT},align=off,sleep=off"),
        *("-semihosting-config", "enable=on,target=native"),
        *("-kernel", str(program.executable.resolve())),
    ]


def _watch(program: Program, folder: Path, run: _Run, timeout: float) -> tuple[int, str]:
    """Runs the program in `folder`, taking samples as they come; exit status and console."""
    console = folder / "console.txt"
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    (folder / OUTPUT_FILE).touch()
    with console.open("wb") as sink, (folder / OUTPUT_FILE).open("rb") as records:
        reader = RecordReader(records)
        run.report = reader.report
        process = subprocess.Popen(
            _command(program),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            status = _follow(process, reader, run, timeout)
        finally:
            process.kill()
            process.wait()
    return status, console.read_text(errors="replace")


def _follow(
    process: subprocess.Popen[bytes], reader: RecordReader, run: _Run, timeout: float
) -> int:
    deadline = time.monotonic() + timeout
    pause = 0.005
    while True:
        status = process.poll()
        before = run.done
        for sample in reader.read():
            run.take(sample)
        if status is not None:
            return status
        now = time.monotonic()
        if run.done > before:
            deadline = now + timeout
        if now > deadline:
            where = f"sample {run.done} of {run.total}"
            raise RunTimeoutError(f"{_who(run)}: no result after {timeout:g} s in {where}")
        time.sleep(pause)
        pause = min(0.1, pause * 1.3)


def _who(run: _Run) -> str:
    return f"{run.program.network} on {run.program.machine}"


def _check(run: _Run, status: int, console: str) -> None:
    """Raises RunError unless the program came to its end."""
    report = run.report
    fault = find_fault(console)
    if fault is not None:
        place = f"sample {run.done} of {run.total}"
        raise RunError(f"{_who(run)}, {place}: {fault.explain(run.program.executable)}")
    if report.failure is Failure.MEMORY:
        raise OutOfMemoryError(f"{_who(run)}: {_memory(report)}")
    if report.failure is not None:
        raise RunError(f"{_who(run)}: {_explain(report, run)}")
    if report.network and run.program.hook and not report.network.has_hook:
        raise RunError(f"{_who(run)}: its C has no hook, so there are no layers to look at")
    if status != 0 or not report.is_done:
        raise RunError(f"{_who(run)}, sample {run.done} of {run.total}: {_crash(status, console)}")


def _memory(report: Report) -> str:
    network = report.network
    assert network is not None, "memory is asked for after the network is described"
    wanted = f"context {network.context_bytes} B, arena {network.arena_bytes} B"
    return f"not enough RAM ({wanted})"


def _explain(report: Report, run: _Run) -> str:
    detail = report.detail
    match report.failure:
        case Failure.INIT:
            return f"init returned {_status(detail)}"
        case Failure.RUN:
            return f"run returned {_status(detail)} for sample {run.done}"
        case Failure.GUARD:
            return f"wrote past the end of its arena or context in sample {detail}"
        case Failure.STACK:
            limit = run.program.board.run_stack if run.program.board else 0
            return f"used more than the {limit} B of stack it has, in sample {detail}"
        case Failure.POINTER:
            return f"input or output {detail} has no memory"
        case Failure.INPUTS:
            return f"inputs do not match the network: {_expected(report)}"
        case Failure.ABI:
            return f"descriptor has ABI version {detail}, expected {ABI_VERSION}"
        case _:
            return "cannot read its input file or write its output file"


def _expected(report: Report) -> str:
    inputs = report.network.inputs if report.network else ()
    return "it takes " + ", ".join(f"{it.name} ({it.size} B)" for it in inputs)


def _status(word: int) -> str:
    value = word - (1 << 32) if word >> 31 else word
    name = f" (NNC_{Status(value).name})" if value in set(Status) else ""
    return f"{value}{name}"


def _crash(status: int, console: str) -> str:
    """The line of the console that says most, for a program that ended without a word."""
    for pattern in (r"^.*runtime error: .*$", r"^.*ERROR: AddressSanitizer: .*$", r"^qemu: .*$"):
        found = re.search(pattern, console, re.MULTILINE)
        if found:
            return re.sub(r"^==\d+==", "", found[0].strip())
    lines = console.split("\n")
    said = f": {lines[0].strip()}" if lines[0].strip() else ""
    ended = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    return f"ended with {ended}{said}"
