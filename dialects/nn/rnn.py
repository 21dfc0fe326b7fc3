"""Plain recurrent layers: activation(W x + R h + b), the result being the next h."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, StringAttr, TensorType, UnitAttr, f32, i8, i32
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.activations import activated, check_activation
from nnc.dialects.nn.base import S
from nnc.dialects.nn.checks import Kind, check_element, check_kind
from nnc.dialects.nn.dynamic import Quantized, quantize_rows
from nnc.dialects.nn.lstm import clipped, scaled_sum, take_steps
from nnc.dialects.nn.program import Program, ProgramOp
from nnc.dialects.nn.recurrent import check_same, check_shape
from nnc.dialects.types import element_of, quantization_of, shape_of

_INPUT, _WEIGHTS, _RECURRENT, _BIAS, _HIDDEN = range(5)


class RnnBase(ProgramOp, ABC):
    """
    What both kinds share: operands `input` [B, T, I] (with `time_major` [T, B, I]), `weights`
    [U, I], `recurrent` [U, U], `bias` [U] and the state `hidden` [B, U]; results are the outputs of
    all steps and the next state. With `reverse` the last step is taken first; each output is where
    its input is. `sum_clip` bounds what the activation gets.
    """

    input = operand_def(TensorType)
    weights = operand_def(TensorType)
    recurrent = operand_def(TensorType)
    bias = operand_def(TensorType)
    hidden = operand_def(TensorType)
    output = result_def(TensorType)
    next_hidden = result_def(TensorType)

    activation = prop_def(StringAttr)
    time_major = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)
    sum_clip = opt_prop_def(FloatAttr)

    @abstractmethod
    def unit_sum(self, p: Program[S], t: S, b: S, u: S) -> S:
        """The weighted sum of a unit, with its bias."""

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Batch, time, inputs and units."""
        first, second, depth = shape_of(self.input)
        batch, time = (second, first) if self.time_major is not None else (first, second)
        return batch, time, depth, shape_of(self.weights)[0]

    def verify_(self) -> None:
        batch, time, depth, units = self.sizes
        check_shape("weights", self.weights, (units, depth))
        check_shape("recurrent weights", self.recurrent, (units, units))
        check_shape("a bias", self.bias, (units,))
        check_shape("a hidden state", self.hidden, (batch, units))
        check_same("a next hidden state", self.next_hidden, self.hidden)
        order = (time, batch) if self.time_major is not None else (batch, time)
        check_shape("an output", self.output, (*order, units))
        check_activation(self.activation)
        for value in (self.input, self.bias, self.hidden, self.output):
            if element_of(value) != f32:
                raise VerifyException(f"expected float32 tensors, got {value.type}")

    def macs(self) -> int:
        batch, time, depth, units = self.sizes
        return batch * time * units * (depth + units)

    def overwrites(self) -> Sequence[tuple[int, int]]:
        return [(_HIDDEN, 1)]

    def temporaries(self) -> Sequence[TensorType[Attribute]]:
        batch, _, _, units = self.sizes
        return [TensorType(f32, [batch, units])]

    @property
    def state(self) -> int:
        """The buffer of the state."""
        return len(self.operands) + 1

    def place(self, t: S, b: S, k: S) -> list[S]:
        """The index of an element of the input or the output."""
        return [t, b, k] if self.time_major is not None else [b, t, k]

    def run(self, p: Program[S]) -> None:
        p.copy(_HIDDEN, self.state)
        take_steps(p, self.sizes[1], self.reverse, lambda t: self.step(p, t))

    def step(self, p: Program[S], t: S) -> None:
        """One step; all units see the last state before it changes."""
        batch, _, _, units = self.sizes
        output, fresh = len(self.operands), len(self.operands) + 2

        def compute(index: list[S]) -> None:
            b, u = index
            total = clipped(self.unit_sum(p, t, b, u), self.sum_clip)
            value = activated(self.activation, total)
            p.store(fresh, [b, u], value)

        def emit(index: list[S]) -> None:
            b, u = index
            value = p.load(fresh, [b, u])
            p.store(self.state, [b, u], value)
            p.store(output, self.place(t, b, u), value)

        p.for_each([batch, units], compute)
        p.for_each([batch, units], emit)


@irdl_op_definition
class RnnOp(RnnBase):
    """
    A plain recurrent layer in float32.

    ```mlir
    %y, %next = nn.rnn %x, %w, %r, %b, %h {activation = "tanh"}
      : (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>)
      -> (tensor<1x8x2xf32>, tensor<1x2xf32>)
    ```
    """

    name = "nn.rnn"

    def verify_(self) -> None:
        super().verify_()
        for value in (self.weights, self.recurrent):
            check_element("weights", value, f32)

    def unit_sum(self, p: Program[S], t: S, b: S, u: S) -> S:
        _, _, depth, units = self.sizes

        def from_input(k: S) -> S:
            return p.load(_INPUT, self.place(t, b, k)) * p.load(_WEIGHTS, [u, k])

        def from_state(k: S) -> S:
            return p.load(self.state, [b, k]) * p.load(_RECURRENT, [u, k])

        total = p.load(_BIAS, [u]) + p.sum(depth, f32, from_input)
        return total + p.sum(units, f32, from_state)


@irdl_op_definition
class DynamicRnnOp(RnnBase):
    """
    A plain recurrent layer with 8-bit weights: input and state are quantised in every step, as by
    `nn.dynamic_quantize`. Source: `RnnBatchStep` in TFLite's `kernels/internal/kernel_utils.cc`.

    ```mlir
    %y, %next = nn.dynamic_rnn %x, %w, %r, %b, %h {activation = "tanh"}
      : (tensor<1x8x4xf32>, tensor<2x4x!quant.uniform<i8:f32, 0.1>>,
         tensor<2x2x!quant.uniform<i8:f32, 0.1>>, tensor<2xf32>, tensor<1x2xf32>)
      -> (tensor<1x8x2xf32>, tensor<1x2xf32>)
    ```
    """

    name = "nn.dynamic_rnn"

    asymmetric = opt_prop_def(UnitAttr)

    PER_AXIS: ClassVar[tuple[str, ...]] = ()

    def verify_(self) -> None:
        super().verify_()
        for value in (self.weights, self.recurrent):
            check_kind("weights", value, Kind.QUANTIZED_4 | Kind.QUANTIZED_8)

    def temporaries(self) -> Sequence[TensorType[Attribute]]:
        batch, _, depth, units = self.sizes
        found = list(super().temporaries())
        for width in (depth, units):
            found.append(TensorType(i8, [batch, width]))
            found += [TensorType(f32, [batch]), TensorType(i32, [batch])]
        return found

    def quantized(self, which: int) -> Quantized:
        """The buffers of the quantised input (0) and state (1)."""
        first = len(self.operands) + 3 + 3 * which
        return Quantized(first, first + 1, first + 2)

    def step(self, p: Program[S], t: S) -> None:
        batch, _, depth, units = self.sizes
        asymmetric = self.asymmetric is not None

        def read(b: S, k: S) -> S:
            return p.load(_INPUT, self.place(t, b, k))

        quantize_rows(p, (batch, depth), read, self.quantized(0), asymmetric=asymmetric)
        quantize_rows(
            p,
            (batch, units),
            lambda b, k: p.load(self.state, [b, k]),
            self.quantized(1),
            asymmetric=asymmetric,
        )
        super().step(p, t)

    def unit_sum(self, p: Program[S], t: S, b: S, u: S) -> S:
        _, _, depth, units = self.sizes
        total = p.load(_BIAS, [u])
        for which, operand, width in ((0, _WEIGHTS, depth), (1, _RECURRENT, units)):
            kind = quantization_of(self.operands[operand])
            assert kind is not None, "weights are quantised"

            def weight(k: S, operand: int = operand) -> S:
                return p.load(operand, [u, k])

            total = total + scaled_sum(
                p,
                self.quantized(which),
                (b, width),
                weight,
                kind.scale,
                self.asymmetric is not None,
            )
        return total
