"""Convolution, depthwise convolution and dense layers."""

from __future__ import annotations

from abc import ABC

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, i1, i64
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import LoopElements
from nnc.dialects.nn.checks import check_output, check_rank
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import Array, BinType, element_of, shape_of


class WindowedOp(AccumulatingOp, ABC):
    """
    Shared by the convolutions: `strides`, `dilations` are [height, width] and `padding` is [top,
    bottom, left, right] in input positions; a padded position is a real 0, or, of a binary input,
    `pad_value` (-1 or +1) where that is given.
    """

    strides = prop_def(DenseArrayBase.constr(i64))
    dilations = prop_def(DenseArrayBase.constr(i64))
    padding = prop_def(DenseArrayBase.constr(i64))
    pad_value = opt_prop_def(IntegerAttr)

    def window(self) -> Window:
        """The geometry of the sliding window."""
        _, height, width, _ = shape_of(self.input)
        _, out_height, out_width, _ = shape_of(self.output)
        _, kernel_height, kernel_width, _ = shape_of(self.weights)
        strides, dilations = self.strides.get_values(), self.dilations.get_values()
        top, bottom, left, right = self.padding.get_values()
        return Window(
            Axis(height, out_height, kernel_height, strides[0], dilations[0], top, bottom),
            Axis(width, out_width, kernel_width, strides[1], dilations[1], left, right),
        )

    def verify_(self) -> None:
        super().verify_()
        values = ("an input", self.input), ("weights", self.weights), ("an output", self.output)
        for what, value in values:
            check_rank(what, value, 4)
        if len(self.strides) != 2 or len(self.dilations) != 2 or len(self.padding) != 4:
            raise VerifyException("expected 2 strides, 2 dilations and 4 paddings")
        if min(self.strides.get_values()) < 1 or min(self.dilations.get_values()) < 1:
            raise VerifyException("expected strides and dilations of at least 1")
        self.window().verify()
        check_output(self.output, [shape_of(self.input)[0], *shape_of(self.output)[1:]])
        if self.pad_value is None:
            return
        binary = isinstance(element_of(self.input), BinType)
        if not binary or self.pad_value.value.data not in (-1, 1):
            raise VerifyException(
                f"expected a pad_value of -1 or 1 for a !nn.bin input, "
                f"got {self.pad_value.value.data} for {self.input.type}"
            )

    @property
    def outside(self) -> int:
        """The number that a padded position counts as."""
        return 0 if self.pad_value is None else self.pad_value.value.data

    def taps(
        self, b: LoopBuilder, y: IRScalar, x: IRScalar
    ) -> list[tuple[IRScalar | int, IRScalar | int]]:
        """The range of taps along each spatial axis that count, at an output position."""
        window = self.window()
        if self.outside:
            return [(0, window.height.kernel), (0, window.width.kernel)]
        return [window.height.inside(b, y), window.width.inside(b, x)]

    def tapped(self, b: LoopBuilder, index: list[IRScalar]) -> IRScalar:
        """An element of the input as stored, or what is around the input."""
        source = b.inputs[0]
        if not self.outside:
            return b.load(source, index)
        _, height, width, _ = source.shape
        _, y, x, _ = index
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        around = b.constant(int(self.outside < 0), i1)
        return b.choose(inside, lambda: b.load(source, index), lambda: around)


class ConvolutionOp(WindowedOp, ABC):
    """2-D convolution of an NHWC input with OHWI weights, in `groups` groups of channels."""

    groups = prop_def(IntegerAttr)

    @property
    def weight_axis(self) -> int:
        return 0

    def verify_(self) -> None:
        super().verify_()
        groups = self.groups.value.data
        channels, outputs = shape_of(self.input)[3], shape_of(self.output)[3]
        if groups < 1 or channels % groups or outputs % groups:
            raise VerifyException(
                f"expected groups that divide {channels} and {outputs} channels, got {groups}"
            )
        if shape_of(self.weights)[0] != outputs or shape_of(self.weights)[3] != channels // groups:
            raise VerifyException(
                f"expected weights of {outputs} x kernel x {channels // groups}, "
                f"got {shape_of(self.weights)}"
            )

    def macs(self) -> int:
        _, kernel_height, kernel_width, depth = shape_of(self.weights)
        return int(np.prod(shape_of(self.output))) * kernel_height * kernel_width * depth

    def sums(self, activations: Array, weights: Array) -> Array:
        patches = self.window().patches(activations, self.outside)
        groups = self.groups.value.data
        depth = weights.shape[3]
        per_group = weights.shape[0] // groups
        parts: list[Array] = []
        for group in range(groups):
            part = patches[..., group * depth : (group + 1) * depth]
            kernel = weights[group * per_group : (group + 1) * per_group]
            rows = part.reshape(*part.shape[:3], -1)
            parts.append(rows @ kernel.reshape(per_group, -1).T)
        return np.concatenate(parts, axis=-1)

    def lower(self, b: LoopBuilder) -> None:
        window = self.window()
        depth = shape_of(self.weights)[3]
        per_group = shape_of(self.weights)[0] // self.groups.value.data
        context = LoopElements(b)
        w = b.inputs[1]

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, oc = index
            offset = self.input_offset(context, index)

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                ky, kx, ic = at
                iy, ix = window.height.coordinate(oy, ky), window.width.coordinate(ox, kx)
                channel = ic if self.groups.value.data == 1 else oc // per_group * depth + ic
                value = self.tapped(b, [n, iy, ix, channel])
                return total + self.product(context, value, b.load(w, [oc, ky, kx, ic]), oc, offset)

            bounds = [*self.taps(b, oy, ox), (0, depth)]
            total = b.reduce(bounds, b.constant(0, self.accumulator), tap, ("ky", "kx", "k"))
            return self.conclude(context, total, _bias(b, self.bias is not None, oc), index)

        b.produce(b.outputs[0], element)


@irdl_op_definition
class Conv2DOp(ConvolutionOp):
    """
    2-D convolution of an NHWC input with OHWI weights, in `groups` groups of channels.

    ```mlir
    %y = nn.conv2d %x, %w, %b {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      padding = array<i64: 1, 1, 1, 1>, groups = 1 : i64, rounding = #nn<rounding double>}
      : (tensor<1x8x8x1x!quant.uniform<i8:f32, 0.1>>, tensor<4x3x3x1x!quant.uniform<i8:f32, 0.2>>,
         tensor<4xi32>) -> tensor<1x8x8x4x!quant.uniform<i8:f32, 0.3>>
    ```
    """

    name = "nn.conv2d"


class DepthwiseOp(WindowedOp, ABC):
    """Each input channel convolved by itself; weights are 1HW(CM), the multiplier M fastest."""

    @property
    def weight_axis(self) -> int:
        return 3

    @property
    def multiplier(self) -> int:
        """Output channels per input channel."""
        return shape_of(self.output)[3] // shape_of(self.input)[3]

    def verify_(self) -> None:
        super().verify_()
        channels, outputs = shape_of(self.input)[3], shape_of(self.output)[3]
        if outputs % channels or shape_of(self.weights)[3] != outputs:
            raise VerifyException(
                f"expected weights for a multiple of {channels} channels, "
                f"got {shape_of(self.weights)} for {outputs}"
            )

    def macs(self) -> int:
        _, kernel_height, kernel_width, _ = shape_of(self.weights)
        return int(np.prod(shape_of(self.output))) * kernel_height * kernel_width

    def sums(self, activations: Array, weights: Array) -> Array:
        image = np.repeat(activations, self.multiplier, axis=3)
        patches = self.window().patches(image, self.outside)
        return (patches * weights[0]).sum(axis=(3, 4))

    def lower(self, b: LoopBuilder) -> None:
        window = self.window()
        context = LoopElements(b)
        w = b.inputs[1]

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, oc = index
            offset = self.input_offset(context, index)
            channel = oc // self.multiplier

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = self.tapped(b, [n, iy, ix, channel])
                weight = b.load(w, [b.index(0), at[0], at[1], oc])
                return total + self.product(context, value, weight, oc, offset)

            bounds = self.taps(b, oy, ox)
            total = b.reduce(bounds, b.constant(0, self.accumulator), tap, ("ky", "kx", "k"))
            return self.conclude(context, total, _bias(b, self.bias is not None, oc), index)

        b.produce(b.outputs[0], element)


@irdl_op_definition
class DepthwiseConv2DOp(DepthwiseOp):
    """
    Each input channel convolved by itself into `multiplier` output channels; weights are 1HW(CM),
    the multiplier fastest (TFLite's layout).

    ```mlir
    %y = nn.depthwise_conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      padding = array<i64: 1, 1, 1, 1>} : (tensor<1x8x8x4xf32>, tensor<1x3x3x8xf32>)
      -> tensor<1x8x8x8xf32>
    ```
    """

    name = "nn.depthwise_conv2d"


class FullyConnectedOp(AccumulatingOp, ABC):
    """A fully connected layer: [N, K] times the transpose of [M, K] weights."""

    @property
    def weight_axis(self) -> int:
        return 0

    def verify_(self) -> None:
        super().verify_()
        values = ("an input", self.input), ("weights", self.weights), ("an output", self.output)
        for what, value in values:
            check_rank(what, value, 2)
        rows, depth = shape_of(self.input)
        outputs, weight_depth = shape_of(self.weights)
        if depth != weight_depth or shape_of(self.output) != (rows, outputs):
            raise VerifyException(
                f"expected {rows} x {depth} times {outputs} x {depth} to give {rows} x {outputs}, "
                f"got weights {shape_of(self.weights)} and output {shape_of(self.output)}"
            )

    def macs(self) -> int:
        return int(np.prod(shape_of(self.output))) * shape_of(self.input)[1]

    def sums(self, activations: Array, weights: Array) -> Array:
        return activations @ weights.T

    def lower(self, b: LoopBuilder) -> None:
        context = LoopElements(b)
        x, w = b.inputs[0], b.inputs[1]
        depth = shape_of(self.input)[1]

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index
            offset = self.input_offset(context, index)

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                value = b.load(x, [n, at[0]])
                return total + self.product(context, value, b.load(w, [oc, at[0]]), oc, offset)

            total = b.reduce([(0, depth)], b.constant(0, self.accumulator), tap, ("k",))
            return self.conclude(context, total, _bias(b, self.bias is not None, oc), index)

        b.produce(b.outputs[0], element)


@irdl_op_definition
class DenseOp(FullyConnectedOp):
    """
    A fully connected layer: [N, K] times the transpose of [M, K] weights.

    ```mlir
    %y = nn.dense %x, %w, %b {rounding = #nn<rounding f64>}
      : (tensor<2x64x!quant.uniform<i8:f32, 0.1:3>>, tensor<10x64x!quant.uniform<i8:f32, 0.2>>,
         tensor<10xi32>) -> tensor<2x10x!quant.uniform<i8:f32, 1.5>>
    ```
    """

    name = "nn.dense"


def _bias(b: LoopBuilder, present: bool, channel: IRScalar) -> IRScalar | None:
    return b.load(b.inputs[2], [channel]) if present else None
