"""
Long short-term memory: a sequence of steps, each with gates over the input and the last output.

All gates are in one tensor of weights, in the order input, forget, cell, output; without an input
gate ("coupled") its place is taken by one minus the forget gate, and without a forget gate
(`input_forget`) its place by one minus the input gate. Optional parts are operands behind
the fixed ones, in the order of the flags that announce them: `peephole`, `normalized`, `projected`,
`projection_bias`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, StringAttr, TensorType, UnitAttr, f32, i8, i32
from xdsl.ir import Attribute
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.activations import activated, check_activation
from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import S
from nnc.dialects.nn.checks import Kind, check_element, check_kind
from nnc.dialects.nn.dynamic import Quantized, quantize_rows
from nnc.dialects.nn.program import Program, ProgramOp
from nnc.dialects.nn.recurrent import check_same, check_shape
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of

GATES = ("input", "forget", "cell", "output")
INPUT, WEIGHTS, RECURRENT, BIAS, HIDDEN, CELL = range(6)
"""The numbers of the operands that every LSTM has."""

_OPTIONAL = ("peephole", "normalized", "projected", "projection_bias")


class LstmBase(ProgramOp, ABC):
    """
    What all LSTMs share: I inputs, U units, P outputs, G gates (4, or 3 when coupled).

    Operands: `input` [B, T, I] (with `time_major` [T, B, I]), `weights` [G, U, I], `recurrent`
    [G, U, P], `bias` [G, U], the states `hidden` [B, P] and `cell` [B, U], then as announced
    peephole weights [G - 1, U] (for all gates but that of the cell), normalisation coefficients
    [G, U], projection weights [P, U] and a projection bias [P]. Results: the outputs of all steps,
    and the next states. With `reverse` the last step is taken first; each output is where its input
    is.
    """

    input = operand_def(TensorType)
    weights = operand_def(TensorType)
    recurrent = operand_def(TensorType)
    bias = operand_def(TensorType)
    hidden = operand_def(TensorType)
    cell = operand_def(TensorType)
    extras = var_operand_def(TensorType)
    output = result_def(TensorType)
    next_hidden = result_def(TensorType)
    next_cell = result_def(TensorType)

    time_major = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)
    peephole = opt_prop_def(UnitAttr)
    normalized = opt_prop_def(UnitAttr)
    projected = opt_prop_def(UnitAttr)
    projection_bias = opt_prop_def(UnitAttr)

    PER_AXIS: ClassVar = ("weights", "recurrent", "extras")

    @abstractmethod
    def gate_sum(self, p: Program[S], gate: str, at: tuple[S, S, S], cell: S | None) -> S:
        """
        The weighted sum of a gate at (time, batch, unit), before normalisation and activation;
        `cell` is what a peephole sees.
        """

    @abstractmethod
    def normalize(self, p: Program[S], gate: str) -> None:
        """Normalises and activates the gate's sums in the temporary `gates`, for all batches."""

    @abstractmethod
    def activate(self, gate: str, total: S) -> S:
        """A gate from its sum."""

    @abstractmethod
    def next_of_cell(self, cell: S, forget: S | None, entry: S | None, candidate: S) -> S:
        """
        The cell as it is stored, from its last value and the gates; coupled, without an input gate
        `entry` or without a forget gate.
        """

    @abstractmethod
    def product(self, p: Program[S], output: S, cell: S) -> S:
        """The output gate times the activated cell, as the temporary `product` holds it."""

    @abstractmethod
    def project(self, p: Program[S], b: S, k: S) -> S:
        """An output from the products of all units."""

    @property
    @abstractmethod
    def working_types(self) -> tuple[Attribute, Attribute]:
        """The element types of the temporaries `product` and `gates`."""

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Batch, time, inputs, units and outputs."""
        first, second, depth = shape_of(self.input)
        batch, time = (second, first) if self.time_major is not None else (first, second)
        _, units, outputs = shape_of(self.recurrent)
        return batch, time, depth, units, outputs

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates that have weights, in the order of the weights."""
        return GATES if shape_of(self.weights)[0] == len(GATES) else GATES[1:]

    def extra(self, flag: str) -> int | None:
        """The number of the optional operand that a flag announces; None where it is left out."""
        present = [name for name in _OPTIONAL if getattr(self, name) is not None]
        return 6 + present.index(flag) if flag in present else None

    def peephole_row(self, gate: str) -> int | None:
        """The row of the peephole weights of a gate, if it has any."""
        seeing = [name for name in self.gates if name != "cell"]
        return seeing.index(gate) if self.peephole is not None and gate in seeing else None

    def verify_(self) -> None:
        batch, time, depth, units, outputs = self.sizes
        count = shape_of(self.weights)[0]
        if count not in (3, 4):
            raise VerifyException(f"expected weights of 3 or 4 gates, got {count}")
        check_shape("weights", self.weights, (count, units, depth))
        check_shape("recurrent weights", self.recurrent, (count, units, outputs))
        check_shape("a bias", self.bias, (count, units))
        check_shape("a hidden state", self.hidden, (batch, outputs))
        check_shape("a cell state", self.cell, (batch, units))
        check_same("a next hidden state", self.next_hidden, self.hidden)
        check_same("a next cell state", self.next_cell, self.cell)
        order = (time, batch) if self.time_major is not None else (batch, time)
        check_shape("an output", self.output, (*order, outputs))
        shapes = {
            "peephole": (count - 1, units),
            "normalized": (count, units),
            "projected": (outputs, units),
            "projection_bias": (outputs,),
        }
        if len(self.extras) != sum(getattr(self, name) is not None for name in _OPTIONAL):
            raise VerifyException(f"expected an operand for each flag, got {len(self.extras)}")
        for name, shape in shapes.items():
            number = self.extra(name)
            if number is not None:
                check_shape(f"an operand for {name}", self.operands[number], shape)
        if self.projected is None and (units != outputs or self.projection_bias is not None):
            raise VerifyException(f"expected a projection of {units} units to {outputs} outputs")

    def macs(self) -> int:
        batch, time, depth, units, outputs = self.sizes
        gates = len(self.gates) * units * (depth + outputs)
        return batch * time * (gates + (units * outputs if self.projected is not None else 0))

    def overwrites(self) -> Sequence[tuple[int, int]]:
        return [(HIDDEN, 1), (CELL, 2)]

    def temporaries(self) -> Sequence[TensorType[Attribute]]:
        batch, _, _, units, _ = self.sizes
        product, gates = self.working_types
        found = [TensorType(product, [batch, units])]
        if self.normalized is not None:
            found.append(TensorType(gates, [len(self.gates), batch, units]))
        return found

    def buffer(self, name: str) -> int:
        """The number of a result or temporary of the program."""
        names = ("output", "hidden", "cell", "product", "gates")
        return len(self.operands) + names.index(name)

    def input_at(self, p: Program[S], t: S, b: S, k: S) -> S:
        """A stored input."""
        return p.load(INPUT, [t, b, k] if self.time_major is not None else [b, t, k])

    def run(self, p: Program[S]) -> None:
        p.copy(HIDDEN, self.buffer("hidden"))
        p.copy(CELL, self.buffer("cell"))
        take_steps(p, self.sizes[1], self.reverse, lambda t: self.step(p, t))

    def step(self, p: Program[S], t: S) -> None:
        """One step: the next states, and the output."""
        batch, _, _, units, outputs = self.sizes
        if self.normalized is None:
            p.for_each([batch, units], lambda index: self._unit(p, t, index[0], index[1]))
        else:
            self._normalized_step(p, t)
        self.before_output(p)

        def emit(index: list[S]) -> None:
            b, k = index
            projected = self.projected is not None
            value = self.project(p, b, k) if projected else p.load(self.buffer("product"), [b, k])
            p.store(self.buffer("hidden"), [b, k], value)
            order = [t, b, k] if self.time_major is not None else [b, t, k]
            p.store(self.buffer("output"), order, value)

        p.for_each([batch, outputs], emit)

    def before_output(self, p: Program[S]) -> None:
        """What is to be done between the products of a step and its outputs."""
        return

    def _unit(self, p: Program[S], t: S, b: S, u: S) -> None:
        """One unit, all of whose gates are independent of those of others."""

        def gate(name: str, cell: S | None) -> S:
            return self.activate(name, self.gate_sum(p, name, (t, b, u), cell))

        before = p.load(self.buffer("cell"), [b, u])
        entry = gate("input", before) if "input" in self.gates else None
        forget = gate("forget", before) if "forget" in self.gates else None
        after = self.next_of_cell(before, forget, entry, gate("cell", None))
        p.store(self.buffer("cell"), [b, u], after)
        value = self.product(p, gate("output", after), after)
        p.store(self.buffer("product"), [b, u], value)

    def _normalized_step(self, p: Program[S], t: S) -> None:
        """All units gate by gate: normalisation looks at all of them."""
        batch, _, _, units, _ = self.sizes
        cells, gates = self.buffer("cell"), self.buffer("gates")

        def load(name: str, b: S, u: S) -> S:
            return p.load(gates, [p.constant(self.gates.index(name), INDEX), b, u])

        def fill(name: str) -> None:
            row = p.constant(self.gates.index(name), INDEX)

            def element(index: list[S]) -> None:
                b, u = index
                cell = p.load(cells, [b, u]) if self.peephole_row(name) is not None else None
                p.store(gates, [row, b, u], self.gate_sum(p, name, (t, b, u), cell))

            p.for_each([batch, units], element)
            self.normalize(p, name)

        def update(index: list[S]) -> None:
            b, u = index
            entry = load("input", b, u) if "input" in self.gates else None
            forget = load("forget", b, u) if "forget" in self.gates else None
            before, candidate = p.load(cells, [b, u]), load("cell", b, u)
            p.store(cells, [b, u], self.next_of_cell(before, forget, entry, candidate))

        def multiply(index: list[S]) -> None:
            b, u = index
            value = self.product(p, load("output", b, u), p.load(cells, [b, u]))
            p.store(self.buffer("product"), [b, u], value)

        for name in self.gates[:-1]:
            fill(name)
        p.for_each([batch, units], update)
        fill("output")
        p.for_each([batch, units], multiply)


class FloatLstm(LstmBase, ABC):
    """
    What LSTMs with a float state share. `activation` is that of the candidate and, unless there is
    an `output_activation`, of the cell on its way out; gates are `logistic` unless there is a
    `gate_activation`. `sum_clip` bounds what the candidate's and the gates' activations get.
    """

    activation = prop_def(StringAttr)
    gate_activation = opt_prop_def(StringAttr)
    output_activation = opt_prop_def(StringAttr)
    input_forget = opt_prop_def(UnitAttr)
    sum_clip = opt_prop_def(FloatAttr)
    cell_clip = opt_prop_def(FloatAttr)
    projection_clip = opt_prop_def(FloatAttr)

    def verify_(self) -> None:
        super().verify_()
        for name in (self.activation, self.gate_activation, self.output_activation):
            check_activation(name)
        if self.input_forget is not None and shape_of(self.weights)[0] != len(GATES) - 1:
            raise VerifyException(f"expected weights of 3 gates, got {shape_of(self.weights)[0]}")
        for value in (self.input, self.hidden, self.cell, self.output, self.bias):
            if element_of(value) != f32:
                raise VerifyException(f"expected float32 tensors, got {value.type}")

    @property
    def working_types(self) -> tuple[Attribute, Attribute]:
        return f32, f32

    @property
    def gates(self) -> tuple[str, ...]:
        if self.input_forget is None:
            return super().gates
        return tuple(name for name in GATES if name != "forget")

    def activate(self, gate: str, total: S) -> S:
        total = clipped(total, self.sum_clip)
        if gate == "cell":
            return activated(self.activation, total)
        given = self.gate_activation
        return activated(StringAttr("logistic") if given is None else given, total)

    def next_of_cell(self, cell: S, forget: S | None, entry: S | None, candidate: S) -> S:
        if entry is None:
            assert forget is not None, "one of the two gates is there"
            entry = 1.0 - forget
        kept = 1.0 - entry if forget is None else forget
        return clipped(kept * cell + candidate * entry, self.cell_clip)

    def product(self, p: Program[S], output: S, cell: S) -> S:
        given = self.output_activation
        return output * activated(self.activation if given is None else given, cell)

    def normalize(self, p: Program[S], gate: str) -> None:
        batch, _, _, units, _ = self.sizes
        gates, coefficients = self.buffer("gates"), self.extra("normalized")
        assert coefficients is not None
        row = p.constant(self.gates.index(gate), INDEX)

        def normalized(outer: list[S]) -> None:
            (b,) = outer
            mean = p.sum(units, f32, lambda u: p.load(gates, [row, b, u])) / float(units)

            def square(u: S) -> S:
                difference = p.load(gates, [row, b, u]) - mean
                return difference * difference

            variance = p.sum(units, f32, square) / float(units)
            inverse = 1.0 / (variance + 1e-8).math("sqrt")

            def element(index: list[S]) -> None:
                (u,) = index
                value = (p.load(gates, [row, b, u]) - mean) * inverse
                value = value * p.load(coefficients, [row, u]) + p.load(BIAS, [row, u])
                p.store(gates, [row, b, u], self.activate(gate, value))

            p.for_each([units], element)

        p.for_each([batch], normalized)

    def start(self, p: Program[S], row: S, u: S) -> S:
        """What a gate's sum starts with: its bias, unless that is added after normalisation."""
        return p.load(BIAS, [row, u]) if self.normalized is None else p.constant(0.0, f32)

    def projection_start(self, p: Program[S], k: S) -> S:
        """What an output's sum starts with."""
        bias = self.extra("projection_bias")
        return p.constant(0.0, f32) if bias is None else p.load(bias, [k])


@irdl_op_definition
class LstmOp(FloatLstm):
    """
    An LSTM in float32.

    Source: `LstmStepFloat` in TFLite's `kernels/lstm_eval.cc`.

    ```mlir
    %y, %h1, %c1 = nn.lstm %x, %w, %r, %b, %h, %c {activation = "tanh"}
      : (tensor<1x8x4xf32>, tensor<4x2x4xf32>, tensor<4x2x2xf32>, tensor<4x2xf32>, tensor<1x2xf32>,
         tensor<1x2xf32>) -> (tensor<1x8x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>)
    ```
    """

    name = "nn.lstm"

    def verify_(self) -> None:
        super().verify_()
        for value in (self.weights, self.recurrent, *self.extras):
            check_element("weights", value, f32)

    def gate_sum(self, p: Program[S], gate: str, at: tuple[S, S, S], cell: S | None) -> S:
        _, _, depth, _, outputs = self.sizes
        t, b, u = at
        row = p.constant(self.gates.index(gate), INDEX)

        def from_input(k: S) -> S:
            return self.input_at(p, t, b, k) * p.load(WEIGHTS, [row, u, k])

        def from_output(k: S) -> S:
            return p.load(self.buffer("hidden"), [b, k]) * p.load(RECURRENT, [row, u, k])

        total = self.start(p, row, u) + p.sum(depth, f32, from_input)
        total = total + p.sum(outputs, f32, from_output)
        peephole, seen = self.extra("peephole"), self.peephole_row(gate)
        if peephole is None or seen is None or cell is None:
            return total
        return total + p.load(peephole, [p.constant(seen, INDEX), u]) * cell

    def project(self, p: Program[S], b: S, k: S) -> S:
        weights = self.extra("projected")
        assert weights is not None

        def term(u: S) -> S:
            return p.load(self.buffer("product"), [b, u]) * p.load(weights, [k, u])

        total = self.projection_start(p, k) + p.sum(self.sizes[3], f32, term)
        return clipped(total, self.projection_clip)


@irdl_op_definition
class DynamicLstmOp(FloatLstm):
    """
    An LSTM with a float state and 8-bit weights: input, last output and what is projected are
    quantised in every step, as by `nn.dynamic_quantize`.

    Source: `LstmStepHybrid` in TFLite's `kernels/lstm_eval.cc`.

    ```mlir
    %y, %h1, %c1 = nn.dynamic_lstm %x, %w, %r, %b, %h, %c {activation = "tanh", asymmetric}
      : (tensor<1x8x4xf32>, tensor<4x2x4x!quant.uniform<i8:f32:0, {0.1, 0.2, 0.1, 0.1}>>,
         tensor<4x2x2x!quant.uniform<i8:f32:0, {0.1, 0.2, 0.1, 0.1}>>, tensor<4x2xf32>,
         tensor<1x2xf32>, tensor<1x2xf32>)
      -> (tensor<1x8x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>)
    ```
    """

    name = "nn.dynamic_lstm"

    asymmetric = opt_prop_def(UnitAttr)

    def verify_(self) -> None:
        super().verify_()
        for value in (self.weights, self.recurrent):
            check_kind("weights", value, Kind.QUANTIZED_4 | Kind.QUANTIZED_8)
        for value in self.extras:
            check_kind("weights", value, Kind.F32 | Kind.QUANTIZED_4 | Kind.QUANTIZED_8)

    def temporaries(self) -> Sequence[TensorType[Attribute]]:
        batch, _, depth, units, outputs = self.sizes
        found = list(super().temporaries())
        for width in (depth, outputs, units)[: 2 if self.projected is None else 3]:
            found.append(TensorType(i8, [batch, width]))
            found += [TensorType(f32, [batch]), TensorType(i32, [batch])]
        return found

    def quantized(self, which: int) -> Quantized:
        """The buffers of the quantised input (0), output (1) and product (2)."""
        first = len(self.operands) + 3 + len(super().temporaries()) + 3 * which
        return Quantized(first, first + 1, first + 2)

    def step(self, p: Program[S], t: S) -> None:
        batch, _, depth, _, outputs = self.sizes
        asymmetric = self.asymmetric is not None
        quantize_rows(
            p,
            (batch, depth),
            lambda b, k: self.input_at(p, t, b, k),
            self.quantized(0),
            asymmetric=asymmetric,
        )
        quantize_rows(
            p,
            (batch, outputs),
            lambda b, k: p.load(self.buffer("hidden"), [b, k]),
            self.quantized(1),
            asymmetric=asymmetric,
        )
        super().step(p, t)

    def before_output(self, p: Program[S]) -> None:
        batch, _, _, units, _ = self.sizes
        if self.projected is not None:
            quantize_rows(
                p,
                (batch, units),
                lambda b, u: p.load(self.buffer("product"), [b, u]),
                self.quantized(2),
                asymmetric=self.asymmetric is not None,
            )

    def gate_sum(self, p: Program[S], gate: str, at: tuple[S, S, S], cell: S | None) -> S:
        _, _, depth, _, outputs = self.sizes
        _, b, u = at
        number = self.gates.index(gate)
        row = p.constant(number, INDEX)
        total = self.start(p, row, u)
        for which, operand, width in ((0, WEIGHTS, depth), (1, RECURRENT, outputs)):

            def weight(k: S, operand: int = operand) -> S:
                return p.load(operand, [row, u, k])

            total = total + self._scaled(p, which, width, b, weight, self.scale(operand, number))
        peephole, seen = self.extra("peephole"), self.peephole_row(gate)
        if peephole is None or seen is None or cell is None:
            return total
        code = p.load(peephole, [p.constant(seen, INDEX), u])
        return total + code.to(f32) * self.scale(peephole, seen) * cell

    def project(self, p: Program[S], b: S, k: S) -> S:
        weights = self.extra("projected")
        assert weights is not None
        total = self.projection_start(p, k) + self._scaled(
            p, 2, self.sizes[3], b, lambda u: p.load(weights, [k, u]), self.scale(weights, 0)
        )
        return clipped(total, self.projection_clip)

    def scale(self, operand: int, row: int) -> float:
        """The scale of the weights of one gate."""
        kind = element_of(self.operands[operand])
        assert isinstance(kind, UniformQuantizedType), f"expected quantised weights, got {kind}"
        return float(kind.scales[row % len(kind.scales)])

    def _scaled(
        self, p: Program[S], which: int, width: int, b: S, weight: Callable[[S], S], scale: float
    ) -> S:
        asymmetric = self.asymmetric is not None
        return scaled_sum(p, self.quantized(which), (b, width), weight, scale, asymmetric)


def scaled_sum(
    p: Program[S],
    source: Quantized,
    row: tuple[S, int],
    weight: Callable[[S], S],
    scale: float,
    asymmetric: bool,
) -> S:
    """
    The product of a row of activations that were quantised at run time and 8-bit weights of one
    scale, as a float; `row` is its number and width.
    """
    b, width = row
    point = p.load(source.zero_points, [b]) if asymmetric else None

    def term(k: S) -> S:
        code = p.load(source.codes, [b, k]).to(i32)
        return (code if point is None else code - point) * weight(k).to(i32)

    return p.sum(width, i32, term).to(f32) * (p.load(source.scales, [b]) * scale)


def clipped(x: S, bound: FloatAttr | None) -> S:
    """A float between minus a bound and the bound, where there is one."""
    return x if bound is None else x.clamp(-bound.value.data, bound.value.data)


def take_steps(
    p: Program[S], count: int, reverse: UnitAttr | None, step: Callable[[S], None]
) -> None:
    """Takes all steps of a sequence, the last one first with `reverse`."""
    p.repeat(count, lambda t: step(t if reverse is None else (count - 1) - t))
