"""Kernel functions of support vector machines."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from xdsl.ir import SSAValue

from nnc.dialects.nn import binary, functions
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import add, function, mul, scalar
from nnc.passes.onnx.lowering import Lowering, Node
from nnc.passes.onnx.ml_distances import squared_distances
from nnc.passes.onnx.ml_linear import dense

_LARGEST_PRODUCT = 8
"""The largest degree of a polynomial that is multiplied out."""


@dataclass(frozen=True)
class Kernel:
    """A kernel function with its parameters (libsvm's names)."""

    name: str
    gamma: float
    coef0: float
    degree: float

    @staticmethod
    def of(node: Node) -> Kernel:
        """The kernel that a node names. Raises `UnsupportedError`."""
        name = node.string("kernel_type", "LINEAR")
        if name not in ("LINEAR", "POLY", "RBF", "SIGMOID"):
            raise UnsupportedError(f"expected a kernel LINEAR, POLY, RBF or SIGMOID, got {name}")
        parameters = node.floats("kernel_params") or [0.0, 0.0, 0.0]
        if len(parameters) != 3 or not all(map(isfinite, parameters)):
            raise UnsupportedError(f"expected 3 finite kernel_params, got {parameters}")
        return Kernel(name, *parameters)

    def of_rows(self, to: Lowering, rows: SSAValue, vectors: SSAValue) -> SSAValue:
        """The kernel of each row, [N, D], and each vector, [V, D]: [N, V]."""
        if self.name == "LINEAR":
            return dense(to, rows, vectors, None)
        if self.name == "RBF":
            distance = squared_distances(to, rows, vectors)
            return function(
                to, functions.ExpOp, mul(to, distance, scalar(to, -self.gamma, distance))
            )
        product = dense(to, rows, vectors, None)
        inner = mul(to, product, scalar(to, self.gamma, product))
        if self.coef0:
            inner = add(to, inner, scalar(to, self.coef0, product))
        if self.name == "SIGMOID":
            return function(to, functions.TanhOp, inner)
        return _power(to, inner, self.degree)


def _power(to: Lowering, value: SSAValue, degree: float) -> SSAValue:
    """A tensor to a known power."""
    if degree != int(degree) or not 1 <= degree <= _LARGEST_PRODUCT:
        return to.op(binary.PowOp, [value, scalar(to, degree, value)], value.type)
    result, factor, rest = None, value, int(degree)
    while rest:
        if rest % 2:
            result = factor if result is None else mul(to, result, factor)
        rest //= 2
        factor = mul(to, factor, factor) if rest else factor
    assert result is not None
    return result
