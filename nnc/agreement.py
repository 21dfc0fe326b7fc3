"""
How far a tensor is from what it should be, and whether that counts as agreement.

Integers agree when they are equal, or within the units that a contract leaves open. Floats agree
when they differ by at most 1e-5 of the largest magnitude in the reference tensor, and when NaN and
infinities are in the same places.

Results of a sigmoid or softmax are probabilities, for which the largest says little about the
others. What such a function is of has a natural unit: a change by d turns a probability p into one
that differs by 2 p (1 - p) d at most, the slope of the function. So beside the bound of all floats
there is another one: what arguments that agree to 1e-5 units allow, and 1e-6 for the rounding of
the function itself. It is 1e-6 for probabilities near 0 and 1, and 6e-6 for 1/2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnc.dialects.types import Array

RELATIVE = 1e-5
ABSOLUTE = 1e-6
ABSOLUTE_OPS = ("logistic", "sigmoid", "softmax")
"""Layers whose results lie between 0 and 1 whatever their inputs are."""


STORED = (1e-3, 1e-7)
"""
How far outputs may be from those that come with a model's samples, relative and absolute: as in
ONNX's own tests of whole models. Other machines and programs computed them, through all layers.
"""


@dataclass
class Agreement:
    """
    A tensor compared over all samples so far; see `add`. Integers may differ by so many `units`.
    What is `stored` was computed elsewhere.

    Errors of quantised tensors count in stored units. `l2r` is the Euclidean norm of the error by
    that of the reference, `cosine` that of the angle between both; for a quantised tensor they are
    those of the real values, as a scale does not change them.
    """

    absolute: bool = False
    units: int = 0
    stored: bool = False
    elements: int = 0
    mismatches: int = 0
    max_error: float = 0.0
    _squared: float = 0.0
    _summed: float = 0.0
    _product: float = 0.0
    _norms: tuple[float, float] = (0.0, 0.0)

    def add(self, actual: Array, expected: Array, zero_point: int = 0) -> None:
        """Compares one sample: both arrays of as many elements, and of the same kind of type."""
        assert actual.size == expected.size, "tensors of different sizes"
        if self.stored and actual.dtype.kind == "f":
            wrong = ~np.isclose(actual.ravel(), expected.ravel(), *STORED, equal_nan=True)
        else:
            wrong = disagreements(actual.ravel(), expected.ravel(), self.absolute, self.units)
        self.mismatches += int(np.count_nonzero(wrong))
        a = actual.astype(np.float64).ravel() - zero_point
        b = expected.astype(np.float64).ravel() - zero_point
        finite = np.isfinite(a) & np.isfinite(b)
        a, b = a[finite], b[finite]
        error = np.abs(a - b)
        self.elements += actual.size
        self.max_error = max(self.max_error, float(error.max(initial=0.0)))
        self._squared += float(error @ error)
        self._summed += float(error.sum())
        self._product += float(a @ b)
        self._norms = (self._norms[0] + float(a @ a), self._norms[1] + float(b @ b))

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return math.sqrt(self._squared / max(1, self.elements))

    @property
    def mae(self) -> float:
        """The mean absolute error."""
        return self._summed / max(1, self.elements)

    @property
    def l2r(self) -> float | None:
        """The error's norm by the reference's; None where the reference is all zeros."""
        if self._norms[1] == 0:
            return 0.0 if self._squared == 0 else None
        return math.sqrt(self._squared / self._norms[1])

    @property
    def cosine(self) -> float | None:
        """The cosine of the angle between both; None where one is all zeros and the other not."""
        if self._squared == 0:
            return 1.0
        scale = math.sqrt(self._norms[0]) * math.sqrt(self._norms[1])
        return self._product / scale if scale else None


def disagreements(
    actual: Array, expected: Array, absolute: bool, units: int = 0
) -> npt.NDArray[np.bool_]:
    """
    Which elements do not agree, of two arrays of one shape and kind of type.

    `absolute` is for results of `ABSOLUTE_OPS`, that lie between 0 and 1; `units` is by how much
    integers may differ.
    """
    if units and actual.dtype.kind in "iu":
        return np.asarray(np.abs(actual.astype(np.int64) - expected.astype(np.int64)) > units)
    if actual.dtype.kind != "f":
        return np.asarray(actual != expected)
    a, b = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(b)
    limit = np.asarray(RELATIVE * float(np.abs(b[finite]).max(initial=0.0)))
    if absolute:
        chance = np.where(finite, np.clip(b, 0, 1), 0)
        limit = np.minimum(limit, ABSOLUTE + 2 * RELATIVE * chance * (1 - chance))
    with np.errstate(invalid="ignore"):
        close = np.where(finite, np.abs(a - b) <= limit, (a == b) | (np.isnan(a) & np.isnan(b)))
    return ~close
