"""
The targets a module can be written out for, found by name.

The target `c` is the class `CTarget` of the module `nnc.codegen.c_target`. Nothing is imported
before a name is looked up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.utils.target import Target

TARGETS: tuple[str, ...] = ("c",)
"""Every target of the compiler; a new one is one more name here."""


def load_target(name: str) -> type[Target]:
    """The target of that name, which must be one of `TARGETS`."""
    return getattr(import_module(f"{__name__}.{name}_target"), f"{name.capitalize()}Target")
