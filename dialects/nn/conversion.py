"""Constants, and the conversions between floats, integers and quantised values."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    TensorType,
    UnitAttr,
    f32,
    i1,
    i32,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.kernel.scalar import Ties
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.algebra import is_float as is_real
from nnc.dialects.nn.base import (
    Elements,
    ElementwiseOp,
    LoopElements,
    NnOp,
    PointwiseOp,
    RoundingAttr,
    S,
)
from nnc.dialects.nn.checks import (
    Kind,
    check_axis,
    check_kind,
    check_output,
    check_rounding,
    check_same_element,
)
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.quantized import (
    arithmetic_type,
    code_index,
    f32_quotient,
    interpolated,
    is_8_bit,
    rescale,
    store,
    stored_range,
)
from nnc.dialects.nn.unary import UnaryOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    BITS_PER_WORD,
    Array,
    BinType,
    constant_bytes,
    dense_attribute,
    dense_values,
    element_of,
    given,
    numpy_dtype,
    quantization_of,
    scalar_type,
    shape_of,
    tensor_type,
)


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """
    Values known at compile time; a quantised constant holds its storage integers.

    ```mlir
    %w = nn.constant dense<[1, -2]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
    ```
    """

    name = "nn.constant"

    value = prop_def(base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr))
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
        """
        The stored values, in the shape of the result. Raises DiagnosticException where the text
        that the module was read from left them out.
        """
        return dense_values(given(self.value), self.output.type)

    @property
    def is_elided(self) -> bool:
        """Whether the text that the module was read from left the values out."""
        return isinstance(self.value, DenseResourceAttr)

    def verify_(self) -> None:
        kind = tensor_type(self.output)
        want = int(np.prod(kind.get_shape())) * numpy_dtype(kind.element_type).itemsize
        if constant_bytes(self.value) != want:
            raise VerifyException(
                f"expected {want} bytes of data for {kind}, got {constant_bytes(self.value)}"
            )


@irdl_op_definition
class QuantizeOp(UnaryOp):
    """
    A float tensor to its quantised form: `round(x / scale) + zero_point`, saturated; the quotient
    is a float32 division, ties go away from zero (TFLite `reference/quantize.h`), or to the even
    number if `ties_even` is set. A tensor of floats, integers or quantised numbers to its binary
    form: -1 where it is negative, else +1; a boolean one: -1 where it is false. A binary tensor to
    its quantised form: the stored values nearest to -1 and +1 (Larq compute engine,
    `tflite/kernels/quantization.cc`).

    ```mlir
    %q = nn.quantize %x : (tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5>>
    %b = nn.quantize %q : (tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!nn.bin>
    ```
    """

    name = "nn.quantize"

    BINARY: ClassVar = True

    ties_even = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        super().verify_()
        source, target = element_of(self.input), element_of(self.output)
        whole = quantization_of(self.input) is not None or isinstance(source, IntegerType)
        to_binary = isinstance(target, BinType) and whole
        from_binary = isinstance(source, BinType) and isinstance(target, UniformQuantizedType)
        if not isinstance(source, Float32Type) and not to_binary and not from_binary:
            raise VerifyException(f"expected a float input, got {self.input.type}")
        if not isinstance(target, UniformQuantizedType | BinType):
            raise VerifyException(f"expected a quantised output, got {self.output.type}")

    def body(self, b: Elements[S], *values: S) -> S:
        kind, source = element_of(self.output), element_of(self.input)
        if isinstance(kind, BinType):
            if source == i1:
                return values[0] ^ 1
            if isinstance(source, UniformQuantizedType):
                return decode(b, values[0], source, i32) < 0
            if isinstance(source, IntegerType):
                return b.widen(values[0], source, arithmetic_type(source)) < 0
            return values[0] < 0.0
        assert isinstance(kind, UniformQuantizedType)
        value = values[0]
        if isinstance(source, BinType):
            value = decode(b, value, source, i32).to(f32)
        zero_point = kind.zero_point
        low, high = kind.storage_min - zero_point, kind.storage_max - zero_point
        ties = Ties.AWAY if self.ties_even is None else Ties.EVEN
        rounded = (value / kind.scale).round_to_int(ties).clamp(low, high)
        return (rounded + zero_point).to(scalar_type(kind))


@irdl_op_definition
class DequantizeOp(UnaryOp):
    """
    A quantised tensor as floats: `scale * (stored - zero_point)`, a float32 product, with a scale
    and a zero point of its own for each index along the quantised axis if there is one. A binary
    tensor as -1 and +1, or as booleans, which are true for +1.

    ```mlir
    %x = nn.dequantize %q : (tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4xf32>
    ```
    """

    name = "nn.dequantize"

    BINARY: ClassVar = True
    PER_AXIS: ClassVar = ("input",)

    def verify_(self) -> None:
        super().verify_()
        if not isinstance(element_of(self.input), UniformQuantizedType | BinType):
            raise VerifyException(f"expected a quantised input, got {self.input.type}")
        boolean = isinstance(element_of(self.input), BinType) and element_of(self.output) == i1
        if not isinstance(element_of(self.output), Float32Type) and not boolean:
            raise VerifyException(f"expected a float output, got {self.output.type}")
        kind = quantization_of(self.input)
        if kind is not None and kind.axis is not None:
            check_axis(kind.axis, len(shape_of(self.input)))
            if shape_of(self.input)[kind.axis] != kind.scales.size:
                raise VerifyException(
                    f"expected a scale for each index, got {kind.scales.size} for {self.input.type}"
                )

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        kind = quantization_of(self.input)
        value = b.load(0, index)
        if kind is None or kind.axis is None:
            return self.body(b, value)
        channel = [index[kind.axis]]
        zero_point = b.lookup(self.interned(kind.zero_points.astype(np.int32)), i32, channel)
        scale = b.lookup(self.interned(kind.scales), f32, channel)
        return (b.widen(value, kind, i32) - zero_point).to(f32) * scale

    def body(self, b: Elements[S], *values: S) -> S:
        kind = quantization_of(self.input)
        if element_of(self.output) == i1:
            return values[0] ^ 1
        if kind is None:
            return decode(b, values[0], element_of(self.input), i32).to(f32)
        assert kind.axis is None
        return decode(b, values[0], kind, i32).to(f32) * kind.scale

    def lower(self, b: LoopBuilder) -> None:
        kind = quantization_of(self.input)
        if kind is not None and kind.axis is not None:
            PointwiseOp.lower(self, b)
            return
        super().lower(b)


@irdl_op_definition
class RequantizeOp(UnaryOp):
    """
    A quantised tensor with another scale, zero point or width (TFLite QUANTIZE of a quantised
    tensor), clamped to the stored values `min` and `max`. The real multiplier is the quotient of
    the scales in double precision, or in float32 if `f32_multiplier` is set (TFLite RELU).

    ```mlir
    %y = nn.requantize %x {rounding = #nn<rounding double>}
      : (tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x!quant.uniform<i8:f32, 0.25:3>>
    ```
    """

    name = "nn.requantize"

    rounding = prop_def(RoundingAttr)
    min = opt_prop_def(IntegerAttr)
    max = opt_prop_def(IntegerAttr)
    f32_multiplier = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        super().verify_()
        for what, value in (("an input", self.input), ("an output", self.output)):
            if quantization_of(value) is None:
                raise VerifyException(f"expected {what} that is quantised, got {value.type}")
        check_rounding(self.rounding.data)

    @property
    def keeps_scale(self) -> bool:
        """Whether a multiplier is 1, so that only zero points change."""
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        short = max(source.storage.width.data, target.storage.width.data) <= 16
        return short and source.scale == target.scale

    def body(self, b: Elements[S], *values: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        assert source is not None and target is not None
        real = source.scale / target.scale
        if self.f32_multiplier is not None:
            real = f32_quotient(source.scale, target.scale)
        number = decode(b, values[0], source, i32)
        return store(
            number if self.keeps_scale else rescale(b, number, real, self.rounding.data),
            target,
            None if self.min is None else self.min.value.data,
            None if self.max is None else self.max.value.data,
        )


@irdl_op_definition
class ClampOp(UnaryOp):
    """
    Values moved into [min, max], of which either may be absent: floats, integers, or stored values
    of a quantised tensor.

    ```mlir
    %y = nn.clamp %x {min = 0.0 : f32, max = 6.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.clamp"
    TABULATES: ClassVar[bool] = False

    min = opt_prop_def(IntegerAttr | FloatAttr)
    max = opt_prop_def(IntegerAttr | FloatAttr)

    def verify_(self) -> None:
        super().verify_()
        check_kind("an input", self.input, Kind.NUMBER)
        check_same_element("an output", self.output, self.input)

    def body(self, b: Elements[S], *values: S) -> S:
        kind = element_of(self.input)
        number = b.widen(values[0], kind, arithmetic_type(kind))
        low = None if self.min is None else self.min.value.data
        high = None if self.max is None else self.max.value.data
        return number.clamp(low, high).to(scalar_type(kind))


@irdl_op_definition
class CastOp(UnaryOp):
    """
    Numbers of one type as numbers of another; of quantised tensors, the stored integers.

    Integers wrap; floats are truncated towards zero and saturated, NaN giving the largest value
    (TFLite `kernels/cast.cc`; results beyond 32 bits saturate to 32 bits). As a boolean, every
    number but 0 is true.

    ```mlir
    %y = nn.cast %x : (tensor<4xf32>) -> tensor<4xi32>
    ```
    """

    name = "nn.cast"
    TABULATES: ClassVar[bool] = False

    def verify_(self) -> None:
        super().verify_()
        wide = Float16Type | Float64Type
        source, target = element_of(self.input), element_of(self.output)
        if isinstance(target, wide) or (isinstance(source, wide) and target != f32):
            raise VerifyException(f"expected a cast of {source} to f32, got one to {target}")

    def body(self, b: Elements[S], *values: S) -> S:
        (value,) = values
        source, target = element_of(self.input), scalar_type(element_of(self.output))
        if value.type == i1:
            return value.to(target)
        if target == i1:
            return value.ne(0)
        if not is_real(value.type) or is_real(target):
            return b.widen(value, source, target)
        return self._truncate(b, value)

    def _truncate(self, b: Elements[S], value: S) -> S:
        target = element_of(self.output)
        kind = scalar_type(target)
        assert isinstance(kind, IntegerType)
        low, high = stored_range(target)
        low, high = max(low, -(1 << 31)), min(high, (1 << 31) - 1)
        whole = value.to(i32).clamp(low, high)
        return value.ne(value).select(b.constant(high, i32), whole).to(kind)


class TableOp(ElementwiseOp, ABC):
    """A function of one stored value at a time, as a table of its results."""

    input = operand_def(TensorType)
    table = operand_def(TensorType)
    output = result_def(TensorType)

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        return self.body(b, b.load(0, index))

    def lower(self, b: LoopBuilder) -> None:
        elements, codes = LoopElements(b), b.flat(b.inputs[0])
        b.produce(b.flat(b.outputs[0]), lambda index: self.body(elements, b.load(codes, index)))


@irdl_op_definition
class LookupOp(TableOp):
    """
    A function of 8 bits as the table of its results: entry 0 is that of the smallest stored value.

    ```mlir
    %y = nn.lookup %x, %table : (tensor<4x!quant.uniform<i8:f32, 0.5>>,
      tensor<256x!quant.uniform<i8:f32, 0.25>>) -> tensor<4x!quant.uniform<i8:f32, 0.25>>
    ```
    """

    name = "nn.lookup"

    def verify_(self) -> None:
        source = quantization_of(self.input)
        if source is None or not is_8_bit(source):
            raise VerifyException(f"expected a quantised 8-bit input, got {self.input.type}")
        expected = TensorType(element_of(self.output), [256])
        if self.table.type != expected:
            raise VerifyException(f"expected a table of {expected}, got {self.table.type}")
        check_output(self.output, shape_of(self.input))

    def body(self, b: Elements[S], *values: S) -> S:
        source = quantization_of(self.input)
        assert source is not None
        return b.load(1, [code_index(b, values[0], source)])


@irdl_op_definition
class Lookup16Op(TableOp):
    """
    A function of 16 bits as its results at 513 places, 128 stored values apart, with linear
    interpolation between them (TFLite `kernels/internal/common.h`).

    ```mlir
    %y = nn.lookup16 %x, %table : (tensor<4x!quant.uniform<i16:f32, 0.5>>, tensor<513xi16>)
      -> tensor<4x!quant.uniform<i16:f32, 0.25>>
    ```
    """

    name = "nn.lookup16"

    def verify_(self) -> None:
        for what, value in (("an input", self.input), ("an output", self.output)):
            check_kind(what, value, Kind.QUANTIZED_16)
        if self.table.type != TensorType(IntegerType(16), [513]):
            raise VerifyException(f"expected a table of 513 x i16, got {self.table.type}")
        check_output(self.output, shape_of(self.input))

    def body(self, b: Elements[S], *values: S) -> S:
        code = values[0].to(i32)
        value = interpolated(code, lambda place: b.load(1, [place]).to(i32))
        return value.to(scalar_type(element_of(self.output)))


@irdl_op_definition
class ReshapeOp(NnOp):
    """
    The same elements in the same order with another shape.

    ```mlir
    %y = nn.reshape %x : (tensor<1x2x2x4xf32>) -> tensor<1x16xf32>
    ```
    """

    name = "nn.reshape"

    BINARY: ClassVar = True

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        before, after = shape_of(self.input), shape_of(self.output)
        if np.prod(before) != np.prod(after):
            raise VerifyException(f"expected as many elements as in {before}, got {after}")
        if element_of(self.input) != element_of(self.output):
            raise VerifyException(
                f"expected an output of {element_of(self.input)}, got {element_of(self.output)}"
            )

    @property
    def is_view(self) -> bool:
        """
        Whether the bytes stay as they are: always, but for binary tensors, where each row of
        channels starts a new word.
        """
        before, after = shape_of(self.input), shape_of(self.output)
        if not isinstance(element_of(self.input), BinType) or before[-1:] == after[-1:]:
            return True
        return (
            bool(before and after) and before[-1] % BITS_PER_WORD + after[-1] % BITS_PER_WORD == 0
        )

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].reshape(shape_of(self.output)),)

    def lower(self, b: LoopBuilder) -> None:
        (source,), (target,) = b.inputs, b.outputs
        if self.is_view:
            b.copy(source, target)
            return
        b.produce(target, lambda index: b.load(source, _place(b, index, target, source)))


def _place(
    b: LoopBuilder, index: Sequence[IRScalar], target: Operand, source: Operand
) -> list[IRScalar]:
    """The index into `source` of the element that is at `index` in `target`."""
    position = b.index(0)
    for i, extent in zip(index, target.shape, strict=True):
        position = position * extent + i
    places: list[IRScalar] = []
    for extent in reversed(source.shape):
        places.append(position % extent)
        position = position // extent
    return places[::-1]
