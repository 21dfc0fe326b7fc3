"""
The C runtime as shared libraries of this machine, called through ctypes.

Each is built once per test session: as shipped, with the undefined-behaviour sanitizer (which
aborts), and with the options that are most likely to change results.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnc.toolchain import RUNTIME, STRICT_WARNINGS, host_compiler

Array = npt.NDArray[Any]

SANITIZED = ("-std=c99", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
"""Any undefined behaviour ends the process with a message."""

AGGRESSIVE = ("-std=gnu11", "-O3", "-ffp-contract=fast")
"""What a user may choose, and what must not change a bit."""

_FMA = ("-mfma",) if platform.machine() in ("x86_64", "AMD64") else ()

VARIANTS = {"sanitized": SANITIZED, "aggressive": (*AGGRESSIVE, *_FMA)}


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="nnc-tests-")


@functools.cache
def load(sources: tuple[Path, ...], variant: str) -> ctypes.CDLL:
    """A library of C files compiled without a warning in one of VARIANTS."""
    compiler = host_compiler()
    library = Path(_folder().name, f"{abs(hash((sources, variant)))}.so")
    flags = ("-shared", "-fPIC", *VARIANTS[variant], *STRICT_WARNINGS, f"-I{RUNTIME}")
    command = [compiler.path, *flags, *map(str, sources), "-lm", "-o", str(library)]
    build = subprocess.run(command, capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stderr
    return ctypes.CDLL(str(library))


@functools.cache
def runtime(variant: str) -> ctypes.CDLL:
    """All kernels of the runtime in one library."""
    return load(tuple(sorted(RUNTIME.glob("nnc_*.c"))), variant)


def pointer(values: Array | None) -> ctypes.c_void_p:
    """The address of an array's elements, which keeps the array alive; null for None."""
    if values is None:
        return ctypes.c_void_p()
    assert values.flags.c_contiguous
    return values.ctypes.data_as(ctypes.c_void_p)


def ints(*fields: int) -> ctypes.Array[ctypes.c_int32]:
    """A struct whose members are all int32_t."""
    return (ctypes.c_int32 * len(fields))(*fields)


class Pointers(ctypes.Structure):
    """A struct of two pointers: multipliers and shifts."""

    _fields_ = [("first", ctypes.c_void_p), ("second", ctypes.c_void_p)]


def per_channel(multipliers: Array, shifts: Array) -> Pointers:
    """`cmsis_nn_per_channel_quant_params`; the arrays must outlive it."""
    return Pointers(multipliers.ctypes.data, shifts.ctypes.data)


def int32s(values: Sequence[int] | Array) -> Array:
    """An array of int32_t."""
    return np.ascontiguousarray(values, np.int32)
