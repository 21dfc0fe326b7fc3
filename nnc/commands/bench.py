"""`nnc bench`: what models cost on cores."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nnc.boards import CORE_NAMES, core
from nnc.commands.arguments import add_compile_options, shapes_of, show_pipeline
from nnc.options import OPTIMIZE_CHOICES, Options

if TYPE_CHECKING:
    from nnc.bench import Measurement, Record

HEAD = (
    *("model", "core", "optimize", "kernels", "instructions", "per MAC"),
    *("RAM", "arena", "scratch", "stack", "weights", "code"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("models", metavar="MODEL", nargs="*", help=".tflite files, or MLIR text")
    parser.add_argument(
        "--on",
        metavar="CORE",
        nargs="+",
        required=True,
        help=f"emulated cores: {', '.join(CORE_NAMES)}",
    )
    parser.add_argument(
        "--optimize",
        metavar="GOAL",
        nargs="+",
        default=["balanced"],
        help=f"what counts: any of {', '.join(OPTIMIZE_CHOICES)} (default: balanced)",
    )
    parser.add_argument(
        "--inputs",
        metavar="SAMPLES",
        default="random:0:1",
        help="samples to run, as for nnc run (default: random:0:1)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=120.0,
        help="how long one sample may take (default: 120)",
    )
    parser.add_argument("--layers", action="store_true", help="also a table of each one's layers")
    parser.add_argument("--json", metavar="FILE", help="also write all records for programs")
    add_compile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measures every model on every core; the exit code is 1 when one does not fit."""
    from nnc.emulator import OutOfMemoryError
    from nnc.project import write_atomically
    from nnc.terminal import note, print_table
    from nnc.toolchain import DoesNotFitError

    models, cores, goals = _sorted_out(args)
    jobs = [
        (model, Options(core(name).name, args.numerics, args.kernels, goal, args.io))
        for model in models
        for name in cores
        for goal in goals
    ]
    if args.show_pipeline:
        return max(show_pipeline(model, it, "net", shapes_of(args)) for model, it in jobs)
    measured: list[Measurement] = []
    problems: list[str] = []
    for number, (model, options) in enumerate(jobs):
        try:
            measured.append(_measure(args, model, options, f"{number + 1} of {len(jobs)}"))
        except (DoesNotFitError, OutOfMemoryError) as error:
            problems.append(f"error: {Path(model).name}: {error}")
    records = [it.record for it in measured]
    if args.json is not None:
        data = [asdict(record) for record in records]
        write_atomically(Path(args.json), json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    for text in dict.fromkeys(text for it in measured for text in it.notes):
        note(f"note: {text}")
    if records:
        print_table("One inference", HEAD, [_cells(record) for record in records], left=4)
        note("Instructions are not cycles: memory, branches and dual issue are not in them.")
    for record in records if args.layers else ():
        _print_layers(record)
    for problem in problems:
        note(problem)
    return 1 if problems else 0


def _sorted_out(args: argparse.Namespace) -> tuple[list[str], list[str], list[str]]:
    """Models, cores and goals: models may also stand behind an option that takes several words."""
    from nnc.passes.diagnostics import UsageError

    words: list[list[str]] = [args.models, args.on, args.optimize]
    models = [word for given in words for word in given if Path(word).suffix or given is words[0]]
    cores, goals = ([word for word in given if not Path(word).suffix] for given in words[1:])
    if not models:
        raise UsageError("expected one or more models")
    return models, cores, goals


def _measure(args: argparse.Namespace, model: str, options: Options, which: str) -> Measurement:
    from nnc.bench import bench
    from nnc.compiler import build
    from nnc.execution import inputs_of
    from nnc.inputs import read_inputs
    from nnc.terminal import progress

    path = Path(model)
    network = build(path, options, shapes=shapes_of(args))
    samples = read_inputs(args.inputs, inputs_of(network))
    with progress(f"{path.stem} on {options.target} ({which})") as step:
        return bench(network, samples.inputs, model=path.stem, timeout=args.timeout, progress=step)


def _cells(record: Record) -> tuple[str, ...]:
    ratio = f"{record.instructions / record.macs:.2f}" if record.macs else ""
    return (
        *(record.model, record.core, record.optimize, record.kernels),
        *(f"{record.instructions:,}", ratio),
        *(f"{record.ram_bytes:,}", f"{record.arena_bytes:,}", f"{record.scratch_bytes:,}"),
        *(f"{record.stack_bytes:,}", f"{record.weights_bytes:,}", f"{record.code_bytes:,}"),
    )


def _print_layers(record: Record) -> None:
    from nnc.terminal import print_table, short

    print_table(
        f"{record.model} on {record.core}, {record.optimize}",
        ("", "layer", "operation", "kernel", "instructions", "MACs", "per MAC"),
        [
            (
                *(str(number), short(layer.name), layer.op, layer.kernel),
                *(f"{layer.instructions:,}", f"{layer.macs:,}" if layer.macs else ""),
                f"{layer.instructions / layer.macs:.2f}" if layer.macs else "",
            )
            for number, layer in enumerate(record.layers)
        ],
        left=4,
        flexible=1,
    )
