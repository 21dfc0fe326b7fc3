"""
Makes what a model takes as an input and gives as an output a state of the network.

Formats without states, such as ONNX, have recurrent networks that go step by step take the last
state as an input and give the next one as an output; whoever runs them copies the one to the other.
As a state (`nnc.dialects.nn.states`) it stays in the network's context, and layers overwrite it
where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from nnc.dialects.nn.layout import layout_of
from nnc.dialects.nn.states import NAME, STATE, state_attributes
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.diagnostics import UsageError, suggestion


@dataclass(frozen=True)
class NnKeepStatesPass(ModulePass):
    """
    Each of `inputs`, by name, becomes a state that starts with zeros, and the output of the same
    place in `outputs` its next value. Neither is an input or output any more.

    Raises UsageError for names that there are not, and for pairs of different types.
    """

    name = "nn-keep-states"

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if len(self.inputs) != len(self.outputs):
            expected = f"{len(self.inputs)} outputs, one for each input"
            raise UsageError(f"expected {expected}, got {len(self.outputs)}")
        for function in op.body.block.ops:
            if isinstance(function, FuncOp):
                _keep(function, self.inputs, self.outputs)


def _keep(function: FuncOp, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    block = function.body.block
    terminator = block.last_op
    assert isinstance(terminator, ReturnOp)
    arguments, values = list(block.args), list(terminator.operands)
    taken, given = _entries(function.arg_attrs, arguments), _entries(function.res_attrs, values)
    sources = [_place("input", name, taken) for name in inputs]
    targets = [_place("output", name, given) for name in outputs]
    for source, target in zip(sources, targets, strict=True):
        one, other = arguments[source], values[target]
        name, title = _name(taken[source]), _name(given[target])
        if one.type != other.type or layout_of(taken[source].data) != layout_of(given[target].data):
            raise UsageError(
                f"expected the input '{name}' and the output '{title}' to have one type and order "
                f"of axes, got {one.type} and {other.type}"
            )
        initial = np.zeros(shape_of(one), numpy_dtype(element_of(one)))
        taken[source] = state_attributes(name, initial, element_of(one))
        given[target] = DictionaryAttr({NAME: StringAttr(name), STATE: taken[source].data[STATE]})
    argument_order = _behind(len(arguments), sources)
    result_order = _behind(len(values), targets)
    # A value that is returned as it came in is an argument, too.
    moved: dict[SSAValue, SSAValue] = {}
    for number in argument_order:
        new = moved[arguments[number]] = block.insert_arg(
            arguments[number].type, len(block.args), arguments[number].location
        )
        new.name_hint = arguments[number].name_hint
        arguments[number].replace_all_uses_with(new)
    for argument in arguments:
        block.erase_arg(argument)
    terminator.operands = [moved.get(values[k], values[k]) for k in result_order]
    function.function_type = FunctionType.from_lists(
        block.arg_types, [value.type for value in terminator.operands]
    )
    function.arg_attrs = ArrayAttr([taken[number] for number in argument_order])
    function.res_attrs = ArrayAttr([given[number] for number in result_order])


def _entries(
    attributes: ArrayAttr[DictionaryAttr] | None, values: Sequence[SSAValue]
) -> list[DictionaryAttr]:
    return [DictionaryAttr({}) for _ in values] if attributes is None else list(attributes.data)


def _name(attributes: DictionaryAttr) -> str:
    name = attributes.data.get(NAME)
    return name.data if isinstance(name, StringAttr) else ""


def _place(what: str, name: str, entries: Sequence[DictionaryAttr]) -> int:
    """Where an input or output is, by its name, that is no state yet."""
    names = [_name(entry) for entry in entries]
    known = [_name(entry) for entry in entries if STATE not in entry.data]
    if name not in known:
        raise UsageError(f"no {what} is called '{name}'{suggestion(name, known)}")
    return names.index(name)


def _behind(count: int, last: Sequence[int]) -> list[int]:
    """The numbers below a count, some of them last."""
    if len(set(last)) < len(last):
        raise UsageError("expected each input and output once")
    return [*(number for number in range(count) if number not in last), *last]
