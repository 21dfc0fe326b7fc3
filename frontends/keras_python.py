"""
The Python that has TensorFlow: another process, of what is installed beside this package or not.

Reading `.h5` and `.keras` files needs neither; a SavedModel, and comparing with Keras, do.
"""

from __future__ import annotations

import importlib.util
import os
import sys

PYTHON = "NNC_REFERENCE_PYTHON"
"""The environment variable that names it."""


def keras_python() -> str | None:
    """
    What the environment variable NNC_REFERENCE_PYTHON names, else this Python if it has TensorFlow,
    else None.
    """
    named = os.environ.get(PYTHON)
    if named:
        return named
    return sys.executable if importlib.util.find_spec("tensorflow") is not None else None


def started(script: str) -> list[str]:
    """
    Arguments of Python that run a file, without searching its folder for modules: ours has common
    names.
    """
    return ["-c", f"import runpy; runpy.run_path({script!r}, run_name='__main__')"]
