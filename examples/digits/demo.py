"""
The digits network on an emulated Cortex-M4, beside the original: what `make demo` runs.

The network is compiled into `build/digits`. Every test image then goes through the compiled network
on the emulated core and through the TFLite interpreter, and the outputs have to be the same, byte
for byte: the exit code is 1 if one differs. Each `nnc` command is shown as it is run.

Run with `.venv/bin/python examples/digits/demo.py [FOLDER]`; FOLDER is `build` unless given.
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
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from nnc.cli import main as nnc

HERE = Path(os.path.relpath(Path(__file__).parent))
MODEL = HERE / "digits_int8.tflite"
CORE = "cortex-m4"
WHITE = 16
"""The largest pixel value; the network's real input is a pixel divided by it."""

Array = npt.NDArray[Any]


class CommandError(Exception):
    """A command of `nnc` failed, and has said why."""


@dataclass(frozen=True)
class Original:
    """The model in the TFLite interpreter, with its reference kernels."""

    interpreter: Any
    """An `Interpreter`, whose methods have no usable types."""

    @staticmethod
    def of(model: Path) -> Original:
        """The model of a file."""
        interpreter = Interpreter(
            str(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        return Original(interpreter)

    def quantize(self, real: Array) -> Array:
        """Real values as the int8 that its input stores."""
        details = self.interpreter.get_input_details()[0]
        scale, zero_point = cast(tuple[float, int], details["quantization"])
        return np.clip(np.round(real / scale) + zero_point, -128, 127).astype(np.int8)

    def run(self, images: Array) -> Array:
        """The int8 scores of int8 images (N, 8, 8, 1), as (N, 10)."""
        given = self.interpreter.get_input_details()[0]["index"]
        wanted = self.interpreter.get_output_details()[0]["index"]
        scores: list[Array] = []
        for image in images:
            self.interpreter.set_tensor(given, image[np.newaxis])
            self.interpreter.invoke()
            scores.append(self.interpreter.get_tensor(wanted))
        return np.concatenate(scores)


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


def accuracy(scores: Array, labels: Array) -> str:
    """How many labels have the highest score."""
    right = int(np.count_nonzero(scores.argmax(axis=1) == labels))
    return f"{right / len(labels):.2%} ({right} of {len(labels)})"


def show(device: Array, original: Array, labels: Array, cost: dict[str, int]) -> None:
    """Prints what came out."""
    same = int(np.count_nonzero((device == original).all(axis=1)))
    table = Table(title=f"\n{MODEL.name} on an emulated {CORE}", title_justify="left")
    table.box, table.show_header = SIMPLE, False
    table.add_column()
    table.add_column(justify="right")
    rows = [
        ("accuracy on the device", accuracy(device, labels)),
        ("accuracy of the original in TFLite", accuracy(original, labels)),
        ("outputs identical", f"{same} of {len(labels)}"),
        ("instructions per inference (not cycles)", f"{cost['instructions']:,}"),
        ("RAM", f"{cost['ram_bytes']:,} bytes"),
        ("flash", f"{cost['weights_bytes'] + cost['code_bytes']:,} bytes"),
        ("  weights", f"{cost['weights_bytes']:,} bytes"),
        ("  code", f"{cost['code_bytes']:,} bytes"),
    ]
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main(arguments: Sequence[str]) -> int:
    """Compiles, runs, compares; returns the exit code."""
    build = Path(arguments[0] if arguments else "build")
    build.mkdir(parents=True, exist_ok=True)
    samples, scores, costs = (
        build / name for name in ("digits_images.npy", "digits_scores.npz", "digits_cost.json")
    )
    original = Original.of(MODEL)
    with np.load(HERE / "test_images.npz") as data:
        images, labels = original.quantize(data["images"] / WHITE), data["labels"]
    np.save(samples, images)
    try:
        command("compile", MODEL, "-o", build / "digits", "--target", CORE, "--name", "digits")
        command("run", MODEL, "--on", CORE, "--inputs", samples, "-o", scores)
        command("bench", MODEL, "--on", CORE, "--inputs", samples, "--json", costs, quiet=True)
    except CommandError:
        return 1
    with np.load(scores) as data:
        (device,) = data.values()
    expected = original.run(images)
    show(device, expected, labels, json.loads(costs.read_text(encoding="utf-8"))[0])
    return 0 if np.array_equal(device, expected) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
