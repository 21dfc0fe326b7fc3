"""
CMSIS-NN's functions as kernel rows: convolution and dense layers.

Their numbers (multipliers, offsets, clamps) all come from the compiler; what the library decides by
itself is how it rounds, and by default that is double rounding. A layer is legal for a function
when the contract asks for just that.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i8, i32
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp, WindowedOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_pointwise import (
    ADD,
    AVERAGE_POOL,
    MAX_POOL,
    MUL,
    SOFTMAX,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values


def int8_operands_problem(op: AccumulatingOp) -> str | None:
    """Why a layer is not int8 x int8 -> int8 with an int32 accumulator."""
    for name, value in (("input", op.input), ("weights", op.weights), ("output", op.output)):
        kind = element_of(value)
        if not isinstance(kind, UniformQuantizedType) or kind.storage.width.data != 8:
            return f"its {name} is not int8"
        if not kind.is_signed:
            return f"its {name} is unsigned"
    weights = quantization_of(op.weights)
    assert weights is not None
    if weights.zero_points.any():
        return "its weights have a zero point"
    if op.accumulator != i32:
        return f"its accumulator is {op.accumulator}, not i32"
    return None


def int8_problem(op: AccumulatingOp) -> str | None:
    """Why a layer is not what CMSIS-NN's int8 functions compute: also rounded as they round."""
    problem = int8_operands_problem(op)
    if problem is not None:
        return problem
    assert op.rounding is not None
    if op.rounding.data is not Rounding.DOUBLE:
        return f"the numeric contract rounds it as {op.rounding.data.value}, CMSIS-NN as double"
    return None


def requantization(op: AccumulatingOp, lowering: Lowering) -> list[SSAValue]:
    """The per-channel multipliers and shifts of a layer, as two constants."""
    multipliers, shifts = fixed_point.quantize_multipliers(op.real_multipliers())
    channels = shape_of(op.output)[-1]
    return [
        lowering.constant(np.broadcast_to(values, channels).astype(np.int32), i32, hint)
        for values, hint in ((multipliers, "multiplier"), (shifts, "shift"))
    ]


def epilogue_parameters(op: AccumulatingOp) -> dict[str, Parameter]:
    """Offsets and clamp."""
    source, target = quantization_of(op.input), quantization_of(op.output)
    assert source is not None and target is not None
    return {
        "input_offset": -source.zero_point,
        "output_offset": target.zero_point,
        "clamp": op.stored_bounds(),
    }


def bias_of(op: AccumulatingOp, lowering: Lowering) -> SSAValue:
    """The layer's bias, zeros where it has none: the library's scalar paths want one."""
    if op.bias is not None:
        return lowering.buffer(op.bias)
    return lowering.constant(np.zeros(shape_of(op.output)[-1], np.int32), i32, "bias")


def dims(name: str, shape: Sequence[int]) -> str:
    """A `cmsis_nn_dims` of NHWC extents."""
    return f"static const cmsis_nn_dims {name} = {{{', '.join(map(str, shape))}}};"


def tile(pair: Sequence[int]) -> str:
    """A `cmsis_nn_tile` of (height, width), which the library keeps as width, height."""
    return f"{{{pair[1]}, {pair[0]}}}"


def clamp(bounds: Sequence[int]) -> str:
    """A `cmsis_nn_activation`."""
    return f"{{{bounds[0]}, {bounds[1]}}}"


def context(call: CallOp, arguments: Sequence[str], size: int) -> str:
    """The `cmsis_nn_context` around the call's scratch, which may be none."""
    buffer = arguments[-1] if call.scratch else "NULL"
    return f"const cmsis_nn_context ctx = {{{buffer}, {size}}};"


class WindowedKernel(Kernel, ABC):
    """What the convolutions share: the geometry, and per-channel requantisation."""

    library = True
    headers = ("nnc_cmsis_nn.h",)

    def geometry(self, op: WindowedOp) -> dict[str, Parameter]:
        """The window as numbers."""
        return {
            "strides": tuple(op.strides.get_values()),
            "dilations": tuple(op.dilations.get_values()),
            "padding": tuple(op.padding.get_values()),
            "input_shape": shape_of(op.input),
            "filter_shape": shape_of(op.weights),
            "output_shape": shape_of(op.output),
        }

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, WindowedOp)
        inputs = [
            lowering.buffer(op.input),
            lowering.buffer(op.weights),
            bias_of(op, lowering),
            *requantization(op, lowering),
        ]
        size = self.scratch(op, target) if target.library else 0
        parameters = {**self.geometry(op), **epilogue_parameters(op), "scratch_bytes": size}
        return lowering.call(self.name, inputs, parameters, size)

    def in_order(self, target: Target) -> bool:
        return not target.library

    def window(self, call: CallOp) -> Window:
        """The geometry of a call."""
        shapes = [call.numbers(f"{name}_shape") for name in ("input", "filter", "output")]
        top, bottom, left, right = call.numbers("padding")
        padding = ((top, bottom), (left, right))
        axes = [
            Axis(
                shapes[0][k + 1],
                shapes[2][k + 1],
                shapes[1][k + 1],
                call.numbers("strides")[k],
                call.numbers("dilations")[k],
                *padding[k],
            )
            for k in range(2)
        ]
        return Window(axes[0], axes[1])

    def finish(self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar) -> IRScalar:
        """Bias, requantisation and clamp of an accumulator."""
        bias, multiplier, shift = (b.load(operand, [channel]) for operand in b.inputs[2:5])
        scaled = (total + bias).requantize(multiplier, shift, Rounding.DOUBLE)
        low, high = call.numbers("clamp")
        return (scaled + call.number("output_offset")).clamp(low, high).to(i8)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, bias, multiplier, shift, target = arguments[:6]
        depthwise = "dw_" if call.callee.data.startswith("arm_depthwise") else ""
        channels = call.numbers("output_shape")[3]
        top, _, left, _ = call.numbers("padding")
        fields = [
            str(call.number("input_offset")),
            str(call.number("output_offset")),
            *([str(channels // call.numbers("input_shape")[3])] if depthwise else []),
            tile(call.numbers("strides")),
            tile((top, left)),
            tile(call.numbers("dilations")),
            clamp(call.numbers("clamp")),
        ]
        return [
            context(call, arguments, call.number("scratch_bytes")),
            f"static const cmsis_nn_{depthwise}conv_params params = {{",
            f"    {', '.join(fields)}",
            "};",
            "const cmsis_nn_per_channel_quant_params quant = {",
            f"    (int32_t *)(uintptr_t){multiplier}, (int32_t *)(uintptr_t){shift}",
            "};",
            dims("input_dims", call.numbers("input_shape")),
            dims("filter_dims", call.numbers("filter_shape")),
            dims("bias_dims", (1, 1, 1, channels)),
            dims("output_dims", call.numbers("output_shape")),
            f"return {self.name}(&ctx, &params, &quant, &input_dims, {source}, &filter_dims,",
            f"    {weights}, &bias_dims, {bias}, &output_dims, {target});",
        ]


class ConvolveS8(WindowedKernel):
    """`arm_convolve_wrapper_s8`: int8 convolution, grouped too."""

    name = "arm_convolve_wrapper_s8"
    sources = ("nnc_cmsis_convolve_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, Conv2DOp):
            return ""
        problem = int8_problem(op)
        if problem is not None or not target.library:
            return problem
        return limits.convolve_wrapper_s8(
            target.core,
            shape_of(op.input),
            shape_of(op.weights),
            shape_of(op.output),
            strides=op.strides.get_values(),
            dilations=op.dilations.get_values(),
            padding=op.padding.get_values(),
        )

    def scratch(self, op: NnOp, target: Target) -> int:
        assert isinstance(op, Conv2DOp)
        return sizes.convolve_wrapper_s8(
            target.core,
            shape_of(op.input),
            shape_of(op.weights),
            shape_of(op.output),
            strides=op.strides.get_values(),
            dilations=op.dilations.get_values(),
            padding=op.padding.get_values(),
        )

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        window = self.window(call)
        depth = call.numbers("filter_shape")[3]
        groups = call.numbers("input_shape")[3] // depth
        per_group = call.numbers("filter_shape")[0] // groups
        offset = call.number("input_offset")
        x, w = b.inputs[0], b.inputs[1]

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                ky, kx, ic = at
                iy, ix = window.height.coordinate(oy, ky), window.width.coordinate(ox, kx)
                channel = ic if groups == 1 else oc // per_group * depth + ic
                value = b.load(x, [n, iy, ix, channel]).to(i32) + offset
                return total + value * b.load(w, [oc, ky, kx, ic]).to(i32)

            bounds = [window.height.inside(b, oy), window.width.inside(b, ox), (0, depth)]
            return self.finish(call, b, b.reduce(bounds, b.constant(0, i32), tap), oc)

        b.produce(b.outputs[0], element)


class DepthwiseConvS8(WindowedKernel):
    """`arm_depthwise_conv_wrapper_s8`: int8 depthwise convolution of any multiplier."""

    name = "arm_depthwise_conv_wrapper_s8"
    sources = ("nnc_cmsis_depthwise_conv_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DepthwiseConv2DOp):
            return ""
        problem = int8_problem(op)
        if problem is not None or not target.library:
            return problem
        return limits.depthwise_conv_wrapper_s8(
            target.core,
            shape_of(op.input),
            shape_of(op.weights),
            shape_of(op.output),
            strides=op.strides.get_values(),
            dilations=op.dilations.get_values(),
            padding=op.padding.get_values(),
        )

    def scratch(self, op: NnOp, target: Target) -> int:
        assert isinstance(op, DepthwiseConv2DOp)
        return sizes.depthwise_conv_wrapper_s8(
            target.core,
            shape_of(op.input),
            shape_of(op.weights),
            shape_of(op.output),
            strides=op.strides.get_values(),
            dilations=op.dilations.get_values(),
            padding=op.padding.get_values(),
        )

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        window = self.window(call)
        multiplier = call.numbers("output_shape")[3] // call.numbers("input_shape")[3]
        offset = call.number("input_offset")
        x, w = b.inputs[0], b.inputs[1]

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = b.load(x, [n, iy, ix, oc // multiplier]).to(i32) + offset
                return total + value * b.load(w, [b.index(0), at[0], at[1], oc]).to(i32)

            bounds = [window.height.inside(b, oy), window.width.inside(b, ox)]
            return self.finish(call, b, b.reduce(bounds, b.constant(0, i32), tap), oc)

        b.produce(b.outputs[0], element)


_PER_TENSOR = ("multiplier", "shift")


def needs_sums(target: Target) -> bool:
    """Whether the dense functions want the sums of the weights: the library does with Helium."""
    return target.library and target.core.has_mve


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


class FullyConnectedS8(Kernel):
    """
    `arm_fully_connected_s8` and `arm_fully_connected_per_channel_s8`: int8 dense layers of one and
    of many scales. The library's wrapper would link both.
    """

    library = True
    headers = ("nnc_cmsis_nn.h",)
    sources = ("nnc_cmsis_fully_connected_s8.c",)

    def __init__(self, name: str, per_channel: bool):
        self.name = name
        self.per_channel = per_channel

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or (op.real_multipliers().size > 1) != self.per_channel:
            return ""
        constant = op.bias is None or constant_values(op.bias) is not None
        if needs_sums(target) and (not constant or constant_values(op.weights) is None):
            return "its weights or bias are not constant, so their sums are not known"
        return int8_problem(op)

    def scratch(self, op: NnOp, target: Target) -> int:
        return 0

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        inputs = [
            lowering.buffer(op.input),
            lowering.buffer(op.weights),
            bias_of(op, lowering),
            *(requantization(op, lowering) if self.per_channel else []),
            *([kernel_sums(op, lowering)] if needs_sums(target) else []),
        ]
        multiplier, shift = fixed_point.quantize_multiplier(float(op.real_multipliers()[0]))
        parameters: dict[str, Parameter] = {
            **epilogue_parameters(op),
            "rows": shape_of(op.input)[0],
            "depth": shape_of(op.input)[1],
            "channels": shape_of(op.output)[1],
            "sums": int(needs_sums(target)),
        }
        if not self.per_channel:
            parameters |= {"multiplier": multiplier, "shift": shift}
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        x, w = b.inputs[0], b.inputs[1]
        offset = call.number("input_offset")

        def element(index: list[IRScalar]) -> IRScalar:
            n, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                value = b.load(x, [n, at[0]]).to(i32) + offset
                return total + value * b.load(w, [oc, at[0]]).to(i32)

            total = b.reduce([(0, call.number("depth"))], b.constant(0, i32), tap)
            if self.per_channel:
                multiplier, shift = (b.load(operand, [oc]) for operand in b.inputs[3:5])
            else:
                multiplier, shift = (b.constant(call.number(n), i32) for n in _PER_TENSOR)
            scaled = (total + b.load(b.inputs[2], [oc])).requantize(
                multiplier, shift, Rounding.DOUBLE
            )
            low, high = call.numbers("clamp")
            return (scaled + call.number("output_offset")).clamp(low, high).to(i8)

        b.produce(b.outputs[0], element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, bias = arguments[:3]
        inputs = len(call.inputs)
        sums = arguments[inputs - 1] if call.number("sums") else None
        target = arguments[inputs]
        if self.per_channel:
            kind, values = "channel", [f"(int32_t *)(uintptr_t){a}" for a in arguments[3:5]]
        else:
            kind, values = "tensor", [str(call.number(name)) for name in _PER_TENSOR]
        rows, depth, channels = (call.number(n) for n in ("rows", "depth", "channels"))
        buffer = f"(void *)(uintptr_t){sums}" if sums else "NULL"
        return [
            f"const cmsis_nn_context ctx = {{{buffer}, {4 * channels if sums else 0}}};",
            "static const cmsis_nn_fc_params params = {",
            f"    {call.number('input_offset')}, 0, {call.number('output_offset')}, "
            f"{clamp(call.numbers('clamp'))}",
            "};",
            f"const cmsis_nn_per_{kind}_quant_params quant = {{{values[0]}, {values[1]}}};",
            dims("input_dims", (rows, 1, 1, depth)),
            dims("filter_dims", (depth, 1, 1, channels)),
            dims("bias_dims", (1, 1, 1, channels)),
            dims("output_dims", (rows, 1, 1, channels)),
            f"return {self.name}(&ctx, &params, &quant, &input_dims, {source}, &filter_dims,",
            f"    {weights}, &bias_dims, {bias}, &output_dims, {target});",
        ]


KERNELS: tuple[Kernel, ...] = (
    ConvolveS8(),
    DepthwiseConvS8(),
    FullyConnectedS8("arm_fully_connected_s8", False),
    FullyConnectedS8("arm_fully_connected_per_channel_s8", True),
    AVERAGE_POOL,
    MAX_POOL,
    SOFTMAX,
    ADD,
    MUL,
)
