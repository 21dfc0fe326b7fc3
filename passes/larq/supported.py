"""Which operators of Larq models are supported, as a table for people: `nnc ops` prints it."""

from __future__ import annotations

from dataclasses import dataclass

from nnc.dialects.larq.lce import LCE_OPS
from nnc.passes.larq import LAYER_REWRITES

_LCE_TYPES = {
    "LceQuantize": ("f32", "i8", "i1"),
    "LceDequantize": ("f32", "i8", "i1"),
    "LceBconv2d": ("bin", "f32", "i8"),
    "LceBMaxPool2d": ("bin",),
}


@dataclass(frozen=True)
class Supported:
    """An operator or a layer, and the types of its activations."""

    operator: str
    types: tuple[str, ...]


def supported(name: str) -> list[Supported]:
    """What models of the format `name` may have of Larq: `keras` its layers, `tflite` LCE's."""
    if name == "tflite":
        return [Supported(op.CODE, _LCE_TYPES[op.CODE]) for op in LCE_OPS]
    layers = sorted(kind.layer() for kind in LAYER_REWRITES)
    return [Supported(layer, ("f32",)) for layer in layers] if name == "keras" else []
