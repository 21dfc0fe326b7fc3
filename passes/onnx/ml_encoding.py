"""
Rewrites of operators that look numbers and texts up: LabelEncoder, OneHotEncoder, CategoryMapper.

A text is the number of one of a list that is known, so looking it up is picking from a table that
is made for that list. Numbers are looked up in a table where the keys are close to each other, and
else compared with every key.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import TensorType, i1, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import logic, reduction
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.onnx.common import (
    cast,
    clamped,
    combined,
    compared,
    is_float,
    is_nan,
    padded,
    sub,
)
from nnc.passes.onnx.lowering import Lowering, Node, numbered, rewrite
from nnc.passes.onnx.ml_common import picked, stored_numbers

Entry: TypeAlias = str | int | float
Entries: TypeAlias = Sequence[str] | Sequence[int] | Sequence[float]

_SMALL_TABLE = 64
"""Entries of a table of consecutive numbers that is not too large for a few keys."""


def _entries(node: Node, stem: str) -> Entries:
    """The keys or values of an encoder. Raises `UnsupportedError` where there are none."""
    tensor = node.tensor(f"{stem}_tensor")
    found = (
        node.strings(f"{stem}_strings")
        or node.ints(f"{stem}_int64s")
        or node.floats(f"{stem}_floats")
        or node.strings(f"{stem}_tensor")
        or ([] if tensor is None else tensor.ravel().tolist())
    )
    if not found:
        raise UnsupportedError(f"expected its {stem}, got none")
    return found


def _default(node: Node, values: Entries) -> Entry:
    """What is not found becomes."""
    tensor, texts = node.tensor("default_tensor"), node.strings("default_tensor")
    if texts:
        return texts[0]
    if tensor is not None and tensor.size:
        return tensor.ravel()[0].item()
    match values[0]:
        case str():
            return node.string("default_string", "_Unused")
        case int():
            return node.int("default_int64", -1)
        case _:
            return node.float("default_float", -0.0)


@rewrite("LabelEncoder")
def _label_encoder(node: Node, to: Lowering) -> SSAValue:
    """Of equal keys the first one counts."""
    if node.since == 1:
        classes = node.strings("classes_strings") or []
        return _mapped(node, to, classes, list(range(len(classes))))
    keys, values = _entries(node, "keys"), _entries(node, "values")
    if len(keys) != len(values):
        raise UnsupportedError(f"expected {len(keys)} values for the keys, got {len(values)}")
    return _encoded(node, to, keys, values, _default(node, values))


@rewrite("CategoryMapper")
def _category_mapper(node: Node, to: Lowering) -> SSAValue:
    return _mapped(node, to, node.strings("cats_strings") or [], node.ints("cats_int64s") or [])


def _mapped(node: Node, to: Lowering, texts: Sequence[str], numbers: Sequence[int]) -> SSAValue:
    """Texts as numbers, or numbers as texts, whichever the operand has not."""
    if not texts or len(texts) != len(numbers):
        raise UnsupportedError(
            f"expected a number for each text, got {len(texts)} texts and {len(numbers)} numbers"
        )
    if node.op.operands[0] in to.names:
        return _encoded(node, to, texts, numbers, node.int("default_int64", -1))
    return _encoded(node, to, numbers, texts, node.string("default_string", "_Unused"))


def _encoded(node: Node, to: Lowering, keys: Entries, values: Entries, default: Entry) -> SSAValue:
    """The value of the key that each element is."""
    element, stored = _stored(node, to, [*values, default])
    table, other = stored[:-1], stored[-1:]
    value, source = node.value(0), node.op.operands[0]
    result = node.like(value)
    known = to.names.get(source)
    if (known is not None) != isinstance(keys[0], str):
        got = "numbers" if known is None else "texts"
        raise UnsupportedError(f"expected keys like the operand, which is of {got}")
    if known is not None:
        places = {key: place for place, key in reversed(list(enumerate(keys)))}
        rows = [table[places[text]] if text in places else other[0] for text in known]
        return _picked(to, np.asarray(rows), element, value)
    whole = [] if is_float(value) else [key for key in keys if isinstance(key, int)]
    if whole and max(whole) - min(whole) < max(_SMALL_TABLE, 4 * len(whole)):
        return _from_consecutive(to, value, whole, stored, element)
    found = to.reshape(_first(to, value, keys, node.since >= 4), shape_of(value))
    return to.reshape(_picked(to, stored, element, found), result.get_shape())


def _stored(node: Node, to: Lowering, values: Sequence[Entry]) -> tuple[Attribute, Array]:
    """Values as they are stored: numbers in the result's type, texts as their numbers."""
    if isinstance(values[0], str):
        if not all(isinstance(value, str) for value in values):
            raise UnsupportedError("expected values and a default of one type")
        names, numbers = numbered([str(value) for value in values])
        to.names[node.op.results[0]] = names
        return i32, numbers
    element = node.result(shape_of(node.value(0))).element_type
    return element, stored_numbers(values, element)


def _picked(to: Lowering, table: Array, element: Attribute, places: SSAValue) -> SSAValue:
    return picked(to, to.constant(np.ascontiguousarray(table), element), places)


def _from_consecutive(
    to: Lowering,
    value: SSAValue,
    keys: Sequence[int],
    stored: Array,
    element: Attribute,
) -> SSAValue:
    """From a table of all numbers between the keys, with the default on both sides."""
    limits = np.iinfo(str(numpy_dtype(element_of(value))))
    below, above = max(min(keys) - 1, int(limits.min)), min(max(keys) + 1, int(limits.max))
    table = np.full(above - below + 1, stored[-1], stored.dtype)
    for key, number in reversed(list(zip(keys, stored[:-1], strict=True))):
        if below <= key <= above:
            table[key - below] = number
    inside = clamped(to, value, below, above)
    # What is left is small enough for 32 bits, and so is its distance from the lowest.
    place = sub(
        to,
        cast(to, inside, i64),
        to.constant(np.full([1] * len(shape_of(value)), below, np.int64), i64),
    )
    return _picked(to, table, element, cast(to, place, i32))


def _first(to: Lowering, value: SSAValue, keys: Entries, with_nan: bool) -> SSAValue:
    """The place of the first key that each element equals, the number of keys where none does."""
    element, rank = element_of(value), len(shape_of(value))
    spread = to.reshape(value, [*shape_of(value), 1])
    row = to.constant(stored_numbers(keys, element).reshape([1] * rank + [-1]), element)
    equal = compared(to, logic.EqualOp, spread, row)
    gaps = np.asarray([isinstance(key, float) and isnan(key) for key in keys])
    if with_nan and gaps.any():
        mask = to.constant(gaps.reshape([1] * rank + [-1]), i1)
        equal = combined(to, logic.OrOp, equal, combined(to, logic.AndOp, is_nan(to, spread), mask))
    hits = padded(to, cast(to, equal, i8), [0] * (rank + 1), [0] * rank + [1], 1)
    kind = TensorType(i32, [*shape_of(value), 1])
    return to.op(reduction.ArgMaxOp, [hits], kind, axis=integer(rank))


@rewrite("OneHotEncoder")
def _one_hot_encoder(node: Node, to: Lowering) -> SSAValue:
    """1 in the place of its category, along a new last axis; all 0 where it has none."""
    value, texts = node.value(0), node.strings("cats_strings") or []
    categories = node.ints("cats_int64s") or []
    known = to.names.get(node.op.operands[0])
    found: Entries = categories if known is None else texts
    if not found or len(set(found)) < len(found):
        raise UnsupportedError("expected different categories of the operand's type")
    if known is not None:
        places = {text: place for place, text in enumerate(texts)}
        table = np.asarray([places.get(text, -1) for text in known], np.int32)
        value, categories = _picked(to, table, i32, value), list(range(len(texts)))
    if not node.int("zeros", 1):
        to.remark("an unknown category becomes zeros; ONNX Runtime stops with an error")
    value = cast(to, value, i64)
    shape = shape_of(value)
    result = node.result([*shape, len(categories)])
    row = np.asarray(categories, np.int64).reshape([1] * len(shape) + [-1])
    spread = to.reshape(value, [*shape, 1])
    equal = compared(to, logic.EqualOp, spread, to.constant(row, i64))
    return cast(to, equal, result.element_type)
