"""CMSIS-NN's dense layers as kernel rows."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import quantization_of, shape_of
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import (
    S8,
    S16,
    Width,
    bias_of,
    layer_problem,
    requantization,
    requantized,
    s64_problem,
    weight_sums,
)
from nnc.runtime.cmsis_text import braces, dims, unqualified
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

_PER_TENSOR = ("multiplier", "shift")


class FullyConnected(CmsisKernel, ABC):
    """A dense layer of one multiplier, or of one for each output."""

    ACCUMULATOR: Attribute = i32

    def __init__(self, name: str, source: str, width: Width = S8, *, per_channel: bool = False):
        super().__init__(name, source)
        self.width = width
        self.per_channel = per_channel

    def needs_sums(self, target: Target) -> bool:
        """Whether the function wants the sums of the weights in its context."""
        return False

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        source, output = quantization_of(op.input), quantization_of(op.output)
        assert source is not None and output is not None
        sums = self.needs_sums(target)
        inputs = [
            lowering.buffer(op.input),
            lowering.buffer(op.weights),
            bias_of(op, lowering),
            *(requantization(op, lowering) if self.per_channel else []),
            *([kernel_sums(op, lowering)] if sums else []),
        ]
        parameters: dict[str, Parameter] = {
            "input_offset": -source.zero_point,
            "output_offset": output.zero_point,
            "clamp": op.stored_bounds(),
            "rows": shape_of(op.input)[0],
            "depth": shape_of(op.input)[1],
            "channels": shape_of(op.output)[1],
            "sums": int(sums),
        }
        if not self.per_channel:
            multiplier = fixed_point.quantize_multiplier(float(op.real_multipliers()[0]))
            parameters |= dict(zip(_PER_TENSOR, multiplier, strict=True))
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        x, w, bias = b.inputs[:3]
        offset, bounds = call.number("input_offset"), call.numbers("clamp")

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                value = b.load(x, [n, at[0]]).to(i32) + offset
                product = value * b.load(w, [oc, at[0]]).to(i32)
                return total + product.to(self.ACCUMULATOR)

            zero = b.constant(0, self.ACCUMULATOR)
            total = b.reduce([(0, call.number("depth"))], zero, tap, ("k",))
            if self.per_channel:
                multiplier, shift = (b.load(operand, [oc]) for operand in b.inputs[3:5])
            else:
                multiplier, shift = (b.constant(call.number(n), i32) for n in _PER_TENSOR)
            scaled = requantized(total + b.load(bias, [oc]), multiplier, shift)
            stored = (scaled + call.number("output_offset")).clamp(*bounds)
            return stored.to(self.width.storage)

        b.produce(b.outputs[0], element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, bias = arguments[:3]
        inputs = len(call.inputs)
        target = arguments[inputs]
        rows, depth, channels = (call.number(n) for n in ("rows", "depth", "channels"))
        buffer, size = "NULL", 0
        if call.number("sums"):
            buffer, size = unqualified(arguments[inputs - 1], "void"), 4 * channels
        if self.per_channel:
            kind, values = "channel", [unqualified(argument) for argument in arguments[3:5]]
        else:
            kind, values = "tensor", [str(call.number(name)) for name in _PER_TENSOR]
        return [
            f"const cmsis_nn_context ctx = {{{buffer}, {size}}};",
            "static const cmsis_nn_fc_params params = {",
            f"    {call.number('input_offset')}, 0, {call.number('output_offset')}, "
            f"{braces(call.numbers('clamp'))}",
            "};",
            f"const cmsis_nn_per_{kind}_quant_params quant = {{{values[0]}, {values[1]}}};",
            dims("input_dims", (rows, 1, 1, depth)),
            dims("filter_dims", (depth, 1, 1, channels)),
            dims("bias_dims", (channels,)),
            dims("output_dims", (rows, 1, 1, channels)),
            f"return {self.name}(&ctx, &params, &quant, &input_dims, {source}, &filter_dims,",
            f"    {weights}, &bias_dims, {bias}, &output_dims, {target});",
        ]


def kernel_sums(op: DenseOp, lowering: Lowering) -> SSAValue:
    """
    What `arm_vector_sum_s8` computes, and dense layers on cores with Helium expect in their
    context: bias + input offset * sum of the weights, per output. It is constant, and only read.
    """
    weights, source = constant_values(op.weights), quantization_of(op.input)
    bias = constant_values(op.bias) if op.bias is not None else np.zeros(1, np.int32)
    assert weights is not None and bias is not None and source is not None
    sums = bias.astype(np.int64) - source.zero_point * weights.astype(np.int64).sum(axis=1)
    return lowering.constant(sums.astype(np.int32), i32, "kernel_sum")


class FullyConnectedS8(FullyConnected):
    """
    `arm_fully_connected_s8` and `arm_fully_connected_per_channel_s8`: int8 dense layers of one and
    of many scales. The library's wrapper would link both.
    """

    def needs_sums(self, target: Target) -> bool:
        return target.library and target.core.has_mve

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or not self.width.concerns(op.input):
            return ""
        if (op.real_multipliers().size > 1) != self.per_channel:
            return ""
        problem = layer_problem(op, self.width)
        constant = op.bias is None or constant_values(op.bias) is not None
        unknown = not constant or constant_values(op.weights) is None
        if problem is None and self.needs_sums(target) and unknown:
            return "its weights or bias are not constant, so their sums are not known"
        return problem


class FullyConnectedS16(FullyConnected):
    """`arm_fully_connected_s16`: int16 dense layers of one scale."""

    ACCUMULATOR = i64

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or not self.width.concerns(op.input):
            return ""
        problem = layer_problem(op, self.width, (i64,))
        if problem is None and op.real_multipliers().size > 1:
            problem = "its weights have more than one scale"
        if problem is not None or not target.library:
            return problem
        weights = int(weight_sums(op).max())
        return limits.fully_connected_s16(target.core, weights) or s64_problem(op)


_S8_SOURCE = "nnc_cmsis_fully_connected_s8.c"

KERNELS: tuple[Kernel, ...] = (
    FullyConnectedS8("arm_fully_connected_s8", _S8_SOURCE),
    FullyConnectedS8("arm_fully_connected_per_channel_s8", _S8_SOURCE, per_channel=True),
    FullyConnectedS16("arm_fully_connected_s16", "nnc_cmsis_fully_connected_s16.c", S16),
)
