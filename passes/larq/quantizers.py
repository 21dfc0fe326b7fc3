"""
What Larq's quantisers make of activations and of weights, as types of `nn` where those are exact.

Signs are `!nn.bin`; a few levels are int8 numbers with a scale: 0 and 1, -1 to 1, n levels. Source:
`larq/quantizers.py` and `larq/math.py` 0.14, forward functions; float32 throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType, f32, i1, i8
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.larq.quantizers import SIGNS, Quantizer, QuantizerOp
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.binary import DivOp
from nnc.dialects.nn.conversion import CastOp, DequantizeOp, QuantizeOp
from nnc.dialects.nn.functions import RoundOp, SignOp
from nnc.dialects.nn.logic import GreaterOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, Array, BinType, element_of, shape_of
from nnc.passes.keras.lowering import Lowering, Rewrite
from nnc.passes.nn_builder import UnsupportedError, flag

LAYER_REWRITES: dict[Any, Rewrite[Any]] = {}
"""The rewrite of each of Larq's layers and quantisers."""

_UNITS = UniformQuantizedType.per_tensor(i8, 1.0, 0)
_MOST_INT8_BITS = 8

Floats = npt.NDArray[np.float32]


def quantized(to: Lowering, value: SSAValue, quantizer: Quantizer | None) -> SSAValue:
    """
    Activations behind a quantiser: `!nn.bin`, int8 with a scale, or float32 where that is needed.

    Raises UnsupportedError for quantisers that look at all activations at once.
    """
    if quantizer is None:
        return value
    shape = shape_of(value)
    if quantizer.kind in SIGNS:
        return to.op(QuantizeOp, [value], TensorType(BIN, shape))
    if quantizer.kind == "SteHeaviside":
        positive = to.op(GreaterOp, [value, to.number(0.0)], TensorType(i1, shape))
        return to.stored_as(to.op(CastOp, [positive], TensorType(i8, shape)), _UNITS)
    if quantizer.kind == "SteTern":
        return to.op(QuantizeOp, [_ternary(to, value, quantizer)], TensorType(_UNITS, shape))
    if quantizer.kind == "DoReFa" and not quantizer.weights:
        return _levels(to, value, quantizer.bits)
    raise UnsupportedError(
        f"{quantizer} of activations depends on all of them at run time",
        "SteSign, SteTern with a threshold and DoReFa for activations work",
    )


def _ternary(to: Lowering, value: SSAValue, quantizer: Quantizer) -> SSAValue:
    """`sign(sign(x + t) + sign(x - t))` as -1, 0 or 1 in float32."""
    if quantizer.threshold is None:
        raise UnsupportedError(
            "a threshold from the mean of all activations is not known before run time",
            "a fixed threshold_value works",
        )
    threshold = to.number(quantizer.threshold)
    above = to.unary(SignOp, to.binary(AddOp, value, threshold))
    below = to.unary(SignOp, to.binary(SubOp, value, threshold))
    return to.unary(SignOp, to.binary(AddOp, above, below))


def _levels(to: Lowering, value: SSAValue, bits: int) -> SSAValue:
    """The nearest of 2^bits levels between 0 and 1; int8 with a scale where they fit."""
    most = (1 << bits) - 1
    scaled = to.clamp(value, 0.0, 1.0)
    if most > 1:
        scaled = to.binary(MulOp, scaled, to.number(float(most)))
    if bits > _MOST_INT8_BITS:
        to.remark(f"{bits} bits do not fit int8: activations stay float32")
        return to.binary(DivOp, to.unary(RoundOp, scaled), to.number(float(most)))
    zero_point = -128 if bits == _MOST_INT8_BITS else 0
    plain = UniformQuantizedType.per_tensor(i8, 1.0, zero_point)
    shape = shape_of(value)
    stored = to.op(QuantizeOp, [scaled], TensorType(plain, shape), ties_even=flag(True))
    if most == 1:
        return stored
    scale = float(np.float32(1 / most))
    return to.stored_as(stored, UniformQuantizedType.per_tensor(i8, scale, zero_point))


def numbers_of(to: Lowering, value: SSAValue) -> SSAValue:
    """Activations as float32."""
    if element_of(value) == f32:
        return value
    return to.op(DequantizeOp, [value], TensorType(f32, shape_of(value)))


def rewrite_quantizer(op: QuantizerOp, to: Lowering) -> SSAValue:
    """A quantiser as a layer: float32 in, float32 out."""
    quantizer, value = op.quantizer, to.value(op.input)
    if quantizer.kind == "NoOp":
        return value
    if quantizer.kind == "SteTern":
        return _ternary(to, value, quantizer)
    if quantizer.kind == "DoReFa" and not quantizer.weights and quantizer.bits > 1:
        most = to.number(float((1 << quantizer.bits) - 1))
        scaled = to.binary(MulOp, to.clamp(value, 0.0, 1.0), most)
        return to.binary(DivOp, to.unary(RoundOp, scaled), most)
    return numbers_of(to, quantized(to, value, quantizer))


@dataclass(frozen=True)
class Weights:
    """
    Quantised weights in Keras' layout: whole numbers in units of `element`'s scale, or float32
    numbers; all that have the same index along the last axis are still to be multiplied with its
    factor, if there are `factors`.
    """

    numbers: Floats
    element: Attribute = f32
    factors: Floats | None = None

    def constant(self, to: Lowering, arrange: Callable[[Array], Array]) -> SSAValue:
        """The constant, its axes rearranged."""
        values = np.ascontiguousarray(arrange(self.numbers))
        if isinstance(self.element, BinType):
            return to.constant(values < 0, BIN)
        if isinstance(self.element, UniformQuantizedType):
            return to.constant(values.astype(np.int8), self.element)
        return to.number(values)

    def multiplied(self) -> Weights:
        """The same without factors."""
        if self.factors is None:
            return self
        return Weights(self.numbers * self.factors)

    def with_zeros(self) -> Weights:
        """The same in a type that has 0."""
        return Weights(self.numbers, _UNITS, self.factors) if self.element == BIN else self


def quantized_weights(to: Lowering, kernel: Array, quantizer: Quantizer | None) -> Weights:
    """Trained weights behind a quantiser."""
    kernel = kernel.astype(np.float32)
    if quantizer is None:
        return Weights(kernel)
    match quantizer.kind:
        case "MagnitudeAwareSign":
            axes = tuple(range(kernel.ndim - 1))
            factors = np.abs(kernel).mean(axis=axes, dtype=np.float32)
            return Weights(_signs(kernel), BIN, factors)
        case "SteHeaviside":
            return Weights((kernel > 0).astype(np.float32), _UNITS)
        case "SteTern":
            threshold = quantizer.threshold
            if threshold is None:
                threshold = 0.7 * np.abs(kernel).sum(dtype=np.float32) / np.float32(kernel.size)
            limit = np.float32(threshold)
            both = np.sign(kernel + limit) + np.sign(kernel - limit)
            return Weights(np.sign(both).astype(np.float32), _UNITS)
        case "DoReFa":
            return _level_weights(to, kernel, quantizer)
        case _:
            return Weights(_signs(kernel), BIN)


def _signs(kernel: Floats) -> Floats:
    return np.where(kernel < 0, np.float32(-1), np.float32(1))


def _level_weights(to: Lowering, kernel: Floats, quantizer: Quantizer) -> Weights:
    """The nearest of 2^bits levels between 0 and 1, for weights stretched to -1 and 1."""
    most = np.float32((1 << quantizer.bits) - 1)
    if quantizer.weights:
        limited = np.tanh(kernel)
        largest = np.abs(limited).max()
        half = limited / (2 * largest) if largest > 0 else np.zeros_like(limited)
        kernel = (half + np.float32(0.5)).astype(np.float32)
    else:
        kernel = np.clip(kernel, 0, 1).astype(np.float32)
    levels = np.rint(kernel * most)
    whole = 2 * levels - most if quantizer.weights else levels
    if quantizer.weights and quantizer.bits == 1:
        return Weights(whole, BIN)
    if quantizer.bits < _MOST_INT8_BITS:
        return Weights(whole, UniformQuantizedType.per_tensor(i8, float(np.float32(1 / most)), 0))
    to.remark(f"{quantizer.bits} bits do not fit int8: weights stay float32")
    real = levels / most
    return Weights(np.float32(2) * real - np.float32(1) if quantizer.weights else real)
