"""
Where CMSIS-NN is installed, for those who link the library itself.

The environment variable CMSIS_NN_ROOT names a folder with the headers in `include` (or `Include`)
and `libcmsis-nn.a` in `lib` (or beside them), or one that has such a folder for each core, named
after it. Without it, networks use our portable implementation of the same functions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nnc.options import CMSIS_NN_ROOT
from nnc.toolchain import BuildOptions, ToolError

LIBRARY = "libcmsis-nn.a"
HEADER = "arm_nnfunctions.h"
USE_LIBRARY = "NNC_USE_CMSIS_NN"
"""The macro that makes nnc_cmsis_nn.h stand for the library."""


@dataclass(frozen=True)
class Installation:
    """CMSIS-NN built for one core."""

    include: Path
    library: Path

    def options(self) -> BuildOptions:
        """How to compile and link with it."""
        return BuildOptions(
            flags=(f"-D{USE_LIBRARY}",), includes=(self.include,), libraries=(self.library,)
        )


def installation(core: str) -> Installation | None:
    """
    The library for a core, None where CMSIS_NN_ROOT is not set. Raises ToolError where it is and
    there is no such library.
    """
    root = os.environ.get(CMSIS_NN_ROOT)
    if not root:
        return None
    for folder in (Path(root, core), Path(root)):
        includes = [
            it for it in (folder / "include", folder / "Include") if (it / HEADER).is_file()
        ]
        libraries = [it for it in (folder / "lib" / LIBRARY, folder / LIBRARY) if it.is_file()]
        if includes and libraries:
            return Installation(includes[0].resolve(), libraries[0].resolve())
    raise ToolError(
        f"{CMSIS_NN_ROOT} is {root}, but there is no include/{HEADER} with lib/{LIBRARY}, "
        f"neither there nor in {core} below it"
    )
