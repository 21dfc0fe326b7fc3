"""
Which op gives a layer's value once transposes move, and in which order of axes it has it.

The op that computes a layer keeps the layer's name, and the transpose behind it becomes a part of
the layer. While the pass runs, `nn.layout` of such an op says which axis of the model's tensor each
axis of its result is; afterwards the function's `nn.layouts` has that by the names of layers.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import DictionaryAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ReshapeOp
from nnc.dialects.nn.interpreter import layer_names
from nnc.dialects.nn.layout import LAYOUT, LAYOUTS, layout_of
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.types import shape_of
from nnc.passes.layer_names import part_of
from nnc.passes.nn_builder import integers

TRANSPOSE = "transpose"
"""What a part of a layer is called that only brings its value into another order."""


def name_layers(block: Block) -> None:
    """
    Lets the op that computes a layer's value keep the layer's name, and not the transposes and
    reshapes behind it.
    """
    named = {op: op.location for op in block.ops}
    behind: dict[Operation, list[int]] = {}
    for op in block.ops:
        if not isinstance(op, TransposeOp | ReshapeOp):
            continue
        owner = op.input.owner
        if not isinstance(owner, Operation) or named[owner] != op.location:
            continue
        op.location = part_of(op.location, TRANSPOSE)
        maker = owner
        while maker in behind:
            inner = maker.operands[0].owner
            assert isinstance(inner, Operation)
            maker = inner
        axes = behind.get(owner, list(range(len(shape_of(op.input)))))
        behind[op] = _axes_behind(op, axes)
        places = [behind[op].index(axis) if axis in behind[op] else -1 for axis in axes_of(maker)]
        maker.attributes[LAYOUT] = integers(places)


def axes_of(op: Operation) -> range:
    """The axes of an op's only result."""
    return range(len(shape_of(op.results[0])))


def _axes_behind(op: TransposeOp | ReshapeOp, axes: Sequence[int]) -> list[int]:
    """Which axes of the layer's own value those of a result are; -1 for others, of extent 1."""
    if isinstance(op, TransposeOp):
        return [axes[axis] for axis in op.permutation.get_values()]
    old, new = shape_of(op.input), shape_of(op.output)
    if [size for size in old if size > 1] != [size for size in new if size > 1]:
        return [-1] * len(new)
    long = iter([axis for axis, size in zip(axes, old, strict=True) if size > 1])
    return [next(long) if size > 1 else -1 for size in new]


def moved_layout(op: Operation, new: Operation, permutation: Sequence[int]) -> None:
    """Says the layout of an op whose result, transposed by the permutation, is another op's."""
    known = layout_of(op.attributes) or tuple(range(len(permutation)))
    back = [permutation.index(axis) for axis in range(len(permutation))]
    new.attributes[LAYOUT] = integers([known[axis] for axis in back])


def collect_layouts(function: FuncOp) -> None:
    """Makes the layouts of ops those of layers, in the function's `nn.layouts`."""
    layouts: dict[str, Attribute] = {}
    for op in function.body.block.ops:
        given = op.attributes.pop(LAYOUT, None)
        if not isinstance(op, NnOp) or not op.operands:
            continue
        for name in layer_names(op.location):
            layouts.pop(name, None)
            if given is not None and _moves(op, given):
                layouts[name] = given
    if layouts:
        function.attributes[LAYOUTS] = DictionaryAttr(layouts)


def _moves(op: Operation, given: Attribute) -> bool:
    """Whether the axes of more than one index are in another order than the model's."""
    layout = layout_of({LAYOUT: given}) or ()
    pairs = zip(layout, shape_of(op.results[0]), strict=True)
    long = [axis for axis, size in pairs if size > 1]
    return long != sorted(long) and -1 not in long
