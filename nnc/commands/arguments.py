"""Arguments that several verbs have, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from nnc.boards import CORE_NAMES, core
from nnc.frontends import FRONTENDS
from nnc.options import (
    CMSIS_NN_ROOT,
    KERNEL_CHOICES,
    OPTIMIZE_CHOICES,
    OptionError,
    Options,
    parse_positive,
    parse_shape,
)

OPTIMIZE_MEANS = (
    "decides only whether --kernels auto takes an installed CMSIS-NN (time, balanced) or our own "
    "kernels, which need less memory (ram, flash)"
)
HOST = "host"
DEFAULT_CORE = "cortex-m4"
"""What a network is compiled for that runs on the host, unless `--target` says otherwise."""


class TakesArguments(Protocol):
    """A parser, or a group of its arguments."""

    def add_argument(self, *names: str, action: str, help: str) -> object:
        """Adds a flag."""
        ...


def add_model(parser: argparse.ArgumentParser) -> None:
    """The model that a verb is about."""
    known = ", ".join(f".{extension}" for extension in FRONTENDS)
    parser.add_argument(
        "model", metavar="MODEL", help=f"a model file ({known}), or MLIR text (.mlir)"
    )


def add_compile_options(parser: argparse.ArgumentParser) -> None:
    """How to compile, except for the core and what to optimise for."""
    group = parser.add_argument_group("how to compile")
    group.add_argument(
        "--numerics",
        metavar="CONTRACT",
        default="tflite",
        help="whose arithmetic is reproduced bit for bit: tflite (the reference kernels; default), "
        "tflm (TFLite Micro), lce-device (as tflite, Larq's int8 results rounded as on Arm), and "
        "for ONNX models onnx (fixed point, by default), onnx-exact (ONNX Runtime) or tflm",
    )
    group.add_argument(
        "--kernels",
        metavar="KERNELS",
        default="auto",
        help=f"{', '.join(KERNEL_CHOICES)}: loops only, ours, CMSIS-NN's, or (default) CMSIS-NN's "
        f"where {CMSIS_NN_ROOT} says where it is and else ours",
    )
    add_constant_time(group)
    group.add_argument(
        "--shape",
        metavar="NAME=1,2,3",
        type=parse_shape,
        action="append",
        default=[],
        help="shape of an input whose own is not known before run time (repeatable)",
    )
    group.add_argument(
        "--io-layout",
        metavar="ORDER",
        default="last",
        help="images of a model with channels first: channels last at the inputs and outputs of "
        "the network, at no cost (default), or kept as in the model",
    )
    group.add_argument(
        "--io",
        metavar="PLACE",
        default="inside",
        help="inputs and outputs inside the arena (default) or outside, in the caller's memory",
    )
    parser.add_argument(
        "--show-pipeline",
        action="store_true",
        help="print the nn-opt command that runs the same passes, and do nothing else",
    )


def add_constant_time(parser: TakesArguments) -> None:
    """Which kernels must not be taken."""
    parser.add_argument(
        "--constant-time",
        action="store_true",
        help="no kernels that take longer for some inputs than for others",
    )


def add_optimize(parser: argparse.ArgumentParser) -> None:
    """What counts."""
    parser.add_argument(
        "--optimize",
        metavar="GOAL",
        default="balanced",
        help=f"what counts: {', '.join(OPTIMIZE_CHOICES)} (default: balanced); {OPTIMIZE_MEANS}",
    )


def add_on(parser: argparse.ArgumentParser) -> None:
    """Where a network runs."""
    parser.add_argument(
        "--on",
        metavar="host|CORE",
        required=True,
        help=f"this machine, or an emulated core: {', '.join(CORE_NAMES)}",
    )
    parser.add_argument(
        "--target",
        metavar="CORE",
        help=f"with --on host, the core to compile for (default: {DEFAULT_CORE})",
    )
    add_timeout(parser)


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """How long to wait."""
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=parse_positive,
        default=120.0,
        help="how long one sample may take (default: 120)",
    )


def add_inputs(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Where samples come from."""
    generated = f" (default: {default})" if default else ""
    parser.add_argument(
        "--inputs",
        metavar="SAMPLES",
        default=default,
        help="FILE.npz (arrays by the inputs' names; FILE.npz:NAME for one of them), FILE.npy, an "
        f"image, a folder of ONNX test data, random:SEED:N or smooth:SEED:N{generated}",
    )
    parser.add_argument(
        "--scale",
        metavar="S",
        type=parse_positive,
        help="an image's real values are S times its pixels (default: pixels as they are for "
        "uint8, less 128 for int8, divided by 255 for float)",
    )


def target_of(args: argparse.Namespace) -> str:
    """The core to compile for; raises UnknownCoreError, OptionError."""
    if args.on == HOST:
        return args.target or DEFAULT_CORE
    if args.target not in (None, args.on):
        raise OptionError(f"--target is for --on host; with --on {args.on} it is {args.on}")
    return core(args.on).name


def shapes_of(args: argparse.Namespace) -> dict[str, tuple[int, ...]]:
    """The shapes given on the command line, by the name of the input. Raises OptionError."""
    given = cast(Sequence[tuple[str, tuple[int, ...]]], args.shape)
    shapes = dict(given)
    for name, shape in given:
        if shapes[name] != shape:
            raise OptionError(f"--shape gives the input '{name}' two shapes")
    return shapes


def options_of(args: argparse.Namespace, target: str) -> Options:
    """The options of a verb that has one goal."""
    return Options(
        target,
        args.numerics,
        args.kernels,
        args.optimize,
        args.io,
        args.io_layout,
        args.constant_time,
    )


def show_pipeline(
    model: str, options: Options, name: str, shapes: Mapping[str, tuple[int, ...]]
) -> int:
    """Prints the `nn-opt` command that does what a verb would."""
    from nnc.pipeline import load, nn_opt_line, source_dialects

    sources = source_dialects(load(Path(model), shapes=shapes))
    print(nn_opt_line(model, sources, options, name, shapes))
    return 0
