"""
What a network remembers from one inference to the next.

Values at the `nn` level are immutable, so a state goes in as an argument and comes out as a result.
The arguments of a function are its inputs, then its states; the results are its outputs, then the
next values of the states, in the same order. The attribute `nn.state` marks both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    StringAttr,
    UnitAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.types import (
    Array,
    dense_attribute,
    dense_values,
    element_of,
    numpy_dtype,
    shape_of,
)

NAME = "nn.name"
STATE = "nn.state"
INITIAL = "nn.initial"
"""The stored values that a state starts with, where they are not all 0."""


@dataclass(frozen=True)
class State:
    """A state of a function: the argument that holds it, and the result that replaces it."""

    name: str
    argument: SSAValue
    next: SSAValue
    initial: Array


def state_attributes(name: str, initial: Array, element: Attribute) -> DictionaryAttr:
    """The attributes of the argument of a state."""
    entries: dict[str, Attribute] = {NAME: StringAttr(name), STATE: UnitAttr()}
    if initial.any():
        entries[INITIAL] = dense_attribute(initial, element)
    return DictionaryAttr(entries)


def is_state(attributes: ArrayAttr[DictionaryAttr] | None, index: int) -> bool:
    """Whether these attributes of arguments or results say that the one at `index` is a state."""
    return attributes is not None and STATE in attributes.data[index].data


def initial_values(attributes: Mapping[str, Attribute], tensor: Attribute) -> Array:
    """The stored values that a state of these attributes starts with."""
    initial = attributes.get(INITIAL)
    if initial is None:
        return np.zeros(shape_of(tensor), numpy_dtype(element_of(tensor)))
    assert isinstance(initial, DenseIntOrFPElementsAttr)
    return dense_values(initial, tensor)


def states_of(function: FuncOp) -> list[State]:
    """
    The states of a function, in order.

    Raises `ValueError` where arguments and results do not agree about them.
    """
    arguments, results = function.arg_attrs, function.res_attrs
    block = function.body.block
    terminator = block.last_op
    assert isinstance(terminator, ReturnOp)
    given = [k for k in range(len(block.args)) if is_state(arguments, k)]
    nexts = [k for k in range(len(terminator.operands)) if is_state(results, k)]
    if len(given) != len(nexts):
        raise ValueError(f"expected as many new states as states, got {len(nexts)}")
    if given != _last(len(block.args), given) or nexts != _last(len(terminator.operands), nexts):
        raise ValueError("expected states behind the inputs, and new states behind the outputs")
    found: list[State] = []
    for source, target in zip(given, nexts, strict=True):
        assert arguments is not None
        argument, value = block.args[source], terminator.operands[target]
        if argument.type != value.type:
            raise ValueError(f"expected a new state of {argument.type}, got {value.type}")
        attributes = arguments.data[source].data
        name = attributes.get(NAME)
        title = name.data if isinstance(name, StringAttr) else f"state{len(found)}"
        found.append(State(title, argument, value, initial_values(attributes, argument.type)))
    return found


def _last(count: int, numbers: Sequence[int]) -> list[int]:
    return list(range(count - len(numbers), count))
