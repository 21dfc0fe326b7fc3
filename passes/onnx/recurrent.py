"""
Rewrites of recurrent layers: each direction is one op of `nn`.

Source: LSTM, GRU and RNN in ONNX's `docs/Operators.md`; what it leaves open is as ONNX Runtime has
it: activations take their numbers in order, and the clip bounds what the gates' and the candidate's
activations get, not the cell on its way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from xdsl.dialects.builtin import NoneType, StringAttr, TensorType, UnitAttr, f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.activations import Activation
from nnc.dialects.nn.arithmetic import AddOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.gru import GruOp
from nnc.dialects.nn.lstm import LstmOp
from nnc.dialects.nn.rnn import RnnOp
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, make, real
from nnc.passes.onnx.common import concatenated, padded, sliced
from nnc.passes.onnx.lowering import Lowering, Node, rewrite

_BIAS, _LENGTHS, _HIDDEN, _CELL, _PEEPHOLE = range(3, 8)

_ACTIVATIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "affine": ("affine", (1.0, 0.0)),
    "elu": ("elu", (1.0,)),
    "hardsigmoid": ("hard_sigmoid", (0.2, 0.5)),
    "leakyrelu": ("leaky_relu", (0.01,)),
    "relu": ("relu", ()),
    "scaledtanh": ("scaled_tanh", (1.0, 1.0)),
    "sigmoid": ("logistic", ()),
    "softplus": ("softplus", ()),
    "softsign": ("softsign", ()),
    "tanh": ("tanh", ()),
    "thresholdedrelu": ("thresholded_relu", (1.0,)),
}
"""The activations of the specification in lower case, what `nn` calls them, default numbers."""


@dataclass(frozen=True)
class _Part:
    """
    The part of the work that one op does: the steps up to `time` of some samples, in one direction.
    """

    direction: int
    input: SSAValue
    states: Sequence[SSAValue]
    time: int
    batch: int


_Build = Callable[[_Part], Sequence[SSAValue]]
"""The results of the op that does a part of the work: all outputs, then the last states."""


class _Layer:
    """What all recurrent layers share: sequences, weights by gate, activations, results."""

    def __init__(self, node: Node, to: Lowering, gates: int, states: Sequence[int]):
        self.node, self.to = node, to
        self.input = node.value(0)
        if element := _not_float(node):
            raise UnsupportedError(f"expected tensors of float32, got {element}")
        self.batch_first = node.int("layout") == 1
        shape = shape_of(self.input)
        if len(shape) != 3:
            raise UnsupportedError(f"expected an input of three axes, got {shape}")
        self.time, self.batch = shape[1::-1] if self.batch_first else shape[:2]
        direction = node.string("direction", "forward").lower()
        if direction not in ("forward", "reverse", "bidirectional"):
            raise UnsupportedError(f"expected a direction that there is, got '{direction}'")
        self.backwards = {"forward": (False,), "reverse": (True,)}.get(direction, (False, True))
        self.gates = gates
        recurrent = shape_of(node.value(2))
        self.units = recurrent[-1]
        directions = len(self.backwards)
        self.check(1, (directions, gates * self.units, shape[2]))
        self.check(2, (directions, gates * self.units, self.units))
        self.check(_BIAS, (directions, 2 * gates * self.units))
        if node.has("hidden_size") and node.int("hidden_size") != self.units:
            given = node.int("hidden_size")
            raise UnsupportedError(f"expected a hidden_size of {self.units}, got {given}")
        self.states = [self._initial(number) for number in states]
        self.clip = real(node.float("clip")) if node.float("clip") else None

    def check(self, number: int, shape: tuple[int, ...]) -> None:
        """Raises `UnsupportedError` where an operand is there and has another shape."""
        value = self.node.optional(number)
        if value is not None and shape_of(value) != shape:
            name = self.node.op.SIGNATURE.operands[number].name
            raise UnsupportedError(f"expected {name} of {shape}, got {shape_of(value)}")

    def _initial(self, number: int) -> list[SSAValue]:
        """What a state starts with, for each direction [B, U]."""
        count, shape = len(self.backwards), (self.batch, self.units)
        axis = 1 if self.batch_first else 0
        whole = list(shape)
        whole.insert(axis, count)
        self.check(number, tuple(whole))
        given = self.node.optional(number)
        if given is None:
            return [self.to.numbers(np.zeros(shape))] * count
        return [self._row(given, axis, direction) for direction in range(count)]

    def _row(self, value: SSAValue, axis: int, number: int) -> SSAValue:
        """One place of an axis, which is gone then; of constants it is computed."""
        known = self.to.folded(value)
        if known is not None:
            return self.to.numbers(np.ascontiguousarray(known.take(number, axis)))
        shape = list(shape_of(value))
        begin = [number if at == axis else 0 for at in range(len(shape))]
        shape[axis] = 1
        cut = sliced(self.to, value, begin, [1] * len(shape), shape)
        return self.to.reshape(cut, [*shape[:axis], *shape[axis + 1 :]])

    def by_gate(self, value: SSAValue, direction: int, order: Sequence[int]) -> SSAValue:
        """Of [directions, gates * units, ...] some gates of one direction, [gates, units, ...]."""
        row = self._row(value, 0, direction)
        rest = shape_of(row)[1:]
        stacked = self.to.reshape(row, [shape_of(row)[0] // self.units, self.units, *rest])
        if list(order) == list(range(shape_of(stacked)[0])):
            return self._settled(stacked)
        parts = [self.to.reshape(self._row(stacked, 0, k), [1, self.units, *rest]) for k in order]
        return self._settled(concatenated(self.to, parts, 0))

    def _settled(self, value: SSAValue) -> SSAValue:
        """The value as one constant if it is known."""
        known = self.to.folded(value)
        return value if known is None else self.to.numbers(known)

    def biases(self, direction: int, order: Sequence[int]) -> tuple[SSAValue, SSAValue]:
        """What is added to the products with the input, and with the state."""
        given = self.node.optional(_BIAS)
        if given is None:
            zeros = self.to.numbers(np.zeros((len(order), self.units)))
            return zeros, zeros
        later = [self.gates + gate for gate in order]
        return self.by_gate(given, direction, order), self.by_gate(given, direction, later)

    def bias(self, direction: int, order: Sequence[int]) -> SSAValue:
        """The sum of both biases."""
        one, other = self.biases(direction, order)
        return self._settled(self.to.op(AddOp, [one, other], one.type))

    def activations(self, *defaults: str) -> list[list[StringAttr]]:
        """The activations of each direction; numbers belong to those that have some, in order."""
        node, count = self.node, len(defaults)
        names = node.strings("activations") or list(defaults) * len(self.backwards)
        if len(names) < count * len(self.backwards):
            expected = count * len(self.backwards)
            raise UnsupportedError(f"expected {expected} activations, got {len(names)}")
        alphas = iter(node.floats("activation_alpha") or ())
        betas = iter(node.floats("activation_beta") or ())
        names = names[: count * len(self.backwards)]
        found = [_activation(name, alphas, betas) for name in names]
        return [found[k : k + count] for k in range(0, len(found), count)]

    def common(self, direction: int) -> dict[str, Attribute | None]:
        """The properties of an op that all kinds have."""
        return {
            "time_major": flag(not self.batch_first),
            "reverse": flag(self.backwards[direction]),
            "sum_clip": self.clip,
        }

    def insert(
        self,
        kind: type[NnOp],
        part: _Part,
        operands: Sequence[SSAValue | Sequence[SSAValue]],
        properties: dict[str, Attribute | None],
    ) -> Sequence[SSAValue]:
        """The results of an op."""
        order = (part.batch, part.time) if self.batch_first else (part.time, part.batch)
        state = TensorType(f32, [part.batch, self.units])
        types = [TensorType(f32, [*order, self.units]), *[state] * len(part.states)]
        given = {**properties, **self.common(part.direction)}
        return self.to.insert(make(kind, operands, *types, **given)).results

    def results(self, build: _Build) -> list[SSAValue]:
        """The results of the layer, in the order of the specification."""
        found = [self._direction(number, build) for number in range(len(self.backwards))]
        stacked: list[SSAValue] = []
        for number, each in enumerate(zip(*found, strict=True)):
            axis = (2 if self.batch_first else 1) if number == 0 else int(self.batch_first)
            shape = list(shape_of(each[0]))
            shape.insert(axis, 1)
            rows = [self.to.reshape(value, shape) for value in each]
            value = concatenated(self.to, rows, axis)
            if number < len(self.node.op.results):
                result = self.node.op.results[number].type
                if not isinstance(result, NoneType):
                    self.node.like(value, number)
            stacked.append(value)
        return stacked

    def _direction(self, number: int, build: _Build) -> Sequence[SSAValue]:
        """The results of a direction: samples of one length after each other are done together."""
        states = [each[number] for each in self.states]
        whole = _Part(number, self.input, states, self.time, self.batch)
        lengths = self._lengths()
        if lengths is None or set(lengths) == {self.time}:
            return build(whole)
        groups: list[list[SSAValue]] = []
        begin = 0
        for length, each in groupby(lengths):
            count = len(list(each))
            groups.append(self._shorter(whole, begin, count, length, build))
            begin += count
        axes = [0 if self.batch_first else 1, *[0] * len(states)]
        columns = zip(*groups, strict=True)
        return [concatenated(self.to, c, axis) for c, axis in zip(columns, axes, strict=True)]

    def _lengths(self) -> list[int] | None:
        given = self.node.optional(_LENGTHS)
        if given is None:
            return None
        if self.to.folded(given) is None:
            raise UnsupportedError(
                "expected its sequence_lens to be a constant, got a value computed at run time",
                "without them all steps are taken; states as inputs and outputs allow any length",
            )
        lengths = self.to.known_ints(given, "its sequence_lens")
        if len(lengths) != self.batch or not all(0 < it <= self.time for it in lengths):
            expected = f"{self.batch} sequence_lens from 1 to {self.time}"
            raise UnsupportedError(f"expected {expected}, got {lengths}")
        return lengths

    def _shorter(
        self, whole: _Part, begin: int, count: int, length: int, build: _Build
    ) -> list[SSAValue]:
        """Some samples of one length; what comes after their last step is zeros."""
        to = self.to
        batch, time = (0, 1) if self.batch_first else (1, 0)
        shape, start = list(shape_of(whole.input)), [0, 0, 0]
        shape[batch], shape[time], start[batch] = count, length, begin
        input = sliced(to, whole.input, start, [1] * 3, shape)
        states = [
            sliced(to, state, [begin, 0], [1, 1], [count, self.units]) for state in whole.states
        ]
        output, *last = build(replace(whole, input=input, states=states, time=length, batch=count))
        after = [0, 0, 0]
        after[time] = self.time - length
        return [padded(to, output, [0, 0, 0], after, 0.0), *last]


def _not_float(node: Node) -> Attribute | None:
    """The first other element type among the operands that have to be float32."""
    for number in range(len(node.op.operands)):
        value = node.optional(number)
        if value is not None and number != _LENGTHS:
            kind = value.type
            assert isinstance(kind, TensorType)
            if kind.element_type != f32:
                return kind.element_type
    return None


def _activation(name: str, alphas: Iterator[float], betas: Iterator[float]) -> StringAttr:
    """An activation with its numbers, those that are given before those of the specification."""
    if name.lower() not in _ACTIVATIONS:
        known = "Affine Elu HardSigmoid LeakyRelu Relu ScaledTanh Sigmoid Softplus Softsign Tanh"
        raise UnsupportedError(
            f"the activation '{name}' is not supported",
            f"{', '.join(known.split())} and ThresholdedRelu are",
        )
    kind, defaults = _ACTIVATIONS[name.lower()]
    sources = (alphas, betas)
    numbers = [next(source, default) for source, default in zip(sources, defaults, strict=False)]
    return Activation(kind, tuple(float(np.float32(number)) for number in numbers)).attribute


@rewrite("RNN")
def _rnn(node: Node, to: Lowering) -> list[SSAValue]:
    layer = _Layer(node, to, 1, [_HIDDEN])
    chosen = layer.activations("Tanh")

    def build(part: _Part) -> Sequence[SSAValue]:
        d = part.direction
        weights = [layer.by_gate(node.value(number), d, [0]) for number in (1, 2)]
        matrices = [to.reshape(value, shape_of(value)[1:]) for value in weights]
        bias = to.reshape(layer.bias(d, [0]), [layer.units])
        operands = [part.input, *matrices, bias, *part.states]
        return layer.insert(RnnOp, part, operands, {"activation": chosen[d][0]})

    return layer.results(build)


@rewrite("GRU")
def _gru(node: Node, to: Lowering) -> list[SSAValue]:
    """Both have the gates in the order update, reset, candidate."""
    layer = _Layer(node, to, 3, [_HIDDEN])
    chosen = layer.activations("Sigmoid", "Tanh")
    order = range(3)

    def build(part: _Part) -> Sequence[SSAValue]:
        d = part.direction
        weights = [layer.by_gate(node.value(number), d, order) for number in (1, 2)]
        operands = [part.input, *weights, *layer.biases(d, order), *part.states]
        gate, candidate = chosen[d]
        properties: dict[str, Attribute | None] = {
            "activation": candidate,
            "gate_activation": gate,
            "reset_after": flag(bool(node.int("linear_before_reset"))),
        }
        return layer.insert(GruOp, part, operands, properties)

    return layer.results(build)


@rewrite("LSTM")
def _lstm(node: Node, to: Lowering) -> list[SSAValue]:
    """ONNX has the gates in the order input, output, forget, cell, and peepholes of the first 3."""
    layer = _Layer(node, to, 4, [_HIDDEN, _CELL])
    chosen = layer.activations("Sigmoid", "Tanh", "Tanh")
    coupled = bool(node.int("input_forget"))
    order, seeing = ((0, 3, 1), (0, 1)) if coupled else ((0, 2, 3, 1), (0, 2, 1))
    peephole = node.optional(_PEEPHOLE)
    layer.check(_PEEPHOLE, (len(layer.backwards), 3 * layer.units))

    def build(part: _Part) -> Sequence[SSAValue]:
        d = part.direction
        weights = [layer.by_gate(node.value(number), d, order) for number in (1, 2)]
        extras = () if peephole is None else (layer.by_gate(peephole, d, seeing),)
        gate, candidate, output = chosen[d]
        properties: dict[str, Attribute | None] = {
            "activation": candidate,
            "gate_activation": None if gate.data == "logistic" else gate,
            "output_activation": None if output == candidate else output,
            "input_forget": flag(coupled),
            "peephole": None if peephole is None else UnitAttr(),
        }
        operands = [part.input, *weights, layer.bias(d, order), *part.states, extras]
        return layer.insert(LstmOp, part, operands, properties)

    return layer.results(build)
