"""
Memory at the kernel level: constants, views and the arena.

`memref` has allocation, load and store; what it lacks in a form that code generation can print is
added here: read-only data with its contents, and a part of a buffer seen as another shape.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    IntegerAttr,
    MemRefType,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.types import constant_bytes, element_bytes, given, memory_bytes


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """
    Read-only data: weights, biases, multipliers, tables.

    ```mlir
    %w = kernel.constant dense<[1, 2]> : tensor<2xi8> -> memref<2xi8>
    ```
    """

    name = "kernel.constant"

    value = prop_def(base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr))
    result = result_def(MemRefType)

    traits = traits_def(Pure())

    assembly_format = "$value attr-dict `->` type($result)"

    def __init__(
        self,
        value: DenseIntOrFPElementsAttr | DenseResourceAttr,
        result_type: MemRefType[Attribute],
    ):
        super().__init__(properties={"value": value}, result_types=[result_type])

    @property
    def data(self) -> bytes:
        """
        The bytes. Raises DiagnosticException where the text that the module was read from left
        them out.
        """
        return given(self.value).data.data

    def verify_(self) -> None:
        kind = self.result.type
        assert isinstance(kind, MemRefType)
        if constant_bytes(self.value) != memory_bytes(kind):
            raise VerifyException(
                f"expected {memory_bytes(kind)} bytes of data for {kind}, "
                f"got {constant_bytes(self.value)}"
            )


@irdl_op_definition
class ViewOp(IRDLOperation):
    """
    The bytes of a buffer from `offset` on, seen with another shape or element type.

    ```mlir
    %y = kernel.view %x[64] : memref<128xi8> to memref<4x16xi8>
    ```
    """

    name = "kernel.view"

    source = operand_def(MemRefType)
    offset = prop_def(IntegerAttr)
    result = result_def(MemRefType)

    traits = traits_def(Pure())

    assembly_format = "$source `[` $offset `]` attr-dict `:` type($source) `to` type($result)"

    def __init__(self, source: SSAValue, offset: int, result_type: MemRefType[Attribute]):
        super().__init__(
            operands=[source],
            properties={"offset": IntegerAttr(offset, i64)},
            result_types=[result_type],
        )

    @property
    def byte_offset(self) -> int:
        """Where the view starts, in bytes from the start of the source."""
        return self.offset.value.data

    def verify_(self) -> None:
        source, result = self.source.type, self.result.type
        assert isinstance(source, MemRefType) and isinstance(result, MemRefType)
        size = element_bytes(result.element_type)
        if self.byte_offset % size:
            raise VerifyException(
                f"expected an offset that is a multiple of {size} bytes, got {self.byte_offset}"
            )
        have, want = memory_bytes(source), self.byte_offset + memory_bytes(result)
        if self.byte_offset < 0 or want > have:
            raise VerifyException(
                f"expected a view within the {have} bytes of the source, got bytes "
                f"{self.byte_offset} to {want}"
            )


def shape(value: SSAValue) -> Sequence[int]:
    """The static shape of a buffer."""
    assert isinstance(value.type, MemRefType)
    return value.type.get_shape()


def storage_of(value: SSAValue) -> SSAValue:
    """The buffer that a chain of views starts from."""
    while isinstance(value.owner, ViewOp):
        value = value.owner.source
    return value
