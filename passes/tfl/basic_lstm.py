"""The rewrite of the LSTM of kernel type BASIC."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType, f32
from xdsl.ir import SSAValue

from nnc.dialects.nn.lstm import LstmOp
from nnc.dialects.tfl import recurrent as source
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, make
from nnc.passes.tfl.lowering import Lowering, is_float, rewrite
from nnc.passes.tfl.variables import update


@rewrite(source.BasicLstmOp)
def _basic(op: source.BasicLstmOp, to: Lowering) -> list[SSAValue]:
    """
    One step whose gates are in one matrix, in the order input, cell, forget, output, over the input
    and then the last output. Source: `LstmCell` in TFLite's `reference/reference_ops.h`.
    """
    operands = (op.input, op.previous_activation, op.weights, op.bias, op.previous_state)
    input, hidden, weights, bias, cell = (to.value(operand) for operand in operands)
    if not all(map(is_float, (input, hidden, weights, bias, cell))):
        raise UnsupportedError("expected a BASIC LSTM in float32", "a FULL integer LSTM works")
    if op.concatenated.first_use is not None or op.gates.first_use is not None:
        raise UnsupportedError("the inner results of a BASIC LSTM are not supported")
    (batch, depth), units = shape_of(input), shape_of(hidden)[1]
    if shape_of(weights) != (4 * units, depth + units):
        raise UnsupportedError(
            f"expected weights of {4 * units} x {depth + units}, got {shape_of(weights)}"
        )
    matrix = to.known(weights, "the weights").reshape(4, units, depth + units)
    order = [0, 2, 1, 3]
    layer = make(
        LstmOp,
        [
            to.reshape(input, [1, batch, depth]),
            to.constant(np.ascontiguousarray(matrix[order, :, :depth]), f32),
            to.constant(np.ascontiguousarray(matrix[order, :, depth:]), f32),
            to.constant(to.known(bias, "the bias").reshape(4, units)[order], f32),
            hidden,
            cell,
            [],
        ],
        TensorType(f32, [1, batch, units]),
        hidden.type,
        cell.type,
        activation=StringAttr("tanh"),
        time_major=flag(True),
    )
    _, next_hidden, next_cell = to.insert(layer).results
    for operand, value in ((op.previous_activation, next_hidden), (op.previous_state, next_cell)):
        if operand in to.tensors:
            update(to, operand, value)
    return [next_hidden, next_cell, next_hidden, next_hidden]
