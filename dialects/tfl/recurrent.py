"""
The `tfl` operators with a state: SVDF, recurrent layers and LSTMs.

The state is an operand, a `tfl.variable`, that the operator reads and then overwrites; therefore
none of them is pure.
"""

from __future__ import annotations

from abc import ABC

from xdsl.dialects.builtin import ArrayAttr
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
    var_result_def,
)
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.tfl.base import (
    LSTM_KERNEL,
    OPTIONAL_TENSOR,
    TENSOR,
    AnyTensor,
    TflOp,
    activation_option,
    bool_option,
    check_positive,
    check_rank,
    enum_option,
    float_option,
    int_option,
)


class StatefulOp(TflOp, ABC):
    """An operator that changes one of its operands in place."""

    traits = traits_def()


@irdl_op_definition
class SvdfOp(StatefulOp):
    """
    SVDF: a dense layer whose filters are products of a feature vector and a vector in time.

    ```mlir
    %y = tfl.svdf %x, %feature, %time, %bias, %state {rank = 1 : i32}
         : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<1x16xf32>)
         -> tensor<1x2xf32>
    ```
    """

    name = "tfl.svdf"

    input = operand_def(TENSOR)
    feature_weights = operand_def(TENSOR)
    time_weights = operand_def(TENSOR)
    bias = operand_def(OPTIONAL_TENSOR)
    state = operand_def(TENSOR)
    output = result_def(TENSOR)

    rank = int_option()
    fused_activation_function = activation_option()
    asymmetric_quantize_inputs = bool_option()

    def verify_(self) -> None:
        check_positive(rank=self.rank)
        check_rank("an input", self.input, (2,))
        check_rank("feature weights", self.feature_weights, (2,))
        check_rank("time weights", self.time_weights, (2,))
        check_rank("a state", self.state, (2,))
        check_rank("an output", self.output, (2,))


class _RnnOp(StatefulOp, ABC):
    """A plain recurrent layer: activation(W x + R h + b)."""

    input = operand_def(TENSOR)
    input_weights = operand_def(TENSOR)
    recurrent_weights = operand_def(TENSOR)
    bias = operand_def(TENSOR)
    hidden_state = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("input weights", self.input_weights, (2,))
        check_rank("recurrent weights", self.recurrent_weights, (2,))
        check_rank("a bias", self.bias, (1,))
        check_rank("a hidden state", self.hidden_state, (2,))


@irdl_op_definition
class RnnOp(_RnnOp):
    """
    RNN: one step.

    ```mlir
    %y = tfl.rnn %x, %w, %r, %b, %h {fused_activation_function = "TANH"}
         : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>)
         -> tensor<1x2xf32>
    ```
    """

    name = "tfl.rnn"

    fused_activation_function = activation_option()
    asymmetric_quantize_inputs = bool_option()


@irdl_op_definition
class UnidirectionalSequenceRnnOp(_RnnOp):
    """
    UNIDIRECTIONAL_SEQUENCE_RNN: a sequence of steps.

    ```mlir
    %y = tfl.unidirectional_sequence_rnn %x, %w, %r, %b, %h {time_major = true}
         : (tensor<8x1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>)
         -> tensor<8x1x2xf32>
    ```
    """

    name = "tfl.unidirectional_sequence_rnn"

    time_major = bool_option()
    fused_activation_function = activation_option()
    asymmetric_quantize_inputs = bool_option()


@irdl_op_definition
class BidirectionalSequenceRnnOp(StatefulOp):
    """
    BIDIRECTIONAL_SEQUENCE_RNN: one layer forwards and one backwards; one output when merged.

    ```mlir
    %y = tfl.bidirectional_sequence_rnn %x, %w, %r, %b, %h, %w, %r, %b, %g, %none, %none, %none
         {merge_outputs = true}
         : (tensor<1x8x4xf32>,
            tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>,
            tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>, none, none, none)
         -> tensor<1x8x4xf32>
    ```
    """

    name = "tfl.bidirectional_sequence_rnn"

    input = operand_def(TENSOR)
    fw_input_weights = operand_def(TENSOR)
    fw_recurrent_weights = operand_def(TENSOR)
    fw_bias = operand_def(TENSOR)
    fw_hidden_state = operand_def(TENSOR)
    bw_input_weights = operand_def(TENSOR)
    bw_recurrent_weights = operand_def(TENSOR)
    bw_bias = operand_def(TENSOR)
    bw_hidden_state = operand_def(TENSOR)
    aux_input = operand_def(OPTIONAL_TENSOR)
    fw_aux_weights = operand_def(OPTIONAL_TENSOR)
    bw_aux_weights = operand_def(OPTIONAL_TENSOR)
    outputs = var_result_def(TENSOR)

    time_major = bool_option()
    fused_activation_function = activation_option()
    merge_outputs = bool_option()
    asymmetric_quantize_inputs = bool_option()

    def verify_(self) -> None:
        _check_outputs(len(self.outputs), bool(self.merge_outputs.value.data))


class _LstmOp(StatefulOp, ABC):
    """
    An LSTM layer. Left-out weights say which variant it is: no input gate (coupled input and
    forget), no peepholes (`cell_to_*`), no projection, no layer normalisation.

    `intermediates` are the types (their quantisation, really) of the integer kernels' five
    intermediate results.
    """

    input = operand_def(TENSOR)
    input_to_input_weights = operand_def(OPTIONAL_TENSOR)
    input_to_forget_weights = operand_def(TENSOR)
    input_to_cell_weights = operand_def(TENSOR)
    input_to_output_weights = operand_def(TENSOR)
    recurrent_to_input_weights = operand_def(OPTIONAL_TENSOR)
    recurrent_to_forget_weights = operand_def(TENSOR)
    recurrent_to_cell_weights = operand_def(TENSOR)
    recurrent_to_output_weights = operand_def(TENSOR)
    cell_to_input_weights = operand_def(OPTIONAL_TENSOR)
    cell_to_forget_weights = operand_def(OPTIONAL_TENSOR)
    cell_to_output_weights = operand_def(OPTIONAL_TENSOR)
    input_gate_bias = operand_def(OPTIONAL_TENSOR)
    forget_gate_bias = operand_def(TENSOR)
    cell_gate_bias = operand_def(TENSOR)
    output_gate_bias = operand_def(TENSOR)
    projection_weights = operand_def(OPTIONAL_TENSOR)
    projection_bias = operand_def(OPTIONAL_TENSOR)
    output_state = operand_def(TENSOR)
    cell_state = operand_def(TENSOR)
    input_layer_norm_coefficients = operand_def(OPTIONAL_TENSOR)
    forget_layer_norm_coefficients = operand_def(OPTIONAL_TENSOR)
    cell_layer_norm_coefficients = operand_def(OPTIONAL_TENSOR)
    output_layer_norm_coefficients = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    intermediates = opt_prop_def(ArrayAttr[AnyTensor])

    fused_activation_function = activation_option()
    cell_clip = float_option(0.0)
    proj_clip = float_option(0.0)

    def verify_(self) -> None:
        check_rank("input weights", self.input_to_output_weights, (2,))
        check_rank("recurrent weights", self.recurrent_to_output_weights, (2,))
        check_rank("an output state", self.output_state, (2,))
        check_rank("a cell state", self.cell_state, (2,))


@irdl_op_definition
class LstmOp(_LstmOp):
    """
    LSTM: one step.

    ```mlir
    %y = tfl.lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c,
         %n, %n, %n, %n {fused_activation_function = "TANH"}
         : (tensor<1x4xf32>,
            none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>,
            none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none,
            none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none,
            tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none) -> tensor<1x2xf32>
    ```
    """

    name = "tfl.lstm"

    kernel_type = enum_option(LSTM_KERNEL, "FULL")
    asymmetric_quantize_inputs = bool_option()

    def verify_(self) -> None:
        super().verify_()
        if self.kernel_type.data != "FULL":
            raise VerifyException(f"expected kernel_type FULL, got {self.kernel_type.data}")


@irdl_op_definition
class BasicLstmOp(StatefulOp):
    """
    LSTM of kernel type BASIC: one step, all gates in one matrix, the state in and out.

    ```mlir
    %y, %c1, %concat, %gates = tfl.basic_lstm %x, %y0, %w, %b, %c0 {kernel_type = "BASIC"}
         : (tensor<1x4xf32>, tensor<1x2xf32>, tensor<8x6xf32>, tensor<8xf32>, tensor<1x2xf32>)
         -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x6xf32>, tensor<1x8xf32>)
    ```
    """

    name = "tfl.basic_lstm"

    input = operand_def(TENSOR)
    previous_activation = operand_def(TENSOR)
    weights = operand_def(TENSOR)
    bias = operand_def(TENSOR)
    previous_state = operand_def(TENSOR)
    activation = result_def(TENSOR)
    state = result_def(TENSOR)
    concatenated = result_def(TENSOR)
    gates = result_def(TENSOR)

    fused_activation_function = activation_option()
    cell_clip = float_option(0.0)
    proj_clip = float_option(0.0)
    kernel_type = enum_option(LSTM_KERNEL, "FULL")
    asymmetric_quantize_inputs = bool_option()

    def verify_(self) -> None:
        if self.kernel_type.data != "BASIC":
            raise VerifyException(f"expected kernel_type BASIC, got {self.kernel_type.data}")


@irdl_op_definition
class UnidirectionalSequenceLstmOp(_LstmOp):
    """
    UNIDIRECTIONAL_SEQUENCE_LSTM: a sequence of steps.

    ```mlir
    %y = tfl.unidirectional_sequence_lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n,
         %n, %b, %b, %b, %n, %n, %h, %c, %n, %n, %n, %n
         {fused_activation_function = "TANH", time_major = true}
         : (tensor<8x1x4xf32>,
            none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>,
            none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none,
            none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none,
            tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none) -> tensor<8x1x2xf32>
    ```
    """

    name = "tfl.unidirectional_sequence_lstm"

    time_major = bool_option()
    asymmetric_quantize_inputs = bool_option()
    diagonal_recurrent_tensors = bool_option()


@irdl_op_definition
class BidirectionalSequenceLstmOp(StatefulOp):
    """
    BIDIRECTIONAL_SEQUENCE_LSTM: one layer forwards and one backwards; one output when merged.

    ```mlir
    %y = tfl.bidirectional_sequence_lstm %x,
         %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n,
         %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n,
         %h, %c, %g, %d, %n, %n, %n, %n, %n, %n, %n, %n, %n
         {merge_outputs = true}
         : (tensor<8x1x4xf32>,
            none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>,
            none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none,
            none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none,
            none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>,
            none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none,
            none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none,
            tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>,
            none, none, none, none, none, none, none, none, none) -> tensor<8x1x4xf32>
    ```
    """

    name = "tfl.bidirectional_sequence_lstm"

    input = operand_def(TENSOR)
    fw_input_to_input_weights = operand_def(OPTIONAL_TENSOR)
    fw_input_to_forget_weights = operand_def(TENSOR)
    fw_input_to_cell_weights = operand_def(TENSOR)
    fw_input_to_output_weights = operand_def(TENSOR)
    fw_recurrent_to_input_weights = operand_def(OPTIONAL_TENSOR)
    fw_recurrent_to_forget_weights = operand_def(TENSOR)
    fw_recurrent_to_cell_weights = operand_def(TENSOR)
    fw_recurrent_to_output_weights = operand_def(TENSOR)
    fw_cell_to_input_weights = operand_def(OPTIONAL_TENSOR)
    fw_cell_to_forget_weights = operand_def(OPTIONAL_TENSOR)
    fw_cell_to_output_weights = operand_def(OPTIONAL_TENSOR)
    fw_input_gate_bias = operand_def(OPTIONAL_TENSOR)
    fw_forget_gate_bias = operand_def(TENSOR)
    fw_cell_gate_bias = operand_def(TENSOR)
    fw_output_gate_bias = operand_def(TENSOR)
    fw_projection_weights = operand_def(OPTIONAL_TENSOR)
    fw_projection_bias = operand_def(OPTIONAL_TENSOR)
    bw_input_to_input_weights = operand_def(OPTIONAL_TENSOR)
    bw_input_to_forget_weights = operand_def(TENSOR)
    bw_input_to_cell_weights = operand_def(TENSOR)
    bw_input_to_output_weights = operand_def(TENSOR)
    bw_recurrent_to_input_weights = operand_def(OPTIONAL_TENSOR)
    bw_recurrent_to_forget_weights = operand_def(TENSOR)
    bw_recurrent_to_cell_weights = operand_def(TENSOR)
    bw_recurrent_to_output_weights = operand_def(TENSOR)
    bw_cell_to_input_weights = operand_def(OPTIONAL_TENSOR)
    bw_cell_to_forget_weights = operand_def(OPTIONAL_TENSOR)
    bw_cell_to_output_weights = operand_def(OPTIONAL_TENSOR)
    bw_input_gate_bias = operand_def(OPTIONAL_TENSOR)
    bw_forget_gate_bias = operand_def(TENSOR)
    bw_cell_gate_bias = operand_def(TENSOR)
    bw_output_gate_bias = operand_def(TENSOR)
    bw_projection_weights = operand_def(OPTIONAL_TENSOR)
    bw_projection_bias = operand_def(OPTIONAL_TENSOR)
    fw_output_state = operand_def(TENSOR)
    fw_cell_state = operand_def(TENSOR)
    bw_output_state = operand_def(TENSOR)
    bw_cell_state = operand_def(TENSOR)
    aux_input = operand_def(OPTIONAL_TENSOR)
    fw_aux_input_to_input_weights = operand_def(OPTIONAL_TENSOR)
    fw_aux_input_to_forget_weights = operand_def(OPTIONAL_TENSOR)
    fw_aux_input_to_cell_weights = operand_def(OPTIONAL_TENSOR)
    fw_aux_input_to_output_weights = operand_def(OPTIONAL_TENSOR)
    bw_aux_input_to_input_weights = operand_def(OPTIONAL_TENSOR)
    bw_aux_input_to_forget_weights = operand_def(OPTIONAL_TENSOR)
    bw_aux_input_to_cell_weights = operand_def(OPTIONAL_TENSOR)
    bw_aux_input_to_output_weights = operand_def(OPTIONAL_TENSOR)
    outputs = var_result_def(TENSOR)

    fused_activation_function = activation_option()
    cell_clip = float_option(0.0)
    proj_clip = float_option(0.0)
    merge_outputs = bool_option()
    time_major = bool_option(True)
    asymmetric_quantize_inputs = bool_option()

    def verify_(self) -> None:
        _check_outputs(len(self.outputs), bool(self.merge_outputs.value.data))


def _check_outputs(count: int, merged: bool) -> None:
    expected = 1 if merged else 2
    if count != expected:
        raise VerifyException(f"expected {expected} outputs, got {count}")


RECURRENT_OPS = (
    SvdfOp,
    RnnOp,
    UnidirectionalSequenceRnnOp,
    BidirectionalSequenceRnnOp,
    LstmOp,
    BasicLstmOp,
    UnidirectionalSequenceLstmOp,
    BidirectionalSequenceLstmOp,
)
