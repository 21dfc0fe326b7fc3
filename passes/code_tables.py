"""
Elementwise ops run on every value that their input can have.

A quantised tensor of 8 or 16 bits has few stored values, so what a chain of elementwise ops does to
each of them can be computed, and two chains can be proven equal by comparing all their results.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.nn.algebra import NumpyScalar
from nnc.dialects.nn.base import ElementwiseOp, NumpyElements
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, numpy_dtype, quantization_of, scalar_type


def codes(kind: UniformQuantizedType) -> Array:
    """Every stored value of a type, from the smallest on."""
    return np.arange(kind.storage_min, kind.storage_max + 1).astype(numpy_dtype(kind))


def uniform(value: SSAValue) -> Array | None:
    """The value that all elements of a constant have, as an array of one element; None if none."""
    if not isinstance(value.owner, ConstantOp) or value.owner.is_elided:
        return None
    values = value.owner.values.reshape(-1)
    return values[:1] if (values == values[0]).all() else None


def is_short(value: SSAValue) -> bool:
    """Whether a tensor is quantised as a whole, to at most 16 bits."""
    kind = quantization_of(value)
    return kind is not None and kind.axis is None and kind.storage.width.data <= 16


def has_one_scale(value: SSAValue) -> bool:
    """Whether a tensor is not quantised along an axis, so that its elements are all alike."""
    kind = quantization_of(value)
    return kind is None or kind.axis is None


def elements_of(op: ElementwiseOp, known: Mapping[SSAValue, Array]) -> Array:
    """
    The results, as stored, of an elementwise op whose operands are constants or have `known` stored
    values, all in one row.
    """
    arrays = [known[v] if v in known else _constant(v) for v in op.operands]
    scalars = [
        NumpyScalar(_shared(array, operand), scalar_type(element_of(operand)))
        for array, operand in zip(arrays, op.operands, strict=True)
    ]
    result = op.body(NumpyElements(op, arrays), *scalars).array
    dtype = numpy_dtype(element_of(op.results[0]))
    stored = result.view(dtype) if result.dtype.itemsize == dtype.itemsize else result
    rows = max((array.size for array in known.values()), default=1)
    return np.array(np.broadcast_to(stored.astype(dtype, copy=False), (rows,)))


def _constant(value: SSAValue) -> Array:
    assert isinstance(value.owner, ConstantOp), "an operand is neither known nor constant"
    return value.owner.values


def _shared(array: Array, operand: SSAValue) -> Array:
    """A constant as the one value that all its elements have, where they do."""
    one = uniform(operand)
    return array if one is None else one
