"""
One scalar program, two executions.

The meaning of a pointwise or structured `nn` op is written once, against `Scalar`. Run with
`NumpyScalar` it is the reference semantics, vectorised over all elements of the output; run with
the `IRScalar` of `nnc.dialects.nn.ir_scalar` it is the body of a loop nest. The two cannot drift
apart.

Integers are two's complement and wrap. Types are MLIR's scalar types.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    i1,
    i32,
)
from xdsl.ir import Attribute

from nnc.dialects.kernel.scalar import Ties
from nnc.dialects.nn import fixed_point
from nnc.dialects.types import Array, numpy_dtype
from nnc.dialects.utils import Rounding

Number = int | float


def is_float(kind: Attribute) -> bool:
    """Whether a scalar type is a floating-point type."""
    return isinstance(kind, Float32Type | Float64Type)


class Scalar(ABC):
    """
    A scalar value of a known MLIR type. Python numbers mix in as constants of the same type.

    `//` and `%` are for indices and other values that are never negative; `divide` truncates.
    """

    type: Attribute

    @abstractmethod
    def constant(self, value: Number, kind: Attribute) -> Self:
        """A constant of any scalar type, made in the same execution as this value."""

    @abstractmethod
    def binary(self, name: str, other: Scalar) -> Self:
        """`name` is one of add sub mul divide remainder min max and or xor shl shr."""

    @abstractmethod
    def compare(self, predicate: str, other: Scalar) -> Self:
        """An `i1`; the predicate is one of eq ne lt le gt ge, signed, ordered for floats."""

    @abstractmethod
    def select(self, if_true: Scalar | Number, if_false: Scalar | Number) -> Self:
        """This `i1` chooses between two values; at least one of them is a Scalar."""

    @abstractmethod
    def to(self, kind: Attribute, *, unsigned: bool = False) -> Self:
        """
        Converts to another scalar type: integers are extended (with zeros if `unsigned` or `i1`)
        or truncated; floats are truncated towards zero, saturated to `i32`, 0 for NaN.
        """

    @abstractmethod
    def bitcast(self, kind: Attribute) -> Self:
        """The same bits as another type of the same width."""

    @abstractmethod
    def math(self, name: str) -> Self:
        """
        A function of one float, by its name in MLIR's `math` dialect (`exp`, `tanh`, `round` half
        away from zero, `roundeven`, `floor`, `sqrt`, ...); `absf` and `negf` as well.
        """

    @abstractmethod
    def power(self, exponent: Scalar) -> Self:
        """`powf`."""

    @abstractmethod
    def atan2(self, x: Scalar) -> Self:
        """The angle of the point (x, self)."""

    @abstractmethod
    def requantize(self, multiplier: Scalar, shift: Scalar, rounding: Rounding) -> Self:
        """
        `self * multiplier * 2**(shift - 31)`, rounded as `rounding` says, as `i32`. For
        `Rounding.MB64` this value is an `i64`.
        """

    @abstractmethod
    def scale_f64(self, multiplier: Scalar) -> Self:
        """`round_half_away(double(self) * multiplier)` saturated to `i32`; multiplier is `f64`."""

    @abstractmethod
    def round_to_int(self, ties: Ties = Ties.AWAY) -> Self:
        """The nearest integer of this float, saturated to `i32`; 0 for NaN."""

    @abstractmethod
    def leading_zeros(self) -> Self:
        """Zero bits above the highest set bit of an `i32`, 32 for 0."""

    @abstractmethod
    def srdhm(self, other: Scalar) -> Self:
        """gemmlowp's saturating rounding doubling high multiplication of `i32`s."""

    @abstractmethod
    def rdbp(self, exponent: Scalar) -> Self:
        """gemmlowp's rounding division of an `i32` by a power of two, ties away from zero."""

    def lift(self, other: Scalar | Number) -> Self:
        """`other` as a Scalar of this value's type."""
        if not isinstance(other, Scalar):
            return self.constant(other, self.type)
        assert isinstance(other, type(self)), "expected scalars of one execution"
        return other

    def __add__(self, other: Scalar | Number) -> Self:
        return self.binary("add", self.lift(other))

    def __radd__(self, other: Number) -> Self:
        return self.lift(other).binary("add", self)

    def __sub__(self, other: Scalar | Number) -> Self:
        return self.binary("sub", self.lift(other))

    def __rsub__(self, other: Number) -> Self:
        return self.lift(other).binary("sub", self)

    def __mul__(self, other: Scalar | Number) -> Self:
        return self.binary("mul", self.lift(other))

    def __rmul__(self, other: Number) -> Self:
        return self.lift(other).binary("mul", self)

    def __truediv__(self, other: Scalar | Number) -> Self:
        return self.binary("divide", self.lift(other))

    def __rtruediv__(self, other: Number) -> Self:
        return self.lift(other).binary("divide", self)

    def __floordiv__(self, other: Scalar | Number) -> Self:
        return self.binary("divide", self.lift(other))

    def __mod__(self, other: Scalar | Number) -> Self:
        return self.binary("remainder", self.lift(other))

    def __and__(self, other: Scalar | Number) -> Self:
        return self.binary("and", self.lift(other))

    def __or__(self, other: Scalar | Number) -> Self:
        return self.binary("or", self.lift(other))

    def __xor__(self, other: Scalar | Number) -> Self:
        return self.binary("xor", self.lift(other))

    def __lshift__(self, other: Scalar | Number) -> Self:
        return self.binary("shl", self.lift(other))

    def __rshift__(self, other: Scalar | Number) -> Self:
        return self.binary("shr", self.lift(other))

    def __neg__(self) -> Self:
        return self.math("negf") if is_float(self.type) else 0 - self

    def __lt__(self, other: Scalar | Number) -> Self:
        return self.compare("lt", self.lift(other))

    def __le__(self, other: Scalar | Number) -> Self:
        return self.compare("le", self.lift(other))

    def __gt__(self, other: Scalar | Number) -> Self:
        return self.compare("gt", self.lift(other))

    def __ge__(self, other: Scalar | Number) -> Self:
        return self.compare("ge", self.lift(other))

    def eq(self, other: Scalar | Number) -> Self:
        """`i1`: equal."""
        return self.compare("eq", self.lift(other))

    def ne(self, other: Scalar | Number) -> Self:
        """`i1`: not equal."""
        return self.compare("ne", self.lift(other))

    def divide(self, other: Scalar | Number) -> Self:
        """Division, truncating towards zero for integers."""
        return self.binary("divide", self.lift(other))

    def remainder(self, other: Scalar | Number) -> Self:
        """The remainder of the truncating division."""
        return self.binary("remainder", self.lift(other))

    def max(self, other: Scalar | Number) -> Self:
        """The larger value; for floats, NaN if either is."""
        return self.binary("max", self.lift(other))

    def min(self, other: Scalar | Number) -> Self:
        """The smaller value; for floats, NaN if either is."""
        return self.binary("min", self.lift(other))

    def clamp(self, low: Number | None, high: Number | None) -> Self:
        """This value moved into [low, high]; None leaves that side open."""
        result = self
        if low is not None:
            result = result.max(low)
        return result if high is None else result.min(high)


class NumpyScalar(Scalar):
    """A scalar program run on all elements at once; a value is an array."""

    def __init__(self, array: Array | Number, kind: Attribute):
        self.array: Array = np.asarray(array, numpy_dtype(kind))
        self.type = kind

    def constant(self, value: Number, kind: Attribute) -> NumpyScalar:
        dtype = numpy_dtype(kind)
        if np.issubdtype(dtype, np.integer):
            bits = 8 * dtype.itemsize
            value = int(value) & ((1 << bits) - 1)
            value -= (value >> (bits - 1)) << bits
        return NumpyScalar(np.asarray(value, dtype), kind)

    def binary(self, name: str, other: Scalar) -> NumpyScalar:
        assert self.type == other.type, f"{name} of {self.type} and {other.type}"
        function = _BINARY[name, is_float(self.type)]
        with np.errstate(all="ignore"):
            return NumpyScalar(function(self.array, _array(other)), self.type)

    def compare(self, predicate: str, other: Scalar) -> NumpyScalar:
        assert self.type == other.type, f"{predicate} of {self.type} and {other.type}"
        with np.errstate(invalid="ignore"):
            return NumpyScalar(_COMPARE[predicate](self.array, _array(other)), i1)

    def select(self, if_true: Scalar | Number, if_false: Scalar | Number) -> NumpyScalar:
        model = if_true if isinstance(if_true, Scalar) else if_false
        assert isinstance(model, NumpyScalar)
        a, b = model.lift(if_true), model.lift(if_false)
        return NumpyScalar(np.where(self.array, a.array, b.array), model.type)

    def to(self, kind: Attribute, *, unsigned: bool = False) -> NumpyScalar:
        source = self.array
        if is_float(self.type) and not is_float(kind):
            whole = np.clip(np.nan_to_num(source.astype(np.float64)), -(2.0**31), 2.0**31 - 1)
            return NumpyScalar(whole.astype(np.int64).astype(numpy_dtype(kind)), kind)
        if unsigned and np.issubdtype(source.dtype, np.signedinteger):
            source = source.view(f"u{source.dtype.itemsize}")
        with np.errstate(all="ignore"):
            return NumpyScalar(source.astype(numpy_dtype(kind)), kind)

    def bitcast(self, kind: Attribute) -> NumpyScalar:
        return NumpyScalar(np.asarray(self.array).view(numpy_dtype(kind)), kind)

    def math(self, name: str) -> NumpyScalar:
        # Double precision, rounded, does not depend on the machine's own float32 library.
        with np.errstate(all="ignore"):
            result = _MATH[name](self.array.astype(np.float64)).astype(self.array.dtype)
        return NumpyScalar(result, self.type)

    def power(self, exponent: Scalar) -> NumpyScalar:
        with np.errstate(all="ignore"):
            result = np.power(self.array.astype(np.float64), _array(exponent))
        return NumpyScalar(result.astype(self.array.dtype), self.type)

    def atan2(self, x: Scalar) -> NumpyScalar:
        result = np.arctan2(self.array.astype(np.float64), _array(x))
        return NumpyScalar(result.astype(self.array.dtype), self.type)

    def requantize(self, multiplier: Scalar, shift: Scalar, rounding: Rounding) -> NumpyScalar:
        function = {
            Rounding.DOUBLE: fixed_point.requantize_double,
            Rounding.SINGLE: fixed_point.requantize_single,
            Rounding.MB64: fixed_point.requantize_mb64,
        }[rounding]
        result = function(_ints(self), _ints(multiplier), _ints(shift))
        return NumpyScalar(np.asarray(result).astype(np.int32), IntegerType(32))

    def scale_f64(self, multiplier: Scalar) -> NumpyScalar:
        scaled = fixed_point.requantize_f64(_ints(self), _array(multiplier).astype(np.float64))
        saturated = np.clip(scaled, -(2**31), 2**31 - 1)
        return NumpyScalar(saturated.astype(np.int32), IntegerType(32))

    def round_to_int(self, ties: Ties = Ties.AWAY) -> NumpyScalar:
        rounded = self.math("round" if ties is Ties.AWAY else "roundeven").array
        finite = np.nan_to_num(rounded.astype(np.float64), nan=0.0)
        return NumpyScalar(np.clip(finite, -(2**31), 2**31 - 1).astype(np.int32), i32)

    def leading_zeros(self) -> NumpyScalar:
        unsigned = self.array.view(np.uint32).astype(np.float64)
        return NumpyScalar(32 - np.frexp(unsigned)[1], self.type)

    def srdhm(self, other: Scalar) -> NumpyScalar:
        result = fixed_point.srdhm(_ints(self), _ints(other))
        return NumpyScalar(np.asarray(result).astype(np.int32), self.type)

    def rdbp(self, exponent: Scalar) -> NumpyScalar:
        result = fixed_point.rdbp(_ints(self), _ints(exponent))
        return NumpyScalar(np.asarray(result).astype(np.int32), self.type)


def _array(value: Scalar) -> Array:
    assert isinstance(value, NumpyScalar)
    return value.array


def _ints(value: Scalar) -> npt.NDArray[np.int64]:
    return _array(value).astype(np.int64)


_ArrayFunction = Callable[..., Array]


def _truncating_divide(a: Array, b: Array) -> Array:
    safe = np.where(b == 0, 1, b)
    quotient = np.floor_divide(a, safe)
    inexact = (quotient * safe != a) & ((a < 0) != (safe < 0))
    return (quotient + inexact).astype(a.dtype)


def _remainder(a: Array, b: Array) -> Array:
    return (a - _truncating_divide(a, b) * b).astype(a.dtype)


def _round_half_away(x: Array) -> Array:
    truncated = np.trunc(x)
    return np.where(np.abs(x - truncated) >= 0.5, truncated + np.sign(x), truncated)


def _erf(x: Array) -> Array:
    from math import erf

    return np.vectorize(erf, otypes=[np.float64])(x)


def _erfc(x: Array) -> Array:
    from math import erfc

    return np.vectorize(erfc, otypes=[np.float64])(x)


_BINARY: dict[tuple[str, bool], _ArrayFunction] = {
    ("add", False): np.add,
    ("add", True): np.add,
    ("sub", False): np.subtract,
    ("sub", True): np.subtract,
    ("mul", False): np.multiply,
    ("mul", True): np.multiply,
    ("divide", False): _truncating_divide,
    ("divide", True): np.divide,
    ("remainder", False): _remainder,
    ("remainder", True): np.fmod,
    ("min", False): np.minimum,
    ("min", True): np.minimum,
    ("max", False): np.maximum,
    ("max", True): np.maximum,
    ("and", False): np.bitwise_and,
    ("or", False): np.bitwise_or,
    ("xor", False): np.bitwise_xor,
    ("shl", False): np.left_shift,
    ("shr", False): np.right_shift,
}

_COMPARE: dict[str, _ArrayFunction] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

_MATH: dict[str, _ArrayFunction] = {
    "absf": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": _erf,
    "erfc": _erfc,
    "exp": np.exp,
    "expm1": np.expm1,
    "floor": np.floor,
    "log": np.log,
    "log1p": np.log1p,
    "negf": np.negative,
    "round": _round_half_away,
    "roundeven": np.rint,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
}

INDEX = IndexType()
