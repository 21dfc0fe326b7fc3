"""Our int8 depthwise convolution for cores with the DSP extension, as a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
from xdsl.dialects.builtin import i8, i32

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DepthwiseConv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.runtime.cmsis_operands import S8
from nnc.runtime.own_conv import (
    Ints,
    formula_for,
    layer_problem,
    requantization_constants,
    requantized,
)
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.upper_word import UpperWord

BLOCK = 4
"""Outputs that are computed at once."""


@lru_cache(maxsize=16)
def formula(op: DepthwiseConv2DOp) -> UpperWord | None:
    """A formula that equals the layer's requantisation for every sum that it can have."""
    source = quantization_of(op.input)
    assert source is not None
    rows = _rows(op)
    return formula_for(op, rows, _folded_bias(op), source.storage_min, source.storage_max)


def _rows(op: DepthwiseConv2DOp) -> Array:
    """The weights of each channel."""
    weights = constant_values(op.weights)
    assert weights is not None
    return np.moveaxis(weights, 3, 0).reshape(weights.shape[3], -1)


def _folded_bias(op: DepthwiseConv2DOp) -> Ints:
    """The bias with the input's zero point folded in."""
    bias = np.zeros(1, np.int32) if op.bias is None else constant_values(op.bias)
    source = quantization_of(op.input)
    assert bias is not None and source is not None
    sums = _rows(op).astype(np.int64).sum(axis=1)
    return bias.astype(np.int64) - source.zero_point * sums


@dataclass(frozen=True)
class _Axis:
    """A layer along one axis of its images; the steps are bytes from one position to the next."""

    source: int
    target: int
    in_step: int
    out_step: int
    kernel: int
    weight_step: int
    stride: int
    dilation: int
    before: int

    @property
    def extent(self) -> int:
        """The kernel's, dilated."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def blocks(self) -> int:
        """In which outputs along the axis are computed."""
        return -(-self.target // BLOCK)


@dataclass(frozen=True)
class _Lines:
    """How the function sees a layer: as lines, its rows or, where `turned` is set, its columns."""

    rows: _Axis
    columns: _Axis
    turned: bool

    @staticmethod
    def of(op: DepthwiseConv2DOp) -> _Lines:
        """Lines along the axis that makes less work."""
        source, target, weights = (shape_of(it) for it in (op.input, op.output, op.weights))
        channels = source[3]
        steps = [(it[2] * channels, channels) for it in (source, target, weights)]
        rows, columns = (
            _Axis(
                source[axis + 1],
                target[axis + 1],
                steps[0][axis],
                steps[1][axis],
                weights[axis + 1],
                steps[2][axis],
                op.strides.get_values()[axis],
                op.dilations.get_values()[axis],
                op.padding.get_values()[2 * axis],
            )
            for axis in (0, 1)
        )
        straight, turned = (_Lines(rows, columns, it) for it in (False, True))
        return turned if turned.work < straight.work else straight

    @property
    def work(self) -> int:
        """About how long the function takes, in products."""
        along = self.along.target if self.along.target == 1 else BLOCK * self.along.blocks
        return self.across.target * (along * self.across.extent * 2 * self.pairs + 20)

    @property
    def across(self) -> _Axis:
        return self.columns if self.turned else self.rows

    @property
    def along(self) -> _Axis:
        return self.rows if self.turned else self.columns

    @property
    def line_words(self) -> int:
        """Words that the ring has for a line of one channel."""
        last = BLOCK * self.along.blocks * self.along.stride
        return -(-(-(-last // 2) + self.pairs) // 2) * 2

    @property
    def pairs(self) -> int:
        """Words of a line of weights."""
        return self.along.extent // 2 + 1

    @property
    def ring(self) -> int:
        """Bytes of scratch: the ring, the words of the weights and the constants of channels."""
        return 16 * self.across.extent * (self.line_words + 2 * self.pairs) + 128

    def may_overwrite(self) -> bool:
        """
        Whether each output, at the place of the input with the same number, is written after that
        was read: in a line that is in the ring by then.
        """
        across, along = self.across, self.along
        line, place = np.indices((across.target, along.target))
        number = line * across.out_step + place * along.out_step
        row, place = np.divmod(number // self.columns.in_step, self.columns.source)
        overwritten = place if self.turned else row
        read = line * across.stride + across.extent - 1 - across.before
        return bool((overwritten <= read).all())


class DepthwiseS8(Kernel):
    """
    `nnc_depthwise_s8`: int8 depthwise convolutions with one output channel for each input channel,
    by lines of one channel; requantised as by `nnc_conv_s8`.
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
        if formula(op) is None:
            return "no formula of the function equals its requantisation"
        return None

    def same_places(self, op: NnOp, target: Target) -> list[tuple[int, int]]:
        assert isinstance(op, DepthwiseConv2DOp)
        alone = shape_of(op.input)[0] == 1 or shape_of(op.input) == shape_of(op.output)
        return [(0, 0)] if alone and _Lines.of(op).may_overwrite() else []

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, DepthwiseConv2DOp)
        return (_Lines.of(op).ring,)

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DepthwiseConv2DOp)
        source, found = quantization_of(op.input), formula(op)
        weights = constant_values(op.weights)
        assert source is not None and found is not None and weights is not None
        formulas, numbers = requantization_constants(found, lowering)
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(weights, i8, "weights"),
            lowering.constant(_folded_bias(op).astype(np.int32), i32, "bias"),
            formulas,
        ]
        lines = _Lines.of(op)
        parameters: dict[str, Parameter] = {
            "input_shape": shape_of(op.input),
            "output_shape": shape_of(op.output),
            "rows": astuple(lines.rows),
            "columns": astuple(lines.columns),
            "turned": int(lines.turned),
            "line_words": lines.line_words,
            "zero_point": source.zero_point,
            **numbers,
        }
        return lowering.call(self.name, inputs, parameters, (lines.ring,))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        source, target = call.numbers("input_shape"), call.numbers("output_shape")
        x = b.reshaped(b.inputs[0], source)
        rows, columns = self._lines(call).rows, self._lines(call).columns
        w = b.reshaped(b.inputs[1], (rows.kernel, columns.kernel, source[3]))

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy, ix = (
                    place * axis.stride + k * axis.dilation - axis.before
                    for place, k, axis in zip((oy, ox), at, (rows, columns), strict=True)
                )
                inside = (iy >= 0) & (iy < source[1]) & (ix >= 0) & (ix < source[2])
                value = b.choose(
                    inside,
                    lambda: b.load(x, [n, iy, ix, c]),
                    lambda: b.constant(call.number("zero_point"), i8),
                )
                return total + value.to(i32) * b.load(w, [*at, c]).to(i32)

            bounds = [(0, rows.kernel), (0, columns.kernel)]
            total = b.reduce(bounds, b.load(b.inputs[2], [c]), tap, ("ky", "kx"))
            return requantized(call, b, total, c)

        b.produce(b.reshaped(b.outputs[0], target), element)

    def _lines(self, call: CallOp) -> _Lines:
        rows, columns = (_Axis(*call.numbers(name)) for name in ("rows", "columns"))
        return _Lines(rows, columns, bool(call.number("turned")))

    def _blocks(self, call: CallOp, lines: _Lines) -> str:
        """The function for blocks of outputs, where there is one for the kernel."""
        kernel = [(axis.kernel, axis.extent) for axis in (lines.across, lines.along)]
        if kernel != [(3, 3), (3, 3)] or lines.along.stride > 2 or not call.number("uniform"):
            return "NULL"
        fix = "_fix" if call.number("fix") else ""
        clamp = "" if call.numbers("clamp") == (-128, 127) else "_clamp"
        return f"nnc_depthwise_3x3_s{lines.along.stride}{fix}{clamp}"

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        output, ring = arguments[len(call.inputs) :]
        lines = self._lines(call)
        across, along = lines.across, lines.along
        source = call.numbers("input_shape")
        fields = [
            source[0],
            source[3],
            *(across.source, along.source, across.in_step, along.in_step),
            *(across.target, along.target, across.out_step, along.out_step),
            *(across.kernel, along.kernel, across.weight_step, along.weight_step),
            *(across.dilation, along.dilation),
            *(across.stride, along.stride),
            *(across.before, along.before),
            call.number("line_words"),
            call.number("zero_point"),
            *call.numbers("clamp"),
            call.number("fix"),
            self._blocks(call, lines),
        ]
        return [
            f"static const nnc_depthwise_s8_layer layer = {{{', '.join(map(str, fields))}}};",
            f"{self.name}(&layer, {', '.join(arguments[: len(call.inputs)])},",
            f"    {call.number('step')}, {output}, {ring});",
            "return 0;",
        ]


KERNELS: tuple[Kernel, ...] = (DepthwiseS8(),)
