"""Hand-written networks for tests of what builds and runs C, and what they compute."""

import random
import re
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from nnc.toolchain import INSTALL_ARM, INSTALL_QEMU, RUNTIME, BuildOptions

FOLDER = Path(__file__).parents[1] / "boards"
SAMPLE = FOLDER / "sample"
LOOP = FOLDER / "loop"
ROGUE = FOLDER / "rogue"
LIBRARY = FOLDER / "library"

needs_boards = pytest.mark.skipif(
    not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")),
    reason=f"needs the cross compiler and the emulator: {INSTALL_ARM}; {INSTALL_QEMU}",
)


def options(
    *flags: str, sanitize: bool = False, compiler: str | None = None, opt: str = "-O2"
) -> BuildOptions:
    """Strict options; the hand-written networks take nnc.h from the runtime itself."""
    return BuildOptions(
        opt=opt,
        flags=flags,
        includes=(RUNTIME,),
        strict=True,
        sanitize=sanitize,
        compiler=compiler,
    )


def sample_inputs(count: int, seed: int = 0) -> list[list[bytes]]:
    """`count` inputs of the sample network, 16 bytes each."""
    generator = random.Random(seed)
    return [[generator.randbytes(16)] for _ in range(count)]


def sample_layers(x: bytes, runs: int) -> list[list[bytes]]:
    """What the sample network's layers give for `x` in its run number `runs`."""
    hidden = _dense(np.frombuffer(x, np.int8), "hidden")
    y = _dense(hidden, "y")
    return [[hidden.tobytes()], [y.tobytes(), np.int32(runs).tobytes()]]


def _dense(x: npt.NDArray[np.int8], name: str) -> npt.NDArray[np.int8]:
    bias = _constant(f"net_{name}_bias")
    weights = _constant(f"net_{name}_weights").reshape(len(bias), -1)
    sums = bias + weights @ x.astype(np.int64)
    return np.clip(np.trunc(sums / 256), -128, 127).astype(np.int8)


def _constant(name: str) -> npt.NDArray[np.int64]:
    text = (SAMPLE / "net_weights.c").read_text()
    found = re.search(rf"{name}\[.*?\] = \{{(.*?)\}};", text, re.DOTALL)
    assert found is not None
    return np.array([int(word) for word in found[1].split(",")])
