"""Fused activations: bounds of the op itself, or an op behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.fixed_point import activation_bounds
from nnc.dialects.nn.functions import TanhOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.passes.nn_builder import UnsupportedError, integer, real
from nnc.passes.tfl.lowering import Lowering

REAL_BOUNDS: Mapping[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "TANH": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}
"""The bounds between which an activation clamps."""


def bounds(activation: str, result: TensorType[Attribute]) -> dict[str, Attribute]:
    """The properties `min` and `max` of an op with that activation, where they bound anything."""
    low, high = REAL_BOUNDS[activation]
    element = result.element_type
    if isinstance(element, UniformQuantizedType):
        storage = element.storage_min, element.storage_max
        lower, upper = activation_bounds(low, high, element.scale, element.zero_point, storage)
        return {
            name: integer(value)
            for name, value, limit in (("min", lower, storage[0]), ("max", upper, storage[1]))
            if value != limit
        }
    return {name: real(value) for name, value in (("min", low), ("max", high)) if value is not None}


def activated(
    to: Lowering,
    activation: StringAttr,
    result: TensorType[Attribute],
    build: Callable[[dict[str, Attribute]], SSAValue],
) -> SSAValue:
    """
    The result of an op with a fused activation. `build` appends the op, given its bounds.

    Raises `UnsupportedError` for activations that quantised results have no meaning for.
    """
    name = activation.data
    quantized = isinstance(result.element_type, UniformQuantizedType)
    if name == "SIGN_BIT" or (name == "TANH" and quantized):
        raise UnsupportedError(
            f"the fused activation {name} is not supported",
            "NONE, RELU, RELU6 and RELU_N1_TO_1 are",
        )
    value = build(bounds(name, result))
    if name != "TANH":
        return value
    to.remark("a fused TANH is computed; the reference kernels of TFLite ignore it")
    return to.op(TanhOp, [value], result)
