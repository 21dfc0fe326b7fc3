"""Our int8 dense layer for cores with the DSP extension, as a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from xdsl.dialects.builtin import i32

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.runtime.cmsis_operands import S8
from nnc.runtime.own import folded_bias
from nnc.runtime.own_conv import (
    formula_for,
    layer_problem,
    packed,
    requantization_constants,
    requantized,
    second_weights_problem,
    unpacked,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.upper_word import UpperWord

PAIRS = 4
"""Pairs of outputs whose weights alternate."""


@lru_cache(maxsize=16)
def formula(op: DenseOp) -> UpperWord | None:
    """A formula that equals the layer's requantisation for every sum that it can have."""
    weights, bias, source = constant_values(op.weights), folded_bias(op), quantization_of(op.input)
    assert weights is not None and bias is not None and source is not None
    return formula_for(op, weights, bias, source.storage_min, source.storage_max)


def arranged(weights: Array) -> Array:
    """Weights, [outputs, inputs], as the function reads them: see `nnc_dense_pairs_s8.h`."""
    rows = packed(weights).reshape(-(-len(weights) // 2), -1)
    whole = len(weights) // (2 * PAIRS) * PAIRS
    blocks = rows[:whole].reshape(-1, PAIRS, rows.shape[1]).transpose(0, 2, 1)
    return np.concatenate([blocks.ravel(), rows[whole:].ravel()])


class DensePairsS8(Kernel):
    """
    `nnc_dense_pairs_s8`: int8 dense layers of eight outputs at a time, with half the instructions
    of CMSIS-NN's; requantised as by `nnc_conv_s8`.
    """

    name = "nnc_dense_pairs_s8"
    headers = ("nnc_dense_pairs_s8.h",)
    sources = ("nnc_dense_pairs_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or not S8.concerns(op.input):
            return ""
        problem = layer_problem(op, target)
        if problem is not None:
            return problem
        weights = constant_values(op.weights)
        assert weights is not None
        problem = second_weights_problem(weights)
        if problem is not None:
            return problem
        if formula(op) is None:
            return "no formula of the function equals its requantisation"
        return None

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, DenseOp)
        depth = self._depth(op)
        return (depth if depth > shape_of(op.input)[1] else 0,)

    def _depth(self, op: DenseOp) -> int:
        return -(-shape_of(op.input)[1] // 4) * 4

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        weights, bias, found = constant_values(op.weights), folded_bias(op), formula(op)
        assert weights is not None and bias is not None and found is not None
        formulas, numbers = requantization_constants(found, lowering)
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(arranged(weights), i32, "weights"),
            lowering.constant(bias.astype(np.int32), i32, "bias"),
            formulas,
        ]
        parameters: dict[str, Parameter] = {
            "rows": shape_of(op.input)[0],
            "inputs": shape_of(op.input)[1],
            "outputs": shape_of(op.output)[1],
            "depth": self._depth(op),
            **numbers,
        }
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        words = call.number("depth") // 2
        whole = call.number("outputs") // (2 * PAIRS) * 2 * PAIRS

        def weight(channel: IRScalar, k: IRScalar) -> IRScalar:
            pair, word = channel // 2, k // 4 * 2 + k % 2
            block, within = pair // PAIRS, pair % PAIRS
            alternating = (block * words + word) * PAIRS + within
            place = (channel < whole).select(alternating, pair * words + word)
            return unpacked(b.load(b.inputs[1], [place]), channel, k)

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                return total + b.load(b.inputs[0], [n, at[0]]).to(i32) * weight(oc, at[0])

            bias = b.load(b.inputs[2], [oc])
            total = b.reduce([(0, call.number("inputs"))], bias, tap, ("k",))
            return requantized(call, b, total, oc)

        b.produce(b.outputs[0], element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        output, *patch = arguments[len(call.inputs) :]
        numbers = [call.number(name) for name in ("rows", "inputs", "outputs", "depth")]
        fields = [*numbers, *call.numbers("clamp"), call.number("fix")]
        return [
            f"static const nnc_dense_pairs_s8_layer layer = {{{', '.join(map(str, fields))}}};",
            f"{self.name}(&layer, {', '.join(arguments[: len(call.inputs)])},",
            f"    {call.number('step')}, {output}, {(patch or ['NULL'])[0]});",
            "return 0;",
        ]


KERNELS: tuple[Kernel, ...] = (DensePairsS8(),)
