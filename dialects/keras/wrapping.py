"""
What the wrappers of Keras do around the layers that they wrap.

A wrapper is no operation of its own: `Bidirectional` becomes its two layers, a reversal and a
merging layer, `TimeDistributed` its layer with the steps as a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, SameShapeOp, Shape
from nnc.dialects.keras.options import int_option


@irdl_op_definition
class ReverseOp(SameShapeOp):
    """
    A sequence, the second axis, backwards.

    ```mlir
    %y = keras.reverse %x : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
    ```
    """

    name = "keras.reverse"

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        if len(inputs[0]) < 2:
            raise VerifyException(f"expected a sequence, got {inputs[0]}")
        return super().result_shapes(inputs)


@irdl_op_definition
class FoldStepsOp(KerasOp):
    """
    Batch and steps as one batch.

    ```mlir
    %y = keras.fold_steps %x : (tensor<1x8x4xf32>) -> tensor<8x4xf32>
    ```
    """

    name = "keras.fold_steps"

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        if len(inputs[0]) < 3:
            raise VerifyException(f"expected a sequence of tensors, got {inputs[0]}")
        batch, steps, *rest = inputs[0]
        return [(batch * steps, *rest)]


@irdl_op_definition
class UnfoldStepsOp(KerasOp):
    """
    A batch as a batch and steps.

    ```mlir
    %y = keras.unfold_steps %x {steps = 8 : i64} : (tensor<8x4xf32>) -> tensor<1x8x4xf32>
    ```
    """

    name = "keras.unfold_steps"

    steps = int_option()

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        steps = self.steps.value.data
        if steps < 1 or inputs[0][0] % steps:
            raise VerifyException(f"expected a batch in whole steps of {steps}, got {inputs[0]}")
        return [(inputs[0][0] // steps, steps, *inputs[0][1:])]
