"""CMSIS-NN's SVDF layers as kernel rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from nnc.boards import Core
from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.recurrent import SvdfOp
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import S8, S16, Width, stored_clamp
from nnc.runtime.cmsis_text import braces, contexts, dims, unqualified
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

_BIAS, _STATE, _SUMS = 3, 4, 5


class Svdf(CmsisKernel):
    """
    `arm_svdf_s8` and `arm_svdf_state_s16_s8`, by the width of their state, which they overwrite.
    """

    CONTEXTS = 2

    def __init__(self, name: str, source: str, width: Width):
        super().__init__(name, source)
        self.width = width

    def in_order(self, target: Target) -> bool:
        # Of the op's operands only the state may be overwritten, and that it is.
        return True

    def needs_sums(self, target: Target) -> bool:
        """Whether the function wants the sums of the feature weights in its context."""
        return target.library and target.core.has_mve and self.width is S8

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, SvdfOp) or not self.width.concerns(op.state):
            return ""
        return self._problem(op, target)

    def _problem(self, op: SvdfOp, target: Target) -> str | None:
        if not S8.holds(op.input) or not S8.holds(op.output):
            return "its input or output is not int8"
        state = quantization_of(op.state)
        if not self.width.holds(op.state) or state is None or state.zero_point:
            return f"its state is not {self.width.name} with the zero point 0"
        for name, value, bits in (("feature", op.feature, 8), ("time", op.time, self.width.bits)):
            kind = quantization_of(value)
            if kind is None or not kind.is_signed or kind.storage.width.data != bits:
                return f"its {name} weights are not int{bits}"
            if kind.zero_points.any():
                return f"its {name} weights have a zero point"
        if op.bias is not None and element_of(op.bias) != i32:
            return "its bias is not int32"
        if self.needs_sums(target) and constant_values(op.feature) is None:
            return "its feature weights are not constant, so their sums are not known"
        return None

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, SvdfOp)
        batches, filters, _ = op.sizes
        rank = op.rank.value.data
        return sizes.svdf_s8(core, batches=batches, filters=filters, rank=rank)[1:]

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, SvdfOp)
        source, state, output = (quantization_of(v) for v in (op.input, op.state, op.output))
        assert source is not None and state is not None and output is not None
        scratch, (batch, filters, steps) = self.scratch(op, target), op.sizes
        multipliers = [fixed_point.quantize_multiplier(real) for real in op.real_multipliers()]
        parameters: dict[str, Parameter] = {
            "batch": batch,
            "depth": shape_of(op.input)[1],
            "filters": filters,
            "steps": steps,
            "rank": op.rank.value.data,
            "zero_points": (source.zero_point, output.zero_point),
            "multipliers": tuple(multiplier for multiplier, _ in multipliers),
            "shifts": tuple(shift for _, shift in multipliers),
            "state_clamp": stored_clamp(state, None, None),
            "clamp": stored_clamp(output, None, None),
            "sums": int(self.needs_sums(target)),
            "scratch_bytes": scratch,
        }
        inputs = [
            lowering.buffer(op.input),
            lowering.buffer(op.feature),
            lowering.buffer(op.time),
            self._bias(op, lowering),
            lowering.buffer(op.state),
            *([self._sums(op, lowering)] if self.needs_sums(target) else []),
        ]
        return lowering.call(self.name, inputs, parameters, scratch)

    def _bias(self, op: SvdfOp, lowering: Lowering) -> SSAValue:
        if op.bias is not None:
            return lowering.buffer(op.bias)
        return lowering.constant(np.zeros(shape_of(op.output)[1], np.int32), i32, "bias")

    def _sums(self, op: SvdfOp, lowering: Lowering) -> SSAValue:
        """Minus the zero point times the sum of each filter's weights, as Helium wants it."""
        weights, source = constant_values(op.feature), quantization_of(op.input)
        assert weights is not None and source is not None
        sums = -source.zero_point * weights.astype(np.int64).sum(axis=1)
        return lowering.constant(sums.astype(np.int32), i32, "kernel_sum")

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        x, feature, time, bias, state = b.inputs[:5]
        y, following = b.outputs
        depth, filters, steps, rank = (
            call.number(name) for name in ("depth", "filters", "steps", "rank")
        )
        zero_points = call.numbers("zero_points")
        batch = call.number("batch")

        def shift(index: list[IRScalar]) -> None:
            n, f, t = index
            place = f * steps + t
            b.store(following, [n, place], b.load(state, [n, place + 1]))

        def append(index: list[IRScalar]) -> None:
            n, f = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                value = b.load(x, [n, at[0]]).to(i32) - zero_points[0]
                return total + value * b.load(feature, [f, at[0]]).to(i32)

            total = b.reduce([(0, depth)], b.constant(0, i32), tap, ("k",))
            stored = self._scaled(call, b, total, 0).clamp(*call.numbers("state_clamp"))
            b.store(following, [n, f * steps + (steps - 1)], stored.to(self.width.storage))

        def unit(index: list[IRScalar]) -> IRScalar:
            n, u = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                f = u * rank + at[0]
                value = b.load(following, [n, f * steps + at[1]]).to(i32)
                return total + value * b.load(time, [f, at[1]]).to(i32)

            total = b.reduce([(0, rank), (0, steps)], b.load(bias, [u]), tap, ("r", "t"))
            number = self._scaled(call, b, total, 1) + zero_points[1]
            return number.clamp(*call.numbers("clamp")).to(S8.storage)

        b.for_each([batch, filters, steps - 1], shift)
        b.for_each([batch, filters], append)
        b.produce(y, unit)

    def _scaled(self, call: CallOp, b: LoopBuilder, total: IRScalar, number: int) -> IRScalar:
        multiplier, shift = (
            b.constant(call.numbers(name)[number], i32) for name in ("multipliers", "shifts")
        )
        return total.requantize(multiplier, shift, Rounding.DOUBLE)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        x, feature, time, bias, state = arguments[:5]
        y, following = arguments[len(call.inputs) : len(call.inputs) + 2]
        batch, depth, filters, steps, rank = (
            call.number(name) for name in ("batch", "depth", "filters", "steps", "rank")
        )
        zero_points = call.numbers("zero_points")
        quants = zip(call.numbers("multipliers"), call.numbers("shifts"), strict=True)
        output_dims = (batch, filters // rank, 1, 1)
        names = "&input_ctx, &output_ctx"
        lines: list[str] = []
        if self.width is S8:
            # Only Helium reads this context, and checks that there is one.
            sums = unqualified(arguments[_SUMS], "void") if call.number("sums") else "NULL"
            size = 4 * filters if call.number("sums") else 0
            lines = [f"const cmsis_nn_context sums = {{{sums}, {size}}};"]
            names = f"&sums, {names}"
        return [
            *lines,
            *contexts(call, arguments, "input_ctx", "output_ctx"),
            "static const cmsis_nn_svdf_params params = {",
            f"    {rank}, {zero_points[0]}, {zero_points[1]},",
            f"    {braces(call.numbers('state_clamp'))}, {braces(call.numbers('clamp'))}",
            "};",
            *(
                f"static const cmsis_nn_per_tensor_quant_params {name} = {braces(quant)};"
                for name, quant in zip(("activation", "result"), quants, strict=True)
            ),
            dims("input_dims", (batch, depth, 1, 1)),
            dims("feature_dims", (filters, 1, 1, depth)),
            dims("time_dims", (1, steps, 1, 1)),
            dims("output_dims", output_dims),
            f"if ({following} != {state}) {{",
            f"    memcpy({following}, {state}, {batch * filters * steps} * sizeof *{state});",
            "}",
            f"return {self.name}({names}, &params, &activation, &result,",
            f"    &input_dims, {x}, &output_dims, {following}, &feature_dims, {feature},",
            f"    &time_dims, {time}, &output_dims, {bias}, &output_dims, {y});",
        ]


KERNELS: tuple[Kernel, ...] = (
    Svdf("arm_svdf_s8", "nnc_cmsis_svdf_s8.c", S8),
    Svdf("arm_svdf_state_s16_s8", "nnc_cmsis_svdf_state_s16_s8.c", S16),
)
