"""
How the passes over `nn` rewrite it: patterns run until none applies, and names stay true.

The location of a layer's last op names the value that the layer gives in the model. What replaces
an op takes over its location, which xDSL's own replacement drops. Where a layer's last op goes away
for good, the ops that remain of it get names of their own: their values are not the layer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriterListener,
    PatternRewriteWalker,
    RewritePattern,
)

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import RequantizeOp, ReshapeOp
from nnc.passes.layer_names import part_of


def rewrite(module: ModuleOp, patterns: Sequence[RewritePattern]) -> None:
    """
    Applies patterns to every function until none of them changes anything, and erases the ops whose
    results nobody uses.

    Patterns replace an op with `PatternRewriter.replace`; the new ops get its location.
    """
    for function in module.body.block.ops:
        if isinstance(function, FuncOp) and function.body.blocks:
            _rewrite(function.body.block, patterns)


def _rewrite(block: Block, patterns: Sequence[RewritePattern]) -> None:
    names = _Names({op.location: op for op in block.ops if isinstance(op, NnOp)})
    listener = PatternRewriterListener(
        operation_insertion_handler=[names.inserted.append],
        operation_replacement_handler=[names.replace],
        operation_removal_handler=[names.remove],
    )
    applier = GreedyRewritePatternApplier(list(patterns))
    region = block.parent
    assert region is not None
    PatternRewriteWalker(applier, listener=listener).rewrite_region(region)
    names.settle(block)


def _restates(op: Operation) -> TypeGuard[ReshapeOp | RequantizeOp]:
    """Whether an op gives the numbers that it gets: in another shape, or stored differently."""
    if isinstance(op, RequantizeOp):
        return op.keeps_scale and op.min is None and op.max is None
    return isinstance(op, ReshapeOp)


@dataclass
class _Names:
    """Which op gives the value that a location stands for, while ops come and go."""

    last: dict[LocationAttr, Operation]
    inserted: list[Operation] = field(default_factory=list[Operation])
    lost: set[LocationAttr] = field(default_factory=set[LocationAttr])

    def replace(self, op: Operation, results: Sequence[SSAValue | None]) -> None:
        """Hands a location on to the ops inserted since the last replacement."""
        for new in self.inserted:
            new.location = op.location
        self.inserted.clear()
        if self.last.get(op.location) is op:
            self._move(op.location, results[-1] if results else None)

    def remove(self, op: Operation) -> None:
        """Notes that an op goes away; what a reshape gave, its operand holds as well."""
        if self.last.get(op.location) is op:
            self._move(op.location, op.input if _restates(op) else None)

    def _move(self, location: LocationAttr, value: SSAValue | None) -> None:
        owner = None if value is None else value.owner
        if isinstance(owner, NnOp) and owner.location == location:
            self.last[location] = owner
        else:
            del self.last[location]
            self.lost.add(location)

    def settle(self, block: Block) -> None:
        """Renames what is left of layers whose value is gone."""
        for op in block.ops:
            if op.location in self.lost and isinstance(op, NnOp):
                op.location = part_of(op.location, op.kind)
