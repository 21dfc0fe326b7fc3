"""What the rewrites of `larq` operations work with: a builder in the middle of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from typing_extensions import TypeVar
from xdsl.builder import Builder
from xdsl.dialects.builtin import NoneType, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.tfl.structure import PseudoConstOp
from nnc.dialects.types import Array, BinType, element_of, numpy_dtype
from nnc.passes.nn_builder import NnBuilder, UnsupportedError

LarqNumerics = Literal["lce", "lce-device"]
"""
How a number half-way between two int8 values is rounded: away from zero, as LCE's interpreter does,
or to the even one, as the same code does on Arm.
"""

OpT = TypeVar("OpT", bound=Operation)
Rewrite: TypeAlias = Callable[[OpT, "Lowering"], SSAValue]

REWRITES: dict[type[Operation], Rewrite[Any]] = {}
"""The rewrite of each `larq` operation."""


def rewrite(*kinds: type[OpT]) -> Callable[[Rewrite[OpT]], Rewrite[OpT]]:
    """Registers a function as the rewrite of these operations."""

    def register(function: Rewrite[OpT]) -> Rewrite[OpT]:
        for kind in kinds:
            assert kind not in REWRITES, f"{kind.name} has two rewrites"
            REWRITES[kind] = function
        return function

    return register


class Lowering(NnBuilder):
    """Puts `nn` ops in front of the operation that is being rewritten."""

    def __init__(self, op: Operation, numerics: LarqNumerics):
        block = op.parent_block()
        assert block is not None
        super().__init__(block)
        self.numerics: LarqNumerics = numerics
        self.location = op.location
        self.remarks: list[str] = []
        self._builder = Builder(InsertPoint.before(op))

    def binary(self, value: SSAValue, what: str) -> SSAValue:
        """A binary operand; raises UnsupportedError for packed words of another origin."""
        if not isinstance(element_of(value), BinType):
            raise UnsupportedError(
                f"expected {what} that a binary operator of the network makes, got {value.type}",
                "a model that packs its values itself, by LceQuantize, works",
            )
        return value

    def array(self, value: SSAValue, what: str) -> Array:
        """The stored values of a constant of either level; raises UnsupportedError."""
        if isinstance(value.type, NoneType):
            raise UnsupportedError(f"expected {what}, got none")
        owner = value.owner
        if isinstance(owner, PseudoConstOp):
            return owner.array
        if isinstance(owner, ConstantOp):
            return owner.values
        raise UnsupportedError(f"expected {what} to be a constant, got a value made at run time")


def static_type(value: SSAValue) -> TensorType[Attribute]:
    """The type of a tensor whose sizes are all known; raises UnsupportedError."""
    kind = value.type
    assert isinstance(kind, TensorType)
    if any(extent < 0 for extent in kind.get_shape()):
        raise UnsupportedError(
            f"expected sizes that the file knows, got {kind}",
            "a model converted for this input shape works",
        )
    numpy_dtype(kind.element_type)
    return kind
