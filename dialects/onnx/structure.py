"""Constants, what is left out, and operators whose results depend on shapes only."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    NoneType,
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

from nnc.dialects.onnx.base import operators
from nnc.dialects.types import Array, constant_bytes, dense_values, element_bytes, given, shape_of


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """
    An initializer of the graph, or the result of a Constant node.

    ```mlir
    %w = onnx.Constant {value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<2xf32>
    ```
    """

    name = "onnx.Constant"
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format: ClassVar[str | None] = "attr-dict `:` type($output)"
    traits = traits_def(Pure(), ConstantLike())

    value = prop_def(base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr))
    output = result_def(TensorType[Attribute])

    def verify_(self) -> None:
        kind = self.output.type
        assert isinstance(kind, TensorType)
        expected = element_bytes(kind.element_type)
        for extent in shape_of(self.output):
            expected *= extent
        if constant_bytes(self.value) != expected:
            raise VerifyException(
                f"expected {expected} bytes of data for {kind}, got {constant_bytes(self.value)}"
            )

    @property
    def array(self) -> Array:
        """The values. Raises DiagnosticException where the text left them out."""
        return dense_values(given(self.value), self.output.type)


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
