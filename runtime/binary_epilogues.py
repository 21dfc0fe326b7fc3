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
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.types import quantization_of, shape_of
from nnc.runtime.registry import Lowering, constant_values
from nnc.runtime.requantize import Affine, Requantization, fit_affine

Ints = npt.NDArray[np.int64]


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
    if affine(op, largest) is None:
        return "no affine formula equals its requantisation"
    return None


@lru_cache(maxsize=16)
def affine(op: AccumulatingOp, largest: int) -> Affine | None:
    """A formula equal to the layer's requantisation for sums of at most this size, if any."""
    output = quantization_of(op.output)
    assert output is not None and op.rounding is not None
    multipliers = op.real_multipliers()
    contract = Requantization(op.rounding.data, multipliers, output.zero_point, *op.stored_bounds())
    bias = bias_values(op)
    return fit_affine(contract, bias - largest, bias + largest)


def requantization_constants(
    op: AccumulatingOp, largest: int, lowering: Lowering
) -> tuple[list[SSAValue], dict[str, Parameter]]:
    """The constants of the formula, one for each channel or one for all, and its numbers."""
    formula = affine(op, largest)
    assert formula is not None
    tables = formula.multiplier, formula.constant, formula.shift
    shared = all((table == table[0]).all() for table in tables)
    count = 1 if shared else len(formula.multiplier)
    constants = [
        lowering.constant(formula.multiplier[:count].astype(np.int32), i32, "multiplier"),
        lowering.constant(formula.constant[:count], i64, "constant"),
        lowering.constant(formula.shift[:count].astype(np.int32), i32, "shift"),
    ]
    return constants, {"step": int(not shared), "clamp": op.stored_bounds()}


def requantized(
    call: CallOp, b: LoopBuilder, first: int, total: IRScalar, channel: IRScalar
) -> IRScalar:
    """An int8 output; the constants of the formula are the inputs from `first` on."""
    entry = channel * call.number("step")
    multiplier, constant, shift = (b.load(it, [entry]) for it in b.inputs[first : first + 3])
    product = total.to(i64) * multiplier.to(i64) + constant
    return (product >> shift.to(i64)).to(i32).clamp(*call.numbers("clamp")).to(i8)


def requantization_text(call: CallOp, base: str, tables: Sequence[str]) -> list[str]:
    """The C struct of a formula."""
    low, high = call.numbers("clamp")
    given = ", ".join([base, *tables])
    return [
        "const nnc_bin_requantization requantization = {",
        f"    {given}, {call.number('step')}, {low}, {high}",
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
