"""The CMSIS-NN library of those who have it."""

from __future__ import annotations

import functools

import pytest

from nnc.cmsis_nn import Installation, installation
from nnc.toolchain import ToolError


@functools.cache
def installed(name: str) -> Installation:
    """CMSIS-NN for a core, or for this machine; skips the test where there is none."""
    try:
        found = installation(name)
    except ToolError as error:
        pytest.skip(str(error))
    if found is None:
        pytest.skip("set CMSIS_NN_ROOT to a folder with an installed CMSIS-NN 7 for each core")
    return found
