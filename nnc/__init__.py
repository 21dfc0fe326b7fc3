"""
Compiles trained neural networks to small, fast, plain C for Arm Cortex-M.

The functions below are the Python API; the same things are on the command line as `nnc` and
`nn-opt`. Importing this package imports nothing else: each function is fetched when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnc.compiler import CompileResult, compile, emit
    from nnc.passes.keras.custom import custom_layer
    from nnc.pipeline import load, run_passes

__all__ = ["CompileResult", "compile", "custom_layer", "emit", "load", "run_passes"]

_HOMES = {
    "CompileResult": "nnc.compiler",
    "compile": "nnc.compiler",
    "custom_layer": "nnc.passes.keras.custom",
    "emit": "nnc.compiler",
    "load": "nnc.pipeline",
    "run_passes": "nnc.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
