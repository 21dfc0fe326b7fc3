"""
The attribute of a layer whose result has lost channels.

Whoever compares the layer with its original looks at the channels that are left.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import DenseArrayBase, i64
from xdsl.ir import Attribute, Operation

CHANNELS = "nn.channels"
"""The numbers of the channels that are left, counted along the last axis of the original."""


def channels_left(op: Operation) -> npt.NDArray[np.int64] | None:
    """The channels of the original that the first result of an op has; None for all."""
    given = op.attributes.get(CHANNELS)
    return np.frombuffer(given.data.data, "<i8") if isinstance(given, DenseArrayBase) else None


def channels_attribute(op: Operation, kept: npt.NDArray[np.bool_]) -> dict[str, Attribute]:
    """`nn.channels` for what takes the place of an op and has the channels that are `kept`."""
    if kept.all():
        return {}
    earlier = channels_left(op)
    numbers = np.flatnonzero(kept) if earlier is None else earlier[kept]
    return {CHANNELS: DenseArrayBase.from_list(i64, [int(number) for number in numbers])}
