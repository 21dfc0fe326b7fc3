"""Arguments of the network as the quantised tensors that they are taken for."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, FunctionType, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, BlockArgument, Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import CastOp, ReshapeOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.nn.states import STATE
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import make


class CastEarlier(RewritePattern):
    """Stored integers that are moved and then taken for quantised ones are so before they move."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, CastOp) or not isinstance(op.input.owner, ReshapeOp | TransposeOp):
            return
        before, kind = op.input.owner, element_of(op.output)
        if not isinstance(kind, UniformQuantizedType) or kind.storage != element_of(op.input):
            return
        if kind.axis is not None or not op.input.has_one_use():
            return
        cast = make(CastOp, [before.input], TensorType(kind, shape_of(before.input)))
        new = type(before).create(
            operands=[cast.output],
            result_types=[op.output.type],
            properties=dict(before.properties),
        )
        rewriter.replace(op, [cast, new])


def type_arguments(function: FuncOp) -> None:
    """
    Gives arguments of integers that nothing but casts to one quantised type of the same storage use
    that type.
    """
    block = function.body.block
    attributes = list(function.arg_attrs) if isinstance(function.arg_attrs, ArrayAttr) else []
    for number, argument in enumerate(block.args):
        kind = _taken_for(argument)
        if kind is None or (attributes and STATE in attributes[number].data):
            continue
        new = block.insert_arg(TensorType(kind, shape_of(argument)), number)
        new.location, new.name_hint = argument.location, argument.name_hint
        for use in list(argument.uses):
            cast = use.operation
            cast.results[0].replace_all_uses_with(new)
            cast.detach()
            cast.erase()
        block.erase_arg(argument)
    terminator = block.last_op
    assert isinstance(terminator, ReturnOp)
    results: list[Attribute] = [operand.type for operand in terminator.operands]
    function.function_type = FunctionType.from_lists(block.arg_types, results)


def _taken_for(argument: BlockArgument) -> UniformQuantizedType | None:
    """The one type that an argument is cast to, whatever uses it; None where there is none."""
    kinds: set[Attribute] = set()
    for use in argument.uses:
        if not isinstance(use.operation, CastOp):
            return None
        kinds.add(element_of(use.operation.output))
    kind = kinds.pop() if len(kinds) == 1 else None
    if not isinstance(kind, UniformQuantizedType) or kind.storage != element_of(argument):
        return None
    return kind
