"""
The order of axes in which a network takes and gives its images.

A model with channels first becomes a network with channels last. What is put in and what comes out
must then be in that order as well, and whoever compares them with the model's must know it.
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import I64, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

LAYOUT = "nn.layout"
"""Of an argument or result: for each of its axes the axis of the model's tensor."""


def layout_of(attributes: Mapping[str, Attribute]) -> tuple[int, ...] | None:
    """The axes of the model's tensor in the order of the network's, None where they are its own."""
    given = attributes.get(LAYOUT)
    if not isa(given, DenseArrayBase[I64]):
        return None
    return tuple(given.get_values())
