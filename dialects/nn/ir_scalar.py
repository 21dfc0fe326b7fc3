"""
Scalar programs as IR: the second execution of `nnc.dialects.nn.algebra`.

A scalar keeps the range of its integer where it can be bounded, so that arithmetic which cannot
overflow is marked (`overflow<nsw>`): what is marked becomes plain C, the rest wraps explicitly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xdsl.builder import Builder
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    i1,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint

from nnc.dialects.kernel.scalar import (
    FmodOp,
    RdbpOp,
    RequantizeOp,
    RoundOp,
    ScaleF64Op,
    SrdhmOp,
    Ties,
)
from nnc.dialects.nn.algebra import Number, Scalar, is_float
from nnc.dialects.utils import Rounding

Range = tuple[int, int]
ScalarType = IntegerType | IndexType | Float32Type | Float64Type

_NO_WRAP = arith.IntegerOverflowAttr([arith.IntegerOverflowFlag.NSW])

_INTEGER_OPS: dict[str, type[arith.SignlessIntegerBinaryOperation]] = {
    "add": arith.AddiOp,
    "sub": arith.SubiOp,
    "mul": arith.MuliOp,
    "divide": arith.DivSIOp,
    "remainder": arith.RemSIOp,
    "min": arith.MinSIOp,
    "max": arith.MaxSIOp,
    "and": arith.AndIOp,
    "or": arith.OrIOp,
    "xor": arith.XOrIOp,
    "shl": arith.ShLIOp,
    "shr": arith.ShRSIOp,
}

_FLOAT_OPS: dict[str, type[arith.FloatingPointLikeBinaryOperation]] = {
    "add": arith.AddfOp,
    "sub": arith.SubfOp,
    "mul": arith.MulfOp,
    "divide": arith.DivfOp,
    "min": arith.MinimumfOp,
    "max": arith.MaximumfOp,
}

_MATH_OPS: dict[str, Callable[[SSAValue], Operation]] = {
    "absf": math.AbsFOp,
    "acos": math.AcosOp,
    "acosh": math.AcoshOp,
    "asin": math.AsinOp,
    "asinh": math.AsinhOp,
    "atan": math.AtanOp,
    "atanh": math.AtanhOp,
    "ceil": math.CeilOp,
    "cos": math.CosOp,
    "cosh": math.CoshOp,
    "erf": math.ErfOp,
    "exp": math.ExpOp,
    "expm1": math.ExpM1Op,
    "floor": math.FloorOp,
    "log": math.LogOp,
    "log1p": math.Log1pOp,
    "round": math.RoundOp,
    "roundeven": math.RoundEvenOp,
    "sin": math.SinOp,
    "sinh": math.SinhOp,
    "sqrt": math.SqrtOp,
    "tan": math.TanOp,
    "tanh": math.TanhOp,
    "trunc": math.TruncOp,
}


def _width(kind: Attribute) -> int:
    if isinstance(kind, IndexType):
        return 32
    assert isinstance(kind, IntegerType)
    return kind.width.data


def _full_range(kind: Attribute) -> Range:
    width = _width(kind)
    if width == 1:
        return 0, 1
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def _binary_range(name: str, a: Range, b: Range) -> Range | None:
    """The exact integer range of an operation before it wraps, or None where it is not known."""
    match name:
        case "add":
            return a[0] + b[0], a[1] + b[1]
        case "sub":
            return a[0] - b[1], a[1] - b[0]
        case "mul":
            corners = [x * y for x in a for y in b]
            return min(corners), max(corners)
        case "min":
            return min(a[0], b[0]), min(a[1], b[1])
        case "max":
            return max(a[0], b[0]), max(a[1], b[1])
        case "divide" if b[0] > 0 and a[0] >= 0:
            return a[0] // b[1], a[1] // b[0]
        case "remainder" if b[0] > 0 and a[0] >= 0:
            return 0, min(a[1], b[1] - 1)
        case "shr" if b[0] == b[1]:
            return a[0] >> b[0], a[1] >> b[0]
        case "shl" if b[0] == b[1]:
            return a[0] << b[0], a[1] << b[0]
        case "and" if a[0] >= 0 and b[0] >= 0:
            return 0, min(a[1], b[1])
        case _:
            return None


@dataclass
class Cursor:
    """
    Where the next operation goes; shared by all scalars of a nest, so that an index of an outer
    loop used in an inner one makes its arithmetic in the inner one. Constants stand once, at the
    start of the nest.
    """

    builder: Builder
    block: Block
    known: dict[tuple[str, Attribute], arith.ConstantOp] = field(
        default_factory=dict[tuple[str, Attribute], arith.ConstantOp]
    )

    def constant(self, attribute: FloatAttr | IntegerAttr) -> SSAValue:
        """The value of a constant of the nest."""
        key = str(attribute), attribute.type
        if key not in self.known:
            # Where the nest is still empty, its start would soon be its end.
            last = next(reversed(self.known.values()), None)
            at_start = InsertPoint.at_start(self.block)
            point = at_start if last is None else InsertPoint.after(last)
            self.known[key] = Builder(point).insert(arith.ConstantOp(attribute))
        return self.known[key].result


class IRScalar(Scalar):
    """An SSA value in a loop nest, with the range of its integer where that is known."""

    def __init__(self, value: SSAValue, cursor: Cursor, bounds: Range | None = None):
        self.value = value
        self.cursor = cursor
        self.type = value.type
        self.bounds = bounds
        if bounds is None and not is_float(value.type):
            self.bounds = _full_range(value.type)

    @property
    def range(self) -> Range:
        """The smallest and largest value this integer can have."""
        assert self.bounds is not None, f"{self.type} has no range"
        return self.bounds

    def _emit(self, op: Operation, bounds: Range | None = None) -> IRScalar:
        return IRScalar(self.cursor.builder.insert(op).results[0], self.cursor, bounds)

    def constant(self, value: Number, kind: Attribute) -> IRScalar:
        return make_constant(self.cursor, value, kind)

    def binary(self, name: str, other: Scalar) -> IRScalar:
        other = self.lift(other)
        assert self.type == other.type, f"{name} of {self.type} and {other.type}"
        if is_float(self.type):
            if name == "remainder":
                return self._emit(FmodOp(self.value, other.value))
            return self._emit(_FLOAT_OPS[name](self.value, other.value))
        folded = _fold_identity(name, self, other)
        if folded is not None:
            return folded
        bounds = _binary_range(name, self.range, other.range)
        low, high = _full_range(self.type)
        fits = bounds is not None and low <= bounds[0] and bounds[1] <= high
        if fits and bounds is not None and bounds[0] == bounds[1]:
            return self.constant(bounds[0], self.type)
        kind = _INTEGER_OPS[name]
        if fits and issubclass(kind, arith.SignlessIntegerBinaryOperationWithOverflow):
            return self._emit(kind(self.value, other.value, overflow=_NO_WRAP), bounds)
        return self._emit(kind(self.value, other.value), bounds if fits else None)

    def compare(self, predicate: str, other: Scalar) -> IRScalar:
        other = self.lift(other)
        assert self.type == other.type, f"{predicate} of {self.type} and {other.type}"
        if is_float(self.type):
            ordered = "une" if predicate == "ne" else "o" + predicate
            return self._emit(arith.CmpfOp(self.value, other.value, ordered))
        signed = predicate if predicate in ("eq", "ne") else "s" + predicate
        return self._emit(arith.CmpiOp(self.value, other.value, signed))

    def select(self, if_true: Scalar | Number, if_false: Scalar | Number) -> IRScalar:
        model = if_true if isinstance(if_true, Scalar) else if_false
        assert isinstance(model, IRScalar)
        a, b = model.lift(if_true), model.lift(if_false)
        bounds = None
        if a.bounds is not None and b.bounds is not None:
            bounds = min(a.bounds[0], b.bounds[0]), max(a.bounds[1], b.bounds[1])
        return self._emit(arith.SelectOp(self.value, a.value, b.value), bounds)

    def to(self, kind: Attribute, *, unsigned: bool = False) -> IRScalar:
        if kind == self.type:
            return self
        assert isinstance(kind, IntegerType | IndexType | Float32Type | Float64Type)
        if is_float(self.type):
            return self._float_to(kind)
        unsigned = unsigned or self.type == i1
        if isinstance(kind, Float32Type | Float64Type):
            op = arith.UIToFPOp if unsigned else arith.SIToFPOp
            return self._emit(op(self.value, kind))
        if isinstance(self.value.owner, arith.ConstantOp):
            return self.constant(self.range[0], kind)
        if isinstance(kind, IndexType) or isinstance(self.type, IndexType):
            return self._index_to(kind)
        if _width(kind) < _width(self.type):
            low, high = _full_range(kind)
            fits = low <= self.range[0] and self.range[1] <= high
            return self._emit(arith.TruncIOp(self.value, kind), self.bounds if fits else None)
        if unsigned:
            modulus = 1 << _width(self.type)
            bounds = self.range if self.range[0] >= 0 else (0, modulus - 1)
            return self._emit(arith.ExtUIOp(self.value, kind), bounds)
        return self._emit(arith.ExtSIOp(self.value, kind), self.bounds)

    def _float_to(self, kind: ScalarType) -> IRScalar:
        if isinstance(self.type, Float32Type) and isinstance(kind, Float64Type):
            return self._emit(arith.ExtFOp(self.value, kind))
        if isinstance(self.type, Float64Type) and isinstance(kind, Float32Type):
            return self._emit(arith.TruncFOp(self.value, kind))
        if isinstance(kind, IndexType):
            return self.to(i32).to(kind)
        assert isinstance(kind, IntegerType)
        return self._emit(arith.FPToSIOp(self.value, kind))

    def _index_to(self, kind: IntegerType | IndexType) -> IRScalar:
        if not isinstance(kind, IndexType) and _width(kind) < 32:
            return self.to(i32).to(kind)
        if not isinstance(self.type, IndexType) and _width(self.type) < 32:
            return self.to(i32).to(kind)
        low, high = _full_range(kind)
        fits = low <= self.range[0] and self.range[1] <= high
        return self._emit(arith.IndexCastOp(self.value, kind), self.bounds if fits else None)

    def bitcast(self, kind: Attribute) -> IRScalar:
        return self._emit(arith.BitcastOp(self.value, kind))

    def math(self, name: str) -> IRScalar:
        if name == "negf":
            return self._emit(arith.NegfOp(self.value))
        if name == "erfc":
            return 1.0 - self.math("erf")
        return self._emit(_MATH_OPS[name](self.value))

    def power(self, exponent: Scalar) -> IRScalar:
        return self._emit(math.PowFOp(self.value, _ssa(exponent)))

    def atan2(self, x: Scalar) -> IRScalar:
        return self._emit(math.Atan2Op(self.value, _ssa(x)))

    def requantize(self, multiplier: Scalar, shift: Scalar, rounding: Rounding) -> IRScalar:
        return self._emit(RequantizeOp(self.value, _ssa(multiplier), _ssa(shift), rounding))

    def scale_f64(self, multiplier: Scalar) -> IRScalar:
        return self._emit(ScaleF64Op(self.value, _ssa(multiplier)))

    def round_to_int(self, ties: Ties = Ties.AWAY) -> IRScalar:
        return self._emit(RoundOp(self.value, ties))

    def leading_zeros(self) -> IRScalar:
        return self._emit(math.CountLeadingZerosOp(self.value), (0, 32))

    def srdhm(self, other: Scalar) -> IRScalar:
        return self._emit(SrdhmOp(self.value, _ssa(other)))

    def rdbp(self, exponent: Scalar) -> IRScalar:
        return self._emit(RdbpOp(self.value, _ssa(exponent)))


def _ssa(value: Scalar) -> SSAValue:
    assert isinstance(value, IRScalar)
    return value.value


def _fold_identity(name: str, a: IRScalar, b: IRScalar) -> IRScalar | None:
    """Index arithmetic with 0 and 1, which constant extents produce all the time."""
    a_constant = a.range[0] if a.range[0] == a.range[1] else None
    b_constant = b.range[0] if b.range[0] == b.range[1] else None
    if b_constant == 0 and name in ("add", "sub", "or", "xor", "shl", "shr"):
        return a
    if a_constant == 0 and name in ("add", "or", "xor"):
        return b
    if b_constant == 1 and name in ("mul", "divide"):
        return a
    if a_constant == 1 and name == "mul":
        return b
    return None


def make_constant(cursor: Cursor, value: Number, kind: Attribute) -> IRScalar:
    """A constant of the nest; integers are reduced to the type's width."""
    if is_float(kind):
        assert isinstance(kind, Float32Type | Float64Type)
        return IRScalar(cursor.constant(FloatAttr(float(value), kind)), cursor)
    width = _width(kind)
    number = int(value) & ((1 << width) - 1)
    if width > 1:
        number -= (number >> (width - 1)) << width
    assert isinstance(kind, IntegerType | IndexType)
    attribute = IntegerAttr(-number if width == 1 else number, kind)
    return IRScalar(cursor.constant(attribute), cursor, (number, number))
