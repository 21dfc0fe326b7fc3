"""Which layers are supported, as a table for people: `nnc ops` prints it."""

from __future__ import annotations

from dataclasses import dataclass

from nnc.dialects.keras import structure, wrapping
from nnc.passes.keras import REWRITES

_WRAPPERS = ("Bidirectional", "TimeDistributed")
"""Layers that become the operations of what they wrap."""

_INDICES = ("Embedding",)
"""Layers whose input may be whole numbers."""


@dataclass(frozen=True)
class Supported:
    """A layer and the types of its activations."""

    operator: str
    types: tuple[str, ...]


def supported() -> list[Supported]:
    """Every layer that has a rewrite, by name."""
    layers = {
        kind.layer()
        for kind in REWRITES
        if kind.__module__ not in (structure.__name__, wrapping.__name__)
    }
    return [
        Supported(name, ("f32", "i32", "i64") if name in _INDICES else ("f32",))
        for name in sorted((*layers, *_WRAPPERS))
    ]
