"""CMSIS-NN's softmax functions as kernel rows."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i16

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn import fixed_point, gemmlowp, tables
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.softmax import SoftmaxOp, lower_int8_softmax, lower_int16_softmax
from nnc.dialects.types import quantization_of, shape_of
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import S8, S16, Width
from nnc.runtime.registry import Kernel, Lowering, Target

_SOURCE = "nnc_cmsis_softmax.c"


def rows_of(op: SoftmaxOp) -> dict[str, int]:
    """How many rows a softmax has, and of how many elements."""
    *outer, depth = shape_of(op.input)
    return {"rows": math.prod(outer), "depth": depth}


class Softmax(CmsisKernel, ABC):
    """Softmax over the last axis, which reads a row three times."""

    SOURCE: Width
    RESULT: Width

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, SoftmaxOp):
            return ""
        if not (self.SOURCE.holds(op.input) and self.RESULT.holds(op.output)):
            known = S8.holds(op.input) or S16.holds(op.input)
            return "" if known or self.RESULT is not S8 else "its input is not int8 or int16"
        if op.rounding is not None:
            return "the numeric contract computes it in float32"
        if not op.is_standard:
            return "its output has another scale or zero point than 1/256 and the smallest value"
        return self.limit(shape_of(op.input)[-1], target)

    def limit(self, depth: int, target: Target) -> str | None:
        """What is wrong with rows of so many elements."""
        return limits.softmax(depth)

    def in_order(self, target: Target) -> bool:
        return False


class SoftmaxS8(Softmax):
    """`arm_softmax_s8` and `arm_softmax_s8_s16`: gemmlowp's fixed-point softmax."""

    SOURCE = S8

    def __init__(self, name: str, result: Width):
        super().__init__(name, _SOURCE)
        self.RESULT = result

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, SoftmaxOp)
        source = quantization_of(op.input)
        assert source is not None
        multiplier, shift, diff_min = gemmlowp.softmax_scaling(source.scale, op.beta.value.data)
        return lowering.call(
            self.name,
            [lowering.buffer(op.input)],
            {**rows_of(op), "multiplier": multiplier, "shift": shift, "diff_min": diff_min},
        )

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        scaling = call.number("multiplier"), call.number("shift"), call.number("diff_min")
        half = 1 << (self.RESULT.bits - 1)
        lower_int8_softmax(b, scaling, -half, half - 1, self.RESULT.bits)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        numbers = [call.number(n) for n in ("rows", "depth", "multiplier", "shift", "diff_min")]
        text = ", ".join(str(number) for number in numbers)
        return [f"{self.name}({arguments[0]}, {text}, {arguments[1]});", "return 0;"]


class SoftmaxS16(Softmax):
    """`arm_softmax_s16`: two tables, of exponentials and of reciprocals."""

    SOURCE = RESULT = S16

    def limit(self, depth: int, target: Target) -> str | None:
        return limits.softmax_s16() if target.library else None

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, SoftmaxOp)
        source = quantization_of(op.input)
        assert source is not None
        scaling = tables.softmax_int16_scaling(source.scale, op.beta.value.data)
        multiplier, shift = fixed_point.quantize_multiplier(scaling)
        inputs = [lowering.buffer(op.input)] + [
            lowering.constant(table.astype(np.int16), i16, name)
            for table, name in zip(
                tables.softmax_int16_tables(), ("exponentials", "reciprocals"), strict=True
            )
        ]
        numbers = {**rows_of(op), "multiplier": multiplier, "shift": shift}
        return lowering.call(self.name, inputs, dict(numbers))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        scaling = call.number("multiplier"), call.number("shift")
        lower_int16_softmax(b, scaling, b.inputs[1], b.inputs[2])

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, exponentials, reciprocals, target = arguments
        numbers = [str(call.number(n)) for n in ("rows", "depth", "multiplier", "shift")]
        return [
            f"const cmsis_nn_softmax_lut_s16 tables = {{{exponentials}, {reciprocals}}};",
            f"return {self.name}({source}, {', '.join(numbers)}, &tables, {target});",
        ]


KERNELS: tuple[Kernel, ...] = (
    SoftmaxS8("arm_softmax_s8", S8),
    SoftmaxS8("arm_softmax_s8_s16", S16),
    SoftmaxS16("arm_softmax_s16", _SOURCE),
)
