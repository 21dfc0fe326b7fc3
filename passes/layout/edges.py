"""
Where the network begins and ends: images that it takes and gives channels last.

`nn.layout` of an argument or result has for each of its axes the axis of the model's own tensor.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.builder import Builder
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint

from nnc.dialects.nn.base import ElementwiseOp
from nnc.dialects.nn.layout import LAYOUT
from nnc.dialects.nn.movement import MirrorPadOp, SliceOp, TransposeOp
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.states import STATE
from nnc.dialects.types import element_of, shape_of
from nnc.passes.layout.moves import Permutation, inverse, keeps_order, source_of, transpose
from nnc.passes.nn_builder import integers

_LARGEST_SEARCH = 1000
"""Ops behind an input among which a transpose is looked for."""


def inputs_last(function: FuncOp) -> None:
    """
    Gives the inputs that layers want in another order that order, with a transpose back to the
    model's behind them.
    """
    block = function.body.block
    attributes = _dictionaries(function.arg_attrs, len(block.args))
    for number, argument in enumerate(block.args):
        permutation = _wanted(argument)
        if permutation is None or STATE in attributes[number].data:
            continue
        attributes[number] = _with_layout(attributes[number], permutation)
        shape = shape_of(argument)
        kind = TensorType(element_of(argument), [shape[axis] for axis in permutation])
        new = block.insert_arg(kind, number)
        new.location = argument.location
        new.name_hint = argument.name_hint
        back = Builder(InsertPoint.at_start(block)).insert(transpose(new, inverse(permutation)))
        argument.replace_all_uses_with(back.output)
        block.erase_arg(argument)
    function.arg_attrs = ArrayAttr(attributes) if attributes else None
    _retype(function)


def outputs_last(function: FuncOp) -> None:
    """Gives results without the transpose before them."""
    terminator = function.body.block.last_op
    assert isinstance(terminator, ReturnOp)
    attributes = _dictionaries(function.res_attrs, len(terminator.operands))
    for number, value in enumerate(terminator.operands):
        found = source_of(value)
        if found is None or STATE in attributes[number].data:
            continue
        source, permutation = found
        attributes[number] = _with_layout(attributes[number], inverse(permutation))
        terminator.operands[number] = source
        if value.first_use is None and isinstance(value.owner, TransposeOp):
            value.owner.detach()
            value.owner.erase()
    function.res_attrs = ArrayAttr(attributes) if attributes else None
    _retype(function)


def _wanted(argument: BlockArgument) -> Permutation | None:
    """The permutation of transposes that an input meets, through ops that do not mind them."""
    found = _met(argument)
    permutation: Permutation = tuple(range(len(shape_of(argument))))
    while found is not None:
        value, step = found
        permutation = tuple(permutation[axis] for axis in step)
        found = _met(value)
    return None if keeps_order(shape_of(argument), permutation) else permutation


def _met(value: SSAValue) -> tuple[SSAValue, Permutation] | None:
    """The first transpose that a value meets."""
    shape = shape_of(value)
    pending: list[SSAValue] = [value]
    seen: set[SSAValue] = set()
    while pending and len(seen) < _LARGEST_SEARCH:
        value = pending.pop(0)
        if value in seen:
            continue
        seen.add(value)
        for use in value.uses:
            op = use.operation
            if isinstance(op, TransposeOp):
                return op.output, tuple(op.permutation.get_values())
            if isinstance(op, ElementwiseOp | PadOp | MirrorPadOp | SliceOp | ConcatOp):
                pending.extend(
                    result for result in op.results if len(shape_of(result)) == len(shape)
                )
    return None


def _dictionaries(attributes: ArrayAttr[DictionaryAttr] | None, count: int) -> list[DictionaryAttr]:
    return list(attributes) if attributes is not None else [DictionaryAttr({})] * count


def _with_layout(attributes: DictionaryAttr, permutation: Sequence[int]) -> DictionaryAttr:
    return DictionaryAttr({**attributes.data, LAYOUT: integers(permutation)})


def _retype(function: FuncOp) -> None:
    block = function.body.block
    terminator = block.last_op
    assert isinstance(terminator, ReturnOp)
    results: list[Attribute] = [operand.type for operand in terminator.operands]
    function.function_type = FunctionType.from_lists(block.arg_types, results)
