"""The layers of the `keras` dialect that multiply with, or look up, a matrix of weights."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerType, f32
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, Shape, Weight, is_set
from nnc.dialects.keras.options import bool_option, function_option, int_option


class MatrixOp(KerasOp, ABC):
    """The last axis times a matrix of inputs and units."""

    units = int_option()
    activation = function_option()
    use_bias = bool_option(True)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("kernel"), *([Weight("bias")] if is_set(self.use_bias) else [])]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        units = self.units.value.data
        return [(inputs[0][-1], units), (units,)][: len(self.weight_list())]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        if len(inputs[0]) < 2:
            raise VerifyException(f"expected an input of at least 2 axes, got {inputs[0]}")
        return [(*inputs[0][:-1], self.units.value.data)]


@irdl_op_definition
class DenseOp(MatrixOp):
    """
    The last axis times a matrix of inputs and units.

    ```mlir
    %y = keras.dense %x, %k, %b {units = 2 : i64, activation = "relu"}
      : (tensor<1x3xf32>, tensor<3x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    ```
    """

    name = "keras.dense"


@irdl_op_definition
class EmbeddingOp(KerasOp):
    """
    The row of a matrix for each of the input's indices.

    ```mlir
    %y = keras.embedding %x, %e {input_dim = 9 : i64, output_dim = 4 : i64}
      : (tensor<1x8xi32>, tensor<9x4xf32>) -> tensor<1x8x4xf32>
    ```
    """

    name = "keras.embedding"

    IGNORED: ClassVar[frozenset[str]] = frozenset({"input_length"})

    input_dim = int_option()
    output_dim = int_option()
    mask_zero = bool_option()

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("embeddings")]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [(self.input_dim.value.data, self.output_dim.value.data)]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [(*inputs[0], self.output_dim.value.data)]

    def accepts(self, element: Attribute) -> bool:
        return element == f32 or isinstance(element, IntegerType)
