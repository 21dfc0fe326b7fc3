"""Our own kernels as rows: layers whose arithmetic no library function has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i8, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.runtime.cmsis_nn import int8_operands_problem
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


class DenseS8(Kernel):
    """
    `nnc_dense_s8`: an int8 dense layer whose requantisation, whatever the contract says, is done by
    one 64-bit multiplication that the compiler has proven equal to it.
    """

    name = "nnc_dense_s8"
    headers = ("nnc_kernels_s8.h",)
    sources = ("nnc_kernels_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp):
            return ""
        problem = int8_operands_problem(op)
        if problem is not None:
            return problem
        if folded_bias(op) is None:
            return "its weights are not constant"
        if affine_formula(op) is None:
            return "no affine formula equals its requantisation"
        return None

    def scratch(self, op: NnOp, target: Target) -> int:
        return 0

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        bias, formula = folded_bias(op), affine_formula(op)
        assert bias is not None and formula is not None
        shared = all(
            (table == table[0]).all()
            for table in (formula.multiplier, formula.constant, formula.shift)
        )
        count = 1 if shared else shape_of(op.output)[1]
        inputs: list[SSAValue] = [
            lowering.buffer(op.input),
            lowering.buffer(op.weights),
            lowering.constant(bias.astype(np.int32), i32, "bias"),
            lowering.constant(formula.multiplier[:count].astype(np.int32), i32, "multiplier"),
            lowering.constant(formula.constant[:count], i64, "constant"),
            lowering.constant(formula.shift[:count].astype(np.int32), i32, "shift"),
        ]
        return lowering.call(
            self.name,
            inputs,
            {
                "rows": shape_of(op.input)[0],
                "depth": shape_of(op.input)[1],
                "channels": shape_of(op.output)[1],
                "step": 0 if shared else 1,
                "clamp": op.stored_bounds(),
            },
        )

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        x, w = b.inputs[0], b.inputs[1]
        step = call.number("step")

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                product = b.load(x, [n, at[0]]).to(i32) * b.load(w, [oc, at[0]]).to(i32)
                return total + product

            bias = b.load(b.inputs[2], [oc])
            total = b.reduce([(0, call.number("depth"))], bias, tap)
            multiplier, constant, shift = (b.load(t, [oc * step]) for t in b.inputs[3:6])
            scaled = total.to(i64) * multiplier.to(i64) + constant
            return (scaled >> shift.to(i64)).to(i32).clamp(*call.numbers("clamp")).to(i8)

        b.produce(b.outputs[0], element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, bias, multiplier, constant, shift, target = arguments[:7]
        rows, depth, channels = (call.number(n) for n in ("rows", "depth", "channels"))
        low, high = call.numbers("clamp")
        return [
            f"nnc_dense_s8({source}, {rows}, {depth}, {channels}, {weights}, {bias}, {multiplier},",
            f"    {constant}, {shift}, {call.number('step')}, {low}, {high}, {target});",
            "return 0;",
        ]


KERNELS: tuple[Kernel, ...] = (DenseS8(),)
