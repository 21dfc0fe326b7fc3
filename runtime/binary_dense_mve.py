"""
Dense layers of binary or int8 activations with binary weights on cores with Helium, as rows.

For binary activations a word of weights is one input's for 32 outputs, so that four words are
counted at a time; for int8 ones 16 bits become the signs of 16 inputs.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, i32

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import BITS_PER_WORD, Array, BinType, pack_bits, shape_of
from nnc.runtime.mve_outputs import (
    BINARY,
    INT8,
    BinaryMve,
    FloatOutput,
    Int8Output,
    SignOutput,
    shaped,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

OUTPUTS = 128
"""Outputs whose weights are counted together."""

FEWEST_OUTPUTS = 32
"""A layer of fewer would leave most of the vectors empty."""

INPUTS = 8
"""Inputs that are added at a time."""

PLANES_BYTES = 480


def pack(bits: Array) -> npt.NDArray[np.int32]:
    """Weights `[outputs, inputs]` as words, in blocks of 128 outputs, input by input."""
    outputs, depth = bits.shape
    blocks, inputs = ceil(outputs / OUTPUTS), ceil(depth / INPUTS) * INPUTS
    whole = np.zeros((blocks * OUTPUTS, inputs), np.bool_)
    whole[:outputs, :depth] = bits
    return pack_bits(whole.reshape(blocks, OUTPUTS, inputs).transpose(0, 2, 1)).reshape(-1)


class DenseMve(BinaryMve, ABC):
    """A dense layer in the same time for all activations."""

    KIND = DenseOp
    LAYER = "dense"
    FIRST = 2

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        outputs = shape_of(op.results[0])[1]
        if not self.activations.is_binary:
            return (4 * outputs,)
        return PLANES_BYTES, 2 * ceil(outputs / OUTPUTS) * OUTPUTS

    def shape_problem(self, op: AccumulatingOp) -> str | None:
        outputs = shape_of(op.output)[1]
        if self.activations.is_binary and outputs < FEWEST_OUTPUTS:
            return f"it has only {outputs} outputs"
        return None

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        weights = constant_values(op.weights)
        assert weights is not None
        packed = pack(weights) if self.activations.is_binary else pack_bits(weights)
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(packed, i32, "weights"),
            *self.constants(op, lowering),
        ]
        rows, depth = shape_of(op.input)
        shape = {"rows": rows, "depth": depth, "channels": len(weights)}
        return lowering.call(
            self.name, inputs, {**shape, **self.numbers(op)}, self.scratch(op, target)
        )

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        rows, depth, outputs = (call.number(name) for name in ("rows", "depth", "channels"))
        is_binary = self.activations.is_binary
        x = shaped(b, b.inputs[0], BinType if is_binary else IntegerType, [rows, depth])

        def weight(oc: IRScalar, k: IRScalar) -> IRScalar:
            if not is_binary:
                w = shaped(b, b.inputs[1], BinType, [outputs, depth])
                return b.load(w, [oc, k]).to(i32)
            block = oc // OUTPUTS * (ceil(depth / INPUTS) * INPUTS)
            row = (block + k) * (OUTPUTS // BITS_PER_WORD)
            word = b.load(b.inputs[1], [row + oc % OUTPUTS // BITS_PER_WORD])
            return (word >> (oc % BITS_PER_WORD).to(i32)) & 1

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                value = b.load(x, [n, at[0]]).to(i32)
                number = b.constant(1, i32) - (value << 1) if is_binary else value
                return total + number * (b.constant(1, i32) - (weight(oc, at[0]) << 1))

            total = b.reduce([(0, depth)], b.constant(0, i32), tap, ("k",))
            return self.conclude(call, b, total, oc)

        b.produce(shaped(b, b.outputs[0], self.OUTPUT, [rows, outputs]), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        count = len(call.inputs)
        source, weights, *constants = arguments[:count]
        members = [str(call.number(name)) for name in ("rows", "depth", "channels")]
        return [
            f"static const nnc_bin_mve_dense shape = {{{', '.join(members)}}};",
            *self.output_statements(call, constants),
            f"{self.name}(&shape, {source}, {weights},",
            f"    {', '.join([*self.epilogue(call, constants), *arguments[count:]])});",
            "return 0;",
        ]


class SignDenseMve(SignOutput, DenseMve):
    """`nnc_bin_dense_mve_bin`, `nnc_i8bin_dense_mve_bin`."""


class Int8DenseMve(Int8Output, DenseMve):
    """`nnc_bin_dense_mve_s8`, `nnc_i8bin_dense_mve_s8`."""


class FloatDenseMve(FloatOutput, DenseMve):
    """`nnc_bin_dense_mve_f32`, `nnc_i8bin_dense_mve_f32`."""


KERNELS: tuple[Kernel, ...] = tuple(
    kind(activations)
    for activations in (BINARY, INT8)
    for kind in (SignDenseMve, Int8DenseMve, FloatDenseMve)
)
