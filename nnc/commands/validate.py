"""`nnc validate`: every layer of a network against its original."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

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
from nnc.options import check

if TYPE_CHECKING:
    from nnc.validate import Row

HEAD = (
    *("", "layer", "operation", "elements", "mismatches"),
    *("max error", "RMSE", "MAE", "L2R", "cosine"),
)

_MOST_NAMES = 20
"""Layers that a note lists."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_model(parser)
    add_on(parser)
    add_inputs(parser, default="random:0:4")
    parser.add_argument(
        "--reference",
        metavar="WHAT",
        default="original",
        help="original (the framework the model comes from, where it has the arithmetic of the "
        "contract; default) or nn (the compiler's own reference semantics)",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the result for programs")
    add_optimize(parser)
    add_compile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Validates; the exit code is 1 when something does not agree."""
    options = options_of(args, target_of(args))
    if args.show_pipeline:
        return show_pipeline(args.model, options, "net", shapes_of(args))
    from nnc.compiler import build
    from nnc.execution import inputs_of, linking_note
    from nnc.inputs import read_inputs
    from nnc.project import write_atomically
    from nnc.terminal import count, note, print_table, progress, say, short
    from nnc.validate import validate

    check("reference", args.reference, ("original", "nn"))
    model, shapes = Path(args.model), shapes_of(args)
    network = build(model, options, shapes=shapes)
    samples = read_inputs(args.inputs, inputs_of(network), scale=args.scale)
    for text in (*network.report.remarks, *samples.notes):
        note(f"note: {text}")
    with progress(f"validating on {args.on}") as step:
        result = validate(
            model,
            network,
            samples.inputs,
            on=args.on,
            stored=samples.outputs,
            shapes=shapes,
            original=args.reference == "original",
            timeout=args.timeout,
            progress=step,
        )
    if args.json is not None:
        write_atomically(Path(args.json), result.as_json())
    for text in filter(None, (result.hint, result.note, linking_note(network, args.on))):
        note(f"note: {text}")
    print_table(
        f"{model.name} on {result.machine} against {result.reference}",
        HEAD,
        [
            *(
                _cells(str(number), short(row.name), row)
                for number, row in enumerate(result.layers)
            ),
            *(
                _cells("stored" if row.stored else "output", short(row.name), row)
                for row in result.outputs
            ),
        ],
        left=3,
        flexible=1,
    )
    if result.unmatched:
        names = ", ".join(short(name) for name in result.unmatched[:_MOST_NAMES])
        if len(result.unmatched) > _MOST_NAMES:
            names += f" and {len(result.unmatched) - _MOST_NAMES} more"
        note(f"note: not compared, as the reference has no such tensor: {names}")
    outputs = sum(not row.stored for row in result.outputs)
    compared = f"{count(len(result.layers), 'layer')} and {count(outputs, 'output')}"
    samples_text = count(result.samples, "sample")
    if result.mismatches:
        if network.report.remarks and args.reference == "original":
            note("note: see the notes above for what the original gets wrong; try --reference nn")
        wrong = [row for row in result.rows if row.agreement.mismatches]
        say(
            f"{count(result.mismatches, 'mismatching element')} in {len(wrong)} of {compared}, "
            f"first in '{wrong[0].name}' ({samples_text})"
        )
        return 1
    say(f"no mismatch in {compared} ({samples_text})")
    return 0


def _cells(title: str, name: str, row: Row) -> tuple[str, ...]:
    it = row.agreement
    return (
        *(title, name, row.op, f"{it.elements:,}", f"{it.mismatches:,}"),
        *(f"{it.max_error:.3g}", f"{it.rmse:.3g}", f"{it.mae:.3g}"),
        "" if it.l2r is None else f"{it.l2r:.3g}",
        "" if it.cosine is None else f"{it.cosine:.6f}",
    )
