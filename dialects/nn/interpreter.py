"""
Runs `nn` functions by their reference semantics, in numpy.

This is the meaning of a network at the canonical level, against which every later level is
compared. Each op evaluates itself, so there is nothing to register here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, FusedLoc, LocationAttr, ModuleOp, NameLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of


@dataclass(frozen=True)
class Run:
    """
    What one inference gave: the function's results in order, and every layer's result by the name
    of its location. Of several ops with one name the last counts, which is the layer's result.
    """

    outputs: tuple[Array, ...]
    layers: dict[str, Array]


def run(module: ModuleOp | FuncOp, inputs: Sequence[Array]) -> Run:
    """
    One inference of a function of `nn` ops (of a module: its first function).

    `inputs` are arrays of the arguments' shapes and `numpy_dtype`s. Raises `ValueError` where
    they are not, `AssertionError` for an op that is not of this dialect.
    """
    function = module if isinstance(module, FuncOp) else _first_function(module)
    block = function.body.block
    values: dict[SSAValue, Array] = dict(zip(block.args, _checked(block.args, inputs), strict=True))
    layers: dict[str, Array] = {}
    for op in block.ops:
        if isinstance(op, ReturnOp):
            return Run(tuple(values[operand] for operand in op.operands), layers)
        if isinstance(op, ConstantOp):
            values[op.output] = op.values
            continue
        assert isinstance(op, NnOp), f"{op.name} is not an operation of the nn dialect"
        results = op.evaluate(*(values[operand] for operand in op.operands))
        values.update(zip(op.results, results, strict=True))
        layers.update(zip(layer_names(op.location), results, strict=False))
    raise AssertionError("expected a function that ends in a return")


def layer_names(location: LocationAttr) -> Iterator[str]:
    """The names that a location gives to the results of its operation, in order."""
    match location:
        case NameLoc():
            yield location.desc.data
        case FusedLoc(locations=ArrayAttr(data=parts)):
            for part in parts:
                assert isinstance(part, LocationAttr)
                yield from layer_names(part)
        case _:
            return


def _first_function(module: ModuleOp) -> FuncOp:
    for op in module.body.block.ops:
        if isinstance(op, FuncOp):
            return op
    raise ValueError("expected a module with a function, got none")


def _checked(args: Sequence[SSAValue], inputs: Sequence[Array]) -> Sequence[Array]:
    if len(args) != len(inputs):
        raise ValueError(f"expected {len(args)} inputs, got {len(inputs)}")
    for arg, array in zip(args, inputs, strict=True):
        shape, dtype = shape_of(arg), numpy_dtype(element_of(arg))
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(
                f"expected an input of {dtype} {shape}, got {array.dtype} {array.shape}"
            )
    return inputs
