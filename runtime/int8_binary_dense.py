"""Dense layers of int8 activations with binary weights on every core, as rows."""

from __future__ import annotations

from abc import ABC
from math import ceil

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import i8, i32

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BITS_PER_WORD, element_of, pack_bits, quantization_of, shape_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.dense_rows import FloatOutput, Int8Output, Ints, SignOutput, WeightRows
from nnc.runtime.registry import Kernel, Target, constant_values

CHUNK = 1024
"""Inputs whose sums of four, for each pattern of signs, fit a table of 8 KiB."""


def zero_point_of(op: DenseOp) -> int:
    """The zero point of the activations."""
    kind = quantization_of(op.input)
    assert kind is not None
    return kind.zero_point


class Int8Rows(WeightRows, ABC):
    """
    Sums of four activations at a time, from a table of what they are with each pattern of signs.
    """

    headers = ("nnc_i8bin_dense.h",)
    STRUCT = "nnc_i8bin_dense"

    def __init__(self, kind: str):
        self.name = f"nnc_i8bin_dense_{kind}"
        self.sources = (f"{self.name}.c",)

    def concerns(self, op: DenseOp) -> bool:
        return isinstance(element_of(op.input), UniformQuantizedType)

    def activations_problem(self, op: DenseOp) -> str | None:
        kind = quantization_of(op.input)
        return None if kind is not None and kind.storage == i8 else "its input is not int8"

    def largest(self, op: DenseOp) -> int:
        return 255 * shape_of(op.input)[1]

    def base(self, op: DenseOp) -> Ints:
        weights = constant_values(op.weights)
        assert weights is not None
        signs = 1 - 2 * weights.astype(np.int64)
        return epilogues.bias_values(op) - zero_point_of(op) * signs.sum(axis=1)

    def packed(self, op: DenseOp, weights: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        chunks = [weights[:, first : first + CHUNK] for first in range(0, weights.shape[1], CHUNK)]
        return np.concatenate([pack_bits(chunk).reshape(-1) for chunk in chunks])

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, DenseOp)
        inputs = min(shape_of(op.input)[1], CHUNK)
        table = ceil(inputs / BITS_PER_WORD) * BITS_PER_WORD // 4 * 16 * 2
        return table, 4 * shape_of(op.output)[1]

    def sizes(self, op: DenseOp) -> dict[str, Parameter]:
        return {"chunk": CHUNK}

    def members(self, call: CallOp) -> list[int]:
        return [call.number("chunk")]

    def total(self, call: CallOp, b: LoopBuilder, row: IRScalar, channel: IRScalar) -> IRScalar:
        depth, chunk = call.number("depth"), call.number("chunk")
        total, start = b.constant(0, i32), 0
        for first in range(0, depth, chunk):
            inputs = min(chunk, depth - first)
            words = -(-inputs // BITS_PER_WORD)

            def tap(
                so_far: IRScalar,
                at: list[IRScalar],
                first: int = first,
                start: int = start,
                words: int = words,
            ) -> IRScalar:
                place = channel * words + at[0] // BITS_PER_WORD + start
                word = b.load(b.inputs[1], [place])
                weight = (word >> (at[0] % BITS_PER_WORD).to(i32)) & 1
                value = b.load(b.inputs[0], [row, at[0] + first]).to(i32)
                return so_far + value - value * weight * 2

            total = b.reduce([(0, inputs)], total, tap, ("k",))
            start += words * call.number("channels")
        return total


class Int8RowsBin(SignOutput, Int8Rows):
    """`nnc_i8bin_dense_bin`."""


class Int8RowsS8(Int8Output, Int8Rows):
    """`nnc_i8bin_dense_s8`."""


class Int8RowsF32(FloatOutput, Int8Rows):
    """`nnc_i8bin_dense_f32`."""


KERNELS: tuple[Kernel, ...] = (
    Int8RowsBin("bin"),
    Int8RowsS8("s8"),
    Int8RowsF32("f32"),
)
