"""Our int8 convolution for cores with the DSP extension, as a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import i8, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.runtime.cmsis_operands import S8, operands_problem
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values
from nnc.runtime.requantize import Requantization, reachable
from nnc.runtime.upper_word import UpperWord, fit_upper_word

Ints = npt.NDArray[np.int64]

KNOWN = {"strides", "dilations", "padding", "groups", "rounding", "min", "max", "f32_product"}
"""The properties of a layer that the row understands."""

LARGEST_SECOND = 1 << 23
"""What 128 times the sum of absolute weights of a second channel must stay below."""


def folded_bias(op: Conv2DOp) -> Ints:
    """The bias with the input's zero point folded in, of a layer of constants."""
    weights, source = constant_values(op.weights), quantization_of(op.input)
    bias = np.zeros(1, np.int32) if op.bias is None else constant_values(op.bias)
    assert weights is not None and bias is not None and source is not None
    sums = weights.astype(np.int64).reshape(weights.shape[0], -1).sum(axis=1)
    return bias.astype(np.int64) - source.zero_point * sums


@lru_cache(maxsize=16)
def formula(op: Conv2DOp) -> UpperWord | None:
    """
    A formula that equals the layer's requantisation for every sum that it can have, None where
    there is none.
    """
    weights, source = constant_values(op.weights), quantization_of(op.input)
    assert weights is not None and source is not None
    rows = weights.reshape(weights.shape[0], -1)
    return formula_for(op, rows, folded_bias(op), source.storage_min, source.storage_max)


def formula_for(
    op: AccumulatingOp, rows: Array, bias: Ints, low: int, high: int
) -> UpperWord | None:
    """
    A formula that equals a layer's requantisation of `bias` and the products of the weights `rows`,
    [channels, products], with numbers of [low, high].
    """
    target = quantization_of(op.output)
    assert target is not None and op.rounding is not None
    first, last = reachable(rows, bias, low, high)
    contract = Requantization(
        op.rounding.data, op.real_multipliers(), target.zero_point, *op.stored_bounds()
    )
    return fit_upper_word(contract, first, last)


FORMULA_WORDS = 4
"""Words of a formula: its multiplier, its shift, the lower and the upper word of its constant."""


def requantization_constants(
    found: UpperWord, lowering: Lowering
) -> tuple[SSAValue, dict[str, Parameter]]:
    """The words of a formula for each channel, or of one for all, and its numbers."""
    words = np.stack(
        [
            found.multiplier.astype(np.int32),
            found.shift.astype(np.int32),
            found.constant.astype(np.int32),
            (found.constant >> 32).astype(np.int32),
        ],
        axis=1,
    )
    shared = bool((words == words[0]).all())
    numbers: dict[str, Parameter] = {
        "clamp": (found.low, found.high),
        "step": 0 if shared else FORMULA_WORDS,
        "fix": int(found.fix),
        "uniform": int(not found.fix or bool((found.shift > 0).all())),
    }
    return lowering.constant((words[:1] if shared else words).ravel(), i32, "formulas"), numbers


def requantized(call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar) -> IRScalar:
    """An output; the formulas are the fourth input."""
    entry = channel * call.number("step")
    multiplier, shift, low, high = (b.load(b.inputs[3], [entry + k]) for k in range(FORMULA_WORDS))
    constant = (high.to(i64) << 32) + low.to(i64, unsigned=True)
    product = (total << 1).to(i64) * multiplier.to(i64) + constant
    upper = (product >> 32).to(i32)
    if call.number("fix"):
        upper = shift.eq(0).select(upper, upper + (total >> 31))
    return (upper >> shift).clamp(*call.numbers("clamp")).to(i8)


def pairs(values: npt.NDArray[np.int8]) -> Ints:
    """Weights as [pairs, 2, depth], the depth rounded up to a multiple of 4, with zeros."""
    rows = values.reshape(values.shape[0], -1).astype(np.int64)
    more = (-rows.shape[0]) % 2, (-rows.shape[1]) % 4
    rows = np.pad(rows, ((0, more[0]), (0, more[1])))
    return rows.reshape(-1, 2, rows.shape[1])


def packed(values: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Weights as the function reads them: see `nnc_conv_s8.h`."""
    both = pairs(values)
    halves = (both[:, 0] + 256 * both[:, 1]).astype(np.int16).reshape(len(both), -1, 4)
    ordered = np.ascontiguousarray(halves[..., [0, 2, 1, 3]])
    return ordered.view("<i4").ravel()


def second_weights_problem(weights: Array) -> str | None:
    """Why weights of two channels cannot share a half of a word."""
    second = pairs(weights)[:, 1]
    if second.min() < -127 or 128 * np.abs(second).sum(axis=1).max() >= LARGEST_SECOND:
        return "its weights are too large for two sums in one register"
    return None


def layer_problem(op: AccumulatingOp, target: Target) -> str | None:
    """
    Why a layer is not an int8 one of constants on a core with the DSP extension. Where the library
    is linked, it is asked for; then these rows are not about the layer at all.
    """
    if target.library or not target.core.has_dsp:
        return ""
    problem = operands_problem(op, S8)
    if problem is not None:
        return problem
    unknown = sorted(op.properties.keys() - KNOWN)
    if unknown:
        return f"it has {', '.join(unknown)}"
    given = [op.weights, *([] if op.bias is None else [op.bias])]
    if any(constant_values(value) is None for value in given):
        return "its weights or bias are not constant"
    return None


class ConvS8(Kernel):
    """
    `nnc_conv_s8`: int8 convolutions in blocks of four pixels and two channels, with about half the
    instructions of CMSIS-NN's; requantised by one multiplication that is proven equal to the
    contract's.
    """

    name = "nnc_conv_s8"
    headers = ("nnc_conv_s8.h",)
    sources = ("nnc_conv_s8.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, Conv2DOp) or not S8.concerns(op.input):
            return ""
        problem = layer_problem(op, target)
        if problem is not None:
            return problem
        if op.groups.value.data != 1:
            return "it has groups"
        weights = constant_values(op.weights)
        assert weights is not None
        problem = second_weights_problem(weights)
        if problem is not None:
            return problem
        if formula(op) is None:
            return "no formula of the function equals its requantisation"
        return None

    def in_order(self, target: Target) -> bool:
        # Four pixels are read before any of them is written.
        return True

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        assert isinstance(op, Conv2DOp)
        depth = self._depth(op)
        return 8 * depth, depth if shape_of(op.input)[3] % 4 else 0

    def _depth(self, op: Conv2DOp) -> int:
        return shape_of(op.weights)[1] * _row_depth(op)

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, Conv2DOp)
        weights, source, found = (
            constant_values(op.weights),
            quantization_of(op.input),
            formula(op),
        )
        assert weights is not None and source is not None and found is not None
        formulas, numbers = requantization_constants(found, lowering)
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(packed(_padded_rows(op, weights)), i32, "weights"),
            lowering.constant(folded_bias(op).astype(np.int32), i32, "bias"),
            formulas,
        ]
        parameters: dict[str, Parameter] = {
            "input_shape": shape_of(op.input),
            "output_shape": shape_of(op.output),
            "kernel": shape_of(op.weights)[1:3],
            "strides": tuple(op.strides.get_values()),
            "dilations": tuple(op.dilations.get_values()),
            "padding": tuple(op.padding.get_values()[::2]),
            "row_depth": _row_depth(op),
            "depth": self._depth(op),
            "zero_point": source.zero_point,
            **numbers,
        }
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        source, target = call.numbers("input_shape"), call.numbers("output_shape")
        kernel, depth = call.numbers("kernel"), call.number("depth")
        row_depth = call.number("row_depth")
        x = b.reshaped(b.inputs[0], source)

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, oc = index

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                ky, kx, ic = at
                iy, ix = (
                    place * stride + k * dilation - before
                    for place, k, stride, dilation, before in zip(
                        (oy, ox),
                        (ky, kx),
                        call.numbers("strides"),
                        call.numbers("dilations"),
                        call.numbers("padding"),
                        strict=True,
                    )
                )
                inside = (iy >= 0) & (iy < source[1]) & (ix >= 0) & (ix < source[2])
                value = b.choose(
                    inside,
                    lambda: b.load(x, [n, iy, ix, ic]),
                    lambda: b.constant(call.number("zero_point"), i8),
                )
                k = ky * row_depth + kx * source[3] + ic
                return total + value.to(i32) * _weight(b, oc, k, depth)

            bounds = [(0, kernel[0]), (0, kernel[1]), (0, source[3])]
            total = b.reduce(bounds, b.load(b.inputs[2], [oc]), tap, ("ky", "kx", "k"))
            return requantized(call, b, total, oc)

        b.produce(b.reshaped(b.outputs[0], target), element)

    def _block(self, call: CallOp) -> str:
        """Which function for a block the layer needs."""
        if not call.number("uniform"):
            return "each"
        clamped = call.numbers("clamp") != (-128, 127)
        kinds = [name for name, is_so in (("fix", call.number("fix")), ("clamp", clamped)) if is_so]
        return "_".join(kinds) or "plain"

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        output, window, *patch = arguments[len(call.inputs) :]
        fields = [
            *call.numbers("input_shape"),
            *call.numbers("output_shape")[1:],
            *call.numbers("kernel"),
            *call.numbers("strides"),
            *call.numbers("dilations"),
            *call.numbers("padding"),
            call.number("row_depth"),
            call.number("depth"),
            call.number("zero_point"),
            *call.numbers("clamp"),
            call.number("fix"),
            f"nnc_conv_s8_block_{self._block(call)}",
        ]
        return [
            f"static const nnc_conv_s8_layer layer = {{{', '.join(map(str, fields))}}};",
            f"{self.name}(&layer, {', '.join(arguments[: len(call.inputs)])},",
            f"    {call.number('step')}, {', '.join([output, window, *(patch or ['NULL'])])});",
            "return 0;",
        ]


def _row_depth(op: Conv2DOp) -> int:
    """Products of a row of the kernel, rounded up to a multiple of 4."""
    _, _, width, channels = shape_of(op.weights)
    return -(-width * channels // 4) * 4


def _padded_rows(op: Conv2DOp, weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Weights, [channels, rows, products], with zeros behind each row."""
    rows = weights.reshape(*weights.shape[:2], -1)
    return np.pad(rows, ((0, 0), (0, 0), (0, _row_depth(op) - rows.shape[2])))


def _weight(b: LoopBuilder, channel: IRScalar, k: IRScalar, depth: int) -> IRScalar:
    """One weight, from the words of its pair of channels."""
    place = channel // 2 * (depth // 2) + k // 4 * 2 + k % 2
    return unpacked(b.load(b.inputs[1], [place]), channel, k)


def unpacked(word: IRScalar, channel: IRScalar, k: IRScalar) -> IRScalar:
    """A channel's weight for product `k`, from its half of a word that also has another's."""
    half = (word >> (k % 4 // 2 * 16).to(i32)) << 16 >> 16
    first = half << 24 >> 24
    return (channel % 2).to(i32).eq(0).select(first, (half - first) >> 8)


KERNELS: tuple[Kernel, ...] = (ConvS8(),)
