"""
What a user can ask for, in one place for the commands and the Python API.

This module imports nothing heavy: every command line needs it before it knows what else it needs.
"""

from __future__ import annotations

import argparse
import math
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches

from nnc.boards import core

NUMERICS_CHOICES = ("tflite", "tflm", "lce-device", "onnx", "onnx-exact")
KERNEL_CHOICES = ("none", "portable", "cmsis-nn", "auto")
OPTIMIZE_CHOICES = ("time", "ram", "flash", "balanced")
IO_CHOICES = ("inside", "outside")
IO_LAYOUT_CHOICES = ("last", "kept")

CMSIS_NN_ROOT = "CMSIS_NN_ROOT"
"""The environment variable that says where CMSIS-NN is installed."""

CONTRACTS = {
    "tflite": "tflite-2.21",
    "tflm": "tflm",
    "lce-device": "tflite-2.21, lce-device",
    "onnx": "onnx",
    "onnx-exact": "onnx-exact",
}
"""The numeric contracts by the names that options have for them, with what they reproduce."""


class OptionError(ValueError):
    """A value that an option does not have; the message says which it has."""


@dataclass(frozen=True)
class Options:
    """
    What to compile for.

    - `target` is a core's name. `optimize` is what counts: "time", "ram", "flash" or "balanced".
    - `numerics` is the contract: "tflite" (its reference kernels, bit for bit), "tflm", or
      "lce-device": as "tflite", but int8 results of the Larq compute engine round as on Arm. ONNX
      models have "onnx" (in fixed point; "tflite" stands for it), "onnx-exact" (as ONNX Runtime
      computes) or "tflm".
    - `kernels`: "none" (loops only), "portable" (also our kernels and our portable implementation
      of CMSIS-NN's), "cmsis-nn" (the library), or "auto": the library where CMSIS_NN_ROOT says
      where it is and the core has Helium or lacks the DSP extension, else portable. On cores with
      the DSP extension only, our kernels take fewer instructions than the library's. With
      `optimize` "ram" or "flash" that is always portable: its functions write over their input and
      are several times smaller than the library's.
    - `io_layout` is the order of axes of images that come in and go out of models that have
      channels first: channels "last", at no cost, or "kept" as the model has them.
    - `constant_time` leaves out kernels that take longer for some inputs than for others.
    - `io` places inputs and outputs "inside" the arena or leaves them "outside" to the caller.

    Raises UnknownCoreError, OptionError.
    """

    target: str
    numerics: str = "tflite"
    kernels: str = "auto"
    optimize: str = "balanced"
    io: str = "inside"
    io_layout: str = "last"
    constant_time: bool = False

    def __post_init__(self) -> None:
        core(self.target)
        check("numerics", self.numerics, NUMERICS_CHOICES)
        check("kernels", self.kernels, KERNEL_CHOICES)
        check("optimize", self.optimize, OPTIMIZE_CHOICES)
        check("io", self.io, IO_CHOICES)
        check("io layout", self.io_layout, IO_LAYOUT_CHOICES)

    @property
    def chosen_kernels(self) -> str:
        """`kernels` with "auto" decided."""
        if self.kernels != "auto":
            return self.kernels
        small = self.optimize in ("ram", "flash")
        chosen = core(self.target)
        ours = small or (chosen.has_dsp and not chosen.has_mve)
        return "cmsis-nn" if os.environ.get(CMSIS_NN_ROOT) and not ours else "portable"

    @property
    def contract(self) -> str:
        """The numeric contract, with the version of what it reproduces."""
        return CONTRACTS[self.numerics]


def check(option: str, value: str, known: tuple[str, ...]) -> None:
    """Raises OptionError, with the nearest known value, for one that an option does not have."""
    if value in known:
        return
    near = get_close_matches(value, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise OptionError(f"unknown {option} '{value}': {hint}known are {', '.join(known)}")


def parse_positive(text: str) -> float:
    """A number above 0, and finite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got '{text}'")
    return number


def parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """`NAME=1,96,96,3` as a name and a shape of positive sizes."""
    name, _, sizes = text.rpartition("=")
    if not name or not re.fullmatch(r"[1-9][0-9]*(,[1-9][0-9]*)*", sizes):
        raise argparse.ArgumentTypeError(f"expected NAME=SIZE,SIZE,..., got '{text}'")
    return name, tuple(int(size) for size in sizes.split(","))
