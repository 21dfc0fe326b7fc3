"""
The binary digits network on an emulated Cortex-M4, beside what Larq predicted and beside its int8
twin: what `make demo-binary` runs.

Every test image goes through the compiled network on the emulated core, and every prediction has to
be Larq's, which `test_images.npz` has: the exit code is 1 if one differs. The twin, which has the
same layers in int8, is linked with CMSIS-NN where `CMSIS_NN_ROOT` says where it is, and else with
our own C of the same functions. Each `nnc` command is shown as it is run.

Run with `.venv/bin/python examples/binary_digits/demo.py [FOLDER]`; FOLDER is `build` unless given.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from nnc.cli import main as nnc

HERE = Path(os.path.relpath(Path(__file__).parent))
BINARY, TWIN = HERE / "binary_digits.h5", HERE / "twin_int8.tflite"
CORE = "cortex-m4"
WHITE = 16
"""The largest pixel value; the networks' input is a pixel divided by it."""

Array = npt.NDArray[Any]


class CommandError(Exception):
    """A command of `nnc` failed, and has said why."""


@dataclass(frozen=True)
class Cost:
    """What one inference of a model costs."""

    instructions: int
    ram: int
    weights: int
    code: int


def command(*words: object, quiet: bool = False) -> None:
    """
    Shows a command line and runs it, `quiet` without its output. Raises CommandError if it fails.
    """
    line = [str(word) for word in words]
    print(f"+ {shlex.join(['nnc', *line])}", flush=True)
    with redirect_stdout(StringIO() if quiet else sys.stdout):
        status = nnc(line)
    if status:
        raise CommandError


def cost(model: Path, samples: Path | str, path: Path, *options: str) -> Cost:
    """Measures a model. Raises CommandError."""
    words = ("--on", CORE, "--inputs", samples, *options, "--json", path)
    command("bench", model, *words, quiet=True)
    found: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))[0]
    return Cost(
        found["instructions"], found["ram_bytes"], found["weights_bytes"], found["code_bytes"]
    )


def show(right: int, same: int, count: int, accuracies: Array, binary: Cost, twin: Cost) -> None:
    """Prints what came out."""
    table = Table(title=f"\n{BINARY.name} on an emulated {CORE}", title_justify="left", box=SIMPLE)
    table.add_column()
    table.add_column("binary", justify="right")
    table.add_column("int8 twin", justify="right")
    table.add_column("ratio", justify="right")
    table.add_row("accuracy in Larq; of the float twin", *(f"{it:.2%}" for it in accuracies))
    table.add_row("accuracy on the device", f"{right / count:.2%}")
    table.add_row("predictions identical to Larq's", f"{same} of {count}")
    for name, one, other in (
        ("instructions per inference (not cycles)", binary.instructions, twin.instructions),
        ("weights in flash, bytes", binary.weights, twin.weights),
        ("code in flash, bytes", binary.code, twin.code),
        ("RAM, bytes", binary.ram, twin.ram),
    ):
        table.add_row(name, f"{one:,}", f"{other:,}", f"{other / one:.2f}")
    Console().print(table)


def main(arguments: Sequence[str]) -> int:
    """Compiles, runs, compares; returns the exit code."""
    build = Path(arguments[0] if arguments else "build")
    build.mkdir(parents=True, exist_ok=True)
    samples, scores = build / "binary_digits_images.npy", build / "binary_digits_scores.npz"
    with np.load(HERE / "test_images.npz") as data:
        images, labels, predictions = (data[key] for key in ("images", "labels", "predictions"))
        accuracies: Array = data["accuracies"]
    np.save(samples, (images / WHITE).astype(np.float32))
    try:
        target = ("--target", CORE, "--name", "binary_digits")
        command("compile", BINARY, "-o", build / "binary_digits", *target)
        command("run", BINARY, "--on", CORE, "--inputs", samples, "-o", scores)
        binary = cost(BINARY, samples, build / "binary_digits_cost.json")
        twin = cost(TWIN, "random:1:4", build / "twin_cost.json", "--kernels", "cmsis-nn")
    except CommandError:
        return 1
    with np.load(scores) as data:
        (device,) = data.values()
    found = device.argmax(axis=1)
    same = int(np.count_nonzero(found == predictions))
    right = int(np.count_nonzero(found == labels))
    show(right, same, len(labels), accuracies, binary, twin)
    return 0 if same == len(labels) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
