"""`nnc compile`: a model becomes a folder of C."""

from __future__ import annotations

import argparse

from nnc.boards import CORE_NAMES
from nnc.commands.arguments import (
    add_compile_options,
    add_model,
    add_optimize,
    options_of,
    shapes_of,
    show_pipeline,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_model(parser)
    parser.add_argument("-o", "--output", metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--target", metavar="CORE", required=True, help=f"one of {', '.join(CORE_NAMES)}"
    )
    parser.add_argument(
        "--name",
        metavar="N",
        default="net",
        help="a C identifier that every public symbol starts with (default: net)",
    )
    add_optimize(parser)
    add_compile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Compiles and says what became of the model."""
    options = options_of(args, args.target)
    if args.show_pipeline:
        return show_pipeline(args.model, options, args.name, shapes_of(args))
    from nnc.compiler import compile
    from nnc.passes.diagnostics import UsageError
    from nnc.terminal import count, note, say

    if args.output is None:
        raise UsageError("expected a folder to write to: -o DIR")
    result = compile(
        args.model,
        args.output,
        target=options.target,
        name=args.name,
        optimize=options.optimize,
        numerics=options.numerics,
        kernels=options.kernels,
        io=options.io,
        shapes=shapes_of(args),
    )
    report = result.report
    for remark in report.remarks:
        note(f"note: {remark}")
    if report.off_library and options.kernels != "none":
        off = f"{len(report.off_library)} of {count(len(report.layers), 'layer')}"
        note(f"note: {off} stayed off CMSIS-NN: report.md says why")
    memory = report.memory
    say(
        f"{args.output}: {report.name} for {options.target}, {count(len(report.layers), 'layer')}, "
        f"arena {memory.bytes:,} bytes (lower bound {memory.lower_bound:,}), "
        f"weights {report.weights_bytes:,} bytes"
    )
    return 0
