"""The LSTM of 8-bit activations with 16-bit gates and cells, bit for bit as TFLite computes it."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import (
    DenseArrayBase,
    Float32Type,
    IntegerAttr,
    IntegerType,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from nnc.dialects.nn import fixed16
from nnc.dialects.nn.accumulate import decode
from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import S
from nnc.dialects.nn.checks import Kind, check_element, check_kind
from nnc.dialects.nn.gemmlowp_scalar import inverse_sqrt
from nnc.dialects.nn.lstm import BIAS, RECURRENT, WEIGHTS, LstmBase
from nnc.dialects.nn.program import Program
from nnc.dialects.nn.quantized import f32_product, f32_quotient, rescale, store
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of
from nnc.dialects.utils import Rounding

i16 = IntegerType(16)
_LARGEST, _SMALLEST = (1 << 15) - 1, -(1 << 15)
_GATE_SCALE = 2.0**-12
_NORMAL_BITS = 10
"""Fraction bits of a normalised gate before its coefficient."""


@irdl_op_definition
class IntegerLstmOp(LstmBase):
    """
    An LSTM of 8-bit activations and weights. Gates have 16 bits, 3 of them before the point; the
    cell is 16 bits with a scale that is a power of two between 2^-15 and 2^-9.

    `product_type` is the type of the output gate times the activated cell, which is projected or,
    without a projection, is the output. Normalised sums have the scales `gate_scales`; clips are in
    stored units. Every requantisation is gemmlowp's with two roundings.

    Source: `LstmStepInteger8x8_16` in TFLite's `kernels/lstm_eval.cc` and
    `PopulateQuantizedLstmParams8x8_16` in `kernels/unidirectional_sequence_lstm.cc`.

    ```mlir
    %y, %h1, %c1 = nn.integer_lstm %x, %w, %r, %b, %h, %c
      {product_type = !quant.uniform<i8:f32, 0.0078125>}
      : (tensor<1x8x4x!quant.uniform<i8:f32, 0.02:3>>,
         tensor<4x2x4x!quant.uniform<i8:f32:0, {0.01, 0.02, 0.01, 0.01}>>,
         tensor<4x2x2x!quant.uniform<i8:f32:0, {0.01, 0.02, 0.01, 0.01}>>, tensor<4x2xi32>,
         tensor<1x2x!quant.uniform<i8:f32, 0.0078125>>,
         tensor<1x2x!quant.uniform<i16:f32, 0.00048828125>>)
      -> (tensor<1x8x2x!quant.uniform<i8:f32, 0.0078125>>,
          tensor<1x2x!quant.uniform<i8:f32, 0.0078125>>,
          tensor<1x2x!quant.uniform<i16:f32, 0.00048828125>>)
    ```
    """

    name = "nn.integer_lstm"

    product_type = prop_def(UniformQuantizedType)
    gate_scales = opt_prop_def(DenseArrayBase.constr(f32))
    cell_clip = opt_prop_def(IntegerAttr)
    projection_clip = opt_prop_def(IntegerAttr)

    def verify_(self) -> None:
        super().verify_()
        for value in (self.input, self.weights, self.recurrent, self.hidden, self.output):
            check_kind("8-bit tensors", value, Kind.QUANTIZED_8)
        check_kind("a cell state", self.cell, Kind.QUANTIZED_16)
        check_element("a bias", self.bias, i32)
        self._check_extras()
        if not -15 <= self.cell_exponent <= -9:
            raise VerifyException(
                f"expected a cell state scaled by 2^-15 to 2^-9, got {self.cell.type}"
            )
        scales = 0 if self.gate_scales is None else len(self.gate_scales)
        if scales != (0 if self.normalized is None else len(self.gates)):
            raise VerifyException(f"expected a scale for each normalised gate, got {scales}")

    def _check_extras(self) -> None:
        kinds = {
            "peephole": Kind.QUANTIZED_16,
            "normalized": Kind.QUANTIZED_16,
            "projected": Kind.QUANTIZED_8,
        }
        for name, kind in kinds.items():
            number = self.extra(name)
            if number is not None:
                check_kind(f"an operand for {name}", self.operands[number], kind)
        number = self.extra("projection_bias")
        if number is not None:
            check_element("a projection bias", self.operands[number], i32)

    @property
    def cell_exponent(self) -> int:
        """The power of two that the cell is scaled by."""
        mantissa, exponent = np.frexp(self._type("cell").scale)
        return int(exponent) - 1 if mantissa == 0.5 else 0

    @property
    def working_types(self) -> tuple[Attribute, Attribute]:
        return self.product_type, i16

    def _type(self, name: str) -> UniformQuantizedType:
        kind = quantization_of(getattr(self, name))
        assert kind is not None, f"{name} is not quantised"
        return kind

    def _scale(self, operand: int, row: int) -> float:
        kind = element_of(self.operands[operand])
        assert isinstance(kind, UniformQuantizedType), f"expected a quantised type, got {kind}"
        return float(kind.scales[row % len(kind.scales)])

    def _gate_scale(self, row: int) -> float:
        """The scale of a gate's sum."""
        scales = self.gate_scales
        if scales is None:
            return _GATE_SCALE
        assert isa(scales, DenseArrayBase[Float32Type])
        return float(np.float32(scales.get_values()[row]))

    def gate_sum(self, p: Program[S], gate: str, at: tuple[S, S, S], cell: S | None) -> S:
        _, _, depth, _, outputs = self.sizes
        t, b, u = at
        number = self.gates.index(gate)
        row, scale = p.constant(number, INDEX), self._gate_scale(number)
        source, hidden = self._type("input"), self._type("hidden")

        def from_input(k: S) -> S:
            value = decode(p, self.input_at(p, t, b, k), source, i32)
            return value * p.load(WEIGHTS, [row, u, k]).to(i32)

        def from_output(k: S) -> S:
            value = decode(p, p.load(self.buffer("hidden"), [b, k]), hidden, i32)
            return value * p.load(RECURRENT, [row, u, k]).to(i32)

        total = p.sum(depth, i32, from_input)
        if self.normalized is None:
            total = p.load(BIAS, [row, u]) + total
        real = f32_quotient(f32_product(self._scale(WEIGHTS, number), source.scale), scale)
        value = _saturated(rescale(p, total, real, Rounding.DOUBLE))
        total = p.sum(outputs, i32, from_output)
        real = f32_quotient(f32_product(self._scale(RECURRENT, number), hidden.scale), scale)
        value = _saturated(rescale(p, total, real, Rounding.DOUBLE) + value)
        peephole, seen = self.extra("peephole"), self.peephole_row(gate)
        if peephole is not None and seen is not None and cell is not None:
            weight = p.load(peephole, [p.constant(seen, INDEX), u]).to(i32)
            real = self._type("cell").scale * self._scale(peephole, seen) / scale
            sight = rescale(p, weight * cell.to(i32), float(np.float32(real)), Rounding.DOUBLE)
            value = _saturated(sight + value)
        return value.to(i16)

    def activate(self, gate: str, total: S) -> S:
        wide = total.to(i32)
        return (fixed16.tanh(wide, 3) if gate == "cell" else fixed16.logistic(wide)).to(i16)

    def next_of_cell(self, cell: S, forget: S | None, entry: S | None, candidate: S) -> S:
        assert forget is not None, "an integer LSTM always has a forget gate"
        gate = forget.to(i32)
        share = _LARGEST - gate if entry is None else entry.to(i32)
        kept = (gate * cell.to(i32)).rdbp(gate.lift(15))
        fresh = (share * candidate.to(i32)).rdbp(gate.lift(30 + self.cell_exponent))
        return _clipped(_saturated(kept + fresh), self.cell_clip).to(i16)

    def product(self, p: Program[S], output: S, cell: S) -> S:
        activated = fixed16.tanh(cell.to(i32), 15 + self.cell_exponent)
        kind = self.product_type
        real = float(np.float32(2.0**-15 / kind.scale * 2.0**-15))
        return store(rescale(p, output.to(i32) * activated, real, Rounding.DOUBLE), kind)

    def project(self, p: Program[S], b: S, k: S) -> S:
        weights, bias = self.extra("projected"), self.extra("projection_bias")
        assert weights is not None
        kind, target = self.product_type, self._type("hidden")

        def term(u: S) -> S:
            value = decode(p, p.load(self.buffer("product"), [b, u]), kind, i32)
            return value * p.load(weights, [k, u]).to(i32)

        total = p.sum(self.sizes[3], i32, term)
        total = total if bias is None else p.load(bias, [k]) + total
        real = f32_quotient(f32_product(self._scale(weights, 0), kind.scale), target.scale)
        value = store(rescale(p, total, real, Rounding.DOUBLE), target)
        return _clipped(value.to(i32), self.projection_clip).to(value.type)

    def normalize(self, p: Program[S], gate: str) -> None:
        """Source: `PortableApplyLayerNorm` in TFLite's `reference/portable_tensor_utils.cc`."""
        batch, _, _, units, _ = self.sizes
        number = self.gates.index(gate)
        row, gates = p.constant(number, INDEX), self.buffer("gates")
        coefficients = self.extra("normalized")
        assert coefficients is not None
        scale = self._scale(coefficients, number)
        least = max(1, int(np.float32(10000) * np.float32(scale)))
        one = 1 << _NORMAL_BITS

        def normalized(outer: list[S]) -> None:
            (b,) = outer

            def value(u: S) -> S:
                return p.load(gates, [row, b, u]).to(i32)

            total = p.sum(units, i64, lambda u: value(u).to(i64))
            squares = p.sum(units, i64, lambda u: (value(u) * value(u)).to(i64))
            mean = (total * one).divide(units).to(i32)
            square = mean.to(i64) * mean.to(i64)
            variance = (squares * (one * one // units) - square).divide(one * one).to(i32)
            multiplier, shift = inverse_sqrt((variance < 1).select(least, variance))

            def element(index: list[S]) -> None:
                (u,) = index
                centred = value(u) * one - mean
                scaled = centred.requantize(multiplier, shift, Rounding.DOUBLE)
                weighted = scaled * p.load(coefficients, [row, u]).to(i32) + p.load(BIAS, [row, u])
                wide = weighted.to(i64)
                half = (wide > 0).select(wide.lift(one // 2), -(one // 2))
                short = (wide + half).divide(one).to(i32)
                real = _saturated(rescale(p, short, scale * 2.0**12, Rounding.DOUBLE))
                p.store(gates, [row, b, u], self.activate(gate, real.to(i16)))

            p.for_each([units], element)

        p.for_each([batch], normalized)


def _saturated(x: S) -> S:
    return x.clamp(_SMALLEST, _LARGEST)


def _clipped(x: S, bound: IntegerAttr | None) -> S:
    return x if bound is None else x.clamp(-bound.value.data, bound.value.data)
