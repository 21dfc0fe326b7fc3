"""
Runs `nn` functions by their reference semantics, in numpy.

This is the meaning of a network at the canonical level, against which every later level is
compared. Each op evaluates itself; `NnFunctions` tells xDSL's interpreter so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ArrayAttr, FusedLoc, LocationAttr, ModuleOp, NameLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    impl,
    register_impls,
)
from xdsl.ir import SSAValue

from nnc.dialects.nn import Nn
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.channels import channels_left
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.states import states_of
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of


@dataclass(frozen=True)
class Run:
    """
    What one inference gave: the function's outputs in order, every layer's result by the name of
    its location, and the states for the next inference. Of several ops with one name the last
    counts, which is the layer's result. `channels` has the names of layers that lost channels, with
    those of the original that are left.
    """

    outputs: tuple[Array, ...]
    layers: dict[str, Array]
    states: tuple[Array, ...] = ()
    channels: dict[str, Array] = field(default_factory=dict[str, Array])

    def like(self, name: str, original: Array) -> Array:
        """What the layer of that name should be, of what it is in the original network."""
        left = self.channels.get(name)
        if left is None or original.shape[-1:] == self.layers[name].shape[-1:]:
            return original
        return original[..., left[left < original.shape[-1]]]


def run(
    module: ModuleOp | FuncOp, inputs: Sequence[Array], states: Sequence[Array] | None = None
) -> Run:
    """
    One inference of a function of `nn` ops (of a module: its first function).

    `inputs` are arrays of the arguments' shapes and `numpy_dtype`s, `states` those of an earlier
    `Run`; without them the states have their initial values. Raises `ValueError` where the arrays
    do not fit, `AssertionError` for an op that is not of this dialect.
    """
    function = module if isinstance(module, FuncOp) else _first_function(module)
    block = function.body.block
    known = states_of(function)
    given = [*inputs, *([state.initial for state in known] if states is None else states)]
    values: dict[SSAValue, Array] = dict(zip(block.args, _checked(block.args, given), strict=True))
    layers: dict[str, Array] = {}
    for op in block.ops:
        if isinstance(op, ReturnOp):
            results = tuple(values[operand] for operand in op.operands)
            count = len(results) - len(known)
            return Run(results[:count], layers, results[count:], channels_by_layer(function))
        if isinstance(op, ConstantOp):
            values[op.output] = op.values
            continue
        assert isinstance(op, NnOp), f"{op.name} is not an operation of the nn dialect"
        results = op.evaluate(*(values[operand] for operand in op.operands))
        values.update(zip(op.results, results, strict=True))
        layers.update(zip(layer_names(op.location), results, strict=False))
    raise AssertionError("expected a function that ends in a return")


def run_sequence(module: ModuleOp | FuncOp, samples: Sequence[Sequence[Array]]) -> list[Run]:
    """One inference for each sample, the states handed on from one to the next."""
    runs: list[Run] = []
    for sample in samples:
        runs.append(run(module, sample, runs[-1].states if runs else None))
    return runs


def channels_by_layer(function: FuncOp) -> dict[str, Array]:
    """The channels that are left, by the names of the layers of a function that lost some."""
    found: dict[str, Array] = {}
    for op in function.body.block.ops:
        left = channels_left(op)
        # Of several ops with one name the last has the layer's result; constants are no layers.
        for name in layer_names(op.location) if op.operands else ():
            found.pop(name, None)
            if left is not None:
                found[name] = left
    return found


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


def _implementation(kind: type[NnOp]) -> Callable[..., PythonValues]:
    @impl(kind)
    def evaluate(
        functions: InterpreterFunctions, interpreter: Interpreter, op: NnOp, args: PythonValues
    ) -> PythonValues:
        return op.evaluate(*args)

    return evaluate


@impl(ConstantOp)
def _constant(
    functions: InterpreterFunctions, interpreter: Interpreter, op: ConstantOp, args: PythonValues
) -> PythonValues:
    return (op.values,)


NnFunctions = register_impls(
    type(
        "NnFunctions",
        (InterpreterFunctions,),
        {
            "run_constant": _constant,
            **{
                f"run_{kind.name}": _implementation(kind)
                for kind in Nn.operations
                if issubclass(kind, NnOp)
            },
        },
    )
)
"""The reference semantics of all `nn` ops for xDSL's interpreter; values are numpy arrays."""
