"""
Recurrent layers.

Source: `keras/src/layers/rnn/{lstm,gru,simple_rnn,rnn}.py`. A layer that goes backwards gives its
steps in the order in which it took them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.keras import recurrent as source
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.gru import GruOp
from nnc.dialects.nn.lstm import LstmOp
from nnc.dialects.nn.rnn import RnnOp
from nnc.dialects.types import Array, shape_of
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.keras.reshaping import reverse
from nnc.passes.nn_builder import UnsupportedError, flag, make
from nnc.passes.nn_variables import Variable

_ACTIVATIONS = {
    "linear": "identity",
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "logistic",
    "tanh": "tanh",
}


def _activation(to: Lowering, given: StringAttr) -> StringAttr:
    """What `nn` calls an activation; the hard sigmoid is another one in each generation."""
    if given.data == "hard_sigmoid":
        return StringAttr("hard_sigmoid_5" if to.version == 2 else "hard_sigmoid_6")
    if given.data not in _ACTIVATIONS:
        names = ", ".join(sorted((*_ACTIVATIONS, "hard_sigmoid")))
        raise UnsupportedError(f"the activation '{given.data}' is not supported", f"{names} are")
    return StringAttr(_ACTIVATIONS[given.data])


class _Layer:
    """What all recurrent layers share: the sequence, the weights by gate, the results."""

    def __init__(self, op: source.RecurrentOp, to: Lowering):
        self.op, self.to = op, to
        self.kept: list[Variable] = []
        sequence = to.value(op.inputs[0])
        if op.time_major.value.data:
            sequence = to.transpose(sequence, [1, 0, 2])
        if op.go_backwards.value.data:
            sequence = reverse(to, sequence, 1)
        self.sequence = sequence
        self.batch, self.time, _ = shape_of(sequence)
        self.units = op.units.value.data
        zeros = np.zeros((self.batch, self.units), np.float32)
        given = [to.value(value) for value in op.inputs[1:]]
        if op.stateful.value.data and not given:
            kind = floats(zeros.shape)
            self.kept = [to.variable(f"state{k}", kind) for k in range(op.STATES)]
            given = [variable.value for variable in self.kept]
        self.states = given or [to.number(zeros) for _ in range(op.STATES)]

    def gates(self, name: str) -> Array:
        """A matrix [inputs, gates * units] as [gates, units, inputs]."""
        values = self.to.needed(self.op, name)
        return values.reshape(values.shape[0], self.op.GATES, self.units).transpose(1, 2, 0)

    def bias(self) -> Array:
        """The bias as [rows, gates, units], zeros where there is none."""
        values = self.to.weight(self.op, "bias")
        if values is None:
            return np.zeros((1, self.op.GATES, self.units), np.float32)
        return values.reshape(-1, self.op.GATES, self.units)

    def results(
        self,
        kind: type[NnOp],
        operands: Sequence[SSAValue | Sequence[SSAValue]],
        **given: Attribute | None,
    ) -> list[SSAValue]:
        """The results of the layer from the op of `nn`: the outputs of all steps, then states."""
        state = floats([self.batch, self.units])
        types = [floats([self.batch, self.time, self.units]), *[state] * self.op.STATES]
        properties = {name: it for name, it in given.items() if it is not None}
        op = self.to.insert(make(kind, operands, *types, **properties))
        output, *states = op.results
        for variable, state in zip(self.kept, states, strict=False):
            variable.value = state
        if self.op.time_major.value.data:
            output = self.to.transpose(output, [1, 0, 2])
        first = output if self.op.return_sequences.value.data else states[0]
        return [first, *(states if self.op.return_state.value.data else [])]


@rewrite(source.SimpleRNNOp)
def _simple(op: source.SimpleRNNOp, to: Lowering) -> list[SSAValue]:
    layer = _Layer(op, to)
    weights, recurrent = layer.gates("kernel")[0], layer.gates("recurrent_kernel")[0]
    operands = [layer.sequence, *map(to.number, (weights, recurrent, layer.bias()[0, 0]))]
    activation = _activation(to, op.activation)
    return layer.results(RnnOp, [*operands, *layer.states], activation=activation)


@rewrite(source.LSTMOp)
def _lstm(op: source.LSTMOp, to: Lowering) -> list[SSAValue]:
    layer = _Layer(op, to)
    parts = layer.gates("kernel"), layer.gates("recurrent_kernel"), layer.bias()[0]
    gate = _activation(to, op.recurrent_activation)
    return layer.results(
        LstmOp,
        [layer.sequence, *map(to.number, parts), *layer.states, ()],
        activation=_activation(to, op.activation),
        gate_activation=None if gate.data == "logistic" else gate,
    )


@rewrite(source.GRUOp)
def _gru(op: source.GRUOp, to: Lowering) -> list[SSAValue]:
    """Without `reset_after` there is one bias, with it another one for what the state gives."""
    layer = _Layer(op, to)
    bias = layer.bias()
    recurrent_bias = bias[1] if len(bias) > 1 else np.zeros_like(bias[0])
    parts = layer.gates("kernel"), layer.gates("recurrent_kernel"), bias[0], recurrent_bias
    return layer.results(
        GruOp,
        [layer.sequence, *map(to.number, parts), *layer.states],
        activation=_activation(to, op.activation),
        gate_activation=_activation(to, op.recurrent_activation),
        reset_after=flag(bool(op.reset_after.value.data)),
    )
