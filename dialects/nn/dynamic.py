"""
Layers whose float activations are quantised at run time (TFLite calls them hybrid).

Weights are integers, activations are floats of unknown range. `nn.dynamic_quantize` finds the range
of each row and gives 8-bit integers with a scale and a zero point as values; a dynamic layer
accumulates integers and scales the result back with those values. TFLite's reference kernels
associate the float products differently from layer to layer, each rounding differently.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import TensorType, UnitAttr, f32, f64, i8, i32
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, opt_prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.accumulate import AccumulatingOp, scales_of
from nnc.dialects.nn.base import Elements, S
from nnc.dialects.nn.checks import Kind, check_kind
from nnc.dialects.nn.convolution import ConvolutionOp, DepthwiseOp, FullyConnectedOp
from nnc.dialects.nn.program import Program, ProgramOp
from nnc.dialects.types import Array, element_of, shape_of

_LANES = 8
"""Elements that the reference kernels round at once; the rest of a row is rounded otherwise."""


@irdl_op_definition
class DynamicQuantizeOp(ProgramOp):
    """
    The rows of a float matrix as 8-bit integers: `real = scale * (stored - zero_point)`, one scale
    and zero point for each row.

    Symmetric rows are within +-127 with a zero point of 0, `asymmetric` ones within -128 to 127.

    The formulas are those of TFLite's kernels on x86 (`NeonSymmetricQuantizeFloats` and
    `NeonAsymmetricQuantizeFloats` in `optimized/neon_tensor_utils.cc`, which x86 builds run by
    translation): the difference of the extremes is a float32 one, and a quotient is rounded by
    adding a half of its sign and truncating, except for the last elements of a row, which are
    rounded half away from zero.

    ```mlir
    %q, %scale, %zero_point = nn.dynamic_quantize %x {asymmetric}
      : (tensor<2x64xf32>) -> (tensor<2x64xi8>, tensor<2xf32>, tensor<2xi32>)
    ```
    """

    name = "nn.dynamic_quantize"

    input = operand_def(TensorType)
    output = result_def(TensorType)
    scale = result_def(TensorType)
    zero_point = result_def(TensorType)

    asymmetric = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        if len(shape_of(self.input)) != 2 or element_of(self.input) != f32:
            raise VerifyException(f"expected a float32 matrix, got {self.input.type}")
        rows, depth = shape_of(self.input)
        expected = (TensorType(i8, [rows, depth]), TensorType(f32, [rows]), TensorType(i32, [rows]))
        if tuple(self.result_types) != expected:
            raise VerifyException(f"expected results {expected}, got {self.result_types}")

    def run(self, p: Program[S]) -> None:
        rows, depth = shape_of(self.input)
        quantize_rows(
            p,
            (rows, depth),
            lambda n, k: p.load(0, [n, k]),
            Quantized(1, 2, 3),
            asymmetric=self.asymmetric is not None,
        )


@dataclass(frozen=True)
class Quantized:
    """The buffers that hold a matrix quantised at run time: [N, K], [N] and [N]."""

    codes: int
    scales: int
    zero_points: int


def quantize_rows(
    p: Program[S],
    shape: tuple[int, int],
    read: Callable[[S, S], S],
    into: Quantized,
    *,
    asymmetric: bool,
) -> None:
    """The program of `nn.dynamic_quantize` for a matrix whose elements `read` gives."""
    rows, depth = shape
    low, high = (-128, 127) if asymmetric else (-127, 127)

    def row(outer: list[S]) -> None:
        (n,) = outer
        range_of = _asymmetric_range if asymmetric else _symmetric_range
        scale, inverse, point = range_of(p, depth, lambda k: read(n, k))
        p.store(into.scales, [n], scale)
        p.store(into.zero_points, [n], point)

        def store(k: S, whole: S) -> None:
            p.store(into.codes, [n, k], (whole + point).clamp(low, high).to(i8))

        def many(index: list[S]) -> None:
            scaled = read(n, index[0]) * inverse
            half = (scaled < 0.0).select(scaled.lift(-0.5), 0.5)
            store(index[0], (scaled + half).to(i32))

        def few(index: list[S]) -> None:
            store(index[0], (read(n, index[0]) * inverse).round_to_int())

        whole_lanes = depth - depth % _LANES
        if whole_lanes:
            p.for_each([whole_lanes], many)
        if whole_lanes < depth:
            p.for_each([(whole_lanes, depth)], few)

    p.for_each([rows], row)


def _symmetric_range(p: Program[S], depth: int, read: Callable[[S], S]) -> tuple[S, S, S]:
    """Scale, its inverse and the zero point of a row; a row of zeros has a scale of 1."""
    reach = p.extreme("max", depth, p.constant(0.0, f32), lambda k: read(k).math("absf"))
    empty = reach.eq(0.0)
    some = empty.select(reach.lift(1.0), reach)
    return empty.select(reach.lift(1.0), some / 127.0), 127.0 / some, p.constant(0, i32)


def _asymmetric_range(p: Program[S], depth: int, read: Callable[[S], S]) -> tuple[S, S, S]:
    low = p.extreme("min", depth, p.constant(0.0, f32), read)
    high = p.extreme("max", depth, p.constant(0.0, f32), read)
    empty = low.eq(high)
    spread = empty.select(low.lift(1.0), high - low)
    step = spread.to(f64) / 255.0
    below, above = low.to(f64) / step, high.to(f64) / step
    # Whichever extreme gives a zero point with the smaller error.
    from_low = (128.0 - below) < (above + 127.0)
    point = from_low.select(-128.0 - below, 127.0 - above).round_to_int().clamp(-128, 127)
    scale = empty.select(low.lift(1.0), step.to(f32))
    return scale, 1.0 / scale, empty.select(point.lift(0), point)


class DynamicOp(AccumulatingOp, ABC):
    """
    A layer of run-time quantised activations: its input is the result of `nn.dynamic_quantize`,
    whose `scale` and `zero_point` apply to the rows (batches) of the output; the output is float.

    The accumulator times weight scale and input scale: a product of the scales first, or, if
    `weight_scale_first`, the accumulator times the weight scale first.
    """

    input = operand_def(TensorType)
    weights = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    scale = operand_def(TensorType)
    zero_point = operand_def(TensorType)
    output = result_def(TensorType)

    weight_scale_first = opt_prop_def(UnitAttr)

    @property
    def accumulator(self) -> Attribute:
        return i32

    @property
    def bias_elements(self) -> tuple[Attribute, ...]:
        return (f32,)

    def verify_(self) -> None:
        super().verify_()
        check_kind("weights", self.weights, Kind.QUANTIZED_4 | Kind.QUANTIZED_8)
        if element_of(self.input) != i8 or element_of(self.output) != f32:
            raise VerifyException(
                f"expected an input of i8 and an output of f32, got {element_of(self.input)} "
                f"and {element_of(self.output)}"
            )
        rows = shape_of(self.input)[0]
        for value, kind in ((self.scale, f32), (self.zero_point, i32)):
            if value.type != TensorType(kind, [rows]):
                raise VerifyException(f"expected {TensorType(kind, [rows])}, got {value.type}")

    @property
    def scale_operand(self) -> int:
        """The number of the operand `scale`, behind which comes `zero_point`."""
        return 2 if self.bias is None else 3

    def input_offset(self, b: Elements[S], index: Sequence[S]) -> S | None:
        return b.load(self.scale_operand + 1, [index[0]])

    def activations(self, inputs: Sequence[Array]) -> Array:
        points = inputs[self.scale_operand + 1]
        shape = [-1] + [1] * (inputs[0].ndim - 1)
        return inputs[0].astype(np.float64) - points.reshape(shape)

    def conclude(self, b: Elements[S], total: S, bias: S | None, index: Sequence[S]) -> S:
        scale = b.load(self.scale_operand, [index[0]])
        scales = scales_of(element_of(self.weights)).astype(np.float32)
        weight_scale = self.per_channel(b, scales, f32, index[-1])
        if self.weight_scale_first is None:
            real = total.to(f32) * (scale * weight_scale)
        else:
            real = total.to(f32) * weight_scale * scale
        low, high = self.clamp_bounds()
        return (real if bias is None else real + bias).clamp(low, high)


@irdl_op_definition
class DynamicConv2DOp(DynamicOp, ConvolutionOp):
    """
    `nn.conv2d` of run-time quantised activations; a padded position is a real 0.

    Source: `EvalHybrid` and `EvalHybridPerChannel` in TFLite's `kernels/conv.cc`.

    ```mlir
    %y = nn.dynamic_conv2d %q, %w, %b, %scale, %zero_point {strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, groups = 1 : i64}
      : (tensor<1x8x8x1xi8>, tensor<4x3x3x1x!quant.uniform<i8:f32, 0.1>>, tensor<4xf32>,
         tensor<1xf32>, tensor<1xi32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "nn.dynamic_conv2d"


@irdl_op_definition
class DynamicDepthwiseConv2DOp(DynamicOp, DepthwiseOp):
    """
    `nn.depthwise_conv2d` of run-time quantised activations.

    Source: `DepthwiseConvHybridPerChannel` in TFLite's `reference/integer_ops/depthwise_conv.h`.

    ```mlir
    %y = nn.dynamic_depthwise_conv2d %q, %w, %b, %scale, %zero_point {strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>}
      : (tensor<1x8x8x4xi8>, tensor<1x3x3x4x!quant.uniform<i8:f32, 0.1>>, tensor<4xf32>,
         tensor<1xf32>, tensor<1xi32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "nn.dynamic_depthwise_conv2d"


@irdl_op_definition
class DynamicDenseOp(DynamicOp, FullyConnectedOp):
    """
    `nn.dense` of run-time quantised activations.

    Source: `EvalHybridDense` in TFLite's `kernels/fully_connected.cc`.

    ```mlir
    %y = nn.dynamic_dense %q, %w, %b, %scale, %zero_point
      : (tensor<2x64xi8>, tensor<10x64x!quant.uniform<i8:f32, 0.1>>, tensor<10xf32>,
         tensor<2xf32>, tensor<2xi32>) -> tensor<2x10xf32>
    ```
    """

    name = "nn.dynamic_dense"
