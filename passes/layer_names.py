"""
Which op has a layer's name: the one that gives the value that the model means by it.

An op's location names its layer. Everything that compares networks layer by layer relies on a name
standing for one value, so an op that only prepares that value is called a part of the layer.
"""

from __future__ import annotations

from xdsl.dialects.builtin import LocationAttr, NameLoc, NoneAttr, StringAttr
from xdsl.ir import Block

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ReshapeOp


def part_of(location: LocationAttr, part: str) -> LocationAttr:
    """The location of a part of a layer."""
    if not isinstance(location, NameLoc):
        return location
    return NameLoc(StringAttr(f"{location.desc.data}/{part}"), NoneAttr())


def name_parts(block: Block) -> None:
    """
    Lets the last op of each layer keep the layer's name, and what it is a mere view of; the ops
    before that become parts.
    """
    last: dict[LocationAttr, NnOp] = {}
    for op in reversed(list(block.ops)):
        if not isinstance(op, NnOp):
            continue
        following = last.get(op.location)
        if following is None or _is_view(following, op):
            last[op.location] = op
        else:
            op.location = part_of(op.location, op.kind)


def _is_view(op: NnOp, source: NnOp) -> bool:
    return isinstance(op, ReshapeOp) and op.is_view and op.input in source.results
