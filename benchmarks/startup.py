"""
What it costs to start `nn-opt`, beside a bare `xdsl-opt`: CPU seconds of each on a tiny module.

The aim is a start-up of at most 2.5 times xDSL's own. Run with `.venv/bin/python
benchmarks/startup.py [RUNS]`; the smallest of RUNS (10) counts, as everything else that a machine
does only adds to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

MODULE = "func.func @f(%a: i32) -> i32 {\n  func.return %a : i32\n}\n"


def cpu_seconds(command: list[str]) -> float:
    """CPU seconds, of the user and of the system, that a command takes."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def main() -> None:
    """Measures and prints."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    scripts = Path(sysconfig.get_path("scripts"))
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder, "module.mlir")
        module.write_text(MODULE, encoding="utf-8")
        least = {
            name: min(cpu_seconds([str(scripts / name), str(module)]) for _ in range(runs))
            for name in ("xdsl-opt", "nn-opt")
        }
    for name, seconds in least.items():
        print(f"{name:9}{seconds:6.2f} s")
    print(f"ratio    {least['nn-opt'] / least['xdsl-opt']:6.2f}")


if __name__ == "__main__":
    main()
