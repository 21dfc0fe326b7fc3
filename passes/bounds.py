"""The bounds between which an op clamps its results, and how they compose."""

from __future__ import annotations

from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import BinaryOp
from nnc.dialects.nn.conversion import ClampOp, RequantizeOp
from nnc.dialects.nn.pooling import PoolOp
from nnc.dialects.nn.quantized import stored_range
from nnc.dialects.types import element_of
from nnc.passes.nn_builder import integer, real

Bounds = tuple[float | None, float | None]
"""The smallest and the largest result, stored if it is quantised; None where there is none."""

Bounded = AccumulatingOp | BinaryOp | PoolOp | RequantizeOp | ClampOp
"""The ops that have bounds."""


def bounds_of(op: Bounded) -> Bounds:
    """The bounds of an op."""
    low, high = (None if bound is None else bound.value.data for bound in (op.min, op.max))
    return low, high


def composed(inner: Bounds, outer: Bounds) -> Bounds:
    """The bounds of one clamp that does what two do, one after the other."""

    def clamped(value: float | None, otherwise: float | None) -> float | None:
        if value is None:
            return otherwise
        value = value if outer[0] is None else max(value, outer[0])
        return value if outer[1] is None else min(value, outer[1])

    return clamped(inner[0], outer[0]), clamped(inner[1], outer[1])


def bound_properties(bounds: Bounds, result: SSAValue) -> dict[str, Attribute]:
    """The properties `min` and `max`, without those that the type of the result implies."""
    element = element_of(result)
    if element == f32:
        return {name: real(value) for name, value in _given(bounds)}
    low, high = stored_range(element)
    limits = {"min": low, "max": high}
    inside = {name: min(max(int(value), low), high) for name, value in _given(bounds)}
    return {name: integer(value) for name, value in inside.items() if value != limits[name]}


def _given(bounds: Bounds) -> list[tuple[str, float]]:
    named = zip(("min", "max"), bounds, strict=True)
    return [(name, value) for name, value in named if value is not None]
