"""
What the numbers of a classifier stand for.

Networks compute with numbers only. A label that is a text becomes the number of the text in a list,
and a map from labels to scores becomes the scores alone; the lists are kept beside the results of
the function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Attribute

NAMES = "nn.names"
"""Of a result that holds numbers of texts: the texts, in order."""

CLASSES = "nn.classes"
"""Of a result with a score for each class along its last axis: the classes' labels, in order."""


def texts(values: Sequence[object]) -> ArrayAttr[StringAttr]:
    """Labels as an attribute; numbers are written out."""
    return ArrayAttr([StringAttr(str(value)) for value in values])


def texts_of(attributes: Mapping[str, Attribute], key: str) -> tuple[str, ...]:
    """The labels that an argument or result has under a key, none where it has no such key."""
    found = attributes.get(key)
    parts = found.data if isinstance(found, ArrayAttr) else ()
    return tuple(part.data for part in parts if isinstance(part, StringAttr))
