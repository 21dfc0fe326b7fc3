"""The product of matrices that are both computed, as in attention."""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.dialects.builtin import UnitAttr
from xdsl.irdl import irdl_op_definition, opt_prop_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import LoopElements, broadcast_index
from nnc.dialects.nn.checks import broadcast_shapes, check_output
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, shape_of


@irdl_op_definition
class MatMulOp(AccumulatingOp):
    """
    The product of the last two axes, [M, K] of the input and [K, N] of the weights, the axes before
    them broadcast. `transpose_input` and `transpose_weights` exchange the last two axes of one.

    ```mlir
    %z = nn.matmul %x, %y {transpose_weights}
      : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x3x5xf32>
    ```
    """

    name = "nn.matmul"

    transpose_input = opt_prop_def(UnitAttr)
    transpose_weights = opt_prop_def(UnitAttr)

    @property
    def weight_axis(self) -> int:
        rank = len(shape_of(self.weights))
        return rank - 2 if self.transpose_weights is not None else rank - 1

    def matrices(self) -> tuple[int, int, int]:
        """The extents (M, K, N)."""
        *_, rows, depth = shape_of(self.input)
        *_, height, columns = shape_of(self.weights)
        if self.transpose_input is not None:
            rows, depth = depth, rows
        if self.transpose_weights is not None:
            height, columns = columns, height
        if depth != height:
            raise VerifyException(f"expected matrices of one depth, got {depth} and {height}")
        return rows, depth, columns

    def verify_(self) -> None:
        super().verify_()
        if min(len(shape_of(self.input)), len(shape_of(self.weights))) < 2:
            raise VerifyException("expected matrices")
        rows, _, columns = self.matrices()
        outer = broadcast_shapes([shape_of(self.input)[:-2], shape_of(self.weights)[:-2]])
        check_output(self.output, [*outer, rows, columns])

    def macs(self) -> int:
        return prod(shape_of(self.output)) * self.matrices()[1]

    def sums(self, activations: Array, weights: Array) -> Array:
        x = np.swapaxes(activations, -1, -2) if self.transpose_input is not None else activations
        w = np.swapaxes(weights, -1, -2) if self.transpose_weights is not None else weights
        return np.matmul(x, w)

    def lower(self, b: LoopBuilder) -> None:
        context, x, w = LoopElements(b), b.inputs[0], b.inputs[1]
        depth = self.matrices()[1]

        def element(index: list[IRScalar]) -> IRScalar:
            *outer, m, n = index
            x_outer = broadcast_index(context, outer, x.shape[:-2])
            w_outer = broadcast_index(context, outer, w.shape[:-2])

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                row, column = [m, at[0]], [at[0], n]
                if self.transpose_input is not None:
                    row.reverse()
                if self.transpose_weights is not None:
                    column.reverse()
                value = b.load(x, [*x_outer, *row])
                return total + self.product(context, value, b.load(w, [*w_outer, *column]), n)

            total = b.reduce([(0, depth)], b.constant(0, self.accumulator), tap)
            bias = b.load(b.inputs[2], [n]) if self.bias is not None else None
            return self.epilogue(context, total, bias, n)

        b.produce(b.outputs[0], element)
