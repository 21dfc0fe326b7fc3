"""
What it costs to compile models: CPU seconds and the most memory of `nnc compile`, one process each.

The aim is at most 3 seconds and 300 MB for a network as large as MLPerf Tiny's visual wake words.
Run with `.venv/bin/python benchmarks/compile_time.py [--target CORE] MODEL...`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Of one process and those that it started."""

    seconds: float
    megabytes: float


def compile_cost(model: str, target: str) -> Cost:
    """What `nnc compile` takes for a model; ends the program if it fails."""
    nnc = Path(sysconfig.get_path("scripts"), "nnc")
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "out"))
        child = subprocess.Popen(
            [str(nnc), "compile", model, "-o", out, "--target", target],
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(child.returncode)
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def main() -> None:
    """Measures and prints a line for each model."""
    parser = argparse.ArgumentParser(description="CPU seconds and memory of nnc compile")
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument("--target", default="cortex-m4")
    arguments = parser.parse_args()
    for model in arguments.models:
        cost = compile_cost(model, arguments.target)
        print(f"{Path(model).name:24}{cost.seconds:7.2f} s{cost.megabytes:7.0f} MB")


if __name__ == "__main__":
    main()
