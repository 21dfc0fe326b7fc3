"""What a `tfl` function is made of beside operators: constants, states, calls and custom code."""

from __future__ import annotations

from abc import ABC
from math import prod

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    I8,
    AnyFloat,
    BytesAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    IntegerType,
    NoneType,
    Signedness,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i8,
)
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import (
    base,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.utils.exceptions import DiagnosticException, VerifyException
from xdsl.utils.hints import isa

from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl.base import (
    OPTIONAL_TENSOR,
    TENSOR,
    AnyTensor,
    TflOp,
    string_option,
)


@irdl_attr_definition
class ResourceType(ParametrizedAttribute, TypeAttribute):
    """
    The element type of a tensor that names a variable, RESOURCE in the schema.

    ```mlir
    tensor<!tfl.resource>
    ```
    """

    name = "tfl.resource"


def subgraph_option() -> SymbolRefAttr:
    """A function, a subgraph of the file; there the option is its number."""
    return prop_def(SymbolRefAttr)


def storage_type(element: Attribute) -> Attribute:
    """The type of the stored integers of a quantised element type; others are their own."""
    return element.storage if isinstance(element, UniformQuantizedType) else element


def storage_dtype(element: Attribute) -> np.dtype[np.generic]:
    """
    The numpy type of a stored element, also of a quantised one; i1 is bool, i4 is int8.

    Raises DiagnosticException for element types that no constant has.
    """
    dtype = _STORAGE_DTYPES.get(storage_type(element))
    if dtype is None:
        raise DiagnosticException(f"expected a numeric element type, got {element}")
    return np.dtype(dtype)


_STORAGE_DTYPES: dict[Attribute, str] = {
    i1: "?",
    IntegerType(4): "i1",
    **{IntegerType(8 * size): f"<i{size}" for size in (1, 2, 4, 8)},
    **{IntegerType(8 * size, Signedness.UNSIGNED): f"<u{size}" for size in (1, 2, 4, 8)},
    bf16: "<u2",
    f16: "<f2",
    f32: "<f4",
    f64: "<f8",
}


@irdl_op_definition
class PseudoConstOp(TflOp):
    """
    A constant of the file. The value has the type's storage elements: one byte for each i4, all
    bits set for a true i1; bf16 is kept as its 16 bits.

    ```mlir
    %w = tfl.pseudo_const dense<[1, -2]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
    ```
    """

    name = "tfl.pseudo_const"

    value = prop_def(base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr))
    output = result_def(TENSOR)

    assembly_format = "$value attr-dict `->` type($output)"

    @staticmethod
    def from_bytes(data: bytes, type: AnyTensor) -> PseudoConstOp:
        """The constant of a static tensor type whose little-endian storage elements are `data`."""
        storage = storage_type(type.get_element_type())
        assert isa(storage, IntegerType | AnyFloat)
        value = DenseIntOrFPElementsAttr(TensorType(storage, type.get_shape()), BytesAttr(data))
        return PseudoConstOp.build(properties={"value": value}, result_types=[type])

    @property
    def array(self) -> npt.NDArray[np.generic]:
        """
        The stored elements, without a copy except of i1.

        Raises DiagnosticException when the text the module was read from left the constant out.
        """
        value = self.value
        if isinstance(value, DenseResourceAttr):
            raise DiagnosticException("the constant was left out of the text: print it in full")
        dtype = storage_dtype(value.get_element_type())
        if dtype == np.bool_:
            return (np.frombuffer(value.data.data, "i1") != 0).reshape(value.get_shape())
        return np.frombuffer(value.data.data, dtype).reshape(value.get_shape())

    def verify_(self) -> None:
        assert isa(self.output.type, AnyTensor)
        storage = storage_type(self.output.type.get_element_type())
        expected = TensorType(storage, self.output.type.get_shape())
        if self.value.type != expected:
            raise VerifyException(f"expected a value of type {expected}, got {self.value.type}")
        value = self.value
        if isinstance(value, DenseIntOrFPElementsAttr):
            size = storage_dtype(storage).itemsize * prod(expected.get_shape())
            if len(value.data.data) != size:
                raise VerifyException(f"expected {size} bytes, got {len(value.data.data)}")


@irdl_op_definition
class NoValueOp(TflOp):
    """
    Stands for an operand that the file leaves out, such as a missing bias.

    ```mlir
    %none = tfl.no_value : none
    ```
    """

    name = "tfl.no_value"

    output = result_def(NoneType)

    assembly_format = "attr-dict `:` type($output)"


@irdl_op_definition
class VariableOp(TflOp):
    """
    A tensor that keeps its elements from one inference to the next, `is_variable` in the schema.
    It starts as real zeros (of a quantised tensor, its zero point).

    ```mlir
    %state = tfl.variable : tensor<1x16xf32>
    ```
    """

    name = "tfl.variable"
    traits = traits_def()

    output = result_def(TENSOR)

    assembly_format = "attr-dict `:` type($output)"


@irdl_op_definition
class VarHandleOp(TflOp):
    """
    VAR_HANDLE: names a variable that all handles of the same names share.

    ```mlir
    %v = tfl.var_handle {container = "c", shared_name = "v"} : tensor<!tfl.resource>
    ```
    """

    name = "tfl.var_handle"

    output = result_def(TENSOR)

    container = string_option()
    shared_name = string_option()

    assembly_format = "attr-dict `:` type($output)"


@irdl_op_definition
class ReadVariableOp(TflOp):
    """
    READ_VARIABLE: what was last assigned to the variable.

    ```mlir
    %x = tfl.read_variable %v : (tensor<!tfl.resource>) -> tensor<1x4xf32>
    ```
    """

    name = "tfl.read_variable"
    traits = traits_def()

    variable = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class AssignVariableOp(TflOp):
    """
    ASSIGN_VARIABLE: gives the variable a value.

    ```mlir
    tfl.assign_variable %v, %x : tensor<!tfl.resource>, tensor<1x4xf32>
    ```
    """

    name = "tfl.assign_variable"
    traits = traits_def()

    variable = operand_def(TENSOR)
    value = operand_def(TENSOR)

    assembly_format = "$variable `,` $value attr-dict `:` type($variable) `,` type($value)"


@irdl_op_definition
class CallOnceOp(TflOp):
    """
    CALL_ONCE: runs a function without operands or results before the first inference.

    ```mlir
    tfl.call_once {init_subgraph = @init}
    ```
    """

    name = "tfl.call_once"
    traits = traits_def()

    init_subgraph = subgraph_option()

    assembly_format = "attr-dict"


class _CallingOp(TflOp, ABC):
    """An operator that runs functions, which may have effects."""

    traits = traits_def()


@irdl_op_definition
class CallOp(_CallingOp):
    """
    CALL: the results of a function.

    ```mlir
    %y = tfl.call %x {subgraph = @f} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.call"

    inputs = var_operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    subgraph = subgraph_option()


@irdl_op_definition
class IfOp(_CallingOp):
    """
    IF: the results of one of two functions of the same operands.

    ```mlir
    %y = tfl.if %c, %x {then_subgraph = @f, else_subgraph = @g}
         : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.if"

    condition = operand_def(TENSOR)
    inputs = var_operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    then_subgraph = subgraph_option()
    else_subgraph = subgraph_option()


@irdl_op_definition
class WhileOp(_CallingOp):
    """
    WHILE: a function applied again and again while another one says so.

    ```mlir
    %y = tfl.while %x {cond_subgraph = @f, body_subgraph = @g} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.while"

    inputs = var_operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    cond_subgraph = subgraph_option()
    body_subgraph = subgraph_option()

    def verify_(self) -> None:
        if len(self.inputs) != len(self.outputs):
            raise VerifyException(
                f"expected as many outputs as inputs, got {len(self.outputs)} "
                f"and {len(self.inputs)}"
            )


@irdl_op_definition
class CustomOp(TflOp):
    """
    CUSTOM: an operator outside the schema, by its name, with its options as they lie in the file.

    ```mlir
    %y = tfl.custom %x {custom_code = "LceQuantize", custom_options = array<i8: 1, 2>}
         : (tensor<1x4xf32>) -> tensor<1x1xi32>
    ```
    """

    name = "tfl.custom"
    traits = traits_def()

    inputs = var_operand_def(OPTIONAL_TENSOR)
    outputs = var_result_def(TENSOR)

    custom_code = prop_def(StringAttr)
    custom_options = prop_def(
        DenseArrayBase[I8].constr(i8), default_value=DenseArrayBase(i8, BytesAttr(b""))
    )

    @property
    def option_bytes(self) -> bytes:
        """The options, for most operators a flexbuffer."""
        return self.custom_options.data.data


STRUCTURE_OPS = (
    PseudoConstOp,
    NoValueOp,
    VariableOp,
    VarHandleOp,
    ReadVariableOp,
    AssignVariableOp,
    CallOnceOp,
    CallOp,
    IfOp,
    WhileOp,
    CustomOp,
)
