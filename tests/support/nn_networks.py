"""Small networks of `nn` ops, built in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import ModuleOp, NameLoc, NoneAttr, StringAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from nnc.passes.nn_builder import NnBuilder

Build = Callable[[NnBuilder, Sequence[SSAValue]], Sequence[SSAValue]]
"""Appends ops to a function with those arguments and gives its results."""


def tensor(element: Attribute, *shape: int) -> TensorType[Attribute]:
    """The type of a tensor."""
    return TensorType(element, shape)


def network(inputs: Sequence[TensorType[Attribute]], build: Build) -> ModuleOp:
    """A verified module with one function `main`; layers are named after their number."""
    block = Block(arg_types=inputs)
    builder = NnBuilder(block)
    results = build(builder, block.args)
    builder.insert(ReturnOp(*results))
    for number, op in enumerate(block.ops):
        op.location = NameLoc(StringAttr(f"op{number}"), NoneAttr())
    types = [result.type for result in results]
    module = ModuleOp([FuncOp("main", (list(inputs), types), Region(block))])
    module.verify()
    return module
