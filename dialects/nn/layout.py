"""
The order of axes of what a network takes, gives and computes between.

A model with channels first becomes a network with channels last. What is put in, what comes out and
the layers' values must then be in that order as well, and whoever compares them with the model's
must know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import I64, DenseArrayBase, DictionaryAttr
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from nnc.dialects.types import Array

LAYOUT = "nn.layout"
"""
Of an argument or result: for each of its axes the axis of the model's tensor; -1 for one of extent
1 that the model's tensor does not have.
"""

LAYOUTS = "nn.layouts"
"""Of a function: the `nn.layout` of layers' values, by the names of the layers."""

Layout = tuple[int, ...]


def layout_of(attributes: Mapping[str, Attribute], key: str = LAYOUT) -> Layout | None:
    """The axes of the model's tensor in the order of the network's, None where they are its own."""
    given = attributes.get(key)
    if not isa(given, DenseArrayBase[I64]):
        return None
    return tuple(given.get_values())


def layouts_of(attributes: Mapping[str, Attribute]) -> dict[str, Layout]:
    """The layouts of a function's layers that are not in the model's order."""
    given = attributes.get(LAYOUTS)
    if not isinstance(given, DictionaryAttr):
        return {}
    found = {name: layout_of(given.data, name) for name in given.data}
    return {name: layout for name, layout in found.items() if layout is not None}


def arranged(array: Array, layout: Sequence[int]) -> Array:
    """An array of the model in the order of the network."""
    known = [axis for axis in layout if axis >= 0]
    left = [axis for axis in range(array.ndim) if axis not in known]
    shape = [1 if axis < 0 else array.shape[axis] for axis in layout]
    moved = array.transpose([*known, *left])
    return np.ascontiguousarray(moved).reshape(shape)


def rearranged(array: Array, layout: Sequence[int]) -> Array:
    """The inverse of `arranged`, for arrays with all axes of the model."""
    return np.ascontiguousarray(array.transpose(np.argsort(np.asarray(layout))))
