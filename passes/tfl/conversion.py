"""Rewrites of conversions between element types."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import (
    Float32Type,
    IntegerType,
    Signedness,
    TensorType,
    f16,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.conversion import CastOp, DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import unary as source
from nnc.dialects.types import element_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.tfl.lowering import (
    DOUBLE,
    U8,
    Lowering,
    check_type,
    quantized,
    rewrite,
)

PLAIN = (f32, i1, i8, i16, i32, i64, U8)


@rewrite(source.CastOp)
def _cast(op: source.CastOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    if element_of(input) in (f16, f64):
        return _unpacked(to, input, result)
    plain = (*PLAIN, IntegerType(16, Signedness.UNSIGNED))
    check_type(to_storage(element_of(input)), *plain)
    check_type(to_storage(result.element_type), *plain)
    return to.op(CastOp, [input], result)


def to_storage(element: Attribute) -> Attribute:
    """The plain integer type of a quantised type, any other type as it is."""
    return element.storage if isinstance(element, UniformQuantizedType) else element


def _unpacked(to: Lowering, input: SSAValue, result: TensorType[Attribute]) -> SSAValue:
    """Half and double precision exist in constants only, which are converted at once."""
    check_type(result.element_type, f32)
    values = to.folded(input)
    if values is None:
        raise UnsupportedError(
            f"{element_of(input)} is only supported in constants", "float32 would be"
        )
    return to.constant(values.astype(np.float32), f32)


@rewrite(source.QuantizeOp)
def _quantize(op: source.QuantizeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    target = result.element_type
    if not isinstance(target, UniformQuantizedType) or target.axis is not None:
        raise UnsupportedError(f"expected a result quantised as a whole, got {target}")
    if target.storage.width.data not in (8, 16):
        raise UnsupportedError(f"expected a result of 8 or 16 bits, got {target.storage}")
    if isinstance(element_of(input), Float32Type):
        return to.op(QuantizeOp, [input], result)
    if quantized(input, 8, 16) == target:
        return input
    return to.op(RequantizeOp, [input], result, rounding=DOUBLE)


@rewrite(source.DequantizeOp)
def _dequantize(op: source.DequantizeOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    check_type(result.element_type, f32)
    element = element_of(input)
    if element in (f16, f64):
        return _unpacked(to, input, result)
    if not isinstance(element, UniformQuantizedType):
        raise UnsupportedError(f"expected a quantised or float16 tensor, got {element}")
    return to.op(DequantizeOp, [input], result)
