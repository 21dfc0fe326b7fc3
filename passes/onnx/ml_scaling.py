"""Rewrites of operators that prepare features: Scaler, Normalizer, Imputer and others."""

from __future__ import annotations

from math import floor, isnan

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import functions, logic, reduction
from nnc.dialects.types import element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import (
    absolute,
    cast,
    compared,
    concatenated,
    div,
    function,
    is_float,
    is_nan,
    mul,
    padded,
    reduced,
    scalar,
    selected,
    sliced,
    sub,
)
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.ml_common import rows_of, stored_numbers


def _per_feature(
    to: Lowering, value: SSAValue, numbers: list[float] | list[int], element: Attribute, what: str
) -> SSAValue:
    """Numbers, one for each feature or one for all, as a constant that stretches to a tensor."""
    shape = shape_of(value)
    if len(numbers) != 1 and (len(shape) > 2 or not shape or len(numbers) != shape[-1]):
        features = shape[-1] if shape else 1
        raise UnsupportedError(f"expected {what} of 1 or {features} numbers, got {len(numbers)}")
    array = stored_numbers(numbers, element)
    return to.constant(array.reshape([1] * (len(shape) - 1) + [-1] * bool(shape)), element)


@rewrite("Scaler")
def _scaler(node: Node, to: Lowering) -> SSAValue:
    value = cast(to, node.value(0), f32)
    node.like(value)
    offset, scale = node.floats("offset"), node.floats("scale")
    if offset:
        value = sub(to, value, _per_feature(to, value, offset, f32, "an offset"))
    if scale:
        value = mul(to, value, _per_feature(to, value, scale, f32, "a scale"))
    return value


@rewrite("Normalizer")
def _normalizer(node: Node, to: Lowering) -> SSAValue:
    """
    Rows of length 1; rows of length 0 stay. The length MAX is the largest number, which is below 0
    where all are.
    """
    rows, norm = rows_of(to, node.value(0)), node.string("norm")
    result = node.like(node.value(0))
    match norm:
        case "MAX":
            length = reduced(to, reduction.ReduceMaxOp, rows, [1])
        case "L1":
            length = reduced(to, reduction.ReduceSumOp, absolute(to, rows), [1])
        case "L2":
            total = reduced(to, reduction.ReduceSumOp, mul(to, rows, rows), [1])
            length = function(to, functions.SqrtOp, total)
        case _:
            raise UnsupportedError(f"expected a norm MAX, L1 or L2, got {norm}")
    none = compared(to, logic.EqualOp, length, scalar(to, 0.0, length))
    divisor = selected(to, none, scalar(to, 1.0, length), length)
    return to.reshape(div(to, rows, divisor), result.get_shape())


@rewrite("Imputer")
def _imputer(node: Node, to: Lowering) -> SSAValue:
    value = node.value(0)
    element = element_of(value)
    if is_float(value):
        values, missing = node.floats("imputed_value_floats"), node.float("replaced_value_float")
    else:
        values, missing = node.ints("imputed_value_int64s"), node.int("replaced_value_int64")
    if not values:
        raise UnsupportedError(f"expected values to impute for {element}, got none")
    node.like(value)
    fill = _per_feature(to, value, values, element, "values to impute")
    if isnan(missing):
        return selected(to, is_nan(to, value), fill, value)
    if not is_float(value) and not _has(element, missing):
        return value
    is_missing = compared(to, logic.EqualOp, value, scalar(to, missing, value))
    return selected(to, is_missing, fill, value)


def _has(element: Attribute, number: float) -> bool:
    """Whether an integer type has a number."""
    limits = np.iinfo(str(numpy_dtype(element)))
    return limits.min <= number <= limits.max


@rewrite("Binarizer")
def _binarizer(node: Node, to: Lowering) -> SSAValue:
    """1 above the threshold, else 0."""
    value, threshold = node.value(0), node.float("threshold")
    node.like(value)
    if not is_float(value):
        limits = np.iinfo(str(numpy_dtype(element_of(value))))
        least = limits.max if isnan(threshold) else min(threshold, limits.max)
        threshold = floor(max(least, limits.min))
    above = compared(to, logic.GreaterOp, value, scalar(to, threshold, value))
    return cast(to, above, element_of(value))


@rewrite("FeatureVectorizer")
def _feature_vectorizer(node: Node, to: Lowering) -> SSAValue:
    """All features of a row side by side, each input cut or filled with 0 to its dimension."""
    values = [rows_of(to, value) for value in node.values()]
    sizes = node.ints("inputdimensions") or [shape_of(value)[1] for value in values]
    if len(sizes) != len(values) or min(sizes) < 1:
        raise UnsupportedError(f"expected {len(values)} inputdimensions, got {sizes}")
    parts: list[SSAValue] = []
    for value, size in zip(values, sizes, strict=True):
        rows, width = shape_of(value)
        part = sliced(to, value, [0, 0], [1, 1], [rows, min(size, width)])
        parts.append(padded(to, part, [0, 0], [0, max(0, size - width)], 0.0))
    result = concatenated(to, parts, 1)
    node.result(shape_of(result))
    return result
