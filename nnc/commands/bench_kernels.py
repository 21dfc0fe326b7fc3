"""`nnc bench-kernels`: what single layers cost on cores."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nnc.boards import CORE_NAMES, core
from nnc.commands.arguments import add_constant_time
from nnc.options import CMSIS_NN_ROOT, KERNEL_CHOICES, Options

if TYPE_CHECKING:
    from nnc.kernel_bench import KernelCost

HEAD = (
    *("layer", "core", "kernel", "instructions", "per MAC", "per 32"),
    *("scratch", "weights", "code", "CMSIS-NN int8", "ratio"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "--on",
        metavar="CORE",
        nargs="+",
        required=True,
        help=f"emulated cores: {', '.join(CORE_NAMES)}",
    )
    parser.add_argument(
        "--layer",
        metavar="LAYER",
        nargs="+",
        default=["all"],
        help="layers by name, all of them (default), or descriptions such as "
        "conv2d:16x16x64-3x3-64:bin,bin,bin (input, kernel, output channels; types of input, "
        "weights and output: bin, i8 or f32)",
    )
    parser.add_argument(
        "--kernels",
        metavar="KERNELS",
        default="portable",
        help=f"{', '.join(KERNEL_CHOICES)}, as for nnc compile (default: portable)",
    )
    add_constant_time(parser)
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=600.0,
        help="how long one layer may take (default: 600)",
    )
    parser.add_argument("--json", metavar="FILE", help="also write all records for programs")


def run(args: argparse.Namespace) -> int:
    """Measures every layer on every core; the exit code is 1 when one is not exact."""
    from nnc.kernel_bench import LAYERS, measure, parse_layer
    from nnc.project import write_atomically
    from nnc.terminal import note, print_table, progress

    names = [name for word in args.layer for name in (LAYERS if word == "all" else [word])]
    layers = [parse_layer(name) for name in names]
    jobs = [
        (layer, Options(core(name).name, "tflm", args.kernels, constant_time=args.constant_time))
        for layer in layers
        for name in args.on
    ]
    costs: list[KernelCost] = []
    with progress("layers") as step:
        for number, (layer, options) in enumerate(jobs):
            costs.append(measure(layer, options, timeout=args.timeout))
            step(number + 1, len(jobs))
    if args.json is not None:
        text = json.dumps([asdict(cost) for cost in costs], indent=1)
        write_atomically(Path(args.json), text + "\n")
    for text in dict.fromkeys(text for cost in costs for text in cost.notes):
        note(f"note: {text}")
    print_table("Single layers", HEAD, [_cells(cost) for cost in costs], left=3)
    note("Instructions are not cycles: memory, branches and dual issue are not in them.")
    if any(cost.cmsis_nn is not None and not cost.cmsis_nn_measured for cost in costs):
        note(f"(published): CMSIS-NN 7 as measured before; {CMSIS_NN_ROOT} is not set")
    wrong = [cost for cost in costs if cost.mismatches]
    for cost in wrong:
        note(
            f"error: {cost.layer} on {cost.core}: {cost.mismatches:,} of {cost.elements:,} "
            f"elements are not what the reference semantics give"
        )
    return 1 if wrong else 0


def _cells(cost: KernelCost) -> tuple[str, ...]:
    is_binary = cost.description.rpartition(":bin,bin,")[1] != ""
    library = ratio = ""
    if cost.cmsis_nn is not None:
        library = f"{cost.cmsis_nn:.3f}" + ("" if cost.cmsis_nn_measured else " (published)")
        ratio = f"{cost.cmsis_nn / cost.per_mac:.2f}"
    return (
        *(cost.layer, cost.core, cost.kernel, f"{cost.instructions:,}"),
        *(f"{cost.per_mac:.3f}", f"{cost.per_mac * 32:.2f}" if is_binary else ""),
        *(f"{cost.scratch_bytes:,}", f"{cost.weights_bytes:,}", f"{cost.code_bytes:,}"),
        *(library, ratio),
    )
