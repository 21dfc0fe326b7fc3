"""
What becomes of an integer sum of products with binary weights, for the rows that compute one.

A sum is `base - 2 * count` where mismatches are counted, with a base that has the bias and the
number of products in it. The functions take it from there as the layer itself would: they compare
it with 0, requantise it by a formula that is proven equal to the contract's, or make a float of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import f32, i8, i32, i64
from xdsl.ir import SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.fixed_point import quantize_multipliers
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.runtime.fixed_output import FixedOutput
from nnc.runtime.registry import Lowering, constant_values
from nnc.runtime.requantize import Affine, Requantization, fit_affine

Ints = npt.NDArray[np.int64]

FIXED = (Rounding.DOUBLE, Rounding.SINGLE)
"""How the functions can round by themselves where no formula is proven equal."""


def unknown_parts(op: AccumulatingOp, known: frozenset[str]) -> str | None:
    """Why a layer means more than a row knows of: it has other properties or more operands."""
    unknown = sorted(op.properties.keys() - known)
    if unknown:
        return f"it has {', '.join(unknown)}"
    if len(op.operands) > 3:
        return f"it has {len(op.operands)} operands"
    return None


def bias_values(op: AccumulatingOp) -> Ints:
    """The bias of each output channel; only for a constant one or none."""
    channels = shape_of(op.output)[-1]
    if op.bias is None:
        return np.zeros(channels, np.int64)
    values = constant_values(op.bias)
    assert values is not None
    return values.astype(np.int64)


def operands_problem(op: AccumulatingOp) -> str | None:
    """Why a layer is not a sum in 32 bits with constant binary weights and a constant bias."""
    if op.accumulator != i32:
        return f"its accumulator is {op.accumulator}, not i32"
    if constant_values(op.weights) is None:
        return "its weights are not constant"
    if op.bias is not None and constant_values(op.bias) is None:
        return "its bias is not constant"
    return None


def range_problem(op: AccumulatingOp, largest: int) -> str | None:
    """Why sums of at most this size, with the bias, may leave 32 bits."""
    most = int(np.abs(bias_values(op)).max()) + largest
    return None if most < 1 << 31 else f"its sums may reach {most}"


def requantization_problem(op: AccumulatingOp, largest: int) -> str | None:
    """Why no formula of the functions requantises as the layer does."""
    kind = quantization_of(op.output)
    if kind is None or kind.storage != i8:
        return "its output is not int8"
    assert op.rounding is not None
    if affine(op, largest) is None and op.rounding.data not in FIXED:
        return "no affine formula equals its requantisation"
    return None


@lru_cache(maxsize=16)
def affine(op: AccumulatingOp, largest: int) -> Affine | None:
    """A formula equal to the layer's requantisation for sums of at most this size, if any."""
    bias = bias_values(op)
    return fit_affine(contract_of(op), bias - largest, bias + largest)


def contract_of(op: AccumulatingOp) -> Requantization:
    """How a layer with int8 outputs requantises."""
    output = quantization_of(op.output)
    assert output is not None and op.rounding is not None
    multipliers = op.real_multipliers()
    return Requantization(op.rounding.data, multipliers, output.zero_point, *op.stored_bounds())


def is_int8(op: AccumulatingOp) -> bool:
    """Whether the output is int8 with one scale."""
    kind = quantization_of(op.output)
    return kind is not None and kind.storage == i8


def fixed_problem(op: AccumulatingOp, found: FixedOutput | None) -> str | None:
    """Why an output is not made by a formula with bits after the point."""
    return None if found is not None else "no upper word of a product equals its requantisation"


def fixed_constants(
    found: FixedOutput, lowering: Lowering
) -> tuple[list[SSAValue], dict[str, Parameter]]:
    """Multiplier, offset and what is added below 0, of each channel or of all, and the numbers."""
    table = np.stack([found.multiplier, found.offset, found.below], axis=1).astype(np.int32)
    shared = (table == table[0]).all()
    constants = lowering.constant(table[: 1 if shared else None], i32, "formula")
    numbers: dict[str, Parameter] = {
        "step": 0 if shared else 3,
        "left": found.left,
        "fraction": found.fraction,
        "parts": int(found.parts),
        "clamp": (found.low, found.high),
    }
    return [constants], numbers


def fixed(
    call: CallOp, b: LoopBuilder, first: int, accumulated: IRScalar, channel: IRScalar
) -> IRScalar:
    """An int8 output; the constants of the formula are the input `first`."""
    entry = channel * (call.number("step") // 3)
    multiplier, offset, below = (b.load(b.inputs[first], [entry, b.index(k)]) for k in range(3))
    product = (accumulated << call.number("left")).to(i64) * multiplier.to(i64)
    value = ((product + (1 << 31)) >> 32).to(i32) + offset
    if call.number("parts"):
        value = value + ((accumulated >> 31) & below)
    return (value >> call.number("fraction")).clamp(*call.numbers("clamp")).to(i8)


def fixed_text(call: CallOp, base: str, start: str, constants: str) -> list[str]:
    """The C struct of the formula."""
    names = ("step", "left", "parts")
    numbers = [*(call.number(name) for name in names), *call.numbers("clamp")]
    return [
        "const nnc_bin_fixed requantization = {",
        f"    {base}, {start}, {constants}, {', '.join(map(str, numbers))}",
        "};",
    ]


def requantization_constants(
    op: AccumulatingOp, largest: int, lowering: Lowering
) -> tuple[list[SSAValue], dict[str, Parameter]]:
    """The constants of the formula, one for each channel or one for all, and its numbers."""
    formula, output = affine(op, largest), quantization_of(op.output)
    assert op.rounding is not None and output is not None
    numbers: dict[str, Parameter] = {"clamp": op.stored_bounds()}
    if formula is None:
        multipliers, shifts = quantize_multipliers(op.real_multipliers())
        single = int(op.rounding.data is Rounding.SINGLE)
        numbers |= {"affine": 0, "single": single, "zero_point_out": output.zero_point}
        tables = {"multiplier": multipliers, "shift": shifts}
    else:
        numbers |= {"affine": 1, "single": 0, "zero_point_out": 0}
        tables = {
            "multiplier": formula.multiplier,
            "shift": formula.shift,
            "constant": formula.constant,
        }
    shared = all((table == table[0]).all() for table in tables.values())
    constants = [
        lowering.constant(
            *((table, i64) if name == "constant" else (table.astype(np.int32), i32)), name
        )
        for name, table in (
            (name, table[:1] if shared else table) for name, table in tables.items()
        )
    ]
    return constants, {**numbers, "step": int(not shared)}


def requantized(
    call: CallOp, b: LoopBuilder, first: int, total: IRScalar, channel: IRScalar
) -> IRScalar:
    """An int8 output; the constants of the formula are the inputs from `first` on."""
    entry = channel * call.number("step")
    multiplier, shift = (b.load(it, [entry]) for it in b.inputs[first : first + 2])
    if call.number("affine"):
        constant = b.load(b.inputs[first + 2], [entry])
        product = total.to(i64) * multiplier.to(i64) + constant
        scaled = (product >> shift.to(i64)).to(i32)
    else:
        rounding = Rounding.SINGLE if call.number("single") else Rounding.DOUBLE
        scaled = total.requantize(multiplier, shift, rounding) + call.number("zero_point_out")
    return scaled.clamp(*call.numbers("clamp")).to(i8)


def requantization_text(call: CallOp, base: str, tables: Sequence[str]) -> list[str]:
    """The C struct of a formula."""
    low, high = call.numbers("clamp")
    multiplier, shift, constant = (*tables, "NULL")[:3]
    names = ("single", "zero_point_out")
    numbers = [call.number("step"), low, high, *(call.number(name) for name in names)]
    return [
        "const nnc_bin_requantization requantization = {",
        f"    {base}, {multiplier}, {constant}, {shift},",
        f"    {', '.join(map(str, numbers))}",
        "};",
    ]


def real_constants(
    op: AccumulatingOp, lowering: Lowering
) -> tuple[list[SSAValue], dict[str, Parameter]]:
    """The clamp of float outputs, then the scale of each channel or of all, if there is any."""
    low, high = op.clamp_bounds()
    bounds = [-math.inf if low is None else low, math.inf if high is None else high]
    constants = [lowering.constant(np.array(bounds, np.float32), f32, "bounds")]
    scales = op.channel_scales().astype(np.float32)
    if (op.channel_scales() == 1).all():
        return constants, {"scales": 0}
    count = 1 if (scales == scales[0]).all() else len(scales)
    return [*constants, lowering.constant(scales[:count], f32, "scale")], {"scales": count}


def real(call: CallOp, b: LoopBuilder, first: int, total: IRScalar, channel: IRScalar) -> IRScalar:
    """A float output; its constants are the inputs from `first` on."""
    value, scales = total.to(f32), call.number("scales")
    if scales:
        value = value * b.load(b.inputs[first + 1], [channel if scales > 1 else b.index(0)])
    low, high = (b.load(b.inputs[first], [b.index(k)]) for k in range(2))
    return value.max(low).min(high)


def real_text(call: CallOp, base: str, constants: Sequence[str]) -> list[str]:
    """The C struct of a float epilogue."""
    bounds, *scale = constants
    step = int(call.number("scales") > 1)
    return [
        "const nnc_bin_scaling scaling = {",
        f"    {base}, {bounds}, {scale[0] if scale else 'NULL'}, {step}",
        "};",
    ]
