"""
Rewrites of operators on quantised tensors.

Operators that have scales as operands (QLinearConv and the like) become what they mean: the float
operator between a dequantisation and a quantisation. So do QuantizeLinear and DequantizeLinear
around float operators; `nn-fuse-qdq` makes integer layers of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerType, Signedness, TensorType, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp, RequantizeOp
from nnc.dialects.nn.functions import LeakyReluOp, LogisticOp, NegOp, RoundOp
from nnc.dialects.nn.logic import EqualOp
from nnc.dialects.nn.reduction import ReduceMaxOp, ReduceMeanOp, ReduceMinOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.quant import UniformQuantizedType, storage_range
from nnc.dialects.types import Array, element_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import UnsupportedError, flag, real
from nnc.passes.onnx.common import (
    add,
    aligned,
    cast,
    clamped,
    compared,
    concatenated,
    div,
    function,
    mul,
    reduced,
    scalar,
    selected,
    sub,
)
from nnc.passes.onnx.convolution import convolved
from nnc.passes.onnx.indexing import gathered
from nnc.passes.onnx.lowering import Lowering, Node, axis_of, rewrite
from nnc.passes.onnx.matmul import gemm, matmul
from nnc.passes.onnx.normalization import along_rows
from nnc.passes.onnx.pooling import averaged, globally

U8 = IntegerType(8, Signedness.UNSIGNED)


def parameters(
    node: Node, to: Lowering, scale: int, zero: int, storage: Attribute, axis: int | None = None
) -> UniformQuantizedType:
    """The type that the operands `scale` and `zero` give to tensors of a storage type."""
    if not isinstance(storage, IntegerType):
        raise UnsupportedError(f"expected integers, got {storage}")
    scales = to.known(node.value(scale), "its scale").astype(np.float32)
    zero_point = node.optional(zero)
    zeros = np.zeros(scales.shape, np.int64)
    if zero_point is not None:
        zeros = to.known(to.stored(zero_point), "its zero point").astype(np.int64)
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise UnsupportedError("expected positive scales")
    if scales.size == 1:
        return UniformQuantizedType.per_tensor(
            storage, float(scales.ravel()[0]), int(zeros.ravel()[0])
        )
    if scales.ndim != 1 or axis is None:
        raise UnsupportedError(f"expected a scale, or one for each index, got {scales.shape}")
    zeros = np.broadcast_to(zeros, scales.shape)
    return UniformQuantizedType.per_axis(storage, axis, scales, zeros)


def dequantized(to: Lowering, value: SSAValue, kind: UniformQuantizedType) -> SSAValue:
    """
    The real numbers of stored integers; constants of uint8 become such of int8, with a zero point
    of 0 where they fit.
    """
    shape = shape_of(value)
    if kind.axis is not None and shape[kind.axis] != kind.scales.size:
        raise UnsupportedError(f"expected a scale for each index of {shape}")
    known = to.folded(value)
    if known is not None and kind.storage.width.data == 8:
        known, kind = centred(known, kind)
    if known is not None:
        value = to.constant(known, kind)
    return to.op(DequantizeOp, [to.stored_as(value, kind)], TensorType(f32, shape))


def centred(codes: Array, kind: UniformQuantizedType) -> tuple[Array, UniformQuantizedType]:
    """Constants of 8 bits as int8: less their zero point if that fits, else less 128 or 0."""
    shape = [1] * codes.ndim
    if kind.axis is not None:
        shape[kind.axis] = -1
    numbers = codes.astype(np.int64) - kind.zero_points.reshape(shape)
    less = kind.zero_points
    if numbers.size and (numbers.min() < -128 or numbers.max() > 127):
        less = np.full_like(kind.zero_points, 0 if kind.is_signed else 128)
    moved = (codes.astype(np.int64) - less.reshape(shape)).astype(np.int8)
    zeros = kind.zero_points - less
    if kind.axis is None:
        return moved, UniformQuantizedType.per_tensor(i8, kind.scale, int(zeros[0]))
    return moved, UniformQuantizedType.per_axis(i8, kind.axis, kind.scales, zeros)


def shifted(to: Lowering, value: SSAValue) -> SSAValue:
    """A tensor of uint8 as one of int8 of the same numbers; any other as it is."""
    kind = element_of(value)
    if not isinstance(kind, UniformQuantizedType) or kind.storage != U8:
        return value
    small = UniformQuantizedType.per_tensor(i8, kind.scale, kind.zero_point - 128)
    double = RoundingAttr(Rounding.DOUBLE)
    return to.op(RequantizeOp, [value], TensorType(small, shape_of(value)), rounding=double)


def quantized(to: Lowering, value: SSAValue, kind: UniformQuantizedType) -> SSAValue:
    """Real numbers as stored integers, ties to even."""
    result = TensorType(kind, shape_of(value))
    return to.op(QuantizeOp, [value], result, ties_even=flag(True))


def _axis(node: Node, value: SSAValue) -> int | None:
    rank = len(shape_of(value))
    return axis_of(node.int("axis", 1), rank) if -rank <= node.int("axis", 1) < rank else None


@rewrite("QuantizeLinear")
def _quantize_linear(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    if element_of(input) != f32:
        input = cast(to, input, f32)
    storage, axis = node.like(input).element_type, _axis(node, input)
    known = to.folded(node.value(1))
    if known is not None and known.size == 1:
        return quantized(to, input, parameters(node, to, 1, 2, storage))
    if not isinstance(storage, IntegerType):
        raise UnsupportedError(f"expected integers, got {storage}")
    scale, zero = (_spread(node, to, input, number, axis) for number in (1, 2))
    assert scale is not None
    scaled = div(to, input, scale)
    return _codes(to, scaled, scalar(to, 0.0, scaled) if zero is None else zero, storage)


def _spread(
    node: Node, to: Lowering, input: SSAValue, number: int, axis: int | None
) -> SSAValue | None:
    """Scales or zero points as floats that stretch over a tensor, or None where left out."""
    given = node.optional(number)
    if given is None:
        return None
    values, rank = cast(to, given, f32), len(shape_of(input))
    if shape_of(values) in ((), (1,)):
        return to.reshape(values, [1] * rank)
    if node.int("block_size"):
        return _repeated(to, values, shape_of(input), axis, node.int("block_size"))
    if axis is None or shape_of(values) != (shape_of(input)[axis],):
        raise UnsupportedError(f"expected a number for each index, got {shape_of(values)}")
    return aligned(to, values, rank, axis)


def _repeated(
    to: Lowering, values: SSAValue, shape: Sequence[int], axis: int | None, block: int
) -> SSAValue:
    """Numbers of blocks along an axis, each as often as its block has elements."""
    if axis is None:
        raise UnsupportedError(f"expected an axis of {tuple(shape)}")
    blocks = list(shape)
    blocks[axis] = -(-shape[axis] // block)
    if block < 1 or shape_of(values) != tuple(blocks):
        raise UnsupportedError(f"expected a number for each block, got {shape_of(values)}")
    return gathered(to, values, np.arange(shape[axis]) // block, axis)


def _codes(to: Lowering, scaled: SSAValue, zeros: SSAValue, storage: IntegerType) -> SSAValue:
    """round(scaled) + zeros, saturated, as integers."""
    whole = add(to, function(to, RoundOp, scaled), zeros)
    return cast(to, cast(to, clamped(to, whole, *storage_range(storage)), i32), storage)


@rewrite("DequantizeLinear")
def _dequantize_linear(node: Node, to: Lowering) -> SSAValue:
    input = node.value(0)
    axis = _axis(node, input)
    known = to.folded(node.value(1))
    whole = known is not None and (known.size == 1 or to.folded(input) is not None)
    if whole and not node.int("block_size"):
        kind = parameters(node, to, 1, 2, element_of(to.stored(input)), axis)
        return dequantized(to, input, kind)
    scale, zero = (_spread(node, to, input, number, axis) for number in (1, 2))
    assert scale is not None
    real_codes = cast(to, to.stored(input), f32)
    return mul(to, real_codes if zero is None else sub(to, real_codes, zero), scale)


def _operand(node: Node, to: Lowering, value: int, scale: int, axis: int | None = None) -> SSAValue:
    """The real numbers of an operand whose scale and zero point are the operands behind it."""
    input = node.value(value)
    kind = parameters(node, to, scale, scale + 1, element_of(to.stored(input)), axis)
    return dequantized(to, input, kind)


def _result(node: Node, to: Lowering, value: SSAValue, scale: int) -> SSAValue:
    """A result as integers, whose scale and zero point are operands."""
    element = node.like(value).element_type
    return quantized(to, value, parameters(node, to, scale, scale + 1, element))


@rewrite("QLinearConv")
def _qlinear_conv(node: Node, to: Lowering) -> SSAValue:
    input, weights = _operand(node, to, 0, 1), _operand(node, to, 3, 4, 0)
    bias = node.optional(8)
    if bias is not None:
        scales = to.known(node.value(1), "its scale") * to.known(node.value(4), "its scale")
        bias = dequantized(to, bias, _bias_type(scales))
    return _result(node, to, convolved(node, to, input, weights, bias), 6)


def _bias_type(scales: Array) -> UniformQuantizedType:
    """The type of a bias that counts in units of the accumulator."""
    scales = scales.astype(np.float32).ravel()
    if scales.size == 1:
        return UniformQuantizedType.per_tensor(i32, float(scales[0]))
    return UniformQuantizedType.per_axis(i32, 0, scales, [0] * scales.size)


@rewrite("QLinearMatMul")
def _qlinear_matmul(node: Node, to: Lowering) -> SSAValue:
    right = node.value(3)
    a, b = _operand(node, to, 0, 1), _operand(node, to, 3, 4, len(shape_of(right)) - 1)
    return _result(node, to, matmul(to, node, a, b), 6)


@rewrite("QGemm")
def _qgemm(node: Node, to: Lowering) -> SSAValue:
    """The result is float where it has no scale."""
    if node.float("alpha", 1.0) != 1.0:
        raise UnsupportedError("expected an alpha of 1")
    a = _operand(node, to, 0, 1)
    b = _operand(node, to, 3, 4, 0 if node.int("transB") else 1)
    c = node.optional(6)
    if c is not None:
        scales = to.known(node.value(1), "its scale") * to.known(node.value(4), "its scale")
        c = dequantized(to, to.reshape(c, shape_of(c)[-1:]), _bias_type(scales))
    value = gemm(node, to, a, b, c)
    return value if node.optional(7) is None else _result(node, to, value, 7)


@rewrite("QLinearAveragePool", "QLinearGlobalAveragePool")
def _qlinear_pool(node: Node, to: Lowering) -> SSAValue:
    input = _operand(node, to, 0, 1)
    if node.operator == "QLinearGlobalAveragePool":
        if not node.int("channels_last"):
            return _result(node, to, globally(node, to, input, ReduceMeanOp), 3)
        axes = list(range(1, len(shape_of(input)) - 1))
        return _result(node, to, reduced(to, ReduceMeanOp, input, axes), 3)
    if not node.int("channels_last"):
        return _result(node, to, averaged(node, to, input), 3)
    mean = averaged(node, to, to.channels_first(input))
    return _result(node, to, to.channels_last(mean), 3)


@rewrite("QLinearAdd", "QLinearMul")
def _qlinear_binary(node: Node, to: Lowering) -> SSAValue:
    combine = add if node.operator == "QLinearAdd" else mul
    value = combine(to, _operand(node, to, 0, 1), _operand(node, to, 3, 4))
    return _result(node, to, value, 6)


def _sigmoid(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    return function(to, LogisticOp, x)


def _leaky_relu(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    return to.op(LeakyReluOp, [x], x.type, alpha=real(node.float("alpha", 0.01)))


def _softmax(node: Node, to: Lowering, x: SSAValue) -> SSAValue:
    def make(rows: SSAValue) -> SSAValue:
        return to.op(SoftmaxOp, [rows], rows.type, beta=real(1.0))

    return along_rows(node, to, x, make, node.int("opset", 13))


_FUNCTIONS: dict[str, Callable[[Node, Lowering, SSAValue], SSAValue]] = {
    "QLinearSigmoid": _sigmoid,
    "QLinearLeakyRelu": _leaky_relu,
    "QLinearSoftmax": _softmax,
}


@rewrite(*_FUNCTIONS)
def _qlinear_function(node: Node, to: Lowering) -> SSAValue:
    value = _FUNCTIONS[node.operator](node, to, _operand(node, to, 0, 1))
    return _result(node, to, value, 3)


@rewrite("QLinearConcat")
def _qlinear_concat(node: Node, to: Lowering) -> SSAValue:
    count, rest = divmod(len(node.op.operands) - 2, 3)
    if count < 1 or rest:
        raise UnsupportedError("expected a scale and a zero point for each tensor")
    values = [_operand(node, to, 2 + 3 * k, 3 + 3 * k) for k in range(count)]
    axis = axis_of(node.int("axis"), len(shape_of(values[0])))
    return _result(node, to, concatenated(to, values, axis), 0)


@rewrite("DynamicQuantizeLinear")
def _dynamic_quantize(node: Node, to: Lowering) -> list[SSAValue]:
    """To uint8, with a scale and a zero point that the numbers themselves give."""
    input = node.value(0)
    axes = list(range(len(shape_of(input))))
    low = clamped(to, reduced(to, ReduceMinOp, input, axes), high=0.0)
    high = clamped(to, reduced(to, ReduceMaxOp, input, axes), low=0.0)
    width = sub(to, high, low)
    nothing = compared(to, EqualOp, width, scalar(to, 0.0, width))
    scale = div(
        to, selected(to, nothing, scalar(to, 255.0, width), width), scalar(to, 255.0, width)
    )
    zero = function(to, RoundOp, clamped(to, div(to, function(to, NegOp, low), scale), 0.0, 255.0))
    codes = _codes(to, div(to, input, scale), zero, U8)
    return [
        codes,
        to.reshape(scale, []),
        to.reshape(cast(to, cast(to, zero, i32), U8), []),
    ]
