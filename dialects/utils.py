"""Attributes that more than one dialect uses."""

from __future__ import annotations

from xdsl.utils.str_enum import StrEnum


class Rounding(StrEnum):
    """
    How a fixed-point requantisation rounds; the formulas are those of the TFLite reference kernels.

    `double` is gemmlowp's doubling high multiplication followed by a rounding shift, `single` one
    rounding of the 64-bit product, `mb64` the 16-bit multiplier on a 64-bit accumulator, `f64` a
    product in double precision rounded half away from zero, `f32` a product in float32 rounded to
    the nearest integer, ties to even (ONNX Runtime's `MlasRequantizeOutput`).
    """

    DOUBLE = "double"
    SINGLE = "single"
    MB64 = "mb64"
    F64 = "f64"
    F32 = "f32"
