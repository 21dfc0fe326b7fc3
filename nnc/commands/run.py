"""`nnc run`: samples go through a network, its outputs come back."""

from __future__ import annotations

import argparse
from pathlib import Path

from nnc.commands.arguments import (
    add_compile_options,
    add_inputs,
    add_model,
    add_on,
    add_optimize,
    options_of,
    shapes_of,
    show_pipeline,
    target_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_model(parser)
    add_on(parser)
    add_inputs(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT.npz", help="where outputs go, under their names"
    )
    add_optimize(parser)
    add_compile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Compiles, runs, writes the outputs and says what it took."""
    options = options_of(args, target_of(args))
    if args.show_pipeline:
        return show_pipeline(args.model, options, "net", shapes_of(args))
    from nnc.compiler import build
    from nnc.emulator import run_program
    from nnc.execution import built, inputs_of, linking_note, outputs_of, sample_bytes
    from nnc.inputs import read_inputs
    from nnc.outputs import stacked_outputs
    from nnc.passes.diagnostics import UsageError
    from nnc.project import write_atomically
    from nnc.terminal import count, note, progress, say

    if args.inputs is None or args.output is None:
        raise UsageError("expected samples and a file to write outputs to: --inputs FILE -o FILE")
    output = Path(args.output)
    if output.suffix != ".npz":
        raise UsageError(f"{output}: expected a file ending in .npz")
    network = build(Path(args.model), options, shapes=shapes_of(args))
    tensors = inputs_of(network)
    samples = read_inputs(args.inputs, tensors, scale=args.scale)
    for text in (*network.report.remarks, *samples.notes):
        note(f"note: {text}")
    with built(network, args.on) as program, progress(f"running on {args.on}") as step:
        result = run_program(
            program,
            (sample_bytes(sample, tensors) for sample in samples.inputs),
            timeout=args.timeout,
            progress=step,
        )
    for text in filter(None, (result.note, linking_note(network, args.on))):
        note(f"note: {text}")
    write_atomically(output, stacked_outputs(result.outputs, outputs_of(network)))
    counts = result.instructions
    took = f", {spread(counts)} instructions each (not cycles)" if counts else ""
    say(f"{output}: {count(len(samples.inputs), 'sample')} on {result.machine}{took}")
    return 0


def spread(counts: list[int]) -> str:
    """A count, or the smallest and the largest of several."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
