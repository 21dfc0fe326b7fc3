"""How the integer layers round: what a numeric contract says of each family of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.utils import Rounding

Numerics: TypeAlias = Literal["onnx", "onnx-exact", "tflm"]
"""Whose arithmetic the layers have: that of fixed point, ONNX Runtime's, or TFLite Micro's."""


@dataclass(frozen=True)
class Contract:
    """
    `layers` is how convolutions, dense layers and matrix products round, `sums` how sums and
    products do, `means` how means do. `ties_even` says what becomes of a real bound half-way
    between two stored values. With `micro`, functions have TensorFlow Lite Micro's arithmetic.
    """

    layers: RoundingAttr
    sums: RoundingAttr
    means: RoundingAttr
    ties_even: bool
    micro: bool

    @property
    def is_exact(self) -> bool:
        """Whether results are those of ONNX Runtime's float arithmetic."""
        return self.layers.data is Rounding.F32

    def of_layer(self, bits: int) -> RoundingAttr:
        """How a layer with activations of so many bits rounds: those of 16 sum up in 64 bits."""
        return self.layers if bits == 8 or self.is_exact else RoundingAttr(Rounding.MB64)


def _contract(
    layers: Rounding, means: Rounding, *, ties_even: bool = True, micro: bool = False
) -> Contract:
    once = RoundingAttr(layers)
    return Contract(once, once, RoundingAttr(means), ties_even, micro)


CONTRACTS: dict[Numerics, Contract] = {
    "onnx": _contract(Rounding.DOUBLE, Rounding.SINGLE),
    "onnx-exact": _contract(Rounding.F32, Rounding.F32),
    "tflm": _contract(Rounding.DOUBLE, Rounding.DOUBLE, ties_even=False, micro=True),
}
"""The contracts by their names."""
