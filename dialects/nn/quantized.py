"""Steps that the scalar programs of quantised ops share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import IntegerType, i32
from xdsl.ir import Attribute

from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import Elements, S
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, is_unsigned, scalar_type
from nnc.dialects.utils import Rounding


def f32_product(*factors: float) -> float:
    """The product of float32 numbers from left to right, each step rounded to float32."""
    result = np.float32(1)
    for factor in factors:
        result = result * np.float32(factor)
    return float(result)


def f32_quotient(numerator: float, denominator: float) -> float:
    """The quotient of two float32 numbers, rounded to float32."""
    return float(np.float32(numerator) / np.float32(denominator))


def rescale(b: Elements[S], value: S, real: float, rounding: Rounding) -> S:
    """`value * real` in fixed point: a number of another scale, as `i32`."""
    multiplier, shift = fixed_point.quantize_multiplier(real)
    return value.requantize(b.constant(multiplier, i32), b.constant(shift, i32), rounding)


def store(
    number: S, kind: UniformQuantizedType, low: int | None = None, high: int | None = None
) -> S:
    """
    An `i32` number of the type's scale, less its zero point, as it is stored: clamped to the
    stored bounds, which are the type's own where not given.
    """
    lower = kind.storage_min if low is None else low
    upper = kind.storage_max if high is None else high
    return (number + kind.zero_point).clamp(lower, upper).to(scalar_type(kind))


def code_index(b: Elements[S], code: S, kind: UniformQuantizedType) -> S:
    """The position of a stored 8-bit value in a table of all of them."""
    wide = b.widen(code, kind, i32)
    return (wide - kind.storage_min).to(INDEX)


def interpolate(b: Elements[S], table: Array, code: S) -> S:
    """
    The value at an `i32` code of 16 bits of a function given at 513 places, 128 codes apart.

    Source: `LUTLookup` in TFLite's `kernels/internal/common.h`.
    """
    return interpolated(code, lambda place: b.lookup(table, IntegerType(16), [place]).to(i32))


def interpolated(code: S, read: Callable[[S], S]) -> S:
    """`interpolate` with any way to read the table, which gives `i32`s."""
    place = (code >> 7) + 256
    base = read(place.to(INDEX))
    slope = (read((place + 1).to(INDEX)) - base).to(IntegerType(16)).to(i32)
    return base + ((slope * (code & 127) + 64) >> 7)


def is_8_bit(element: Attribute) -> bool:
    """Whether an element type is quantised to 8 bits for the whole tensor."""
    return (
        isinstance(element, UniformQuantizedType)
        and element.axis is None
        and element.storage.width.data == 8
    )


def stored_range(element: Attribute) -> tuple[int, int]:
    """The smallest and largest stored value of an integer or quantised type."""
    if isinstance(element, UniformQuantizedType):
        return element.storage_min, element.storage_max
    assert isinstance(element, IntegerType), f"{element} is not an integer type"
    width = element.width.data
    if is_unsigned(element):
        return 0, (1 << width) - 1
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def arithmetic_type(element: Attribute) -> Attribute:
    """The scalar type in which elements are computed with: integers of at least 32 bits."""
    kind = scalar_type(element)
    narrow = isinstance(kind, IntegerType) and kind.width.data < 32
    return i32 if narrow else kind
