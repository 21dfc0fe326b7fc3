"""Dense layers of binary activations with binary weights and few outputs, as rows."""

from __future__ import annotations

from abc import ABC

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, i32

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.types import BIN, BITS_PER_WORD, BinType, element_of, pack_bits, shape_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.dense_rows import FloatOutput, Int8Output, Ints, SignOutput, WeightRows
from nnc.runtime.registry import Kernel

FEW = 16
"""
The most outputs of these rows. Others work on 32 outputs at once, or on 128 with Helium: with fewer
than half of 32, most of their weights would be padding.
"""


class BinaryRows(WeightRows, ABC):
    """Mismatches with the weights of one output after the other, which need no padding."""

    headers = ("nnc_bin_dense.h",)
    STRUCT = "nnc_bin_dense"

    def __init__(self, kind: str):
        self.name = f"nnc_bin_rows_{kind}"
        self.sources = (f"{self.name}.c",)

    def concerns(self, op: DenseOp) -> bool:
        return isinstance(element_of(op.input), BinType) and shape_of(op.output)[1] <= FEW

    def largest(self, op: DenseOp) -> int:
        return shape_of(op.input)[1]

    def base(self, op: DenseOp) -> Ints:
        return shape_of(op.input)[1] + epilogues.bias_values(op)

    def packed(self, op: DenseOp, weights: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        return pack_bits(weights)

    def members(self, call: CallOp) -> list[int]:
        return [0, 0]

    def total(self, call: CallOp, b: LoopBuilder, row: IRScalar, channel: IRScalar) -> IRScalar:
        rows, depth = call.number("rows"), call.number("depth")
        x = Operand(b.inputs[0].memory, TensorType(BIN, [rows, depth]))

        def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            word = b.load(b.inputs[1], [channel, at[0] // BITS_PER_WORD])
            weight = (word >> (at[0] % BITS_PER_WORD).to(i32)) & 1
            return total - ((b.load(x, [row, at[0]]).to(i32) ^ weight) << 1)

        return b.reduce([(0, depth)], b.constant(0, i32), tap, ("k",))


class BinaryRowsBin(SignOutput, BinaryRows):
    """`nnc_bin_rows_bin`."""


class BinaryRowsS8(Int8Output, BinaryRows):
    """`nnc_bin_rows_s8`."""


class BinaryRowsF32(FloatOutput, BinaryRows):
    """`nnc_bin_rows_f32`."""


KERNELS: tuple[Kernel, ...] = (
    BinaryRowsBin("bin"),
    BinaryRowsS8("s8"),
    BinaryRowsF32("f32"),
)
