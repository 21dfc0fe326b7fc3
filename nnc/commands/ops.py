"""`nnc ops`: what is supported, operator by operator."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nnc.frontends import FORMATS
from nnc.options import check

if TYPE_CHECKING:
    from nnc.matrix import Combination

TYPE_NAMES = {
    "f32": "float32",
    "i8": "int8",
    "u8": "uint8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "i1": "bool",
    "bin": "binary",
    "i4": "int4 weights",
    "hybrid": "hybrid",
    "hybrid_asymmetric": "hybrid asymmetric",
}
"""The types of a format's table as people call them."""

_TABLES = {
    "keras": "nnc.passes.keras.supported",
    "onnx": "nnc.passes.onnx.supported",
    "tflite": "nnc.passes.tfl.supported",
}
"""For each format the module whose `supported` lists its operators."""

_LARQ = "nnc.passes.larq.supported"
"""The module whose `supported` lists what models of a format may have of Larq."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "--format", metavar="F", help=f"only this one of {', '.join(FORMATS)} (default: all)"
    )
    parser.add_argument(
        "--matrix",
        action="store_true",
        help="the 27 combinations of binary, int8 and float32 input, weights and output instead",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the list for programs")


def run(args: argparse.Namespace) -> int:
    """Lists the operators, or the combinations."""
    if args.matrix:
        return _matrix(args.json)
    from nnc.project import write_atomically
    from nnc.terminal import count, note, print_table

    if args.format is not None:
        check("format", args.format, FORMATS)
    rows = [
        (name, operator, types)
        for name in FORMATS
        if args.format in (None, name)
        for operator, types in operators(name)
    ]
    if args.json is not None:
        keys = ("format", "operator", "types")
        data = [dict(zip(keys, row, strict=True)) for row in rows]
        write_atomically(Path(args.json), json.dumps(data, indent=1) + "\n")
    print_table(
        count(len(rows), "operator"),
        ("format", "operator", "types of the activations"),
        [(name, operator, ", ".join(types)) for name, operator, types in rows],
        left=3,
    )
    note(
        "hybrid: float32 activations, quantised at run time, with int8 weights; int16 activations "
        "go with int8 weights"
    )
    return 0


def _matrix(path: str | None) -> int:
    """Lists the combinations."""
    from nnc.matrix import CORES, combinations
    from nnc.project import write_atomically
    from nnc.terminal import note, print_table

    rows = combinations()
    if path is not None:
        data = [
            {**vars(row), "kernels": dict(zip(CORES, row.kernels, strict=True))} for row in rows
        ]
        write_atomically(Path(path), json.dumps(data, indent=1) + "\n")
    print_table(
        "Input, weights and output of a layer, each in every type",
        ("layer", "input", "weights", "output", "sum", "result", "kernel"),
        [
            (it.layer, it.input, it.weights, it.output, it.accumulator, it.epilogue, _kernels(it))
            for it in rows
        ],
        left=7,
    )
    note(f"kernels: of 64 channels and constant weights, on {', '.join(CORES)}; loops run the rest")
    return 0


def _kernels(row: Combination) -> str:
    """The kernels of a row: the first core's, then where others have another one."""
    from nnc.matrix import CORES

    first, *others = row.kernels
    texts = [first]
    for name, kernel in zip(CORES[1:], others, strict=True):
        if kernel not in texts:
            texts.append(f"{kernel} ({name})")
    return ", ".join(texts)


def operators(name: str) -> list[tuple[str, list[str]]]:
    """The operators of a format, each with its types; Larq's behind the format's own."""
    found = [*import_module(_TABLES[name]).supported(), *import_module(_LARQ).supported(name)]
    return [(it.operator, [TYPE_NAMES[kind] for kind in it.types]) for it in found]
