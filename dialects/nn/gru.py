"""Gated recurrent units: a step mixes the last output with a candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import FloatAttr, StringAttr, TensorType, UnitAttr, f32
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.activations import activated, check_activation
from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import S
from nnc.dialects.nn.lstm import clipped, take_steps
from nnc.dialects.nn.program import Program, ProgramOp
from nnc.dialects.nn.recurrent import check_same, check_shape
from nnc.dialects.types import element_of, shape_of

_INPUT, _WEIGHTS, _RECURRENT, _BIAS, _RECURRENT_BIAS, _HIDDEN = range(6)
_UPDATE, _RESET, _CANDIDATE = range(3)


@irdl_op_definition
class GruOp(ProgramOp):
    """
    A gated recurrent unit in float32, with gates in the order update `z`, reset `r`, candidate.

    Operands: `input` [B, T, I] (with `time_major` [T, B, I]), `weights` [3, U, I], `recurrent`
    [3, U, U], `bias` and `recurrent_bias` [3, U], the state `hidden` [B, U]; results are the
    outputs of all steps and the next state. A step is `h' = z h + (1 - z) activation(W x + b +
    R (r h) + c)`; with `reset_after` the reset gate multiplies the sum instead, `r (R h + c)`. With
    `reverse` the last step is taken first; each output is where its input is. `sum_clip` bounds
    what activations get.

    Source: `GRUCell` in `keras/src/layers/rnn/gru.py`; GRU in ONNX, `linear_before_reset`.

    ```mlir
    %y, %next = nn.gru %x, %w, %r, %b, %c, %h {activation = "tanh", gate_activation = "logistic",
      reset_after} : (tensor<1x8x4xf32>, tensor<3x2x4xf32>, tensor<3x2x2xf32>, tensor<3x2xf32>,
      tensor<3x2xf32>, tensor<1x2xf32>) -> (tensor<1x8x2xf32>, tensor<1x2xf32>)
    ```
    """

    name = "nn.gru"

    input = operand_def(TensorType)
    weights = operand_def(TensorType)
    recurrent = operand_def(TensorType)
    bias = operand_def(TensorType)
    recurrent_bias = operand_def(TensorType)
    hidden = operand_def(TensorType)
    output = result_def(TensorType)
    next_hidden = result_def(TensorType)

    activation = prop_def(StringAttr)
    gate_activation = prop_def(StringAttr)
    reset_after = opt_prop_def(UnitAttr)
    time_major = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)
    sum_clip = opt_prop_def(FloatAttr)

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Batch, time, inputs and units."""
        first, second, depth = shape_of(self.input)
        batch, time = (second, first) if self.time_major is not None else (first, second)
        return batch, time, depth, shape_of(self.recurrent)[1]

    def verify_(self) -> None:
        batch, time, depth, units = self.sizes
        check_shape("weights", self.weights, (3, units, depth))
        check_shape("recurrent weights", self.recurrent, (3, units, units))
        check_shape("a bias", self.bias, (3, units))
        check_shape("a recurrent bias", self.recurrent_bias, (3, units))
        check_shape("a hidden state", self.hidden, (batch, units))
        check_same("a next hidden state", self.next_hidden, self.hidden)
        order = (time, batch) if self.time_major is not None else (batch, time)
        check_shape("an output", self.output, (*order, units))
        for name in (self.activation, self.gate_activation):
            check_activation(name)
        for value in (*self.operands, *self.results):
            if element_of(value) != f32:
                raise VerifyException(f"expected float32 tensors, got {value.type}")

    def macs(self) -> int:
        batch, time, depth, units = self.sizes
        return 3 * batch * time * units * (depth + units)

    def overwrites(self) -> Sequence[tuple[int, int]]:
        return [(_HIDDEN, 1)]

    def temporaries(self) -> Sequence[TensorType[Attribute]]:
        batch, _, _, units = self.sizes
        return [TensorType(f32, [batch, units])] * (1 if self.reset_after is not None else 2)

    def run(self, p: Program[S]) -> None:
        p.copy(_HIDDEN, len(self.operands) + 1)
        take_steps(p, self.sizes[1], self.reverse, lambda t: self._step(p, t))

    def _place(self, t: S, b: S, k: S) -> list[S]:
        """The index of an element of the input or the output."""
        return [t, b, k] if self.time_major is not None else [b, t, k]

    def _activated(self, given: StringAttr, total: S) -> S:
        return activated(given, clipped(total, self.sum_clip))

    def _step(self, p: Program[S], t: S) -> None:
        """All units see the last state before it changes."""
        batch, _, _, units = self.sizes
        output, state, fresh, kept = range(len(self.operands), len(self.operands) + 4)

        def last(b: S, k: S) -> S:
            return p.load(state, [b, k])

        def reset(index: list[S]) -> None:
            b, u = index
            p.store(kept, [b, u], self._gate(p, _RESET, (t, b, u)) * last(b, u))

        def compute(index: list[S]) -> None:
            b, u = index
            update = self._gate(p, _UPDATE, (t, b, u))
            total = self._from_input(p, _CANDIDATE, t, b, u)
            if self.reset_after is not None:
                past = self._from_state(p, _CANDIDATE, u, lambda k: last(b, k))
                past = self._gate(p, _RESET, (t, b, u)) * past
            else:
                past = self._from_state(p, _CANDIDATE, u, lambda k: p.load(kept, [b, k]))
            candidate = self._activated(self.activation, total + past)
            p.store(fresh, [b, u], update * last(b, u) + (1.0 - update) * candidate)

        def emit(index: list[S]) -> None:
            b, u = index
            value = p.load(fresh, [b, u])
            p.store(state, [b, u], value)
            p.store(output, self._place(t, b, u), value)

        if self.reset_after is None:
            p.for_each([batch, units], reset)
        p.for_each([batch, units], compute)
        p.for_each([batch, units], emit)

    def _gate(self, p: Program[S], gate: int, at: tuple[S, S, S]) -> S:
        t, b, u = at
        state = len(self.operands) + 1
        past = self._from_state(p, gate, u, lambda k: p.load(state, [b, k]))
        total = self._from_input(p, gate, t, b, u) + past
        return self._activated(self.gate_activation, total)

    def _from_input(self, p: Program[S], gate: int, t: S, b: S, u: S) -> S:
        row = p.constant(gate, INDEX)

        def term(k: S) -> S:
            return p.load(_INPUT, self._place(t, b, k)) * p.load(_WEIGHTS, [row, u, k])

        return p.load(_BIAS, [row, u]) + p.sum(self.sizes[2], f32, term)

    def _from_state(self, p: Program[S], gate: int, u: S, value: Callable[[S], S]) -> S:
        row = p.constant(gate, INDEX)

        def term(k: S) -> S:
            return value(k) * p.load(_RECURRENT, [row, u, k])

        return p.load(_RECURRENT_BIAS, [row, u]) + p.sum(self.sizes[3], f32, term)
