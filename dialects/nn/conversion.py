"""Constants, and the conversions between floats, integers and quantised values."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    TensorType,
    f32,
    i32,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.base import Elements, ElementwiseOp, NnOp, RoundingAttr, S
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.types import (
    Array,
    dense_attribute,
    dense_values,
    element_of,
    numpy_dtype,
    quantization_of,
    scalar_type,
    shape_of,
    tensor_type,
)
from nnc.dialects.quant import UniformQuantizedType


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """
    Values known at compile time; a quantised constant holds its storage integers.

    ```mlir
    %w = nn.constant dense<[1, -2]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
    ```
    """

    name = "nn.constant"

    value = prop_def(DenseIntOrFPElementsAttr)
    output = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `->` type($output)"

    def __init__(self, value: DenseIntOrFPElementsAttr, kind: TensorType[Attribute]):
        super().__init__(properties={"value": value}, result_types=[kind])

    @staticmethod
    def of(values: Array, element: Attribute) -> ConstantOp:
        """A constant of an element type from stored values of its `numpy_dtype`."""
        return ConstantOp(dense_attribute(values, element), TensorType(element, values.shape))

    @property
    def values(self) -> Array:
        """The stored values, in the shape of the result."""
        return dense_values(self.value, self.output.type)

    def verify_(self) -> None:
        kind = tensor_type(self.output)
        want = int(np.prod(kind.get_shape())) * numpy_dtype(kind.element_type).itemsize
        if len(self.value.data.data) != want:
            raise VerifyException(
                f"expected {want} bytes of data for {kind}, got {len(self.value.data.data)}"
            )


@irdl_op_definition
class QuantizeOp(ElementwiseOp):
    """
    A float tensor to its quantised form: `round_half_away(x / scale) + zero_point`, saturated; the
    quotient is a float32 division (TFLite `reference/quantize.h`).

    ```mlir
    %q = nn.quantize %x : (tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5>>
    ```
    """

    name = "nn.quantize"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def body(self, b: Elements[S], *values: S) -> S:
        kind = element_of(self.output)
        assert isinstance(kind, UniformQuantizedType)
        zero_point = kind.zero_point
        low, high = kind.storage_min - zero_point, kind.storage_max - zero_point
        rounded = (values[0] / kind.scale).round_to_int().clamp(low, high)
        return (rounded + zero_point).to(scalar_type(kind))


@irdl_op_definition
class DequantizeOp(ElementwiseOp):
    """
    A quantised tensor as floats: `scale * (stored - zero_point)`, a float32 product.

    ```mlir
    %x = nn.dequantize %q : (tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4xf32>
    ```
    """

    name = "nn.dequantize"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def body(self, b: Elements[S], *values: S) -> S:
        kind = element_of(self.input)
        if isinstance(kind, UniformQuantizedType):
            return decode(b, values[0], kind, i32).to(f32) * kind.scale
        return values[0].to(f32)


@irdl_op_definition
class RequantizeOp(ElementwiseOp):
    """
    A quantised tensor with another scale, zero point or width (TFLite QUANTIZE of a quantised
    tensor).

    ```mlir
    %y = nn.requantize %x {rounding = #nn<rounding double>}
      : (tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!quant.uniform<i8:f32, 0.25:3>>
    ```
    """

    name = "nn.requantize"

    input = operand_def(TensorType)
    output = result_def(TensorType)
    rounding = prop_def(RoundingAttr)

    def body(self, b: Elements[S], *values: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        multiplier, shift = fixed_point.quantize_multiplier(source.scale / target.scale)
        scaled = decode(b, values[0], source, i32).requantize(
            b.constant(multiplier, i32), b.constant(shift, i32), self.rounding.data
        )
        bounded = (scaled + target.zero_point).clamp(target.storage_min, target.storage_max)
        return bounded.to(scalar_type(target))


@irdl_op_definition
class ReshapeOp(NnOp):
    """
    The same elements in the same order with another shape.

    ```mlir
    %y = nn.reshape %x : (tensor<1x2x2x4xf32>) -> tensor<1x16xf32>
    ```
    """

    name = "nn.reshape"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        before, after = shape_of(self.input), shape_of(self.output)
        if np.prod(before) != np.prod(after):
            raise VerifyException(f"expected as many elements as in {before}, got {after}")

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].reshape(shape_of(self.output)),)

    def lower(self, b: LoopBuilder) -> None:
        source, target = b.flat(b.inputs[0]), b.flat(b.outputs[0])
        b.produce(target, lambda index: b.load(source, index))
