"""The layers of the `keras` dialect that have a state."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, Shape, Weight, check_rank, is_set
from nnc.dialects.keras.options import bool_option, function_option, int_option


class RecurrentOp(KerasOp, ABC):
    """
    A layer over the second axis, time. Behind the sequence may come the states to start with,
    which are 0 else.
    """

    GATES: ClassVar[int]
    STATES: ClassVar[int]
    INPUTS: ClassVar[tuple[int, int]] = (1, 3)
    STORED_IN: ClassVar[tuple[str, ...]] = ("cell/vars",)
    IGNORED: ClassVar[frozenset[str]] = frozenset(
        {
            *("dropout", "recurrent_dropout", "implementation", "unroll", "unit_forget_bias"),
            *("seed", "zero_output_for_mask", "input_dim", "input_length", "enable_caching_device"),
        }
    )

    units = int_option()
    activation = function_option("tanh")
    use_bias = bool_option(True)
    return_sequences = bool_option()
    return_state = bool_option()
    go_backwards = bool_option()
    stateful = bool_option()
    time_major = bool_option()

    def weight_list(self) -> Sequence[Weight]:
        bias = [Weight("bias")] if is_set(self.use_bias) else []
        return [Weight("kernel"), Weight("recurrent_kernel"), *bias]

    def bias_shape(self) -> Shape:
        """The shape of the bias."""
        return (self.GATES * self.units.value.data,)

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        units = self.units.value.data
        width = self.GATES * units
        shapes = [(inputs[0][-1], width), (units, width), self.bias_shape()]
        return shapes[: len(self.weight_list())]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        check_rank(inputs[0], 3)
        first, second, _ = inputs[0]
        batch = second if is_set(self.time_major) else first
        state = (batch, self.units.value.data)
        if len(inputs) not in (1, 1 + self.STATES):
            raise VerifyException(f"expected {self.STATES} initial states, got {len(inputs) - 1}")
        for shape in inputs[1:]:
            if shape != state:
                raise VerifyException(f"expected initial states of {state}, got {shape}")
        sequence = (first, second, state[1])
        result = sequence if is_set(self.return_sequences) else state
        states = [state] * self.STATES if is_set(self.return_state) else []
        return [result, *states]


@irdl_op_definition
class SimpleRNNOp(RecurrentOp):
    """
    A state of `activation(kernel x + recurrent_kernel h + bias)`.

    ```mlir
    %y = keras.simple_rnn %x, %k, %r, %b {units = 2 : i64}
      : (tensor<1x8x4xf32>, tensor<4x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    ```
    """

    name = "keras.simple_rnn"

    GATES: ClassVar[int] = 1
    STATES: ClassVar[int] = 1


@irdl_op_definition
class LSTMOp(RecurrentOp):
    """
    A long short-term memory; gates in the order input, forget, cell, output.

    ```mlir
    %y = keras.lstm %x, %k, %r, %b {units = 2 : i64}
      : (tensor<1x8x4xf32>, tensor<4x8xf32>, tensor<2x8xf32>, tensor<8xf32>) -> tensor<1x2xf32>
    ```
    """

    name = "keras.lstm"

    GATES: ClassVar[int] = 4
    STATES: ClassVar[int] = 2

    recurrent_activation = function_option("sigmoid")


@irdl_op_definition
class GRUOp(RecurrentOp):
    """
    A gated recurrent unit; gates in the order update, reset, state. With `reset_after` the bias has
    a second row, for what comes from the state.

    ```mlir
    %y = keras.gru %x, %k, %r, %b {units = 2 : i64}
      : (tensor<1x8x4xf32>, tensor<4x6xf32>, tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<1x2xf32>
    ```
    """

    name = "keras.gru"

    GATES: ClassVar[int] = 3
    STATES: ClassVar[int] = 1

    recurrent_activation = function_option("sigmoid")
    reset_after = bool_option(True)

    def bias_shape(self) -> Shape:
        shape = super().bias_shape()
        return (2, *shape) if is_set(self.reset_after) else shape
