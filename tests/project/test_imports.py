"""Every module can be imported first: none relies on another one having been imported before it."""

from __future__ import annotations

import subprocess
import sys

from support.project import modules

PROGRAM = """
import importlib, sys

done = set()
for name in sorted(sys.argv[1:]):
    # Packages are imported before what is in them, which is then there or imported alone below.
    if name in done:
        continue
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "nnc"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: {error}")
    done.update(loaded for loaded in sys.modules if loaded.startswith(f"{name}."))
"""


def test_every_module_imports_alone() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *modules()], capture_output=True, text=True, check=False
    )
    assert result.stdout + result.stderr == ""
