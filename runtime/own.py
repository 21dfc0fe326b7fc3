"""Our own kernels as rows: layers whose arithmetic no library function has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import f64, i8, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.runtime.cmsis_operands import S8, operands_problem
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.requantize import Affine, Requantization, fit_affine, reachable


def folded_bias(op: DenseOp) -> Array | None:
    """The bias with the input's zero point folded in, or None where an operand is not constant."""
    weights, source = constant_values(op.weights), quantization_of(op.input)
    bias = np.zeros(1, np.int32) if op.bias is None else constant_values(op.bias)
    if weights is None or bias is None or source is None:
        return None
    return bias.astype(np.int64) - source.zero_point * weights.astype(np.int64).sum(axis=1)


def affine_formula(op: DenseOp) -> Affine | None:
    """A formula of one multiplication that equals the layer's on every accumulator it can have."""
    weights, bias = constant_values(op.weights), folded_bias(op)
    source, target = quantization_of(op.input), quantization_of(op.output)
    if weights is None or bias is None or source is None or target is None:
        return None
    assert op.rounding is not None
    low, high = op.stored_bounds()
    multipliers = op.real_multipliers()
    contract = Requantization(op.rounding.data, multipliers, target.zero_point, low, high)
    first, last = reachable(weights, bias, source.storage_min, source.storage_max)
    if first.min() < -(1 << 31) or last.max() >= 1 << 31:
        return None
    return fit_affine(contract, first, last)


class OwnDense(Kernel, ABC):
    """An int8 dense layer of constant weights, whose bias has the input's zero point folded in."""

    headers = ("nnc_kernels_s8.h",)
    sources = ("nnc_kernels_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or not S8.concerns(op.input):
            return ""
        problem = operands_problem(op, S8)
        if problem is not None:
            return problem
        if folded_bias(op) is None:
            return "its weights or bias are not constant"
        return self.requantization_problem(op)

    @abstractmethod
    def requantization_problem(self, op: DenseOp) -> str | None:
        """Why the function does not requantise as the layer does."""

    @abstractmethod
    def tables(self, op: DenseOp, lowering: Lowering) -> tuple[list[SSAValue], int]:
        """The constants of the requantisation, and how far to go in them from output to output."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return ()

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        bias, output = folded_bias(op), quantization_of(op.output)
        assert bias is not None and output is not None
        tables, step = self.tables(op, lowering)
        inputs: list[SSAValue] = [
            lowering.buffer(op.input),
            lowering.buffer(op.weights),
            lowering.constant(bias.astype(np.int32), i32, "bias"),
            *tables,
        ]
        return lowering.call(
            self.name,
            inputs,
            {
                "rows": shape_of(op.input)[0],
                "depth": shape_of(op.input)[1],
                "channels": shape_of(op.output)[1],
                "step": step,
                "zero_point": output.zero_point,
                "clamp": op.stored_bounds(),
            },
        )

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        x, w = b.inputs[0], b.inputs[1]

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                product = b.load(x, [n, at[0]]).to(i32) * b.load(w, [oc, at[0]]).to(i32)
                return total + product

            bias = b.load(b.inputs[2], [oc])
            total = b.reduce([(0, call.number("depth"))], bias, tap, ("k",))
            scaled = self.scaled(call, b, total, oc * call.number("step"))
            return scaled.clamp(*call.numbers("clamp")).to(i8)

        b.produce(b.outputs[0], element)

    @abstractmethod
    def scaled(self, call: CallOp, b: LoopBuilder, total: IRScalar, entry: IRScalar) -> IRScalar:
        """An accumulator as a stored output before the clamp, by an entry of the tables."""

    def arguments(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        """What the function takes between the bias and the clamp."""
        step = str(call.number("step"))
        return [*arguments[3 : len(call.inputs)], step]

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, bias = arguments[:3]
        rows, depth, channels = (call.number(n) for n in ("rows", "depth", "channels"))
        low, high = call.numbers("clamp")
        middle = ", ".join(self.arguments(call, arguments))
        return [
            f"{self.name}({source}, {rows}, {depth}, {channels}, {weights}, {bias},",
            f"    {middle}, {low}, {high}, {arguments[len(call.inputs)]});",
            "return 0;",
        ]


class DenseS8(OwnDense):
    """
    `nnc_dense_s8`: an int8 dense layer whose requantisation, whatever the contract says, is done by
    one 64-bit multiplication that the compiler has proven equal to it.
    """

    name = "nnc_dense_s8"

    def requantization_problem(self, op: DenseOp) -> str | None:
        if affine_formula(op) is None:
            return "no affine formula equals its requantisation"
        return None

    def tables(self, op: DenseOp, lowering: Lowering) -> tuple[list[SSAValue], int]:
        formula = affine_formula(op)
        assert formula is not None
        shared = all(
            (table == table[0]).all()
            for table in (formula.multiplier, formula.constant, formula.shift)
        )
        count = 1 if shared else shape_of(op.output)[1]
        constants = [
            lowering.constant(formula.multiplier[:count].astype(np.int32), i32, "multiplier"),
            lowering.constant(formula.constant[:count], i64, "constant"),
            lowering.constant(formula.shift[:count].astype(np.int32), i32, "shift"),
        ]
        return constants, 0 if shared else 1

    def scaled(self, call: CallOp, b: LoopBuilder, total: IRScalar, entry: IRScalar) -> IRScalar:
        multiplier, constant, shift = (b.load(table, [entry]) for table in b.inputs[3:6])
        product = total.to(i64) * multiplier.to(i64) + constant
        return (product >> shift.to(i64)).to(i32)


class DenseF64S8(OwnDense):
    """
    `nnc_dense_f64_s8`: an int8 dense layer that is requantised in double precision, as TFLite does,
    where no formula of integers equals that.
    """

    name = "nnc_dense_f64_s8"

    def requantization_problem(self, op: DenseOp) -> str | None:
        assert op.rounding is not None
        if op.rounding.data is not Rounding.F64:
            return f"the numeric contract rounds it as {op.rounding.data.value}, not as f64"
        return None

    def tables(self, op: DenseOp, lowering: Lowering) -> tuple[list[SSAValue], int]:
        factors = op.real_multipliers()
        shared = bool((factors == factors[0]).all())
        return [lowering.constant(factors[:1] if shared else factors, f64, "factor")], int(
            not shared
        )

    def scaled(self, call: CallOp, b: LoopBuilder, total: IRScalar, entry: IRScalar) -> IRScalar:
        return total.scale_f64(b.load(b.inputs[3], [entry])) + call.number("zero_point")

    def arguments(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        return [*super().arguments(call, arguments), str(call.number("zero_point"))]


KERNELS: tuple[Kernel, ...] = (DenseS8(), DenseF64S8())
