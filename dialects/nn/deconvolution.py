"""The transposed convolution."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, i64
from xdsl.irdl import irdl_op_definition, prop_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import LoopElements
from nnc.dialects.nn.checks import check_rank
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, shape_of


@irdl_op_definition
class ConvTranspose2DOp(AccumulatingOp):
    """
    Each input pixel spreads over a kernel: the pixel at y reaches the output rows
    `y * stride + tap - padding`. Weights are OHWI, `strides` are [height, width], `padding` is what
    is cut off at [top, left] of the result; its height and width are those of the output.

    ```mlir
    %y = nn.conv_transpose2d %x, %w {strides = array<i64: 2, 2>, padding = array<i64: 0, 0>}
      : (tensor<1x4x4x3xf32>, tensor<8x2x2x3xf32>) -> tensor<1x8x8x8xf32>
    ```
    """

    name = "nn.conv_transpose2d"

    strides = prop_def(DenseArrayBase.constr(i64))
    padding = prop_def(DenseArrayBase.constr(i64))

    @property
    def weight_axis(self) -> int:
        return 0

    def verify_(self) -> None:
        super().verify_()
        strides, padding = self.strides.get_values(), self.padding.get_values()
        if len(strides) != 2 or len(padding) != 2 or min(strides) < 1 or min(padding) < 0:
            raise VerifyException("expected 2 strides of at least 1 and 2 paddings of at least 0")
        values = ("an input", self.input), ("weights", self.weights), ("an output", self.output)
        for what, value in values:
            check_rank(what, value, 4)
        source, weights, target = (shape_of(value) for _, value in values)
        if (source[0], weights[0], weights[3]) != (target[0], target[3], source[3]):
            raise VerifyException(f"expected weights for {source} and {target}, got {weights}")

    def macs(self) -> int:
        _, height, width, _ = shape_of(self.weights)
        return int(np.prod(shape_of(self.input))) * height * width * shape_of(self.output)[3]

    def sums(self, activations: Array, weights: Array) -> Array:
        batch, height, width, _ = activations.shape
        outputs, kernel_height, kernel_width, _ = weights.shape
        (step_y, step_x), (top, left) = self.strides.get_values(), self.padding.get_values()
        _, out_height, out_width, _ = shape_of(self.output)
        rows = max((height - 1) * step_y + kernel_height, top + out_height)
        columns = max((width - 1) * step_x + kernel_width, left + out_width)
        whole = np.zeros((batch, rows, columns, outputs))
        for y in range(kernel_height):
            for x in range(kernel_width):
                reached = whole[
                    :, y : y + height * step_y : step_y, x : x + width * step_x : step_x
                ]
                reached[:, :height, :width] += activations @ weights[:, y, x].T
        return whole[:, top : top + out_height, left : left + out_width]

    def lower(self, b: LoopBuilder) -> None:
        context, x, w = LoopElements(b), b.inputs[0], b.inputs[1]
        _, height, width, depth = x.shape
        _, kernel_height, kernel_width, _ = w.shape
        (step_y, step_x), (top, left) = self.strides.get_values(), self.padding.get_values()

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, oc = index
            # Of an output row, every step_y-th tap has a pixel, from `phase` on, each one further.
            last_y, phase_y = (oy + top) // step_y, (oy + top) % step_y
            last_x, phase_x = (ox + left) // step_x, (ox + left) % step_x

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                ky, kx = at[0] * step_y + phase_y, at[1] * step_x + phase_x
                value = b.load(x, [n, last_y - at[0], last_x - at[1], at[2]])
                return total + self.product(context, value, b.load(w, [oc, ky, kx, at[2]]), oc)

            bounds = [
                pixels(last_y, phase_y, height, kernel_height, step_y),
                pixels(last_x, phase_x, width, kernel_width, step_x),
                (0, depth),
            ]
            total = b.reduce(bounds, b.constant(0, self.accumulator), tap)
            bias = b.load(b.inputs[2], [oc]) if self.bias is not None else None
            return self.epilogue(context, total, bias, oc)

        b.produce(b.outputs[0], element)


def pixels(
    last: IRScalar, phase: IRScalar, extent: int, kernel: int, stride: int
) -> tuple[IRScalar, IRScalar]:
    """The taps of one phase whose pixels lie inside the input."""
    taps = ((kernel - 1 + stride) - phase) // stride
    return (last - (extent - 1)).max(0), taps.min(last + 1)
