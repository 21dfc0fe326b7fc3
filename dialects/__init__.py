"""
The dialects, one per level of the compiler, found by name.

The dialect `quant` is the attribute `Quant` of the module `nnc.dialects.quant`, and so on. Nothing
is imported before a name is looked up, so that a tool pays only for the dialects it meets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.ir import Dialect

DIALECTS: tuple[str, ...] = ("keras", "kernel", "larq", "nn", "onnx", "quant", "tfl")
"""Every dialect of the compiler; a new one is one more name here."""


def load_dialect(name: str) -> Dialect:
    """The dialect of that name, which must be one of `DIALECTS`."""
    return getattr(import_module(f"{__name__}.{name}"), name.capitalize())
