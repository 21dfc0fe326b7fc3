"""
The contract of the `nn` level, checked for a whole network at once.

What comes after this pass lowers every operation and has no way to refuse one. So what could not be
lowered is named here, all of it: the layer, the reason and the nearest thing that works.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    ModuleOp,
    TensorType,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.nn import Nn
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import CastOp, ConstantOp
from nnc.dialects.nn.states import states_of
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BinType, element_of
from nnc.passes.diagnostics import one_line, place_of, suggestion

LARGEST_TENSOR = 1 << 28
"""Elements of the largest tensor: a few gigabytes at most, which no microcontroller has."""

_INTEGER_WIDTHS = (1, 4, 8, 16, 32, 64)


class ContractError(DiagnosticException):
    """All that keeps a module from being lowered; its text has one line for each problem."""

    def __init__(self, problems: list[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class NnVerifyContractPass(ModulePass):
    """
    Raises `ContractError` unless the module keeps the contract of the `nn` level: functions of
    `nn` operations over tensors of static shape and of element types that the operations take.
    """

    name = "nn-verify-contract"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        problems = [problem for entry in op.body.block.ops for problem in _entry(entry)]
        if not any(isinstance(entry, func.FuncOp) for entry in op.body.block.ops):
            problems.append("error: expected a module with a function, got none")
        if problems:
            raise ContractError(problems)


def _entry(op: Operation) -> Iterator[str]:
    """The problems of an operation of the module."""
    if not isinstance(op, func.FuncOp):
        yield _line(op, "expected only functions in a module")
        return
    if len(op.body.blocks) != 1:
        yield _line(op, f"expected a body of one block, got {len(op.body.blocks)}")
        return
    yield from _function(op, op.body.block)


def _function(function: func.FuncOp, block: Block) -> Iterator[str]:
    for number, argument in enumerate(block.args):
        for reason in _type_problems(argument.type):
            yield _line(function, f"input {number} {reason}")
    for op in block.ops:
        if op is block.last_op and isinstance(op, func.ReturnOp):
            continue
        if not isinstance(op, NnOp | ConstantOp):
            yield _line(op, _foreign(op))
            continue
        yield from _layer(op)
    if not isinstance(block.last_op, func.ReturnOp):
        yield _line(function, "expected a function that ends in func.return")
        return
    try:
        states_of(function)
    except ValueError as error:
        yield _line(function, str(error))


def _foreign(op: Operation) -> str:
    source = op.name.partition(".")[0]
    if source in ("larq", "tfl"):
        return f"expected only nn operations; run {source}-to-nn first"
    names = {known.name.removeprefix("nn."): known.name for known in Nn.operations}
    own = op.name.partition(".")[2]
    hint = f"; {names[own]} works" if own in names else suggestion(op.name, names.values())
    return f"expected only nn operations{hint}"


def _layer(op: NnOp | ConstantOp) -> Iterator[str]:
    """The problems of a layer: of the types that it makes, and of those that it is given."""
    for result in op.results:
        for reason in _type_problems(result.type):
            yield _line(op, f"the result {reason}")
    for name, value in _named_values(op):
        for reason in _use_problems(op, name, value):
            yield _line(op, f"{name} {reason}")


def _type_problems(kind: Attribute) -> Iterator[str]:
    """What is wrong with the type of a value, wherever it is used."""
    if not isinstance(kind, TensorType):
        yield f"is {kind}; only tensors work"
        return
    if DYNAMIC_INDEX in kind.get_shape():
        yield f"is {kind}, of a size not known before run time; fix it with --shape NAME=1,2,3"
    elif prod(kind.get_shape()) > LARGEST_TENSOR:
        yield f"is {kind}; tensors of up to {LARGEST_TENSOR:,} elements work"
    element: Attribute = kind.element_type
    match element:
        case BinType() if not kind.get_shape():
            yield f"is {kind}, without an axis of channels; tensor<1x!nn.bin> works"
        case BinType() | Float16Type() | Float32Type() | Float64Type():
            return
        case IntegerType() if element.width.data in _INTEGER_WIDTHS:
            return
        case UniformQuantizedType() if element.storage.width.data <= 32:
            return
        case IndexType():
            yield f"is {kind}; i32 works"
        case IntegerType():
            yield f"is {kind}; integers of 1, 4, 8, 16, 32 and 64 bits work"
        case UniformQuantizedType():
            yield f"is {kind}; storage of 4, 8, 16 and 32 bits works"
        case _:
            yield f"is {kind}; f32, integers and quantised types work"


def _use_problems(op: NnOp | ConstantOp, name: str, value: SSAValue) -> Iterator[str]:
    """What is wrong with a value of a good type at this operation."""
    if not isinstance(value.type, TensorType) or isinstance(op, ConstantOp):
        return
    element = element_of(value)
    if isinstance(element, Float16Type | Float64Type) and not isinstance(op, CastOp):
        yield f"is {value.type}, which only nn.constant and nn.cast take; cast it to f32"
    if isinstance(element, BinType) and not op.BINARY:
        yield f"is {value.type}, which {op.name} does not take; nn.dequantize it to f32"
    per_axis = isinstance(element, UniformQuantizedType) and element.axis is not None
    if per_axis and name not in op.PER_AXIS:
        yield f"is {value.type}, quantised per axis; one scale for the whole tensor works"


def _named_values(op: IRDLOperation) -> Iterator[tuple[str, SSAValue]]:
    """Operands and results with the names that the operation has for them."""
    definition = op.get_irdl_definition()
    for name, _ in (*definition.operands, *definition.results):
        field: SSAValue | Sequence[SSAValue] | None = getattr(op, name)
        values = [field] if isinstance(field, SSAValue) else field or []
        yield from ((name, value) for value in values)


def _line(op: Operation, reason: str) -> str:
    return f"{place_of(op) or 'error'}: '{op.name}': {one_line(reason)}"
