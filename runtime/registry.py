"""
The kernels, as rows behind one interface.

A kernel is one C function that can run one kind of layer. Its row says when that is legal, what
scratch it needs, how its operands are packed, what loops it stands for and how it is called. A
backend (CMSIS-NN's functions, ours, a user's) is a list of rows; adding a kernel is adding one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from xdsl.builder import Builder
from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType, i8
from xdsl.ir import Attribute, SSAValue

from nnc.boards import Core
from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.kernel.memory import ConstantOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ConstantOp as NnConstantOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.types import Array, dense_attribute, memory_type

BACKENDS: tuple[str, ...] = (
    "nnc.runtime.own_conv",
    "nnc.runtime.own_depthwise",
    "nnc.runtime.own_dense",
    "nnc.runtime.cmsis_nn",
    "nnc.runtime.own",
    "nnc.runtime.binary_dense_rows",
    "nnc.runtime.binary_mve",
    "nnc.runtime.binary_dense_mve",
    "nnc.runtime.binary_conv",
    "nnc.runtime.int8_binary_conv",
    "nnc.runtime.binary_depthwise",
    "nnc.runtime.binary_dense",
    "nnc.runtime.int8_binary_dense",
    "nnc.runtime.tree_code",
)
"""Modules whose `KERNELS` are the rows, in order of preference."""


@dataclass(frozen=True)
class Target:
    """
    What kernels are chosen for: the core, and whether the CMSIS-NN library itself is linked
    (`library`) or our portable implementation of its functions, which needs no scratch. With
    `constant_time`, only kernels that read the same memory in the same order whatever the data is;
    with `small`, none that are there for speed and take more flash than loops.
    """

    core: Core
    library: bool = False
    constant_time: bool = False
    small: bool = False


def constant_values(value: SSAValue) -> Array | None:
    """What a constant operand of an `nn` op holds; None if it is not constant."""
    owner = value.owner
    return owner.values if isinstance(owner, NnConstantOp) else None


class Lowering:
    """Makes the operands of a call: constants, scratch, and the call itself."""

    def __init__(self, op: NnOp, memory: dict[SSAValue, SSAValue], builder: Builder):
        self.op = op
        self.memory = memory
        self.builder = builder

    def buffer(self, value: SSAValue) -> SSAValue:
        """The buffer of an operand or result of the `nn` op."""
        return self.memory[value]

    def constant(self, values: Array, element: Attribute, hint: str) -> SSAValue:
        """Read-only data of the layer."""
        attribute = dense_attribute(values, element)
        op = ConstantOp(attribute, memory_type(attribute.type))
        op.location = self.op.location
        op.result.name_hint = hint
        return self.builder.insert(op).result

    def scratch(self, sizes: Sequence[int]) -> list[SSAValue]:
        """Scratch buffers of so many bytes; none for 0."""
        return [
            self.builder.insert(memref.AllocOp([], [], MemRefType(i8, [size]))).memref
            for size in sizes
            if size
        ]

    def call(
        self,
        callee: str,
        inputs: Sequence[SSAValue],
        parameters: dict[str, Parameter],
        scratch_bytes: Sequence[int] = (),
    ) -> CallOp:
        """The call of a kernel that writes all results of the `nn` op."""
        outputs = [self.memory[result] for result in self.op.results]
        scratch = self.scratch(scratch_bytes)
        op = CallOp(callee, self.op.kind, inputs, outputs, scratch, parameters)
        op.location = self.op.location
        return self.builder.insert(op)


class Kernel(ABC):
    """One C function that runs one kind of layer."""

    name: str
    """The function's name, also the `callee` of its calls."""

    library: bool = False
    """Whether the function is CMSIS-NN's (then our portable implementation has the same name)."""

    headers: tuple[str, ...] = ()
    """Runtime headers that a caller includes."""

    sources: tuple[str, ...] = ()
    """Runtime C files that a caller links where the library is not."""

    @abstractmethod
    def legal(self, op: NnOp, target: Target) -> str | None:
        """
        Why the function cannot run a layer with exactly the layer's arithmetic, or None if it can.
        The answer for an op that the kernel is not about at all is an empty text.
        """

    @abstractmethod
    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        """Makes the call for a layer that is legal, its weights packed as the function wants."""

    @abstractmethod
    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        """Bytes of each scratch buffer that the function takes for a layer; 0 is none."""

    @abstractmethod
    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        """Builds the loops that compute what the call does."""

    @abstractmethod
    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        """
        The C statements that make the call, given the names of the pointers to its inputs, outputs
        and scratch; they return an int that is 0 on success.
        """

    def same_places(self, op: NnOp, target: Target) -> list[tuple[int, int]]:
        """Pairs of an input and an output that may be at exactly the same place."""
        return []

    def functions(self, call: CallOp, symbol: str) -> list[str]:
        """C functions that only this call needs, of names that begin with `symbol`."""
        return []

    def statements(self, call: CallOp, arguments: Sequence[str], symbol: str) -> list[str]:
        """`body`, which may call the `functions` of the same symbol."""
        return self.body(call, arguments)

    def in_order(self, target: Target) -> bool:
        """
        Whether the function reads and writes in the order of the op's own loops (row-major over the
        output, a few elements at a time), so that it may overlap input and output as they may.
        """
        return False


def kernels() -> list[Kernel]:
    """All rows, in order of preference."""
    return [row for module in BACKENDS for row in import_module(module).KERNELS]


def kernel(name: str) -> Kernel:
    """The row of a function; raises `KeyError` if there is none."""
    for row in kernels():
        if row.name == name:
            return row
    raise KeyError(name)


@dataclass(frozen=True)
class Choice:
    """The kernel for a layer, if there is one, and why each other that is about it is not."""

    kernel: Kernel | None
    declined: tuple[str, ...]


def choose(op: NnOp, target: Target) -> Choice:
    """The first legal kernel."""
    declined: list[str] = []
    for row in kernels():
        reason = row.legal(op, target)
        if reason is None:
            return Choice(row, (*declined, *_passed_over(row, op, target)))
        if reason:
            declined.append(f"{row.name}: {reason}")
    return Choice(None, tuple(declined))


def _passed_over(chosen: Kernel, op: NnOp, target: Target) -> list[str]:
    """What is said of the library's functions, of which a row of ours comes first."""
    if chosen.library:
        return []
    rest = kernels()
    reasons = [(row, row.legal(op, target)) for row in rest[rest.index(chosen) :] if row.library]
    return [
        f"{row.name}: {reason or f'{chosen.name} takes fewer instructions'}"
        for row, reason in reasons
        if reason != ""
    ]
