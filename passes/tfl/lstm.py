"""Rewrites of LSTMs: the weights of all gates become one tensor, states become values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import (
    DenseArrayBase,
    NoneType,
    StringAttr,
    TensorType,
    f32,
    i32,
)
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.lstm import DynamicLstmOp, LstmOp
from nnc.dialects.nn.lstm_integer import IntegerLstmOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import recurrent as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, integer, make, real
from nnc.passes.tfl.hybrid import is_hybrid
from nnc.passes.tfl.lowering import Lowering, is_float, quantized, rewrite
from nnc.passes.tfl.recurrent import symmetric
from nnc.passes.tfl.variables import state, update

_GATES = ("input", "forget", "cell", "output")
_HIDDEN_INTERMEDIATE = 4

ACTIVATIONS: Mapping[str, str] = {
    "NONE": "identity",
    "RELU": "relu",
    "RELU6": "relu6",
    "RELU_N1_TO_1": "relu_n1_to_1",
    "TANH": "tanh",
}
"""Activations by their name in `nn.lstm`."""


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
        self.gates = _GATES[1:] if self.coupled else _GATES
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
            found["peephole"] = self._peephole(self._stacked(names, "peephole weights"), outputs)
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

    def _peephole(self, weights: SSAValue, outputs: int) -> SSAValue:
        """
        The integer kernel takes the number of outputs for that of units, so that only the first of
        these see the cell. With several batches at once it would mix them up.
        """
        units = shape_of(weights)[1]
        if not self.integer or units == outputs:
            return weights
        batches = shape_of(self.input)[1 if self.time_major else 0]
        if outputs > units or (self.time_major and batches > 1):
            raise UnsupportedError(
                f"peepholes of {units} units with a projection to {outputs} outputs are undefined "
                "in the reference kernel",
                "as many outputs as units work",
            )
        self.to.remark(
            "only the first units have working peepholes, one for each output, as in the reference "
            "kernel"
        )
        values = np.array(self.to.known(weights, "peephole weights"))
        values[:, outputs:] = 0
        return self.to.constant(values, element_of(weights))

    def _properties(
        self, hidden: SSAValue, cell: SSAValue, result: TensorType[Attribute]
    ) -> dict[str, Attribute | None]:
        op = self.op
        cell_clip, projection_clip = op.cell_clip.value.data, op.proj_clip.value.data
        if min(cell_clip, projection_clip) < 0:
            raise UnsupportedError("expected clips of at least 0")
        if self.integer:
            return self._integer_properties(hidden, cell, result)
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

    def _integer_properties(
        self, hidden: SSAValue, cell: SSAValue, result: TensorType[Attribute]
    ) -> dict[str, Attribute | None]:
        op = self.op
        if self.to.micro:
            raise UnsupportedError(
                "the arithmetic of TFLite Micro's integer LSTM is not supported",
                "--numerics tflite gives that of TFLite",
            )
        quantized(self.input, 8)
        held, cells = quantized(hidden, 8), quantized(cell, 16)
        target = result.element_type
        if not isinstance(target, UniformQuantizedType) or target.storage != held.storage:
            raise UnsupportedError(f"expected a result quantised to int8, got {target}")
        mantissa, exponent = np.frexp(cells.scale)
        if mantissa != 0.5 or not -15 <= exponent - 1 <= -9:
            raise UnsupportedError(
                f"expected a cell state scaled by 2^-15 to 2^-9, got {cells.scale}"
            )
        product = self._intermediate(_HIDDEN_INTERMEDIATE)
        point = product.zero_point
        if not isinstance(op.projection_weights.type, NoneType):
            # The kernel subtracts this zero point where it should add it, and adds it back later.
            point = -point
        scales = None
        if not isinstance(op.forget_layer_norm_coefficients.type, NoneType):
            numbers = [_GATES.index(gate) for gate in self.gates]
            found = [self._intermediate(number).scale for number in numbers]
            scales = DenseArrayBase.from_list(f32, found)
        return {
            "product_type": UniformQuantizedType.per_tensor(held.storage, product.scale, point),
            "gate_scales": scales,
            "cell_clip": _stored_clip(op.cell_clip.value.data, cells, 16),
            "projection_clip": _stored_clip(op.proj_clip.value.data, target, 8),
        }

    def _intermediate(self, number: int) -> UniformQuantizedType:
        """The type of one of the intermediate results that the file describes."""
        kinds = self.op.intermediates
        kind = kinds.data[number] if kinds is not None and len(kinds.data) > number else None
        element = element_of(kind) if kind is not None else None
        if not isinstance(element, UniformQuantizedType) or element.axis is not None:
            raise UnsupportedError(
                f"expected the quantisation of intermediate result {number}, which the integer "
                "kernel needs",
                "a current converter writes it",
            )
        return element


def _stored_clip(bound: float, kind: UniformQuantizedType, bits: int) -> Attribute | None:
    """A clip in stored units, as the kernel truncates it; none where it is 0."""
    if bound <= 0:
        return None
    largest = (1 << (bits - 1)) - 1
    stored = min(int(np.float32(bound) / np.float32(kind.scale)), largest)
    return integer(stored) if stored > 0 else None
