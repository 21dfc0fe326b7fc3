"""Our int8 depthwise convolution for cores with the DSP extension, as a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from xdsl.dialects.builtin import i8, i32

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DepthwiseConv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import quantization_of, shape_of
from nnc.runtime.cmsis_operands import S8
from nnc.runtime.own_conv import (
    formula_for,
    layer_problem,
    requantization_constants,
    requantized,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.upper_word import UpperWord


@lru_cache(maxsize=16)
def formula(op: DepthwiseConv2DOp) -> UpperWord | None:
    """A formula that equals the layer's requantisation for every sum that it can have."""
    weights = constant_values(op.weights)
    bias = np.zeros(1, np.int32) if op.bias is None else constant_values(op.bias)
    source = quantization_of(op.input)
    assert weights is not None and bias is not None and source is not None
    rows = np.moveaxis(weights, 3, 0).reshape(weights.shape[3], -1)
    # A tap outside the image counts as 0, which lies between these bounds.
    bounds = source.storage_min - source.zero_point, source.storage_max - source.zero_point
    return formula_for(op, rows, bias.astype(np.int64), *bounds)


class DepthwiseS8(Kernel):
    """
    `nnc_depthwise_s8`: int8 depthwise convolutions with one output channel for each input channel,
    four of them at a time; requantised as by `nnc_conv_s8`.
    """

    name = "nnc_depthwise_s8"
    headers = ("nnc_depthwise_s8.h",)
    sources = ("nnc_depthwise_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DepthwiseConv2DOp) or not S8.concerns(op.input):
            return ""
        problem = layer_problem(op, target)
        if problem is not None:
            return problem
        if op.multiplier != 1:
            return f"it has {op.multiplier} outputs for each channel"
        if shape_of(op.input)[3] % 4:
            return f"its {shape_of(op.input)[3]} channels are no multiple of 4"
        if formula(op) is None:
            return "no formula of the function equals its requantisation"
        return None

    def in_order(self, target: Target) -> bool:
        return True

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return ()

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DepthwiseConv2DOp)
        source, found = quantization_of(op.input), formula(op)
        assert source is not None and found is not None
        bias = np.zeros(shape_of(op.output)[3], np.int32)
        if op.bias is not None:
            given = constant_values(op.bias)
            assert given is not None
            bias = given
        constants, numbers = requantization_constants(found, lowering)
        weights = constant_values(op.weights)
        assert weights is not None
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(weights, i8, "weights"),
            lowering.constant(bias, i32, "bias"),
            *constants,
        ]
        parameters: dict[str, Parameter] = {
            "input_shape": shape_of(op.input),
            "output_shape": shape_of(op.output),
            "kernel": shape_of(op.weights)[1:3],
            "strides": tuple(op.strides.get_values()),
            "dilations": tuple(op.dilations.get_values()),
            "padding": tuple(op.padding.get_values()),
            "in_offset": -source.zero_point,
            **numbers,
        }
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        source, target = call.numbers("input_shape"), call.numbers("output_shape")
        top, bottom, left, right = call.numbers("padding")
        height, width = zip(
            source[1:3],
            target[1:3],
            call.numbers("kernel"),
            call.numbers("strides"),
            call.numbers("dilations"),
            strict=True,
        )
        window = Window(Axis(*height, top, bottom), Axis(*width, left, right))
        x = b.reshaped(b.inputs[0], source)
        w = b.reshaped(b.inputs[1], (*call.numbers("kernel"), source[3]))

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = b.load(x, [n, iy, ix, c]).to(i32) + call.number("in_offset")
                return total + value * b.load(w, [*at, c]).to(i32)

            bounds = [window.height.inside(b, oy), window.width.inside(b, ox)]
            total = b.reduce(bounds, b.load(b.inputs[2], [c]), tap, ("ky", "kx"))
            return requantized(call, b, total, c)

        b.produce(b.reshaped(b.outputs[0], target), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        output = arguments[len(call.inputs)]
        fields = [
            *call.numbers("input_shape"),
            *call.numbers("output_shape")[1:3],
            *call.numbers("kernel"),
            *call.numbers("strides"),
            *call.numbers("dilations"),
            *call.numbers("padding")[::2],
            call.number("in_offset"),
            *call.numbers("clamp"),
            call.number("fix"),
        ]
        return [
            f"static const nnc_depthwise_s8_layer layer = {{{', '.join(map(str, fields))}}};",
            f"{self.name}(&layer, {', '.join(arguments[: len(call.inputs)])},",
            f"    {call.number('step')}, {output});",
            "return 0;",
        ]


KERNELS: tuple[Kernel, ...] = (DepthwiseS8(),)
