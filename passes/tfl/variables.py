"""Rewrites of variables: state tensors, and named variables with the function that sets them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from xdsl.dialects.builtin import ModuleOp, NameLoc, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.traits import SymbolTable

from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import structure as source
from nnc.dialects.tfl.base import TflOp
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of, tensor_type
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.nn_variables import Variable
from nnc.passes.tfl.lowering import REWRITES, Lowering, canonical_element, rewrite


def state(to: Lowering, operand: SSAValue) -> Variable:
    """The variable that an operator overwrites."""
    variable = to.tensors.get(operand)
    if variable is None:
        raise UnsupportedError(
            "expected a variable tensor as a state, got an ordinary one",
            "a model converted as a whole, with its state inside, works",
        )
    return variable


def update(to: Lowering, operand: SSAValue, value: SSAValue) -> None:
    """Gives a state its next value."""
    variable = state(to, operand)
    variable.value = value
    to.bind(operand, value)


@rewrite(source.VariableOp)
def _variable(op: source.VariableOp, to: Lowering) -> SSAValue:
    kind = _kind(op.output)
    element = kind.element_type
    initial = np.zeros(kind.get_shape(), numpy_dtype(element))
    if isinstance(element, UniformQuantizedType) and element.storage.width.data == 8:
        # Only int8 tensors are reset to their zero point (`ResetVariableTensor`).
        initial[...] = element.zero_point if element.is_signed and element.axis is None else 0
    name = op.location.desc.data if isinstance(op.location, NameLoc) else "state"
    variable = to.variables.declare(name, kind, initial)
    to.tensors[op.output] = variable
    return variable.argument


@rewrite(source.ReadVariableOp)
def _read(op: source.ReadVariableOp, to: Lowering) -> SSAValue:
    return _named(op.variable, _kind(op.output), to).value


@rewrite(source.AssignVariableOp)
def _assign(op: source.AssignVariableOp, to: Lowering) -> list[SSAValue]:
    value = to.value(op.value)
    name = _handle(op.variable)
    if name not in to.named and name not in to.initial:
        # Never read before it is assigned: what it starts with does not matter.
        to.initial[name] = np.zeros(shape_of(value), numpy_dtype(element_of(value)))
    variable = _named(op.variable, tensor_type(value), to)
    variable.value = to.stored_as(value, element_of(variable.argument))
    return []


@rewrite(source.CallOnceOp)
def _call_once(op: source.CallOnceOp, to: Lowering) -> list[SSAValue]:
    """Keeps the constants that the function assigns as the variables' initial values."""
    function = called_once(op)
    inner = Lowering(Block(), to.numerics)
    for entry in function.body.block.ops:
        if isinstance(entry, source.AssignVariableOp):
            value = inner.known(inner.value(entry.value), "the initial value of a variable")
            to.initial[_handle(entry.variable)] = value
        elif not isinstance(entry, NOT_REWRITTEN | ReturnOp):
            _append(entry, inner)
    return []


NOT_REWRITTEN = source.NoValueOp | source.PseudoConstOp | source.VarHandleOp
"""Operations that mean nothing without the ones that use them."""


def _append(op: Operation, to: Lowering) -> None:
    if not isinstance(op, TflOp) or type(op) not in REWRITES:
        raise UnsupportedError(f"{op.name} is not supported where variables are initialised")
    results = REWRITES[type(op)](op, to)
    results = [results] if isinstance(results, SSAValue) else results
    for before, after in zip(op.results, results, strict=True):
        to.bind(before, after)


def called_once(op: source.CallOnceOp) -> FuncOp:
    """The function that initialises variables."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, ModuleOp):
        parent = parent.parent_op()
    assert parent is not None
    function = SymbolTable.lookup_symbol(parent, op.init_subgraph)
    assert isinstance(function, FuncOp)
    return function


def initialisers(module: ModuleOp) -> Iterator[FuncOp]:
    """The functions of a module that only initialise variables."""
    for op in module.walk():
        if isinstance(op, source.CallOnceOp):
            yield called_once(op)


def _handle(value: SSAValue) -> tuple[str, str]:
    if not isinstance(value.owner, source.VarHandleOp):
        raise UnsupportedError("expected a variable that is known by its name")
    return value.owner.container.data, value.owner.shared_name.data


def _kind(value: SSAValue) -> TensorType[Attribute]:
    kind = tensor_type(value)
    if any(extent < 1 for extent in kind.get_shape()):
        raise UnsupportedError(f"expected a variable of static shape, got {kind.get_shape()}")
    return TensorType(canonical_element(kind.element_type), kind.get_shape())


def _named(handle: SSAValue, kind: TensorType[Attribute], to: Lowering) -> Variable:
    name = _handle(handle)
    if name not in to.named:
        initial = to.initial.get(name)
        if initial is None:
            raise UnsupportedError(
                f'the variable "{name[1]}" is read before it has a value',
                "a model that initialises its variables works",
            )
        to.named[name] = to.variables.declare(name[1], kind, _fitting(initial, kind))
    variable = to.named[name]
    have, want = tensor_type(variable.argument), kind
    same_storage = numpy_dtype(have.element_type) == numpy_dtype(want.element_type)
    if have.get_shape() != want.get_shape() or not same_storage:
        raise UnsupportedError(f"expected a variable of {have}, got {want}")
    return variable


def _fitting(initial: Array, kind: TensorType[Attribute]) -> Array:
    if initial.shape != kind.get_shape() or initial.dtype != numpy_dtype(kind.element_type):
        raise UnsupportedError(
            f"expected an initial value of {kind}, got {initial.dtype} {initial.shape}"
        )
    return initial
