"""Rewrites of LSTMs: the weights of all gates become one tensor, states become values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import (
    NoneType,
    StringAttr,
    TensorType,
    f32,
    i32,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.lstm import GATES, DynamicLstmOp, LstmOp
from nnc.dialects.nn.lstm_integer import IntegerLstmOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import recurrent as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, make, real
from nnc.passes.tfl.hybrid import is_hybrid
from nnc.passes.tfl.lowering import Lowering, is_float, rewrite
from nnc.passes.tfl.lstm_integer import integer_peephole, integer_properties
from nnc.passes.tfl.recurrent import ACTIVATIONS, symmetric
from nnc.passes.tfl.variables import state, update


def gate_tensor(to: Lowering, values: Sequence[SSAValue], what: str) -> SSAValue:
    """Constants of one shape as one, along a new first axis; quantised ones keep their scales."""
    arrays = [to.known(value, what) for value in values]
    if len({(array.shape, array.dtype) for array in arrays}) > 1:
        raise UnsupportedError(f"expected {what} of one type for all gates")
    kinds = [element_of(value) for value in values]
    quantized_kinds = [kind for kind in kinds if isinstance(kind, UniformQuantizedType)]
    element = kinds[0]
    if quantized_kinds and len(quantized_kinds) == len(kinds):
        scales = [kind.scale for kind in quantized_kinds]
        storage = quantized_kinds[0].storage
        element = UniformQuantizedType.per_axis(storage, 0, scales, [0] * len(scales))
    return to.constant(np.stack(arrays), element)


@rewrite(source.UnidirectionalSequenceLstmOp)
def _sequence(op: source.UnidirectionalSequenceLstmOp, to: Lowering) -> SSAValue:
    if bool(op.diagonal_recurrent_tensors.value.data):
        raise UnsupportedError("diagonal recurrent weights are not supported", "matrices are")
    return _Layer(op, to, bool(op.time_major.value.data)).build()


@rewrite(source.LstmOp)
def _one_step(op: source.LstmOp, to: Lowering) -> SSAValue:
    return _Layer(op, to, time_major=True).build()


class _Layer:
    """An LSTM with peepholes, projection and normalisation where the file has them."""

    def __init__(
        self,
        op: source.UnidirectionalSequenceLstmOp | source.LstmOp,
        to: Lowering,
        time_major: bool,
    ):
        self.op, self.to, self.time_major = op, to, time_major
        self.input = to.value(op.input)
        self.coupled = isinstance(op.input_to_input_weights.type, NoneType)
        self.gates = GATES[1:] if self.coupled else GATES
        self.hybrid = is_hybrid(self.input, to.value(op.input_to_output_weights))
        self.integer = not is_float(self.input)

    def build(self) -> SSAValue:
        op, to = self.op, self.to
        hidden, cell = state(to, op.output_state).value, state(to, op.cell_state).value
        input, result = self._sequence(hidden)
        weights = self._gates("input_to_{}_weights", "input weights", matrices=True)
        recurrent = self._gates("recurrent_to_{}_weights", "recurrent weights", matrices=True)
        bias = self._bias()
        flags, extras = self._extras(shape_of(recurrent)[2])
        properties = {**flags, **self._properties(hidden, cell, result)}
        kind: type[NnOp] = LstmOp
        if self.integer:
            kind = IntegerLstmOp
        elif self.hybrid:
            kind = DynamicLstmOp
        layer = make(
            kind,
            [input, weights, recurrent, bias, hidden, cell, extras],
            result,
            hidden.type,
            cell.type,
            time_major=flag(self.time_major),
            **properties,
        )
        output, next_hidden, next_cell = to.insert(layer).results
        update(to, op.output_state, next_hidden)
        update(to, op.cell_state, next_cell)
        return to.reshape(output, self._result_shape(hidden))

    def _sequence(self, hidden: SSAValue) -> tuple[SSAValue, TensorType[Attribute]]:
        """The input with its time axis, and the type of the output with it."""
        shape = list(shape_of(self.input))
        if len(shape) not in (2, 3):
            raise UnsupportedError(f"expected an input of 2 or 3 dimensions, got {len(shape)}")
        if len(shape) == 2:
            shape.insert(0 if self.time_major else 1, 1)
        kind = self.to.result(self.op.output, self._result_shape(hidden))
        full = TensorType(kind.element_type, [*shape[:2], shape_of(hidden)[1]])
        return self.to.reshape(self.input, shape), full

    def _result_shape(self, hidden: SSAValue) -> list[int]:
        return [*shape_of(self.input)[:-1], shape_of(hidden)[1]]

    def _value(self, name: str) -> SSAValue | None:
        operand: SSAValue = getattr(self.op, name)
        return self.to.optional(operand)

    def _gates(self, pattern: str, what: str, *, matrices: bool = False) -> SSAValue:
        """A parameter that every gate has; `pattern` is the name of its operand."""
        return self._stacked([pattern.format(gate) for gate in self.gates], what, matrices)

    def _stacked(self, names: Sequence[str], what: str, matrices: bool = False) -> SSAValue:
        values = [self._value(name) for name in names]
        found = [value for value in values if value is not None]
        if len(found) < len(values):
            raise UnsupportedError(f"expected {what} for every gate")
        if matrices and any(len(shape_of(value)) != 2 for value in found):
            raise UnsupportedError(f"expected matrices as {what}", "diagonal ones do not work")
        if not is_float(found[0]) and isinstance(element_of(found[0]), UniformQuantizedType):
            found = [symmetric(self.to, value, 8, 16) for value in found]
        return gate_tensor(self.to, found, what)

    def _bias(self) -> SSAValue:
        values = [self._value(f"{gate}_gate_bias") for gate in self.gates]
        found = [self.to.stored(value) for value in values if value is not None]
        wanted = i32 if self.integer else f32
        if len(found) < len(values) or any(element_of(value) != wanted for value in found):
            raise UnsupportedError(f"expected a bias of {wanted} for every gate")
        return gate_tensor(self.to, found, "biases")

    def _extras(self, outputs: int) -> tuple[dict[str, Attribute | None], list[SSAValue]]:
        """The optional parts that the file has: their flags and operands."""
        units = shape_of(self.to.value(self.op.input_to_output_weights))[0]
        found: dict[str, SSAValue] = {}
        if self._value("cell_to_output_weights") is not None:
            names = [f"cell_to_{gate}_weights" for gate in self.gates if gate != "cell"]
            found["peephole"] = self._peephole(names, outputs)
        if self._value("forget_layer_norm_coefficients") is not None:
            pattern = "{}_layer_norm_coefficients"
            found["normalized"] = self._gates(pattern, "normalisation coefficients")
        projection, bias = self._value("projection_weights"), self._value("projection_bias")
        if projection is not None:
            quantized_weights = self.integer or self.hybrid
            found["projected"] = (
                symmetric(self.to, projection, 8) if quantized_weights else projection
            )
        elif units != outputs:
            raise UnsupportedError(f"expected a projection of {units} units to {outputs} outputs")
        if bias is not None:
            found["projection_bias"] = self.to.stored(bias)
        return {name: flag(True) for name in found}, list(found.values())

    def _peephole(self, names: Sequence[str], outputs: int) -> SSAValue:
        weights = self._stacked(names, "peephole weights")
        if not self.integer:
            return weights
        # Without time first, the kernel runs one batch after the other.
        batches = shape_of(self.to.value(self.op.output_state))[0] if self.time_major else 1
        return integer_peephole(self.to, weights, outputs, batches)

    def _properties(
        self, hidden: SSAValue, cell: SSAValue, result: TensorType[Attribute]
    ) -> dict[str, Attribute | None]:
        op = self.op
        cell_clip, projection_clip = op.cell_clip.value.data, op.proj_clip.value.data
        if min(cell_clip, projection_clip) < 0:
            raise UnsupportedError("expected clips of at least 0")
        if self.integer:
            return integer_properties(op, self.to, self.gates, (self.input, hidden, cell), result)
        for value in (hidden, cell):
            if not is_float(value):
                raise UnsupportedError(f"expected a float32 state, got {element_of(value)}")
        activation = ACTIVATIONS.get(op.fused_activation_function.data)
        if activation is None:
            name = op.fused_activation_function.data
            raise UnsupportedError(f"the activation {name} is not supported", "TANH is")
        asymmetric = self.hybrid and bool(op.asymmetric_quantize_inputs.value.data)
        return {
            "activation": StringAttr(activation),
            "cell_clip": real(cell_clip) if cell_clip > 0 else None,
            "projection_clip": real(projection_clip) if projection_clip > 0 else None,
            **({"asymmetric": flag(True)} if asymmetric else {}),
        }
