"""
SSA values as C expressions.

A pure operation with one use becomes part of the expression that uses it; what is used twice, or
may not move, becomes a local variable. Arithmetic that cannot overflow (`overflow<nsw>`) is plain
C, the rest goes through the wrapping helpers of `nnc_arith.h`, so that nothing is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
)
from xdsl.ir import Attribute, Operation

from nnc.dialects.kernel import scalar

PRIMARY, UNARY, PRODUCT, SUM, SHIFT, RELATION, EQUALITY, BITS, CHOICE = range(9)


@dataclass(frozen=True)
class Expression:
    """C text, and how tightly its outermost operator binds (a smaller number binds tighter)."""

    text: str
    level: int = PRIMARY

    def within(self, level: int) -> str:
        """The text as an operand of an operator of that level, in parentheses if needed."""
        return f"({self.text})" if self.level > level else self.text


def c_type(kind: Attribute) -> str:
    """The C type of a scalar."""
    match kind:
        case IndexType():
            return "int32_t"
        case IntegerType() if kind.width.data == 1:
            return "bool"
        case IntegerType():
            return f"int{kind.width.data}_t"
        case Float32Type():
            return "float"
        case Float64Type():
            return "double"
        case _:
            return "uint16_t"


def integer_literal(value: int, kind: Attribute) -> Expression:
    """An integer constant of a type; the smallest values have no literal of their own in C."""
    width = (
        32
        if isinstance(kind, IndexType)
        else kind.width.data
        if isinstance(kind, IntegerType)
        else 32
    )
    if width == 1:
        return Expression("true" if value else "false")
    if value == -(1 << 31) and width == 32:
        return Expression("INT32_MIN")
    if width == 64:
        text = "INT64_MIN" if value == -(1 << 63) else f"INT64_C({value})"
        return Expression(text)
    return Expression(str(value), UNARY if value < 0 else PRIMARY)


def float_literal(value: float, kind: Attribute) -> Expression:
    """A float constant that reads back as the same bits."""
    single = isinstance(kind, Float32Type)
    suffix = "f" if single else ""
    if np.isnan(value):
        return Expression("NAN")
    if np.isinf(value):
        return Expression("INFINITY" if value > 0 else "-INFINITY", PRIMARY if value > 0 else UNARY)
    text = repr(float(value)) if not single else str(np.float32(value))
    if not any(c in text for c in ".e"):
        text += ".0"
    return Expression(text + suffix, UNARY if text.startswith("-") else PRIMARY)


_INFIX: dict[type[Operation], tuple[str, int, str | None]] = {
    arith.AddiOp: ("+", SUM, "add"),
    arith.SubiOp: ("-", SUM, "sub"),
    arith.MuliOp: ("*", PRODUCT, "mul"),
    arith.ShLIOp: ("<<", SHIFT, "shl"),
    arith.DivSIOp: ("/", PRODUCT, None),
    arith.RemSIOp: ("%", PRODUCT, None),
    arith.ShRSIOp: (">>", SHIFT, None),
    arith.AndIOp: ("&", BITS, None),
    arith.OrIOp: ("|", BITS, None),
    arith.XOrIOp: ("^", BITS, None),
    arith.AddfOp: ("+", SUM, None),
    arith.SubfOp: ("-", SUM, None),
    arith.MulfOp: ("*", PRODUCT, None),
    arith.DivfOp: ("/", PRODUCT, None),
}

_SYMBOLS = ("==", "!=", "<", "<=", ">", ">=")
_ORDERED = {1: "==", 2: ">", 3: ">=", 4: "<", 5: "<=", 13: "!="}

_CALLS: dict[type[Operation], str] = {
    arith.MinSIOp: "nnc_min",
    arith.MaxSIOp: "nnc_max",
    arith.MinimumfOp: "nnc_min_f",
    arith.MaximumfOp: "nnc_max_f",
    scalar.SrdhmOp: "nnc_srdhm",
    scalar.RdbpOp: "nnc_rdbp",
}

_LIBM: dict[type[Operation], str] = {
    math.AbsFOp: "fabs",
    math.AcosOp: "acos",
    math.AcoshOp: "acosh",
    math.AsinOp: "asin",
    math.AsinhOp: "asinh",
    math.AtanOp: "atan",
    math.AtanhOp: "atanh",
    math.Atan2Op: "atan2",
    math.CeilOp: "ceil",
    math.CosOp: "cos",
    math.CoshOp: "cosh",
    math.ErfOp: "erf",
    math.ExpOp: "exp",
    math.ExpM1Op: "expm1",
    math.FloorOp: "floor",
    scalar.FmodOp: "fmod",
    math.LogOp: "log",
    math.Log1pOp: "log1p",
    math.PowFOp: "pow",
    math.RoundOp: "round",
    math.RoundEvenOp: "rint",
    math.SinOp: "sin",
    math.SinhOp: "sinh",
    math.SqrtOp: "sqrt",
    math.TanOp: "tan",
    math.TanhOp: "tanh",
    math.TruncOp: "trunc",
}


def uses_libm(op: Operation) -> bool:
    """Whether the expression of this operation needs `math.h`: a function, INFINITY or NAN."""
    if isinstance(op, arith.ConstantOp):
        return isinstance(op.value, FloatAttr) and not np.isfinite(op.value.value.data)
    return type(op) in _LIBM


def _bits(kind: Attribute) -> int:
    return kind.width.data if isinstance(kind, IntegerType) else 32


def _wraps(op: Operation) -> bool:
    if not isinstance(op, arith.SignlessIntegerBinaryOperationWithOverflow):
        return False
    if isinstance(op, arith.ShLIOp):
        return True
    return arith.IntegerOverflowFlag.NSW not in op.overflow_flags.data


def _contracts(op: Operation) -> bool:
    """Whether a compiler might fuse this product with the addition that uses it."""
    users = (use.operation for use in op.results[0].uses)
    return any(isinstance(user, arith.AddfOp | arith.SubfOp) for user in users)


def expression(op: Operation, operands: list[Expression]) -> Expression:
    """The C expression of a pure scalar operation, from those of its operands."""
    kind = type(op)
    if isinstance(op, arith.ConstantOp):
        return _constant(op)
    if kind in _INFIX:
        return _infix(op, operands)
    if isinstance(op, arith.MinSIOp) and (clamp := _clamp(op, operands)) is not None:
        return clamp
    if kind in _CALLS:
        suffix = str(_bits(op.results[0].type)) if kind in (arith.MinSIOp, arith.MaxSIOp) else ""
        if kind in (arith.MinimumfOp, arith.MaximumfOp):
            suffix = "64" if isinstance(op.results[0].type, Float64Type) else "32"
        return _call(_CALLS[kind] + suffix, operands)
    if kind in _LIBM:
        suffix = "f" if isinstance(op.results[0].type, Float32Type) else ""
        return _call(_LIBM[kind] + suffix, operands)
    return _special(op, operands)


def _call(function: str, operands: list[Expression]) -> Expression:
    return Expression(f"{function}({', '.join(operand.text for operand in operands)})")


def _constant(op: arith.ConstantOp) -> Expression:
    value = op.value
    if isinstance(value, IntegerAttr):
        number = value.value.data
        return integer_literal(number & 1 if _bits(value.type) == 1 else number, value.type)
    assert isinstance(value, FloatAttr)
    return float_literal(value.value.data, value.type)


def _clamp(op: arith.MinSIOp, operands: list[Expression]) -> Expression | None:
    """The smaller of a bound and the larger of a bound and a value, as one call."""
    inner = op.lhs.owner
    head = "nnc_max32("
    if not isinstance(inner, arith.MaxSIOp) or not operands[0].text.startswith(head):
        return None
    return Expression(f"nnc_clamp32({operands[0].text[len(head) : -1]}, {operands[1].text})")


def _infix(op: Operation, operands: list[Expression]) -> Expression:
    symbol, level, wrapping = _INFIX[type(op)]
    lhs, rhs = operands
    result = op.results[0].type
    if wrapping is not None and _wraps(op):
        count = "64" if _bits(result) == 64 else "32"
        return _call(f"nnc_wrap_{wrapping}{count}", operands)
    if level in (SHIFT, BITS):
        return Expression(f"{lhs.within(UNARY)} {symbol} {rhs.within(UNARY)}", level)
    if symbol in "+-" and rhs.text.startswith("-") and rhs.text[1:].isdecimal():
        symbol, rhs = "-" if symbol == "+" else "+", Expression(rhs.text[1:])
    text = f"{lhs.within(level)} {symbol} {rhs.within(level - 1)}"
    if isinstance(op, arith.MulfOp) and _contracts(op):
        return _call(
            f"nnc_separate_f{64 if isinstance(result, Float64Type) else 32}", [Expression(text)]
        )
    return Expression(text, level)


def _special(op: Operation, operands: list[Expression]) -> Expression:
    first = operands[0]
    match op:
        case arith.CmpiOp():
            predicate = op.predicate.value.data
            assert predicate < len(_SYMBOLS), "unsigned comparisons are never built"
            level = EQUALITY if predicate < 2 else RELATION
            text = f"{first.within(SHIFT)} {_SYMBOLS[predicate]} {operands[1].within(SHIFT)}"
            return Expression(text, level)
        case arith.CmpfOp():
            symbol = _ORDERED[op.predicate.value.data]
            return Expression(
                f"{first.within(SHIFT)} {symbol} {operands[1].within(SHIFT)}", RELATION
            )
        case arith.SelectOp():
            condition, yes, no = (operand.within(BITS) for operand in operands)
            return Expression(f"{condition} ? {yes} : {no}", CHOICE)
        case arith.NegfOp():
            return Expression(f"-{first.within(PRIMARY)}", UNARY)
        case arith.ShRUIOp():
            bits = _bits(op.result.type)
            text = (
                f"(int{bits}_t)((uint{bits}_t){first.within(UNARY)} >> {operands[1].within(UNARY)})"
            )
            return Expression(text, UNARY)
        case math.CountLeadingZerosOp():
            return _call("nnc_clz32", [Expression(f"(uint32_t){first.within(UNARY)}")])
        case scalar.RequantizeOp():
            return _call(f"nnc_requantize_{op.rounding.data.value}", operands)
        case scalar.ScaleF64Op():
            wide = _bits(op.accumulator.type) == 64
            return _call("nnc_requantize_f64_i64" if wide else "nnc_requantize_f64", operands)
        case scalar.RoundOp():
            single = isinstance(op.operand.type, Float32Type)
            return _call(f"nnc_round_{op.ties.data.value}_f{32 if single else 64}", operands)
        case _:
            return _conversion(op, first)


def _conversion(op: Operation, value: Expression) -> Expression:
    source, target = op.operands[0].type, op.results[0].type
    cast = Expression(f"({c_type(target)}){value.within(UNARY)}", UNARY)
    match op:
        case arith.ExtSIOp():
            return value if _bits(target) <= 32 else cast
        case arith.ExtUIOp() if _bits(source) == 1:
            return cast
        case arith.ExtUIOp():
            widened = f"(uint{_bits(source)}_t){value.within(UNARY)}"
            promoted = _bits(target) <= 32 and _bits(source) < 32
            return Expression(widened if promoted else f"({c_type(target)}){widened}", UNARY)
        case arith.TruncIOp() if _bits(target) == 1:
            return Expression(f"({value.within(UNARY)} & 1) != 0", EQUALITY)
        case arith.IndexCastOp():
            return value if max(_bits(source), _bits(target)) <= 32 else cast
        case arith.FPToSIOp():
            width = 32 if isinstance(source, Float32Type) else 64
            call = _call(f"nnc_trunc_f{width}", [value])
            if _bits(target) == 32:
                return call
            return Expression(f"({c_type(target)}){call.text}", UNARY)
        case arith.UIToFPOp() if _bits(source) > 1:
            inner = f"(uint{_bits(source)}_t){value.within(UNARY)}"
            return Expression(f"({c_type(target)}){inner}", UNARY)
        case arith.BitcastOp():
            name = "nnc_f32_of_bits" if isinstance(target, Float32Type) else "nnc_bits_of_f32"
            return _call(name, [value])
        case arith.TruncIOp() | arith.SIToFPOp() | arith.UIToFPOp() | arith.ExtFOp():
            return cast
        case arith.TruncFOp():
            return cast
        case _:
            raise AssertionError(f"{op.name} has no expression in C")
