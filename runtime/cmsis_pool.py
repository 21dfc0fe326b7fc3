"""CMSIS-NN's pooling functions as kernel rows."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i32

from nnc.boards import Core
from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp, PoolOp
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import quantization_of, shape_of
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_buffer_sizes import Geometry
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import S8, S16, Width, stored_clamp
from nnc.runtime.cmsis_text import braces, contexts, dims, tile
from nnc.runtime.registry import Kernel, Lowering, Target


class Pool(CmsisKernel):
    """Average or maximum over a window, of int8 or int16; neither looks at the zero point."""

    CONTEXTS = 1

    def __init__(self, name: str, kind: type[PoolOp], width: Width):
        super().__init__(name, f"nnc_cmsis_pool_s{width.bits}.c")
        self.kind = kind
        self.width = width

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, self.kind) or not self.width.concerns(op.input):
            return ""
        if not self.width.holds(op.input):
            return f"its input is not {self.width.name}"
        if op.spread != (1, 1):
            return "its windows are dilated"
        kernel = tuple(op.kernel.get_values())
        layer = Geometry(
            shape_of(op.input),
            (1, *kernel, 1),
            shape_of(op.output),
            tuple(op.strides.get_values()),
            padding=tuple(op.padding.get_values()),
        )
        return limits.pool(layer, self.width.bits)

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, PoolOp)
        averages = self.kind is AveragePool2DOp
        return (sizes.avgpool_s8(core, shape_of(op.input)[3]) if averages else 0,)

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, PoolOp)
        kind, scratch = quantization_of(op.output), self.scratch(op, target)
        assert kind is not None
        parameters: dict[str, Parameter] = {
            "kernel": tuple(op.kernel.get_values()),
            "strides": tuple(op.strides.get_values()),
            "padding": tuple(op.padding.get_values()),
            "input_shape": shape_of(op.input),
            "output_shape": shape_of(op.output),
            "clamp": stored_clamp(kind, *op.bounds()),
            "scratch_bytes": scratch,
        }
        return lowering.call(self.name, [lowering.buffer(op.input)], parameters, scratch)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        source, target = call.numbers("input_shape"), call.numbers("output_shape")
        kernel, strides = call.numbers("kernel"), call.numbers("strides")
        top, bottom, left, right = call.numbers("padding")
        window = Window(
            Axis(source[1], target[1], kernel[0], strides[0], 1, top, bottom),
            Axis(source[2], target[2], kernel[1], strides[1], 1, left, right),
        )
        average = self.kind is AveragePool2DOp
        lowest = -(1 << (self.width.bits - 1))

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index
            rows, columns = window.height.inside(b, oy), window.width.inside(b, ox)

            def tap(so_far: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = b.load(b.inputs[0], [n, iy, ix, c]).to(i32)
                return so_far + value if average else so_far.max(value)

            initial = b.constant(0 if average else lowest, i32)
            total = b.reduce([rows, columns], initial, tap, ("ky", "kx"))
            if average:
                height = b.as_index(rows[1]) - b.as_index(rows[0])
                width = b.as_index(columns[1]) - b.as_index(columns[0])
                count = (height * width).to(i32)
                half = count.divide(2)
                signed_half = (total > 0).select(half, 0 - half)
                total = (total + signed_half).divide(count)
            return total.clamp(*call.numbers("clamp")).to(self.width.storage)

        b.produce(b.outputs[0], element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        top, _, left, _ = call.numbers("padding")
        fields = [
            tile(call.numbers("strides")),
            tile((top, left)),
            braces(call.numbers("clamp")),
        ]
        return [
            *contexts(call, arguments, "ctx"),
            "static const cmsis_nn_pool_params params = {",
            f"    {', '.join(fields)}",
            "};",
            dims("input_dims", call.numbers("input_shape")),
            dims("filter_dims", (*call.numbers("kernel"), 1)),
            dims("output_dims", call.numbers("output_shape")),
            f"return {self.name}(&ctx, &params, &input_dims, {arguments[0]}, &filter_dims,",
            f"    &output_dims, {arguments[1]});",
        ]


KERNELS: tuple[Kernel, ...] = (
    Pool("arm_avgpool_s8", AveragePool2DOp, S8),
    Pool("arm_max_pool_s8", MaxPool2DOp, S8),
    Pool("arm_avgpool_s16", AveragePool2DOp, S16),
    Pool("arm_max_pool_s16", MaxPool2DOp, S16),
)
