"""
The table of rewrites from layers to `nn`, and what a rewrite works with.

A rewrite is a function of one operation that appends the `nn` ops of the same meaning and returns
their results. It is registered for its operation's class with `@rewrite`, and raises
`UnsupportedError` for what has no equivalent.

Layers are rewritten one by one, wherever they are: values keep their types, so that several
dialects of layers may share a function and each has a pass of its own. A pass is `lower_layers`
with its dialect's table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from xdsl.builder import Builder
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    ModuleOp,
    NameLoc,
    StringAttr,
    TensorType,
    f32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.keras.base import KerasOp
from nnc.dialects.keras.structure import ConstantOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ClampOp
from nnc.dialects.nn.conversion import ConstantOp as NnConstantOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.nn.reduction import ReduceOp
from nnc.dialects.nn.states import NAME
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of
from nnc.frontends.errors import FrontendError, Problem
from nnc.passes.diagnostics import place
from nnc.passes.nn_builder import NnBuilder, UnsupportedError, integers, real
from nnc.passes.nn_variables import Variable, Variables

REMARKS = "nn.remarks"
INPUTS, OUTPUTS, VERSION = "keras.inputs", "keras.outputs", "keras.version"

OpT = TypeVar("OpT", bound=KerasOp)
Results: TypeAlias = SSAValue | Sequence[SSAValue]
Rewrite: TypeAlias = Callable[[OpT, "Lowering"], Results]
Rewrites: TypeAlias = Mapping[type[KerasOp], Rewrite[Any]]

REWRITES: dict[type[KerasOp], Rewrite[Any]] = {}
"""The rewrite of each supported layer of Keras."""


def rewrite(*kinds: type[OpT]) -> Callable[[Rewrite[OpT]], Rewrite[OpT]]:
    """Registers a function as the rewrite of these operations."""

    def register(function: Rewrite[OpT]) -> Rewrite[OpT]:
        for kind in kinds:
            assert kind not in REWRITES, f"{kind.name} has two rewrites"
            REWRITES[kind] = function
        return function

    return register


class Lowering(NnBuilder):
    """
    Appends `nn` ops in front of the layer that is being rewritten.

    `version` is the generation of Keras, 2 or 3. `remarks` collects what a user must know of a
    model that compiles.
    """

    def __init__(self, block: Block, version: int):
        super().__init__(block)
        self.version = version
        self.remarks: list[str] = []
        self.variables = Variables(block)
        self._declared: dict[str, Variable] = {}

    def variable(self, name: str, kind: TensorType[Attribute]) -> Variable:
        """
        What the layer that is being rewritten remembers under that name, zeros at first. The calls
        of a layer (`lstm`, `lstm:1`) share it.
        """
        layer = re.sub(r":\d+$", "", place(self.location) or "")
        title = f"{layer}/{name}"
        if title not in self._declared:
            zeros = np.zeros(kind.get_shape(), numpy_dtype(kind.element_type))
            self._declared[title] = self.variables.declare(title, kind, zeros)
        return self._declared[title]

    def before(self, op: KerasOp) -> None:
        """From now on ops are put in front of `op`, and have its location."""
        self.location = op.location
        self._builder = Builder(InsertPoint.before(op))

    def value(self, source: SSAValue) -> SSAValue:
        """The `nn` value of an operand: itself, unless it is a weight."""
        if not isinstance(source.owner, ConstantOp):
            return source
        return self.constant(self.array(source), f32)

    def array(self, source: SSAValue) -> Array:
        """The numbers of a weight, in Keras' layout."""
        owner = source.owner
        if not isinstance(owner, ConstantOp):
            raise UnsupportedError("expected a constant weight, got a value computed at run time")
        try:
            return owner.array
        except DiagnosticException as error:
            raise UnsupportedError(str(error)) from error

    def weight(self, op: KerasOp, name: str) -> Array | None:
        """The numbers of a layer's weight of that name; None where the layer has none such."""
        value = op.weight(name)
        return None if value is None else self.array(value)

    def needed(self, op: KerasOp, name: str) -> Array:
        """The numbers of a weight that the layer always has."""
        values = self.weight(op, name)
        assert values is not None, f"{op.name} without {name}"
        return values

    def number(self, values: Array | float) -> SSAValue:
        """A constant of float32 numbers."""
        return self.constant(np.ascontiguousarray(values, np.float32), f32)

    def transpose(self, value: SSAValue, permutation: Sequence[int]) -> SSAValue:
        """The value with its axes in another order; itself where that is no other one."""
        if list(permutation) == list(range(len(permutation))):
            return value
        shape = shape_of(value)
        result = TensorType(element_of(value), [shape[axis] for axis in permutation])
        return self.op(TransposeOp, [value], result, permutation=integers(permutation))

    def unary(self, kind: type[NnOp], value: SSAValue, **properties: Attribute | None) -> SSAValue:
        """An op that keeps the shape of its input."""
        return self.op(kind, [value], floats(shape_of(value)), **properties)

    def binary(self, kind: type[NnOp], lhs: SSAValue, rhs: SSAValue | float) -> SSAValue:
        """An elementwise op of two tensors, or of one and a number."""
        other = self.number(rhs) if isinstance(rhs, int | float) else rhs
        shape = np.broadcast_shapes(shape_of(lhs), shape_of(other))
        return self.op(kind, [lhs, other], floats(shape))

    def clamp(self, value: SSAValue, low: float | None, high: float | None) -> SSAValue:
        """The value between two bounds, either of which may be missing."""
        bounds = {"min": low, "max": high}
        given = {name: real(bound) for name, bound in bounds.items() if bound is not None}
        return self.unary(ClampOp, value, **given)

    def reduce(self, kind: type[ReduceOp], value: SSAValue, axes: Sequence[int]) -> SSAValue:
        """A reduction of some axes, which stay with a size of 1."""
        shape = [1 if axis in axes else size for axis, size in enumerate(shape_of(value))]
        return self.op(kind, [value], floats(shape), axes=integers(sorted(axes)))

    def remark(self, text: str) -> None:
        """Notes something about the layer that is being rewritten, with its name."""
        where = place(self.location)
        self.remarks.append(text if where is None else f"{where}: {text}")


def floats(shape: Sequence[int]) -> TensorType[Attribute]:
    """The type of a tensor of float32 numbers."""
    return TensorType(f32, list(shape))


def lower_layers(module: ModuleOp, rewrites: Rewrites, dialect: str) -> None:
    """
    Rewrites all layers of a dialect; what else a function has stays. Once no layers of any dialect
    are left, arguments and results get the names that the function has for them.

    Raises FrontendError with every layer that is not supported.
    """
    problems: list[Problem] = []
    for function in module.body.block.ops:
        if isinstance(function, FuncOp) and function.body.blocks:
            _lower(function, rewrites, dialect, problems)
    if problems:
        raise FrontendError(problems)


def _lower(function: FuncOp, rewrites: Rewrites, dialect: str, problems: list[Problem]) -> None:
    block = function.body.block
    to = Lowering(block, _generation(function))
    for op in list(block.ops):
        if not isinstance(op, KerasOp) or op.name.partition(".")[0] != dialect:
            continue
        try:
            _replace(op, rewrites, to)
        except UnsupportedError as error:
            problems.append(_problem(op, error))
    _drop_unused(block)
    _remember(function, to.variables)
    if to.remarks:
        given = function.attributes.get(REMARKS)
        before = given.data if isinstance(given, ArrayAttr) else ()
        function.attributes[REMARKS] = ArrayAttr([*before, *map(StringAttr, to.remarks)])
    if not any(isinstance(op, KerasOp) for op in block.ops):
        _name(function)


def _replace(op: KerasOp, rewrites: Rewrites, to: Lowering) -> None:
    """Puts the ops of a layer in its place. Raises UnsupportedError."""
    if type(op) not in rewrites:
        raise UnsupportedError("this layer is not supported")
    to.before(op)
    results = rewrites[type(op)](op, to)
    results = [results] if isinstance(results, SSAValue) else list(results)
    for source, result in zip(op.results, results, strict=True):
        assert source.type == result.type, f"{op.name}: {result.type} instead of {source.type}"
        result.name_hint = result.name_hint or source.name_hint
        source.replace_all_uses_with(result)
    op.detach()
    op.erase()


def _drop_unused(block: Block) -> None:
    """Erases what nothing uses: constants in Keras' layout, above all."""
    for op in reversed(list(block.ops)):
        used = any(result.first_use is not None for result in op.results)
        if not used and isinstance(op, NnOp | NnConstantOp | ConstantOp):
            op.detach()
            op.erase()


def _problem(op: KerasOp, error: UnsupportedError) -> Problem:
    location = op.location
    layer = location.desc.data if isinstance(location, NameLoc) else None
    return Problem(error.reason, layer, op.layer(), error.remedy)


def _generation(function: FuncOp) -> int:
    """The generation of Keras that wrote the model."""
    version = function.attributes.get(VERSION)
    text = version.data if isinstance(version, StringAttr) else "3"
    return 3 if text.startswith("3") else 2


def _remember(function: FuncOp, variables: Variables) -> None:
    """Makes variables the last arguments and results of the function."""
    block = function.body.block
    terminator = block.last_op
    if not variables.declared or not isinstance(terminator, ReturnOp):
        return
    counts = len(block.args) - len(variables.declared), len(terminator.operands)
    terminator.operands = [*terminator.operands, *variables.values()]
    results = [value.type for value in terminator.operands]
    function.function_type = FunctionType.from_lists([arg.type for arg in block.args], results)
    for field, count, own in (
        ("arg_attrs", counts[0], [it.attributes() for it in variables.declared]),
        ("res_attrs", counts[1], [it.next_attributes() for it in variables.declared]),
    ):
        before = getattr(function, field)
        known = [DictionaryAttr({})] * count if before is None else before.data
        setattr(function, field, ArrayAttr([*known, *own]))


def _name(function: FuncOp) -> None:
    """Gives arguments and results the names that the function has for them."""
    function.attributes.pop(VERSION, None)
    for names, field in ((INPUTS, "arg_attrs"), (OUTPUTS, "res_attrs")):
        given = function.attributes.pop(names, None)
        texts = given.data if isinstance(given, ArrayAttr) else ()
        before = getattr(function, field)
        others = () if before is None else before.data[len(texts) :]
        attributes = [*(DictionaryAttr({NAME: text}) for text in texts), *others]
        if attributes:
            setattr(function, field, ArrayAttr(attributes))
