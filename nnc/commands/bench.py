"""`nnc bench`: what models cost on cores."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nnc.boards import CORE_NAMES, core
from nnc.commands.arguments import (
    OPTIMIZE_MEANS,
    add_compile_options,
    add_inputs,
    add_timeout,
    shapes_of,
    show_pipeline,
)
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
        help=f"what counts: any of {', '.join(OPTIMIZE_CHOICES)} (default: balanced); "
        + OPTIMIZE_MEANS,
    )
    add_inputs(parser, default="random:0:1")
    add_timeout(parser)
    parser.add_argument("--layers", action="store_true", help="also a table of each one's layers")
    parser.add_argument("--json", metavar="FILE", help="also write all records for programs")
    add_compile_options(parser)


def run(args: argparse.Namespace) -> int:
    """
    Measures every model on every core. One that cannot be measured is said, after the others have
    been; the exit code is 1 then.
    """
    from xdsl.utils.exceptions import DiagnosticException, ParseError

    from nnc.project import write_atomically
    from nnc.terminal import note, print_table
    from nnc.toolchain import ToolError, ToolMissingError

    models, cores, goals = _sorted_out(args)
    jobs = [
        (
            model,
            Options(
                core(name).name,
                args.numerics,
                args.kernels,
                goal,
                args.io,
                args.io_layout,
                constant_time=args.constant_time,
            ),
        )
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
        except ToolMissingError:
            raise
        except (ToolError, DiagnosticException, ParseError, OSError) as error:
            problems += _said(error, model, alone=len(models) == 1)
    records = [it.record for it in measured]
    if args.json is not None and (records or not problems):
        data = [asdict(record) for record in records]
        write_atomically(Path(args.json), json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    for text in dict.fromkeys(text for it in measured for text in it.notes):
        note(f"note: {text}")
    if records:
        print_table("One inference", HEAD, [_cells(record) for record in records], left=4)
        note("Instructions are not cycles: memory, branches and dual issue are not in them.")
    for record in records if args.layers else ():
        _print_layers(record)
    for problem in dict.fromkeys(problems):
        note(problem)
    return 1 if problems else 0


def _said(error: Exception, model: str, *, alone: bool) -> list[str]:
    """The lines of an error, which name the model where there are several."""
    from nnc.passes.diagnostics import describe, one_line
    from nnc.toolchain import ToolError

    name = Path(model).name
    if isinstance(error, ToolError):
        return [f"error: {name}: {one_line(str(error))}"]
    lines = describe(error).splitlines()
    return lines if alone else [line if name in line else f"{name}: {line}" for line in lines]


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
    samples = read_inputs(args.inputs, inputs_of(network), scale=args.scale)
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
