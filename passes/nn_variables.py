"""
Variables of a source format as states of the function that is being imported.

Formats overwrite variables as they go. Here each read gives the value of that moment, and what a
variable holds at the end is its next value (`nnc.dialects.nn.states`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import DictionaryAttr, StringAttr, TensorType, UnitAttr
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Block, SSAValue

from nnc.dialects.nn.states import NAME, STATE, state_attributes
from nnc.dialects.types import Array


@dataclass(eq=False)
class Variable:
    """A variable: the argument that holds it at first, and the value that it has by now."""

    name: str
    initial: Array
    argument: SSAValue
    value: SSAValue

    def attributes(self) -> DictionaryAttr:
        """Those of the argument."""
        kind = self.argument.type
        assert isinstance(kind, TensorType)
        return state_attributes(self.name, self.initial, kind.element_type)

    def next_attributes(self) -> DictionaryAttr:
        """Those of the result."""
        return DictionaryAttr({NAME: StringAttr(self.name), STATE: UnitAttr()})


class Variables:
    """The variables of the function whose body is `block`; arguments are added to it."""

    def __init__(self, block: Block):
        self.block = block
        self.declared: list[Variable] = []

    def declare(self, name: str, kind: TensorType[Attribute], initial: Array) -> Variable:
        """A new variable that starts with the given stored values."""
        argument = self.block.insert_arg(kind, len(self.block.args))
        variable = Variable(name, initial, argument, argument)
        self.declared.append(variable)
        return variable

    def values(self) -> Sequence[SSAValue]:
        """What the variables hold by now: the last operands of the function's return."""
        return [variable.value for variable in self.declared]

    def drop_unread(self, terminator: ReturnOp) -> bool:
        """Removes the variables that nothing reads; whether there were any."""
        kept: list[Variable] = []
        operands = list(terminator.operands)
        outputs = len(operands) - len(self.declared)
        results: list[SSAValue] = []
        for position, variable in enumerate(self.declared, outputs):
            uses = [(use.operation, use.index) for use in variable.argument.uses]
            if all(use == (terminator, position) for use in uses):
                continue
            kept.append(variable)
            results.append(operands[position])
        dropped = [variable for variable in self.declared if variable not in kept]
        terminator.operands = [*operands[:outputs], *results]
        for variable in dropped:
            argument = variable.argument
            self.block.erase_arg(next(arg for arg in self.block.args if arg is argument))
        self.declared = kept
        return bool(dropped)
