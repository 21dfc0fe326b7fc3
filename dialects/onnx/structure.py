"""Constants, what is left out, and operators whose results depend on shapes only."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    NoneType,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import ConstantLike, Pure
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.onnx.base import StringType, operators
from nnc.dialects.types import Array, constant_bytes, dense_values, element_bytes, given, shape_of


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """
    An initializer of the graph, or the result of a Constant node.

    ```mlir
    %w = onnx.Constant {value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<2xf32>
    %s = onnx.Constant {value = ["cat", "dog"]} : tensor<2x!onnx.string>
    ```
    """

    name = "onnx.Constant"
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format: ClassVar[str | None] = "attr-dict `:` type($output)"
    traits = traits_def(Pure(), ConstantLike())

    value = prop_def(
        base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr) | base(ArrayAttr[StringAttr])
    )
    output = result_def(TensorType[Attribute])

    def verify_(self) -> None:
        kind = self.output.type
        assert isinstance(kind, TensorType)
        count = prod(shape_of(self.output))
        if isinstance(self.value, ArrayAttr) or kind.element_type == StringType():
            self._verify_strings(count)
            return
        expected = count * element_bytes(kind.element_type)
        if constant_bytes(self.value) != expected:
            raise VerifyException(
                f"expected {expected} bytes of data for {kind}, got {constant_bytes(self.value)}"
            )

    def _verify_strings(self, count: int) -> None:
        found = len(self.value) if isinstance(self.value, ArrayAttr) else None
        if found != count or self.output.type.element_type != StringType():
            what = "another constant" if found is None else f"{found} strings"
            raise VerifyException(f"expected {count} strings for {self.output.type}, got {what}")

    @property
    def array(self) -> Array:
        """The values, not of strings. Raises DiagnosticException where the text left them out."""
        assert not isinstance(self.value, ArrayAttr), "strings are no numbers"
        return dense_values(given(self.value), self.output.type)

    @property
    def strings(self) -> tuple[str, ...] | None:
        """The texts of a constant of strings, in order; None of numbers."""
        value = self.value
        return tuple(it.data for it in value) if isinstance(value, ArrayAttr) else None


@irdl_op_definition
class NoValueOp(IRDLOperation):
    """
    What a file leaves out: an operand with an empty name.

    ```mlir
    %none = onnx.NoValue : none
    ```
    """

    name = "onnx.NoValue"
    assembly_format: ClassVar[str | None] = "attr-dict `:` type($output)"
    traits = traits_def(Pure())

    output = result_def(NoneType)


STRUCTURE_OPS = operators("""
ConstantOfShape(input; value: t) -> output
EyeLike(input; dtype: i, k: i) -> output
Range(start, limit, delta; stash_type: i) -> output
Shape(data; end: i, start: i) -> shape
Size(data) -> size
""")
