"""
What the rewrites of classical machine learning share: rows of numbers, and labels.

The specification of `ai.onnx.ml` leaves much open. What it does not say is as in ONNX Runtime,
whose kernels the converters are tested with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn import movement, reduction
from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.onnx.common import (
    cast,
    check_rank,
)
from nnc.passes.onnx.lowering import Lowering


def rows_of(to: Lowering, value: SSAValue) -> SSAValue:
    """A tensor as rows of float32 numbers, [N, D]; a vector is one row."""
    check_rank(value, 1, 2)
    value = cast(to, value, f32)
    shape = shape_of(value)
    return to.reshape(value, [1, *shape]) if len(shape) == 1 else value


def matrix(to: Lowering, values: Sequence[float], columns: int, what: str) -> SSAValue:
    """A list of numbers as the rows of a constant matrix."""
    if not values or not columns or len(values) % columns:
        raise UnsupportedError(f"expected {what} for {columns} features, got {len(values)}")
    return to.numbers(np.reshape(np.asarray(values, np.float32), [-1, columns]))


def stored_numbers(values: Sequence[str | int | float], element: Attribute) -> Array:
    """Numbers as stored elements. Raises `UnsupportedError` for those that the type has not."""
    dtype = np.dtype(numpy_dtype(element))
    if dtype.kind in "iu":
        limits = np.iinfo(str(dtype))
        fits = all(isinstance(it, int) and limits.min <= it <= limits.max for it in values)
    else:
        fits = not any(isinstance(it, str) for it in values)
    if not fits:
        raise UnsupportedError(f"expected numbers of {element}, got {list(values)}")
    return np.asarray(values, dtype)


def picked(to: Lowering, table: SSAValue, places: SSAValue) -> SSAValue:
    """The elements of a vector at computed places."""
    return to.op(
        movement.GatherOp,
        [table, places],
        TensorType(element_of(table), shape_of(places)),
        axis=integer(0),
        batch_dims=integer(0),
    )


def largest(to: Lowering, scores: SSAValue) -> SSAValue:
    """Where the largest score of each row is, [N]."""
    rows = shape_of(scores)[0]
    kind = TensorType(i32, [rows, 1])
    return to.reshape(to.op(reduction.ArgMaxOp, [scores], kind, axis=integer(1)), [rows])
